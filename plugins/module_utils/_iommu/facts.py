# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The IOMMU of a host as the running kernel uses it, from sysfs and procfs."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import names, read_text

if t.TYPE_CHECKING:
    from pathlib import Path

_UNITS = "sys/class/iommu"
_GROUPS = "sys/kernel/iommu_groups"

# How the drivers name their units in /sys/class/iommu, and which files each adds:
#   drivers/iommu/intel/dmar.c, alloc_iommu()                dmar0, intel-iommu/
#   drivers/iommu/amd/init.c, iommu_init_pci()               ivhd0, amd-iommu/
#   drivers/iommu/arm/arm-smmu-v3, arm_smmu_device_probe()   smmu3.0x0000000009050000
_KINDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "dmar",
        "vtd",
        ("intel-iommu/version", "intel-iommu/address", "intel-iommu/cap", "intel-iommu/ecap"),
    ),
    ("ivhd", "amdvi", ("amd-iommu/cap", "amd-iommu/features")),
    ("smmu3.", "smmuv3", ()),
)

# The chip name in /proc/interrupts. With interrupt remapping both x86 drivers prefix it with IR-:
#   28:     0  IR-PCI-MSIX-0000:02:00.0   0-edge      virtio0-config
#    1:     9  IR-IO-APIC   1-edge      i8042
_REMAPPED = re.compile(r"\sIR-(?:PCI-MSIX?|IO-APIC)\S*")


def iommu_facts(root: Path) -> dict[str, t.Any]:
    """Return the C(iommu) facts of M(vmcore.kdump.platform_facts)."""
    kind, units = _units(root / _UNITS)
    groups = _groups(root / _GROUPS)
    evidence = _REMAPPED.search(read_text(root / "proc/interrupts") or "")
    types = Counter(group["type"] for group in groups if group["type"])
    return {
        "kind": kind,
        "units": units,
        # A unit is registered only once its driver translates with it.
        "translation": bool(units),
        "interrupt_remapping": {
            "active": evidence is not None,
            "evidence": evidence and evidence[0].strip(),
        },
        # Groups with a type of their own (a device that wants identity) are the exception.
        "default_domain": max(sorted(types), key=types.__getitem__) if types else None,
        "groups": groups,
    }


def _units(directory: Path) -> tuple[str, list[dict[str, str | None]]]:
    """Return the kind of the IOMMU and its units, each with its name and its driver's registers."""
    found = "none"
    units: list[dict[str, str | None]] = []
    for name in names(directory):
        for prefix, kind, attributes in _KINDS:
            if name.startswith(prefix):
                found = kind
                values = {
                    path.rpartition("/")[2]: read_text(directory / name / path)
                    for path in attributes
                }
                units.append({"name": name, **values})
    return found, units


def _groups(directory: Path) -> list[dict[str, t.Any]]:
    """Return the IOMMU groups by number.

    type (drivers/iommu/iommu.c, iommu_group_show_type()): DMA, DMA-FQ, identity, blocked or unmanaged.
    """
    return [
        {
            "id": number,
            "type": read_text(directory / str(number) / "type"),
            "devices": names(directory / str(number) / "devices"),
        }
        for number in sorted(int(name) for name in names(directory) if name.isdecimal())
    ]


__all__ = ("iommu_facts",)
