# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps as makedumpfile writes them, of a kernel that is a log and the page tables to reach it."""

from __future__ import annotations

import struct
import tempfile
import typing as t
import zlib
from contextlib import contextmanager

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    MACHINES,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    Memory as KernelMemory,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import PlainFile

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

PAGE = 4096
ULONG = (1 << 64) - 1

START_KERNEL_MAP = 0xFFFFFFFF80000000
# The image as KASLR leaves it: its first page is the page frame 0x100.
IMAGE = 0xFFFFFFFFA9000000
PHYS_BASE = 0x100000 - (IMAGE - START_KERNEL_MAP)
TOP_TABLE = IMAGE
PRB = IMAGE + PAGE
PRB_STATIC = PRB + 64
INIT_UTS_NS = PRB + 1024

FIRST_TABLE_FRAME = 0x110
FIRST_RING_FRAME = 0x200
ZERO_FRAMES = (0x300, 0x301, 0x302)
NOISE_FRAME = 0x310
MAX_FRAME = 0x400

RELEASE = "6.12.107+deb13-amd64"
VERSION = "#1 SMP PREEMPT_DYNAMIC Debian 6.12.107-1 (2026-08-29)"
HOST = "db01"
CRASH_TIME = 1795341073
BUILD_ID = "9c54a8e41141472ef75c7d0bef45c721ad398682"
RUN_ID = "6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e"

Memory = dict[int, bytearray]
Record = tuple[int, bytes]

RECORDS: tuple[Record, ...] = (
    (0, b"Linux version 6.12.107+deb13-amd64"),
    (0, b"Kernel command line: root=/dev/vda1 crashkernel=256M"),
    (1_500_000, b"two\nlines"),
    (154_432_852_000, f"vmcore.kdump: crash test run_id={RUN_ID} host={HOST}".encode()),
    (173_464_000_999, b"sysrq: Trigger a crash"),
    (173_465_123_456, b"Kernel panic - not syncing: sysrq triggered crash"),
)
LOG = (
    "[    0.000000] Linux version 6.12.107+deb13-amd64\n"
    "[    0.000000] Kernel command line: root=/dev/vda1 crashkernel=256M\n"
    "[    0.001500] two\n"
    "               lines\n"
    f"[  154.432852] vmcore.kdump: crash test run_id={RUN_ID} host={HOST}\n"
    "[  173.464000] sysrq: Trigger a crash\n"
    "[  173.465123] Kernel panic - not syncing: sysrq triggered crash\n"
)

# The layout of these structures in Linux 6.12 on x86_64.
VMCOREINFO = {
    "OSRELEASE": RELEASE,
    "BUILD-ID": BUILD_ID,
    "PAGESIZE": "4096",
    "SYMBOL(init_uts_ns)": f"{INIT_UTS_NS:x}",
    "OFFSET(uts_namespace.name)": "4",
    "SYMBOL(swapper_pg_dir)": f"{TOP_TABLE:x}",
    "SYMBOL(prb)": f"{PRB:x}",
    "SIZE(printk_ringbuffer)": "88",
    "OFFSET(printk_ringbuffer.desc_ring)": "0",
    "OFFSET(printk_ringbuffer.text_data_ring)": "48",
    "OFFSET(prb_desc_ring.count_bits)": "0",
    "OFFSET(prb_desc_ring.descs)": "8",
    "OFFSET(prb_desc_ring.infos)": "16",
    "OFFSET(prb_desc_ring.head_id)": "24",
    "OFFSET(prb_desc_ring.tail_id)": "32",
    "SIZE(prb_desc)": "24",
    "OFFSET(prb_desc.state_var)": "0",
    "OFFSET(prb_desc.text_blk_lpos)": "8",
    "OFFSET(prb_data_blk_lpos.begin)": "0",
    "OFFSET(prb_data_blk_lpos.next)": "8",
    "SIZE(printk_info)": "88",
    "OFFSET(printk_info.ts_nsec)": "8",
    "OFFSET(printk_info.text_len)": "16",
    "OFFSET(prb_data_ring.size_bits)": "0",
    "OFFSET(prb_data_ring.data)": "8",
    "OFFSET(atomic_long_t.counter)": "0",
    "NUMBER(phys_base)": str(PHYS_BASE),
    "NUMBER(pgtable_l5_enabled)": "0",
    "NUMBER(KERNEL_IMAGE_SIZE)": str(1 << 30),
    "NUMBER(sme_mask)": "0",
    "CRASHTIME": str(CRASH_TIME),
}


