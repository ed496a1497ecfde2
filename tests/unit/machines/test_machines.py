# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan on real machines: tests/unit/data/machines, and docs/evidence/platforms.md, which is made of them."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from pathlib import Path

import pytest
from machines import machine, page

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan

NAMES = sorted(path.stem for path in machine.DATA.glob("*.txt"))


@functools.cache
def known(name: str) -> machine.Machine:
    return machine.read(machine.DATA / f"{name}.txt")


@functools.cache
def facts_of(name: str) -> dict[str, t.Any]:
    return page.facts_of(known(name))


@functools.cache
def plan_of(name: str) -> dict[str, t.Any]:
    return make_plan(facts_of(name))


def test_the_kinds_of_machines_that_are_there() -> None:
    assert len(NAMES) >= 20
    kinds = {kind for name in NAMES for kind in known(name).kinds}
    assert kinds >= {
        "rack server", "8-GPU box", "NVMe box", "switches", "VMD", "EPYC", "arm64 server", "SR-IOV", "POWER",
        "Thunderbolt", "USB4", "CXL", "no privilege",
    }  # fmt: skip
    vendors = " ".join(known(name).title for name in NAMES)
    for vendor in ("Dell", "HPE", "Lenovo", "Supermicro", "Fujitsu", "Huawei", "Kunpeng", "Ampere"):
        assert vendor in vendors


@pytest.mark.parametrize("name", NAMES)
def test_a_machine_says_where_it_is_from_and_nothing_that_tells_it_from_others(name: str) -> None:
    assert known(name).source.startswith("https://github.com/")
    text = (machine.DATA / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"([0-9a-f]{2}:){5}[0-9a-f]{2}|(\d+\.){3}\d+|[0-9A-F]{10}|serial.?n", text)
    words = set(vars(known(name).functions[0]))
    assert words == {field.name for field in dataclasses.fields(machine.Function)}


@pytest.mark.parametrize("name", NAMES)
def test_the_facts_are_what_the_export_says(name: str) -> None:
    """Identity, class, type and place of each function, read from a tree as from a host."""
    functions = {each["address"]: each for each in facts_of(name)["pcie"]["functions"]}
    exported = {each.address: each for each in known(name).functions}
    assert set(functions) == set(exported)
    by_bus = {each.secondary: each.address for each in exported.values() if each.secondary}
    for address, each in exported.items():
        found = functions[address]
        assert f"{found['vendor']}:{found['device']}" == each.identity
        assert (found["class"], found["port_type"]) == (each.code, each.type)
        assert found["parent"] == by_bus.get(address.rpartition(":")[0])
        assert (found["driver"], bool(found["bus_master"])) == (each.driver, each.master)
        assert bool(found["hotplug"]) == (
            each.hotplug and each.type in ("root_port", "downstream_port")
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_function_that_can_do_dma_is_counted_once(name: str) -> None:
    dma = plan_of(name)["dma"]
    assert dma["functions"] == dma["silent"] + dma["running"] + dma["unknown"]
    assert dma["running"] == sum(len(group["functions"]) for group in dma["groups"])
    assert all(lever["gain"] > 0 for lever in dma["levers"])


def test_the_page_is_what_is_decided() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.render(), "run make platforms"


# Of real machines: what was decided wrongly, and what is decided now.
@pytest.mark.parametrize(
    ("name", "port", "reason"),
    [
        ("hpe-dl360-gen9", "0000:00:1c.2", "bmc"),  # iLO 4, whose DMI does not have to say so
        ("hpe-ml110-gen10", "0000:00:1c.4", "bmc"),
        ("nvidia-dgx-a100", "0000:06:00.0", "accelerator"),
        ("nvidia-dgx-a100", "0000:04:14.0", "endpoints_only"),  # NVMe on the switch of a GPU
        ("fujitsu-rx2540-m6", "0000:54:1c.0", "switch_management"),
        ("intel-vroc", "10002:00:01.0", "driver_made"),
        ("dell-r7425", "0000:00:07.1", "endpoints_only"),
        ("kunpeng-920", "0000:00:10.0", "bmc"),
        ("kunpeng-920", "0000:7c:00.0", "endpoints_only"),
        ("cavium-thunderx2", "0000:80:0d.0", "endpoints_only"),
        ("hpe-dl320e-gen8", "0000:00:01.2", "memory"),
        ("lenovo-se350", "fff6:00:00.0", "driver_made"),
    ],
)
def test_decision(name: str, port: str, reason: str) -> None:
    reasons = {each["address"]: each["reason"] for each in plan_of(name)["ports"]}
    assert reasons[port] == reason


def test_the_internal_bridges_of_a_dgx_are_counted_apart() -> None:
    plan = plan_of("nvidia-dgx-a100")
    assert plan["reset_on_chip"] == 16
    inside = [port for port in plan["ports"] if port["on_chip"]]
    assert {port["decision"] for port in inside} == {"reset"}


def test_dmi_is_no_port() -> None:
    """Intel's DMI says that it is a root port where it is a host bridge: no bus is behind it."""
    facts = facts_of("dell-r740xd")
    functions = {each["address"]: each for each in facts["pcie"]["functions"]}
    assert functions["0000:00:00.0"]["port_type"] == "root_port"
    assert functions["0000:00:00.0"]["header"] == "endpoint"
    ports = [port["address"] for port in facts["pcie"]["ports"]]
    assert ports
    assert "0000:00:00.0" not in ports


def test_what_was_captured_without_privilege_is_not_known() -> None:
    facts = facts_of("dell-r910-no-privilege")
    assert facts["pcie"]["ports"] == []
    assert any("only the header can be read" in note for note in facts["pcie"]["notes"])
    dma = plan_of("dell-r910-no-privilege")["dma"]
    assert dma["unknown"] > 0
    assert dma["silent"] == 0


def test_every_accelerator_is_decided_alike() -> None:
    """NVIDIA's at 0302, NEC's at 0b40 and Intel's: none is reset without a rule."""
    for name in NAMES:
        entries = {port["address"]: port for port in plan_of(name)["ports"]}
        for each in facts_of(name)["pcie"]["functions"]:
            if each["class"][:4] in ("0302", "0380") or each["class"].startswith("12"):
                assert (
                    each["parent"] not in entries or entries[each["parent"]]["decision"] == "leave"
                )


def test_every_port_hot_plug_is_where_a_port_that_is_alone_still_has_a_method() -> None:
    plan = make_plan(page.all_hotplug(facts_of("dell-r740xd")))
    assert 0 < plan["dma"]["silent"] < plan_of("dell-r740xd")["dma"]["silent"]
    gains = {lever["lever"]: lever["gain"] for lever in plan["dma"]["levers"]}
    assert plan["dma"]["silent"] + gains["compat"] == plan_of("dell-r740xd")["dma"]["silent"]


def test_a_tree_of_a_machine_can_be_read_again(tmp_path: Path) -> None:
    root = machine.unpack(known("dell-r220"), tmp_path)
    assert pcie_facts(root) == facts_of("dell-r220")["pcie"]
    machine.write(tmp_path / "again.txt", known("dell-r220"))
    assert machine.read(tmp_path / "again.txt") == known("dell-r220")
