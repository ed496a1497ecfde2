# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The files of the readiness timer on a host, as they have to be. Reads, never writes."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.watch import STATE, TIMER
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_directory,
    read_bytes,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

LIBRARY = PurePosixPath("/usr/local/lib/vmcore-kdump")
PROGRAM = LIBRARY / "readiness.pyz"
CHECK = LIBRARY / "check_kdump"
METRICS = "vmcore_kdump_host.prom"
# Where Debian's prometheus-node-exporter looks.
TEXTFILES = PurePosixPath("/var/lib/prometheus/node-exporter")
_UNITS = PurePosixPath("/etc/systemd/system")
SERVICE = "vmcore-kdump-readiness.service"
PATH = "vmcore-kdump-readiness.path"
# What is enabled: each starts the service.
TRIGGERS = (TIMER, PATH)
# Removed when nothing else is in them.
DIRECTORIES = (LIBRARY, STATE.parent)

# Whatever the distribution: its kernels lie in /lib/modules, and their images in /boot.
_PATH = f"""\
# Written by vmcore.kdump: a kernel was installed or removed.
[Unit]
Description=Watch for kernels that no crash test has proven

[Path]
PathChanged=/lib/modules
PathChanged=/boot
Unit={SERVICE}

[Install]
WantedBy=paths.target
"""
_TIMER = f"""\
# Written by vmcore.kdump.
[Unit]
Description=Check every day whether this host can take a crash dump

[Timer]
OnBootSec=1min
OnCalendar=daily
RandomizedDelaySec=2min
Unit={SERVICE}

[Install]
WantedBy=timers.target
"""
# Updates write many files: the service may be started again and again.
_SERVICE = """\
# Written by vmcore.kdump.
[Unit]
Description=Check whether this host can take a crash dump
ConditionPathExists=!/proc/vmcore
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={python} -I {program}{textfiles}
Nice=19
IOSchedulingClass=idle
TimeoutStartSec=5min
"""


class File(t.NamedTuple):
    """A file on the host."""

    path: PurePosixPath
    content: bytes
    mode: int


class Change(t.NamedTuple):
    """What differs: C(after) is None for a file that is to be removed."""

    path: PurePosixPath
    before: bytes | None
    after: bytes | None
    mode: int


def wanted(program: bytes, check: str, python: str, textfiles: PurePosixPath | None) -> list[File]:
    """Return the files that the timer consists of."""
    argument = f" {textfiles}" if textfiles else ""
    service = _SERVICE.format(python=python, program=PROGRAM, textfiles=argument)
    return [
        File(PROGRAM, program, 0o644),
        File(CHECK, f"#!{python}\n{check}".encode(), 0o755),
        File(_UNITS / SERVICE, service.encode(), 0o644),
        File(_UNITS / TIMER, _TIMER.encode(), 0o644),
        File(_UNITS / PATH, _PATH.encode(), 0o644),
    ]


def changes(root: Path, files: list[File]) -> list[Change]:
    """Return what has to be written, also where only the permissions differ."""
    found = []
    for file in files:
        before = read_bytes(inside(root, file.path), 1 << 24)
        mode = inside(root, file.path).stat().st_mode & 0o777 if before is not None else None
        if (before, mode) != (file.content, file.mode):
            found.append(Change(file.path, before, file.content, file.mode))
    return found


def removals(root: Path, textfiles: PurePosixPath | None) -> list[Change]:
    """Return what the timer consists of and left behind, as far as it is there."""
    paths = [PROGRAM, CHECK, *(_UNITS / name for name in (SERVICE, TIMER, PATH)), STATE]
    if textfiles:
        paths.append(textfiles / METRICS)
    contents = ((path, read_bytes(inside(root, path), 1 << 24)) for path in paths)
    return [Change(path, before, None, 0) for path, before in contents if before is not None]


def textfile_directory(root: Path, named: str | None) -> PurePosixPath | None:
    """Return where metrics go: the directory that was named, or that of node_exporter's package if it is installed."""
    if named is not None:
        return PurePosixPath(named) if named else None
    return TEXTFILES if is_directory(inside(root, TEXTFILES)) else None


__all__ = (
    "CHECK",
    "DIRECTORIES",
    "METRICS",
    "PATH",
    "PROGRAM",
    "SERVICE",
    "TRIGGERS",
    "Change",
    "File",
    "changes",
    "removals",
    "textfile_directory",
    "wanted",
)
