# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    build,
    config_space,
    pci_function,
    unpack,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    Q35_DMAR,
    dmar,
    ivmd,
    ivrs,
    pack,
    remapping,
    scope,
)

TABLES = "sys/firmware/acpi/tables"
GROUPS = "sys/kernel/iommu_groups"
LOW = "0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
MSI = "0x00000000fee00000 0x00000000feefffff msi\n"


def test_real_machine(tmp_path: Path) -> None:
    root = build(
        unpack("q35-vtd", tmp_path),
        {
            f"{TABLES}/DMAR": Q35_DMAR,
            f"{GROUPS}/5/reserved_regions": LOW + MSI,
            "sys/kernel/security/lockdown": "[none] integrity confidentiality\n",
        },
    )
    facts = iommu_facts(root, None)
    groups = facts.pop("groups")
    acpi = facts.pop("acpi")
    assert facts == {
        "kind": "vtd",
        "units": [
            {
                "name": "dmar0",
                "version": "1:0",
                "address": "fed90000",
                "cap": "d2008c22260286",
                "ecap": "f00f4a",
                "capabilities": {
                    "domains": 65536,
                    "address_width": 39,
                    "levels": [3],
                    "caching_mode": True,
                    "posted_interrupts": False,
                    "coherent": False,
                    "queued_invalidation": True,
                    "device_iotlb": False,
                    "interrupt_remapping": True,
                    "x2apic": False,
                    "passthrough": True,
                    "page_requests": False,
                    "pasid": False,
                    "scalable_mode": False,
                },
            }
        ],
        "translation": True,
        # The machine's kernel said: DMAR-IR: Enabled IRQ remapping in xapic mode
        "interrupt_remapping": {"active": True, "mode": "xapic", "evidence": "IR-IO-APIC"},
        "default_domain": "DMA",
        "reserved": [
            {
                "devices": ["0000:00:1f.0", "0000:00:1f.2", "0000:00:1f.3"],
                "start": "0",
                "end": "ffffff",
                "type": "direct-relaxable",
                "source": "kernel",
            }
        ],
        "command_line": ["intel_iommu=on"],
        "lockdown": "none",
        "capture_kernel": {
            "tables": "kept",
            "why": "The capture kernel copies the VT-d tables, and a device keeps its old ones until its"
            " driver attaches: its DMA goes on until then.",
            "warnings": [],
        },
        "notes": [],
    }
    assert acpi["dmar"]["units"][0]["address"] == "fed90000"
    assert (acpi["ivrs"], acpi["iort"]) == (None, None)
    assert [group["id"] for group in groups] == list(range(11))
    assert groups[9] == {
        "id": 9,
        "type": "DMA",
        "devices": ["0000:04:00.0", "0000:05:00.0"],
        "reserved": [],
    }
    assert groups[5]["reserved"] == [
        {"start": "0", "end": "ffffff", "type": "direct-relaxable"},
        {"start": "fee00000", "end": "feefffff", "type": "msi"},
    ]


def test_nothing_known(tmp_path: Path) -> None:
    facts = iommu_facts(tmp_path, None)
    capture = facts.pop("capture_kernel")
    assert facts == {
        "kind": "unknown",
        "units": [],
        "translation": None,
        "interrupt_remapping": {"active": None, "mode": None, "evidence": None},
        "default_domain": None,
        "groups": [],
        "reserved": [],
        "acpi": {"dmar": None, "ivrs": None, "iort": None},
        "command_line": [],
        "lockdown": None,
        "notes": [
            "/sys/class/iommu is missing: which IOMMU the kernel uses is not known.",
            "/proc/interrupts cannot be read: whether interrupts are remapped is not known.",
        ],
    }
    assert (capture["tables"], capture["warnings"]) == ("unknown", [])
    assert capture["why"].startswith("/sys/class/iommu is missing")


