# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What host this is: its name, its size and what its firmware says about the machine. No serial numbers."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_text

if t.TYPE_CHECKING:
    from pathlib import Path

_DMI = (
    "sys_vendor",
    "product_name",
    "product_family",
    "board_vendor",
    "board_name",
    "bios_version",
)

# /proc/meminfo, first line:    MemTotal:         726368 kB
_MEM_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)


def platform_facts(root: Path) -> dict[str, t.Any]:
    """Return the C(platform) facts of M(vmcore.kdump.platform_facts)."""
    memory = _MEM_TOTAL.search(read_text(root / "proc/meminfo") or "")
    return {
        "hostname": read_text(root / "proc/sys/kernel/hostname"),
        # Since Linux 6.1 (kernel/utsname_sysctl.c).
        "architecture": read_text(root / "proc/sys/kernel/arch"),
        "memory_bytes": int(memory[1]) * 1024 if memory else None,
        "cpus": _count(read_text(root / "sys/devices/system/cpu/online") or ""),
        "dmi": {key: read_text(root / "sys/class/dmi/id" / key) or None for key in _DMI},
    }


def _count(ranges: str) -> int | None:
    """Count what a kernel list of ranges holds: 0-3,8 is 5."""
    found = re.findall(r"(\d+)(?:-(\d+))?", ranges)
    return sum(int(last or first) - int(first) + 1 for first, last in found) or None


__all__ = ("platform_facts",)
