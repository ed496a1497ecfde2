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
import lzma
import re
import tarfile
import typing as t
import zlib
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import LogReader

if t.TYPE_CHECKING:
    from collections.abc import Iterator

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
    (re.compile(r"^dmesg-(?:efi|erst|ramoops)|pstore"), "pstore"),
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
    try:
        with path.open("rb") as file:
            stream = _unpacked(file, str(path))
            begin = stream.read(_BLOCK)
            stream.seek(0)
            if begin[_MAGIC_PLACE:].startswith(_MAGIC):
                return list(_in_archive(stream, str(path), source))
            return [_read(stream, source or source_of(path.name), str(path))]
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


def _read(stream: _Bounded | t.IO[bytes], source: str, name: str, begin: bytes = b"") -> LogReader:
    log = LogReader(source, name)
    log.feed(begin)
    while piece := stream.read(_PIECE):
        log.feed(piece)
    log.finish()
    return log


def _in_archive(stream: _Bounded, name: str, source: str | None) -> Iterator[LogReader]:
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
                yield _read(
                    content, source_of(member.name, source or "console"), member.name, begin
                )
    if not found:
        raise KdumpError(f"The archive {name} has no log in it.")


__all__ = ("SOURCES", "read_logs", "source_of")
