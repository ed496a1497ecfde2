#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vmcore_info
short_description: Find crash dumps and verify them
version_added: 0.1.0
description:
  - Finds the dumps that kdump left on a host, and says of each whether it is whole, readable, and of the
    crash that is expected.
  - A dump's name proves nothing. The kdump-tools of Debian give a dump its final name even if
    C(makedumpfile) failed halfway. So this module reads the dump itself. It follows its structure to the
    last byte, decompresses pages, and reads the log of the crashed kernel out of the crashed kernel's
    memory.
  - It needs no other tool and no debug information on the host, and changes nothing. Only a dump that was
    compressed as a whole is unpacked while it is looked at, into a file without a name beside it.
  - A bad dump is a result and not a failure. The module fails only if there is nothing that it could read.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  platform:
    platforms: linux
options:
  path:
    description:
      - A directory with dumps in the layout of kdump-tools (Debian, Ubuntu), kdump-utils (Fedora, RHEL) or
        SUSE's kdump, the directory of one crash in it, or a dump file with any name.
      - If it is not given, it is the directory in which the kdump of the host saves its dumps.
    type: path
  run_id:
    description:
      - The identifier of a crash test that the kernel's log must have.
      - It must be the last one in the log. A test that was armed and did not crash leaves its identifier to
        the next crash of the same boot.
    type: str
  host:
    description:
      - The host name that the crashed kernel must have, as C(uname -n) prints it.
    type: str
  kernel:
    description:
      - The release that the crashed kernel must have, as C(uname -r) prints it.
    type: str
  since:
    description:
      - The kernel must not have crashed before this time, in seconds since the epoch by the clock of the
        host.
      - Dumps in a directory that were last changed before it are left out.
    type: float
  until:
    description:
      - The kernel must not have crashed after this time, in seconds since the epoch by the clock of the
        host.
    type: float
  build_id:
    description:
      - The build id that the crashed kernel must have, in hexadecimal. C(/sys/kernel/notes) has it.
    type: str
  cpus:
    description:
      - How many CPUs the host had. More cannot have left their state in the dump; fewer can.
    type: int
  memory:
    description:
      - How much memory the host had, in bytes, as C(MemTotal) of C(/proc/meminfo) or
        C(ansible_facts.platform.memory_bytes) says. The dump must be of a host with about that much.
      - A balloon (virtio_balloon, Hyper-V, VMware, Xen) takes from C(MemTotal), and not from what is dumped. Of such
        a guest it is what C(System RAM) in C(/proc/iomem) adds up to, without C(Crash kernel).
    type: int
  boot_id:
    description:
      - The boot id of the boot that crashed, C(/proc/sys/kernel/random/boot_id) of that time.
      - Kernels since Linux 6.0 say where it is in their memory. So it tells which crash a dump is of also if the
        log does not have O(run_id) any more, because it was written over.
    type: str
    version_added: 0.3.0
  full:
    description:
      - Read and decompress every page instead of about 2000 all over the dump.
      - This takes a few seconds for each 100 MB and CPU. Every tenth of it is noted in the host's journal.
    type: bool
    default: false
  processes:
    description:
      - In how many processes to read every page. If it is not given, it is one for each CPU.
    type: int
  deep:
    description:
      - Add what C(makedumpfile), C(crash) and C(drgn) say, if they are installed on the host and read the
        format. C(crash) needs the debug information of the crashed kernel as well.
      - What one of them cannot read makes its check V(unverified).
    type: bool
    default: false
  symbolize:
    description:
      - Return the call trace of the crash with the file and line of each function, by C(drgn).
      - It takes C(drgn) and the debug information of exactly the crashed kernel, which production hosts rarely have. So
        run the module where these are and the dump can be read, the dump server or the controller.
      - Without one of them, RV(dumps[].symbolized.detail) says what lacks. The verdict does not depend on it.
    type: bool
    default: false
    version_added: 0.3.0
  vmlinux:
    description:
      - The crashed kernel with its debug information, for O(symbolize).
      - If it is not given, it is looked for below C(/usr/lib/debug), where the packages of distributions put it.
    type: path
    version_added: 0.3.0
  log:
    description:
      - Return the text of the crashed kernel's log.
    type: bool
    default: false
  reports:
    description:
      - Return what the reset helper reported, and when the capture kernel did what.
    type: bool
    default: false
