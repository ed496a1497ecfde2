# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exposure import can_do_dma
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

PORTS = [f"0000:00:0{number}.0" for number in range(1, 8)]


def below(port: int, function_: int = 0, **values: t.Any) -> Json:
    return function(f"0000:0{port}:00.{function_}", f"0000:00:0{port}.0", **values)


def two_functions(port: int) -> list[Json]:
    return [below(port, number, reset_methods=["flr"]) for number in (0, 1)]


def dma(*functions: Json, facts: Json | None = None, **ports: Json) -> Json:
    found = host(*functions, **ports)
    found["platform"] = {"architecture": "x86_64", "cpus": 64}
    return t.cast("Json", make_plan({**found, **(facts or {})})["dma"])


def gains(found: Json) -> dict[str, int]:
    return {lever["lever"]: lever["gain"] for lever in found["levers"]}


@pytest.mark.parametrize(
    ("values", "able"),
    [
        ({}, True),
        ({"bus_master": False}, True),  # a network interface that is down
        ({"bus_master": None}, True),
        ({"class": "010802"}, True),
        ({"class": "120000", "bus_master": False}, True),
        ({"class": "088000", "bus_master": True}, True),  # Intel's DMA engines
        ({"class": "088000", "bus_master": False}, False),  # registers of the uncore
        ({"class": "110100", "bus_master": False}, False),
        ({"class": "060000", "bus_master": True}, False),
        ({"class": "130000", "bus_master": True}, False),  # AMD's dummy functions
        ({"class": "068000", "bus_master": True}, True),  # NVSwitch
        ({"physical_function": "0000:01:00.0"}, False),
    ],
)
def test_what_can_do_dma(values: Json, able: bool) -> None:
    assert can_do_dma(function("0000:01:00.1", "0000:00:01.0", **values)) is able


def test_bridges_do_no_dma_of_their_own() -> None:
    assert not can_do_dma(bridge(PORTS[0]))


def test_functions_by_what_becomes_of_them() -> None:
    found = dma(
        bridge(PORTS[0]),
        below(1, 0, **{"class": "010802"}),
        bridge(PORTS[1]),
        below(2, 0, **{"class": "030200"}),
        function("0000:00:17.0", **{"class": "010601"}),
    )
    assert (found["functions"], found["silent"], found["running"], found["unknown"]) == (3, 1, 2, 0)
    assert (found["silent_storage_network"], found["storage_network"]) == (1, 2)
    assert [(group["reason"], group["ports"], group["functions"]) for group in found["groups"]] == [
        ("accelerator", 1, ["0000:02:00.0"]),
        ("integrated", 0, ["0000:00:17.0"]),
    ]
    assert gains(found) == {"qualify": 1}


def test_hot_plug_slots_and_what_frees_them() -> None:
    found = dma(
        bridge(PORTS[0]), *two_functions(1), p01_0={"hotplug": True},
        facts={"kdump": {"kernel_release": "6.12.107"}, "iommu": {"lockdown": "none"}},
    )  # fmt: skip
    assert (found["silent"], found["running"]) == (0, 2)
    assert gains(found) == {"compat": 2, "kernel": 2, "sbr": 2, "flr": 2}


def test_a_locked_down_kernel_has_no_registers_to_write() -> None:
    found = dma(
        bridge(PORTS[0]), *two_functions(1), p01_0={"hotplug": True},
        facts={"iommu": {"lockdown": "integrity"}},
    )  # fmt: skip
    assert "sbr" not in gains(found)


def test_a_kernel_without_the_files() -> None:
    found = dma(bridge(PORTS[0]), *two_functions(1), p01_0={"reset_subordinate": False})
    assert [group["reason"] for group in found["groups"]] == ["no_reset_method"]
    assert gains(found) == {"files": 2, "sbr": 2, "flr": 2}


def test_built_in_drivers_are_freed_by_the_other_stage_where_it_is_possible() -> None:
    tree = (bridge(PORTS[0]), below(1, driver="virtio-pci", driver_built_in=True))
    assert gains(dma(*tree)) == {"quiesce": 1}
    assert gains(dma(*tree, facts={"kdump": {"family": "suse"}})) == {}


def test_what_is_below_a_bridge_that_nobody_could_read_is_not_known() -> None:
    found = dma(
        bridge(PORTS[0], port_type=None, notes=["Only the start can be read."]),
        below(1, port_type=None, notes=["Only the start can be read."]),
    )
    assert (found["functions"], found["unknown"], found["running"], found["silent"]) == (1, 1, 0, 0)


def test_the_kernel_of_power_resets_all_host_bridges_itself() -> None:
    tree = host(bridge(PORTS[0]), below(1), function("0000:00:1f.2", **{"class": "010601"}))
    found = make_plan({**tree, "platform": {"architecture": "ppc64le"}})["dma"]
    assert (found["silent"], found["running"]) == (2, 0)
    found = make_plan({**tree, "platform": {"architecture": "s390x"}})["dma"]
    assert (found["silent"], found["running"]) == (0, 2)


def test_what_only_says_that_it_is_storage() -> None:
    found = dma(
        bridge(PORTS[0]),
        below(1, 0, vendor="1000", device="00b2", **{"class": "010700"}),
        bridge(PORTS[1]),
        below(2, 0, vendor="103c", device="193f", **{"class": "010400"}),
    )
    assert (found["functions"], found["storage_network"]) == (2, 0)
