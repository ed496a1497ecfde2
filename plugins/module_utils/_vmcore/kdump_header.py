# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The headers of a dump in the kdump-compressed format, of versions 3 to 6.

makedumpfile's diskdump_mod.h and write_kdump_header() of makedumpfile.c; little endian, structures as a
64-bit compiler lays them out. What makedumpfile leaves zero must be zero.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import CODECS
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import Codec
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# signature, header_version, utsname (sysname, nodename, release, version, machine, domainname),
# timestamp (seconds, microseconds), status, block_size, sub_hdr_size, bitmap_blocks,
# max_mapnr, total_ram_blocks, device_blocks, written_blocks, current_cpu, nr_cpus
_HEADER = struct.Struct("<8si65s65s65s65s65s65s6xqqIiiIIIIIIi")
UTSNAME = slice(12, 12 + 6 * 65)
_PADDING = slice(UTSNAME.stop, UTSNAME.stop + 6)
# phys_base, dump_level, split, start_pfn, end_pfn, offset and size of VMCOREINFO, of the notes and
# of the erase information, start_pfn_64, end_pfn_64, max_mapnr_64
_SUB_HEADER = struct.Struct("<qiiQQQQQQQQQQQ")
# How much of that a version has.
_SUB_HEADER_SIZES = {3: 48, 4: 64, 5: 80, 6: 104}
_VERSIONS = range(1, 7)
# With the page sizes of the machines that can be read.
_BLOCK_SIZES = {4096, 16384, 65536}
# A sub header holds the notes, a few KiB for each CPU.
_MAX_SUB_HEADER = 1 << 26

_ANY_CODEC = sum(CODECS)
_INCOMPLETE = 0x8
_EXCLUDED_VMEMMAP = 0x10
_MAX_DUMP_LEVEL = 31
_EXCLUDE_ZERO = 0x1
_MAX_32 = (1 << 32) - 1


class Header(t.NamedTuple):
    """What disk_dump_header and kdump_sub_header say, in bytes instead of blocks."""

    format_version: int
    utsname: bytes
    nodename: str
    release: str
    version: str
    machine: str
    timestamp: int
    status: int
    nr_cpus: int
    block_size: int
    phys_base: int
    dump_level: int
    split: bool
    start: int  # page frames that are the file's own
    end: int
    frames: int  # of the machine
    vmcoreinfo: int
    vmcoreinfo_size: int
    notes: int
    notes_size: int
    eraseinfo: int
    eraseinfo_size: int
    bitmap: int
    bitmap_size: int  # of each of the two
    descriptors: int

    @property
    def codec(self) -> Codec | None:
        """The compressor of the pages; a page that does not shrink is stored as it is."""
        return CODECS.get(self.status & _ANY_CODEC)

    @property
    def codec_name(self) -> str:
        return self.codec.name if self.codec else "uncompressed"

    @property
    def incomplete(self) -> bool:
        """Whether makedumpfile says that it could not write everything."""
        return bool(self.status & _INCOMPLETE)

    @property
    def excludes_zeros(self) -> bool:
        return bool(self.dump_level & _EXCLUDE_ZERO)


