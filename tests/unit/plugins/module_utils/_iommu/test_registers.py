# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.registers import capabilities


def set_flags(found: dict[str, t.Any] | None) -> set[str]:
    return {name for name, value in (found or {}).items() if value is True}


@pytest.mark.parametrize(
    ("cap", "ecap", "flags"),
    [
        ("0", "0", set()),
        ("80", "0", {"caching_mode"}),
        ("800000000000000", "0", {"posted_interrupts"}),
        ("0", "1", {"coherent"}),
        ("0", "2", {"queued_invalidation"}),
        ("0", "4", {"device_iotlb"}),
        ("0", "8", {"interrupt_remapping"}),
        ("0", "18", {"interrupt_remapping", "x2apic"}),
        ("0", "40", {"passthrough"}),
        ("0", "20000000", {"page_requests"}),
        ("0", "10000000000", {"pasid"}),
        ("0", "80000000000", {"scalable_mode"}),
    ],
)
def test_vtd_flags(cap: str, ecap: str, flags: set[str]) -> None:
    assert set_flags(capabilities("vtd", {"cap": cap, "ecap": ecap})) == flags


def test_vtd_numbers() -> None:
    found = capabilities("vtd", {"cap": "8d2078c106f0462", "ecap": "f020df"})
    assert found is not None
    assert (found["domains"], found["address_width"], found["levels"]) == (256, 48, [4])


@pytest.mark.parametrize(
    ("cap", "features", "flags", "levels"),
    [
        ("0", "0", set(), 4),
        ("1000000", "0", {"device_iotlb"}, 4),
        ("4000000", "0", {"caching_mode"}, 4),
        ("8000000", "2", {"extended_features", "page_requests"}, 4),
        ("0", "4", {"x2apic"}, 4),
        ("0", "10:0", {"guest_translation"}, 4),
        ("0", "80:1", {"posted_interrupts"}, 4),
        ("0", "200", {"performance_counters"}, 4),
        ("0", "8000000000000800", {"snp"}, 6),
    ],
)
def test_amd(cap: str, features: str, flags: set[str], levels: int) -> None:
    found = capabilities("amdvi", {"cap": cap, "features": features})
    assert set_flags(found) == flags
    assert found is not None
    assert found["levels"] == [levels]


@pytest.mark.parametrize(
    ("kind", "registers"),
    [
        ("smmuv3", {}),
        ("vtd", {"cap": None, "ecap": "1"}),
        ("vtd", {"cap": "no number", "ecap": "1"}),
        ("amdvi", {"cap": "1"}),
    ],
)
def test_registers_that_cannot_be_read(kind: str, registers: dict[str, str | None]) -> None:
    assert capabilities(kind, registers) is None
