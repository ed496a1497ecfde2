# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is the same for kdump on every distribution: the kernel's state, the helper, the problems' words."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import HELPER, PLAN
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import parse_plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import mount_of, mounted
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.pstore import pstore_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_directory,
    is_file,
    link_name,
    names,
    read_int,
    read_text,
    space_left,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping

_UNITS = "/etc/systemd/system"

_WATCHDOGS = "sys/class/watchdog"
# How long a watchdog is looked at that nobody opened: a timer changes within a second, iTCO's counts in steps of 0.6.
_LOOKS, _BETWEEN_LOOKS = 7, 0.2
_DEVICES = "sys/bus/pci/devices"

# What makes the kernel panic by its own decision: Documentation/admin-guide/sysctl/kernel.rst.
PANIC_TRIGGERS = (
    "panic_on_oops",
    "unknown_nmi_panic",
    "panic_on_unrecovered_nmi",
    "panic_on_io_nmi",
    "softlockup_panic",
    "hardlockup_panic",
    "hung_task_panic",
    "panic_on_rcu_stall",
)

# Of /proc/meminfo, what is not dumped at level 31.
_NOT_DUMPED = ("MemFree", "Buffers", "Cached", "SwapCached", "AnonPages")
_KILOBYTES = re.compile(r"[0-9]{1,18}")

# What a plan knows of a function.
_IDENTITY = ("vendor", "device", "class")


def base_facts(root: Path, kernel: str) -> dict[str, t.Any]:
    """Return the kdump facts of a host without a family: what the kernel says, in the full shape.

    kernel/ksysfs.c: kexec_crash_loaded is 1 while a capture kernel is loaded, kexec_crash_size are
    the reserved bytes. A kernel built without kexec has neither file and reserves nothing.
    """
    return {
        "family": None,
        "distribution_family": None,
        "armed": read_int(root / "sys/kernel/kexec_crash_loaded") == 1,
        "crash_size": read_int(root / "sys/kernel/kexec_crash_size") or 0,
        "service": {"name": None, "enabled": None},
        "kernel_release": kernel,
        "image": {"kernel": None, "initramfs": None, "generator": None, "fingerprint": None},
        "command_line": read_text(root / "proc/cmdline") or "",
        "capture_command_line": None,
        "target": {"type": None, "path": None, "free_bytes": None, "functions": None},
        "expected_dump_bytes": expected_dump_bytes(root),
        "helper": {"installed": False, "digest": None, "stale": None, "stage": None},
        "watchdogs": watchdogs(root),
        "panic_triggers": {
            name: read_int(root / "proc/sys/kernel" / name) for name in PANIC_TRIGGERS
        },
        "pstore": pstore_facts(root, kernel),
        # fs/proc/vmcore.c creates it only in a kernel that was booted with elfcorehdr=.
        "is_capture_kernel": exists(root / "proc/vmcore"),
        "recommended_crash_size": None,
        "core_collector": None,
        "problems": [],
        "not_known": [],
    }


def service_enabled(root: Path, service: str) -> bool | None:
    """Say whether a systemd unit is enabled: a target wants or requires it. None without systemd."""
    units = inside(root, _UNITS)
    if not is_directory(units):
        return None
    directories = (name for name in names(units) if name.endswith((".wants", ".requires")))
    return any(os.path.lexists(units / directory / service) for directory in directories)


def free_bytes(root: Path, directory: PurePosixPath) -> int | None:
    """Return what root may still write to C(directory), or to its nearest parent that exists.

    None where looking may hang.
    """
    if may_hang(root, directory):
        return None
    above = (inside(root, path) for path in (directory, *directory.parents))
    nearest = next((path for path in above if exists(path)), None)
    return None if nearest is None else space_left(nearest)


def may_hang(root: Path, directory: PurePosixPath) -> bool:
    """Say whether a directory is on a server: looking at it takes for ever when that does not answer."""
    mount = mount_of(mounted(root) or (), directory)
    return mount is not None and mount.remote


def expected_dump_bytes(root: Path) -> int | None:
    """Return an estimate of a dump at level 31 before compression, None when /proc/meminfo does not tell.

    At that level makedumpfile leaves out free pages, the page cache and what belongs to processes
    (makedumpfile(8), -d). C(makedumpfile --mem-usage /proc/kcore) counts the rest page by page; without
    a command there are the kernel's own sums, a line each: C(MemTotal:         726368 kB)
    """
    sizes = _meminfo(root)
    if not {"MemTotal", *_NOT_DUMPED} <= set(sizes):
        return None
    return max(0, sizes["MemTotal"] - sum(sizes[name] for name in _NOT_DUMPED))


def free_memory(root: Path) -> int | None:
    """Return the bytes that are free and may be full of anything; 0 where the kernel fills them with zeros.

    mm/mm_init.c: C(init_on_free=1) on the command line. None where /proc/meminfo does not tell.
    """
    line = (read_text(root / "proc/cmdline") or "").split()
    if {"init_on_free=1", "init_on_free=on", "init_on_free=y"} & set(line):
        return 0
    return _meminfo(root).get("MemFree")


