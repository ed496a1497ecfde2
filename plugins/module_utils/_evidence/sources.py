# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where a host keeps what a crash left behind: files beside the dump, pstore, the journal."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import read_end
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Run = Callable[[list[str]], tuple[int, str]]

Log = dict[str, str]

# What lies beside a dump, by the reset helper and by the families' tools.
_SIDE_FILES = (
    (re.compile(r"capture-dmesg\.txt"), "capture_dmesg"),
    (re.compile(r"quiesce-dmesg\.txt"), "quiesce_dmesg"),
    *(
        (re.compile(re.escape(file.name)), file.log)
        for each in traces()
        for file in each.side_files
    ),
    *(
        (re.compile(re.escape(name).replace(r"\{stamp\}", each.layout.stamp or "")), "dmesg")
        for each in traces()
        for name in each.layout.dmesg
    ),
)
_NO_LEFTOVERS = frozenset(name for each in traces() for name in each.own_files)
_MAX_FILES = 1000
_MAX_LOG = 512 << 10
# fs/pstore/inode.c, and systemd-pstore, which moves records (one directory a crash) and joins them.
_PSTORE = ("sys/fs/pstore", "var/lib/systemd/pstore")
_MAX_RECORDS = 32
_JOURNAL_LINES = 20_000


def listing(dump_directory: Path) -> dict[str, float]:
    """The files below a dump directory, two levels deep, and when each was last written.

    Taken before a crash, it tells later what is new, without trusting the capture kernel's clock.
    """
    return {name: path.stat().st_mtime for name, path in _files(dump_directory)}


def left_files(dump_directory: Path, before: Mapping[str, float]) -> list[dict[str, t.Any]]:
    """What lies in a dump directory: C([{"name", "size", "new"}]), the newest last.

    Args:
        dump_directory: the directory.
        before: what listing() said before the crash.
    """
    found = []
    for name, path in _files(dump_directory):
        status = path.stat()
        new = before.get(name) != status.st_mtime
        found.append((status.st_mtime, {"name": name, "size": status.st_size, "new": new}))
    return [file for _changed, file in sorted(found, key=lambda item: (item[0], item[1]["name"]))]


def side_logs(dump_directory: Path, files: list[dict[str, t.Any]]) -> list[Log]:
    """The logs among the new files that left_files() found."""
    logs = []
    for file in files:
        source = next(
            (kind for regex, kind in _SIDE_FILES if regex.fullmatch(Path(file["name"]).name)), None
        )
        if source is not None and file["new"]:
            logs.extend(_read(source, dump_directory / file["name"]))
    return logs


def pstore_logs(root: Path, since: float) -> list[Log]:
    """The records of crashes that firmware kept, written after a time (seconds since the epoch).

    With a capture kernel loaded a panic leaves one only with crash_kexec_post_notifiers: that there
    is none means nothing. One of the capture kernel is worth the most.
    """
    found: list[Path] = []
    for directory in _PSTORE:
        found.extend(path for _name, path in _files(root / directory))
    records = [
        path for path in found if path.stat().st_mtime >= since and not path.name.endswith(".enc.z")
    ]
    records.sort(key=lambda path: path.stat().st_mtime)
    return [log for path in records[-_MAX_RECORDS:] for log in _read("pstore", path)]


def journal_logs(run: Run, since: float) -> list[Log]:
    """The journal since a time, of all boots that wrote one: one log, none if it cannot be read.

    Args:
        run: runs a command and returns its exit code and its output.
        since: seconds since the epoch.
    """
    code, output = run(
        [
            "journalctl", "--no-pager", "--quiet", "--output=short-precise",
            f"--since=@{int(since)}", f"--lines={_JOURNAL_LINES}",
        ]
    )  # fmt: skip
    return [] if code else [{"source": "journal", "text": output, "name": "journal"}]


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """The regular files of a directory and of the directories in it."""
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return
    count = 0
    for entry in entries:
        try:
            inner = (
                sorted(entry.iterdir()) if entry.is_dir() and not entry.is_symlink() else [entry]
            )
        except OSError:
            continue
        for path in inner:
            if count < _MAX_FILES and path.name not in _NO_LEFTOVERS and path.is_file():
                count += 1
                yield str(path.relative_to(directory)), path


def _read(source: str, path: Path) -> list[Log]:
    try:
        return [{"source": source, "text": read_end(path, _MAX_LOG), "name": str(path)}]
    except KdumpError:
        return []


__all__ = ("journal_logs", "left_files", "listing", "pstore_logs", "side_logs")
