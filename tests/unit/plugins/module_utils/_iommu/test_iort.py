# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu import iort as iort_module
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import LIMIT
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.iort import decode_iort
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import take
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    TREE,
    fill,
    iort,
    large_tree,
    mapping,
    node,
    pack,
    table,
)

ITS = node(0, pack("II", 1, 7))
# Base address, flags (coherent), reserved, VATOS, model, four interrupts, proximity, mapping.
SMMU = node(4, pack("QIIQIIIIIII", 0x09050000, 1, 0, 0, 0, 1, 2, 3, 4, 0, 0))
SMMU_OFFSET = 48 + len(ITS)
# Memory properties, ATS, segment, address size, three reserved bytes.
ROOT_COMPLEX = node(2, pack("QIIB3x", 1, 1, 0, 64), mapping(0, 0x10000, 0x20000, SMMU_OFFSET))
# The same with stream IDs that are requester IDs, to a unit that is the first node.
ROOT_COMPLEX_OF_ALL = node(2, pack("QIIB3x", 1, 1, 0, 64), mapping(0, 0x10000, 0, 48))


def rmr(*mappings: bytes, ranges: int = 1, told: int = 0) -> bytes:
    """Compose reserved memory; C(told): how many ranges it says it has, if not those it has."""
    fields = pack("III", 1, told or ranges, 28) + pack("QQI", 0x80000000, 0x10000, 0) * ranges
    return node(6, fields, *mappings)


def test_functions_are_behind_the_unit_that_their_root_complex_is_mapped_to() -> None:
    assert decode_iort(iort(ITS, SMMU, ROOT_COMPLEX), TREE) == {
        "revision": 1,
        "units": [
            {
                "type": "smmuv3",
                "address": "9050000",
                "model": "generic",
                "coherent": True,
                "scopes": [
                    {
                        "type": "range",
                        "segment": 0,
                        "address": "0000:00:00.0",
                        "last": "0000:ff:1f.7",
                    }
                ],
            }
        ],
        "root_complexes": [{"segment": 0, "ats": True, "translated": True}],
        "named": [],
        "its": [7],
        "reserved": [],
        "notes": [],
    }


def test_root_complex_without_translation() -> None:
    bypass = node(2, pack("QIIB3x", 1, 0, 1, 64), mapping(0, 0x10000, 0, 48))
    facts = decode_iort(iort(ITS, bypass), TREE)
    assert facts["root_complexes"] == [{"segment": 1, "ats": False, "translated": False}]


def test_older_unit_and_named_component() -> None:
    smmu = node(3, pack("QQIIIIII", 0x2B400000, 0x10000, 3, 1, 0, 0, 0, 0))
    named = node(1, pack("IQB", 0, 0, 0) + b"\\_SB.SAS0\0")
    facts = decode_iort(iort(smmu, named), TREE)
    assert facts["units"] == [
        {"type": "smmuv2", "address": "2b400000", "model": None, "coherent": None, "scopes": []}
    ]
    assert facts["named"] == ["\\_SB.SAS0"]


@pytest.mark.parametrize(
    ("mappings", "devices"),
    [
        ([mapping(0, 1, 0x20101, SMMU_OFFSET, single=True)], ["0000:01:00.1"]),
        (
            [mapping(0, 0x200, 0x20100, SMMU_OFFSET)],
            ["0000:01:00.0", "0000:01:00.1", "0000:02:00.0"],
        ),
        ([mapping(0, 1, 0x20101, 48)], []),
        ([mapping(0, 1, 0x101, SMMU_OFFSET)], []),
        ([], []),
    ],
)
def test_reserved_memory_is_named_with_its_devices(
    mappings: list[bytes], devices: list[str]
) -> None:
    facts = decode_iort(iort(ITS, SMMU, ROOT_COMPLEX, rmr(*mappings)), TREE)
    assert facts["reserved"] == [
        {"start": "80000000", "end": "8000ffff", "remappable": True, "devices": devices}
    ]
    assert facts["notes"] == []


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (iort(node(4, pack("Q", 0))), "The node at 48 is too short for its type 4."),
        (
            table("IORT", pack("III", 2, 48, 0) + ITS),
            "The table says it has 2 nodes, there are 1.",
        ),
        (iort(rmr(told=3)), "The memory ranges of the node at 48 do not fit."),
        (
            iort(pack("BHBIII", 6, 48, 1, 0, 1, 40) + bytes(32)),
            "The ID mappings of the node at 48 do not fit.",
        ),
    ],
)
def test_damage_is_noted(data: bytes, note: str) -> None:
    assert decode_iort(data, TREE)["notes"] == [note]


def test_first_node_inside_the_header() -> None:
    with pytest.raises(KdumpError, match="first node at 12"):
        decode_iort(table("IORT", pack("III", 1, 12, 0)), TREE)


def test_first_mapping_of_the_first_root_complex_counts() -> None:
    """drivers/acpi/arm64/iort.c, iort_scan_node() and iort_node_map_id()."""
    first = node(
        2,
        pack("QIIB3x", 1, 0, 0, 64),
        mapping(0x100, 1, 0x500, 48),
        mapping(0x100, 2, 0x600, 48),
    )
    second = node(2, pack("QIIB3x", 1, 0, 0, 64), mapping(0, 0x10000, 0x700, 48))
    for output, devices in (
        (0x500, ["0000:01:00.0"]),
        (0x600, []),
        (0x601, ["0000:01:00.1"]),
        (0x700 + 0x200, []),
    ):
        facts = decode_iort(iort(SMMU, first, second, rmr(mapping(0, 1, output, 48))), TREE)
        assert facts["reserved"][0]["devices"] == devices


EVERYTHING = mapping(0, 0x10000, 0, 48)


@pytest.mark.parametrize(
    ("nodes", "regions", "devices"),
    [
        # Each mapping, of the root complex and of the memory, fits every function.
        (
            [
                node(2, pack("QIIB3x", 1, 0, 0, 64), *[EVERYTHING] * 3200),
                *[rmr(*[EVERYTHING] * 3200)] * 3,
            ],
            3,
            1000,
        ),
        # Many regions, each of every function.
        ([ROOT_COMPLEX_OF_ALL, *fill(rmr(EVERYTHING), 1000)], 256, 1000),
        ([ROOT_COMPLEX_OF_ALL, *[rmr(EVERYTHING, ranges=3200)] * 4], 256, 1000),
        # Many root complexes of one segment.
        ([*fill(ROOT_COMPLEX_OF_ALL, 1000), rmr(EVERYTHING)], 1, 1000),
    ],
    ids=["mappings", "nodes", "descriptors", "root complexes"],
)
def test_largest_table_stays_small(
    nodes: list[bytes], regions: int, devices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ID mapping is looked at once, and each function taken once for each region at most."""
    data = iort(SMMU, *nodes)
    assert LIMIT - 8000 < len(data) <= LIMIT
    asked: list[int] = []
    moved: list[tuple[int, str]] = []

    def count(numbers: list[tuple[int, str]], first: int, last: int) -> list[tuple[int, str]]:
        taken = take(numbers, first, last)
        asked.append(first)
        moved.extend(taken)
        return taken

    monkeypatch.setattr(iort_module, "take", count)
    facts = decode_iort(data, large_tree())
    assert [len(each["devices"]) for each in facts["reserved"]] == [devices] * regions
    assert len(asked) <= LIMIT // 20
    assert len(moved) <= 1000 * (regions + 1)