def read_header(storage: Storage, machines: t.Container[str]) -> Header:
    """Read both headers; raise a Flaw for what this format, version and machine cannot have."""
    raw = storage.read("the header", 0, _HEADER.size)
    fields = _HEADER.unpack(raw)
    header_version = fields[1]
    nodename, release, version, machine = map(text, fields[3:7])
    timestamp, microseconds, status, block_size, sub_header_blocks, bitmap_blocks = fields[8:14]
    max_mapnr = fields[14]
    _require("header version", header_version, header_version in _VERSIONS)
    _require_supported("header version", header_version, _SUB_HEADER_SIZES)
    _require("machine", machine, machine.isidentifier())
    _require_supported("machine", machine, machines)
    _require("block size", block_size, block_size in _BLOCK_SIZES)
    _require(
        "size of the sub header",
        sub_header_blocks,
        1 <= sub_header_blocks <= _MAX_SUB_HEADER // block_size,
    )
    _require("size of the bitmaps", bitmap_blocks, bitmap_blocks > 0 and bitmap_blocks % 2 == 0)
    _require("status", status, not status & ~(_ANY_CODEC | _INCOMPLETE | _EXCLUDED_VMEMMAP))
    _require("compressor", status, status & _ANY_CODEC in {0, *CODECS})
    _require("microseconds, which are not used", microseconds, microseconds == 0)
    _require("padding", raw[_PADDING], not any(raw[_PADDING]))
    for name, value in zip(("RAM", "device", "written"), fields[15:18]):
        _require(f"number of {name} blocks, which is not used", value, value == 0)
    _require("current CPU, which is not used", fields[18], fields[18] == 0)
    _require("number of CPUs", fields[19], fields[19] >= 0)

    size = _SUB_HEADER_SIZES[header_version]
    sub_header = storage.read("the sub header", block_size, size).ljust(_SUB_HEADER.size, b"\0")
    phys_base, dump_level, split, start, end, *rest = _SUB_HEADER.unpack(sub_header)
    vmcoreinfo, vmcoreinfo_size, notes, notes_size, eraseinfo, eraseinfo_size = rest[:6]
    frames = max_mapnr
    if header_version >= 6:
        # The first four are from when 32 bits were enough, and are still written.
        for what, old, new in (
            ("first page frame", start, rest[6]),
            ("last page frame", end, rest[7]),
            ("number of page frames", max_mapnr, min(rest[8], _MAX_32)),
        ):
            _require(f"{what} (in its old place)", old, old == new)
        start, end, frames = rest[6:9]
    _require("dump level", dump_level, 0 <= dump_level <= _MAX_DUMP_LEVEL)
    _require("mark of a split dump", split, split in (0, 1))
    bitmap = (1 + sub_header_blocks) * block_size
    bitmap_size = bitmap_blocks // 2 * block_size
    _require("number of page frames", frames, 0 < frames <= bitmap_size * 8)
    if split:
        _require("range of page frames", (start, end), start <= end <= frames)
    else:
        _require("range of page frames", (start, end), (start, end) in {(0, 0), (0, frames)})
        start, end = 0, frames
    _require("place of the notes", notes, notes + notes_size <= bitmap)
    _require("place of VMCOREINFO", vmcoreinfo, vmcoreinfo + vmcoreinfo_size <= bitmap)
    _require("place of no erase information", eraseinfo, bool(eraseinfo_size) or not eraseinfo)
    used = (block_size + size, notes + notes_size, vmcoreinfo + vmcoreinfo_size)
    _require_zeros(storage, _HEADER.size, block_size)
    _require_zeros(storage, max(used), bitmap)
    return Header(
        format_version=header_version,
        utsname=raw[UTSNAME],
        nodename=nodename,
        release=release,
        version=version,
        machine=machine,
        timestamp=timestamp,
        status=status,
        nr_cpus=fields[19],
        block_size=block_size,
        phys_base=phys_base,
        dump_level=dump_level,
        split=bool(split),
        start=start,
        end=end,
        frames=frames,
        vmcoreinfo=vmcoreinfo,
        vmcoreinfo_size=vmcoreinfo_size,
        notes=notes,
        notes_size=notes_size,
        eraseinfo=eraseinfo,
        eraseinfo_size=eraseinfo_size,
        bitmap=bitmap,
        bitmap_size=bitmap_size,
        descriptors=bitmap + 2 * bitmap_size,
    )


def text(field: bytes) -> str:
    """A string of C."""
    return field.split(b"\0", 1)[0].decode("ascii", "backslashreplace")


def _require_zeros(storage: Storage, start: int, end: int) -> None:
    """What is not used of a header's blocks; it is not even written."""
    if any(storage.read("the headers", start, end - start, holes=True)):
        raise Flaw(
            "damaged", f"The headers do not fill bytes {start} to {end}, but these are not zero."
        )


def _require(what: str, value: object, is_possible: bool) -> None:
    if not is_possible:
        raise Flaw("damaged", f"The header says {value!r} as {what}, which is impossible.")


def _require_supported(what: str, value: object, supported: t.Any) -> None:
    if value not in supported:
        known = ", ".join(map(str, supported))
        raise Flaw("unsupported", f"The {what} is {value!r}; what can be read is {known}.")


__all__ = ("Header", "read_header", "text")
