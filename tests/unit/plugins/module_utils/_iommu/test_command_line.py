# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.command_line import (
    arguments,
    passthrough,
    relevant,
    remapping,
    translation,
    untouched,
)


def test_relevant_arguments_are_shown_as_they_are_written() -> None:
    line = (
        "root=/dev/sda1 ro intel_iommu=on,sm_on quiet arm-smmu-v3.disable_bypass=0 pci=noats"
        ' dyndbg="file a.c +p iommu=off" iommu.strict=1 intremap=off -- iommu=off'
    )
    assert relevant(line) == [
        "intel_iommu=on,sm_on",
        "arm-smmu-v3.disable_bypass=0",
        "pci=noats",
        "iommu.strict=1",
        "intremap=off",
    ]


@pytest.mark.parametrize(
    ("line", "kind", "on"),
    [
        ("", "vtd", None),
        ("intel_iommu=on", "vtd", True),
        ("intel_iommu=on,sm_on", "vtd", True),
        ("intel_iommu=sm_on", "vtd", None),
        ("intel_iommu=on intel_iommu=off", "vtd", False),
        ("intel_iommu=off intel_iommu=on", "vtd", True),
        ("iommu=off intel_iommu=on", "vtd", False),
        ("iommu=pt", "vtd", None),
        ("amd_iommu=off", "vtd", None),
        ("amd_iommu=off", "amdvi", False),
        ("amd_iommu=on", "amdvi", None),
        ("iommu=pt,off", "amdvi", False),
        ("iommu=off", "smmuv3", None),
        ("iommu=off", "none", None),
    ],
)
def test_translation(line: str, kind: str, on: bool | None) -> None:
    assert translation(line, kind) is on


@pytest.mark.parametrize(
    ("line", "on"),
    [
        ("", None),
        ("iommu=pt", True),
        ("iommu=soft,pt", True),
        ("iommu=nopt", False),
        ("iommu.passthrough=1", True),
        ("iommu.passthrough=N", False),
        ("iommu.passthrough=maybe", None),
        ("iommu=pt iommu.passthrough=0", False),
    ],
)
def test_passthrough(line: str, on: bool | None) -> None:
    assert passthrough(line) is on


@pytest.mark.parametrize(
    ("line", "on"),
    [("", None), ("intremap=on", True), ("intremap=nosid,off", False), ("intremap=nopost", None)],
)
def test_remapping(line: str, on: bool | None) -> None:
    assert remapping(line) is on


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("initcall_blacklist=pci_iommu_init", True),
        ("initcall_blacklist=a,pci_iommu_init,b", True),
        ("initcall_blacklist=pci_iommu_init_not", False),
        ("", False),
    ],
)
def test_untouched(line: str, left: bool) -> None:
    assert untouched(line) is left


@given(st.text(alphabet='iommu=pt,-. "\n\\'))
def test_any_line_is_read(line: str) -> None:
    assert all(" " not in name or '"' in line for name, _value in arguments(line))
    assert translation(line, "vtd") in (None, False, True)
