# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of the lab's machines, read from what playbooks/capture.yml captured of them."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.modules.platform_facts import SUBSETS, gather
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

NAMES = sorted(
    path.stem
    for path in (Path(__file__).parent / "data").glob("*.txt")
    if "Captured with playbooks/capture.yml" in path.read_text(encoding="utf-8")[:1000]
)


@pytest.fixture(name="facts", scope="module")
def facts_fixture(
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Callable[[str], dict[str, t.Any]]:
    """Return the facts of a tree, gathered once."""
    known: dict[str, dict[str, t.Any]] = {}

    def facts(name: str) -> dict[str, t.Any]:
        if name not in known:
            known[name] = gather(unpack(name, tmp_path_factory.mktemp(name)), SUBSETS)
        return known[name]

    return facts


Facts = t.Callable[[str], dict[str, t.Any]]


def by_address(facts: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {function["address"]: function for function in facts["pcie"]["functions"]}


def test_the_lab_s_profiles_are_there() -> None:
    assert NAMES == ["many-ports", "rich"]


@pytest.mark.parametrize("name", NAMES)
def test_captured_tree_does_not_tell_its_host(facts: Facts, name: str) -> None:
    found = facts(name)
    assert found["platform"]["hostname"] == "captured"
    assert "root=removed" in found["kdump"]["command_line"]
    text = (Path(__file__).parent / "data" / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"52:54:00|525400|[0-9a-f]{8}-[0-9a-f]{4}-", text)


@pytest.mark.parametrize("name", NAMES)
def test_every_tree_has_an_iommu_and_an_armed_kdump(facts: Facts, name: str) -> None:
    found = facts(name)
    assert found["iommu"]["kind"] == "vtd"
    assert found["iommu"]["interrupt_remapping"]["active"]
    assert found["kdump"]["family"] == "debian"
    assert found["kdump"]["armed"]
    assert found["kdump"]["crash_size"] == 256 << 20


@pytest.mark.parametrize("name", NAMES)
def test_every_port_is_decided_on(facts: Facts, name: str) -> None:
    found = facts(name)
    plan = make_plan(found)
    assert [port["address"] for port in plan["ports"]] == [
        port["address"] for port in found["pcie"]["ports"]
    ]
    assert make_plan(found)["digest"] == plan["digest"]


def test_rich_has_three_host_bridges(facts: Facts) -> None:
    domains = {address[:7] for address, each in by_address(facts("rich")).items()
               if each["parent"] is None}  # fmt: skip
    assert domains == {"0000:00", "0000:40", "0000:80"}


def test_rich_has_two_levels_of_switches(facts: Facts) -> None:
    functions = by_address(facts("rich"))
    above = functions["0000:09:00.0"]["parent"]
    path = []
    while above is not None:
        path.append(functions[above]["port_type"])
        above = functions[above]["parent"]
    assert path == [
        "downstream_port",
        "upstream_port",
        "downstream_port",
        "upstream_port",
        "root_port",
    ]


def test_rich_has_two_functions_in_one_slot(facts: Facts) -> None:
    ports = {port["address"]: port["children"] for port in facts("rich")["pcie"]["ports"]}
    assert ports["0000:00:05.0"] == ["0000:0b:00.0", "0000:0b:00.1"]


def test_rich_has_conventional_pci_behind_a_bridge(facts: Facts) -> None:
    functions = by_address(facts("rich"))
    assert functions["0000:0c:00.0"]["port_type"] == "pcie_to_pci_bridge"
    behind = [each for each in functions.values() if each["parent"] == "0000:0c:00.0"]
    assert [(each["class"][:4], each["port_type"]) for each in behind] == [
        ("0700", None),
        ("0401", None),
    ]


def test_rich_has_virtual_functions_that_are_nobody_s_children(facts: Facts) -> None:
    found = facts("rich")
    virtual = [each["address"] for each in found["pcie"]["functions"] if each["physical_function"]]
    assert virtual == ["0000:0e:00.1", "0000:0e:00.2"]
    ports = {port["address"]: port["children"] for port in found["pcie"]["ports"]}
    assert ports["0000:00:07.0"] == ["0000:0e:00.0"]


def test_many_ports_has_64_endpoints_below_64_ports(facts: Facts) -> None:
    functions = by_address(facts("many-ports"))
    above = Counter(
        each["parent"] for each in functions.values() if each["class"].startswith("0108")
    )
    assert len(above) == 64
    assert set(above.values()) == {1}
    assert Counter(functions[port]["port_type"] for port in above) == {
        "root_port": 32,
        "downstream_port": 32,
    }
