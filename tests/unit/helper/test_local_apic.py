# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program does that dismisses interrupts, with files in the place of memory and of the msr driver."""

from __future__ import annotations

import mmap
import struct
import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import program
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS

PROGRAM = program((SCRIPTS / "local-apic.hex").read_text())

PAGE = 0xFEE00000
VERSION, EOI, IN_SERVICE = 0x30, 0xB0, 0x100
UNTOUCHED = 0xFFFFFFFF
APIC_BASE, X2APIC_ENABLED, FIRST_MSR = 0x1B, 1 << 10, 0x810


class Machine:
    """Memory and MSRs as files with names of the same length in the working directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.memory = root / "memory"
        self.msr = root / "processor.msr"
        renamed = PROGRAM.replace(b"/dev/mem\0", b"./memory\0")
        renamed = renamed.replace(b"/dev/cpu/0/msr\0", b"processor.msr\0\0")
        assert renamed != PROGRAM
        assert len(renamed) == len(PROGRAM)
        (root / "local-apic").write_bytes(renamed)
        (root / "local-apic").chmod(0o755)

    def xapic(self, version: int = 0x00050014, vectors: tuple[int, ...] = ()) -> None:
        with self.memory.open("wb") as file:
            file.truncate(PAGE + 4096)  # sparse
        page = bytearray(4096)
        struct.pack_into("<I", page, VERSION, version)
        struct.pack_into("<I", page, EOI, UNTOUCHED)
        for vector in vectors:
            page[IN_SERVICE + vector // 32 * 16 + vector % 32 // 8] |= 1 << vector % 8
        with self.memory.open("r+b") as file:
            file.seek(PAGE)
            file.write(page)

    @property
    def eoi(self) -> int:
        with (
            self.memory.open("rb") as file,
            mmap.mmap(file.fileno(), 4096, offset=PAGE, access=mmap.ACCESS_READ) as page,
        ):
            return int(struct.unpack_from("<I", page, EOI)[0])

    def run(self) -> tuple[int, list[int]]:
        done = subprocess.run(
            [str(self.root / "local-apic")], cwd=self.root, capture_output=True, check=False
        )
        return done.returncode, list(struct.unpack(f"<{len(done.stdout) // 4}I", done.stdout))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_is_written_where_nothing_is_in_service(machine: Machine) -> None:
    machine.xapic()
    assert machine.run() == (0, [1, *[0] * 8] * 2)
    assert machine.eoi == UNTOUCHED


@pytest.mark.parametrize("vector", [16, 49, 52, 63, 64, 255])
def test_end_of_interrupt_is_written_as_zero_where_something_is_in_service(
    machine: Machine, vector: int
) -> None:
    """A file does not take the bit away: the end comes after 256 times all the same."""
    machine.xapic(vectors=(vector,))
    status, said = machine.run()
    registers = [0] * 8
    registers[vector // 32] = 1 << vector % 32
    assert (status, said) == (0, [1, *registers] * 2)
    assert machine.eoi == 0


@pytest.mark.parametrize("version", [0xFFFFFFFF, 0, 0x00050004])
def test_page_that_is_no_apic_is_not_touched(machine: Machine, version: int) -> None:
    """In x2APIC mode there is nothing at the address."""
    machine.xapic(version, vectors=(52,))
    assert machine.run() == (1, [])
    assert machine.eoi == UNTOUCHED


def test_kernel_that_does_not_let_it(machine: Machine) -> None:
    assert machine.run() == (1, [])


@pytest.mark.parametrize(
    ("base", "answer"), [(X2APIC_ENABLED, (0, [2, *[0] * 8] * 2)), (0, (1, []))]
)
def test_x2apic_is_read_through_the_msr_driver(
    machine: Machine, base: int, answer: tuple[int, list[int]]
) -> None:
    machine.xapic(version=0xFFFFFFFF)
    content = bytearray(0x900)
    struct.pack_into("<Q", content, APIC_BASE, base)
    machine.msr.write_bytes(content)
    assert machine.run() == answer
    assert machine.msr.read_bytes() == content


def test_end_of_interrupt_goes_to_its_msr(machine: Machine) -> None:
    """The eight bytes of MSR 80Bh in this file reach to 812h: they take away the bit at 811h."""
    content = bytearray(0x900)
    struct.pack_into("<Q", content, APIC_BASE, X2APIC_ENABLED)
    content[FIRST_MSR + 1] = 1 << 4
    machine.msr.write_bytes(content)
    status, said = machine.run()
    assert (status, said[0], said[9]) == (0, 2, 2)
    assert said[2] == 1 << 4
    assert said[10:] == [0] * 8
