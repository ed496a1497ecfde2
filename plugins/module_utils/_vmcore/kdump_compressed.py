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
import sys
import typing as t
from array import array
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.bitmaps import Bitmaps
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    unproven,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_header import read_header
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import Notes
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import is_zero
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import look_at_all

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_HEADERS_AT_ONCE = 1 << 20
# page_desc: offset, size and flags (in one number), page_flags (always 0)
_DESCRIPTOR_SIZE = 24
_DESCRIPTORS_AT_ONCE = 1 << 12
# Size and flags are two numbers of 4 bytes; as one of 8 bytes the first of them is the lower half, or the upper.
_HALF = 32
_HALF_MASK = (1 << _HALF) - 1

# The kernel's VMCOREINFO_BYTES is one page.
_MAX_VMCOREINFO = 1 << 16
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

_Place = tuple[int, int]  # offset, and size with flags


class _Sample:
    """Some of many places, at equal distances."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._step = 1
        self._seen = 0
        self.kept: list[_Place] = []

    def add(self, places: list[_Place]) -> None:
        """See more of them."""
        self.kept += places[-self._seen % self._step :: self._step]
        self._seen += len(places)
        while len(self.kept) > self._most:
            self._step *= 2
            self.kept = self.kept[::2]


class KdumpCompressed:
    """The pages of a dump, or of one part of a split one.

    check_bitmaps() comes first, because it counts the pages.
    """

    def __init__(self, storage: Storage, orders: t.Mapping[str, Order]) -> None:
        self._storage = storage
        self.header = header = read_header(storage, orders)
        self._bitmaps = Bitmaps(storage, header)
        self._cache: dict[int, bytes] = {}
        self._decompress = header.codec.find() if header.codec else None
        codec, block = header.codec, header.block_size
        size_shift, flag_shift = (0, _HALF) if header.order == "<" else (_HALF, 0)
        # What a descriptor can say of a page's data, and how many bytes that are.
        self._as_it_is = block << size_shift
        self._sizes = {self._as_it_is: block}
        if codec:
            self._sizes.update(
                (size << size_shift | codec.flag << flag_shift, size) for size in range(1, block)
            )
        self.format = f"kdump-compressed v{header.format_version} ({header.codec_name})"
        self.page_size = block
        self.machine: str = header.machine
        self.order = header.order
        self.phys_base: int | None = header.phys_base
        self.utsname: bytes | None = header.utsname if header.release else None
        self.late_names = header.late_names
        self.without_memory_map = header.excludes_memory_map
        self.timestamp: int | None = header.timestamp
        self.dump_level: int | None = header.dump_level
        self.has_checksums = codec is not None
        self._zeros = 0
        # Of all pages that have data of their own; of a part of a dump whose descriptors are too many to follow none.
        self._sample = _Sample(2 * _SAMPLES)
        ranges = [(header.notes, header.notes_size)] if header.notes_size else []
        self.notes = Notes(storage, ranges, header.order)
        self.sampled = 0

    @property
    def pages(self) -> int:
        return self._bitmaps.pages

    @property
    def ram_pages(self) -> int:
        return self._bitmaps.ram_pages

    @property
    def zeros_are_absent(self) -> bool:
        """Pages of zeros have a descriptor, unless the dump was made of an ELF file that had left them out.

        Then none of its pages shares the page of zeros, or pages are missing at a dump level that leaves none out.
        """
        if self.header.excludes_zeros:
            return not self._zeros
        return self.dump_level == 0 and self.pages < self.ram_pages

    @property
    def odd_ram(self) -> list[tuple[int, int]]:
        return self._bitmaps.odd_ram

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
        self._bitmaps.require()
        self._bitmaps.count()
        if not self.pages and not self.header.split:
            raise Flaw("incomplete", "The dump has no page at all.")
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
            stop = min(index + _DESCRIPTORS_AT_ONCE, self.pages)
            end = self._follow(index, stop, end, self._sample)
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
        if self._sample.kept:
            for place in self._sample.kept:
                self._page(self._storage.read("a page", place[0], self._size_of(place)), *place)
            self.sampled = len(self._sample.kept)
        else:
            self._read_samples()
        return (
            f"{self.sampled} of {self.pages} pages, all over the dump and not of zeros, were read and "
            "decompressed."
        )

    def has_page(self, frame: int) -> bool:
        return self._bitmaps.index_of(frame) is not None

    def is_ram(self, frame: int) -> bool:
        """Whether the dump says that the host has this page frame."""
        return self._bitmaps.is_ram(frame)

    def absent_frames(self, count: int) -> list[int]:
        """Up to so many page frames that are RAM and not in the dump, all over it."""
        return self._bitmaps.absent_frames(count)

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        data = self._cache.get(frame)
        if data is None:
            if len(self._cache) == _MAX_CACHED_PAGES:
                self._cache.clear()
            index = self._bitmaps.index_of(frame)
            if index is None:
                raise Absent(frame, is_ram=self.is_ram(frame))
            ((offset, what),) = self._places(index, index + 1)
            if what not in self._sizes:
                raise self._impossible(index, (offset, what))
            raw = self._storage.read("a page", offset, self._sizes[what])
            data = self._cache[frame] = self._page(raw, offset, what)
        return data

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left for tools like this one."""
        size = self.header.vmcoreinfo_size
        if not size:
            raise Flaw(
                "unsupported",
                f"The dump has no VMCOREINFO, which describes the kernel: it is {self.notes.origin()}, not kdump's.",
            )
        if size > _MAX_VMCOREINFO:
            raise Flaw("unsupported", f"VMCOREINFO has {size} bytes, more than can be read here.")
        note = self.notes.find_vmcoreinfo()
        if note and (note.start, note.size) != (self.header.vmcoreinfo, size):
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
        for start in range(2 * block, self.header.descriptors, _HEADERS_AT_ONCE):
            size = min(_HEADERS_AT_ONCE, self.header.descriptors - start)
            if self._storage.next_data(start) < start + size:
                data = self._storage.read("the bitmaps", start, size, holes=True)
                if any(data):
                    digest.update(b"%d" % start + data)
        return digest.digest()

    def registers(self) -> list[bytes]:
        """The struct elf_prstatus of each CPU that left its state."""
        return self.notes.registers()

    def count_cpus(self) -> int | None:
        """The CPUs that left their state in the ELF notes; None if the dump has no notes."""
        says = self.header.nr_cpus
        if not self.header.notes_size:
            return says if self.header.format_version < _VERSION_WITH_NOTES else None
        end = self.header.notes + self.header.notes_size
        if self.notes.end != end:
            raise Flaw(
                "unsupported",
                f"The notes end at byte {self.notes.end}, and not at byte {end}, as the header says.",
            )
        cpus = len(self.registers())
        if cpus != says:
            raise Flaw("unsupported", f"The header says {says} CPUs, but {cpus} left their state.")
        return cpus

    @property
    def _first_data(self) -> int:
        return self.header.descriptors + self._bitmaps.all_pages * _DESCRIPTOR_SIZE

    @property
    def _first_page(self) -> int:
        """Where the data of the first page that is not zero begins."""
        return self._first_data + (self.page_size if self._zero_page else 0)

    @property
    def _zero_page(self) -> _Place | None:
        """What the descriptors of all pages of zeros say, if the dump leaves them out."""
        return (self._first_data, self._as_it_is) if self.header.excludes_zeros else None

    def _check_unused(self) -> None:
        """The room for descriptors of other parts' pages."""
        start = self.header.descriptors + self.pages * _DESCRIPTOR_SIZE
        if not is_zero(self._storage, "the page descriptors", start, self._first_data):
            raise Flaw("damaged", "There are page descriptors of pages that are not in the part.")

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

    def _follow(self, start: int, stop: int, end: int, sample: _Sample | None = None) -> int:
        """Where the data of these pages ends, which begins at *end*."""
        zero, sizes = self._zero_page, self._sizes
        places = list(self._places(start, stop))
        for index, place in enumerate(places, start):
            offset, what = place
            if offset == end and what in sizes:
                end += sizes[what]
            elif place == zero:
                self._zeros += 1
            else:
                raise self._flaw_of(index, place, end)
        if sample:
            sample.add(self._own(places))
        return end

    def _flaw_of(self, index: int, place: _Place, end: int) -> Flaw:
        # Where makedumpfile was ended between the two, a descriptor has its place already, and not yet its size.
        begun = place == (end, 0)
        if place == (0, 0) or begun:
            start = self.header.descriptors + (index + begun) * _DESCRIPTOR_SIZE
            end = self.header.descriptors + self.pages * _DESCRIPTOR_SIZE
            if is_zero(self._storage, "the page descriptors", start, end):
                return Flaw(
                    "incomplete",
                    f"The last {self.pages - index} of {self.pages} page descriptors are empty: "
                    "their pages were never written.",
                )
            return Flaw(
                "damaged",
                f"Page descriptor {index} of {self.pages} is empty, but not all behind it.",
            )
        return self._impossible(index, place, end)

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
        self._storage.require_end("The data of the pages", end)

    def _places(self, start: int, stop: int) -> t.Iterator[_Place]:
        at = self.header.descriptors + start * _DESCRIPTOR_SIZE
        data = self._storage.read("the page descriptors", at, (stop - start) * _DESCRIPTOR_SIZE)
        words = array("Q", data)
        if (self.header.order == "<") != (sys.byteorder == "little"):
            words.byteswap()
        if any(words[2::3]):
            raise Flaw("damaged", f"The page descriptors from {start} to {stop} have page flags.")
        return zip(words[0::3], words[1::3])

    def _read_pages(self, piece: tuple[int, int]) -> int:
        """Read and decompress a run of pages, whose data is one piece."""
        places = list(self._places(*piece))
        own = self._own(places)
        if own:
            begin = own[0][0]
            end = own[-1][0] + self._size_of(own[-1])
            if not 0 <= end - begin <= len(own) * self.page_size:
                raise Flaw("damaged", "The page descriptors changed while they were read.")
            data = self._storage.read("the data of the pages", begin, end - begin)
            for offset, what in own:
                at = offset - begin
                self._page(data[at : at + self._size_of((offset, what))], offset, what)
        return len(places)

    def _read_samples(self) -> None:
        """Read and decompress two pages at each of many places, or behind it if there only zeros are."""
        step = max(1, self.pages // _SAMPLES)
        for number in range(_SAMPLES):
            index = number * self.pages // _SAMPLES
            own: list[_Place] = []
            stop = index
            while len(own) < 2 and stop < min(
                index + step, index + _DESCRIPTORS_AT_ONCE, self.pages
            ):
                start, stop = stop, min(stop + _SAMPLE, index + step, self.pages)
                own += self._own(self._places(start, stop))
            for place in own[:1] + own[1:][-1:]:
                self._page(self._storage.read("a page", place[0], self._size_of(place)), *place)
                self.sampled += 1

    def _own(self, places: t.Iterable[_Place]) -> list[_Place]:
        """Those that do not share the page of zeros."""
        zero = self._zero_page
        return [place for place in places if place != zero]

    def _size_of(self, place: _Place) -> int:
        size = self._sizes.get(place[1])
        if size is None:
            raise Flaw("damaged", "The page descriptors changed while they were read.")
        return size

    def _page(self, data: bytes, offset: int, what: int) -> bytes:
        """The content of a page from its data."""
        if what == self._as_it_is:
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

    def _impossible(self, index: int, place: _Place, end: int | None = None) -> Flaw:
        offset, what = place
        size, flags = what & _HALF_MASK, what >> _HALF
        if self.header.order == ">":
            size, flags = flags, size
        expected = "" if end is None else f"; the data of its page begins at byte {end}"
        return Flaw(
            "damaged",
            f"Page descriptor {index} of {self.pages} says {size} bytes with flags {hex(flags)} at byte "
            f"{offset}{expected}.",
        )


__all__ = ("KdumpCompressed",)
