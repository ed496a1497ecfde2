# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ELF notes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import (
    build_id,
    count_cpus,
    find_vmcoreinfo,
    notes,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    BUILD_ID,
    note,
    notes_of,
)


def test_what_is_in_the_notes_of_a_dump() -> None:
    data = notes_of(b"OSRELEASE=6", cpus=3)
    assert count_cpus(data) == 3
    found = find_vmcoreinfo(data)
    assert found
    assert data[found.start : found.start + found.size] == b"OSRELEASE=6"
    assert find_vmcoreinfo(note(b"CORE", 1, b"")) is None


def test_the_build_id_in_sys_kernel_notes() -> None:
    data = note(b"Linux", 0x100, b"\0" * 4) + note(b"GNU", 3, bytes.fromhex(BUILD_ID))
    assert build_id(data) == BUILD_ID
    assert build_id(b"") is None


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (bytes(12), "There is no note at byte 0"),
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
