#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crashkernel
short_description: Reserve memory for the capture kernel
version_added: 0.2.0
description:
  - Recommends how much memory a host should reserve for its capture kernel, and says why.
  - Sets the kernel argument C(crashkernel=) with the distribution's own tool, reads back what will be booted next, and
    says whether that takes a reboot. It never reboots.
  - On Debian and Ubuntu it writes C(/etc/default/grub.d/zz-vmcore-kdump.cfg), which counts instead of the file of the
    package kdump-tools, and runs C(update-grub).
  - On Fedora, Red Hat Enterprise Linux and what is made of it, it runs C(kdumpctl reset-crashkernel) where that
    reserves what is recommended, and C(grubby) elsewhere, for all kernels.
  - On images of OSTree it runs C(rpm-ostree kargs).
  - On SUSE it sets C(KDUMP_CRASHKERNEL) in C(/etc/sysconfig/kdump) and runs C(kdumptool commandline -u), with GRUB as
    well as with entries of the Boot Loader Specification (C(grub2-bls), C(systemd-boot)). The value in that file counts
    as configured, because C(kdump-commandline.service) puts it back at boot.
  - Other bootloaders are refused, and so is a host that booted a unified kernel image.
  - When a step fails, or the next boot would not have what was set, the previous configuration is put back.
