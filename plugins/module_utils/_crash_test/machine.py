# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The machine that a step of a crash test runs on: how commands run there, and what its kernel says of this boot."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.ram import dumped_ram
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import (
    LOAD_UNIT,
    UNIT,
    parse_cpus,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import build_id

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._run import Run

# What systemd has of a crash that is scheduled.
UNITS = (f"{UNIT}.timer", f"{UNIT}.service", f"{LOAD_UNIT}.service")


class Machine(t.NamedTuple):
    """Where a step runs."""

    run: Run
    scratch: Path  # for temporary files
    root: Path = Path("/")


def has_systemd(root: Path) -> bool:
    """Whether systemd runs this host; sd_booted(3)."""
    return (root / "run/systemd/system").is_dir()


def system_state(machine: Machine) -> str:
    """What systemctl is-system-running prints, nothing where systemd does not run the host."""
    if not has_systemd(machine.root):
        return ""
    return machine.run(["systemctl", "is-system-running"])[1].strip().partition("\n")[0]


def scheduled_units(machine: Machine) -> tuple[str, ...]:
    """The units of a crash that is scheduled."""
    if not has_systemd(machine.root):
        return ()
    _status, states = machine.run(["systemctl", "is-active", *UNITS])
    return tuple(
        unit for unit, state in zip(UNITS, states.split()) if state in ("active", "activating")
    )


def uptime(root: Path) -> float:
    """Seconds since the boot. /proc/uptime: C(1234.56 4321.00)"""
    return float((root / "proc/uptime").read_text().split()[0])


def online_cpus(root: Path) -> list[int]:
    """The CPUs that a crash can happen on."""
    return parse_cpus((root / "sys/devices/system/cpu/online").read_text())


def this_boot(root: Path) -> dict[str, t.Any]:
    """The kernel that runs now.

    /proc/stat has the boot's time in seconds since the epoch: C(btime 1763800000)
    """
    stat = (root / "proc/stat").read_text()
    btime = re.search(r"^btime (\d+)$", stat, re.MULTILINE)
    return {
        "boot_id": (root / "proc/sys/kernel/random/boot_id").read_text().strip(),
        "boot_epoch": float(btime[1]) if btime else None,
        "kernel": os.uname().release,
    }


def ram_bytes(root: Path) -> int | None:
    """The memory that a dump of this host covers, None when the kernel does not say.

    MemTotal of /proc/meminfo is no measure of it: a balloon takes from that, and the kernel dumps all the same.
    """
    try:
        return dumped_ram((root / "proc/iomem").read_text())
    except OSError:
        return None


def running_build_id(root: Path) -> str | None:
    """The build id of the kernel that runs now, None when it does not say."""
    try:
        return build_id((root / "sys/kernel/notes").read_bytes())
    except (OSError, KdumpError):
        return None


__all__ = (
    "UNITS",
    "Machine",
    "has_systemd",
    "online_cpus",
    "ram_bytes",
    "running_build_id",
    "scheduled_units",
    "system_state",
    "this_boot",
    "uptime",
)
