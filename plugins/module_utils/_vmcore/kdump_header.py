# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The headers of a dump in the kdump-compressed format, of versions 3 to 6.

makedumpfile's diskdump_mod.h and write_kdump_header() of makedumpfile.c; numbers in the byte order of the
crashed machine, structures as a 64-bit compiler lays them out. What makedumpfile leaves zero must be zero.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    BYTE_ORDERS,
    ByOrder,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import CODECS
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import is_zero

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import Codec
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# signature, header_version, utsname (sysname, nodename, release, version, machine, domainname),
# timestamp (seconds, microseconds), status, block_size, sub_hdr_size, bitmap_blocks,
# max_mapnr, total_ram_blocks, device_blocks, written_blocks, current_cpu, nr_cpus
_HEADER = ByOrder("8si65s65s65s65s65s65s6xqqIiiIIIIIIi")
UTSNAME = slice(12, 12 + 6 * 65)
_PADDING = slice(UTSNAME.stop, UTSNAME.stop + 6)
# phys_base, dump_level, split, start_pfn, end_pfn, offset and size of VMCOREINFO, of the notes and
# of the erase information, start_pfn_64, end_pfn_64, max_mapnr_64
_SUB_HEADER = ByOrder("qiiQQQQQQQQQQQ")
# How much of that a version has.
_SUB_HEADER_SIZES = {3: 48, 4: 64, 5: 80, 6: 104}
# Far more than there will be, and still a number that says its byte order.
_MAX_VERSION = 1 << 16
# With the page sizes of the machines that can be read.
_BLOCK_SIZES = {4096, 16384, 65536}
# A sub header holds the notes, a few KiB for each CPU.
_MAX_SUB_HEADER = 1 << 26

_ANY_CODEC = sum(CODECS)
# Seen in dumps by QEMU 11; QEMU 7.2 writes the machine's name.
_QEMUS_MACHINE = "Unknown"
_INCOMPLETE = 0x8
_EXCLUDED_VMEMMAP = 0x10
_MAX_DUMP_LEVEL = 31
_EXCLUDE_ZERO = 0x1
_MAX_32 = (1 << 32) - 1

# makedumpfile before 1.6.9 takes the names from 4 bytes behind the start of struct uts_namespace, where they
# were until Linux 5.11; of later kernels it reads them 4 bytes late.
_LATE = 4
_LATE_SYSNAME = b"Linux"[_LATE:].ljust(65 - _LATE, b"\0")


class Header(t.NamedTuple):
    """What disk_dump_header and kdump_sub_header say, in bytes instead of blocks."""

    order: Order
    format_version: int
    utsname: bytes
    late_names: bool  # by a makedumpfile that is older than the kernel, and repaired
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
    def excludes_memory_map(self) -> bool:
        """Whether the struct pages of what is left out were left out as well (makedumpfile -e)."""
        return bool(self.status & _EXCLUDED_VMEMMAP)

    @property
    def excludes_zeros(self) -> bool:
        return bool(self.dump_level & _EXCLUDE_ZERO)