@pytest.mark.parametrize(
    ("unit", "kind", "registers"),
    [
        ("dmar0", "vtd", {"version", "address", "cap", "ecap"}),
        ("ivhd0", "amdvi", {"cap", "features"}),
        ("smmu3.0x0000000009050000", "smmuv3", set()),
    ],
)
def test_kind(tmp_path: Path, unit: str, kind: str, registers: set[str]) -> None:
    facts = iommu_facts(build(tmp_path, {f"sys/class/iommu/{unit}": None}), None)
    assert facts["kind"] == kind
    assert facts["units"] == [{"name": unit, **dict.fromkeys(registers), "capabilities": None}]


@pytest.mark.parametrize(
    ("line", "evidence"),
    [
        (" 28:  0  IR-PCI-MSIX-0000:02:00.0   0-edge  virtio0-config", "IR-PCI-MSIX-0000:02:00.0"),
        (" 33:  0  0  IR-PCI-MSI 512000-edge  ahci[0000:00:1f.2]", "IR-PCI-MSI"),
        ("  1:  9  IR-IO-APIC   1-edge      i8042", "IR-IO-APIC"),
        (" 28:  0  PCI-MSIX-0000:02:00.0   0-edge  virtio0-config", None),
        (" 24:  0  DMAR-MSI   0-edge      dmar0", None),
        ("  4:  0  IO-APIC   4-edge      PAIR-PCI-MSI", None),
        (
            " 55:  0  ITS-PCI-MSIX-0000:01:00.0   0 Edge  virtio0-config",
            "ITS-PCI-MSIX-0000:01:00.0",
        ),
        (" 55:  0  ITS-MSI 524288 Edge  virtio0-config", "ITS-MSI"),
    ],
)
def test_interrupt_remapping(tmp_path: Path, line: str, evidence: str | None) -> None:
    root = build(tmp_path, {"proc/interrupts": f"           CPU0\n{line}\n"})
    assert iommu_facts(root, None)["interrupt_remapping"] == {
        "active": evidence is not None,
        "mode": "its" if evidence and evidence.startswith("ITS") else None,
        "evidence": evidence,
    }


@pytest.mark.parametrize(
    ("ecap", "flags", "command_line", "mode"),
    [
        ("f0105a", 1, "", "x2apic"),
        ("f0104a", 1, "", "xapic"),
        ("f0105a", 3, "", "xapic"),
        ("f0105a", 3, "intremap=no_x2apic_optout", "x2apic"),
        ("f0105a", 1, "nox2apic", "xapic"),
    ],
)
def test_mode_of_interrupt_remapping(
    tmp_path: Path, ecap: str, flags: int, command_line: str, mode: str
) -> None:
    unit = "sys/class/iommu/dmar0/intel-iommu"
    root = build(
        tmp_path,
        {
            "proc/interrupts": "  1:  9  IR-IO-APIC   1-edge      i8042\n",
            "proc/cmdline": f"{command_line}\n",
            f"{TABLES}/DMAR": dmar(flags=flags),
            f"{unit}/cap": "d2008c40660462\n",
            f"{unit}/ecap": f"{ecap}\n",
        },
    )
    assert iommu_facts(root, None)["interrupt_remapping"]["mode"] == mode


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[none] integrity confidentiality\n", "none"),
        ("none [integrity] confidentiality\n", "integrity"),
        ("none integrity [confidentiality]\n", "confidentiality"),
        ("\n", None),
    ],
)
def test_lockdown(tmp_path: Path, text: str, level: str | None) -> None:
    root = build(tmp_path, {"sys/kernel/security/lockdown": text})
    assert iommu_facts(root, None)["lockdown"] == level


