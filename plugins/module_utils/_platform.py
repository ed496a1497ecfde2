# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What host this is: its name, its size and what its firmware says about the machine. No serial numbers."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import (
    ConsoleFacts,
    Dmi,
    Platform,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_bytes, read_text

if t.TYPE_CHECKING:
    from pathlib import Path

# How a release ends where distributions name the architecture in it: 5.14.0-503.el9.x86_64,
# 6.12.107+deb13-amd64, 6.12.107+deb13-cloud-arm64.
_RELEASE_ARCHITECTURES = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}

# /proc/meminfo, first line:    MemTotal:         726368 kB
_MEM_TOTAL = re.compile(r"^MemTotal:\s+([0-9]{1,18}) kB$", re.MULTILINE)

NOTE_NO_ARCHITECTURE = (
    "The architecture is not known: /proc/sys/kernel/arch is missing, and the kernel's release does"
    " not name it."
)

_SPCR_SEGMENT = 75

# An item of a kernel list of ranges.
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


def platform_facts(root: Path) -> Platform:
    """Return the C(platform) facts of M(vmcore.kdump.platform_facts)."""
    memory = _MEM_TOTAL.search(read_text(root / "proc/meminfo") or "")
    return {
        "hostname": read_text(root / "proc/sys/kernel/hostname"),
        "architecture": architecture(root),
        "memory_bytes": int(memory[1]) * 1024 if memory else None,
        "cpus": _count(read_text(root / "sys/devices/system/cpu/online") or ""),
        "console": _console(root),
        "dmi": t.cast(
            "Dmi",
            {
                key: read_text(root / "sys/class/dmi/id" / key) or None
                for key in Dmi.__annotations__
            },
        ),
        "notes": [] if architecture(root) else [NOTE_NO_ARCHITECTURE],
    }


def _console(root: Path) -> ConsoleFacts | None:
    """Return the serial port that firmware says is its console: C({"source": "SPCR", "function": address|None}).

    Microsoft's Serial Port Console Redirection Table: PCI Device ID at 64 (all ones: no PCI device), Vendor ID at 66,
    bus, device and function at 68, 69 and 70, segment at 75.
    """
    table = read_bytes(root / "sys/firmware/acpi/tables/SPCR", 4096) or b""
    if len(table) <= _SPCR_SEGMENT or not table.startswith(b"SPCR"):
        return None
    bus, device, function = table[68:71]
    is_pci = table[64:66] != b"\xff\xff" and device < 32 and function < 8
    address = f"{table[_SPCR_SEGMENT]:04x}:{bus:02x}:{device:02x}.{function}"
    return {"source": "SPCR", "function": address if is_pci else None}


def architecture(root: Path) -> str | None:
    """Return the kernel's name for the architecture, as C(uname -m)."""
    # Since Linux 6.1 (kernel/utsname_sysctl.c).
    told = read_text(root / "proc/sys/kernel/arch")
    if told:
        return told
    release = read_text(root / "proc/sys/kernel/osrelease") or ""
    return _RELEASE_ARCHITECTURES.get(re.split(r"[.-]", release)[-1])


def _count(ranges: str) -> int | None:
    """Count what a kernel list of ranges holds: 0-3,8 is 5."""
    count = 0
    for item in ranges.split(","):
        found = _RANGE.fullmatch(item)
        if found is None:
            return None
        count += int(found[2] or found[1]) - int(found[1]) + 1
    return count


__all__ = ("architecture", "platform_facts")
