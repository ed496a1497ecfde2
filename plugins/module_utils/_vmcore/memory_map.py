# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kernel's own list of its RAM: a struct page for each page frame.

makedumpfile leaves out what this list says is free, a cache, or memory of a process. So a page that is not in the dump
must be one of these (makedumpfile.c, __exclude_unnecessary_pages()). What the fields of struct page are is in
VMCOREINFO. The list lies in pieces, one for each section of RAM (mm/sparse.c): mem_section is an array of
pointers to arrays of struct mem_section, of which section_mem_map is the address of the piece, minus what its
first page frame would need, with flags in the lowest bits.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    UINT,
    ULONG,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    KernelFlaw,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_FLAGS = (1 << 6) - 1
_PRESENT = 0b11  # SECTION_MARKED_PRESENT and SECTION_HAS_MEM_MAP
_MAX_PAGE = 1 << 8
_MAX_SECTION = 1 << 8
_MAX_ROOTS = 1 << 22
_SECTION_BITS = range(20, 40)
_UINT = (1 << 32) - 1
# Since Linux 6.12 a type is the upper byte, and data of it may be in the others.
_TYPE_DATA = (1 << 24) - 1
# What VMCOREINFO says struct page has in the place of a map count, for pages that are left out or are not RAM:
# free ones, those that a hypervisor took back, and huge pages.
_TYPES = (
    "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)",
    "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)",
    "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)",
    "NUMBER(PAGE_UNACCEPTED_MAPCOUNT_VALUE)",
)
# The kernel's own objects: a type since Linux 6.10, a flag before. A makedumpfile that does not know the type takes the
# fields of a slab for those of a process's page (makedumpfile 1.7.2 with Linux 6.12).
_SLAB_TYPE = "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)"
_SLAB_FLAG = "NUMBER(PG_slab)"
_FLAGS_LEFT_OUT = ("NUMBER(PG_lru)", "NUMBER(PG_swapcache)", "NUMBER(PG_hwpoison)")
_NEEDED = (
    "SYMBOL(mem_section)",
    "SIZE(mem_section)",
    "OFFSET(mem_section.section_mem_map)",
    "NUMBER(SECTION_SIZE_BITS)",
    "SIZE(page)",
    "OFFSET(page.flags)",
    "OFFSET(page._refcount)",
    "OFFSET(page.mapping)",
    "OFFSET(page._mapcount)",
    "OFFSET(page.compound_head)",
    "NUMBER(PG_lru)",
    "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)",
)


# Who has a page: the kernel itself; somebody else, so that it may be left out; or that cannot be told.
Use = t.Literal["kernel", "others", "unknown"]
# Lowest bit: of an address of struct anon_vma (mapping), or of a head page (compound_head).
_MARK = 1


class _Page(t.NamedTuple):
    """What is read of a struct page."""

    flags: int
    mapping: int
    head: int
    users: int
    kind: int


