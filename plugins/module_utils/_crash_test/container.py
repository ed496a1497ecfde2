# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether what answers is a container: it has a file system and processes of its own, and the kernel of another."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path

# include/linux/proc_ns.h, PROC_PID_INIT_INO = 0xEFFFFFFC: the first namespace of processes, that of the machine itself.
_FIRST_NAMESPACE = "pid:[4026531836]"
# What container managers leave for those inside: systemd(1) the manager's name, Docker and Podman an empty file.
_MARKS = ("run/systemd/container", ".dockerenv", "run/.containerenv")


def container_of(root: Path) -> str | None:
    """Return what says that this is a container, None when nothing does."""
    for mark in _MARKS:
        if (root / mark).exists():
            return f"/{mark}"
    try:
        namespace = str((root / "proc/self/ns/pid").readlink())
    except OSError:  # a kernel without them, or a tree of files
        return None
    return None if namespace == _FIRST_NAMESPACE else f"/proc/self/ns/pid is {namespace}"


__all__ = ("container_of",)
