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

import errno
import os
import struct
import typing as t
from array import array
from bisect import bisect_left, bisect_right
from heapq import heappop, heappush
from itertools import accumulate, chain, islice
from operator import le

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
_MAX_OFFSET = (1 << 63) - _MAX_RECORD
# It writes a header a second time here and there.
_MAX_OVERLAPS = 1 << 12
_PIECE = 1 << 20
# How much is read of a stream at once to find its records, and where these are small.
_WINDOW = 1 << 12
_WIDE_WINDOW = 1 << 16


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

    def require_end(self, what: str, end: int) -> None:
        """Raise the Flaw of a dump that does not end where its content does."""

    def next_data(self, offset: int) -> int:
        """The first place from there on that is not known to be a hole of zeros; the size if there is none."""


def is_zero(storage: Storage, what: str, start: int, end: int) -> bool:
    """Whether a stretch has nothing but zeros. Holes are passed over."""
    while start < end:
        start = storage.next_data(start)
        size = min(_PIECE, end - start)
        if size > 0 and any(storage.read(what, start, size, holes=True)):
            return False
        start += max(size, 0)
    return True


class PlainFile:
    """An open file, or a piece of it from C(start) on. C(descriptor) opens it when it is needed."""

    def __init__(
        self, descriptor: int | t.Callable[[], int], size: int, *, start: int = 0, stored: int | None = None,
        is_device: bool = False,
    ) -> None:  # fmt: skip
        self._descriptor = descriptor
        self._start = start
        self.size = size
        self.stored = size if stored is None else stored
        # What is behind a dump on a device was there before.
        self.is_device = is_device

    def read(self, what: str, offset: int, size: int, *, holes: bool = False) -> bytes:
        self.require(what, offset, size, holes=holes)
        try:
            data = os.pread(self._open(), size, self._start + offset)
        except OSError as exc:
            raise Flaw(
                "unsupported", f"Byte {offset} of the file cannot be read: {exc.strerror}."
            ) from exc
        if len(data) != size:
            raise Flaw("incomplete", f"The file became shorter than {self.size} bytes meanwhile.")
        return data

    def require(self, what: str, offset: int, size: int, *, holes: bool = False) -> None:
        del holes  # What was never written to a file are zeros, always.
        if offset + size > self.size:
            raise _ends_early("incomplete", what, offset + size, self.size)

    def require_end(self, what: str, end: int) -> None:
        if end == self.size or self.is_device or is_zero(self, what, end, self.size):
            return
        raise Flaw(
            "unsupported",
            f"{what} ends at byte {end}, but the dump ends at byte {self.size}: something else is behind it.",
        )

    def next_data(self, offset: int) -> int:
        if offset >= self.size:
            return self.size
        try:
            place = os.lseek(self._open(), self._start + offset, os.SEEK_DATA) - self._start
        except OSError as exc:
            # A file system that does not know of holes says EINVAL.
            return self.size if exc.errno == errno.ENXIO else offset
        return min(place, self.size)

    def _open(self) -> int:
        return self._descriptor if isinstance(self._descriptor, int) else self._descriptor()


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
        self._end = 0
        try:
            self._end = _walk(file, records)
        except Flaw as flaw:
            self._flaw = flaw
        try:
            self._extents = records.latest()
        except Flaw as flaw:
            self._flaw = flaw
        self._records = len(records)
        self._hole_starts, self._hole_ends = self._extents.holes()
        self.size = self._extents.ends[-1] if self._extents else 0
        self.stored = file.size

    def check(self) -> str:
        """A sentence about the whole stream, or its Flaw."""
        if self._flaw is not None:
            raise self._flaw
        return f"{self._records} records and the end record fill the stream to byte {self._end}."

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
        index = bisect_right(self._hole_ends, offset)
        if not holes and index < len(self._hole_starts):
            start = max(offset, self._hole_starts[index])
            if start < offset + size:
                raise _hole(what, start)

    def require_end(self, what: str, end: int) -> None:
        if end != self.size:
            raise Flaw(
                "damaged",
                f"{what} ends at byte {end}, but the records of the stream reach to byte {self.size}.",
            )

    def next_data(self, offset: int) -> int:
        index = bisect_right(self._extents.ends, offset)
        return max(offset, self._extents.starts[index]) if index < len(self._extents) else self.size

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
        if all(map(le, self.ends, islice(self.starts, 1, None))):
            return self
        result = _Extents()
        order = sorted(range(len(self)), key=self.starts.__getitem__)
        starts, ends, positions = (
            array("q", map(column.__getitem__, order))
            for column in (self.starts, self.ends, self.positions)
        )
        # How far the extents up to each reach. Where one begins behind that, a group of its own begins.
        reach = array("q", accumulate(ends, max))
        borders = [
            at
            for at, (start, before) in enumerate(zip(islice(starts, 1, None), reach), 1)
            if start < before
        ]
        at = 0
        while at < len(order):
            # All up to the next overlap are as they are; most streams have next to none.
            place = bisect_left(borders, at + 1)
            stop = borders[place] - 1 if place < len(borders) else len(order)
            result.starts.extend(starts[at:stop])
            result.ends.extend(ends[at:stop])
            result.positions.extend(positions[at:stop])
            at = stop
            if at < len(order):
                stop = at + 1
                while stop < len(order) and starts[stop] < reach[stop - 1]:
                    stop += 1
                self._add_latest(order[at:stop], result)
                at = stop
        return result

    def holes(self) -> tuple[array[int], array[int]]:
        """Where nothing is in front of, and between, extents that are sorted: where each begins, and ends."""
        pairs = [pair for pair in zip(chain((0,), self.ends), self.starts) if pair[0] < pair[1]]
        return array("q", [first for first, _end in pairs]), array(
            "q", [end for _first, end in pairs]
        )

    def _add_latest(self, group: list[int], result: _Extents) -> None:
        """Add a group of extents, sorted by start, that overlap each other without a gap."""
        if len(group) > _MAX_OVERLAPS:
            raise Flaw(
                "unsupported",
                f"{len(group)} records of the stream overlap each other, more than can be followed.",
            )
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