notes:
  - Dumps of x86_64, aarch64, s390x and ppc64le kernels since Linux 3.5 can be verified that are in the
    kdump-compressed format of C(makedumpfile), versions 3 to 6, with any of its compressors, or ELF core files;
    flattened, split or as a whole compressed with gzip, bzip2, xz, zstd or lz4. For all others the verdict is
    V(unsupported).
  - Pages that are compressed with zstd need C(libzstd.so.1) or Python 3.14 on the host.
  - An ELF core file and pages that are not compressed have no checksum. What can be seen of damage, and what
    cannot, is in C(docs/how/vmcore-verification.md) of the collection.
  - Dumps can usually be read by root only.
seealso:
  - module: vmcore.kdump.crash_test
"""

EXAMPLES = r"""
---
- name: Look at all dumps of the host
  vmcore.kdump.vmcore_info:
  register: dumps

- name: Say what they are
  ansible.builtin.debug:
    msg: "{{ dumps.dumps | map(attribute='why') }}"

- name: Verify every page of a dump and show how the kernel crashed
  vmcore.kdump.vmcore_info:
    path: /var/crash/202611220951/dump.202611220951
    full: true
  register: dump

- name: Show files and lines of the crash on the dump server, which has drgn and the debug information
  vmcore.kdump.vmcore_info:
    path: /srv/dumps/db01-202611220951/dump.202611220951
    symbolize: true
    vmlinux: /srv/debug/vmlinux-6.12.107+deb13-amd64
  delegate_to: dumps01

- name: Require a whole dump of this kernel from the last hour
  vmcore.kdump.vmcore_info:
    kernel: 6.12.107+deb13-amd64
    since: "{{ ansible_facts.date_time.epoch | int - 3600 }}"
  register: dumps
  failed_when: dumps.verdict != 'complete'
"""

RETURN = r"""
path:
  description: The directory or file that was looked at.
  returned: success
  type: str
  sample: /var/crash
verdict:
  description: The verdict on the newest dump, or V(absent) if there is none.
  returned: success
  type: str
  sample: complete
