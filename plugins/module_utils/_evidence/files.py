# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Files that somebody collected: logs, packed logs, archives of logs. Nothing is written; what is unpacked is bounded.

Whoever made an archive is not trusted: names in it are never paths, and what it claims to hold is believed to a limit.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import re
import tarfile
import typing as t
import zlib
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import (
    LogReader,
    read_log,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.pstore import (
    RecordFile,
    begins_record,
    joined,
    of_last_crash,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import records_below

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SOURCES = (
    "console", "journal", "pstore", "dmesg", "capture_dmesg", "quiesce_dmesg", "kexec_dmesg", "readme", "status", "sel",
)  # fmt: skip
# What a file is by its name, as far as that tells; anything else is a console.
_BY_NAME = (
    (re.compile(r"capture-dmesg"), "capture_dmesg"),
    (re.compile(r"quiesce-dmesg"), "quiesce_dmesg"),
    (re.compile(r"kexec-dmesg"), "kexec_dmesg"),
    (re.compile(r"^README\.txt$"), "readme"),
    (re.compile(r"vmcore-creation\.status"), "status"),
    (re.compile(r"^dmesg-(?:efi|erst|ramoops|nvram)|^dump-type0-|pstore"), "pstore"),
    (re.compile(r"dmesg"), "dmesg"),
    (re.compile(r"journal"), "journal"),
    (re.compile(r"(?:^|[._-])sel(?:[._-]|$)", re.IGNORECASE), "sel"),
)
_PACKED: tuple[tuple[bytes, t.Callable[[t.BinaryIO], t.Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)
# POSIX.1 ustar, and GNU's.
_MAGIC, _MAGIC_PLACE = b"ustar", 257
_BLOCK = 512
# A dump beside its logs is no log: makedumpfile's two formats, and a core file.
_DUMP = (b"KDUMP   ", b"makedumpfile", b"\x7fELF")
# All that is unpacked; what one header of an archive may take; files of an archive.
_MAX_UNPACKED = 1 << 30
_AT_ONCE = 4 << 20
_MAX_FILES = 1_000
_PIECE = 1 << 20
# A crash record, or a few that were joined; and all of them.
_MAX_RECORD = 1 << 20
_MAX_RECORDS = 32 << 20
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError)


def source_of(name: str, otherwise: str = "console") -> str:
    """Return what a log is, by its name."""
    base = PurePosixPath(name).name
    return next((source for regex, source in _BY_NAME if regex.search(base)), otherwise)


def read_logs(path: Path, source: str | None = None) -> list[LogReader]:
    """Return the logs of a file: one, or those in a tar. Either may be packed with gzip, bzip2 or xz.

    Args:
        path: the file.
        source: what it is; without it, its name tells. In an archive, what files are whose names tell nothing.

    Raise KdumpError if it cannot be read, or if it is more than 1 GiB when unpacked.
    """
    return read_all([(path, source)])


def read_all(given: Sequence[tuple[Path, str | None]]) -> list[LogReader]:
    """Return the logs of files of one crash, see read_logs(). Crash records are put together from all of the files.

    A directory stands for the crash records in it and below it, as /var/lib/systemd/pstore has them.
    """
    found: list[LogReader] = []
    records: list[RecordFile] = []
    size = 0
    for each in itertools.chain.from_iterable(itertools.starmap(_contents, given)):
        if isinstance(each, LogReader):
            found.append(each)
            continue
        records.append(each)
        size += len(each.content)
        if size > _MAX_RECORDS:
            raise KdumpError(
                f"There are more than {_MAX_RECORDS >> 20} MiB of crash records: name those of one crash."
            )
    crashes = of_last_crash(joined(records))
    found += [read_log("pstore", crash.text, crash.name) for crash in crashes]
    if records and not found:
        raise KdumpError(
            f"{records[0].name} has no crash record that can be read: it is empty, cut, or packed by another way than"
            " deflate."
        )
    return found


def _contents(path: Path, source: str | None) -> Iterator[LogReader | RecordFile]:
    return _in_directory(path) if path.is_dir() else _in_file(path, source)


def _in_directory(path: Path) -> Iterator[RecordFile]:
    found = records_below(path)
    if not found:
        raise KdumpError(
            f"The directory {path} has no crash record: name a log, a tar of logs, or a directory of pstore."
        )
    yield from found


def _in_file(path: Path, source: str | None) -> Iterator[LogReader | RecordFile]:
    try:
        with path.open("rb") as file:
            stream = _unpacked(file, str(path))
            begin = stream.read(_BLOCK)
            stream.seek(0)
            if begin[_MAGIC_PLACE:].startswith(_MAGIC):
                yield from _in_archive(stream, str(path), source)
            else:
                yield _read(stream, source or _told(path.name, begin), str(path))
    except _BROKEN as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is damaged"
        raise KdumpError(f"The log {path} cannot be read: {why}.") from None


class _Bounded:
    """A file that is read from its begin on, not too much at once, and no farther than to a limit."""

    def __init__(self, stream: t.IO[bytes], name: str, limit: int | None) -> None:
        self._stream = stream
        self._name = name
        self._limit = limit

    def read(self, size: int) -> bytes:
        """Read some bytes. Archives claim sizes of what is read at once."""
        if not 0 <= size <= _AT_ONCE:
            raise KdumpError(f"The archive {self._name} is none that a tar program makes of logs.")
        self._look(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, place: int) -> None:
        """Go on at a place; of what is packed, all before it is unpacked."""
        self._look(place)
        self._stream.seek(place)

    def tell(self) -> int:
        """Where it is."""
        return self._stream.tell()

    def _look(self, place: int) -> None:
        if self._limit is not None and place > self._limit:
            raise KdumpError(
                f"{self._name} is more than {self._limit >> 20} MiB when it is unpacked: pack only logs."
            )


def _unpacked(file: t.BinaryIO, name: str) -> _Bounded:
    begin = file.read(_BLOCK)
    file.seek(0)
    opened = next((opened for magic, opened in _PACKED if begin.startswith(magic)), None)
    return _Bounded(opened(file), name, _MAX_UNPACKED) if opened else _Bounded(file, name, None)


def _told(name: str, begin: bytes, otherwise: str = "console") -> str:
    """What a log is: systemd-pstore gives joined records the name that others give to the dead kernel's log."""
    return "pstore" if begins_record(begin) else source_of(name, otherwise)


def _read(
    stream: _Bounded | t.IO[bytes], source: str, name: str, begin: bytes = b""
) -> LogReader | RecordFile:
    if source == "pstore":
        begin += stream.read(_MAX_RECORD)
        # What is longer was made of something else, and is read as it is.
        if len(begin) < _MAX_RECORD:
            return RecordFile(name, begin)
    log = LogReader(source, name)
    log.feed(begin)
    while piece := stream.read(_PIECE):
        log.feed(piece)
    log.finish()
    return log


def _in_archive(
    stream: _Bounded, name: str, source: str | None
) -> Iterator[LogReader | RecordFile]:
    found = False
    with tarfile.open(fileobj=t.cast("t.IO[bytes]", stream), mode="r:") as archive:
        for count, member in enumerate(archive, start=1):
            if count > _MAX_FILES:
                raise KdumpError(
                    f"The archive {name} has more than {_MAX_FILES} entries: pack only logs."
                )
            content = archive.extractfile(member) if member.isreg() else None
            begin = content.read(_BLOCK) if content else b""
            if content is not None and not begin.startswith(_DUMP):
                found = True
                told = _told(member.name, begin, source or "console")
                yield _read(content, told, member.name, begin)
    if not found:
        raise KdumpError(f"The archive {name} has no log in it.")


__all__ = ("SOURCES", "read_all", "read_logs", "source_of")
