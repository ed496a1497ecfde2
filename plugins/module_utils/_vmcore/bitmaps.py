# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The two bitmaps of a kdump-compressed dump: which page frames are RAM, and which of them are in it.

A machine can have far more addresses than memory. What a file has no blocks for, and what is nothing but zeros,
is passed over in large steps.
"""

from __future__ import annotations

import re
import typing as t
from array import array
from bisect import bisect_right

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.bits import popcount, within
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_header import Header
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# What the counts have an entry for: bytes of a bitmap.
BLOCK = 4096
_PIECE = 1 << 20
_ZEROS = bytes(_PIECE)
# A byte of the first bitmap that is not like those around it.
_ODD_RAM = re.compile(rb"(?<=\xff)[^\xff](?=\xff)|(?<=\0)[^\0](?=\0)", re.DOTALL)
_MAX_ODD = 1000
_NOT_ZERO = re.compile(rb"[^\0]", re.DOTALL)


class Bitmaps:
    """The bitmaps of a dump, or of one part of a split one. count() comes first."""

    def __init__(self, storage: Storage, header: Header) -> None:
        self._storage = storage
        self._header = header
        self._size = header.bitmap_size
        self._pages_before = array("Q")  # each block of the second bitmap
        self._absent_until = array(
            "Q"
        )  # each block: pages that are RAM and not in the dump, with its own
        self._absent = 0
        self.pages = 0
        self.all_pages = 0  # of all parts
        self.ram_pages = 0
        self.odd_ram: list[tuple[int, int]] = []

    def require(self) -> None:
        """Raise the Flaw of bitmaps that are not in the dump."""
        size = 2 * self._size
        self._storage.require("the bitmaps", self._header.bitmap, size, holes=True)
        if size > self._storage.stored:
            raise Flaw("damaged", f"Bitmaps of {size} bytes are more than the file holds.")

    def count(self) -> None:
        """Count the pages. Each page in the dump must be RAM."""
        first, second = self._header.bitmap, self._header.bitmap + self._size
        start = 0
        while start < self._size:
            data = min(
                self._storage.next_data(first + start) - first,
                self._storage.next_data(second + start) - second,
            )
            if data >= start + BLOCK:
                stop = min(data // BLOCK * BLOCK, self._size)
                self._skip(stop - start)
            else:
                stop = min(start + _PIECE, self._size)
                self._count(start, stop - start)
            start = stop

    def index_of(self, frame: int) -> int | None:
        """The number of a page frame's page among those in the dump, None if it is not there."""
        if not self._header.start <= frame < self._header.end:
            return None
        byte, bit = divmod(frame, 8)
        block, byte = divmod(byte, BLOCK)
        first = block * BLOCK
        bits = self._read(1, first, min(BLOCK, self._size - first))
        bits = within(bits, first * 8, self._header.start, self._header.end)
        if not bits[byte] >> bit & 1:
            return None
        before = bits[byte] & ((1 << bit) - 1)
        return self._pages_before[block] + popcount(bits[:byte]) + popcount(bytes((before,)))

    def is_ram(self, frame: int) -> bool:
        """Whether the host has this page frame."""
        if not 0 <= frame < self._header.frames:
            return False
        return bool(self._read(0, frame // 8, 1)[0] >> frame % 8 & 1)

    def absent_frames(self, count: int) -> list[int]:
        """Up to so many page frames that are RAM and not in the dump, all over it."""
        count = min(count, self._absent)
        ranks: dict[int, list[int]] = {}
        for number in range(count):
            rank = number * self._absent // count
            block = bisect_right(self._absent_until, rank)
            ranks.setdefault(block, []).append(
                rank - (self._absent_until[block - 1] if block else 0)
            )
        return [frame for block, own in ranks.items() for frame in self._absent_at(block, own)]

    def _absent_at(self, block: int, ranks: list[int]) -> t.Iterator[int]:
        """The page frames of a block with these numbers, in their order, among those that are not in the dump."""
        first = block * BLOCK
        size = min(BLOCK, self._size - first)
        ram, dumped = self._read(0, first, size), self._read(1, first, size)
        bits = int.from_bytes(ram, "little") & ~int.from_bytes(dumped, "little")
        absent = [
            (first + match.start()) * 8 + bit
            for match in _NOT_ZERO.finditer(bits.to_bytes(size, "little"))
            for bit in range(8)
            if match[0][0] >> bit & 1
        ]
        return (absent[rank] for rank in ranks)

    def _skip(self, size: int) -> None:
        """A piece without any bit."""
        blocks = -(-size // BLOCK)
        self._pages_before.extend(array("Q", (self.pages,)) * blocks)
        self._absent_until.extend(array("Q", (self._absent,)) * blocks)

    def _count(self, start: int, size: int) -> None:
        """Count the pages of a piece of the bitmaps, from a byte on."""
        header = self._header
        ram, dumped = self._read(0, start, size), self._read(1, start, size)
        if ram == _ZEROS == dumped:
            self._skip(size)
            return
        first, last = start * 8, (start + size) * 8
        bits, dumped_bits = int.from_bytes(ram, "little"), int.from_bytes(dumped, "little")
        if dumped_bits & ~bits:
            raise Flaw(
                "damaged",
                "The bitmaps contradict each other: pages that are not RAM are in the dump, "
                f"between the page frames {hex(first)} and {hex(last)}.",
            )
        if last > header.frames and bits >> max(header.frames - first, 0):
            raise Flaw(
                "damaged",
                "The bitmaps contradict the header: there are pages behind the page frame "
                f"{hex(header.frames)}.",
            )
        self._note_odd_ram(ram, first)
        own = within(dumped, first, header.start, header.end)
        for block in range(0, size, BLOCK):
            self._pages_before.append(self.pages)
            end = block + BLOCK
            in_ram, in_dump = popcount(ram[block:end]), popcount(dumped[block:end])
            self.ram_pages += in_ram
            self.all_pages += in_dump
            self._absent += in_ram - in_dump
            self._absent_until.append(self._absent)
            self.pages += in_dump if own is dumped else popcount(own[block:end])

    def _note_odd_ram(self, ram: bytes, first: int) -> None:
        """Note where less than 16 page frames in a row are RAM, or are not, among others."""
        for block in range(0, len(ram), BLOCK):
            # A byte of the neighbours is part of it; most blocks are all RAM, or none of it.
            start = max(block - 1, 0)
            piece = ram[start : block + BLOCK + 1]
            if piece.count(piece[0]) != len(piece) and len(self.odd_ram) < _MAX_ODD:
                self.odd_ram += [
                    (first + (start + match.start()) * 8, first + (start + match.end()) * 8)
                    for match in _ODD_RAM.finditer(piece)
                ]

    def _read(self, which: int, start: int, size: int) -> bytes:
        # A bitmap is written to its last used byte only.
        at = self._header.bitmap + which * self._size + start
        return self._storage.read("the bitmaps", at, size, holes=True)


__all__ = ("BLOCK", "Bitmaps")