dumps:
  description: Every dump that was found. The one of the newest crash is last.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /var/crash/202611220951/dump.202611220951
    directory:
      description: The directory that it is in.
      type: str
      sample: /var/crash/202611220951
    parts:
      description: All files of a split dump, or the one file.
      type: list
      elements: path
      sample:
        - /var/crash/202611220951/dump.202611220951
    size:
      description: Its size in bytes; that of all parts.
      type: int
      sample: 121438696
    mtime:
      description: When it was last changed, in seconds since the epoch.
      type: float
      sample: 1795341146.25
    format:
      description: What it is.
      type: str
      sample: flattened kdump-compressed v6 (zlib)
    verdict:
      description:
        - V(complete) means that all checks are C(ok). It is whole, could be read, and is of the expected crash.
        - V(incomplete) means that it stops early.
        - V(damaged) means that its content contradicts itself.
        - V(not_this_crash) means that it is whole, but not of the crash that is expected.
        - V(unsupported) means that nothing wrong was found, but not all of it could be verified.
      type: str
      sample: complete
    why:
      description: What led to the verdict, in one sentence.
      type: str
      sample: >-
        The dump is whole to its last byte, 2049 of its 164669 pages were read, its kernel log of 728
        lines was read, and it is of the expected crash (run_id, host).
    checks:
      description: Every single check, in the order in which they were made.
      type: list
      elements: dict
      contains:
        name:
          description:
            - What was looked at.
            - The content is V(wrapper) for a dump that is compressed as a whole, V(stream) for a flattened one,
              V(format), V(header), V(parts) for a split one, V(finished), V(bitmaps), V(descriptors),
              V(segments), V(pages), V(vmcoreinfo), V(cpus_stopped), V(utsname) and V(kernel_log), V(ram_map) and
              V(kernel_memory) (what a debugger cannot be without). Those that an
              earlier one made impossible, and those that the format does not have, are missing.
            - The file's name is V(name), and what is written beside it V(side_files).
            - What was expected is V(run_id), V(host), V(kernel), V(crash_time), V(build_id), V(boot_id), V(cpus) and
              V(memory).
            - What other programs say is V(makedumpfile), V(crash) and V(drgn).
          type: str
          sample: stream
        status:
          description: V(ok), V(failed), V(unverified) for what could not be looked at, or V(noted) for what the
            crashed kernel left in its memory and is not as it should be, in a file that is.
          type: str
          sample: ok
        detail:
          description: What was seen, in one sentence.
          type: str
          sample: 3761 records and the end record fill the stream to byte 121438696.
    crash:
      description: What the dump says about the crash. What could not be read is V(null).
      type: dict
      contains:
        nodename:
          description: Name of the host.
          type: str
          sample: db01
        release:
          description: Release of the crashed kernel.
          type: str
          sample: 6.12.107+deb13-amd64
        version:
          description: Version of the crashed kernel.
          type: str
          sample: "#1 SMP PREEMPT_DYNAMIC Debian 6.12.107-1 (2026-08-29)"
        machine:
          description: Machine of the crashed kernel.
          type: str
          sample: x86_64
        cpus:
          description: Number of CPUs whose state is in the dump.
          type: int
          sample: 8
        build_id:
          description: Build id of the crashed kernel.
          type: str
          sample: 9c54a8e41141472ef75c7d0bef45c721ad398682
        crash_time:
          description: When the kernel crashed, in seconds since the epoch.
          type: int
          sample: 1795341073
        boot_id:
          description: Boot id of the boot that crashed.
          type: str
          sample: 9a0b1c2d-0000-4000-8000-000000000000
        reason:
          description: Why it crashed, in the kernel's words. If a fault ended in the panic, that fault.
          type: str
          sample: sysrq triggered crash
        trace:
          description: The functions of the call trace, the innermost first, without offsets and what compilers add.
          type: list
          elements: str
          sample: [panic, sysrq_handle_crash, __handle_sysrq]
        signature:
          description:
            - A hash of the kind of crash and of the innermost functions that tell something. Crashes of one cause have
              the same one. V(null) without a crash in the log.
          type: str
          sample: 3f9a2c1d7b60e845
        summary:
          description: Reason, CPU, task and functions in one sentence.
          type: str
          sample: "The kernel panicked on CPU 0 in sh: sysrq triggered crash (in proc_reg_write)"
        panic:
          description: The line of the kernel's log that says why it crashed.
          type: str
          sample: "Kernel panic - not syncing: sysrq triggered crash"
        cpu:
          description: The CPU that crashed.
          type: int
          sample: 0
        task:
          description: What ran on it.
          type: str
          sample: sh
        last_lines:
          description: The last lines of the kernel's log.
          type: list
          elements: str
          sample:
            - "[  173.466241] [    T572]  </TASK>"
        run_ids:
          description: Identifiers of the crash tests that are in the kernel's log, in its order.
          type: list
          elements: str
          sample:
            - 6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e
    pages:
      description: Pages of memory.
      type: dict
      contains:
        dumped:
          description: How many are in the dump.
          type: int
          sample: 164669
        sampled:
          description: How many of them were read and decompressed to verify them.
          type: int
          sample: 2049
        ram:
          description: How many the host had, without those of the capture kernel.
          type: int
          sample: 196308
    log_lines:
      description: How many lines the crashed kernel's log has. It is 0 if the log could not be read.
      type: int
      sample: 728
    files:
      description: Files beside the dump that belong to it, V(null) for each that does not exist.
      type: dict
      contains:
        dmesg:
          description: The crashed kernel's log as kdump saved it.
          type: str
          sample: /var/crash/202611220951/dmesg.202611220951
        pcie_reset:
          description: What the reset helper did in the capture kernel.
          type: str
          sample: /var/crash/202611220951/pcie-reset.json
        capture:
          description: When the capture kernel ran.
          type: str
          sample: /var/crash/202611220951/capture.json
        capture_dmesg:
          description: The log of the capture kernel.
          type: str
          sample: /var/crash/202611220951/capture-dmesg.txt
        kexec_dmesg:
          description: The log of the capture kernel as kdump-utils saved it.
          type: str
          sample: /var/crash/127.0.0.1-2026-11-22-09:51:13/kexec-dmesg.log
        readme:
          description: What SUSE's kdump says about the dump.
          type: str
          sample: /var/crash/2026-11-22-09-51/README.txt
        creation_status:
          description: What C(kdumpctl test) says about the dump.
          type: str
          sample: /var/crash/kdump-test-1795341073-1/vmcore-creation.status
    symbolized:
      description: The call trace of the CPU that crashed, as the debug information names it.
      returned: O(symbolize) is V(true)
      type: dict
      contains:
        detail:
          description: What was found, or what lacks, in one sentence.
          type: str
          sample: drgn names the file and line of 13 of 14 functions of the trace.
        vmlinux:
          description: The debug information that was used, V(null) if there is none.
          type: str
          sample: /usr/lib/debug/boot/vmlinux-6.12.107+deb13-amd64
        frames:
          description: The functions, the innermost first; V(null) if it could not be found.
          type: list
          elements: dict
          contains:
            function:
              description: Its name.
              type: str
              sample: sysrq_handle_crash
            inlined:
              description: Whether the compiler put it into the function that called it.
              type: bool
              sample: false
            file:
              description: The file of the kernel's source, V(null) if it is not known.
              type: str
              sample: drivers/tty/sysrq.c
            line:
              description: The line in it.
              type: int
              sample: 154
    log:
      description: The crashed kernel's log, as far as it could be read.
      returned: O(log) is V(true)
      type: str
      sample: |
        [    0.000000] Linux version 6.12.107+deb13-amd64
        [  173.464000] sysrq: Trigger a crash
        [  173.465123] Kernel panic - not syncing: sysrq triggered crash
    reports:
      description: What lies beside the dump as JSON. A report that does not exist, or is not whole, is V(null).
      returned: O(reports) is V(true)
      type: dict
      contains:
        pcie_reset:
          description: What the reset helper did in the capture kernel.
          type: dict
        capture:
          description: When the capture kernel ran, in seconds since the epoch.
          type: dict
          sample: {"boot_id": "9a0b1c2d-0000-4000-8000-000000000000", "boot_epoch": 1795341080.2}