options:
  size:
    description:
      - V(auto) reserves what is recommended. It changes nothing when as much or more is configured already.
      - Otherwise the value of C(crashkernel=) as the kernel reads it, which is a size, ranges of memory with a size
        each, or a size with V(,high). A size with V(,high) and one with V(,low) are separated by a blank.
      - Beside any of them there may be one with V(,cma), which Linux 6.17 and later take. The running kernel goes on
        using that memory, and the module warns. A device that still does DMA when the capture kernel starts can
        write to it.
      - More than half of the host's memory is refused.
      - Ignored if O(state=absent).
    type: str
    default: auto
  state:
    description:
      - V(present) sets O(size).
      - V(absent) takes back what this module sets. On Debian and Ubuntu the value of the package kdump-tools counts
        again, for as long as that is installed. Elsewhere no C(crashkernel=) is left.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - What is recommended is the largest of what the distribution's tool asks for, a table by memory and architecture,
    what the kernel, its modules and the kdump initramfs take, and more than was reserved when the last crash test ran
    out of memory. C(docs/reference/readiness.md) of this collection has the figures. Run this module after the kdump
    initramfs was built.
  - Only a crash shows whether a size is enough, see M(vmcore.kdump.crash_test).
  - kdump-utils sets its own default again with the next kernel, unless C(/etc/kdump.conf) has C(auto_reset_crashkernel
    no). RV(reset_by_updates) tells when that is missing, and the role P(vmcore.kdump.kdump#role) adds it then.
author:
  - vmcore.kdump authors (@vmcore-kdump)
seealso:
  - module: vmcore.kdump.platform_facts
"""

EXAMPLES = r"""
---
- name: Reserve what is recommended
  vmcore.kdump.crashkernel:
  register: reservation

- name: Reboot where that is needed
  ansible.builtin.reboot:
  when: reservation.reboot_required

- name: Reserve a given size
  vmcore.kdump.crashkernel:
    size: 512M

- name: Reserve by the memory of the host
  vmcore.kdump.crashkernel:
    size: 2G-64G:256M,64G-:512M

- name: Reserve above 4 GiB, and as much below as devices with 32 bit addresses need
  vmcore.kdump.crashkernel:
    size: 1G,high 128M,low

- name: Take it back
  vmcore.kdump.crashkernel:
    state: absent
"""

RETURN = r"""
bootloader:
  description: What sets the command line of the next boot.
  returned: success
  type: str
  sample: GRUB with update-grub
recommended_bytes:
  description: How much should be reserved. It is V(null) if the memory of the host is not known.
  returned: success
  type: int
  sample: 268435456
recommended_why:
  description: How that comes about, in sentences.
  returned: success
  type: list
  elements: str
  sample:
    - A host of 4 GiB with the architecture x86_64 begins with 256 MiB.
    - >-
      Counted, it takes 169 MiB: 48 for the kernel, 15 for the modules that are loaded now, 3 times 14 for the kdump
      initramfs, 64 for programs.
    - /etc/default/grub.d/kdump-tools.cfg asks for 192 MiB.
reserved_bytes:
  description: How much the running kernel reserved.
  returned: success
  type: int
  sample: 201326592
configured:
  description:
    - The values of C(crashkernel=) on the command line of the kernel that is booted next, read back from the
      bootloader.
    - In check mode, what they would be.
  returned: success
  type: list
  elements: str
  sample: [256M]
reset_by_updates:
  description: Whether the next kernel, or the next update of kdump-utils, sets another value than RV(configured).
  returned: success
  type: bool
  sample: false
reboot_required:
  description: Whether what is configured counts only after a reboot.
  returned: success
  type: bool
  sample: true
why:
  description: Why a reboot is required, or why not.
  returned: success
  type: str
  sample: 192 MiB are reserved; crashkernel=256M counts from the next boot.
"""

import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import STATE
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Bootloader,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    MIB,
    lent,
    needs,
    system_memory,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    bootloader_of,
    detect,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.reservation import (
    ReservationState,
    converge,
    examine,
    reboot,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner, writer
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_int

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")


def make_host(module: AnsibleModule) -> BootHost:
    """Return this host, with commands and files going through the module."""

    return BootHost(ROOT, system_memory(ROOT), runner(module), writer(module))


def make_diff(bootloader: Bootloader, state: ReservationState) -> list[dict[str, str]]:
    """Return the diff of the file that is edited, and of what is booted next."""
    edit = state.edit
    if edit is None:
        return []
    diff = []
    if edit.path is not None and edit.content != state.before:
        diff.append(_diff(str(edit.path), *map(_text, (state.before, edit.content))))
    if state.wanted:
        header = f"kernel command line ({bootloader.name})"
        diff.append(_diff(header, _line(state.present[0]), _line(state.wanted)))
    return diff


def _diff(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace")


def _line(words: list[str]) -> str:
    return "".join(f"crashkernel={word}\n" for word in words)


def ensure(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the task asks for and return the module's result."""
    host, bootloader = make_host(module), bootloader_of(ROOT)
    family = detect(ROOT)
    image = family.image(ROOT, os.uname().release) if family else None
    size = module.params["size"].strip() if module.params["state"] == "present" else ""
    if module.params["state"] == "present" and not size:
        raise KdumpError("The size is empty: leave it out for what is recommended.")
    state = examine(host, bootloader, needs(ROOT, image, STATE), size)
    result: dict[str, t.Any] = {"changed": state.edit is not None}
    if module._diff:
        result["diff"] = make_diff(bootloader, state)
    if state.edit is None:
        configured = state.present[0]
    elif module.check_mode:
        configured = state.wanted
    else:
        configured = converge(host, bootloader, state, size)
    required, why = reboot(host, configured)
    if lent(configured):
        module.warn(
            f"{lent(configured) // MIB} MiB of what is reserved (,cma) are memory that the running kernel uses until it"
            " crashes: a device that still does DMA then can overwrite the capture kernel there."
        )
    return {
        **result,
        "bootloader": bootloader.name,
        "recommended_bytes": state.recommended,
        "recommended_why": state.why,
        "reserved_bytes": read_int(ROOT / "sys/kernel/kexec_crash_size") or 0,
        "configured": configured,
        "reset_by_updates": bootloader.reset_by_updates(host, configured, state.default),
        "reboot_required": required,
        "why": why,
    }


def main() -> None:
    run_module(
        ensure,
        argument_spec={
            "size": {"type": "str", "default": "auto"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        only_root_can="set crashkernel=",
    )


if __name__ == "__main__":
    main()
