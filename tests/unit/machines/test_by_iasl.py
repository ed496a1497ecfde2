# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from machines import by_iasl

from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    Q35_DMAR,
    Q35_IVRS,
    dmar,
    pack,
)


def _dumped(table: bytes) -> str:
    """As acpidump writes it."""
    rows = (
        f"    {place:04X}: {table[place : place + 16].hex(' ').upper()}  ................\n"
        for place in range(0, len(table), 16)
    )
    return f"{table[:4].decode()} @ 0x0000000000000000\n{''.join(rows)}\n"


def test_the_table_of_a_captured_tree_is_what_iasl_says(tmp_path: Path) -> None:
    (table,) = by_iasl.read_dump(unpack("rich", tmp_path))
    assert len(by_iasl.by_iasl(table)) > 1
    assert list(by_iasl.differences(table)) == []


@pytest.mark.parametrize(
    ("table", "unit"),
    [
        (Q35_DMAR, ("unit", "fed90000", "segment 0", "all 0")),
        (Q35_IVRS, ("unit", "fed80000", "segment 0", "0000:00:01.0")),
    ],
    ids=["DMAR", "IVRS"],
)
def test_a_table_of_an_emulated_machine_is_what_iasl_says(
    table: bytes, unit: tuple[str, ...]
) -> None:
    assert unit in by_iasl.by_iasl(table)
    assert list(by_iasl.differences(table)) == []


def test_tables_are_found_in_an_output_of_acpidump(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(f"{_dumped(dmar())}{_dumped(Q35_IVRS)}")
    assert by_iasl.read_dump(tmp_path / "dump") == [dmar(), Q35_IVRS]


def test_a_table_by_itself_is_one(tmp_path: Path) -> None:
    (tmp_path / "DMAR").write_bytes(dmar())
    assert by_iasl.read_dump(tmp_path / "DMAR") == [dmar()]


def test_a_difference_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = by_iasl.by_facts(Q35_IVRS)
    monkeypatch.setattr(by_iasl, "by_facts", lambda _table: known[1:])
    assert list(by_iasl.differences(Q35_IVRS)) == [
        "unit fed80000 segment 0 0000:00:01.0: 0 times, and iasl says 1"
    ]


def test_where_iasl_ends_nothing_is_compared() -> None:
    with pytest.raises(ValueError, match="Unknown DMAR subtable type 0x63"):
        by_iasl.by_iasl(dmar(pack("HHQ", 0x63, 12, 0)))
