# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The pages of a dump in the kdump-compressed format.

makedumpfile's IMPLEMENTATION, and write_kdump_pages_and_bitmap_cyclic() of makedumpfile.c. In blocks of
the size of a page:

    block 0               disk_dump_header
    block 1               kdump_sub_header, then the ELF notes with VMCOREINFO (sub_hdr_size blocks)
    then                  bitmap_blocks blocks: a bit for each page frame that is RAM,
                          then a bit for each page frame that is in the dump
    then                  a page_desc for each page in the dump, in the order of the frames
    then                  one page of zeros, if dump_level bit 0 is set: all zero pages share it
    then                  the data of all other pages, in the same order, without gaps
    then                  the erase information, if there is any

A part of a split dump has the bitmaps and the room for descriptors of the whole dump, but the pages of
its range of frames only.
"""

from __future__ import annotations

import hashlib
import re
import sys
import typing as t
from array import array
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.bits import popcount, within
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, unproven
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_header import read_header
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import (
    count_cpus,
    find_vmcoreinfo,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import look_at_all

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# What pages_before has an entry for: bytes of a bitmap.
_BLOCK = 4096
_BITMAP_AT_ONCE = 1 << 20
# page_desc: offset, size and flags (in one number), page_flags (always 0)
_DESCRIPTOR_SIZE = 24
_DESCRIPTORS_AT_ONCE = 1 << 12
_SIZE_MASK = (1 << 32) - 1
_FLAGS_SHIFT = 32

# The kernel's VMCOREINFO_BYTES is one page.
_MAX_VMCOREINFO = 1 << 16
_MAX_NOTES = 1 << 26
_VERSION_WITH_NOTES = 4
# Up to here a quick look follows all descriptors (96 MiB of them), above it the last ones and samples.
_FOLLOWED = 1 << 22
_LAST = 1 << 14
# How many places a quick look reads pages at, at equal distances over the descriptors; two at each.
_SAMPLES = 1024
_SAMPLE = 32
# The data of a run of pages, which one process reads at once.
_DATA_AT_ONCE = 1 << 24
_MAX_CACHED_PAGES = 1024
# Fields of the sub header that each part of a split dump has of its own: the range of its frames, twice,
# and the place of the erase information.
_OWN_STARTS = (16, 64)
_OWN_ENDS = (32, 96)
# No compressor leaves a page as it is that has so many zeros in a row.
_NO_ZEROS = bytes(512)

# A byte of the first bitmap that is not like those around it.
_ODD_RAM = re.compile(rb"(?<=\xff)[^\xff](?=\xff)|(?<=\0)[^\0](?=\0)", re.DOTALL)
_MAX_ODD = 1000

_Place = tuple[int, int]  # offset, and size with flags above it


class KdumpCompressed:
    """The pages of a dump, or of one part of a split one.

    check_bitmaps() comes first, because it counts the pages.
    """

    def __init__(self, storage: Storage, machines: t.Container[str]) -> None:
        self._storage = storage
        self.header = header = read_header(storage, machines)
        self._pages_before = array("Q")  # each block of the second bitmap
        self._cache: dict[int, bytes] = {}
        self._decompress = header.codec.find() if header.codec else None
        codec, block = header.codec, header.block_size
        # What a descriptor can say of a page's data.
        self._sizes = {block: block}
        if codec:
            self._sizes.update(
                (size | codec.flag << _FLAGS_SHIFT, size) for size in range(1, block)
            )
        self.format = f"kdump-compressed v{header.format_version} ({header.codec_name})"
        self.page_size = block
        self.machine: str = header.machine
        self.phys_base: int | None = header.phys_base
        self.utsname: bytes | None = header.utsname if header.release else None
        self.timestamp: int | None = header.timestamp
        self.pages = 0
        self._all_pages = 0  # of all parts
        self.ram_pages = 0
        self.sampled = 0
        self.odd_ram: list[tuple[int, int]] = []

    def checks(self, how: How) -> list[tuple[str, Look]]:
        """Looks that depend on the ones before, in their order."""
        return [
            ("finished", self.check_finished),
            ("bitmaps", self.check_bitmaps),
            ("descriptors", partial(self.check_descriptors, full=how.full)),
            ("pages", partial(self.check_pages, how)),
        ]

    def check_finished(self) -> str:
        """makedumpfile's own mark. A flattened stream never has it: see Flattened.check()."""
        if self.header.incomplete:
            raise Flaw(
                "incomplete",
                "makedumpfile marked the dump as incomplete: it could not write all of it, "
                "most likely because there was no space left.",
            )
        return "makedumpfile did not mark the dump as incomplete."

    def check_bitmaps(self) -> str:
        """Count the pages. Each page in the dump must be RAM."""
        header = self.header
        size = 2 * header.bitmap_size
        self._storage.require("the bitmaps", header.bitmap, size, holes=True)
        if size > self._storage.stored:
            raise Flaw("damaged", f"Bitmaps of {size} bytes are more than the file holds.")
        for start in range(0, header.bitmap_size, _BITMAP_AT_ONCE):
            self._count(start, min(_BITMAP_AT_ONCE, header.bitmap_size - start))
        if not self.pages and not header.split:
            raise Flaw("damaged", "The dump has no page at all.")
        return f"{self.pages} of {self.ram_pages} pages of RAM are in the dump."

    def check_descriptors(self, *, full: bool = False) -> str:
        """The data of all pages must follow each other without a gap, to the end of the dump."""
        table, first = self.header.descriptors, self._first_data
        self._storage.require("the page descriptors", table, first - table, holes=True)
        self._check_unused()
        if not full and self.pages > _FOLLOWED:
            return self._check_some_descriptors()
        end = self._first_page
        for index in range(0, self.pages, _DESCRIPTORS_AT_ONCE):
            end = self._follow(index, min(index + _DESCRIPTORS_AT_ONCE, self.pages), end)
        self._check_end(end)
        return f"The data of {self.pages} pages has no gap and ends where it must, at byte {end}."

    def check_pages(self, how: How) -> str:
        """Decompress an even sample of the pages, or all of them."""
        codec = self.header.codec
        if codec and not self._decompress:
            raise Flaw(
                "unsupported",
                f"The pages are compressed with {codec.name}, which this host cannot decompress.",
            )
        zero = self._zero_page
        if zero is not None and any(
            self._storage.read("the page of zeros", zero[0], self.page_size)
        ):
            raise Flaw("damaged", "The page of zeros that all zero pages share has other content.")
        if how.full or self.pages <= 2 * _SAMPLES:
            step = max(1, _DATA_AT_ONCE // self.page_size)
            pieces = [
                (start, min(start + step, self.pages)) for start in range(0, self.pages, step)
            ]
            result = look_at_all(pieces, self._read_pages, how.jobs, how.progress)
            self.sampled = result.done
            if result.flaw:
                raise result.flaw
            if how.full and not codec:
                raise unproven(self.pages)
            return f"All {self.pages} pages were read and decompressed."
        for number in range(_SAMPLES):
            self._read_sample(number * self.pages // _SAMPLES)
        return (
            f"{self.sampled} of {self.pages} pages, at {_SAMPLES} places all over the dump, "
            "were read and decompressed."
        )

    def has_page(self, frame: int) -> bool:
        return self._descriptor_index(frame) is not None

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        data = self._cache.get(frame)
        if data is None:
            if len(self._cache) == _MAX_CACHED_PAGES:
                self._cache.clear()
            index = self._descriptor_index(frame)
            if index is None:
                raise Flaw("damaged", f"Page frame {hex(frame)} is not in the dump.")
            ((offset, what),) = self._places(index, index + 1)
            if what not in self._sizes:
                raise _impossible(index, self.pages, (offset, what))
            raw = self._storage.read("a page", offset, self._sizes[what])
            data = self._cache[frame] = self._page(raw, offset, what)
        return data

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left for tools like this one."""
        size = self.header.vmcoreinfo_size
        if not 0 < size <= _MAX_VMCOREINFO:
            raise Flaw("damaged", f"VMCOREINFO, which describes the kernel, has {size} bytes.")
        notes = self._read_notes()
        note = find_vmcoreinfo(notes) if notes else None
        if note and (self.header.notes + note.start, note.size) != (self.header.vmcoreinfo, size):
            raise Flaw("damaged", "VMCOREINFO is not where the header says.")
        return self._storage.read("VMCOREINFO", self.header.vmcoreinfo, size)

    def digest_of_headers(self) -> bytes:
        """A hash of all before the page descriptors but what parts of a split dump have of their own."""
        block = self.header.block_size
        digest = hashlib.sha256()
        digest.update(self._storage.read("the header", 0, block, holes=True))
        for start, end in zip((0, *_OWN_ENDS), (*_OWN_STARTS, block)):
            data = self._storage.read("the sub header", block + start, end - start, holes=True)
            digest.update(data)
        for start in range(2 * block, self.header.descriptors, _BITMAP_AT_ONCE):
            size = min(_BITMAP_AT_ONCE, self.header.descriptors - start)
            digest.update(self._storage.read("the bitmaps", start, size, holes=True))
        return digest.digest()

    def count_cpus(self) -> int | None:
        """The CPUs that left their state in the ELF notes; None if the dump has no notes."""
        notes, says = self._read_notes(), self.header.nr_cpus
        if notes is None:
            return says if self.header.format_version < _VERSION_WITH_NOTES else None
        cpus = count_cpus(notes)
        if cpus != says:
            raise Flaw("damaged", f"The header says {says} CPUs, but {cpus} left their state.")
        return cpus

    def _read_notes(self) -> bytes | None:
        header = self.header
        if not 0 < header.notes_size <= _MAX_NOTES:
            return None
        return self._storage.read("the notes", header.notes, header.notes_size)

    @property
    def _first_data(self) -> int:
        return self.header.descriptors + self._all_pages * _DESCRIPTOR_SIZE

    @property
    def _first_page(self) -> int:
        """Where the data of the first page that is not zero begins."""
        return self._first_data + (self.page_size if self._zero_page else 0)

    @property
    def _zero_page(self) -> _Place | None:
        """What the descriptors of all pages of zeros say, if the dump leaves them out."""
        return (self._first_data, self.page_size) if self.header.excludes_zeros else None

    def _count(self, start: int, size: int) -> None:
        """Count the pages of a piece of the bitmaps, from a byte on."""
        header = self.header
        ram = self._storage.read("the bitmaps", header.bitmap + start, size, holes=True)
        dumped = self._dumped(start, size)
        first, last = start * 8, (start + size) * 8
        bits, dumped_bits = int.from_bytes(ram, "little"), int.from_bytes(dumped, "little")
        if dumped_bits & ~bits:
            raise Flaw(
                "damaged",
                "The bitmaps contradict each other: pages that are not RAM are in the dump, "
                f"between the page frames {hex(first)} and {hex(last)}.",
            )
        if last > header.frames and bits >> max(header.frames - first, 0):
            raise Flaw(
                "damaged",
                "The bitmaps contradict the header: there are pages behind the page frame "
                f"{hex(header.frames)}.",
            )
        self.ram_pages += popcount(ram)
        self._note_odd_ram(ram, first)
        self._all_pages += popcount(dumped)
        own = within(dumped, first, header.start, header.end)
        for block in range(0, size, _BLOCK):
            self._pages_before.append(self.pages)
            piece = own[block : block + _BLOCK]
            self.pages += popcount(piece)

    def _note_odd_ram(self, ram: bytes, first: int) -> None:
        """Note where less than 16 page frames in a row are RAM, or are not, among others."""
        for block in range(0, len(ram), _BLOCK):
            # A byte of the neighbours is part of it; most blocks are all RAM, or none of it.
            start = max(block - 1, 0)
            piece = ram[start : block + _BLOCK + 1]
            if piece.count(piece[0]) != len(piece) and len(self.odd_ram) < _MAX_ODD:
                self.odd_ram += [
                    (first + (start + match.start()) * 8, first + (start + match.end()) * 8)
                    for match in _ODD_RAM.finditer(piece)
                ]

    def _dumped(self, start: int, size: int) -> bytes:
        # A bitmap is written to its last used byte only.
        at = self.header.bitmap + self.header.bitmap_size + start
        return self._storage.read("the bitmaps", at, size, holes=True)

    def _check_unused(self) -> None:
        """The room for descriptors of other parts' pages."""
        step = _DESCRIPTORS_AT_ONCE * _DESCRIPTOR_SIZE
        start = self.header.descriptors + self.pages * _DESCRIPTOR_SIZE
        for at in range(start, self._first_data, step):
            size = min(step, self._first_data - at)
            if any(self._storage.read("the page descriptors", at, size, holes=True)):
                raise Flaw(
                    "damaged", "There are page descriptors of pages that are not in the part."
                )

    def _check_some_descriptors(self) -> str:
        """Follow the last descriptors, and short runs of them at equal distances."""
        start, end = self.pages, None
        while end is None:
            # The last pages can all be zeros, which have no data of their own.
            start = max(start - _LAST, 0)
            end = self._first_page if start == 0 else self._first_own(start, self.pages)
        for index in range(start, self.pages, _DESCRIPTORS_AT_ONCE):
            end = self._follow(index, min(index + _DESCRIPTORS_AT_ONCE, self.pages), end)
        self._check_end(end)
        last = self._first_page
        for number in range(_SAMPLES):
            index = number * self.pages // _SAMPLES
            stop = min(index + _SAMPLE, self.pages)
            begin = self._first_page if index == 0 else self._first_own(index, stop)
            if begin is None:
                continue
            # Each of the pages before has at most a page of data, and those behind have some too.
            if not last <= begin <= self._first_page + index * self.page_size:
                raise Flaw(
                    "damaged",
                    f"The data of the pages from {index} on cannot begin at byte {begin}.",
                )
            last = self._follow(index, stop, begin)
        return (
            f"The data of {self.pages} pages ends where it must, at byte {end}, and has no gap at "
            f"{_SAMPLES} places all over the dump."
        )

    def _first_own(self, start: int, stop: int) -> int | None:
        """Where the data begins of the first of these pages that is not zero."""
        zero = self._zero_page
        for place in self._places(start, stop):
            if place != zero and place[0]:
                return place[0]
        return None

    def _follow(self, start: int, stop: int, end: int) -> int:
        """Where the data of these pages ends, which begins at *end*."""
        zero, sizes = self._zero_page, self._sizes
        for index, place in enumerate(self._places(start, stop), start):
            offset, what = place
            if offset == end and what in sizes:
                end += sizes[what]
            elif place != zero:
                raise self._flaw_of(index, place, end)
        return end

    def _flaw_of(self, index: int, place: _Place, end: int) -> Flaw:
        if place == (0, 0):
            if not any(offset or what for offset, what in self._all_places(index)):
                return Flaw(
                    "incomplete",
                    f"The last {self.pages - index} of {self.pages} page descriptors are empty: "
                    "their pages were never written.",
                )
            return Flaw(
                "damaged",
                f"Page descriptor {index} of {self.pages} is empty, but not all behind it.",
            )
        return _impossible(index, self.pages, place, end)

    def _check_end(self, end: int) -> None:
        header = self.header
        self._storage.require("the data of the pages", self._first_data, end - self._first_data)
        if header.eraseinfo_size:
            self._storage.require("the erase information", header.eraseinfo, header.eraseinfo_size)
            if header.eraseinfo != end:
                raise Flaw(
                    "damaged",
                    f"The erase information begins at byte {header.eraseinfo}, but the data of the "
                    f"pages ends at byte {end}.",
                )
            end += header.eraseinfo_size
        if end != self._storage.size:
            raise Flaw(
                "damaged",
                f"The data of the pages ends at byte {end}, but the dump ends at byte "
                f"{self._storage.size}.",
            )

    def _all_places(self, start: int) -> t.Iterator[_Place]:
        for index in range(start, self.pages, _DESCRIPTORS_AT_ONCE):
            yield from self._places(index, min(index + _DESCRIPTORS_AT_ONCE, self.pages))

    def _places(self, start: int, stop: int) -> t.Iterator[_Place]:
        at = self.header.descriptors + start * _DESCRIPTOR_SIZE
        data = self._storage.read("the page descriptors", at, (stop - start) * _DESCRIPTOR_SIZE)
        words = array("Q", data)
        if sys.byteorder == "big":
            words.byteswap()
        if any(words[2::3]):
            raise Flaw("damaged", f"The page descriptors from {start} to {stop} have page flags.")
        return zip(words[0::3], words[1::3])

    def _read_pages(self, piece: tuple[int, int]) -> int:
        """Read and decompress a run of pages, whose data is one piece."""
        zero = self._zero_page
        places = list(self._places(*piece))
        own = [place for place in places if place != zero]
        if own:
            begin = own[0][0]
            end = own[-1][0] + (own[-1][1] & _SIZE_MASK)
            if not 0 <= end - begin <= len(own) * self.page_size:
                raise Flaw("damaged", "The page descriptors changed while they were read.")
            data = self._storage.read("the data of the pages", begin, end - begin)
            for offset, what in own:
                at = offset - begin
                self._page(data[at : at + (what & _SIZE_MASK)], offset, what)
        return len(places)

    def _read_sample(self, index: int) -> None:
        """Read and decompress the first and the last of a short run of pages."""
        zero = self._zero_page
        stop = min(index + _SAMPLE, self.pages)
        own = [place for place in self._places(index, stop) if place != zero]
        for offset, what in (own[:1] + own[1:][-1:]) if own else ():
            data = self._storage.read("a page", offset, what & _SIZE_MASK)
            self._page(data, offset, what)
            self.sampled += 1

    def _descriptor_index(self, frame: int) -> int | None:
        if not self.header.start <= frame < self.header.end:
            return None
        byte, bit = divmod(frame, 8)
        block, byte = divmod(byte, _BLOCK)
        first = block * _BLOCK
        bits = self._dumped(first, min(_BLOCK, self.header.bitmap_size - first))
        bits = within(bits, first * 8, self.header.start, self.header.end)
        if not bits[byte] >> bit & 1:
            return None
        before = bits[byte] & ((1 << bit) - 1)
        return self._pages_before[block] + popcount(bits[:byte]) + popcount(bytes((before,)))

    def _page(self, data: bytes, offset: int, what: int) -> bytes:
        """The content of a page from its data."""
        if what == self.page_size:
            self._check_stored(data, offset)
            return data
        if not self._decompress:
            raise Flaw("unsupported", f"A page is compressed with {self.header.codec_name}.")
        try:
            page = self._decompress(data, self.page_size)
        except ValueError as exc:
            raise Flaw(
                "damaged", f"The page at byte {offset} cannot be decompressed: {exc}."
            ) from exc
        if len(page) != self.page_size:
            raise Flaw(
                "damaged",
                f"The page at byte {offset} is not {self.page_size} bytes after decompression.",
            )
        return page

    def _check_stored(self, data: bytes, offset: int) -> None:
        """A page that is stored as it is has no checksum, but a reason: no compressor made it smaller.

        So a hole of zeros in it can be seen; in a dump without a compressor, where a page of zeros
        should have been left out, only if the hole is the whole page.
        """
        if offset == self._first_data and self._zero_page:
            return
        if (self.header.codec and _NO_ZEROS in data) or (self._zero_page and not any(data)):
            raise Flaw(
                "damaged",
                f"The page at byte {offset} is not what was written: its zeros would have been "
                "compressed or left out.",
            )


def _impossible(index: int, pages: int, place: _Place, end: int | None = None) -> Flaw:
    offset, what = place
    size, flags = what & _SIZE_MASK, what >> _FLAGS_SHIFT
    expected = "" if end is None else f"; the data of its page begins at byte {end}"
    return Flaw(
        "damaged",
        f"Page descriptor {index} of {pages} says {size} bytes with flags {hex(flags)} at byte "
        f"{offset}{expected}.",
    )


__all__ = ("KdumpCompressed",)
