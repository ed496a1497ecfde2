# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's list of its RAM says of a page, with struct page as Linux 6.12 has it on x86_64."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Absent, Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory_map import (
    MemoryMap,
    look_at_excluded,
    whole_pages,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    START_KERNEL_MAP,
    memory_at,
    vmcoreinfo,
)

PAGE = 4096
ROOTS = START_KERNEL_MAP + PAGE
SECTIONS = START_KERNEL_MAP + 2 * PAGE
PAGES = START_KERNEL_MAP + 16 * PAGE
BUDDY, HUGETLB, SLAB, NONE = 0xF0000000, 0xF4000000, 0xF5000000, 0xFFFFFFFF
LRU, SWAPCACHE, POISON = 1 << 5, 1 << 10, 1 << 20
ANON = 0xFFFF888001234501
FILE = 0xFFFF888001234500


def a_page(
    flags: int = 0, mapping: int = 0, head: int = 0, users: int = 1, kind: int = NONE
) -> bytes:
    """struct page"""
    return struct.pack("<QQQQQQII8x", flags, head, 0, mapping, 0, 0, kind, users)


FRAMES = {
    "the kernel's": a_page(),
    "free": a_page(users=0, kind=BUDDY),
    "behind a free one": a_page(users=0),
    "a cache": a_page(LRU, FILE, users=2),
    "a process": a_page(LRU, ANON, users=2),
    "a process, not in a list yet": a_page(0, ANON, users=2),
    "in swap": a_page(SWAPCACHE, FILE, users=2),
    "poisoned": a_page(POISON),
    "the first of a huge page": a_page(0, FILE, kind=HUGETLB),
    "a huge page": a_page(head=PAGES + 8 * 64 | 1, users=0),
    # How many slabs are in a list is where others have their file: an odd number looks like a process's page.
    "a slab": a_page(0, 1, kind=SLAB),
    "in a slab": a_page(head=PAGES + 10 * 64 | 1, users=0),
    "a slab of older kernels": a_page(1 << 9, ANON),
    "with a pointer of a driver": a_page(0, FILE & ~0xFF),
}
INFO = {
    "SYMBOL(mem_section)": f"{ROOTS:x}",
    "LENGTH(mem_section)": "4",
    "SIZE(mem_section)": "16",
    "OFFSET(mem_section.section_mem_map)": "0",
    "NUMBER(SECTION_SIZE_BITS)": "27",
    "SIZE(page)": "64",
    "OFFSET(page.flags)": "0",
    "OFFSET(page.compound_head)": "8",
    "OFFSET(page.mapping)": "24",
    "OFFSET(page._mapcount)": "48",
    "OFFSET(page._refcount)": "52",
    "NUMBER(PG_lru)": "5",
    "NUMBER(PG_swapcache)": "10",
    "NUMBER(PG_hwpoison)": "20",
    "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)": str(BUDDY - (1 << 32)),
    "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)": str(HUGETLB - (1 << 32)),
    "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)": str(SLAB - (1 << 32)),
    "NUMBER(PG_slab)": "9",
    "NUMBER(phys_base)": "0",
}


def memory_map(**gone: bool) -> MemoryMap:
    """The list of a kernel with one section, whose first page frames are FRAMES."""
    pages = {
        ROOTS: struct.pack("<4Q", SECTIONS, 0, 0, 0),
        SECTIONS: struct.pack("<4Q", PAGES | 0b11, 0, PAGES | 0b01, 0),
        PAGES: b"".join(FRAMES.values()),
    }

    def read_page(frame: int) -> bytes:
        data = pages.get(START_KERNEL_MAP + frame * PAGE)
        if data is None or (gone.get("pages", False) and START_KERNEL_MAP + frame * PAGE == PAGES):
            raise Absent(frame, is_ram=True)
        return data.ljust(PAGE, b"\0")

    info = VmcoreInfo(vmcoreinfo(**INFO))
    assert MemoryMap.is_described(info)
    return MemoryMap(memory_at(read_page, PAGE, info), info)


USES = {
    "the kernel's": "kernel",
    "a slab": "kernel",
    "in a slab": "kernel",
    "a slab of older kernels": "kernel",
    "with a pointer of a driver": "unknown",
}


@pytest.mark.parametrize("name", FRAMES)
def test_who_has_a_page(name: str) -> None:
    assert memory_map().use(list(FRAMES).index(name)) == USES.get(name, "others")


def test_the_kernels_own_pages_must_not_be_left_out() -> None:
    excluded = look_at_excluded(memory_map(), range(len(FRAMES)))
    assert excluded == (len(FRAMES), [0, 10, 11, 12])


@pytest.mark.parametrize("section", [1, 2, 256, 4 * 256])
def test_what_the_kernel_has_no_list_of_is_not_decided(section: int) -> None:
    frame = section << 15
    with pytest.raises(Flaw, match="The kernel has no struct page"):
        memory_map().use(frame)
    assert look_at_excluded(memory_map(), [frame]).seen == 0


def test_a_list_that_is_not_in_the_dump_makes_it_incomplete() -> None:
    with pytest.raises(Absent, match="list of its RAM says of the page frame 0x0") as caught:
        look_at_excluded(memory_map(pages=True), [0])
    assert caught.value.verdict == "incomplete"


def test_a_dump_that_may_lack_parts_of_the_list_is_asked_for_the_others() -> None:
    """makedumpfile -e leaves them out: pages of the kernel's own, but no slabs."""
    assert look_at_excluded(memory_map(pages=True), [0], in_parts=True) == (0, [])
    seen = look_at_excluded(memory_map(), range(len(FRAMES)), in_parts=True)
    assert seen == (len(FRAMES), [10, 11, 12])


@pytest.mark.parametrize("key", sorted(set(INFO) - {"NUMBER(phys_base)"}))
def test_a_kernel_that_describes_less_has_no_list_that_can_be_followed(key: str) -> None:
    kept: dict[str, t.Any] = {**INFO, key: None}
    known = MemoryMap.is_described(VmcoreInfo(vmcoreinfo(**kept)))
    assert known == (
        key
        in ("LENGTH(mem_section)", "NUMBER(PG_swapcache)", "NUMBER(PG_hwpoison)",
            "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", "NUMBER(PG_slab)")
    )  # fmt: skip


def test_page_at_the_end_of_a_range_may_be_ram_in_part_and_tells_nothing() -> None:
    # BIOS-e820: 0-9fbff usable, 100000- usable: the page frame 9Fh ends at 9FFFF.
    ram = {*range(0xA0), *range(0x100, 0x200)}
    assert whole_pages([0, 0x50, 0x9F, 0x100, 0x101], ram.__contains__) == [0x50, 0x101]
