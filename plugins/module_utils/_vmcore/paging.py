# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The page tables of a kernel, as its machine has them.

A machine's file says how many levels they have and what an entry means; all else is the same for all.
"""

from __future__ import annotations

import sys
import typing as t
from array import array

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Absent

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order

_ENTRY_SIZE = 8


class Level(t.NamedTuple):
    """One level: an entry maps 1 << shift bytes, a table has 1 << bits of them."""

    shift: int
    bits: int


class PageEntry(t.NamedTuple):
    """What an entry that is in use points to: the next table, or memory."""

    physical: int
    is_memory: bool


class Tables(t.NamedTuple):
    """The page tables of a machine."""

    top: int  # physical address
    levels: tuple[Level, ...]  # the top one first
    decode: t.Callable[
        [int, int], PageEntry | None
    ]  # decode(entry, shift); None if it is not in use
    order: Order
    first: int = 0  # the first entry of the top table that is the kernel's


class Gap(t.NamedTuple):
    """A page table that is not where the table above it says."""

    address: int  # the first virtual address that it maps
    size: int  # how many bytes it maps
    frame: int
    is_ram: bool


class Walk(t.NamedTuple):
    """What was seen of the page tables."""

    tables: int
    gaps: list[Gap]
    whole: bool  # all of them, and not only some of each level


class PageTables:
    """Page tables in a dump. read(physical, size) returns its memory, or raises a Flaw."""

    def __init__(self, tables: Tables, read: t.Callable[[int, int], bytes]) -> None:
        self._tables = tables
        self._read = read
        self._swap = (tables.order == "<") != (sys.byteorder == "little")

    def translate(self, address: int) -> int | None:
        """The physical address, None if nothing is mapped there. Raise a Flaw if a table is absent."""
        table = self._tables.top
        for shift, bits in self._tables.levels:
            index = address >> shift & (1 << bits) - 1
            (value,) = self._entries(table, index, 1)
            entry = self._tables.decode(value, shift)
            if entry is None:
                return None
            if entry.is_memory:
                return entry.physical | address & (1 << shift) - 1
            table = entry.physical
        return None

    def walk(self, limit: int, present: t.Callable[[int], None]) -> Walk:
        """Look at up to so many tables of the kernel, level by level.

        C(present(physical)) raises Absent if that memory is not in the dump. The tables of the lowest level
        are looked for, and not read.
        """
        levels = self._tables.levels
        count, gaps, whole = 1, [], True
        tables = [(self._tables.top, 0)]
        for depth, (shift, bits) in enumerate(levels[:-1]):
            below = list(self._below(tables, depth, shift, bits))
            if len(below) > limit - count:
                whole = False
                step = -(-len(below) // max(1, limit - count))
                below = below[::step]
            tables = []
            for physical, address in below:
                count += 1
                try:
                    present(physical)
                    tables.append((physical, address))
                except Absent as absent:
                    gaps.append(Gap(address, 1 << shift, absent.frame, absent.is_ram))
        return Walk(count, gaps, whole)

    def _below(
        self, tables: list[tuple[int, int]], depth: int, shift: int, bits: int
    ) -> t.Iterator[tuple[int, int]]:
        """The tables that these point to, and the first address of each."""
        first = self._tables.first if depth == 0 else 0
        decode = self._tables.decode
        for physical, address in tables:
            values = self._entries(physical, first, (1 << bits) - first)
            for index, value in enumerate(values, first):
                entry = decode(value, shift) if value else None
                if entry and not entry.is_memory:
                    yield entry.physical, address + (index << shift)

    def _entries(self, table: int, index: int, count: int) -> array[int]:
        values = array("Q", self._read(table + index * _ENTRY_SIZE, count * _ENTRY_SIZE))
        if self._swap:
            values.byteswap()
        return values


__all__ = ("Gap", "Level", "PageEntry", "PageTables", "Tables", "Walk")
