# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps and their side files in the layout of Debian's kdump-tools.

kdump-config, kdump_save_core(): below the dump directory each crash has a directory named for the
time of the dump, with the host's name or address before it when the directory is a remote one.

    /var/crash/202611220951/dump.202611220951         by makedumpfile
    /var/crash/202611220951/dump-incomplete           the same while it is written
    /var/crash/202611220951/dump.202611220951.gz      with KDUMP_COMPRESSION=gzip
    /var/crash/202611220951/vmcore.202611220951       by cp, if makedumpfile failed
    /var/crash/202611220951/vmcore-incomplete         the same while it is written
    /var/crash/202611220951/dmesg.202611220951        the kernel's log
    /var/crash/db01-202611220951/...                  by nfs and ssh

Files with other names are never taken for dumps.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

_CRASH_DIRECTORY = re.compile(r"(?:.+-)?(\d{12})")
_STAMPED_FILE = re.compile(r"(?:dump|vmcore)\.(\d{12})(?:\.\w+)?")
_EXTENSIONS = ("", ".gz", ".bz2", ".lz4", ".xz")

# The report of the reset helper and what it stores with it.
_REPORTS = {
    "pcie_reset": "pcie-reset.json",
    "capture": "capture.json",
    "capture_dmesg": "capture-dmesg.txt",
}


class Dump(t.NamedTuple):
    """A file that by its place and name is a dump, whatever is in it."""

    path: Path
    changed: float  # when it or its directory last changed, seconds since the epoch


def find(directory: Path) -> list[Dump]:
    """The dumps below a dump directory, or in the directory of one crash; the newest is last.

    Raise KdumpError if the directory cannot be read.
    """
    try:
        candidates = [directory, *(entry for entry in directory.iterdir() if entry.is_dir())]
        dumps = [dump for candidate in candidates for dump in _dumps_in(candidate)]
    except OSError as exc:
        raise KdumpError(f"{exc.filename} cannot be searched for dumps: {exc.strerror}.") from exc
    return sorted(dumps, key=lambda dump: (dump.path.stat().st_mtime, dump.path))


def dumps_at(path: Path, since: float | None = None) -> list[Path]:
    """The dumps in a directory that changed since then, the newest last; or the one file.

    Raise KdumpError if the path does not exist or cannot be read.
    """
    try:
        is_directory = path.is_dir()
        path.stat()
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
    if not is_directory:
        return [path]
    return [dump.path for dump in find(path) if since is None or dump.changed >= since]


def side_files(dump: Path) -> dict[str, str | None]:
    """The paths of what lies beside a dump: dmesg, pcie_reset, capture, capture_dmesg."""
    stamp = _STAMPED_FILE.fullmatch(dump.name) or _CRASH_DIRECTORY.fullmatch(dump.parent.name)
    names = {"dmesg": f"dmesg.{stamp.group(1)}" if stamp else None, **_REPORTS}
    paths = {key: dump.parent / name if name else None for key, name in names.items()}
    return {key: str(path) if path and path.is_file() else None for key, path in paths.items()}


def _dumps_in(directory: Path) -> t.Iterator[Dump]:
    crash = _CRASH_DIRECTORY.fullmatch(directory.name)
    if not crash:
        return
    names = {
        *(f"{name}{extension}" for name in _with_stamp("dump", crash) for extension in _EXTENSIONS),
        *_with_stamp("vmcore", crash),
    }
    changed = directory.stat().st_mtime
    for path in directory.iterdir():
        if path.name in names and path.is_file():
            yield Dump(path, max(changed, path.stat().st_mtime))


def _with_stamp(name: str, crash: re.Match[str]) -> tuple[str, str]:
    return f"{name}.{crash.group(1)}", f"{name}-incomplete"


__all__ = ("Dump", "dumps_at", "find", "side_files")
