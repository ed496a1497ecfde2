# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A dump file as bytes at offsets: as it lies on the disk, or through a flattened stream.

makedumpfile -F writes a stream that can be piped (makedumpfile.c, write_start_flat_header(),
write_buffer() and write_end_flat_header()). All numbers are big endian:

    4096 bytes    "makedumpfile", 4 zero bytes, type i64 = 1, version i64 = 1, zero bytes
    16 bytes      offset i64, size i64       a record: the bytes that follow belong at that offset
    size bytes    the bytes                  of the dump; any number of records, in any order
    16 bytes      offset i64 = -1, size i64 = -1, and nothing behind it

A later record wins over an earlier one, as it would with lseek() and write().
"""

from __future__ import annotations

import os
import struct
import typing as t
from array import array
from bisect import bisect_right
from heapq import heappop, heappush

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Verdict

_SIGNATURE = b"makedumpfile\0\0\0\0"
_HEADER_SIZE = 4096
_TYPE_AND_VERSION = struct.Struct(">qq")
_RECORD = struct.Struct(">qq")
_END_RECORD = (-1, -1)
# makedumpfile's records are 32 KiB on average, few of them below 4 KiB; this bounds the index to
# 128 GiB of dump and 100 MB, and a stream of tiny records far below that.
_MAX_RECORDS = 1 << 22
_RECORDS_OF_ANY_SIZE = 1 << 10
_MIN_AVERAGE = 1 << 10
# Its largest record is a bitmap.
_MAX_RECORD = 1 << 30
# It writes a header a second time here and there.
_MAX_OVERLAPS = 1 << 12
_PIECE = 1 << 20


class Storage(t.Protocol):
    """The bytes of a dump. Offsets are the dump's own, not those of the file it lies in."""

    @property
    def size(self) -> int:
        """Where the dump ends."""

    @property
    def stored(self) -> int:
        """How many bytes the file really has, whatever the dump says of itself."""

    def read(self, what: str, offset: int, size: int, *, holes: bool = False) -> bytes:
        """Exactly these bytes of the dump, or a Flaw that names what they are.

        With holes, bytes that were never written are zeros instead of a Flaw.
        """

    def require(self, what: str, offset: int, size: int, *, holes: bool = False) -> None:
        """Raise the Flaw that read() would raise, without reading."""


