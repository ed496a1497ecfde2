# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""ELF core files: /proc/vmcore as it is, or by makedumpfile -E.

An ELF header, program headers, notes, then the memory of each PT_LOAD, one behind the other:

    /proc/vmcore     all memory; the kernel's image is a PT_LOAD of its own and in another one as well
    makedumpfile -E  what is excluded is cut off from a PT_LOAD's end (filesz < memsz)

fs/proc/vmcore.c, makedumpfile.c write_elf_header() and write_elf_pages_cyclic(). There is no checksum
and no compression: that the bytes are there is all that can be seen of them.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    BYTE_ORDERS,
    ByOrder,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    unproven,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import Notes
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import look_at_all

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# e_ident (magic, class, data, version, ABI, ABI version, padding), e_type, e_machine, e_version,
# e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
_HEADER = ByOrder("4s5B7sHHIQQQIHHHHHH")
_32_BIT, _64_BIT = 1, 2
_ORDERS: dict[int, Order] = {1: "<", 2: ">"}
_CORE = 4
_KINDS = {1: "an object file", 2: "an executable", 3: "a shared object or executable"}
_MACHINES = {62: "x86_64", 183: "aarch64", 21: "ppc64", 22: "s390x", 243: "riscv64", 258: "loongarch64",
             3: "i386", 8: "mips", 20: "ppc", 40: "arm"}  # fmt: skip
# makedumpfile's own mark
_INCOMPLETE = 1
# e_phnum for more program headers than it can say: sh_info of the first section header has the number.
_XNUM = 0xFFFF
_SECTION = ByOrder("IIQQQQIIQQ")
# p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
_PROGRAM = ByOrder("IIQQQQQQ")
_LOAD, _NOTE = 1, 4
_MAX_PROGRAMS = 1 << 18
# What /proc/kcore says as physical address of memory that has none (fs/proc/kcore.c), and QEMU's dumps with paging as
# place of memory that is not in the file (dump/dump.c, get_offset_range()).
_NOWHERE = (1 << 64) - 1

_PAGE = 4096
_MAX_ADDRESS = 1 << 56
_START_KERNEL_MAP = 0xFFFFFFFF80000000
_PIECE = 1 << 23
_SAMPLES = 1024


class Load(t.NamedTuple):
    """A piece of RAM."""

    offset: int
    virtual: int
    physical: int
    stored: int
    size: int

    @property
    def shift(self) -> int:
        """The difference of its two addresses."""
        return self.virtual - self.physical


