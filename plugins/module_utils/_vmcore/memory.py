# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The memory of a crashed kernel at the addresses that the kernel used, by its machine."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import aarch64, x86_64

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import Container
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo


class Memory(t.Protocol):
    """Memory at virtual addresses."""

    def read(self, address: int, size: int) -> bytes:
        """Exactly these bytes, or a Flaw."""


MACHINES: dict[str, t.Callable[..., Memory]] = {
    "aarch64": aarch64.AddressSpace,
    "x86_64": x86_64.AddressSpace,
}


def memory_of(dump: Container, info: VmcoreInfo) -> Memory:
    """The memory in a dump. Its pages have the size that VMCOREINFO says."""
    page_size = info.bounded("PAGESIZE", 1 << 12, 1 << 16)
    make = MACHINES[dump.machine]
    return make(_of_size(dump, page_size), page_size, info, dump.phys_base)


def _of_size(dump: Container, size: int) -> t.Callable[[int], bytes]:
    """A read_page for pages of this size from a dump that has others (ELF has always 4096)."""
    if size == dump.page_size:
        return dump.read_page
    count = size // dump.page_size

    def read_page(frame: int) -> bytes:
        return b"".join(map(dump.read_page, range(frame * count, (frame + 1) * count)))

    return read_page


__all__ = ("MACHINES", "Memory", "memory_of")