class PlainFile:
    """An open file."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size
        self.stored = size

    def read(self, what: str, offset: int, size: int, *, holes: bool = False) -> bytes:
        self.require(what, offset, size, holes=holes)
        data = os.pread(self._descriptor, size, offset)
        if len(data) != size:
            raise Flaw("incomplete", f"The file became shorter than {self.size} bytes meanwhile.")
        return data

    def require(self, what: str, offset: int, size: int, *, holes: bool = False) -> None:
        del holes  # What was never written to a file are zeros, always.
        if offset + size > self.size:
            raise _ends_early("incomplete", what, offset + size, self.size)


class Flattened:
    """What a flattened stream describes.

    A stream that is cut or contradicts itself is indexed as far as it can be followed;
    check() says what is wrong with it.
    """

    def __init__(self, file: PlainFile) -> None:
        self._file = file
        self._flaw: Flaw | None = None
        records = _Extents()
        self._extents = _Extents()
        try:
            _walk(file, records)
        except Flaw as flaw:
            self._flaw = flaw
        try:
            self._extents = records.latest()
        except Flaw as flaw:
            self._flaw = flaw
        self._records = len(records)
        self.size = self._extents.ends[-1] if self._extents else 0
        self.stored = file.size

    def check(self) -> str:
        """A sentence about the whole stream, or its Flaw."""
        if self._flaw is not None:
            raise self._flaw
        return f"{self._records} records and the end record fill the stream to byte {self.stored}."

    def read(self, what: str, offset: int, size: int, *, holes: bool = False) -> bytes:
        self._require_end(what, offset + size)
        parts: list[bytes] = []
        for start, end, position in self._extents.between(offset, offset + size):
            if position is not None:
                parts.append(self._file.read(what, position, end - start))
            elif holes:
                parts.append(bytes(end - start))
            else:
                raise _hole(what, start)
        return b"".join(parts)

    def require(self, what: str, offset: int, size: int, *, holes: bool = False) -> None:
        self._require_end(what, offset + size)
        for start, _end, position in self._extents.between(offset, offset + size):
            if position is None and not holes:
                raise _hole(what, start)

    def _require_end(self, what: str, end: int) -> None:
        if end > self.size:
            # A stream with an end record is all that makedumpfile wanted to write.
            verdict: Verdict = self._flaw.verdict if self._flaw else "damaged"
            raise _ends_early(verdict, what, end, self.size)


class _Extents:
    """Stretches of the dump, [start, end), and the position of each in the stream."""

    def __init__(self) -> None:
        self.starts = array("q")
        self.ends = array("q")
        self.positions = array("q")

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, start: int, end: int, position: int) -> None:
        self.starts.append(start)
        self.ends.append(end)
        self.positions.append(position)

    def latest(self) -> _Extents:
        """The same bytes, sorted and without overlaps: of two extents the one added later wins."""
        result = _Extents()
        group: list[int] = []
        reach = 0
        for index in sorted(range(len(self)), key=self.starts.__getitem__):
            if self.starts[index] >= reach:
                self._add_latest(group, result)
                group = []
            group.append(index)
            reach = max(reach, self.ends[index])
        self._add_latest(group, result)
        return result

    def _add_latest(self, group: list[int], result: _Extents) -> None:
        """Add a group of extents, sorted by start, that overlap each other without a gap."""
        if len(group) > _MAX_OVERLAPS:
            raise Flaw("damaged", f"{len(group)} records of the stream overlap each other.")
        edges = sorted({edge for index in group for edge in (self.starts[index], self.ends[index])})
        newest_first: list[int] = []  # a heap of negative indices
        waiting = group[::-1]
        for left, right in zip(edges, edges[1:]):
            while waiting and self.starts[waiting[-1]] == left:
                heappush(newest_first, -waiting.pop())
            while self.ends[-newest_first[0]] <= left:
                heappop(newest_first)
            newest = -newest_first[0]
            result.add(left, right, self.positions[newest] + left - self.starts[newest])

    def between(self, start: int, end: int) -> t.Iterator[tuple[int, int, int | None]]:
        """Cut [start, end) into (start, end, position); the position of a hole is None.

        Only for extents that are sorted and do not overlap.
        """
        index = max(bisect_right(self.starts, start) - 1, 0)
        while start < end:
            if index == len(self) or self.starts[index] >= end:
                yield start, end, None
                return
            if self.starts[index] > start:
                yield start, self.starts[index], None
                start = self.starts[index]
            if self.ends[index] > start:
                stop = min(self.ends[index], end)
                yield start, stop, self.positions[index] + start - self.starts[index]
                start = stop
            index += 1


def is_flattened(file: PlainFile) -> bool:
    return (
        file.size >= len(_SIGNATURE)
        and file.read("the signature", 0, len(_SIGNATURE)) == _SIGNATURE
    )


def _walk(file: PlainFile, records: _Extents) -> None:
    """Add every record of the stream; raise a Flaw where it cannot be followed any more."""
    header = file.read("the header of the stream", 0, _HEADER_SIZE)
    kind, version = _TYPE_AND_VERSION.unpack_from(header, len(_SIGNATURE))
    if (kind, version) != (1, 1):
        raise Flaw("unsupported", f"The stream has type {kind} and version {version}, not 1 and 1.")
    if any(header[len(_SIGNATURE) + _TYPE_AND_VERSION.size :]):
        raise Flaw("damaged", "The header of the stream has more than a type and a version.")
    limit = min(_MAX_RECORDS, _RECORDS_OF_ANY_SIZE + file.size // _MIN_AVERAGE)
    position = _HEADER_SIZE
    while True:
        data = position + _RECORD.size
        if data > file.size:
            raise _ends_early("incomplete", "the end record of the stream", data, file.size)
        offset, size = _RECORD.unpack(file.read("a record of the stream", position, _RECORD.size))
        if (offset, size) == _END_RECORD:
            if data != file.size:
                raise Flaw(
                    "damaged",
                    f"The stream ends at byte {data}, but the file ends at byte {file.size}.",
                )
            return
        if (offset, size) == (0, 0) and _is_zero(file, position):
            raise Flaw(
                "incomplete",
                f"From byte {position} to its end the stream is nothing but zeros: the power went, or the system "
                "stopped, before the rest reached the disk.",
            )
        if offset < 0 or not 0 < size <= _MAX_RECORD or offset + size >= 1 << 63:
            raise Flaw(
                "damaged",
                f"At byte {position} of the stream there is no record: what is there says "
                f"{size} bytes at offset {offset}.",
            )
        if data + size > file.size:
            raise Flaw(
                "incomplete",
                f"It stops too early: the file ends at byte {file.size}, inside a record of the "
                f"stream that reaches to byte {data + size}; the end record must follow that.",
            )
        if len(records) == limit:
            raise Flaw(
                "unsupported",
                f"The stream has more than {limit} records; "
                "unpack it with makedumpfile -R and verify the result.",
            )
        records.add(offset, offset + size, data)
        position = data + size


def _is_zero(file: PlainFile, start: int) -> bool:
    return not any(
        any(file.read("the stream", at, min(_PIECE, file.size - at)))
        for at in range(start, file.size, _PIECE)
    )


def _ends_early(verdict: Verdict, what: str, expected: int, size: int) -> Flaw:
    missing = expected - size
    return Flaw(
        verdict,
        f"It stops too early: {what} must reach at least to byte {expected}, but the data ends at "
        f"byte {size}, {missing} {'byte' if missing == 1 else 'bytes'} before that.",
    )


def _hole(what: str, offset: int) -> Flaw:
    return Flaw("damaged", f"Byte {offset} of the dump ({what}) is in no record of the stream.")


__all__ = ("Flattened", "PlainFile", "Storage", "is_flattened")
