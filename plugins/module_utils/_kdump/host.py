# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is the same for kdump on every distribution: the kernel's state, the helper, the problems' words."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import parse_plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_directory,
    is_file,
    names,
    read_int,
    read_text,
)

HELPER = PurePosixPath("/usr/local/lib/pcie-reset/pcie-reset")
PLAN = PurePosixPath("/etc/pcie-reset/plan")

_UNITS = "/etc/systemd/system"

# What keeps a host from taking a dump, and what to do about it.
PROBLEMS: dict[str, str] = {
    "is_capture_kernel": "This is the capture kernel (/proc/vmcore exists): wait until the dump is saved"
    " and the host has booted its normal kernel.",
    "no_family": "No kdump service that this collection knows is installed: install kdump-tools.",
    "no_reservation": "No memory is reserved for a capture kernel: add crashkernel= to the kernel command line"
    " and reboot.",
    "no_image": "The kdump initramfs {image} does not exist: run '{rebuild}', then '{rearm}'.",
    "not_armed": "No capture kernel is loaded: look at 'systemctl status {service}', then run '{rearm}'.",
    "image_not_loaded": "The capture kernel was loaded with another initramfs than the present {image}:"
    " run '{rearm}'.",
    "dump_directory_missing": "The dump directory {directory} does not exist: create it or mount it.",
}


def problem(code: str, **words: str) -> dict[str, str]:
    """Return C({"code", "message"}) of a problem."""
    return {"code": code, "message": PROBLEMS[code].format(**words)}


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
        "target": {"type": None, "path": None, "free_bytes": None},
        "helper": {"installed": False, "digest": None},
        # fs/proc/vmcore.c creates it only in a kernel that was booted with elfcorehdr=.
        "is_capture_kernel": exists(root / "proc/vmcore"),
        "problems": [],
    }


def service_enabled(root: Path, service: str) -> bool | None:
    """Say whether a systemd unit is enabled: a target wants or requires it. None without systemd."""
    units = inside(root, _UNITS)
    if not is_directory(units):
        return None
    directories = (name for name in names(units) if name.endswith((".wants", ".requires")))
    return any(os.path.lexists(units / directory / service) for directory in directories)


def free_bytes(root: Path, directory: PurePosixPath) -> int | None:
    """Return what root may still write to C(directory), or to its nearest parent that exists."""
    for path in (directory, *directory.parents):
        try:
            state = os.statvfs(inside(root, path))
        except OSError:
            continue
        return state.f_bfree * state.f_frsize
    return None


def helper_state(root: Path, hook: PurePosixPath) -> dict[str, t.Any]:
    """Return C({"installed", "digest"}): helper and hook exist, and the digest of their plan."""
    try:
        digest = parse_plan_text(read_text(inside(root, PLAN)) or "")["digest"]
    except KdumpError:
        digest = None
    return {
        "installed": all(is_file(inside(root, path)) for path in (HELPER, hook)),
        "digest": digest,
    }


__all__ = (
    "HELPER",
    "PLAN",
    "PROBLEMS",
    "base_facts",
    "free_bytes",
    "helper_state",
    "problem",
    "service_enabled",
)
