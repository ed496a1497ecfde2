# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Single reads below a root directory, for sysfs, procfs and configuration files.

Every function answers None (or nothing) for a file that is missing or unreadable: attributes come
and go with kernel versions and devices, and a fact that cannot be read is null, not an error. Only
check_root() raises: it looks at what the operator named.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterator

    AnyPath = t.Union[str, Path]

# fs/namei.c MAXSYMLINKS
_MAX_LINKS = 40
# A named pipe in a captured tree must not be waited for.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_CHUNK = 1 << 16
# Nothing that is read here is as large; what claims to be must not fill the memory.
_LIMIT = 1 << 24

# Where systemd's masks point. Nothing is read from there.
_NOTHING = "/dev/null"

_INTEGER = re.compile(r"-?[0-9]{1,20}")


def check_root(root: Path) -> None:
    """Make sure that the root of a host or of a captured tree can be read, and its sys and proc if any.

    Raises KdumpError with one sentence for one that is missing, no directory, or forbidden, and for a captured tree
    with a link to a file of this machine.
    """
    _check_directory("root", root)
    present = [name for name in ("sys", "proc") if exists(root / name)]
    for name in present:
        _check_directory("directory", root / name)
    top = os.path.realpath(root)
    if not present:
        raise KdumpError(
            f"The root {root} has neither sys nor proc, so it is no host's and no captured tree: name the directory in"
            " which a tree was unpacked."
        )
    if top != "/":
        for link, target in _links_out_of(top):
            raise KdumpError(
                f"The tree {root} has the link {link} to {target}, a file of this machine: remove the link, or capture"
                " the tree again."
            )


def _links_out_of(top: str) -> Iterator[tuple[str, str]]:
    """Yield the links of a captured tree that lead to something outside of it, and what.

    Whoever made the tree could otherwise have a file of this machine read, and shown as a fact.
    """
    for directory, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = Path(directory, name)
            if not path.is_symlink():
                continue
            place = os.path.realpath(path)
            outside = place != top and not place.startswith(f"{top}/")
            if outside and place != _NOTHING and os.path.lexists(place):
                yield os.path.relpath(path, top), place


def _check_directory(kind: str, path: Path) -> None:
    fault = _fault(path)
    if fault:
        raise KdumpError(f"The {kind} {path} {fault}.")


def _fault(directory: Path) -> str | None:
    try:
        with os.scandir(directory):
            return None
    except FileNotFoundError:
        return "does not exist: name the directory that has the sys and proc of a host"
    except NotADirectoryError:
        return "is no directory: unpack a captured tree and name the directory that has its sys and proc"
    except PermissionError:
        return "cannot be read by this user: use become, or allow the user to read it"
    except OSError as exc:
        return f"cannot be read: {exc.strerror}"


def inside(root: Path, path: PurePosixPath | str) -> Path:
    """Return where the absolute C(path) of the host lies below C(root)."""
    return root / str(path).lstrip("/")


def read_bytes(path: AnyPath, limit: int = _LIMIT) -> bytes | None:
    """Return the first C(limit) bytes of a regular file, unbuffered."""
    descriptor = _open(path)
    if descriptor is None:
        return None
    try:
        return _read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_window(path: AnyPath) -> Iterator[Callable[[int, int], bytes]]:
    """Offer C(read(offset, size)) on a file: less than C(size), or nothing, where it cannot be read.

    For a configuration space, of which only what is needed may be read: some devices hang when
    registers are read that no capability has.
    """
    descriptor = _open(path)
    if descriptor is None:
        yield _nothing
        return

    def read(offset: int, size: int) -> bytes:
        try:
            return os.pread(descriptor, size, offset)
        except OSError:
            return b""

    try:
        yield read
    finally:
        os.close(descriptor)


def read_text(path: AnyPath) -> str | None:
    """Return the content of a text file, its first 16 MiB, without surrounding white space."""
    content = read_bytes(path)
    return None if content is None else content.decode("utf-8", errors="replace").strip()


def read_int(path: AnyPath) -> int | None:
    """Return the decimal number in a file, of 20 digits at most."""
    number = _INTEGER.fullmatch(read_text(path) or "")
    return int(number[0]) if number else None


def exists(path: AnyPath) -> bool:
    """Say whether a path leads to something. Unlike Path.exists() it takes no privilege to ask."""
    return _stat(path) is not None


def is_file(path: AnyPath) -> bool:
    """Say whether a path leads to a regular file."""
    state = _stat(path)
    return state is not None and stat.S_ISREG(state.st_mode)


def is_directory(path: AnyPath) -> bool:
    """Say whether a path leads to a directory."""
    state = _stat(path)
    return state is not None and stat.S_ISDIR(state.st_mode)


def modified(path: AnyPath) -> int | None:
    """Return when the content of a file changed last, in nanoseconds since the epoch."""
    state = _stat(path)
    return None if state is None else state.st_mtime_ns


def size(path: AnyPath) -> int | None:
    """Return the size of a regular file in bytes."""
    state = _stat(path)
    return state.st_size if state is not None and stat.S_ISREG(state.st_mode) else None


def link_name(path: AnyPath) -> str | None:
    """Return the last component of what a symbolic link points to: sysfs relates things so."""
    target = link_target(path)
    return None if target is None else target.rpartition("/")[2]


def link_target(path: AnyPath) -> str | None:
    """Return what a symbolic link points to, as it is written there."""
    try:
        return str(Path(path).readlink())
    except OSError:
        return None


def names(directory: AnyPath) -> list[str]:
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


def _open(path: AnyPath) -> int | None:
    """Open a regular file, as those of sysfs and procfs are.

    A link in a captured tree may lead to a device of this host: opening some does harm, reading
    others never ends.
    """
    if not is_file(path):
        return None
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:
        return None
    try:
        # It may be another file by now.
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        regular = False
    if not regular:
        os.close(descriptor)
        return None
    return descriptor


def _nothing(_offset: int, _size: int) -> bytes:
    return b""


def _read(descriptor: int, limit: int) -> bytes:
    """Read until C(limit) or the end: an attribute comes in one piece, /proc/interrupts in many."""
    pieces: list[bytes] = []
    while limit > 0:
        piece = os.read(descriptor, min(limit, _CHUNK))
        if not piece:
            break
        pieces.append(piece)
        limit -= len(piece)
    return b"".join(pieces)


def _stat(path: AnyPath) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None


def _scan(directory: AnyPath) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            yield from (entry.name for entry in entries)
    except OSError:
        return


def space_left(path: Path) -> int:
    """Return the bytes that root may still write to the file system of a path. Raises OSError where nothing is.

    statvfs(3): f_bfree has what file systems keep back for root, f_bavail has not. Dumps are written by root.
    """
    state = os.statvfs(path)
    return state.f_bfree * state.f_frsize


__all__ = (
    "check_root",
    "exists",
    "inside",
    "is_directory",
    "is_file",
    "link_name",
    "link_target",
    "modified",
    "names",
    "open_window",
    "read_bytes",
    "read_int",
    "read_text",
    "resolve",
    "size",
    "space_left",
)
