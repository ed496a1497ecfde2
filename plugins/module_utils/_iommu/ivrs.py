# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The ACPI table IVRS: what AMD-Vi units there are and what is behind each.

AMD I/O Virtualization Technology (IOMMU) Specification (48882), chapter 5.2; the kernel reads it in
drivers/iommu/amd/init.c.
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
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import from_rid

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator

    from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree

    Json = dict[str, t.Any]

_FIXED = 48
# init.c, IOMMU_IVINFO_EFRSUP and IOMMU_IVINFO_DMA_REMAP
_INFO = {0: "extended_features", 1: "dma_protection_opt_in"}

# Types of blocks. The same unit may be described by a block of each of its three types: the kernel
# takes those of the highest type (get_highest_supported_ivhd_type()).
_IVHD_SIZES = {0x10: 24, 0x11: 40, 0x40: 40}
_IVMD_SIZE = 32
_IVMD_ALL, _IVMD_ONE, _IVMD_RANGE = 0x20, 0x21, 0x22
_IVMD_FLAGS = {0: "unity", 1: "read", 2: "write", 3: "exclusion"}

# Entries of device IDs in an IVHD block. Those below 0x80 have 4 << (type >> 6) bytes.
_PAD, _ALL, _SELECT, _RANGE, _END = range(5)
_ALIAS_SELECT, _ALIAS_RANGE, _EXTENDED_SELECT, _EXTENDED_RANGE, _SPECIAL = (
    0x42,
    0x43,
    0x46,
    0x47,
    0x48,
)
_HID = 0xF0
_HID_FIXED = 22
_SPECIALS = {1: "ioapic", 2: "hpet"}


def decode_ivrs(data: bytes, tree: PciTree) -> Json:
    """Decode an IVRS table.

    Returns C({"revision", "address_width": bits, "flags": {"extended_features",
    "dma_protection_opt_in"}, "units": [{"address", "segment", "device", "scopes"}], "reserved":
    [{"start", "end", "segment", "unity", "read", "write", "exclusion", "devices"}], "notes"}),
    where a scope is C({"type", "address"}) with, for a range, C("last"), for an alias, C("alias"),
    and for what is no PCI function C("id") or C("name"). Raises KdumpError for what is no IVRS table.
    """
    table = open_table("IVRS", data, _FIXED)
    info = table.number("I", 36)
    blocks = list(structures(table, _FIXED, len(table.data), "BxH", 4))
    units = [block for block in blocks if block[0] in _IVHD_SIZES]
    highest = max((kind for kind, _offset, _end in units), default=0)
    found: dict[str, list[Json]] = {"units": [], "reserved": []}
    for kind, offset, end in blocks:
        size = _IVHD_SIZES.get(kind, _IVMD_SIZE)
        if kind not in _IVHD_SIZES and kind not in (_IVMD_ALL, _IVMD_ONE, _IVMD_RANGE):
            table.note(f"The block at {offset} is of the unknown type {kind:#x}.")
        elif end - offset < size:
            table.note(f"The block at {offset} is too short for its type {kind:#x}.")
        elif kind == highest:
            found["units"].append(_unit(table, offset, offset + size, end))
        elif kind not in _IVHD_SIZES and not table.full(found["reserved"]):
            found["reserved"].append(_reserved(table, kind, offset, tree))
    return {
        "revision": table.revision,
        "address_width": info >> 8 & 0x7F,
        "flags": bits(info, _INFO),
        **found,
        "notes": table.notes,
    }


def _unit(table: Table, offset: int, entries: int, end: int) -> Json:
    device, _capability, base, segment = table.unpack("HHQH", offset + 4)
    return {
        "address": memory(base),
        "segment": segment,
        "device": from_rid(segment, device),
        "scopes": list(_scopes(table, entries, end, segment)),
    }


def _entry_length(table: Table, offset: int, end: int) -> int:
    """Return the length of an entry as init.c, ivhd_entry_length(); 0 if the type is unknown."""
    kind = table.data[offset]
    if kind < 0x80:
        return 4 << (kind >> 6)
    if kind == _HID and offset + _HID_FIXED <= end:
        return _HID_FIXED + table.data[offset + _HID_FIXED - 1]
    return 0


def _scopes(table: Table, offset: int, end: int, segment: int) -> Iterator[Json]:
    ranges: list[Json] = []
    while offset < end:
        length = _entry_length(table, offset, end)
        if not length or offset + length > end:
            table.note(f"The entry at {offset} does not fit, what follows it is not decoded.")
            return
        kind = table.data[offset]
        address = from_rid(segment, table.number("H", offset + 1))
        if kind == _ALL:
            yield {"type": "all", "address": None}
        elif kind in (_SELECT, _EXTENDED_SELECT):
            yield {"type": "function", "address": address}
        elif kind == _ALIAS_SELECT:
            alias = from_rid(segment, table.number("H", offset + 5))
            yield {"type": "alias", "address": address, "alias": alias}
        elif kind in (_RANGE, _EXTENDED_RANGE):
            ranges = [{"type": "range", "address": address}]
        elif kind == _ALIAS_RANGE:
            alias = from_rid(segment, table.number("H", offset + 5))
            ranges = [{"type": "range", "address": address, "alias": alias}]
        elif kind == _END and ranges:
            yield {**ranges.pop(), "last": address}
        elif kind == _SPECIAL:
            source = from_rid(segment, table.number("H", offset + 5))
            special = _SPECIALS.get(table.data[offset + 7], "unknown")
            yield {"type": special, "id": table.data[offset + 4], "address": source}
        elif kind == _HID:
            name = table.text(offset + 4, offset + 12)
            yield {"type": "namespace", "name": name, "address": address}
        offset += length


def _reserved(table: Table, kind: int, offset: int, tree: PciTree) -> Json:
    """Decode an IVMD block: flags, length, device ID, its last one, segment, start, size."""
    flags = table.data[offset + 1]
    device, last, segment, start, size = table.unpack("HHH6xQQ", offset + 4)
    if kind == _IVMD_ONE:
        devices = [from_rid(segment, device)]
    elif kind == _IVMD_RANGE:
        devices = tree.between(segment, device, last)
    else:
        devices = tree.between(segment, 0, 0xFFFF)
    return {
        "start": memory(start),
        "end": memory(start + max(size, 1) - 1),
        "segment": segment,
        **bits(flags, _IVMD_FLAGS),
        "devices": devices,
    }


__all__ = ("decode_ivrs",)
