# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The IOMMU of a host: how the running kernel uses it, what firmware says, what a crash would do."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import LIMIT
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.capture import (
    IommuSetup,
    capture_kernel,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.command_line import (
    arguments,
    relevant,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.dmar import decode_dmar
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.iort import decode_iort
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.ivrs import decode_ivrs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import pci_tree
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.registers import capabilities
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import architecture
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    is_directory,
    names,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree

    Json = dict[str, t.Any]

_UNITS = "sys/class/iommu"
_GROUPS = "sys/kernel/iommu_groups"
_INTERRUPTS = "proc/interrupts"
_TABLES = "sys/firmware/acpi/tables"

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

# Firmware's table of each kind, its decoder, and what the specification calls reserved memory.
_DECODERS: tuple[tuple[str, str, Callable[[bytes, PciTree], Json], str], ...] = (
    ("DMAR", "vtd", decode_dmar, "RMRR"),
    ("IVRS", "amdvi", decode_ivrs, "IVMD"),
    ("IORT", "smmuv3", decode_iort, "RMR"),
)

# The chip name in /proc/interrupts. With interrupt remapping both x86 drivers prefix it with IR-:
#   28:     0  IR-PCI-MSIX-0000:02:00.0   0-edge      virtio0-config
#    1:     9  IR-IO-APIC   1-edge      i8042
# The GICv3 ITS translates by itself, by the device's ID:
#   55:     0  ITS-PCI-MSIX-0000:01:00.0   0 Edge      virtio0-config    (ITS-MSI before Linux 6.11)
_REMAPPED = re.compile(r"\s((?:IR-(?:PCI-MSIX?|IO-APIC)|ITS-(?:PCI-)?MSIX?)\S*)")

# /sys/kernel/iommu_groups/6/reserved_regions (iommu.c, iommu_group_show_resv_regions()):
#   0x00000000fee00000 0x00000000feefffff msi
_REGION = re.compile(r"^0x([0-9a-f]+) 0x([0-9a-f]+) (\S+)$", re.MULTILINE)

# /sys/kernel/security/lockdown, the brackets are around what is in force:
#   [none] integrity confidentiality
_LOCKDOWN = re.compile(r"\[(\w+)\]")


def iommu_facts(root: Path, capture_command_line: str | None) -> Json:
    """Return the C(iommu) facts of M(vmcore.kdump.platform_facts).

    Memory addresses are hexadecimal without 0x, as in /sys/class/iommu. What is missing or damaged
    below C(root) is null, with a sentence in C(notes). C(capture_command_line)
    is what the capture kernel is loaded with, None where that is not known.
    """
    notes: list[str] = []
    tree = pci_tree(root)
    kind, units, others = _units(root / _UNITS)
    tables = {
        name.lower(): _table(root / _TABLES / name, decode, tree, notes)
        for name, _kind, decode, _source in _DECODERS
    }
    groups = _groups(root / _GROUPS)
    types = Counter(group["type"] for group in groups if group["type"])
    translation = bool(units) if is_directory(root / _UNITS) else None
    if translation is None:
        kind = "unknown"
    remapping = _remapping(root, kind, units, tables["dmar"])
    line = read_text(root / "proc/cmdline") or ""
    if translation is None:
        notes.append(f"/{_UNITS} is missing: which IOMMU the kernel uses is not known.")
    if remapping["active"] is None:
        notes.append(
            f"/{_INTERRUPTS} cannot be read: whether interrupts are remapped is not known."
        )
    # Without units in use: the kind that firmware says could be.
    possible = [
        each
        for name, each, _decode, _source in _DECODERS
        if (tables[name.lower()] or {"units": []})["units"]
    ]
    setup = IommuSetup(
        kind=next(iter(possible), kind) if kind in ("none", "unknown") else kind,
        other=kind == "none" and others,
        translation=translation,
        remapping=remapping["active"],
        scalable=_scalable(units),
        architecture=architecture(root),
        release=read_text(root / "proc/sys/kernel/osrelease"),
        first=line,
        capture=capture_command_line,
    )
    return {
        "kind": kind,
        "units": units,
        # A unit is registered only once its driver translates with it.
        "translation": translation,
        "interrupt_remapping": remapping,
        # Groups with a type of their own (a device that wants identity) are the exception.
        "default_domain": max(sorted(types), key=types.__getitem__) if types else None,
        "groups": groups,
        "reserved": [*_firmware_reserved(tables), *_kernel_reserved(groups)],
        "acpi": tables,
        "command_line": relevant(line),
        "lockdown": _lockdown(root),
        "capture_kernel": capture_kernel(setup),
        "notes": notes,
    }


def _units(directory: Path) -> tuple[str, list[Json], bool]:
    """Return the kind of the IOMMU, its units with their registers, and whether there are others."""
    found = "none"
    units: list[Json] = []
    others = False
    for name in names(directory):
        known = next((each for each in _KINDS if name.startswith(each[0])), None)
        if known is None:
            others = True
            continue
        _prefix, found, attributes = known
        values = {
            path.rpartition("/")[2]: read_text(directory / name / path) for path in attributes
        }
        units.append({"name": name, **values, "capabilities": capabilities(found, values)})
    return found, units, others


def _scalable(units: list[Json]) -> bool | None:
    """Say whether a VT-d unit is capable of scalable mode; None if some cannot be asked and no other one is."""
    able = [(unit["capabilities"] or {}).get("scalable_mode") for unit in units]
    return True if True in able else None if None in able else False


def _table(
    path: Path, decode: Callable[[bytes, PciTree], Json], tree: PciTree, notes: list[str]
) -> Json | None:
    """Decode a table of firmware. The kernel lets only root read it."""
    data = read_bytes(path, LIMIT + 1)
    if data is None:
        if exists(path):
            notes.append(f"The ACPI table {path.name} cannot be read: become root.")
        return None
    try:
        return decode(data, tree)
    except KdumpError as exc:
        notes.append(str(exc))
        return None


def _remapping(root: Path, kind: str, units: list[Json], dmar: Json | None) -> Json:
    """Return whether interrupts are remapped, how, and what in /proc/interrupts tells so.

    The mode is what the driver chooses (drivers/iommu/intel/irq_remapping.c,
    intel_prepare_irq_remapping(); drivers/iommu/amd/init.c, amd_iommu_enable_faulting()): x2apic if
    every unit is capable of it and neither firmware nor the command line is against it. It tells
    so in its log: DMAR-IR: Enabled IRQ remapping in xapic mode.
    """
    interrupts = read_text(root / _INTERRUPTS)
    if interrupts is None:
        return {"active": None, "mode": None, "evidence": None}
    evidence = _REMAPPED.search(interrupts)
    if evidence is None:
        return {"active": False, "mode": None, "evidence": None}
    line = read_text(root / "proc/cmdline") or ""
    able = [
        unit["capabilities"] and unit["capabilities"]["x2apic"]
        for unit in units
        if kind != "smmuv3"
    ]
    options = {
        option
        for name, value in arguments(line)
        if name == "intremap"
        for option in value.split(",")
    }
    opted_out = (
        dmar is not None and dmar["flags"]["x2apic_opt_out"] and "no_x2apic_optout" not in options
    )
    refused = opted_out or any(name == "nox2apic" for name, _value in arguments(line))
    mode: str | None = None
    if evidence[1].startswith("ITS-"):
        mode = "its"
    elif refused or False in able:
        mode = "xapic"
    elif able and all(able):
        mode = "x2apic"
    return {"active": True, "mode": mode, "evidence": evidence[1]}


def _groups(directory: Path) -> list[Json]:
    """Return the IOMMU groups by number.

    type (drivers/iommu/iommu.c, iommu_group_show_type()): DMA, DMA-FQ, identity, blocked or unmanaged.
    """
    return [
        {
            "id": number,
            "type": read_text(directory / str(number) / "type"),
            "devices": names(directory / str(number) / "devices"),
            "reserved": [
                {"start": _short(start), "end": _short(end), "type": kind}
                for start, end, kind in _REGION.findall(
                    read_text(directory / str(number) / "reserved_regions") or ""
                )
            ],
        }
        for number in sorted(int(name) for name in names(directory) if name.isdecimal())
    ]


def _short(digits: str) -> str:
    return digits.lstrip("0") or "0"


def _firmware_reserved(tables: dict[str, Json | None]) -> Iterable[Json]:
    """Return the memory that firmware says devices use at any time."""
    for name, _kind, _decode, source in _DECODERS:
        for region in (tables[name.lower()] or {"reserved": []})["reserved"]:
            yield {
                "devices": region["devices"],
                "start": region["start"],
                "end": region["end"],
                "type": "exclusion" if region.get("exclusion") else "direct",
                "source": source,
            }


def _kernel_reserved(groups: list[Json]) -> Iterable[Json]:
    """Return what the kernel maps one to one for devices, each region once with all its devices."""
    regions: dict[tuple[str, str, str], list[str]] = {}
    for group in groups:
        for region in group["reserved"]:
            if region["type"].startswith("direct"):
                key = (region["start"], region["end"], region["type"])
                regions.setdefault(key, []).extend(group["devices"])
    for (start, end, kind), devices in sorted(regions.items()):
        yield {"devices": devices, "start": start, "end": end, "type": kind, "source": "kernel"}


def _lockdown(root: Path) -> str | None:
    level = _LOCKDOWN.search(read_text(root / "sys/kernel/security/lockdown") or "")
    return level and level[1]


__all__ = ("iommu_facts",)
