# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where a host keeps what a crash left behind: files beside the dump, pstore, the journal."""

from __future__ import annotations

import itertools
import os
import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import read_end
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.pstore import (
    JOINED,
    RecordFile,
    is_record,
    joined,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.pstore import EFI_VARIABLES, STORE
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import is_file, read_bytes

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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
# fs/pstore/inode.c; the variables themselves, which are there although the running kernel's efi_pstore is off; and
# systemd-pstore, which moves records and joins them, in up to two levels of directories.
_PSTORE = ((STORE, 0), (EFI_VARIABLES, 0), ("var/lib/systemd/pstore", 2))
# A panic leaves some ten UEFI variables, an oops before it as many.
_MAX_RECORDS = 128
_DAY = 86_400
_MAX_COLLECTED = 10_000
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


def record_names(root: Path) -> list[str]:
    """What is known of crash records: taken before a crash, it tells later which are new.

    systemd-pstore moves records at a boot, and gives them the time of that.
    """
    return sorted({record.identity for record, _changed in _records(root, read=False)})


def pstore_logs(root: Path, since: float, before: Iterable[str] | None = None) -> list[Log]:
    """The crash records that kernels left to firmware after a time (seconds since the epoch), the oldest first.

    With a capture kernel loaded, the kernel that crashes leaves one only with crash_kexec_post_notifiers: that there is
    none means nothing. One of the capture kernel is worth the most.

    Args:
        root: of the host.
        since: when the crash was prepared.
        before: what record_names() said then; without it, when a file was written counts.
    """
    known = None if before is None else frozenset(before)
    found = [
        record
        for record, changed in _records(root)
        if (changed >= since if known is None else _is_new(record, since, known))
    ]
    return [{"source": "pstore", "text": each.text, "name": each.name} for each in joined(found)]


def _is_new(record: RecordFile, since: float, known: frozenset[str]) -> bool:
    """Whether it was not there before. What nobody saw, and is much older, was in a store that was not looked at."""
    is_old = record.written is not None and record.written < since - _DAY
    return record.identity not in known and not is_old


def _records(root: Path, *, read: bool = True) -> list[tuple[RecordFile, float]]:
    """The files with crash records, and when each was written, the newest last; a limited number."""
    paths = (path for directory, levels in _PSTORE for path in _below(root / directory, levels))
    return _among(paths, read)


def records_below(directory: Path) -> list[RecordFile]:
    """The crash records that somebody collected below a directory, in the layouts of pstore and of systemd-pstore."""
    return [record for record, _changed in _among(_below(directory, 3), read=True)]


def _among(found: Iterable[Path], read: bool) -> list[tuple[RecordFile, float]]:
    paths = list(itertools.islice(found, _MAX_COLLECTED))
    parts = [path for path in paths if is_record(path.name)]
    # What was joined has the parts beside it, unless somebody removed them; the parts have names that tell of them.
    beside = {path.parent for path in parts}
    parts += [path for path in paths if path.name == JOINED and path.parent not in beside]
    times = {path: status.st_mtime for path in parts if (status := _status(path)) is not None}
    newest = sorted(times, key=lambda path: times[path])[-_MAX_RECORDS:]
    return [
        (RecordFile(str(path), (read_bytes(path, _MAX_LOG) or b"") if read else b""), times[path])
        for path in newest
    ]


def _below(directory: Path, levels: int) -> Iterator[Path]:
    """The regular files of a directory and of some levels of directories in it. Links are not followed."""
    try:
        entries = sorted(directory.iterdir())[:_MAX_FILES]
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        if levels and entry.is_dir():
            yield from _below(entry, levels - 1)
        elif is_file(entry):
            yield entry


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


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


__all__ = (
    "journal_logs", "left_files", "listing", "pstore_logs", "record_names",
    "records_below", "side_logs",
)  # fmt: skip