"""

import sys
import typing as t
from functools import partial
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import detect
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import (
    dumps_at,
    side_reports,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Check
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.symbolize import symbolize
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.tools import tool_checks
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import available

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")
EXPECTED = ("run_id", "host", "kernel", "since", "until", "build_id", "cpus", "memory", "boot_id")


class Progress:
    """Notes every tenth of a long verification in the journal of the host."""

    def __init__(self, module: AnsibleModule, dump: Path) -> None:
        self._module = module
        self._dump = dump
        self._tenths = 0

    def __call__(self, done: int, total: int) -> None:
        tenths = done * 10 // max(total, 1)
        if tenths > self._tenths:
            self._tenths = tenths
            self._module.log(f"{self._dump}: {tenths * 10} % verified")


def dump_directory(root: Path) -> Path:
    """Return the directory in which the kdump of this host saves its dumps."""
    family = detect(root)
    if family is None:
        raise KdumpError(
            "No kdump is installed on this host; give the path of a directory with dumps."
        )
    return Path(family.dump_directory(root))


def look_with_tools(
    module: AnsibleModule, path: Path, release: str | None, form: str
) -> list[Check]:
    """What the programs of this host say of a dump."""
    return tool_checks(path, release, form, runner(module), module.get_bin_path, sys.executable)


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """Find and verify what the parameters of the module ask for."""
    params = module.params
    path = Path(params["path"]) if params["path"] else dump_directory(ROOT)
    expect = Expectation(**{name: params[name] for name in EXPECTED})
    dumps = [
        verify(
            dump,
            expect,
            how=How(params["full"], params["processes"] or available(), Progress(module, dump)),
            log=params["log"],
            deep=partial(look_with_tools, module) if params["deep"] else None,
        )
        for dump in dumps_at(path, expect.since)
    ]
    if params["symbolize"]:
        run, which = runner(module), module.get_bin_path
        dumps = [
            {**dump, "symbolized": symbolize(dump, params["vmlinux"], run, which, sys.executable)}
            for dump in dumps
        ]
    if params["reports"]:
        dumps = [{**dump, "reports": side_reports(dump["files"])} for dump in dumps]
    return {
        "path": str(path),
        "dumps": dumps,
        "verdict": dumps[-1]["verdict"] if dumps else "absent",
    }


def main() -> None:
    run_module(
        look,
        argument_spec={
            "path": {"type": "path"},
            "run_id": {"type": "str"},
            "host": {"type": "str"},
            "kernel": {"type": "str"},
            "since": {"type": "float"},
            "until": {"type": "float"},
            "build_id": {"type": "str"},
            "cpus": {"type": "int"},
            "memory": {"type": "int"},
            "boot_id": {"type": "str"},
            "full": {"type": "bool", "default": False},
            "processes": {"type": "int"},
            "deep": {"type": "bool", "default": False},
            "symbolize": {"type": "bool", "default": False},
            "vmlinux": {"type": "path"},
            "log": {"type": "bool", "default": False},
            "reports": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
