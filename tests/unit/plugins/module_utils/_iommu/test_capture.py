# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.capture import (
    IommuSetup,
    capture_kernel,
)

RELEASE = "6.12.107+deb13-amd64"


def setup(kind: str = "vtd", **values: t.Any) -> IommuSetup:
    """Describe a host whose capture kernel gets the running kernel's command line."""
    host = IommuSetup(
        kind=kind,
        other=False,
        translation=kind != "none",
        remapping=True,
        scalable=False,
        architecture="x86_64",
        release=RELEASE,
        first="intel_iommu=on",
        capture=values.get("first", "intel_iommu=on"),
    )
    return host._replace(**values)


@pytest.mark.parametrize(
    ("host", "tables", "why"),
    [
        (setup("vtd"), "kept", "copies the VT-d tables"),
        (setup("vtd", first="", capture=None), "kept", "copies the VT-d tables"),
        (setup("vtd", release="3.10.0-1160.el7.x86_64"), "aborted", "older than Linux 4.2"),
        (setup("amdvi"), "kept", "reuses the AMD-Vi device table"),
        (setup("amdvi", release="4.12.0"), "aborted", "older than Linux 4.14"),
        (setup("amdvi", first="amd_iommu=off"), "none", "switches translation off"),
        (setup("smmuv3", architecture="aarch64"), "aborted", "empty stream table"),
        (setup("smmuv3", release="7.2.13"), "aborted", "empty stream table"),
        (setup("smmuv3", release="7.3.0"), "unknown", "crash test shows which"),
        (
            setup("smmuv3", release="6.14.0-1003-nvidia-64k"),
            "unknown",
            "crash test shows which",
        ),
        (setup("smmuv3", first="iommu.passthrough=1"), "aborted", "empty stream table"),
        (setup("vtd", capture="intel_iommu=off"), "none", "switches translation off"),
        (setup("vtd", capture="intel_iommu=on iommu=off"), "none", "switches translation off"),
        (
            setup("vtd", capture="intremap=off initcall_blacklist=pci_iommu_init nox2apic"),
            "kept",
            "hands off the IOMMU",
        ),
        # copy_translation_tables() refuses, and translation is switched off.
        (
            setup(
                "vtd", scalable=True, first="intel_iommu=on,sm_on", capture="intel_iommu=on,sm_off"
            ),
            "none",
            "cannot copy tables of the other format",
        ),
        (
            setup("vtd", scalable=None, first="intel_iommu=sm_off", capture="intel_iommu=sm_on"),
            "none",
            "switched off, the capture kernel has it switched on",
        ),
        (
            setup("vtd", scalable=True, first="intel_iommu=on,sm_on", capture="intel_iommu=on"),
            "unknown",
            "Only one of both command lines",
        ),
        (
            setup("vtd", scalable=False, first="intel_iommu=sm_on", capture="intel_iommu=sm_off"),
            "kept",
            "copies the VT-d tables",
        ),
        (
            setup(
                "vtd", scalable=True, first="intel_iommu=on,sm_on", capture="intel_iommu=on,sm_on"
            ),
            "kept",
            "copies the VT-d tables",
        ),
        (setup("amdvi", first="amd_iommu=pgtbl_v2"), "unknown", "guest page tables"),
        (setup("amdvi", first="amd_iommu=pgtbl_v1"), "kept", "reuses the AMD-Vi device table"),
        (setup("vtd", translation=False, first=""), "none", "does not translate"),
        (setup("none"), "none", "shows no IOMMU"),
        (setup("none", other=True), "unknown", "of a kind that this collection does not know"),
        (setup("none", architecture="ppc64le"), "unknown", "of this architecture"),
        (setup("none", release=None), "unknown", "release is not known"),
        (setup("vtd", release=None), "unknown", "release is not known"),
        (setup("vtd", release=f"{'9' * 5000}.1"), "unknown", "release is not known"),
        (setup("none", translation=None), "unknown", "/sys/class/iommu is missing"),
        (setup("vtd", translation=None), "unknown", "/sys/class/iommu is missing"),
        (setup("smmuv3", translation=None), "unknown", "/sys/class/iommu is missing"),
    ],
)
def test_tables(host: IommuSetup, tables: str, why: str) -> None:
    found = capture_kernel(host)
    assert found["tables"] == tables
    assert why in found["why"]
    assert found["why"].endswith(".")


@pytest.mark.parametrize(
    ("host", "warning"),
    [
        (setup("vtd", capture="intel_iommu=off"), "which corrupts it"),
        (setup("vtd", capture="intel_iommu=on iommu=off"), "which corrupts it"),
        (setup("amdvi", first="", capture="amd_iommu=off"), "which corrupts it"),
        (setup("vtd", capture="ro"), "intel_iommu=on is missing"),
        (
            setup("vtd", translation=False, first="", capture="intel_iommu=on"),
            "old DMA of running devices to physical addresses faults",
        ),
        (
            setup("vtd", translation=False, first="intel_iommu=off", capture="ro"),
            "off in the running kernel by intel_iommu=off",
        ),
        (
            setup("amdvi", translation=False, first="amd_iommu=off", capture="ro"),
            "off in the running kernel by amd_iommu=off",
        ),
        (
            setup("amdvi", first="iommu=pt", capture="ro"),
            "switched on for the running kernel and not set for the capture kernel",
        ),
        (
            setup("vtd", capture="intel_iommu=on intremap=off"),
            "interrupts of running devices are lost",
        ),
        (
            setup(
                "vtd", scalable=True, first="intel_iommu=on,sm_on", capture="intel_iommu=on,sm_off"
            ),
            "Scalable mode is switched on for the running kernel and switched off for the capture kernel",
        ),
        (
            setup("vtd", first="intel_iommu=on,tboot_noforce", capture="intel_iommu=on"),
            "tboot_noforce is switched on for the running kernel and not set for the capture kernel",
        ),
        (
            setup("amdvi", first="amd_iommu=pgtbl_v2", capture="ro"),
            "pgtbl_v2 is switched on for the running kernel and not set for the capture kernel",
        ),
        (setup("vtd", scalable=True, release="5.14.0-503.el9.x86_64"), "0c5f6c0d8201"),
    ],
)
def test_warning(host: IommuSetup, warning: str) -> None:
    (found,) = capture_kernel(host)["warnings"]
    assert warning in found
    assert found.endswith(".")


@pytest.mark.parametrize(
    "host",
    [
        setup("vtd"),
        setup("vtd", first=""),
        setup("vtd", capture=None),
        setup("vtd", first="intel_iommu=on iommu=pt"),
        setup("vtd", first="intel_iommu=on intremap=off", remapping=False),
        setup("vtd", translation=False, first="intel_iommu=off"),
        setup("vtd", scalable=True),
        setup("vtd", scalable=True, release="5.10.0", first="intel_iommu=on,sm_off"),
        setup("vtd", capture="intremap=off initcall_blacklist=pci_iommu_init nox2apic"),
        setup("smmuv3", first="", capture="reset_devices"),
        setup("none"),
        setup("vtd", translation=None, first="", capture="intel_iommu=on"),
        setup("vtd", translation=None, first="intel_iommu=off", capture="ro"),
    ],
)
def test_no_warning(host: IommuSetup) -> None:
    assert capture_kernel(host)["warnings"] == []
