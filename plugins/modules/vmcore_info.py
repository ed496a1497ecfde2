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
  - It needs no other tool and no debug information on the host, and changes nothing.
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
      - A directory with dumps in the layout of Debian's kdump-tools, the directory of one crash in it, or
        a dump file with any name.
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
  full:
    description:
      - Decompress every page instead of about 2000 that are evenly spread over the dump.
      - This reads the whole dump, and takes a few seconds for each 100 MB.
    type: bool
    default: false
  log:
    description:
      - Return the text of the crashed kernel's log.
    type: bool
    default: false
notes:
  - Dumps in the kdump-compressed format of C(makedumpfile), flattened or not, of x86_64 kernels since Linux
    5.10 can be verified. Their pages can be compressed with zlib or not at all. For all others the
    verdict is V(unsupported).
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
  description: Every dump that was found. The newest is last.
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
    size:
      description: Its size in bytes.
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
        The dump is whole to its last byte, 2049 of its 164669 pages were decompressed, its kernel log of 728
        lines was read, and it is of the expected crash (run_id, host).
    checks:
      description: Every single check, in the order in which they were made.
      type: list
      elements: dict
      contains:
        name:
          description:
            - What was looked at.
            - The content is V(stream) for a flattened dump, V(format), V(header), V(finished), V(bitmaps),
              V(descriptors), V(pages), V(vmcoreinfo) and V(kernel_log). Those that an earlier one made
              impossible are missing.
            - The file's name is V(name).
            - What was expected is V(run_id), V(host), V(kernel) and V(crash_time).
          type: str
          sample: stream
        status:
          description: V(ok), V(failed), or V(unverified) for what could not be looked at.
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
        crash_time:
          description: When the kernel crashed, in seconds since the epoch.
          type: int
          sample: 1795341073
        panic:
          description: The line of the kernel's log that says why it crashed.
          type: str
          sample: "Kernel panic - not syncing: sysrq triggered crash"
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
          description: How many of them were decompressed to verify them.
          type: int
          sample: 2049
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
    log:
      description: The crashed kernel's log, as far as it could be read.
      returned: O(log) is V(true)
      type: str
      sample: |
        [    0.000000] Linux version 6.12.107+deb13-amd64
        [  173.464000] sysrq: Trigger a crash
        [  173.465123] Kernel panic - not syncing: sysrq triggered crash
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families import detect
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import dumps_at
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify

ROOT = Path("/")
EXPECTED = ("run_id", "host", "kernel", "since", "until")


def dump_directory(root: Path) -> Path:
    """Return the directory in which the kdump of this host saves its dumps."""
    family = detect(root)
    if family is None:
        raise KdumpError(
            "No kdump is installed on this host; give the path of a directory with dumps."
        )
    return Path(family.dump_directory(root))


def look(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Find and verify what the parameters of the module ask for."""
    path = Path(params["path"]) if params["path"] else dump_directory(ROOT)
    expect = Expectation(**{name: params[name] for name in EXPECTED})
    dumps = [
        verify(dump, expect, full=params["full"], log=params["log"])
        for dump in dumps_at(path, expect.since)
    ]
    return {
        "path": str(path),
        "dumps": dumps,
        "verdict": dumps[-1]["verdict"] if dumps else "absent",
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "run_id": {"type": "str"},
            "host": {"type": "str"},
            "kernel": {"type": "str"},
            "since": {"type": "float"},
            "until": {"type": "float"},
            "full": {"type": "bool", "default": False},
            "log": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**look(module.params))
    except KdumpError as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
