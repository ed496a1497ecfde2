# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The arguments on a kernel's command line that decide about IOMMU, interrupts and PCI Express."""

from __future__ import annotations

import re

# Documentation/admin-guide/kernel-parameters.txt. Names as the kernel compares them: - is _.
_RELEVANT = frozenset(
    {
        "amd_iommu",
        "amd_iommu_dump",
        "amd_iommu_intr",
        "arm_smmu.disable_bypass",
        "arm_smmu_v3.disable_bypass",
        "arm_smmu_v3.disable_msipolling",
        "efi",
        "initcall_blacklist",
        "intel_iommu",
        "intremap",
        "iommu",
        "iommu.forcedac",
        "iommu.passthrough",
        "iommu.strict",
        "irqpoll",
        "ivrs_acpihid",
        "ivrs_hpet",
        "ivrs_ioapic",
        "lockdown",
        "nox2apic",
        "pci",
        "pcie_aspm",
        "pcie_ports",
        "pcie_reset",
        "reset_devices",
        "swiotlb",
    }
)

# lib/cmdline.c, next_arg(): white space separates, unless it is in double quotes.
_ARGUMENT = re.compile(r'(?:[^\s"]|"[^"]*"?)+')


def arguments(command_line: str) -> list[tuple[str, str]]:
    """Return C((name, value)) of a command line's arguments for the kernel; C(--) ends them."""
    found = []
    for word in _ARGUMENT.findall(command_line):
        if word == "--":
            break
        name, _equals, value = word.replace('"', "").partition("=")
        found.append((name.replace("-", "_"), value))
    return found


def relevant(command_line: str) -> list[str]:
    """Return the arguments that the facts show, as they are written."""
    words = _ARGUMENT.findall(command_line)
    end = words.index("--") if "--" in words else len(words)
    return [
        word
        for word in words[:end]
        if word.replace('"', "").partition("=")[0].replace("-", "_") in _RELEVANT
    ]


def translation(command_line: str, kind: str) -> bool | None:
    """Say whether a command line switches DMA translation on or off; None if it says nothing.

    arch/x86/kernel/pci-dma.c, iommu_setup(): iommu=off keeps both x86 drivers off, whatever their
    own argument says. drivers/iommu/intel/iommu.c, intel_iommu_setup(); drivers/iommu/amd/init.c,
    parse_amd_iommu_options(), which only knows off. SMMUv3 has no such argument.
    """
    found = None
    own = {"vtd": "intel_iommu", "amdvi": "amd_iommu"}.get(kind)
    if own is None:
        return None
    for name, value in arguments(command_line):
        options = value.split(",")
        if name == "iommu" and "off" in options:
            return False
        if name == own:
            if "off" in options:
                found = False
            elif "on" in options and kind == "vtd":
                found = True
    return found


# What changes the format of the tables: argument, and its words with what they stand for.
_FORMATS: dict[str, tuple[str, dict[str, tuple[str, bool]]]] = {
    # drivers/iommu/intel/iommu.c, intel_iommu_setup(); without a word CONFIG_INTEL_IOMMU_SCALABLE_MODE_DEFAULT_ON says.
    "vtd": (
        "intel_iommu",
        {
            "sm_on": ("scalable mode", True),
            "sm_off": ("scalable mode", False),
            "tboot_noforce": ("tboot_noforce", True),
        },
    ),
    # drivers/iommu/amd/init.c, parse_amd_iommu_options()
    "amdvi": (
        "amd_iommu",
        {"pgtbl_v1": ("pgtbl_v2", False), "pgtbl_v2": ("pgtbl_v2", True)},
    ),
}


def table_formats(command_line: str, kind: str) -> dict[str, bool]:
    """Return what a command line says of the tables' format: C(scalable mode), C(tboot_noforce), C(pgtbl_v2)."""
    own, words = _FORMATS.get(kind, ("", {}))
    return dict(
        words[option]
        for name, value in arguments(command_line)
        if name == own
        for option in value.split(",")
        if option in words
    )


def passthrough(command_line: str) -> bool | None:
    """Say whether a command line asks for identity mappings; None if it says nothing.

    drivers/iommu/iommu.c, iommu_set_def_domain_type(); arch/x86/kernel/pci-dma.c, iommu_setup().
    """
    found = None
    for name, value in arguments(command_line):
        if name == "iommu.passthrough":
            found = {"1": True, "y": True, "on": True, "0": False, "n": False, "off": False}.get(
                value.lower(), found
            )
        elif name == "iommu":
            for option in value.split(","):
                found = {"pt": True, "nopt": False}.get(option, found)
    return found


def remapping(command_line: str) -> bool | None:
    """Say whether a command line switches interrupt remapping on or off; None if it says nothing.

    drivers/iommu/irq_remapping.c, setup_irqremap().
    """
    found = None
    for name, value in arguments(command_line):
        if name == "intremap":
            for option in value.split(","):
                found = {"on": True, "off": False}.get(option, found)
    return found


def untouched(command_line: str) -> bool:
    """Say whether the kernel is told to leave the IOMMU as it is: its initcall does not run.

    arch/x86/kernel/pci-dma.c, rootfs_initcall(pci_iommu_init); init/main.c, initcall_blacklist.
    """
    return any(
        name == "initcall_blacklist" and "pci_iommu_init" in value.split(",")
        for name, value in arguments(command_line)
    )


__all__ = (
    "arguments",
    "passthrough",
    "relevant",
    "remapping",
    "table_formats",
    "translation",
    "untouched",
)