def test_table_that_is_damaged_or_no_file(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "proc/interrupts": "",
            "sys/class/iommu": None,
            f"{TABLES}/DMAR": Q35_DMAR[:100],
            f"{TABLES}/IORT/dir": None,
        },
    )
    facts = iommu_facts(root, None)
    assert facts["acpi"] == {"dmar": None, "ivrs": None, "iort": None}
    assert facts["notes"] == [
        "The ACPI table DMAR says it has 136 bytes, there are 100: capture it again or look for a firmware update.",
        "The ACPI table IORT cannot be read: become root.",
    ]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (dmar(), "The host shows no IOMMU"),
        (dmar(remapping(0, pack("BBHQ", 1, 0, 0, 0xFED90000))), "The IOMMU does not translate"),
    ],
)
def test_iommu_that_the_kernel_does_not_use(tmp_path: Path, table: bytes, why: str) -> None:
    root = build(
        tmp_path,
        {
            "proc/interrupts": "",
            "sys/class/iommu": None,
            "proc/sys/kernel/osrelease": "6.12.107+deb13-amd64\n",
            f"{TABLES}/DMAR": table,
        },
    )
    facts = iommu_facts(root, None)
    assert (facts["kind"], facts["translation"], facts["notes"]) == ("none", False, [])
    assert facts["interrupt_remapping"]["active"] is False
    assert facts["capture_kernel"]["tables"] == "none"
    assert facts["capture_kernel"]["why"].startswith(why)


def test_missing_class_directory_is_not_a_kernel_without_iommu(tmp_path: Path) -> None:
    """A captured tree without it tells nothing, also where firmware describes units."""
    unit = remapping(0, pack("BBHQ", 1, 0, 0, 0xFED90000))
    root = build(
        tmp_path,
        {"proc/sys/kernel/osrelease": "6.12.107+deb13-amd64\n", f"{TABLES}/DMAR": dmar(unit)},
    )
    facts = iommu_facts(root, None)
    assert facts["translation"] is None
    assert facts["capture_kernel"]["tables"] == "unknown"


def test_memory_that_firmware_reserves(tmp_path: Path) -> None:
    endpoint = scope(1, 0, (2, 0), (0, 0))
    region = remapping(1, pack("HHQQ", 0, 0, 0x7B000000, 0x7B7FFFFF), endpoint)
    root = build(
        tmp_path,
        {
            **pci_function("pci0000:00/0000:00:02.0", config=config_space(header=1, secondary=1)),
            **pci_function("pci0000:00/0000:00:02.0/0000:01:00.0"),
            f"{TABLES}/DMAR": dmar(region),
            f"{TABLES}/IVRS": ivrs(ivmd(0x21, 0x0100, 0, 0xA000, 0x1000, flags=8)),
        },
    )
    assert iommu_facts(root, None)["reserved"] == [
        {
            "devices": ["0000:01:00.0"],
            "start": "7b000000",
            "end": "7b7fffff",
            "type": "direct",
            "source": "RMRR",
        },
        {
            "devices": ["0000:01:00.0"],
            "start": "a000",
            "end": "afff",
            "type": "exclusion",
            "source": "IVMD",
        },
    ]


@pytest.mark.parametrize(
    ("command_line", "tables", "warnings"),
    [
        ("intel_iommu=on", "kept", 0),
        ("intel_iommu=off", "none", 1),
        ("", "kept", 1),
    ],
)
def test_capture_kernel_with_another_command_line(
    tmp_path: Path, command_line: str, tables: str, warnings: int
) -> None:
    capture = iommu_facts(unpack("q35-vtd", tmp_path), command_line)["capture_kernel"]
    assert (capture["tables"], len(capture["warnings"])) == (tables, warnings)


def test_groups_come_by_number_and_the_most_frequent_type_is_the_default(tmp_path: Path) -> None:
    groups = "sys/kernel/iommu_groups"
    root = build(
        tmp_path,
        {
            f"{groups}/10/type": "identity\n",
            f"{groups}/2/type": "DMA-FQ\n",
            f"{groups}/9/type": "DMA-FQ\n",
            f"{groups}/11/devices/0000:01:00.1": None,
            f"{groups}/11/devices/0000:01:00.0": None,
        },
    )
    facts = iommu_facts(root, None)
    assert facts["default_domain"] == "DMA-FQ"
    assert [group["id"] for group in facts["groups"]] == [2, 9, 10, 11]
    assert facts["groups"][3] == {
        "id": 11,
        "type": None,
        "devices": ["0000:01:00.0", "0000:01:00.1"],
        "reserved": [],
    }
