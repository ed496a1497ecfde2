# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Virtual addresses of an x86_64 kernel.

The kernel's image is mapped in one piece; NUMBER(phys_base) says where it lies in RAM. All else,
most of all the direct map with its random start, is looked up in the kernel's own page tables
(Intel SDM volume 3, section 4.5; arch/x86/include/asm/pgtable_types.h).
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
_LEVEL_BITS = 9
# A level's entry maps 1 << shift bytes: a page, or 2 MiB or 1 GiB if it has _LARGE.
_LARGE_SHIFTS = (21, 30)
_PRESENT = 1 << 0
_LARGE = 1 << 7
_ADDRESS = (1 << 52) - (1 << _PAGE_SHIFT)
_KERNEL_HALF = 256

# arch/x86/include/asm/page_64_types.h: __START_KERNEL_map and KERNEL_IMAGE_SIZE
_START_KERNEL_MAP = 0xFFFFFFFF80000000
_KERNEL_IMAGE_SIZE = 1 << 30

# struct elf_prstatus: pr_reg (struct user_regs_struct) at 112, and in it sp
STACK_POINTER = 112 + 19 * 8
STACK_SIZE = 1 << 14
PAGE_SIZES = (1 << _PAGE_SHIFT,)


class Layout:
    """Where an x86_64 kernel has its memory."""

    def __init__(self, info: VmcoreInfo, page_size: int, phys_base: int | None) -> None:
        del page_size
        # Kernels before 4.10 leave it to the dump to say.
        self._phys_base = info.number("NUMBER(phys_base)", phys_base)
        self._image_size = info.number("NUMBER(KERNEL_IMAGE_SIZE)", _KERNEL_IMAGE_SIZE)
        self._mask = _ADDRESS & ~info.number("NUMBER(sme_mask)", 0)
        # Before Linux 4.13 the symbol had another name.
        old = "SYMBOL(swapper_pg_dir)" not in info and "SYMBOL(init_level4_pgt)" in info
        top = info.address("init_level4_pgt" if old else "swapper_pg_dir")
        count = 5 if info.number("NUMBER(pgtable_l5_enabled)", 0) else 4
        self.probe: int | None = (
            None  # The tables are the only way, and whatever they say is taken.
        )
        self.tables: Tables | None = Tables(
            self._in_image(top),
            tuple(
                Level(_PAGE_SHIFT + level * _LEVEL_BITS, _LEVEL_BITS)
                for level in reversed(range(count))
            ),
            self._decode,
            "<",
            _KERNEL_HALF,
        )

    def direct(self, address: int) -> int | None:
        """The physical address of what is mapped in one piece."""
        if _START_KERNEL_MAP <= address < _START_KERNEL_MAP + self._image_size:
            return self._in_image(address)
        return None

    def image(self, address: int) -> int | None:
        """There is no other way to an address."""
        del address
        return None

    def is_kernel(self, address: int) -> bool:
        return address >> 63 == 1

    def _in_image(self, address: int) -> int:
        return address - _START_KERNEL_MAP + self._phys_base

    def _decode(self, entry: int, shift: int) -> PageEntry | None:
        if not entry & _PRESENT:
            return None
        is_memory = shift == _PAGE_SHIFT or bool(entry & _LARGE and shift in _LARGE_SHIFTS)
        physical = entry & self._mask
        return PageEntry(physical >> shift << shift if is_memory else physical, is_memory)


__all__ = ("PAGE_SIZES", "STACK_POINTER", "STACK_SIZE", "Layout")
