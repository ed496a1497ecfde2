# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build, unpack


def test_real_machine(tmp_path: Path) -> None:
    facts = iommu_facts(unpack("q35-vtd", tmp_path))
    groups = facts.pop("groups")
    assert facts == {
        "kind": "vtd",
        "units": [
            {
                "name": "dmar0",
                "version": "1:0",
                "address": "fed90000",
                "cap": "d2008c22260286",
                "ecap": "f00f4a",
            }
        ],
        "translation": True,
        "interrupt_remapping": {"active": True, "evidence": "IR-IO-APIC"},
        "default_domain": "DMA",
    }
    assert [group["id"] for group in groups] == list(range(11))
    assert groups[9] == {"id": 9, "type": "DMA", "devices": ["0000:04:00.0", "0000:05:00.0"]}


def test_no_iommu(tmp_path: Path) -> None:
    assert iommu_facts(tmp_path) == {
        "kind": "none",
        "units": [],
        "translation": False,
        "interrupt_remapping": {"active": False, "evidence": None},
        "default_domain": None,
        "groups": [],
    }


@pytest.mark.parametrize(
    ("unit", "kind", "registers"),
    [
        ("dmar0", "vtd", {"version", "address", "cap", "ecap"}),
        ("ivhd0", "amdvi", {"cap", "features"}),
        ("smmu3.0x0000000009050000", "smmuv3", set()),
    ],
)
def test_kind(tmp_path: Path, unit: str, kind: str, registers: set[str]) -> None:
    facts = iommu_facts(build(tmp_path, {f"sys/class/iommu/{unit}": None}))
    assert facts["kind"] == kind
    assert facts["units"] == [{"name": unit, **dict.fromkeys(registers)}]


@pytest.mark.parametrize(
    ("line", "evidence"),
    [
        (" 28:  0  IR-PCI-MSIX-0000:02:00.0   0-edge  virtio0-config", "IR-PCI-MSIX-0000:02:00.0"),
        (" 33:  0  0  IR-PCI-MSI 512000-edge  ahci[0000:00:1f.2]", "IR-PCI-MSI"),
        ("  1:  9  IR-IO-APIC   1-edge      i8042", "IR-IO-APIC"),
        (" 28:  0  PCI-MSIX-0000:02:00.0   0-edge  virtio0-config", None),
        (" 24:  0  DMAR-MSI   0-edge      dmar0", None),
        ("  4:  0  IO-APIC   4-edge      PAIR-PCI-MSI", None),
    ],
)
def test_interrupt_remapping(tmp_path: Path, line: str, evidence: str | None) -> None:
    root = build(tmp_path, {"proc/interrupts": f"           CPU0\n{line}\n"})
    assert iommu_facts(root)["interrupt_remapping"] == {
        "active": evidence is not None,
        "evidence": evidence,
    }


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
    facts = iommu_facts(root)
    assert facts["default_domain"] == "DMA-FQ"
    assert [group["id"] for group in facts["groups"]] == [2, 9, 10, 11]
    assert facts["groups"][3] == {
        "id": 11,
        "type": None,
        "devices": ["0000:01:00.0", "0000:01:00.1"],
    }
