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
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import mount_of, mounted
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan_file import parse_plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_directory,
    is_file,
    link_name,
    names,
    read_int,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Mapping

HELPER = PurePosixPath("/usr/local/lib/pcie-reset/pcie-reset")
PLAN = PurePosixPath("/etc/pcie-reset/plan")
# Asked by dracut whether it belongs into an image, whenever it builds one.
DRACUT_HOOK = PurePosixPath("/usr/lib/dracut/modules.d/50pcie-reset/module-setup.sh")

_UNITS = "/etc/systemd/system"

# What keeps a host from taking a dump or makes one less likely, and what to do about it.
PROBLEMS: dict[str, str] = {
    "is_capture_kernel": "This is the capture kernel (/proc/vmcore exists): wait until the dump is saved and the host"
    " has booted its normal kernel.",
    "no_family": "No kdump service that this collection knows is installed: install kdump-tools (Debian, Ubuntu),"
    " kdump-utils (Fedora, Red Hat Enterprise Linux) or kdump (SUSE).",
    "no_reservation": "No memory is reserved for a capture kernel: add crashkernel= to the kernel command line"
    " and reboot.",
    "no_image": "The kdump initramfs {image} does not exist: run '{rebuild}', then '{rearm}'.",
    "not_armed": "No capture kernel is loaded: look at 'systemctl status {service}', then run '{rearm}'.",
    "image_not_loaded": "The capture kernel was loaded with another initramfs than the present {image}: run '{rearm}'.",
    "dump_directory_missing": "The dump directory {directory} does not exist: create it or mount it.",
    "dump_space": "{free} MiB are free in {directory}, a dump may take {expected} MiB: make room.",
    "service_disabled": "{service} is not enabled, no capture kernel is loaded after the next boot: run"
    " 'systemctl enable {service}'.",
    "plan_missing": "The reset helper is installed without a plan that it can read: run pcie_reset_helper again.",
    "plan_stale": "The reset plan names other devices than the host has now, their ports would be left alone:"
    " run pcie_reset_helper again.",
    "quiesce_not_loaded": "The capture kernel is loaded without the quiesce stage, and resets devices from its"
    " initramfs instead. {refused}",
    "watchdog_active": "The watchdog {watchdogs} is running and resets the host while it dumps unless the capture"
    " kernel feeds it: put its driver into the kdump initramfs, and give it more time than a dump takes.",
    "kdump_off": "{service} is told to load no capture kernel: set {setting}, then run '{rearm}'.",
    "service_masked": "{unit} is masked and cannot run: run 'systemctl unmask {unit}', then '{rearm}'.",
    "service_failed": "{service} failed ({result}): look at 'systemctl status {service}', mend what it says, then run"
    " '{rearm}'.",
    "reservation_too_small": "{reserved} MiB are reserved, and the kernel and its kdump initramfs alone take {least}"
    " MiB: set crashkernel={recommended}M and reboot.",
    "reservation_small": "{reserved} MiB are reserved, and {recommended} MiB are recommended for this host: a capture"
    " kernel that runs out of memory saves nothing. Set crashkernel={recommended}M and reboot, or prove with a crash"
    " test that it is enough.",
    "image_old": "The kdump initramfs {image} is older than {newer}, which it was built from: run '{rebuild}', then"
    " '{rearm}'.",
    "config_not_loaded": "{config} changed after the capture kernel was loaded, which does not know of it: run"
    " '{rearm}'.",
    "target_full": "{free} MiB are free in {directory}, less than a tenth of the {expected} MiB that a dump may take"
    " before compression: make room.",
    "target_not_mounted": "Dumps go to {directory}, and {missing} is not mounted there: run 'mount {place}'.",
    "target_read_only": "Dumps go to {directory}, and {place} is mounted read-only: look for errors of its file system"
    " in the kernel log, and mount it writable.",
    "target_unreachable": "Dumps go to {target}, which does not answer ({reason}): mend the way there, or choose"
    " another target.",
    "target_needs": "Dumps go to {target}, and {missing} is not there: {cure}.",
    "target_encrypted": "Dumps go to {directory}, which lies on the encrypted device {devices}: the capture kernel"
    " waits for its passphrase. Choose another target, or give the device a key that needs nobody (kdump-utils:"
    " 'kdumpctl setup-crypttab').",
    "iommu_differs": "The capture kernel's command line {differences} compared with the running kernel's: devices that"
    " still run may then fault or write to wrong memory. Give both the same IOMMU arguments.",
    "kernel_unsigned": "The kernel is locked down ({mode}) and loads signed capture kernels only, and {kernel} is not"
    " signed: sign it, or use the distribution's kernel.",
    "kexec_disabled": "No capture kernel can be loaded before the next boot, because kernel.kexec_load_disabled is 1:"
    " reboot, and set it only after {service} has run.",
    "makedumpfile_fails": "makedumpfile cannot read the running kernel ({reason}), every dump would be empty: install a"
    " newer makedumpfile, or {way_out}.",
    "panic_on_oops_off": "kernel.panic_on_oops is 0, an oops kills a process and leaves no dump: set it to 1.",
    "sysrq_off": "kernel.sysrq is 0, a host that hangs cannot be crashed from its console: set it to 8 or more.",
    "post_notifiers": "crash_kexec_post_notifiers is on, other parts of a kernel that is broken run before the capture"
    " kernel starts, and may hang: boot without it.",
    "capture_hangs": "The capture kernel's command line has no panic=, a capture kernel that panics stays there for"
    " ever: append panic=10 to it.",
    "last_test_failed": "The last test of kdumpctl ended with '{status}': look at what it left in the dump directory,"
    " then run 'kdumpctl test' or a crash test.",
    "fadump": "Firmware-assisted dump is on: after a crash the firmware boots the normal initramfs, which the reset"
    " helper is never put into. Boot without fadump= to use it.",
}