def vmcoreinfo(**changes: str | None) -> bytes:
    """The text of VMCOREINFO; a change to None leaves the key out."""
    values = {**VMCOREINFO, **changes}
    return "".join(f"{key}={value}\n" for key, value in values.items() if value).encode()


def utsname(machine: str = "x86_64") -> bytes:
    """struct new_utsname"""
    names = ("Linux", HOST, RELEASE, VERSION, machine, "(none)")
    return b"".join(name.encode().ljust(65, b"\0") for name in names)


class Ring(t.NamedTuple):
    """A printk ring buffer that is filled as the kernel fills it."""

    records: Sequence[Record] = RECORDS
    count_bits: int = 5
    size_bits: int = 10
    # Kernels since 2025: a block that ends exactly at the end of the ring does not wrap.
    exact_end: bool = False
    # The state of all descriptors: 1 is committed, 2 finalized.
    state: int = 2

    def pack(self, address: int) -> tuple[bytes, bytes]:
        """printk_ringbuffer, and what lies at this address: descriptors, infos and text."""
        count, size = 1 << self.count_bits, 1 << self.size_bits
        descriptors, infos, text = bytearray(count * 24), bytearray(count * 88), bytearray(size)
        # The first id and position are chosen so that they soon wrap around.
        identity = -(count + 1)
        position = -size
        blocks: list[tuple[int, int]] = []
        for seconds, data in self.records:
            identity += 1
            begin, next_position = self._block(position, -(-(8 + len(data)) // 8) * 8, bool(data))
            blocks.append((identity, begin))
            position = next_position if data else position
            place = identity % count
            struct.pack_into(
                "<QQQ",
                descriptors,
                place * 24,
                (identity & ULONG >> 2) | self.state << 62,
                begin & ULONG,
                next_position & ULONG,
            )
            struct.pack_into("<QQH", infos, place * 88, identity + count, seconds, len(data))
            if data:
                start = self._start(begin, next_position)
                struct.pack_into("<Q", text, start, identity & ULONG >> 2)
                text[start + 8 : start + 8 + len(data)] = data
        tail = next(
            (one for one, begin in blocks if begin >= position - size and one > identity - count),
            identity,
        )
        ring = struct.pack(
            "<IxxxxQQQQQIxxxxQQQQ",
            self.count_bits,
            address,
            address + len(descriptors),
            identity & ULONG >> 2,
            tail & ULONG >> 2,
            0,
            self.size_bits,
            address + len(descriptors) + len(infos),
            position & ULONG,
            0,
            0,
        )
        return ring, bytes(descriptors + infos + text)

    def _block(self, position: int, length: int, has_data: bool) -> tuple[int, int]:
        if not has_data:
            return 3, 3  # NO_LPOS
        end = position + length
        size = 1 << self.size_bits
        if position // size == (end - self.exact_end) // size:
            return position, end
        return position, end // size * size + length

    def _start(self, begin: int, end: int) -> int:
        size = 1 << self.size_bits
        return begin % size if begin // size == (end - self.exact_end) // size else 0


class Kernel(t.NamedTuple):
    """The memory of a crashed kernel."""

    ring: Ring = Ring()
    levels: int = 4
    # What the last level of the page tables maps: 12 (4 KiB), 21 (2 MiB) or 30 (1 GiB).
    leaf_shift: int = 12
    # AMD's memory encryption sets a bit in each entry of a page table.
    sme_mask: int = 0

    @property
    def direct_map(self) -> int:
        return 0xFF2E240000000000 if self.levels == 5 else 0xFFFF8F5A00000000

    def vmcoreinfo(self, **changes: str | None) -> bytes:
        return vmcoreinfo(
            **{
                "NUMBER(pgtable_l5_enabled)": str(int(self.levels == 5)),
                "NUMBER(sme_mask)": str(self.sme_mask),
                **changes,
            }
        )

    def memory(self) -> Memory:
        """Page frame -> content."""
        memory: Memory = {frame: bytearray(PAGE) for frame in ZERO_FRAMES}
        memory[NOISE_FRAME] = bytearray(noise(PAGE))
        address = self.direct_map + FIRST_RING_FRAME * PAGE
        ring, arrays = self.ring.pack(address)
        write(memory, PRB - START_KERNEL_MAP + PHYS_BASE, struct.pack("<Q", PRB_STATIC))
        write(memory, INIT_UTS_NS + 4 - START_KERNEL_MAP + PHYS_BASE, utsname())
        write(memory, PRB_STATIC - START_KERNEL_MAP + PHYS_BASE, ring)
        write(memory, FIRST_RING_FRAME * PAGE, arrays)
        for frame in range(FIRST_RING_FRAME, FIRST_RING_FRAME - (-len(arrays) // PAGE)):
            self._map(memory, frame * PAGE)
        return memory

    def _map(self, memory: Memory, physical: int) -> None:
        address = self.direct_map + physical
        table = TOP_TABLE - START_KERNEL_MAP + PHYS_BASE
        for shift in range(12 + 9 * (self.levels - 1), self.leaf_shift - 1, -9):
            place = table + (address >> shift & 0x1FF) * 8
            (entry,) = struct.unpack("<Q", read(memory, place, 8))
            if shift == self.leaf_shift:
                large = 1 << 7 if shift > 12 else 0
                entry = 1 << 63 | physical >> shift << shift | self.sme_mask | large | 0x63
            elif not entry:
                tables = [frame for frame in memory if frame < FIRST_RING_FRAME]
                entry = (max(FIRST_TABLE_FRAME, *tables) + 1) * PAGE | self.sme_mask | 0x63
                memory[(entry & ~self.sme_mask) // PAGE] = bytearray(PAGE)
            write(memory, place, struct.pack("<Q", entry))
            table = (entry & ~self.sme_mask) // PAGE * PAGE


def memory_at(
    read_page: t.Callable[[int], bytes], page_size: int, info: VmcoreInfo, machine: str = "x86_64"
) -> KernelMemory:
    """The memory of a kernel at its own addresses."""
    room = MACHINES[machine]
    return KernelMemory(room, room.layout(info, page_size, None), page_size, read_page)


def write(memory: Memory, physical: int, data: bytes) -> None:
    for index, byte in enumerate(data, physical):
        memory.setdefault(index // PAGE, bytearray(PAGE))[index % PAGE] = byte


def read(memory: Memory, physical: int, size: int) -> bytes:
    page = memory.get(physical // PAGE, bytearray(PAGE))
    return bytes(page[physical % PAGE : physical % PAGE + size])


def noise(size: int) -> bytes:
    """Bytes that do not become fewer by compression."""
    state, result = 1, bytearray()
    while len(result) < size:
        state = state * 6364136223846793005 + 1442695040888963407 & ULONG
        result.append(state >> 56)
    return bytes(result)


def note(name: bytes, kind: int, data: bytes) -> bytes:
    """An ELF note."""
    name += b"\0"
    head = struct.pack("<III", len(name), len(data), kind)
    return (
        head + name.ljust(-(-len(name) // 4) * 4, b"\0") + data.ljust(-(-len(data) // 4) * 4, b"\0")
    )


def notes_of(info: bytes, cpus: int = 2, registers: bytes | None = None) -> bytes:
    """The notes of a dump."""
    return note(b"CORE", 1, registers or noise(336)) * cpus + note(b"VMCOREINFO", 0, info)


def _split_tail(page: bytes) -> tuple[bytes, int]:
    """A page as what it begins with, and how many zeros follow."""
    head = page.rstrip(b"\0")
    return head, len(page) - len(head)


def lzo(page: bytes) -> bytes:
    """LZO1X of a page: literals, and one match for its zeros."""
    head, zeros = _split_tail(page)
    head += b"\0" * 4
    length = zeros - 4
    run = len(head) - 3
    out = bytes((len(head) + 17,)) if len(head) < 239 else b"\0" + _lzo_length(run - 15)
    out += head
    if length > 0:
        # M3: a distance of 1
        out += (
            (b"\x20" + _lzo_length(length - 2 - 31))
            if length - 2 > 31
            else bytes((0x20 | length - 2,))
        )
        out += b"\0\0"
    return out + b"\x11\0\0"


def _lzo_length(rest: int) -> bytes:
    zeros, last = divmod(rest - 1, 255)
    return bytes(zeros) + bytes((last + 1,))


def snappy(page: bytes) -> bytes:
    """Snappy of a page: literals, and copies for its zeros."""
    head, zeros = _split_tail(page)
    head, zeros = head + b"\0", zeros - 1
    size = len(page)
    out = bytearray()
    while size >= 0x80:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    out.append(size)
    out += b"\xf4" + struct.pack("<H", len(head) - 1) + head
    while zeros > 0:
        length = min(zeros, 64)
        out += bytes((length - 1 << 2 | 2, 1, 0))
        zeros -= length
    return bytes(out)


def zstd(page: bytes) -> bytes:
    """A zstd frame with a block as it is, and one of a repeated zero (RFC 8878)."""
    head, zeros = _split_tail(page)

    def block(last: bool, kind: int, size: int, data: bytes) -> bytes:
        return (last | kind << 1 | size << 3).to_bytes(3, "little") + data

    frame = b"\x28\xb5\x2f\xfd\x60" + struct.pack("<H", len(page) - 256)
    return frame + block(False, 0, len(head), head) + block(True, 1, zeros, b"\0")


CODECS: dict[str, tuple[int, t.Callable[[bytes], bytes]]] = {
    "uncompressed": (0, bytes),
    "zlib": (1, lambda page: zlib.compress(page, 1)),
    "lzo": (2, lzo),
    "snappy": (4, snappy),
    "zstd": (0x20, zstd),
}
# How much of the sub header a version has.
SUB_HEADER_SIZES = {1: 16, 2: 32, 3: 48, 4: 64, 5: 80, 6: 104}
# No field of a header is changed.
AS_IT_IS: Mapping[str, t.Any] = {}


class Kdump(t.NamedTuple):
    """A dump in the kdump-compressed format, as parts that are written one after the other."""

    memory: Memory = Kernel().memory()
    info: bytes = vmcoreinfo()
    header: Mapping[str, t.Any] = AS_IT_IS
    sub_header: Mapping[str, t.Any] = AS_IT_IS
    eraseinfo: bytes = b""
    codec: str = "zlib"
    version: int = 6
    page: int = PAGE
    machine: str = "x86_64"
    phys_base: int = PHYS_BASE
    # What each CPU left: struct elf_prstatus.
    registers: bytes | None = None
    # The page frames of a part of a split dump.
    split: tuple[int, int] | None = None

    def parts(self) -> list[tuple[int, bytes]]:
        """(offset, bytes), in the order and with the holes of makedumpfile."""
        page = self.page
        flag, compress = CODECS[self.codec]
        sub_size = SUB_HEADER_SIZES[self.version]
        notes = notes_of(self.info, registers=self.registers)
        sub_blocks = -(-(104 + len(notes)) // page)
        bitmap = (1 + sub_blocks) * page
        descriptors_at = bitmap + 2 * page
        first_data = descriptors_at + 24 * len(self.memory)
        # Pages of zeros share one, if the level leaves them out.
        shared = bytes(page * (self.sub_header.get("dump_level", 31) & 1))
        end = first_data + len(shared)
        descriptors, pages = [], []
        for frame, content in sorted(self.memory.items()):
            if self.split and not self.split[0] <= frame < self.split[1]:
                continue
            if shared and not any(content):
                descriptors.append(struct.pack("<QIIQ", first_data, page, 0, 0))
                continue
            data, flags = compress(bytes(content)), flag
            if len(data) >= page:
                data, flags = bytes(content), 0
            descriptors.append(struct.pack("<QIIQ", end, len(data), flags, 0))
            pages.append(data)
            end += len(data)
        start, stop = self.split or (0, 0)
        header = struct.pack(
            "<8si65s65s65s65s65s65s6xqqIiiIIIIIIi",
            *{
                "signature": b"KDUMP   ",
                "header_version": self.version,
                "sysname": b"Linux",
                "nodename": HOST.encode(),
                "release": RELEASE.encode(),
                "version": VERSION.encode(),
                "machine": self.machine.encode(),
                "domainname": b"(none)",
                "seconds": CRASH_TIME,
                "microseconds": 0,
                "status": flag,
                "block_size": page,
                "sub_hdr_size": sub_blocks,
                "bitmap_blocks": 2,
                "max_mapnr": MAX_FRAME,
                "total_ram_blocks": 0,
                "device_blocks": 0,
                "written_blocks": 0,
                "current_cpu": 0,
                "nr_cpus": 2,
                **self.header,
            }.values(),
        )
        sub_header = struct.pack(
            "<qiiQQQQQQQQQQQ",
            *{
                "phys_base": self.phys_base,
                "dump_level": 31,
                "split": int(bool(self.split)),
                "start_pfn": start,
                "end_pfn": stop,
                "offset_vmcoreinfo": page
                + 104
                + len(notes)
                - len(self.info)
                - (-len(self.info) % 4),
                "size_vmcoreinfo": len(self.info),
                "offset_note": page + 104,
                "size_note": len(notes),
                "offset_eraseinfo": end if self.eraseinfo else 0,
                "size_eraseinfo": len(self.eraseinfo),
                "start_pfn_64": start,
                "end_pfn_64": stop,
                "max_mapnr_64": MAX_FRAME,
                **self.sub_header,
            }.values(),
        )[:sub_size]
        ram = bitmap_of(range(MAX_FRAME))
        return [
            (0, header),
            (page + 104, notes),
            (page, sub_header),
            (bitmap, ram),
            (bitmap + page, bitmap_of(self.memory)),
            (first_data, shared),
            (first_data + len(shared), b"".join(pages)),
            (descriptors_at, b"".join(descriptors)),
            *([(end, self.eraseinfo)] if self.eraseinfo else []),
        ]


class Elf(t.NamedTuple):
    """An ELF core file, as parts that are written one after the other."""

    memory: Memory = Kernel().memory()
    info: bytes = vmcoreinfo()
    header: Mapping[str, t.Any] = AS_IT_IS
    # e_phnum cannot say how many program headers there are.
    extended: bool = False
    # The kernel's image, which /proc/vmcore has once more.
    image: range = range(0x100, 0x102)
    registers: bytes | None = None

    def parts(self) -> list[tuple[int, bytes]]:
        """(offset, bytes), in an order that a flattened stream has, too."""
        pieces = runs(sorted(self.memory))
        count = len(pieces) + 2
        table = 64 + (64 if self.extended else 0)
        notes = notes_of(self.info, registers=self.registers)
        notes_at = table + 56 * count
        end = -(-(notes_at + len(notes)) // PAGE) * PAGE
        programs = [struct.pack("<IIQQQQQQ", 4, 0, notes_at, 0, 0, len(notes), len(notes), 4)]
        data: list[tuple[int, bytes]] = []
        for run in (self.image, *pieces):
            size = len(run) * PAGE
            base = START_KERNEL_MAP - PHYS_BASE if run is self.image else Kernel().direct_map
            content = b"".join(bytes(self.memory[frame]) for frame in run)
            # What follows a run is excluded.
            excluded = 0 if run is self.image else PAGE
            physical = run.start * PAGE
            programs.append(
                struct.pack(
                    "<IIQQQQQQ", 1, 7, end, base + physical, physical, size, size + excluded, 0
                )
            )
            data.append((end, content))
            end += size
        header = struct.pack(
            "<4s5B7sHHIQQQIHHHHHH",
            *{
                "magic": b"\x7fELF",
                "class": 2,
                "data": 1,
                "version": 1,
                "abi": 0,
                "abi_version": 0,
                "padding": bytes(7),
                "type": 4,
                "machine": 62,
                "e_version": 1,
                "entry": 0,
                "phoff": table,
                "shoff": 64 if self.extended else 0,
                "flags": 0,
                "ehsize": 64,
                "phentsize": 56,
                "phnum": 0xFFFF if self.extended else count,
                "shentsize": 64 if self.extended else 0,
                "shnum": int(self.extended),
                "shstrndx": 0,
                **self.header,
            }.values(),
        )
        section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
        return [
            (table, b"".join(programs)),
            (0, header),
            *([(64, section)] if self.extended else []),
            (notes_at, notes),
            *data,
        ]


def runs(frames: Sequence[int]) -> list[range]:
    result: list[range] = []
    for frame in frames:
        if result and result[-1].stop == frame:
            result[-1] = range(result[-1].start, frame + 1)
        else:
            result.append(range(frame, frame + 1))
    return result


def bitmap_of(frames: Iterable[int]) -> bytes:
    bits = bytearray(MAX_FRAME // 8)
    for frame in frames:
        bits[frame // 8] |= 1 << frame % 8
    return bytes(bits)


def plain(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """The parts as a file that was written with lseek() and write()."""
    result = bytearray()
    for offset, data in parts:
        result.extend(bytes(max(0, offset + len(data) - len(result))))
        result[offset : offset + len(data)] = data
    return bytes(result)


def flattened(parts: Iterable[tuple[int, bytes]], record_size: int = 3000) -> bytes:
    """The parts as makedumpfile -F writes them to a pipe."""
    stream = [b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1).ljust(PAGE - 16, b"\0")]
    for offset, data in parts:
        for start in range(0, len(data), record_size):
            piece = data[start : start + record_size]
            stream.append(struct.pack(">qq", offset + start, len(piece)) + piece)
    return b"".join(stream) + b"\xff" * 16


@contextmanager
def opened(data: bytes) -> Iterator[PlainFile]:
    """A file with this content."""
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(data)
        yield PlainFile(file.fileno(), len(data))
