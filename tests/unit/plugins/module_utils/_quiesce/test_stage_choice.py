# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.stage_choice import (
    suitable_stage,
)
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

PORT = bridge("0000:00:02.0")
FACTS: Json = {
    **host(PORT, function("0000:01:00.0", "0000:00:02.0")),
    "platform": {"architecture": "x86_64", "cpus": 64},
    "kdump": {"family": "debian"},
    "iommu": {"capture_kernel": {"tables": "kept"}},
}
BUILT_IN = host(
    PORT, function("0000:01:00.0", "0000:00:02.0", driver="virtio-pci", driver_built_in=True)
)["pcie"]
ABORTED: Json = {"capture_kernel": {"tables": "aborted"}}


@pytest.mark.parametrize(
    ("facts", "stage", "why"),
    [
        ({}, "initramfs", "keeps running devices where they were"),
        ({"iommu": {}}, "initramfs", "would reset before the kernel initialises the IOMMU"),
        ({"iommu": ABORTED}, "quiesce", "aborts the DMA of running devices"),
        (
            {"iommu": {"translation": True, "capture_kernel": {"tables": "none"}}},
            "quiesce",
            "leaves the IOMMU as it was",
        ),
        (
            {"iommu": {"translation": False, "capture_kernel": {"tables": "none"}}},
            "initramfs",
            "would reset before the kernel initialises the IOMMU",
        ),
        ({"pcie": BUILT_IN}, "quiesce", "The driver virtio-pci of 0000:01:00.0 is built into"),
        (
            {"iommu": ABORTED, "kdump": {"family": "suse"}},
            "initramfs",
            "built for kdump-tools (Debian, Ubuntu), and this host has suse",
        ),
        (
            {"iommu": ABORTED, "platform": {"architecture": "ppc64le"}},
            "initramfs",
            "built for x86_64 and aarch64, and this host is ppc64le",
        ),
        (
            {"iommu": ABORTED, "platform": {"architecture": "aarch64", "cpus": 256}},
            "quiesce",
            "aborts the DMA of running devices",
        ),
        (
            {"iommu": ABORTED, "platform": {"architecture": "x86_64", "cpus": 256}},
            "initramfs",
            "which 256 CPUs need",
        ),
    ],
)
def test_stage_and_reason(facts: Json, stage: str, why: str) -> None:
    suitable = suitable_stage({**FACTS, **facts})
    assert suitable["stage"] == stage
    assert why in suitable["why"]


def test_facts_that_tell_nothing_are_no_reason_for_another_stage() -> None:
    assert suitable_stage({})["stage"] == "initramfs"