# Those that leave a dump possible.
WARNINGS = frozenset(
    {
        "capture_hangs",
        "dump_space",
        "iommu_differs",
        "last_test_failed",
        "panic_on_oops_off",
        "plan_missing",
        "plan_stale",
        "post_notifiers",
        "quiesce_not_loaded",
        "reservation_small",
        "service_disabled",
        "sysrq_off",
        "watchdog_active",
    }
)

_WATCHDOGS = "sys/class/watchdog"
_DEVICES = "sys/bus/pci/devices"

# Of /proc/meminfo, what is not dumped at level 31.
_NOT_DUMPED = ("MemFree", "Buffers", "Cached", "SwapCached", "AnonPages")
_KILOBYTES = re.compile(r"[0-9]{1,18}")

# What a plan knows of a function.
_IDENTITY = ("vendor", "device", "class")


def problem(code: str, **words: str) -> dict[str, str]:
    """Return C({"code", "severity": "error"|"warning", "message"}) of a problem."""
    severity = "warning" if code in WARNINGS else "error"
    return {"code": code, "severity": severity, "message": PROBLEMS[code].format(**words)}


def base_facts(root: Path, kernel: str) -> dict[str, t.Any]:
    """Return the kdump facts of a host without a family: what the kernel says, in the full shape.

    kernel/ksysfs.c: kexec_crash_loaded is 1 while a capture kernel is loaded, kexec_crash_size are
    the reserved bytes. A kernel built without kexec has neither file and reserves nothing.
    """
    return {
        "family": None,
        "armed": read_int(root / "sys/kernel/kexec_crash_loaded") == 1,
        "crash_size": read_int(root / "sys/kernel/kexec_crash_size") or 0,
        "service": {"name": None, "enabled": None},
        "kernel_release": kernel,
        "image": {"kernel": None, "initramfs": None, "generator": None},
        "command_line": read_text(root / "proc/cmdline") or "",
        "capture_command_line": None,
        "target": {"type": None, "path": None, "free_bytes": None, "functions": None},
        "expected_dump_bytes": expected_dump_bytes(root),
        "helper": {"installed": False, "digest": None, "stale": None, "stage": None},
        "watchdogs": watchdogs(root),
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
    for path in (directory, *directory.parents):
        try:
            state = os.statvfs(inside(root, path))
        except OSError:
            continue
        return state.f_bfree * state.f_frsize
    return None


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
    sizes = {}
    for line in (read_text(root / "proc/meminfo") or "").splitlines():
        name, _colon, value = line.partition(":")
        words = value.split()
        if len(words) == 2 and _KILOBYTES.fullmatch(words[0]) and words[1] == "kB":
            sizes[name] = int(words[0]) << 10
    if not {"MemTotal", *_NOT_DUMPED} <= set(sizes):
        return None
    return max(0, sizes["MemTotal"] - sum(sizes[name] for name in _NOT_DUMPED))


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
    return [
        f"{each['name']} ({each['driver'] or each['identity']}"
        + (f", {each['timeout']} s)" if each.get("timeout") else ")")
        for each in facts["watchdogs"]
        if each["active"]
    ]


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
    "DRACUT_HOOK",
    "HELPER",
    "PLAN",
    "PROBLEMS",
    "WARNINGS",
    "base_facts",
    "expected_dump_bytes",
    "free_bytes",
    "helper_codes",
    "helper_state",
    "may_hang",
    "problem",
    "running_watchdogs",
    "service_enabled",
    "watchdogs",
)