def _meminfo(root: Path) -> dict[str, int]:
    sizes = {}
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        name, _colon, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and _KILOBYTES.fullmatch(words[0]) and words[1] == "kB":
            sizes[name] = int(words[0]) << 10
    return sizes


def helper_state(root: Path, hook: PurePosixPath) -> dict[str, t.Any]:
    """Return C({"installed", "digest", "stale", "stage"}): helper and hook exist; the digest of their plan.

    C(stage): where the reset is done, which is the initramfs unless the family knows better.
    C(stale): the plan names other functions than the host has now; None without a plan, or without
    the PCI devices of the host.
    """
    try:
        plan = parse_plan_text(read_text(inside(root, PLAN)) or "")
    except KdumpError:
        plan = None
    installed = all(is_file(inside(root, path)) for path in (HELPER, hook))
    return {
        "installed": installed,
        "digest": plan and plan["digest"],
        "stale": plan and _is_stale(root, plan["ports"]),
        "stage": "initramfs" if installed else None,
    }


def helper_codes(helper: Mapping[str, t.Any]) -> list[str]:
    """Return the problems of a helper that is installed."""
    checks = (("plan_missing", helper["digest"] is None), ("plan_stale", helper["stale"]))
    return [code for code, applies in checks if helper["installed"] and applies]


def running_watchdogs(facts: Mapping[str, t.Any]) -> list[str]:
    """Return the watchdogs that are running, each with its driver or what it calls itself, and its time."""
    return [watchdog_name(each) for each in facts["watchdogs"] if each["active"]]


def watchdog_name(watchdog: Mapping[str, t.Any]) -> str:
    """Return how a sentence names a watchdog: C(watchdog0 (iTCO_wdt, 30 s))."""
    seconds = f", {watchdog['timeout']} s" if watchdog.get("timeout") else ""
    return f"{watchdog['name']} ({watchdog['driver'] or watchdog['identity']}{seconds})"


def watchdogs(root: Path) -> list[dict[str, t.Any]]:
    """Return C([{"name", "identity", "driver", "timeout": seconds, "active"}]).

    drivers/watchdog/watchdog_dev.c: state is active or inactive. An active one that nobody feeds
    in the capture kernel resets the host while it dumps.
    """
    directory = root / _WATCHDOGS
    found = []
    for name in names(directory):
        state = read_text(directory / name / "state")
        found.append(
            {
                "name": name,
                "identity": read_text(directory / name / "identity"),
                "driver": link_name(directory / name / "device/driver"),
                "timeout": read_int(directory / name / "timeout"),
                "active": None if state is None else state == "active",
            }
        )
    return found


def fed_by_kernel(
    root: Path, facts: Mapping[str, t.Any], pause: Callable[[float], None]
) -> tuple[list[str], bool]:
    """Return the watchdogs that count although nobody opened them, and whether that is known of all.

    drivers/watchdog/watchdog_dev.c: a timer that the firmware started, or a driver finds running (WDOG_HW_RUNNING), is
    fed by a worker of the kernel until somebody opens the device. Its state stays inactive. What it has left falls:
    timeleft is 27, a second later 26. A timer that is stopped has the same left at each look, and many drivers do not
    say what is left.
    """
    idle = [each["name"] for each in facts["watchdogs"] if not each["active"]]
    first = {name: left for name in idle if (left := _seconds_left(root, name)) is not None}
    counting: list[str] = []
    for _look in range(_LOOKS if first else 0):
        pause(_BETWEEN_LOOKS)
        counting = [name for name in first if _seconds_left(root, name) != first[name]]
        if len(counting) == len(first):
            break
    return counting, len(first) == len(idle)


def _seconds_left(root: Path, watchdog: str) -> int | None:
    return read_int(root / _WATCHDOGS / watchdog / "timeleft")


def _is_stale(root: Path, ports: Iterable[Mapping[str, t.Any]]) -> bool | None:
    """Say whether a port has other functions directly below than the plan says.

    Virtual functions do not count, they are in no plan.
    """
    devices = root / _DEVICES
    if not is_directory(devices):
        return None
    return any(
        sorted(map(_words, port["children"]))
        != sorted(
            (name, *(_identifier(devices / name / key) for key in _IDENTITY))
            for name in names(devices / port["address"])
            if is_address(name) and not exists(devices / name / "physfn")
        )
        for port in ports
    )


def _words(child: Mapping[str, str]) -> tuple[str, ...]:
    return (child["address"], *(child[key] for key in _IDENTITY))


def _identifier(path: Path) -> str:
    """Return an identifier as in a plan: 0x10d3 is 10d3."""
    return (read_text(path) or "").partition("0x")[2].lower()


__all__ = (
    "PANIC_TRIGGERS",
    "base_facts",
    "expected_dump_bytes",
    "fed_by_kernel",
    "free_bytes",
    "free_memory",
    "helper_codes",
    "helper_state",
    "may_hang",
    "running_watchdogs",
    "service_enabled",
    "watchdog_name",
    "watchdogs",
)
