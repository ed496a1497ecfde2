# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.assessment import assessment
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.tree import reset_tree
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

FACTS = host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0"))
VTD: Json = {
    "kind": "vtd",
    "units": [{"name": "dmar0"}],
    "translation": True,
    "interrupt_remapping": {"active": True, "evidence": "IR-PCI-MSI"},
    "default_domain": "DMA-FQ",
}


def section(name: str, **facts: Json) -> list[str]:
    """Return the lines below a heading."""
    all_facts = {**FACTS, **facts}
    lines = assessment(all_facts, make_plan(all_facts))
    rest = lines[lines.index(name) + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def test_begins_with_the_number_and_the_tree() -> None:
    plan = make_plan(FACTS)
    tree = reset_tree(FACTS, plan).splitlines()
    number = [
        "Of 1 function that can do DMA 1 will be silent before drivers load, 0 keep running. Of those for storage and",
        "network 1 of 1 will be silent.",
        "",
    ]
    assert assessment(FACTS, plan)[: len(number) + len(tree)] == [*number, *tree]


def test_says_what_keeps_running_and_what_would_stop_it() -> None:
    facts = host(
        bridge("0000:00:02.0"),
        function("0000:01:00.0", "0000:00:02.0", reset_methods=[]),
        function("0000:01:00.1", "0000:00:02.0", reset_methods=[]),
        bridge("0000:00:03.0", port_type=None, notes=["Only the start can be read."]),
        function("0000:02:00.0", "0000:00:03.0", port_type=None),
        function("0000:00:1f.2", **{"class": "010601"}),
        p02_0={"hotplug": True},
    )
    lines = assessment(facts, make_plan(facts))
    assert lines[: lines.index("")] == [
        "Of 4 functions that can do DMA 0 will be silent before drivers load, 3 keep running, of 1 it is not known. Of",
        "those for storage and network 0 of 4 will be silent.",
        "  running: 2 on 1 port, occupied hot-plug slots, which this kernel would take for emptied",
        "  running: 1, integrated into the root complex, no port above",
        "  +2 silent with pcie_ports=compat on the capture kernel's command line",
        "  +2 silent with Linux 7.2 or a later kernel",
        "  +2 silent with the policy sbr: fallback, after this platform is qualified with it",
    ]


def test_a_plan_of_an_older_release_has_no_number() -> None:
    plan = {key: value for key, value in make_plan(FACTS).items() if key != "dma"}
    assert assessment(FACTS, plan)[0].startswith("db01.example.com")


@pytest.mark.parametrize(
    ("iommu", "lines"),
    [
        ({}, ["  The facts do not tell."]),
        (
            {"kind": "none", "units": [], "translation": False},
            ["  This kernel: no IOMMU that the kernel uses, translation is off."],
        ),
        # A captured tree without /sys/class/iommu.
        (
            {
                "kind": "unknown",
                "units": [],
                "translation": None,
                "interrupt_remapping": {"active": None},
            },
            ["  This kernel: which IOMMU it uses is not known, translation is not known."],
        ),
        (
            VTD,
            [
                (
                    "  This kernel: Intel VT-d, 1 unit, translation is on, default domain DMA-FQ,"
                    " interrupt remapping is on."
                )
            ],
        ),
        (
            {
                "kind": "amdvi",
                "units": [{}, {}],
                "translation": True,
                "interrupt_remapping": {"active": False},
                "default_domain": None,
                "capture_kernel": {
                    "tables": "kept",
                    "why": "The driver copies them.",
                    "warnings": ["amd_iommu=off only there."],
                },
            },
            [
                "  This kernel: AMD-Vi, 2 units, translation is on, interrupt remapping is off.",
                "  The capture kernel: keeps the translation tables of the crashed kernel. The driver copies them.",
                "  warning: amd_iommu=off only there.",
            ],
        ),
        (
            {"kind": "smmuv3", "capture_kernel": {"tables": "aborted", "why": None}},
            [
                "  This kernel: Arm SMMUv3, translation is off.",
                "  The capture kernel: aborts the DMA of running devices.",
            ],
        ),
        (
            {"kind": "other", "capture_kernel": {"tables": "new word"}},
            [
                "  This kernel: other, translation is off.",
                "  The capture kernel: what it does with running devices is not known.",
            ],
        ),
    ],
)
def test_iommu(iommu: Json, lines: list[str]) -> None:
    assert section("IOMMU", iommu=iommu) == lines


@pytest.mark.parametrize(
    ("kdump", "lines"),
    [
        ({}, ["  The facts do not tell."]),
        ({"problems": []}, ["  kdump is ready."]),
        ({"problems": [], "not_known": []}, ["  kdump is ready."]),
        (
            {"problems": [], "not_known": ["service_failed", "target_needs"]},
            [
                "  No error of kdump is known; could not be looked for: service_failed, target_needs.",
            ],
        ),
        (
            {"problems": [{"code": "not_armed", "message": "Nothing is loaded."}]},
            ["  error: Nothing is loaded."],
        ),
        (
            {
                "problems": [
                    {"code": "a", "severity": "warning", "message": "It is tight."},
                    {"code": "b", "severity": "error", "message": "It is full."},
                ]
            },
            ["  error: It is full.", "  warning: It is tight."],
        ),
        (
            {"problems": [{"code": "a", "severity": "warning", "message": "It is tight."}]},
            ["  warning: It is tight.", "  kdump is ready."],
        ),
    ],
)
def test_kdump(kdump: Json, lines: list[str]) -> None:
    assert section("kdump", kdump=kdump) == lines


def test_long_sentences_are_wrapped() -> None:
    problems = [{"code": "a", "message": "very " * 40 + "long."}]
    lines = section("kdump", kdump={"problems": problems})
    assert all(len(line) <= 110 for line in lines)
    assert [line[:4] for line in lines[1:]] == ["    "] * (len(lines) - 1)
