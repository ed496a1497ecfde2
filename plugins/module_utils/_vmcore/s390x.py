# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Virtual addresses of an s390x kernel.

Until Linux 6.9 they are the physical ones, but for what is above RAM: vmalloc, modules, the array of struct page.
Since 6.10 RAM begins at IDENTITYBASE, and the kernel's image is another piece. All of it is in the page tables of
the kernel (z/Architecture Principles of Operation, chapter 3, dynamic address translation;
arch/s390/include/asm/pgtable.h, arch/s390/kernel/vmcore_info.c).

    IDENTITYBASE=0                  the start of RAM, since 6.10, hexadecimal as the next two
    KERNELOFFSET=3ffe0000000        the start of the kernel's image
    KERNELOFFPHYS=2000000           where that lies in RAM
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.paging import (
    Level,
    PageEntry,
    Tables,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_PAGE_SHIFT = 12
_PAGE_BITS = 8
_BITS = 11
# Region first, second and third, and segment tables, by the number that their entries have in _TYPE.
_SHIFTS = (20, 31, 42, 53)
_TYPE_SHIFT, _TYPE = 2, 3
_TABLE_OF_PAGES = 20
_INVALID = 1 << 5
_PAGE_INVALID = 1 << 10
_LARGE = 1 << 10  # of segments (1 MiB) and region third entries (2 GiB)
_LARGE_SHIFTS = (20, 31)
_MASK = (1 << 64) - 1
# Before it can be read which of them it is, the top table is a region third one, as most kernels have it.
_MOST = 1

# struct elf_prstatus: pr_reg (s390_regs) at 112, and in it r15 behind the PSW and 15 registers
STACK_POINTER = 112 + 16 + 15 * 8
STACK_SIZE = 1 << 14
PAGE_SIZES = (1 << _PAGE_SHIFT,)


class Layout:
    """Where an s390x kernel has its memory."""

    def __init__(self, info: VmcoreInfo, page_size: int, phys_base: int | None) -> None:
        del page_size, phys_base
        self._is_new = "IDENTITYBASE" in info
        self._identity = info.hexadecimal("IDENTITYBASE", 0)
        self._image_at = info.hexadecimal("KERNELOFFSET", 0)
        self._image_physical = info.hexadecimal("KERNELOFFPHYS", 0)
        self.probe: int | None = info.address("swapper_pg_dir")
        self._top = self._physical(info.address("swapper_pg_dir"))
        self.tables: Tables | None = self.tables_of(_MOST)

    @property
    def top(self) -> int:
        return self._top

    def tables_of(self, kind: int) -> Tables:
        """The page tables, if the entries of the top one are of this type."""
        levels = [Level(shift, _BITS) for shift in reversed(_SHIFTS[: kind + 1])]
        return Tables(self._top, (*levels, Level(_PAGE_SHIFT, _PAGE_BITS)), self._decode, ">")

    @staticmethod
    def kind_of(entry: int) -> int:
        """The type of a table from any of its entries; also those that are not in use have it."""
        return entry >> _TYPE_SHIFT & _TYPE

    def direct(self, address: int) -> int | None:
        """The physical address of what is in the kernel's image, where that is a piece of its own."""
        if self._is_new and address >= self._image_at:
            return self._physical(address)
        return None

    def image(self, address: int) -> int | None:
        """The physical address of RAM."""
        return self._physical(address)

    def is_kernel(self, address: int) -> bool:
        return 0 < address <= _MASK

    def _physical(self, address: int) -> int:
        if self._is_new and address >= self._image_at:
            return address - self._image_at + self._image_physical
        return address - self._identity

    def _decode(self, entry: int, shift: int) -> PageEntry | None:
        if shift == _PAGE_SHIFT:
            return None if entry & _PAGE_INVALID else PageEntry(entry >> shift << shift, True)
        if entry & _INVALID:
            return None
        if shift in _LARGE_SHIFTS and entry & _LARGE:
            return PageEntry(entry >> shift << shift, True)
        low = 11 if shift == _TABLE_OF_PAGES else 12
        return PageEntry(entry >> low << low, False)


__all__ = ("PAGE_SIZES", "STACK_POINTER", "STACK_SIZE", "Layout")
