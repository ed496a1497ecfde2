# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The ACPI table IORT: what SMMUs there are on an Arm server and what is behind each.

Arm I/O Remapping Table (DEN0049), chapter 3; the kernel reads it in drivers/acpi/arm64/iort.c.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import (
    HEADER_SIZE,
    Table,
    memory,
    open_table,
    structures,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import (
    from_rid,
    take,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree

    Json = dict[str, t.Any]

_FIXED = HEADER_SIZE + 12
_ITS, _NAMED, _ROOT_COMPLEX, _SMMU, _SMMUV3, _PMCG, _RMR = range(7)
# type -> the smallest node of the type
_SIZES = {
    _ITS: 20,
    _NAMED: 29,
    _ROOT_COMPLEX: 32,
    _SMMU: 40,
    _SMMUV3: 60,
    _PMCG: 16,
    _RMR: 28,
}
_KINDS = {_SMMU: "smmuv2", _SMMUV3: "smmuv3"}
# include/acpi/actbl2.h, ACPI_IORT_SMMU_V3_*
_MODELS = {0: "generic", 1: "HiSilicon Hi161x", 2: "Cavium CN99xx"}

_NODE_HEADER = 16
_MAPPING_SIZE = 20
_SINGLE = 1
_DESCRIPTOR_SIZE = 20


class _Mapping(t.NamedTuple):
    """IDs from first to last become IDs from output on at the node with the offset target."""

    first: int
    last: int
    output: int
    target: int


def decode_iort(data: bytes, tree: PciTree) -> Json:
    """Decode an IORT table.

    Returns C({"revision", "units": [{"type": "smmuv2"|"smmuv3", "address", "model", "coherent",
    "scopes"}], "root_complexes": [{"segment", "ats", "translated"}], "named": [str], "its":
    [int], "reserved": [{"start", "end", "remappable", "devices"}], "notes"}), where a scope is
    C({"type": "range", "segment", "address", "last"}), the functions whose DMA a root complex hands
    to the unit. Raises KdumpError for what is no IORT table.
    """
    table = open_table("IORT", data, _FIXED)
    count, first = table.unpack("II", HEADER_SIZE)
    if first < _FIXED:
        raise KdumpError(
            f"The ACPI table IORT has its first node at {first}, inside its own header:"
            " look for a firmware update."
        )
    nodes: dict[int, tuple[int, int]] = {}
    for kind, offset, end in structures(table, first, len(table.data), "BH", _NODE_HEADER):
        if len(nodes) == count:
            break
        if end - offset < _SIZES.get(kind, _NODE_HEADER):
            table.note(f"The node at {offset} is too short for its type {kind}.")
            kind = -1
        nodes[offset] = (kind, end)
    if len(nodes) < count:
        table.note(f"The table says it has {count} nodes, there are {len(nodes)}.")

    complexes = [
        (table.number("I", offset + 28), offset, _mappings(table, offset, end))
        for offset, (kind, end) in nodes.items()
        if kind == _ROOT_COMPLEX
    ]
    units = {offset: kind for offset, (kind, _end) in nodes.items() if kind in _KINDS}
    streams = _streams(tree, [(segment, maps) for segment, _offset, maps in complexes])
    scopes: dict[int, list[Json]] = {}
    for segment, _offset, maps in complexes:
        for each in maps:
            if each.target in units and each.first <= 0xFFFF:
                scopes.setdefault(each.target, []).append(_scope(segment, each))
    reserved: list[Json] = []
    for offset, (kind, end) in nodes.items():
        if kind == _RMR:
            _reserved(table, offset, end, streams, reserved)
    return {
        "revision": table.revision,
        "units": [
            _unit(table, kind, offset, scopes.get(offset, [])) for offset, kind in units.items()
        ],
        "root_complexes": [
            {
                "segment": segment,
                "ats": bool(table.number("I", offset + 24) & 1),
                "translated": any(each.target in units for each in maps),
            }
            for segment, offset, maps in complexes
        ],
        "named": [
            table.text(offset + 29, end) for offset, (kind, end) in nodes.items() if kind == _NAMED
        ],
        "its": [
            number
            for offset, (kind, end) in nodes.items()
            if kind == _ITS
            for number in _numbers(table, offset, end)
        ],
        "reserved": reserved,
        "notes": table.notes,
    }


def _numbers(table: Table, offset: int, end: int) -> tuple[int, ...]:
    """Return the identifiers of the ITSs in a group: a count, then each."""
    count = min(table.number("I", offset + 16), (end - offset - 20) // 4)
    return table.unpack(f"{count}I", offset + 20)


def _mappings(table: Table, offset: int, end: int) -> list[_Mapping]:
    """Return the ID mappings of a node: input base, number of IDs less one, output base, reference, flags."""
    count, start = table.unpack("II", offset + 8)
    found = []
    for index in range(min(count, (end - offset) // _MAPPING_SIZE)):
        at = offset + start + index * _MAPPING_SIZE
        if at + _MAPPING_SIZE > end:
            table.note(f"The ID mappings of the node at {offset} do not fit.")
            break
        first, more, output, target, flags = table.unpack("IIIII", at)
        if flags & _SINGLE:
            more = 0
        found.append(_Mapping(first, first + more, output, target))
    return found


def _scope(segment: int, each: _Mapping) -> Json:
    return {
        "type": "range",
        "segment": segment,
        "address": from_rid(segment, each.first),
        "last": from_rid(segment, min(each.last, 0xFFFF)),
    }


def _unit(table: Table, kind: int, offset: int, scopes: list[Json]) -> Json:
    model, coherent = None, None
    if kind == _SMMUV3:
        number = table.number("I", offset + 40)
        model = _MODELS.get(number, f"unknown {number}")
        coherent = bool(table.number("I", offset + 24) & 1)
    return {
        "type": _KINDS[kind],
        "address": memory(table.number("Q", offset + 16)),
        "model": model,
        "coherent": coherent,
        "scopes": scopes,
    }


def _streams(
    tree: PciTree, complexes: list[tuple[int, list[_Mapping]]]
) -> dict[int, list[tuple[int, str]]]:
    """Return C((stream ID, address)) of the host's functions by the offset of their unit, sorted.

    As the kernel does it: a segment has one root complex, the first (iort_scan_node()), and a
    function one stream, of the first mapping that fits (iort_node_map_id()).
    """
    first: dict[int, list[_Mapping]] = {}
    for segment, maps in complexes:
        first.setdefault(segment, maps)
    found: dict[int, list[tuple[int, str]]] = {}
    for segment, maps in first.items():
        left = tree.requesters(segment)
        for each in maps:
            if not left:
                break
            found.setdefault(each.target, []).extend(
                (each.output + number - each.first, address)
                for number, address in take(left, each.first, each.last)
            )
    return {target: sorted(streams) for target, streams in found.items()}


def _reserved(
    table: Table,
    offset: int,
    end: int,
    streams: dict[int, list[tuple[int, str]]],
    found: list[Json],
) -> None:
    """Decode an RMR node: memory that the devices with certain stream IDs use all the time."""
    if table.full(found):
        return
    flags, count, start = table.unpack("III", offset + 16)
    left: dict[int, list[tuple[int, str]]] = {}
    devices: list[str] = []
    for each in _mappings(table, offset, end):
        if each.target not in left:
            left[each.target] = list(streams.get(each.target, ()))
        numbers = left[each.target]
        if numbers:
            last = each.output + each.last - each.first
            devices += [address for _stream, address in take(numbers, each.output, last)]
    for index in range(min(count, (end - offset) // _DESCRIPTOR_SIZE)):
        at = offset + start + index * _DESCRIPTOR_SIZE
        if at + _DESCRIPTOR_SIZE > end:
            table.note(f"The memory ranges of the node at {offset} do not fit.")
            break
        if table.full(found):
            break
        base, size = table.unpack("QQ", at)
        found.append(
            {
                "start": memory(base),
                "end": memory(base + max(size, 1) - 1),
                "remappable": bool(flags & 1),
                "devices": list(devices),
            }
        )


__all__ = ("decode_iort",)
