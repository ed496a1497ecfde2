# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Virtual addresses of an aarch64 kernel.

The linear map is all of RAM in one piece, the kernel's image is another one
(arch/arm64/include/asm/memory.h, arch/arm64/kernel/vmcore_info.c). Stacks, modules and the array of struct
page are reached through page tables (Arm ARM, D8.3; arch/arm64/include/asm/pgtable-hwdef.h).

    NUMBER(VA_BITS)=48              bits of a virtual address that the kernel was built for
    NUMBER(TCR_EL1_T1SZ)=0x10       64 minus the bits that it runs with
    NUMBER(kimage_voffset)=0xffff800040000000
    NUMBER(PHYS_OFFSET)=0x40000000  what the start of the linear map stands for
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.paging import (
    Level,
    PageEntry,
    Tables,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_ADDRESS_BITS = 64
_MASK = (1 << _ADDRESS_BITS) - 1
_VA_BITS = range(36, 53)
# What the kernel builds the border between its two halves for: VA_BITS_MIN
_VA_BITS_MIN = 48
_PHYSICAL_BITS = 52
_VALID = 1 << 0
_TABLE = 1 << 1  # at the lowest level: a page
# Where the bits of a physical address above 48 are, with pages of 64 KiB and with smaller ones.
_LOW_48 = (1 << 48) - 1
_LARGE_PAGE = 16

# struct elf_prstatus: pr_reg (struct user_pt_regs) at 112, and in it sp behind 31 registers
STACK_POINTER = 112 + 31 * 8
STACK_SIZE = 1 << 14  # and with larger pages at least one of them
PAGE_SIZES = (1 << 12, 1 << 14, 1 << 16)


class Layout:
    """Where an aarch64 kernel has its memory."""

    def __init__(self, info: VmcoreInfo, page_size: int, phys_base: int | None) -> None:
        del phys_base  # VMCOREINFO has had PHYS_OFFSET as long as it has been there.
        built = info.bounded("NUMBER(VA_BITS)", _VA_BITS[0], _VA_BITS[-1])
        unused = info.number("NUMBER(TCR_EL1_T1SZ)", _ADDRESS_BITS - built)
        actual = _ADDRESS_BITS - unused
        if actual not in _VA_BITS:
            raise Flaw("unsupported", f"VMCOREINFO says virtual addresses have {actual} bits.")
        self._image = info.number("NUMBER(kimage_voffset)")
        offset = info.number("NUMBER(PHYS_OFFSET)")
        offset -= (offset >> _ADDRESS_BITS - 1) << _ADDRESS_BITS
        # Since Linux 5.4 the linear map is the lower half of the kernel's addresses, before the upper.
        border = (1 << _ADDRESS_BITS) - (1 << min(built, _VA_BITS_MIN) - 1)
        self._linear_is_low = info.address("_stext") >= border
        self._half = 1 << actual - 1
        self._all = 1 << actual
        if offset < 0:
            # A kernel built for 52 bits that runs with 48 moves PHYS_OFFSET down, because the linear
            # map begins for it where it would with 52 (arch/arm64/mm/init.c, arm64_memblock_init()).
            offset += (1 << built) - (1 << actual)
        self._offset = offset
        self._page_shift = page_size.bit_length() - 1
        self._wide = actual > _VA_BITS_MIN
        self.probe = info.address("_stext")
        self.tables: Tables | None = None
        if "SYMBOL(swapper_pg_dir)" in info:
            top = (info.address("swapper_pg_dir") - self._image) & _MASK
            # With pages of 64 KiB the top table is that of the bits that the kernel was built for.
            bits = built if self._page_shift == _LARGE_PAGE else actual
            self.tables = Tables(top, self._levels(bits), self._decode, "<")

    def direct(self, address: int) -> int | None:
        """The physical address of what is in the linear map."""
        if self.is_kernel(address) and (not address & self._half) == self._linear_is_low:
            return (address & (self._half - 1)) + self._offset
        return None

    def image(self, address: int) -> int | None:
        """The physical address of what is in the kernel's image. Where that ends is not known."""
        physical = (address - self._image) & _MASK
        return physical if self.is_kernel(address) and not physical >> _PHYSICAL_BITS else None

    def is_kernel(self, address: int) -> bool:
        return (1 << _ADDRESS_BITS) - self._all <= address <= _MASK

    def _levels(self, bits: int) -> tuple[Level, ...]:
        """A table is a page of entries of 8 bytes; the top one has what is left of the bits."""
        step = self._page_shift - 3
        shifts = list(range(self._page_shift, bits, step))
        return (
            Level(shifts[-1], bits - shifts[-1]),
            *(Level(shift, step) for shift in reversed(shifts[:-1])),
        )

    def _decode(self, entry: int, shift: int) -> PageEntry | None:
        lowest = shift == self._page_shift
        if not entry & _VALID or (lowest and not entry & _TABLE):
            return None
        physical = entry & _LOW_48 & ~((1 << self._page_shift) - 1)
        if self._page_shift == _LARGE_PAGE:
            physical |= (entry >> 12 & 0xF) << 48
        elif self._wide:
            physical = entry & ((1 << 50) - (1 << self._page_shift)) | (entry >> 8 & 3) << 50
        is_memory = lowest or not entry & _TABLE
        return PageEntry(physical >> shift << shift if is_memory else physical, is_memory)


__all__ = ("PAGE_SIZES", "STACK_POINTER", "STACK_SIZE", "Layout")
