# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import LIMIT, Table
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.dmar import decode_dmar
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.iort import decode_iort
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.ivrs import decode_ivrs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    Q35_DMAR,
    Q35_IVRS,
    TREE,
    iort,
    mapping,
    node,
    pack,
    table,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable

IORT = iort(
    node(0, pack("II", 1, 7)),
    node(4, pack("QIIQIIIIIII", 0x09050000, 1, 0, 0, 0, 1, 2, 3, 4, 0, 0)),
    node(2, pack("QIIB3x", 1, 1, 0, 64), mapping(0, 0x10000, 0, 72)),
    node(6, pack("IIIQQI", 1, 1, 28, 0x80000000, 0x1000, 0), mapping(0, 1, 0x101, 72)),
)


class Case(t.NamedTuple):
    """A kind of table: its name, its decoder, and one that is right."""

    name: str
    decode: Callable[[bytes, PciTree], dict[str, t.Any]]
    real: bytes


each_table = pytest.mark.parametrize(
    "case",
    [
        Case("DMAR", decode_dmar, Q35_DMAR),
        Case("IVRS", decode_ivrs, Q35_IVRS),
        Case("IORT", decode_iort, IORT),
    ],
    ids=lambda case: case.name,
)


def survives(case: Case, data: bytes) -> None:
    """Decode; the documented error is the only one, and what comes back can be returned by a module."""
    try:
        facts = case.decode(data, TREE)
    except KdumpError:
        return
    assert json.loads(json.dumps(facts)) == facts
    assert len(json.dumps(facts)) < 2000 + 300 * len(data)


@each_table
@given(data=st.binary(max_size=400))
def test_any_bytes(case: Case, data: bytes) -> None:
    survives(case, data)
    survives(case, table(case.name, data))


@each_table
@given(changes=st.lists(st.tuples(st.integers(36, 2**16), st.integers(0, 255)), max_size=8))
def test_any_damage_of_a_real_table(case: Case, changes: list[tuple[int, int]]) -> None:
    data = bytearray(case.real)
    for place, value in changes:
        data[36 + place % (len(data) - 36)] = value
    survives(case, bytes(data))


@each_table
@given(length=st.integers(0, 400))
def test_any_truncation_of_a_real_table(case: Case, length: int) -> None:
    survives(case, case.real[:length])
    survives(case, table(case.name, case.real[36:length]))


@each_table
@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\2", b"\xff"])
def test_the_longest_table_of_one_byte_is_done_at_once(case: Case, fill: bytes) -> None:
    survives(case, table(case.name, fill * 65536))


@each_table
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 bytes"),
        (bytes(LIMIT + 1), f"has {LIMIT + 1} bytes"),
        (table("NONE", bytes(64)), "does not begin with its name"),
    ],
)
def test_what_is_no_such_table(case: Case, data: bytes, message: str) -> None:
    with pytest.raises(KdumpError, match=message):
        case.decode(data, TREE)


@each_table
def test_length_that_is_wrong(case: Case) -> None:
    with pytest.raises(
        KdumpError, match=f"says it has {len(case.real)} bytes, there are {len(case.real) - 1}"
    ):
        case.decode(case.real[:-1], TREE)


@each_table
def test_checksum(case: Case) -> None:
    assert case.decode(case.real, TREE)["notes"] == []
    damaged = bytearray(case.real)
    damaged[9] ^= 0xFF
    assert case.decode(bytes(damaged), TREE)["notes"] == ["The checksum is wrong."]


@each_table
def test_bytes_after_the_table_do_not_count(case: Case) -> None:
    assert case.decode(case.real + b"\xff" * 9, TREE) == case.decode(case.real, TREE)


def test_notes_have_a_limit() -> None:
    found = Table("TEST", b"", 1, [])
    for number in range(1000):
        found.note(f"The structure at {number} is odd.")
    assert len(found.notes) == 33
    assert found.notes[31:] == ["The structure at 31 is odd.", "More is wrong, it is left out."]
