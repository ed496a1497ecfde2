# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELF core files: what they must be, and what they cannot be."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.elf import ElfCore
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, Verdict
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    PAGE,
    PHYS_BASE,
    Elf,
    opened,
    plain,
    runs,
    vmcoreinfo,
)

ORDERS: dict[str, Order] = {"x86_64": "<"}
ELF = Elf()
FORMS = {"plain": ELF, "with many program headers": Elf(extended=True)}


def examine(data: bytes, *, full: bool = False) -> list[str]:
    with opened(data) as file:
        return [look() for _name, look in ElfCore(file, ORDERS).checks(How(full))]


def changed(place: int, value: bytes) -> bytes:
    data = bytearray(plain(ELF.parts()))
    data[place : place + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize("form", FORMS)
def test_a_good_dump(form: str) -> None:
    data = plain(FORMS[form].parts())
    pages = len(ELF.memory) + len(ELF.image)
    says = examine(data)
    assert says[1].endswith(f"has no gap and ends where it must, at byte {len(data)}.")
    assert says[2] == f"All {pages} pages were read; this format has no checksum of them."


def test_a_full_look_cannot_prove_pages_without_a_checksum() -> None:
    with pytest.raises(Flaw, match="whether they are what was written cannot be known") as caught:
        examine(plain(ELF.parts()), full=True)
    assert caught.value.verdict == "unsupported"


@pytest.mark.parametrize("form", FORMS)
def test_every_page_is_what_was_dumped(form: str) -> None:
    with opened(plain(FORMS[form].parts())) as file:
        dump = ElfCore(file, ORDERS)
        assert {frame: dump.read_page(frame) for frame in ELF.memory} == ELF.memory
        assert (dump.phys_base, dump.machine, dump.count_cpus()) == (PHYS_BASE, "x86_64", 2)
        assert dump.read_vmcoreinfo() == vmcoreinfo()
        last = max(ELF.memory)
        for frame in (0, last + 1, last + 2, 1 << 60):
            with pytest.raises(Flaw, match=r"not in the dump|no RAM"):
                dump.read_page(frame)


HEADERS: list[tuple[dict[str, t.Any], Verdict, str]] = [
    ({"class": 1}, "unsupported", "cannot be read: x86_64, 32 bit, little endian"),
    ({"data": 2}, "unsupported", "cannot be read: 15872, 64 bit, big endian"),
    ({"data": 3}, "damaged", "says 3 as byte order"),
    ({"machine": 183}, "unsupported", "cannot be read: aarch64, 64 bit, little endian"),
    ({"machine": 22}, "unsupported", "cannot be read: s390x, 64 bit, little endian"),
    ({"machine": 7}, "unsupported", "cannot be read: 7, 64 bit"),
    ({"version": 2}, "unsupported", "not that of a core that kdump writes"),
    ({"e_version": 2}, "unsupported", "not that of a core that kdump writes"),
    ({"padding": b"1234567"}, "unsupported", "not that of a core that kdump writes"),
    ({"type": 2}, "unsupported", "is an executable, and no dump"),
    ({"phentsize": 32}, "damaged", "program headers at byte 64"),
    ({"flags": 2}, "unsupported", "has the flags 0x2"),
    ({"flags": 1}, "incomplete", "makedumpfile marked the dump as incomplete"),
    ({"phnum": 0}, "damaged", "says 0 program headers"),
    ({"phoff": 8}, "damaged", "program headers at byte 8"),
    ({"phoff": 1 << 40}, "incomplete", "the program headers must reach at least"),
]


@pytest.mark.parametrize(("header", "verdict", "sentence"), HEADERS, ids=str)
def test_headers_that_cannot_be(header: dict[str, t.Any], verdict: Verdict, sentence: str) -> None:
    with pytest.raises(Flaw) as caught:
        examine(plain(Elf(header=header).parts()))
    assert sentence in str(caught.value)
    assert caught.value.verdict == verdict


def program(index: int, field: int) -> int:
    """The place of a field of a program header (p_offset is 0, each has 8 bytes)."""
    return 64 + 56 * index + 8 + 8 * field


@pytest.mark.parametrize(
    ("place", "value", "verdict", "sentence"),
    [
        # What kdump does not write may be right nevertheless.
        (program(2, 0) - 8, struct.pack("<I", 7), "unsupported", "of a kind .7. that no kdump"),
        (program(2, 0), struct.pack("<Q", 1 << 63), "damaged", "Program header 2 .* contradicts"),
        # /proc/kcore and QEMU with paging
        (program(2, 0), b"\xff" * 8, "unsupported", "header 2 .* has memory without a place"),
        (program(2, 2), b"\xff" * 8, "unsupported", "header 2 .* has memory without a place"),
        (program(2, 0), struct.pack("<Q", 1), "unsupported", "begins at byte"),
        (program(2, 0) - 4, struct.pack("<I", 5), "unsupported", "have different flags"),
        (program(2, 5), struct.pack("<Q", 1), "unsupported", "have different flags"),
        (program(2, 2), struct.pack("<Q", 1 << 60), "damaged", "Program header 2 .* contradicts"),
        (program(2, 3), struct.pack("<Q", 1 << 40), "damaged", "Program header 2 .* contradicts"),
        (program(3, 2), struct.pack("<QQQ", 0x100000, PAGE, PAGE), "unsupported", "begins at byte"),
        (program(2, 4), struct.pack("<Q", 1 << 40), "unsupported", "which of them is right"),
        (program(0, 3), struct.pack("<Q", 1 << 40), "incomplete", "the notes must reach at least"),
    ],
)
def test_program_headers_that_cannot_be(
    place: int, value: bytes, verdict: Verdict, sentence: str
) -> None:
    with pytest.raises(Flaw, match=sentence) as caught:
        examine(changed(place, value))
    assert caught.value.verdict == verdict


def test_a_file_without_memory_is_none() -> None:
    data = struct.pack("<IIQQQQQQ", 4, 0, 64, 0, 0, 0, 0, 0)
    head = plain(ELF._replace(header={"phnum": 1}).parts())[:64]
    with pytest.raises(Flaw, match="no memory or no notes"):
        examine(head + data)


@pytest.mark.parametrize("cut", [1, PAGE, 4 * PAGE])
def test_a_dump_that_is_cut_is_incomplete(cut: int) -> None:
    with pytest.raises(Flaw, match="the memory must reach at least to byte") as caught:
        examine(plain(ELF.parts())[:-cut])
    assert caught.value.verdict == "incomplete"


def test_a_dump_whose_program_headers_were_not_written_is_incomplete() -> None:
    """As makedumpfile -E leaves it that is ended before its end."""
    data = bytearray(plain(ELF.parts()))
    end = 64 + 56 * struct.unpack_from("<H", data, 56)[0]
    data[64:end] = bytes(end - 64)
    with pytest.raises(Flaw, match="program headers are empty") as caught:
        examine(bytes(data))
    assert caught.value.verdict == "incomplete"


def test_nothing_follows_the_memory() -> None:
    with pytest.raises(Flaw, match="but the dump ends at byte") as caught:
        examine(plain(ELF.parts()) + b"x")
    assert caught.value.verdict == "unsupported"


def test_a_dump_without_vmcoreinfo_cannot_be_read() -> None:
    with opened(plain(ELF.parts()).replace(b"VMCOREINFO", b"VMCOREINFI")) as file:
        dump = ElfCore(file, ORDERS)
        with pytest.raises(Flaw, match="its notes have no VMCOREINFO"):
            dump.read_vmcoreinfo()


def test_memory_can_be_in_very_many_pieces() -> None:
    elf = Elf(extended=True)
    parts = elf.parts()
    empty = b"".join(
        struct.pack("<IIQQQQQQ", 1, 7, 0, 0, (1 << 40) + index * 2 * PAGE, 0, PAGE, 0)
        for index in range(70000)
    )
    table, programs = parts[0]
    count = len(programs) // 56 + 70000
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, count, 0, 0)
    # The program headers can be anywhere; here they are behind the memory.
    data = plain([*parts, (64, section)])
    header = struct.pack("<Q", len(data))
    data = data[:32] + header + data[40:] + programs + empty
    with opened(data) as file:
        dump = ElfCore(file, ORDERS)
        assert dump.ram_pages == 70000 + len(elf.memory) + len(runs(sorted(elf.memory)))
        assert dump.read_page(max(elf.memory)) == elf.memory[max(elf.memory)]
    assert table == 128