def _walk(file: PlainFile, records: _Extents) -> int:
    """Add every record of the stream, and return where that ends; raise a Flaw where it cannot be followed."""
    header = file.read("the header of the stream", 0, _HEADER_SIZE)
    kind, version = _TYPE_AND_VERSION.unpack_from(header, len(_SIGNATURE))
    if (kind, version) != (1, 1):
        raise Flaw("unsupported", f"The stream has type {kind} and version {version}, not 1 and 1.")
    if any(header[len(_SIGNATURE) + _TYPE_AND_VERSION.size :]):
        raise Flaw("unsupported", "The header of the stream has more than a type and a version.")
    limit = min(_MAX_RECORDS, _RECORDS_OF_ANY_SIZE + file.size // _MIN_AVERAGE)
    place, end = _HEADER_SIZE, file.size
    starts = records.starts
    unpack, add_start, add_end, add_position = (
        _RECORD.unpack_from,
        starts.append,
        records.ends.append,
        records.positions.append,
    )
    window, window_at, last, size = b"", 0, -1, _MAX_RECORD
    # The loop runs once for each of up to 4 million records.
    while True:
        if not 0 <= place - window_at <= last:
            if place + _RECORD.size > end:
                raise _ends_early(
                    "incomplete", "the end record of the stream", place + _RECORD.size, end
                )
            # Many small records are read at once, a large one costs no more than its own header.
            wanted = _WIDE_WINDOW if size < _WINDOW else _WINDOW
            window = file.read("a record of the stream", place, min(wanted, end - place))
            window_at, last = place, len(window) - _RECORD.size
        offset, size = unpack(window, place - window_at)
        place += _RECORD.size
        if (
            not 0 <= offset < _MAX_OFFSET
            or not 0 < size <= _MAX_RECORD
            or place + size > end
            or len(starts) == limit
        ):
            if (offset, size) == _END_RECORD:
                file.require_end("The stream", place)
                return place
            raise _no_record(file, place - _RECORD.size, offset, size, len(starts) == limit)
        add_start(offset)
        add_end(offset + size)
        add_position(place)
        place += size


def _no_record(file: PlainFile, position: int, offset: int, size: int, too_many: bool) -> Flaw:
    """What is wrong where a record should be."""
    if (offset, size) == (0, 0) and is_zero(file, "the stream", position, file.size):
        return Flaw(
            "incomplete",
            f"From byte {position} to its end the stream is nothing but zeros: the power went, or the system "
            "stopped, before the rest reached the disk.",
        )
    if not 0 <= offset < _MAX_OFFSET or not 0 < size <= _MAX_RECORD:
        return Flaw(
            "damaged",
            f"At byte {position} of the stream there is no record: what is there says "
            f"{size} bytes at offset {offset}.",
        )
    if too_many:
        return Flaw(
            "unsupported",
            "The stream has more records than can be read here; "
            "unpack it with makedumpfile -R and verify the result.",
        )
    return Flaw(
        "incomplete",
        f"It stops too early: the file ends at byte {file.size}, inside a record of the "
        f"stream that reaches to byte {position + _RECORD.size + size}; the end record must follow that.",
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


__all__ = ("Flattened", "PlainFile", "Storage", "is_flattened", "is_zero")
