# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Single reads below a root directory, for sysfs, procfs and configuration files.

Every function answers None (or nothing) for a file that is missing or unreadable: attributes come
and go with kernel versions and devices, and a fact that cannot be read is null, not an error.
"""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import Path, PurePosixPath

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator

# fs/namei.c MAXSYMLINKS
_MAX_LINKS = 40


def inside(root: Path, path: PurePosixPath | str) -> Path:
    """Return where the absolute C(path) of the host lies below C(root)."""
    return root / str(path).lstrip("/")


def read_bytes(path: Path, limit: int = -1) -> bytes | None:
    """Return the first C(limit) bytes of a file in one unbuffered read (-1: the whole file)."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(limit)
    except OSError:
        return None


def read_text(path: Path) -> str | None:
    """Return the content of a text file without surrounding white space."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", errors="replace").strip()


def read_int(path: Path) -> int | None:
    """Return the decimal number in a file."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def exists(path: Path) -> bool:
    """Say whether a path leads to something. Unlike Path.exists() it takes no privilege to ask."""
    return _stat(path) is not None


def is_file(path: Path) -> bool:
    """Say whether a path leads to a regular file."""
    state = _stat(path)
    return state is not None and stat.S_ISREG(state.st_mode)


def is_directory(path: Path) -> bool:
    """Say whether a path leads to a directory."""
    state = _stat(path)
    return state is not None and stat.S_ISDIR(state.st_mode)


def modified(path: Path) -> int | None:
    """Return when the content of a file changed last, in nanoseconds since the epoch."""
    state = _stat(path)
    return None if state is None else state.st_mtime_ns


def link_name(path: Path) -> str | None:
    """Return the last component of what a symbolic link points to: sysfs relates things so."""
    try:
        return path.readlink().name
    except OSError:
        return None


def names(directory: Path) -> list[str]:
    """Return the names in a directory, sorted."""
    return sorted(_scan(directory))


def resolve(root: Path, path: PurePosixPath) -> PurePosixPath | None:
    """Follow the links of a host's C(path) without leaving C(root); None when it leads nowhere.

    Only the last component is followed: a link like /var/lib/kdump/initrd.img is absolute, and
    following it with the operating system would leave a captured tree.
    """
    for _hop in range(_MAX_LINKS):
        here = inside(root, path)
        try:
            target = here.readlink()
        except OSError:  # it is no link
            return path if exists(here) else None
        path = PurePosixPath(os.path.normpath(path.parent / target))
    return None


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _scan(directory: Path) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            yield from (entry.name for entry in entries)
    except OSError:
        return


__all__ = (
    "exists",
    "inside",
    "is_directory",
    "is_file",
    "link_name",
    "modified",
    "names",
    "read_bytes",
    "read_int",
    "read_text",
    "resolve",
)
