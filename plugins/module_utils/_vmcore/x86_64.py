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

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_PAGE_SHIFT = 12
_PAGE = 1 << _PAGE_SHIFT
_LEVEL_BITS = 9
# A level's entry maps 1 << shift bytes: a page, or 2 MiB or 1 GiB if it has _LARGE.
_LARGE_SHIFTS = (21, 30)
_PRESENT = 1 << 0
_LARGE = 1 << 7
_ADDRESS = (1 << 52) - _PAGE

# arch/x86/include/asm/page_64_types.h: __START_KERNEL_map and KERNEL_IMAGE_SIZE
_START_KERNEL_MAP = 0xFFFFFFFF80000000
_KERNEL_IMAGE_SIZE = 1 << 30

_ENTRY = struct.Struct("<Q")


class AddressSpace:
    """The memory of the crashed kernel as that kernel saw it.

    read_page returns the content of a page frame, or raises a Flaw.
    """

    def __init__(
        self,
        read_page: t.Callable[[int], bytes],
        page_size: int,
        info: VmcoreInfo,
        phys_base: int | None = None,
    ) -> None:
        if page_size != _PAGE:
            raise Flaw("damaged", f"VMCOREINFO says pages of {page_size} bytes, not {_PAGE}.")
        self._read_page = read_page
        # Kernels before 4.10 leave it to the dump to say.
        self._phys_base = info.number("NUMBER(phys_base)", phys_base)
        self._image_size = info.number("NUMBER(KERNEL_IMAGE_SIZE)", _KERNEL_IMAGE_SIZE)
        self._levels = 5 if info.number("NUMBER(pgtable_l5_enabled)", 0) else 4
        self._entry_mask = _ADDRESS & ~info.number("NUMBER(sme_mask)", 0)
        self._top = self._in_image(info.address("swapper_pg_dir"))
        self._frames: dict[int, int] = {}

    def read(self, address: int, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            start = address % _PAGE
            parts.append(self._read_page(self._frame(address))[start : start + size])
            address += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)

    def _frame(self, address: int) -> int:
        """The page frame at an address, remembered for each page."""
        page = address >> _PAGE_SHIFT
        if page not in self._frames:
            self._frames[page] = self._translate(address) >> _PAGE_SHIFT
        return self._frames[page]

    def _translate(self, address: int) -> int:
        if _START_KERNEL_MAP <= address < _START_KERNEL_MAP + self._image_size:
            return self._in_image(address)
        table = self._top
        for level in reversed(range(self._levels)):
            shift = _PAGE_SHIFT + level * _LEVEL_BITS
            index = address >> shift & (1 << _LEVEL_BITS) - 1
            entry: int = _ENTRY.unpack_from(
                self._read_page(table >> _PAGE_SHIFT), index * _ENTRY.size
            )[0]
            if not entry & _PRESENT:
                break
            table = entry & self._entry_mask
            if level == 0 or (entry & _LARGE and shift in _LARGE_SHIFTS):
                within = (1 << shift) - 1
                return table & ~within | address & within
        raise Flaw("damaged", f"The kernel has no memory at its address {hex(address)}.")

    def _in_image(self, address: int) -> int:
        return address - _START_KERNEL_MAP + self._phys_base


__all__ = ("AddressSpace",)
