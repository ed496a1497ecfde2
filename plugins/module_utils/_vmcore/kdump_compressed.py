# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kdump-compressed format, header version 6, of an x86_64 kernel.

makedumpfile's diskdump_mod.h and IMPLEMENTATION, and write_kdump_header() and
write_kdump_pages_and_bitmap_cyclic() of makedumpfile.c. Little endian, in blocks of 4096 bytes:

    block 0               disk_dump_header
    block 1               kdump_sub_header, then the ELF notes with VMCOREINFO (sub_hdr_size blocks)
    then                  bitmap_blocks blocks: a bit for each page frame that is RAM,
                          then a bit for each page frame that is in the dump
    then                  a page_desc for each page in the dump, in the order of the frames
    then                  one page of zeros, if dump_level bit 0 is set: all zero pages share it
    then                  the data of all other pages, in the same order, without gaps
    then                  the erase information, if there is any
"""

from __future__ import annotations

import struct
import sys
import typing as t
import zlib
from array import array

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_BLOCK = 4096
# signature, header_version, utsname (sysname, nodename, release, version, machine, domainname),
# timestamp (seconds, microseconds), status, block_size, sub_hdr_size, bitmap_blocks,
# max_mapnr, total_ram_blocks, device_blocks, written_blocks, current_cpu, nr_cpus
_HEADER = struct.Struct("<8si65s65s65s65s65s65s6xqqIiiIIIIIIi")
# phys_base, dump_level, split, start_pfn, end_pfn, offset and size of VMCOREINFO, of the notes and
# of the erase information, start_pfn_64, end_pfn_64, max_mapnr_64
_SUB_HEADER = struct.Struct("<QiiQQQQQQQQQQQ")
# offset, size, flags; page_flags (always 0) is left out
_DESCRIPTOR = struct.Struct("<QII8x")
_DESCRIPTORS_AT_ONCE = 4096

# status of the header, flags of a page
_CODECS = {0x1: "zlib", 0x2: "lzo", 0x4: "snappy", 0x20: "zstd"}
_ANY_CODEC = 0x1 | 0x2 | 0x4 | 0x20
_ZLIB = 0x1
_FAST = 1  # the level that makedumpfile uses
_READABLE = ("zlib", "uncompressed")
_INCOMPLETE = 0x8
_EXCLUDED_VMEMMAP = 0x10
# dump_level
_EXCLUDE_ZERO = 0x1

# The kernel's VMCOREINFO_BYTES is one page.
_MAX_VMCOREINFO = 1 << 16
# How many pages a quick look decompresses, at equal distances over the data.
_SAMPLES = 2048
_MAX_CACHED_PAGES = 1024

_Place = tuple[int, int, int]  # offset, size and flags of a page's data


class Header(t.NamedTuple):
    """What disk_dump_header and kdump_sub_header say, in bytes instead of blocks."""

    nodename: str
    release: str
    version: str
    machine: str
    status: int
    nr_cpus: int
    dump_level: int
    vmcoreinfo: int
    vmcoreinfo_size: int
    eraseinfo: int
    eraseinfo_size: int
    bitmap: int
    bitmap_size: int  # of each of the two
    descriptors: int

    @property
    def codec(self) -> str:
        """The compressor of the pages; a page that does not shrink is stored as it is."""
        return _CODECS.get(self.status & _ANY_CODEC, "uncompressed")


def _read_header(storage: Storage) -> Header:
    """Read both headers; raise a Flaw for what this format, version and machine cannot have."""
    fields = _HEADER.unpack(storage.read("the header", 0, _HEADER.size))
    header_version = fields[1]
    nodename, release, version, machine = map(_text, fields[3:7])
    status, block_size, sub_header_blocks, bitmap_blocks = fields[10:14]
    _require("header version", header_version, 1 <= header_version <= 6)
    _require_supported("header version", header_version, 6)
    _require("machine", machine, machine.isidentifier())
    _require_supported("machine", machine, "x86_64")
    _require("block size", block_size, block_size == _BLOCK)
    _require("size of the sub header", sub_header_blocks, sub_header_blocks >= 1)
    _require("size of the bitmaps", bitmap_blocks, bitmap_blocks > 0 and bitmap_blocks % 2 == 0)
    _require("status", status, not status & ~(_ANY_CODEC | _INCOMPLETE | _EXCLUDED_VMEMMAP))
    _require("compressor", status, status & _ANY_CODEC in {0, *_CODECS})

    fields_of_sub_header = storage.read("the sub header", _BLOCK, _SUB_HEADER.size)
    _phys_base, dump_level, split, *rest = _SUB_HEADER.unpack(fields_of_sub_header)
    vmcoreinfo, vmcoreinfo_size, notes, notes_size, eraseinfo, eraseinfo_size = rest[2:8]
    max_mapnr = rest[10]
    if split:
        raise Flaw(
            "unsupported",
            "The file is one part of a split dump; join the parts with makedumpfile --reassemble.",
        )
    bitmap = (1 + sub_header_blocks) * _BLOCK
    bitmap_size = bitmap_blocks // 2 * _BLOCK
    _require("number of page frames", max_mapnr, 0 < max_mapnr <= bitmap_size * 8)
    _require("place of the notes", notes, notes + notes_size <= bitmap)
    _require("place of VMCOREINFO", vmcoreinfo, vmcoreinfo + vmcoreinfo_size <= bitmap)
    return Header(
        nodename=nodename,
        release=release,
        version=version,
        machine=machine,
        status=status,
        nr_cpus=fields[19],
        dump_level=dump_level,
        vmcoreinfo=vmcoreinfo,
        vmcoreinfo_size=vmcoreinfo_size,
        eraseinfo=eraseinfo,
        eraseinfo_size=eraseinfo_size,
        bitmap=bitmap,
        bitmap_size=bitmap_size,
        descriptors=bitmap + 2 * bitmap_size,
    )


class KdumpCompressed:
    """The pages of a dump.

    check_bitmaps() comes first, because it counts the pages, and check_descriptors() before
    check_pages(), because it chooses the pages to look at.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.header = _read_header(storage)
        self._pages_before = array("Q")  # each block of the second bitmap
        self._sample: list[_Place] = []
        self._distance = 0  # in bytes, of the pages of the sample
        self._cache: dict[int, bytes] = {}
        self.pages = 0
        self.sampled = 0

    def check_finished(self) -> str:
        """makedumpfile's own mark. A flattened stream never has it: see Flattened.check()."""
        if self.header.status & _INCOMPLETE:
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
        ram = pages = 0
        for block in range(0, header.bitmap_size, _BLOCK):
            in_ram = self._bitmap_block(header.bitmap + block)
            in_dump = self._bitmap_block(header.bitmap + header.bitmap_size + block)
            if int.from_bytes(in_dump, "little") & ~int.from_bytes(in_ram, "little"):
                raise Flaw(
                    "damaged",
                    "The bitmaps contradict each other: pages that are not RAM are in the dump, "
                    f"between the page frames {hex(block * 8)} and {hex((block + _BLOCK) * 8)}.",
                )
            ram += _popcount(in_ram)
            self._pages_before.append(pages)
            pages += _popcount(in_dump)
        if not pages:
            raise Flaw("damaged", "The dump has no page at all.")
        self.pages = pages
        return f"{self.pages} of {ram} pages of RAM are in the dump."

    def check_descriptors(self) -> str:
        """The data of all pages must follow each other without a gap, to the end of the dump."""
        table, first = self.header.descriptors, self._first_data
        self._storage.require("the page descriptors", table, first - table)
        end = next_sample = first if self._zero_page is None else first + _BLOCK
        self._distance = max(self._storage.size - end, 0) // _SAMPLES
        lost = 0
        for index, place in enumerate(self._descriptors()):
            offset, size, flags = place
            if offset == 0:
                lost += 1
            elif lost:
                raise Flaw(
                    "damaged",
                    f"Page descriptor {index - 1} of {self.pages} is empty, but not the next one.",
                )
            elif place == self._zero_page:
                continue
            elif offset == end and self._is_possible(size, flags):
                if end >= next_sample:
                    self._sample.append(place)
                    next_sample += self._distance
                end += size
            else:
                raise Flaw(
                    "damaged",
                    f"Page descriptor {index} of {self.pages} says {size} bytes with flags "
                    f"{hex(flags)} at byte {offset}; the data of its page begins at byte {end}.",
                )
        if lost:
            raise Flaw(
                "incomplete",
                f"The last {lost} of {self.pages} page descriptors are empty: "
                "their pages were never written.",
            )
        self._storage.require("the data of the pages", first, end - first)
        self._check_end(end)
        return f"The data of {self.pages} pages has no gap and ends where it must, at byte {end}."

    def check_pages(self, *, full: bool) -> str:
        """Decompress the pages that check_descriptors() chose, or all of them."""
        if self.header.codec not in _READABLE:
            raise Flaw(
                "unsupported",
                f"The pages are compressed with {self.header.codec}, which cannot be read here.",
            )
        if self._zero_page is not None and any(self._data(self._zero_page)):
            raise Flaw("damaged", "The page of zeros that all zero pages share has other content.")
        for place in self._descriptors() if full else self._sample:
            self._data(place)
            self.sampled += 1
        if full:
            return f"All {self.pages} pages were read and decompressed."
        return (
            f"{self.sampled} of {self.pages} pages, one in every {max(self._distance, 1)} bytes of "
            "data, were read and decompressed."
        )

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        data = self._cache.get(frame)
        if data is None:
            if len(self._cache) == _MAX_CACHED_PAGES:
                self._cache.clear()
            index = self._descriptor_index(frame)
            if index is None:
                raise Flaw("damaged", f"Page frame {hex(frame)} is not in the dump.")
            at = self.header.descriptors + index * _DESCRIPTOR.size
            entry = self._storage.read("a page descriptor", at, _DESCRIPTOR.size)
            data = self._cache[frame] = self._data(_DESCRIPTOR.unpack(entry))
        return data

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left for tools like this one."""
        size = self.header.vmcoreinfo_size
        if not 0 < size <= _MAX_VMCOREINFO:
            raise Flaw("damaged", f"VMCOREINFO, which describes the kernel, has {size} bytes.")
        return self._storage.read("VMCOREINFO", self.header.vmcoreinfo, size)

    @property
    def _first_data(self) -> int:
        return self.header.descriptors + self.pages * _DESCRIPTOR.size

    @property
    def _zero_page(self) -> _Place | None:
        """What the descriptors of all pages of zeros say, if the dump leaves them out."""
        return (self._first_data, _BLOCK, 0) if self.header.dump_level & _EXCLUDE_ZERO else None

    def _is_possible(self, size: int, flags: int) -> bool:
        if flags == 0:
            return size == _BLOCK
        return flags == self.header.status & _ANY_CODEC and 0 < size < _BLOCK

    def _check_end(self, end: int) -> None:
        header = self.header
        if header.eraseinfo_size:
            self._storage.require("the erase information", header.eraseinfo, header.eraseinfo_size)
            _require("place of the erase information", header.eraseinfo, header.eraseinfo == end)
            end += header.eraseinfo_size
        if end != self._storage.size:
            raise Flaw(
                "damaged",
                f"The data of the pages ends at byte {end}, but the dump ends at byte "
                f"{self._storage.size}.",
            )

    def _descriptors(self) -> t.Iterator[_Place]:
        step = _DESCRIPTORS_AT_ONCE * _DESCRIPTOR.size
        for offset in range(self.header.descriptors, self._first_data, step):
            size = min(step, self._first_data - offset)
            yield from _DESCRIPTOR.iter_unpack(
                self._storage.read("the page descriptors", offset, size)
            )

    def _descriptor_index(self, frame: int) -> int | None:
        byte, bit = divmod(frame, 8)
        if not 0 <= byte < self.header.bitmap_size:
            return None
        block, byte = divmod(byte, _BLOCK)
        bits = self._bitmap_block(self.header.bitmap + self.header.bitmap_size + block * _BLOCK)
        if not bits[byte] >> bit & 1:
            return None
        before = bits[byte] & ((1 << bit) - 1)
        return self._pages_before[block] + _popcount(bits[:byte]) + _popcount(bytes((before,)))

    def _bitmap_block(self, offset: int) -> bytes:
        # A bitmap is written to its last used byte only.
        return self._storage.read("the bitmaps", offset, _BLOCK, holes=True)

    def _data(self, place: _Place) -> bytes:
        offset, size, flags = place
        if not self._is_possible(size, flags):
            raise Flaw("damaged", f"A page of {size} bytes with flags {hex(flags)} is impossible.")
        data = self._storage.read("a page", offset, size)
        if flags == 0:
            if self.header.codec == "zlib" and place != self._zero_page:
                _require_incompressible(data, offset)
            return data
        if flags != _ZLIB:
            raise Flaw("unsupported", f"A page is compressed with {self.header.codec}.")
        return _inflate(data, offset)


def _require_incompressible(data: bytes, offset: int) -> None:
    """A page that is stored as it is has no checksum, but a reason: zlib did not make it smaller.

    So a hole of zeros in it can be seen. The margin is for other versions of zlib.
    """
    if len(zlib.compress(data, _FAST)) < _BLOCK - _BLOCK // 8:
        raise Flaw("damaged", f"The page at byte {offset} is not what was written: it compresses.")


def _inflate(data: bytes, offset: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        # One byte more than a page may have: bounded, and enough to see the end of the stream.
        page = stream.decompress(data, _BLOCK + 1)
    except zlib.error as exc:
        raise Flaw("damaged", f"The page at byte {offset} cannot be decompressed: {exc}.") from exc
    if len(page) != _BLOCK or not stream.eof or stream.unused_data:
        raise Flaw(
            "damaged", f"The page at byte {offset} is not {_BLOCK} bytes after decompression."
        )
    return page


def _popcount(data: bytes) -> int:
    if sys.version_info >= (3, 10):
        return int.from_bytes(data, "little").bit_count()
    return sum(data.translate(_ONES))


_ONES = bytes(bin(byte).count("1") for byte in range(256))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("ascii", "backslashreplace")


def _require(what: str, value: object, is_possible: bool) -> None:
    if not is_possible:
        raise Flaw("damaged", f"The header says {value!r} as {what}, which is impossible.")


def _require_supported(what: str, value: object, supported: object) -> None:
    if value != supported:
        raise Flaw("unsupported", f"The {what} is {value!r}; only {supported!r} can be read.")


__all__ = ("KdumpCompressed",)
