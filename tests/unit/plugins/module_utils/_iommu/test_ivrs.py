# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.ivrs import decode_ivrs
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    Q35_IVRS,
    TREE,
    fill,
    ivhd,
    ivmd,
    ivrs,
    large_tree,
    pack,
)


def test_table_of_a_real_machine() -> None:
    facts = decode_ivrs(Q35_IVRS, TREE)
    (unit,) = facts.pop("units")
    assert facts == {
        "revision": 1,
        "address_width": 40,
        "flags": {"extended_features": False, "dma_protection_opt_in": False},
        "reserved": [],
        "notes": [],
    }
    scopes = unit.pop("scopes")
    assert unit == {"address": "fed80000", "segment": 0, "device": "0000:00:01.0"}
    assert scopes[0] == {"type": "function", "address": "0000:00:00.0"}
    assert scopes[3] == {"type": "range", "address": "0000:01:00.0", "last": "0000:01:1f.7"}
    assert scopes[-1] == {"type": "ioapic", "id": 0, "address": "0000:00:14.0"}
    assert len(scopes) == 12


@pytest.mark.parametrize(
    ("entries", "scopes"),
    [
        (pack("BHB", 0, 0, 0), []),
        (pack("BHB", 1, 0, 0), [{"type": "all", "address": None}]),
        (pack("BHB", 2, 0x0108, 0), [{"type": "function", "address": "0000:01:01.0"}]),
        (
            pack("BHBBHB", 0x42, 0x0200, 0, 0, 0x0100, 0),
            [{"type": "alias", "address": "0000:02:00.0", "alias": "0000:01:00.0"}],
        ),
        (
            pack("BHBBHB", 0x43, 0x0200, 0, 0, 0x0100, 0) + pack("BHB", 4, 0x02FF, 0),
            [
                {
                    "type": "range",
                    "address": "0000:02:00.0",
                    "alias": "0000:01:00.0",
                    "last": "0000:02:1f.7",
                }
            ],
        ),
        (pack("BHBI", 0x46, 0x0300, 0, 0), [{"type": "function", "address": "0000:03:00.0"}]),
        (
            pack("BHBI", 0x47, 0x0300, 0, 0) + pack("BHB", 4, 0x03FF, 0),
            [{"type": "range", "address": "0000:03:00.0", "last": "0000:03:1f.7"}],
        ),
        (
            pack("BHBBHB", 0x48, 0, 0, 3, 0x00A0, 2),
            [{"type": "hpet", "id": 3, "address": "0000:00:14.0"}],
        ),
        (
            pack("BHB8s8sBB", 0xF0, 0x00A5, 0, b"AMDI0040", b"", 2, 4) + b"\\_SB",
            [{"type": "namespace", "name": "AMDI0040", "address": "0000:00:14.5"}],
        ),
        (pack("BHB", 4, 0x02FF, 0), []),
    ],
)
def test_entry(entries: bytes, scopes: list[dict[str, t.Any]]) -> None:
    facts = decode_ivrs(ivrs(ivhd(0x40, entries)), TREE)
    assert facts["units"][0]["scopes"] == scopes
    assert facts["notes"] == []


def test_unknown_entry_ends_the_block_but_not_the_table() -> None:
    facts = decode_ivrs(ivrs(ivhd(0x11, pack("BHB", 0x90, 0, 0)), ivhd(0x11)), TREE)
    assert [unit["scopes"] for unit in facts["units"]] == [[], []]
    assert facts["notes"] == ["The entry at 88 does not fit, what follows it is not decoded."]


def test_only_the_highest_type_that_describes_units_counts() -> None:
    facts = decode_ivrs(ivrs(ivhd(0x10, base=1), ivhd(0x11, base=2), ivhd(0x40, base=3)), TREE)
    assert [unit["address"] for unit in facts["units"]] == ["3"]


@pytest.mark.parametrize(
    ("block", "devices"),
    [
        (ivmd(0x20, 0, 0, 0xA000, 0x1000), [each for each in TREE.parents if each[3] == "0"]),
        (ivmd(0x21, 0x0101, 0, 0xA000, 0x1000), ["0000:01:00.1"]),
        (ivmd(0x21, 0x0900, 0, 0xA000, 0x1000), ["0000:09:00.0"]),
        (
            ivmd(0x22, 0x0100, 0x02FF, 0xA000, 0x1000),
            ["0000:01:00.0", "0000:01:00.1", "0000:02:00.0"],
        ),
    ],
)
def test_reserved_memory_is_named_with_its_devices(block: bytes, devices: list[str]) -> None:
    assert decode_ivrs(ivrs(block), TREE)["reserved"] == [
        {
            "start": "a000",
            "end": "afff",
            "segment": 0,
            "unity": True,
            "read": True,
            "write": True,
            "exclusion": False,
            "devices": devices,
        }
    ]


@pytest.mark.parametrize(
    ("block", "note"),
    [
        (pack("BBH", 0x77, 0, 4), "The block at 48 is of the unknown type 0x77."),
        (pack("BBH", 0x20, 0, 4), "The block at 48 is too short for its type 0x20."),
        (
            pack("BBH", 0x10, 0, 99),
            "The structure at 48 does not fit, what follows it is not decoded.",
        ),
    ],
)
def test_damage_is_noted(block: bytes, note: str) -> None:
    assert decode_ivrs(ivrs(block), TREE)["notes"] == [note]


def test_reserved_memory_has_a_limit() -> None:
    facts = decode_ivrs(ivrs(*fill(ivmd(0x20, 0, 0, 0, 0x1000), 48)), large_tree())
    assert [len(each["devices"]) for each in facts["reserved"]] == [1000] * 256
    assert facts["notes"] == [
        "There are more than 256 regions of reserved memory, the rest is left out."
    ]
