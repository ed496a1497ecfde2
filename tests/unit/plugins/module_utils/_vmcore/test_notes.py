# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELF notes."""

from __future__ import annotations

import struct
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import (
    Notes,
    build_id,
    notes,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import PlainFile
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    BUILD_ID,
    note,
    notes_of,
    opened,
)


def test_what_is_in_the_notes_of_a_dump() -> None:
    data = notes_of(b"OSRELEASE=6", cpus=3)
    with opened(b"before" + data) as file:
        found = Notes(file, [(6, len(data))], "<")
        assert [len(state) for state in found.registers()] == [336] * 3
        assert found.vmcoreinfo() == b"OSRELEASE=6"
        assert Notes(file, [], "<").vmcoreinfo() is None


def test_a_device_dump_of_many_mib_is_passed_over() -> None:
    # fs/proc/vmcore.c, vmcoredd_write_header(): NT_VMCOREDD; two adapters of a common NIC have 70 MiB.
    size = 70 << 20
    head = struct.pack("<III", 6, size, 0x700) + b"LINUX\0\0\0"
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(head)
        file.seek(len(head) + size)
        file.write(notes_of(b"OSRELEASE=6"))
        whole = file.tell()
        found = Notes(PlainFile(file.fileno(), whole), [(0, whole)], "<")
        assert found.vmcoreinfo() == b"OSRELEASE=6"
        assert len(found.registers()) == 2


@pytest.mark.parametrize(
    ("data", "origin"),
    [
        (note(b"QEMU", 0, b"x"), "QEMU's"),
        (note(b"CORE", 1, b"x") + note(b"CORE", 3, b"x"), "the core of a process"),
        (note(b"Xen", 0x1000001, b"x"), "of a machine under Xen"),
        (note(b"CORE", 1, b"x"), "another program's"),
    ],
)
def test_who_wrote_a_core_is_in_its_notes(data: bytes, origin: str) -> None:
    with opened(data) as file:
        assert Notes(file, [(0, len(data))], "<").origin() == origin


def test_the_build_id_in_sys_kernel_notes() -> None:
    data = note(b"Linux", 0x100, b"\0" * 4) + note(b"GNU", 3, bytes.fromhex(BUILD_ID))
    assert build_id(data) == BUILD_ID
    assert build_id(b"") is None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (note(b"CORE", 1, b"12345678")[:-1], "A note of 8 bytes does not fit"),
        (note(b"CORE", 1, b"1234") + b"123", "There is no note at byte 24"),
    ],
)
def test_notes_that_cannot_be(data: bytes, sentence: str) -> None:
    with pytest.raises(Flaw, match=sentence):
        list(notes(data))


@given(st.binary(max_size=200))
def test_any_bytes_give_notes_or_a_flaw(data: bytes) -> None:
    try:
        assert all(one.start + one.size <= len(data) for one in notes(data))
    except Flaw:
        return


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_notes_do_not_end_inside_of_what_pads_them(extra: int) -> None:
    with pytest.raises(Flaw, match="There is no note at byte"):
        list(notes(notes_of(b"OSRELEASE=6") + bytes(extra)))
