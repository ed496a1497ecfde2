# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual addresses: the kernel's image, and page tables of every kind."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    Memory as KernelMemory,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    FIRST_RING_FRAME,
    PAGE,
    PRB,
    PRB_STATIC,
    Kernel,
    Memory,
    memory_at,
)

KERNELS = [
    Kernel(levels=levels, leaf_shift=leaf_shift, sme_mask=sme_mask)
    for levels in (4, 5)
    for leaf_shift in (12, 21, 30)
    for sme_mask in (0, 1 << 47)
]


def address_space(memory: Memory, kernel: Kernel) -> KernelMemory:
    def read_page(frame: int) -> bytes:
        if frame not in memory:
            raise Flaw("damaged", f"no frame {frame:#x}")
        return bytes(memory[frame])

    return memory_at(read_page, PAGE, VmcoreInfo(kernel.vmcoreinfo()))


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_the_direct_map_is_reached_through_the_page_tables(kernel: Kernel) -> None:
    memory = kernel.memory()
    space = address_space(memory, kernel)
    start = kernel.direct_map + FIRST_RING_FRAME * PAGE
    assert space.read(start + 24, 64) == memory[FIRST_RING_FRAME][24:88]


def test_a_read_can_cross_pages() -> None:
    kernel = Kernel()
    memory = kernel.memory()
    memory[FIRST_RING_FRAME][-3:] = b"abc"
    memory[FIRST_RING_FRAME + 1][:3] = b"def"
    space = address_space(memory, kernel)
    assert space.read(kernel.direct_map + (FIRST_RING_FRAME + 1) * PAGE - 3, 6) == b"abcdef"


def test_the_image_is_reached_without_page_tables() -> None:
    assert address_space(Kernel().memory(), Kernel()).read(PRB, 8) == struct.pack("<Q", PRB_STATIC)


@pytest.mark.parametrize(
    "address", [0, 0x1000, Kernel().direct_map, 0xFFFFFFFFC0000000, (1 << 64) - 8, 1 << 80]
)
def test_an_address_without_memory_is_a_flaw(address: int) -> None:
    with pytest.raises(Flaw, match="The kernel has no memory at its address"):
        address_space(Kernel().memory(), Kernel()).read(address, 8)


def test_a_page_table_that_is_not_in_the_dump_is_a_flaw() -> None:
    kernel = Kernel()
    memory = {frame: page for frame, page in kernel.memory().items() if frame >= FIRST_RING_FRAME}
    with pytest.raises(Flaw, match="no frame 0x100"):
        address_space(memory, kernel).read(kernel.direct_map, 8)
