# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Virtual addresses of an aarch64 kernel.

The linear map is all of RAM in one piece, the kernel's image is another one; no page table is needed
(arch/arm64/include/asm/memory.h, arch/arm64/kernel/vmcore_info.c).

    NUMBER(VA_BITS)=48              bits of a virtual address that the kernel was built for
    NUMBER(TCR_EL1_T1SZ)=0x10       64 minus the bits that it runs with
    NUMBER(kimage_voffset)=0xffff800040000000
    NUMBER(PHYS_OFFSET)=0x40000000  what the start of the linear map stands for
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_ADDRESS_BITS = 64
_MASK = (1 << _ADDRESS_BITS) - 1
_VA_BITS = range(36, 53)
# What the kernel builds the border between its two halves for: VA_BITS_MIN
_VA_BITS_MIN = 48


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
        del phys_base  # VMCOREINFO has had PHYS_OFFSET as long as it has been there.
        self._read_page = read_page
        self._page = page_size
        built = info.bounded("NUMBER(VA_BITS)", _VA_BITS[0], _VA_BITS[-1])
        unused = info.number("NUMBER(TCR_EL1_T1SZ)", _ADDRESS_BITS - built)
        actual = _ADDRESS_BITS - unused
        if actual not in _VA_BITS:
            raise Flaw("damaged", f"VMCOREINFO says virtual addresses have {actual} bits.")
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

    def read(self, address: int, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            physical = self._translate(address)
            start = physical % self._page
            parts.append(self._read_page(physical // self._page)[start : start + size])
            address += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)

    def _translate(self, address: int) -> int:
        if not (1 << _ADDRESS_BITS) - self._all <= address <= _MASK:
            raise Flaw("damaged", f"The kernel has no memory at its address {hex(address)}.")
        is_low = not address & self._half
        if is_low == self._linear_is_low:
            within = address & (self._half - 1)
            return within + self._offset
        physical = (address - self._image) & _MASK
        if physical >> 52:
            raise Flaw("damaged", f"The kernel has no memory at its address {hex(address)}.")
        return physical


__all__ = ("AddressSpace",)
