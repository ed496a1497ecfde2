# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The capability registers of an IOMMU unit, from what its driver shows in /sys/class/iommu."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import bits

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    Json = dict[str, t.Any]

# VT-d Specification, 11.4.2 Capability Register and 11.4.3 Extended Capability Register;
# drivers/iommu/intel/iommu.h, cap_*() and ecap_*().
_VTD_CAP = {7: "caching_mode", 59: "posted_interrupts"}
_VTD_ECAP = {
    0: "coherent",
    1: "queued_invalidation",
    2: "device_iotlb",
    3: "interrupt_remapping",
    4: "x2apic",
    6: "passthrough",
    29: "page_requests",
    40: "pasid",
    43: "scalable_mode",
}
# Supported adjusted guest address widths: bit of the register -> levels of the page table.
_VTD_LEVELS = {9: 3, 10: 4, 11: 5}

# AMD IOMMU Specification, 3.2.1 Capability Header and 3.4.10 Extended Feature Register;
# drivers/iommu/amd/amd_iommu_types.h, IOMMU_CAP_* and FEATURE_*.
_AMD_CAP = {24: "device_iotlb", 26: "caching_mode", 27: "extended_features"}
_AMD_FEATURES = {
    1: "page_requests",
    2: "x2apic",
    4: "guest_translation",
    7: "posted_interrupts",
    9: "performance_counters",
    63: "snp",
}


def capabilities(kind: str, registers: Mapping[str, str | None]) -> Json | None:
    """Decode the registers of a unit, the files of its driver by name, all hexadecimal.

    VT-d: C({"domains": int, "address_width": bits, "levels": [int], flag: bool, ...}) of cap and
    ecap. AMD-Vi: C({"levels": int, flag: bool, ...}) of cap and features, which newer kernels show
    as two registers, C(22294ada:0). SMMUv3 shows none. Returns None for what cannot be read.
    """
    if kind == "vtd":
        cap, ecap = _number(registers.get("cap")), _number(registers.get("ecap"))
        return None if cap is None or ecap is None else _vtd(cap, ecap)
    if kind == "amdvi":
        cap = _number(registers.get("cap"))
        features = _number((registers.get("features") or "").partition(":")[0])
        return None if cap is None or features is None else _amd(cap, features)
    return None


def _vtd(cap: int, ecap: int) -> Json:
    return {
        "domains": 1 << (4 + 2 * (cap & 7)),
        "address_width": (cap >> 16 & 0x3F) + 1,
        "levels": [levels for bit, levels in _VTD_LEVELS.items() if cap >> bit & 1],
        **bits(cap, _VTD_CAP),
        **bits(ecap, _VTD_ECAP),
    }


def _amd(cap: int, features: int) -> Json:
    return {
        # HATS: 0, 1, 2 are four, five and six levels.
        "levels": [4 + (features >> 10 & 3)],
        **bits(cap, _AMD_CAP),
        **bits(features, _AMD_FEATURES),
    }


def _number(text: str | None) -> int | None:
    try:
        return int(text or "", 16)
    except ValueError:
        return None


__all__ = ("capabilities",)
