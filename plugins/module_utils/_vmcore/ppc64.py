# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Virtual addresses of a ppc64 kernel, of either byte order.

RAM is mapped in one piece from PAGE_OFFSET on, and the kernel's image is in it
(arch/powerpc/include/asm/page.h, arch/powerpc/include/asm/book3s/64). How other addresses are mapped depends on the
processor (a hash table before POWER9, radix trees since), and the dump does not say which it was.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.paging import Tables
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_PAGE_OFFSET = 0xC << 60
# The linear map is at most this large (H_MAX_PHYSMEM_BITS and R_MAX_PHYSMEM_BITS).
_LINEAR_SIZE = 1 << 51

# struct elf_prstatus: pr_reg (elf_gregset_t) at 112, and in it r1
STACK_POINTER = 112 + 8
STACK_SIZE = 1 << 14
PAGE_SIZES = (1 << 12, 1 << 16)


class Layout:
    """Where a ppc64 kernel has its memory."""

    def __init__(self, info: VmcoreInfo, page_size: int, phys_base: int | None) -> None:
        del info, page_size, phys_base
        self.probe: int | None = None
        self.tables: Tables | None = None

    def direct(self, address: int) -> int | None:
        """The physical address of what is in the linear map."""
        within = address - _PAGE_OFFSET
        return within if 0 <= within < _LINEAR_SIZE else None

    def image(self, address: int) -> int | None:
        """There is no other way to an address."""
        del address
        return None

    def is_kernel(self, address: int) -> bool:
        return address >= _PAGE_OFFSET


__all__ = ("PAGE_SIZES", "STACK_POINTER", "STACK_SIZE", "Layout")