def read_header(storage: Storage, orders: t.Mapping[str, Order]) -> Header:
    """Read both headers; raise a Flaw for what this format, version and machine cannot have."""
    raw = storage.read("the header", 0, _HEADER.size)
    order = _order_of(raw)
    fields = _HEADER[order].unpack(raw)
    header_version = fields[1]
    utsname, late_names = _names_of(raw[UTSNAME])
    nodename, release, version, machine = (text(utsname[at : at + 65]) for at in range(65, 325, 65))
    timestamp, microseconds, status, block_size, sub_header_blocks, bitmap_blocks = fields[8:14]
    max_mapnr = fields[14]
    _require_supported("header version", header_version, _SUB_HEADER_SIZES)
    _require("machine", machine, machine.isidentifier())
    _require_machine(machine, order, orders)
    _require_known("block size", block_size, block_size in _BLOCK_SIZES)
    _require_known("size of the sub header", sub_header_blocks, sub_header_blocks >= 1)
    _require_known(
        "size of the sub header",
        sub_header_blocks,
        sub_header_blocks <= _MAX_SUB_HEADER // block_size,
    )
    _require_known(
        "size of the bitmaps", bitmap_blocks, bitmap_blocks > 0 and bitmap_blocks % 2 == 0
    )
    _require_known("status", status, not status & ~(_ANY_CODEC | _INCOMPLETE | _EXCLUDED_VMEMMAP))
    _require_known("compressor", status, status & _ANY_CODEC in {0, *CODECS})
    _require_known("microseconds", microseconds, microseconds == 0)
    _require_known("padding", raw[_PADDING], not any(raw[_PADDING]))
    for name, value in zip(("RAM", "device", "written"), fields[15:18]):
        _require_known(f"number of {name} blocks", value, value == 0)
    _require_known("current CPU", fields[18], fields[18] == 0)
    _require("number of CPUs", fields[19], fields[19] >= 0)

    size = _SUB_HEADER_SIZES[header_version]
    sub_header = storage.read("the sub header", block_size, size).ljust(_SUB_HEADER.size, b"\0")
    phys_base, dump_level, split, start, end, *rest = _SUB_HEADER[order].unpack(sub_header)
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
    _require_known("dump level", dump_level, 0 <= dump_level <= _MAX_DUMP_LEVEL)
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
        order=order,
        format_version=header_version,
        utsname=utsname,
        late_names=late_names,
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


def _order_of(raw: bytes) -> Order:
    """The byte order in which the header's version is a small number."""
    for order in BYTE_ORDERS:
        if 0 < _HEADER[order].unpack(raw)[1] < _MAX_VERSION:
            return order
    raise _impossible("header version", _HEADER["<"].unpack(raw)[1])


def _names_of(utsname: bytes) -> tuple[bytes, bool]:
    """The names, and whether they were 4 bytes late. What was lost of them is what every kernel is called."""
    if utsname[: len(_LATE_SYSNAME)] != _LATE_SYSNAME:
        return utsname, False
    return b"Linux"[:_LATE] + utsname[:-_LATE], True


def _require_machine(machine: str, order: Order, orders: t.Mapping[str, Order]) -> None:
    if machine == _QEMUS_MACHINE:
        raise Flaw(
            "unsupported",
            "The header does not name the machine: QEMU's dump-guest-memory wrote the dump, and not kdump.",
        )
    if machine not in orders:
        raise Flaw(
            "unsupported",
            f"The dump is of a {BYTE_ORDERS[order]} endian machine, {machine!r}; what can be read is "
            f"{', '.join(orders)}.",
        )
    if orders[machine] != order:
        raise Flaw("damaged", f"The header is {BYTE_ORDERS[order]} endian, and of an {machine}.")


def _require_zeros(storage: Storage, start: int, end: int) -> None:
    """What is not used of a header's blocks; it is not even written."""
    if not is_zero(storage, "the headers", start, end):
        raise Flaw(
            "unsupported",
            f"The headers do not fill bytes {start} to {end}, but these are not zero: another program wrote "
            "them, or they are damaged.",
        )


def _require(what: str, value: object, is_possible: bool) -> None:
    if not is_possible:
        raise _impossible(what, value)


def _impossible(what: str, value: object) -> Flaw:
    return Flaw("damaged", f"The header says {value!r} as {what}, which is impossible.")


def _require_known(what: str, value: object, is_known: bool) -> None:
    if not is_known:
        raise Flaw(
            "unsupported",
            f"The header says {value!r} as {what}, which no makedumpfile writes that is known here.",
        )


def _require_supported(what: str, value: object, supported: t.Any) -> None:
    if value not in supported:
        known = ", ".join(map(str, supported))
        raise Flaw("unsupported", f"The {what} is {value!r}; what can be read is {known}.")


__all__ = ("Header", "read_header", "text")
