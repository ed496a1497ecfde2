# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.dmar import decode_dmar
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    PXB_DMAR,
    Q35_DMAR,
    TREE,
    dmar,
    fill,
    large_tree,
    pack,
    remapping,
    scope,
)


def one(structure: bytes) -> dict[str, t.Any]:
    """Decode a table of one structure, and return what the table has besides the header."""
    facts = decode_dmar(dmar(structure), TREE)
    return {
        key: value
        for key, value in facts.items()
        if value and key not in ("revision", "address_width", "flags")
    }


def test_table_of_a_real_machine() -> None:
    facts = decode_dmar(Q35_DMAR, TREE)
    (unit,) = facts.pop("units")
    assert facts == {
        "revision": 1,
        "address_width": 39,
        "flags": {
            "interrupt_remapping": True,
            "x2apic_opt_out": False,
            "dma_protection_opt_in": False,
        },
        "reserved": [],
        "ats": [],
        "affinity": [],
        "namespace": [],
        "soc_ats": [],
        "integrated": [],
        "notes": [],
    }
    assert (unit["address"], unit["segment"], unit["all"]) == ("fed90000", 0, False)
    assert unit["scopes"][0] == {"type": "ioapic", "id": 0, "address": "0000:ff:00.0"}
    assert unit["scopes"][3] == {"type": "bridge", "id": 0, "address": "0000:00:02.0"}
    assert len(unit["scopes"]) == 9


def test_second_host_bridge() -> None:
    (unit,) = decode_dmar(PXB_DMAR, TREE)["units"]
    assert [scope["address"] for scope in unit["scopes"]][-2:] == ["0000:80:00.0", "0000:80:01.0"]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (0, set()),
        (1, {"interrupt_remapping"}),
        (3, {"interrupt_remapping", "x2apic_opt_out"}),
        (5, {"interrupt_remapping", "dma_protection_opt_in"}),
    ],
)
def test_flags(flags: int, names: set[str]) -> None:
    found = decode_dmar(dmar(flags=flags, width=52), TREE)
    assert {name for name, value in found["flags"].items() if value} == names
    assert found["address_width"] == 52


@pytest.mark.parametrize(
    ("structure", "facts"),
    [
        (
            remapping(0, pack("BBHQ", 1, 0, 3, 0xFED91000)),
            {"units": [{"address": "fed91000", "segment": 3, "all": True, "scopes": []}]},
        ),
        (
            remapping(1, pack("HHQQ", 0, 0, 0x7B000000, 0x7B7FFFFF), scope(1, 0, (2, 0), (0, 1))),
            {
                "reserved": [
                    {
                        "start": "7b000000",
                        "end": "7b7fffff",
                        "segment": 0,
                        "scopes": [{"type": "endpoint", "id": 0, "address": "0000:01:00.1"}],
                        "devices": ["0000:01:00.1"],
                    }
                ]
            },
        ),
        (
            remapping(2, pack("BBH", 0, 0, 0), scope(2, 0, (3, 0))),
            {
                "ats": [
                    {
                        "segment": 0,
                        "all": False,
                        "scopes": [{"type": "bridge", "id": 0, "address": "0000:00:03.0"}],
                    }
                ]
            },
        ),
        (
            remapping(3, pack("IQI", 0, 0xFED90000, 1)),
            {"affinity": [{"address": "fed90000", "node": 1}]},
        ),
        (
            remapping(4, pack("3xB", 7) + b"\\_SB.PCI0.I2C0\0"),
            {"namespace": [{"id": 7, "name": "\\_SB.PCI0.I2C0"}]},
        ),
        (remapping(5, pack("BBH", 1, 0, 1)), {"soc_ats": [{"segment": 1, "scopes": []}]}),
        (remapping(6, pack("HH", 0, 2)), {"integrated": [{"segment": 2, "scopes": []}]}),
        (
            remapping(9, pack("I", 0)),
            {"notes": ["The structure at 48 is of the unknown type 9."]},
        ),
        (
            remapping(1, pack("HHQ", 0, 0, 0)),
            {"notes": ["The structure at 48 is too short for its type 1."]},
        ),
        (
            pack("HH", 0, 200),
            {"notes": ["The structure at 48 does not fit, what follows it is not decoded."]},
        ),
        (
            pack("HH", 0, 0),
            {"notes": ["The structure at 48 does not fit, what follows it is not decoded."]},
        ),
    ],
)
def test_structure(structure: bytes, facts: dict[str, t.Any]) -> None:
    assert one(structure) == facts


@pytest.mark.parametrize(
    ("bus", "path", "address"),
    [
        (0, [(2, 0)], "0000:00:02.0"),
        (0, [(3, 0), (0, 0), (1, 0), (0, 0)], "0000:04:00.0"),
        (0x80, [(31, 7)], "0000:80:1f.7"),
        (0, [(9, 0), (0, 0)], None),
        (0, [(2, 8)], None),
        (0, [], None),
    ],
)
def test_scope_is_resolved_through_the_buses_of_bridges(
    bus: int, path: list[tuple[int, int]], address: str | None
) -> None:
    structure = remapping(0, pack("BBHQ", 0, 0, 0, 0), scope(4, bus, *path, number=5))
    assert one(structure)["units"][0]["scopes"] == [{"type": "hpet", "id": 5, "address": address}]


def test_bridge_stands_for_all_below_it() -> None:
    region = remapping(1, pack("HHQQ", 0, 0, 0, 0xFFF), scope(2, 0, (3, 0)))
    assert one(region)["reserved"][0]["devices"] == [
        "0000:00:03.0",
        "0000:02:00.0",
        "0000:03:01.0",
        "0000:04:00.0",
    ]


def test_reserved_memory_has_a_limit() -> None:
    region = remapping(1, pack("HHQQ", 0, 0, 0, 0xFFF), scope(2, 0, (3, 0)))
    facts = decode_dmar(dmar(*fill(region, 48)), large_tree())
    assert [len(each["devices"]) for each in facts["reserved"]] == [50] * 256
    assert facts["notes"] == [
        "There are more than 256 regions of reserved memory, the rest is left out."
    ]


def test_bridge_is_looked_up_once_per_region(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    below = PciTree.below

    def count(self: PciTree, address: str) -> list[str]:
        asked.append(address)
        return below(self, address)

    monkeypatch.setattr(PciTree, "below", count)
    scopes = [scope(2, 0, (3, 0)), scope(1, 0, (3, 0))] * 3000
    region = remapping(1, pack("HHQQ", 0, 0, 0, 0xFFF), *scopes)
    (reserved,) = decode_dmar(dmar(region), large_tree())["reserved"]
    assert (len(reserved["scopes"]), len(reserved["devices"])) == (6000, 50)
    assert asked == ["0000:00:03.0"]
