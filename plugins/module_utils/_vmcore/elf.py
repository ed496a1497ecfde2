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

import struct
import typing as t
from bisect import bisect_right
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, unproven
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import (
    count_cpus,
    find_vmcoreinfo,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import look_at_all

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# e_ident (magic, class, data, version, ABI, ABI version, padding), e_type, e_machine, e_version,
# e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
_HEADER = struct.Struct("<4s5B7sHHIQQQIHHHHHH")
_MAGIC = b"\x7fELF"
_64_BIT, _LITTLE_ENDIAN, _VERSION = 2, 1, 1
_CORE = 4
_MACHINES = {62: "x86_64", 183: "aarch64", 21: "ppc64", 22: "s390x", 243: "riscv64", 258: "loongarch64",
             3: "i386", 40: "arm"}  # fmt: skip
# makedumpfile's own mark
_INCOMPLETE = 1
# e_phnum for more program headers than it can say: sh_info of the first section header has the number.
_XNUM = 0xFFFF
_SECTION = struct.Struct("<IIQQQQIIQQ")
# p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align
_PROGRAM = struct.Struct("<IIQQQQQQ")
_LOAD, _NOTE = 1, 4
_MAX_PROGRAMS = 1 << 18
_MAX_NOTES = 1 << 26
_MAX_VMCOREINFO = 1 << 16

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

    def __init__(self, storage: Storage, machines: t.Container[str]) -> None:
        self._storage = storage
        self._incomplete, self.machine, table, count = _read_header(storage, machines)
        self._loads: list[Load] = []
        self._notes: list[tuple[int, int]] = []
        self._kinds: set[tuple[int, int]] = set()
        programs = storage.read("the program headers", table, count * _PROGRAM.size)
        for index, fields in enumerate(_PROGRAM.iter_unpack(programs)):
            self._add(index, fields)
        self._first = min((load.offset for load in self._loads if load.stored), default=0)
        if not self._loads or not self._notes:
            raise Flaw("damaged", "The ELF file has no memory or no notes.")
        if len(self._kinds) > 1:
            raise Flaw("damaged", "The segments of the ELF file have different flags.")
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
                    "damaged",
                    f"The memory at {hex(load.physical)} begins at byte {load.offset} of the dump; "
                    f"what is before it ends at byte {end}.",
                )
            end = load.offset + load.stored
        self._storage.require("the memory", self._first, end - self._first)
        if end != self._storage.size:
            raise Flaw(
                "damaged",
                f"The memory ends at byte {end}, but the dump ends at byte {self._storage.size}.",
            )
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

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        address = frame * _PAGE
        index = bisect_right(self._starts, address) - 1
        load = self._by_address[index] if index >= 0 else None
        if load is None or address + _PAGE > load.physical + load.stored:
            raise Flaw("damaged", f"Page frame {hex(frame)} is not in the dump.")
        at = load.offset + address - load.physical
        return self._storage.read("a page", at, _PAGE, holes=True)

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left for tools like this one."""
        for data in self._read_notes():
            note = find_vmcoreinfo(data)
            if note and note.size <= _MAX_VMCOREINFO:
                return data[note.start : note.start + note.size]
        raise Flaw("damaged", "The notes have no VMCOREINFO, which describes the kernel.")

    def count_cpus(self) -> int | None:
        return sum(map(count_cpus, self._read_notes()))

    def _read_notes(self) -> t.Iterator[bytes]:
        for offset, size in self._notes:
            yield self._storage.read("the notes", offset, size)

    def _add(self, index: int, fields: tuple[int, ...]) -> None:
        kind, flags, offset, virtual, physical, stored, size, align = fields
        if kind not in (_LOAD, _NOTE) or offset + stored >= 1 << 63:
            raise Flaw("damaged", f"Program header {index} of the ELF file is none.")
        if kind == _NOTE:
            if stored > _MAX_NOTES:
                raise Flaw("damaged", f"The ELF file has notes of {stored} bytes.")
            self._notes.append((offset, stored))
        elif stored > size or physical + size > _MAX_ADDRESS:
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
                    "damaged", f"Two segments of the ELF file overlap at {hex(load.physical)}."
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
        self._storage.read("the memory", self._first + start, end - start, holes=True)
        return end - start


def _by_address(load: Load) -> int:
    return load.physical


def _read_header(storage: Storage, machines: t.Container[str]) -> tuple[bool, str, int, int]:
    """Whether it is marked as incomplete, the machine, and place and number of the program headers."""
    fields = _HEADER.unpack(storage.read("the ELF header", 0, _HEADER.size))
    magic, bits, order, version, abi, abi_version, padding, kind, machine = fields[:9]
    _entry, table, sections, flags, header_size, size, count = fields[10:17]
    if magic != _MAGIC or version != _VERSION or fields[9] != _VERSION or any(padding):
        raise Flaw("damaged", "The ELF header contradicts itself.")
    name = _MACHINES.get(machine, str(machine))
    if (bits, order) != (_64_BIT, _LITTLE_ENDIAN) or name not in t.cast(
        "t.Iterable[str]", machines
    ):
        raise Flaw("unsupported", f"The dump is of the machine {name}, which cannot be read.")
    if kind != _CORE or abi or abi_version or header_size != _HEADER.size or size != _PROGRAM.size:
        raise Flaw("damaged", "The ELF header is not that of a core file.")
    if flags & ~_INCOMPLETE:
        raise Flaw("damaged", f"The ELF header has the flags {hex(flags)}.")
    if count == _XNUM:
        section = storage.read("a section header", sections, _SECTION.size)
        count = _SECTION.unpack(section)[7]
    if not 0 < count <= _MAX_PROGRAMS or table < _HEADER.size:
        raise Flaw("damaged", f"The ELF header says {count} program headers at byte {table}.")
    return bool(flags & _INCOMPLETE), name, table, count


__all__ = ("ElfCore",)