class MemoryMap:
    """The struct page of page frames."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        self._memory = memory
        self._sections = info.address("mem_section")
        self._section = info.size("mem_section", 8, _MAX_SECTION)
        self._map = info.field("mem_section.section_mem_map", 8, self._section)
        bits = info.bounded("NUMBER(SECTION_SIZE_BITS)", _SECTION_BITS[0], _SECTION_BITS[-1])
        self._frames = (1 << bits) // memory.page_size
        self._page = info.size("page", 32, _MAX_PAGE)
        self._flags = info.field("page.flags", 8, self._page)
        self._count = info.field("page._refcount", 4, self._page)
        self._mapping = info.field("page.mapping", 8, self._page)
        self._mapcount = info.field("page._mapcount", 4, self._page)
        self._head = info.field("page.compound_head", 8, self._page)
        # makedumpfile takes what is on the lists of caches for a cache, also if its file is gone.
        self._left_out = sum(
            1 << info.bounded(key, 0, 63) for key in _FLAGS_LEFT_OUT if key in info
        )
        self._slab_flag = 1 << info.bounded(_SLAB_FLAG, 0, 63) if _SLAB_FLAG in info else 0
        self._slab_type = info.number(_SLAB_TYPE) & _UINT if _SLAB_TYPE in info else None
        self._types = {info.number(key) & _UINT for key in _TYPES if key in info}
        self._length = info.number("LENGTH(mem_section)", _MAX_ROOTS)

    @staticmethod
    def is_described(info: VmcoreInfo) -> bool:
        """Whether this kernel says where its list is."""
        return all(key in info for key in _NEEDED)

    def use(self, frame: int) -> Use:
        """Who has a page. Raise a Flaw if the kernel's list does not have it.

        It is the kernel's if it is a slab, or has users, belongs to no file and no process, and is of none of the
        kinds that are left out; it may be left out if it is of one of these, or free.
        """
        page = self._read(self._address(frame))
        if page.head & _MARK:
            # Of a page in the middle of a large one only the first says what it is.
            first = self._read(page.head & ~_MARK)
            if self._is_slab(first):
                return "kernel"
            return "others" if self._is_left_out(first) else "unknown"
        if self._is_slab(page):
            return "kernel"
        if self._is_left_out(page) or page.users == 0:
            return "others"
        return "kernel" if page.users < 1 << 31 and not page.mapping else "unknown"

    def is_slab(self, frame: int) -> bool:
        """Whether a page is one of the kernel's own objects. Raise a Flaw if the kernel's list does not have it."""
        page = self._read(self._address(frame))
        return self._is_slab(self._read(page.head & ~_MARK) if page.head & _MARK else page)

    def _is_slab(self, page: _Page) -> bool:
        by_type = self._slab_type is not None and page.kind & ~_TYPE_DATA == self._slab_type
        return page.users > 0 and (by_type or bool(page.flags & self._slab_flag))

    def _is_left_out(self, page: _Page) -> bool:
        return bool(
            page.flags & self._left_out
            or page.kind in self._types
            or page.kind & ~_TYPE_DATA in self._types
            or (page.mapping & _MARK and page.users)
        )

    def _read(self, address: int) -> _Page:
        data, order = self._memory.read(address, self._page), self._memory.order
        return _Page(
            flags=ULONG[order].unpack_from(data, self._flags)[0],
            mapping=ULONG[order].unpack_from(data, self._mapping)[0],
            head=ULONG[order].unpack_from(data, self._head)[0],
            users=UINT[order].unpack_from(data, self._count)[0],
            kind=UINT[order].unpack_from(data, self._mapcount)[0],
        )

    def _address(self, frame: int) -> int:
        """Where the struct page of a page frame is."""
        section = frame // self._frames
        per_root = self._memory.page_size // self._section
        root, index = divmod(section, per_root)
        if root >= self._length:
            raise KernelFlaw(f"The kernel has no struct page of the page frame {hex(frame)}.")
        array = self._memory.ulong(self._sections + root * 8)
        if not array:
            raise KernelFlaw(f"The kernel has no struct page of the page frame {hex(frame)}.")
        encoded = self._memory.ulong(array + index * self._section + self._map)
        if encoded & _PRESENT != _PRESENT:
            raise KernelFlaw(f"The kernel has no struct page of the page frame {hex(frame)}.")
        return (encoded & ~_FLAGS) + frame * self._page & (1 << 64) - 1


class Excluded(t.NamedTuple):
    """What was seen of pages that are not in the dump."""

    seen: int
    kernels: list[int]  # page frames that the kernel uses itself


def look_at_excluded(
    memory_map: MemoryMap, frames: t.Iterable[int], *, in_parts: bool = False
) -> Excluded:
    """Look at the struct page of each of these frames. What cannot be read is left out of the count.

    With C(in_parts) the dump was allowed to leave parts of the list out, of pages that it does not have. The pages of
    these parts are the kernel's as well, so only slabs say that too much was left out.
    """
    seen, kernels = 0, []
    for frame in frames:
        try:
            use = memory_map.use(frame)
        except Absent as absent:
            if absent.is_ram and not in_parts:
                raise _no_list(absent, frame) from None
            continue
        except Flaw:
            continue
        seen += 1
        if use == "kernel" and (not in_parts or memory_map.is_slab(frame)):
            kernels.append(frame)
    return Excluded(seen, kernels)


def whole_pages(frames: t.Iterable[int], is_ram: t.Callable[[int], bool]) -> list[int]:
    """Return the page frames that are certainly RAM as a whole: those inside of a range of RAM.

    A range need not end where a page does: C(BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable) has three
    quarters of the page frame 9Fh. The kernel keeps such a page for itself (mm/memblock.c, __free_memory_core(), gives
    away whole pages only), and makedumpfile 1.6.8 and 1.7.2 leave the page out with Linux 5.10 and 6.1.
    """
    return [frame for frame in frames if is_ram(frame - 1) and is_ram(frame + 1)]


def _no_list(absent: Absent, frame: int) -> Absent:
    return Absent(
        absent.frame,
        is_ram=True,
        sentence="The dump does not have what the kernel's list of its RAM says of the page frame "
        f"{hex(frame)}: it is in page frame {hex(absent.frame)}, which no dump level leaves out.",
    )


__all__ = ("Excluded", "MemoryMap", "Use", "look_at_excluded", "whole_pages")
