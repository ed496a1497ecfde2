# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The ACPI table DMAR: what VT-d units there are and what is behind each.

Intel Virtualization Technology for Directed I/O, Architecture Specification, chapter 8; the kernel
reads it in drivers/iommu/intel/dmar.c.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import (
    Table,
    bits,
    memory,
    open_table,
    structures,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree

    Json = dict[str, t.Any]

_FIXED = 48
_FLAGS = {0: "interrupt_remapping", 1: "x2apic_opt_out", 2: "dma_protection_opt_in"}

_DRHD, _RMRR, _ATSR, _RHSA, _ANDD, _SATC, _SIDP = range(7)
# type -> (key in the facts, bytes before its device scopes; the smallest structure of the type)
_STRUCTURES = {
    _DRHD: ("units", 16),
    _RMRR: ("reserved", 24),
    _ATSR: ("ats", 8),
    _RHSA: ("affinity", 20),
    _ANDD: ("namespace", 8),
    _SATC: ("soc_ats", 8),
    _SIDP: ("integrated", 8),
}

_SCOPE_HEADER = 6
_SCOPES = {1: "endpoint", 2: "bridge", 3: "ioapic", 4: "hpet", 5: "namespace"}


def decode_dmar(data: bytes, tree: PciTree) -> Json:
    """Decode a DMAR table.

    Returns C({"revision", "address_width": bits, "flags": {"interrupt_remapping",
    "x2apic_opt_out", "dma_protection_opt_in"}, "units": [{"address", "segment", "all": the rest of
    the segment, "scopes"}], "reserved": [{"start", "end", "segment", "scopes", "devices"}], "ats":
    [{"segment", "all", "scopes"}], "affinity": [{"address", "node"}], "namespace": [{"id",
    "name"}], "soc_ats", "integrated": [{"segment", "scopes"}], "notes"}), where a scope is
    C({"type", "id", "address": str|None}). Raises KdumpError for what is no DMAR table.
    """
    table = open_table("DMAR", data, _FIXED)
    width, flags = table.unpack("BB", 36)
    found: dict[str, list[Json]] = {key: [] for key, _size in _STRUCTURES.values()}
    for kind, offset, end in structures(table, _FIXED, len(table.data), "HH", 4):
        if kind not in _STRUCTURES:
            table.note(f"The structure at {offset} is of the unknown type {kind}.")
            continue
        key, size = _STRUCTURES[kind]
        if end - offset < size:
            table.note(f"The structure at {offset} is too short for its type {kind}.")
            continue
        if kind == _RMRR and table.full(found[key]):
            continue
        found[key].append(_structure(table, kind, offset, end, tree))
    return {
        "revision": table.revision,
        "address_width": width + 1,
        "flags": bits(flags, _FLAGS),
        **found,
        "notes": table.notes,
    }


def _structure(table: Table, kind: int, offset: int, end: int, tree: PciTree) -> Json:
    if kind == _RHSA:
        base, node = table.unpack("QI", offset + 8)
        return {"address": memory(base), "node": node}
    if kind == _ANDD:
        return {"id": table.data[offset + 7], "name": table.text(offset + 8, end)}
    segment = table.number("H", offset + 6)
    scopes = _scopes(table, offset + _STRUCTURES[kind][1], end, segment, tree)
    everything = bool(table.data[offset + 4] & 1)
    if kind == _DRHD:
        base = memory(table.number("Q", offset + 8))
        return {"address": base, "segment": segment, "all": everything, "scopes": scopes}
    if kind == _RMRR:
        start, last = table.unpack("QQ", offset + 8)
        return {
            "start": memory(start),
            "end": memory(last),
            "segment": segment,
            "scopes": scopes,
            "devices": _devices(scopes, tree),
        }
    if kind == _ATSR:
        return {"segment": segment, "all": everything, "scopes": scopes}
    return {"segment": segment, "scopes": scopes}


def _scopes(table: Table, offset: int, end: int, segment: int, tree: PciTree) -> list[Json]:
    """Decode device scopes: type, length, flags, reserved, enumeration ID, start bus, path."""
    found = []
    for kind, start, stop in structures(table, offset, end, "BB", _SCOPE_HEADER):
        number, bus = table.unpack("BB", start + 4)
        steps = table.data[start + _SCOPE_HEADER : stop]
        path = list(zip(steps[::2], steps[1::2]))
        found.append(
            {
                "type": _SCOPES.get(kind, "unknown"),
                "id": number,
                "address": tree.walk(segment, bus, path),
            }
        )
    return found


def _devices(scopes: list[Json], tree: PciTree) -> list[str]:
    """Return the functions that scopes name; a bridge stands for all below it too.

    drivers/iommu/intel/iommu.c, intel_iommu_get_resv_regions() and is_downstream_to_pci_bridge().
    """
    found: dict[str, None] = {}
    for address, kind in dict.fromkeys((scope["address"], scope["type"]) for scope in scopes):
        if address is not None:
            below = tree.below(address) if kind == "bridge" else []
            found.update(dict.fromkeys(below or [address]))
    return list(found)


__all__ = ("decode_dmar",)