class ElfCore:
    """The memory in an ELF core file."""

    def __init__(self, storage: Storage, orders: t.Mapping[str, Order]) -> None:
        self._storage = storage
        header = _read_header(storage, orders)
        self._incomplete, self.machine, self.order = header.incomplete, header.machine, header.order
        self._loads: list[Load] = []
        self._notes: list[tuple[int, int]] = []
        self._kinds: set[tuple[int, int]] = set()
        programs = storage.read("the program headers", header.table, header.entries * _PROGRAM.size)
        _require_written(programs)
        for index, fields in enumerate(_PROGRAM[self.order].iter_unpack(programs)):
            self._add(index, fields)
        self._first = min((load.offset for load in self._loads if load.stored), default=0)
        self.notes = Notes(storage, self._notes, self.order)
        if not self._loads or not self._notes:
            raise Flaw(
                "unsupported", "The ELF core has no memory or no notes, as no kdump writes it."
            )
        if len(self._kinds) > 1:
            raise _foreign(self.notes, "its segments have different flags")
        self._by_address = self._sorted()
        self._starts = [load.physical for load in self._by_address]
        self.format = "ELF"
        self.page_size = _PAGE
        self.phys_base = self._phys_base()
        self.utsname: bytes | None = None
        self.timestamp: int | None = None
        self.pages = sum(load.stored for load in self._loads) // _PAGE
        self.ram_pages = sum(load.size for load in self._by_address) // _PAGE
        self.sampled = 0
        self.odd_ram: list[tuple[int, int]] = []
        self.dump_level: int | None = None
        self.has_checksums = False
        self.late_names = False
        self.without_memory_map = False
        # makedumpfile -E leaves pages of zeros out, like all others that it excludes.
        self.zeros_are_absent = any(load.stored < load.size for load in self._loads)

    def checks(self, how: How) -> list[tuple[str, Look]]:
        """Looks that depend on the ones before, in their order."""
        return [
            ("finished", self.check_finished),
            ("segments", self.check_segments),
            ("pages", partial(self.check_pages, how)),
        ]

    def check_finished(self) -> str:
        """makedumpfile's own mark."""
        if self._incomplete:
            raise Flaw(
                "incomplete",
                "makedumpfile marked the dump as incomplete: it could not write all of it, "
                "most likely because there was no space left.",
            )
        return "makedumpfile did not mark the dump as incomplete."

    def check_segments(self) -> str:
        """The memory of all segments must follow each other without a gap, to the end of the dump."""
        for offset, size in self._notes:
            self._storage.require("the notes", offset, size)
        end = self._first
        for load in sorted(self._loads):
            # Each begins on a page of its own.
            if not load.stored:
                continue
            if not end <= load.offset < end + _PAGE:
                raise Flaw(
                    "unsupported",
                    f"The memory at {hex(load.physical)} begins at byte {load.offset} of the dump; "
                    f"what is before it ends at byte {end}. Neither /proc/vmcore nor makedumpfile writes that.",
                )
            end = load.offset + load.stored
        self._storage.require("the memory", self._first, end - self._first)
        self._storage.require_end("The memory", end)
        return (
            f"The memory of {len(self._loads)} segments has no gap and ends where it must, at byte "
            f"{end}."
        )

    def check_pages(self, how: How) -> str:
        """Read an even sample of the pages, or all of them."""
        size = self._storage.size - self._first
        if how.full or size <= _SAMPLES * _PAGE:
            pieces = [(start, min(start + _PIECE, size)) for start in range(0, size, _PIECE)]
            result = look_at_all(pieces, self._read_piece, how.jobs, how.progress)
            self.sampled = result.done // _PAGE
            if result.flaw:
                raise result.flaw
            if how.full:
                raise unproven(self.pages)
            return f"All {self.pages} pages were read; this format has no checksum of them."
        for number in range(_SAMPLES):
            at = self._first + number * (size // _SAMPLES)
            self._storage.read("a page", at, _PAGE, holes=True)
            self.sampled += 1
        return (
            f"{self.sampled} of {self.pages} pages, all over the dump, were read; this format has "
            "no checksum of them."
        )

    def has_page(self, frame: int) -> bool:
        return self._place_of(frame) is not None

    def is_ram(self, frame: int) -> bool:
        """Whether the dump says that the host has this page frame."""
        load = self._load_at(frame)
        return load is not None and (frame + 1) * _PAGE <= load.physical + load.size

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        place = self._place_of(frame)
        if place is None:
            raise Absent(frame, is_ram=self.is_ram(frame))
        return self._storage.read("a page", place, _PAGE, holes=True)

    def absent_frames(self, count: int) -> list[int]:
        """So many of the page frames that are RAM and not in the dump, all over it."""
        gaps = [
            ((load.physical + load.stored) // _PAGE, (load.physical + load.size) // _PAGE)
            for load in self._by_address
            if load.stored < load.size
        ]
        step = max(1, sum(end - start for start, end in gaps) // count)
        return [frame for start, end in gaps for frame in range(start, end, step)][:count]

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left for tools like this one."""
        text = self.notes.vmcoreinfo()
        if text is None:
            raise _foreign(self.notes, "its notes have no VMCOREINFO, which describes the kernel")
        return text

    def registers(self) -> list[bytes]:
        """The struct elf_prstatus of each CPU that left its state."""
        return self.notes.registers()

    def count_cpus(self) -> int | None:
        return len(self.registers())

    def _load_at(self, frame: int) -> Load | None:
        index = bisect_right(self._starts, frame * _PAGE) - 1
        return self._by_address[index] if index >= 0 else None

    def _place_of(self, frame: int) -> int | None:
        load = self._load_at(frame)
        address = frame * _PAGE
        if load is None or address + _PAGE > load.physical + load.stored:
            return None
        return load.offset + address - load.physical

    def _add(self, index: int, fields: tuple[int, ...]) -> None:
        kind, flags, offset, virtual, physical, stored, size, align = fields
        if kind not in (_LOAD, _NOTE):
            raise Flaw(
                "unsupported",
                f"Program header {index} of the ELF file is of a kind ({kind}) that no kdump writes.",
            )
        if kind == _NOTE:
            self._notes.append((offset, stored))
        elif _NOWHERE in (offset, physical):
            raise Flaw(
                "unsupported",
                f"Program header {index} of the ELF file has memory without a place, as copies of /proc/kcore and "
                "QEMU's dumps with paging have, and no kdump's.",
            )
        elif stored > size or physical + size > _MAX_ADDRESS or offset + stored >= 1 << 63:
            raise Flaw("damaged", f"Program header {index} of the ELF file contradicts itself.")
        else:
            self._kinds.add((flags, align))
            self._loads.append(Load(offset, virtual, physical, stored, size))

    def _sorted(self) -> list[Load]:
        """RAM by its address, without the kernel's image, which is in it again at other addresses."""
        sizes: dict[int, int] = {}
        for load in self._loads:
            sizes[load.shift] = sizes.get(load.shift, 0) + load.size
        most = max(sizes, key=lambda shift: sizes[shift])
        ram = sorted((load for load in self._loads if load.shift == most), key=_by_address)
        for before, load in zip(ram, ram[1:]):
            if before.physical + before.size > load.physical:
                raise Flaw(
                    "unsupported",
                    f"Two segments of the ELF file have the memory at {hex(load.physical)}: which of them is "
                    "right is not known.",
                )
        starts = [load.physical for load in ram]
        end = 0
        others: list[Load] = []
        for load in sorted((load for load in self._loads if load.shift != most), key=_by_address):
            index = bisect_right(starts, load.physical)
            behind = ram[index - 1].physical + ram[index - 1].size if index else 0
            ahead = starts[index] if index < len(starts) else _MAX_ADDRESS
            if max(end, behind) <= load.physical and load.physical + load.size <= ahead:
                others.append(load)
                end = load.physical + load.size
        return sorted(ram + others, key=_by_address)

    def _phys_base(self) -> int | None:
        if self.machine != "x86_64":
            return None
        for load in self._loads:
            if load.virtual >= _START_KERNEL_MAP:
                return load.physical - (load.virtual - _START_KERNEL_MAP)
        return None

    def _read_piece(self, piece: tuple[int, int]) -> int:
        start, end = piece
        if self._storage.next_data(self._first + start) >= self._first + end:
            return end - start
        self._storage.read("the memory", self._first + start, end - start, holes=True)
        return end - start


def _require_written(programs: bytes) -> None:
    """Raise the Flaw of program headers that makedumpfile -E did not come to: they wait in a buffer until its end."""
    if not any(programs):
        raise Flaw(
            "incomplete",
            f"All {len(programs) // _PROGRAM.size} program headers are empty: makedumpfile writes them last, and was "
            "ended before.",
        )


def _by_address(load: Load) -> int:
    return load.physical


def _foreign(notes: Notes, what: str) -> Flaw:
    """What an ELF core is that kdump did not write."""
    return Flaw("unsupported", f"The ELF core is {notes.origin()}, not kdump's: {what}.")


class _Header(t.NamedTuple):
    """What the ELF header says."""

    incomplete: bool  # makedumpfile's own mark
    machine: str
    order: Order
    table: int  # where the program headers are
    entries: int


def _read_header(storage: Storage, orders: t.Mapping[str, Order]) -> _Header:
    raw = storage.read("the ELF header", 0, _HEADER.size)
    bits, data = raw[4:6]
    order = _ORDERS.get(data)
    if order is None:
        raise Flaw("damaged", f"The ELF header says {data} as byte order, which is impossible.")
    fields = _HEADER[order].unpack(raw)
    _magic, _bits, _data, version, abi, abi_version, padding, kind, machine = fields[:9]
    _entry, table, sections, flags, header_size, size, count = fields[10:17]
    if kind in _KINDS:
        raise Flaw("unsupported", f"The ELF file is {_KINDS[kind]}, and no dump.")
    name = _MACHINES.get(machine, str(machine))
    if (name, order) == ("ppc64", "<"):
        name = "ppc64le"
    if bits != _64_BIT or name not in orders:
        width = {_32_BIT: "32 bit", _64_BIT: "64 bit"}.get(bits, "unknown width")
        raise Flaw(
            "unsupported",
            f"The dump is of a machine that cannot be read: {name}, {width}, {BYTE_ORDERS[order]} endian.",
        )
    if orders[name] != order:
        raise Flaw("damaged", f"The ELF header is {BYTE_ORDERS[order]} endian, and of an {name}.")
    if (
        (kind, version, fields[9], header_size) != (_CORE, 1, 1, _HEADER.size)
        or abi
        or abi_version
        or any(padding)
    ):
        raise Flaw("unsupported", "The ELF header is not that of a core that kdump writes.")
    if flags & ~_INCOMPLETE:
        raise Flaw(
            "unsupported", f"The ELF header has the flags {hex(flags)}, which are not known."
        )
    if count == 0 and sections:
        raise Flaw(
            "unsupported",
            "The ELF core has sections in place of segments, as Xen's dumps of guests have.",
        )
    if count == _XNUM:
        section = storage.read("a section header", sections, _SECTION.size)
        count = _SECTION[order].unpack(section)[7]
    if size != _PROGRAM.size or not count > 0 or table < _HEADER.size:
        raise Flaw("damaged", f"The ELF header says {count} program headers at byte {table}.")
    if count > _MAX_PROGRAMS:
        raise Flaw(
            "unsupported", f"The ELF core has {count} program headers, more than can be read here."
        )
    return _Header(bool(flags & _INCOMPLETE), name, order, table, count)


__all__ = ("ElfCore",)
