# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import NOTE_DEAD
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import (
    driver_built_in,
    pcie_facts,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    Link,
    build,
    config_space,
    express,
    pci_function,
    unpack,
)

ENDPOINT = config_space(capabilities={0x40: express(0)})
ROOT_PORT = config_space(header=1, secondary=1, capabilities={0x40: express(4)})


def by_address(facts: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    return {function["address"]: function for function in facts["functions"]}


# What lspci -vvv of the same machine says: Express (port type), Kernel driver in use, IOMMU group,
# BusMaster, LnkSta (speed, width), DLActive where LnkCap has LLActRep+, and secondary.
LSPCI: dict[str, tuple[str | None, str | None, int, bool, str | None, bool | None, str | None]] = {
    "0000:00:00.0": (None, None, 0, False, None, None, None),
    "0000:00:01.0": (None, "bochs-drm", 1, False, None, None, None),
    "0000:00:02.0": ("root_port", "pcieport", 2, True, "2.5 GT/s x1", False, "0000:01"),
    "0000:00:03.0": ("root_port", "pcieport", 3, True, "2.5 GT/s x1", False, "0000:02"),
    "0000:00:04.0": ("root_port", "pcieport", 4, True, "2.5 GT/s x1", False, "0000:03"),
    "0000:00:1f.0": (None, "lpc_ich", 5, False, None, None, None),
    "0000:00:1f.2": (None, "ahci", 5, True, None, None, None),
    "0000:00:1f.3": (None, "i801_smbus", 5, False, None, None, None),
    "0000:01:00.0": ("endpoint", "e1000e", 6, True, "2.5 GT/s x1", None, None),
    "0000:02:00.0": ("endpoint", "virtio-pci", 7, True, "2.5 GT/s x1", None, None),
    "0000:03:00.0": ("upstream_port", "pcieport", 8, True, "2.5 GT/s x1", None, "0000:04"),
    "0000:04:00.0": ("downstream_port", "pcieport", 9, True, "2.5 GT/s x1", None, "0000:05"),
    "0000:04:01.0": ("downstream_port", "pcieport", 10, True, "2.5 GT/s x1", None, "0000:06"),
    "0000:05:00.0": ("endpoint", "nvme", 9, True, "2.5 GT/s x1", None, None),
    "0000:06:00.0": ("endpoint", "xhci_hcd", 10, True, "2.5 GT/s x1", None, None),
}


def test_functions_of_a_real_machine_are_those_of_lspci(tmp_path: Path) -> None:
    functions = pcie_facts(unpack("q35-vtd", tmp_path))["functions"]
    assert {
        function["address"]: (
            function["port_type"],
            function["driver"],
            function["iommu_group"],
            function["bus_master"],
            function["link"] and "{speed} x{width}".format(**function["link"]),
            function["link"] and function["link"]["active"],
            function["secondary"],
        )
        for function in functions
    } == LSPCI
    assert all(not function["notes"] for function in functions)


def test_ports_of_a_real_machine(tmp_path: Path) -> None:
    ports = pcie_facts(unpack("q35-vtd", tmp_path))["ports"]
    assert [
        (port["address"], port["type"], port["children"], port["link_active"]) for port in ports
    ] == [
        ("0000:00:02.0", "root_port", ["0000:01:00.0"], False),
        ("0000:00:03.0", "root_port", ["0000:02:00.0"], False),
        ("0000:00:04.0", "root_port", ["0000:03:00.0"], False),
        ("0000:04:00.0", "downstream_port", ["0000:05:00.0"], None),
        ("0000:04:01.0", "downstream_port", ["0000:06:00.0"], None),
    ]
    assert all(port["reset_subordinate"] for port in ports)


def test_one_function_of_a_real_machine(tmp_path: Path) -> None:
    assert by_address(pcie_facts(unpack("q35-vtd", tmp_path)))["0000:02:00.0"] == {
        "address": "0000:02:00.0",
        "vendor": "1af4",
        "device": "1042",
        "subsystem_vendor": "1af4",
        "subsystem_device": "1100",
        "class": "010000",
        "class_name": "SCSI controller",
        "driver": "virtio-pci",
        "driver_built_in": True,
        "header": "endpoint",
        "port_type": "endpoint",
        "parent": "0000:00:03.0",
        "physical_function": None,
        "secondary": None,
        "numa_node": None,
        "iommu_group": 7,
        "link": {"speed": "2.5 GT/s", "width": 1, "active": None},
        "bus_master": True,
        "reset_methods": ["flr", "pm", "bus"],
        "removable": None,
        "notes": [],
    }


def test_no_pci_bus(tmp_path: Path) -> None:
    assert pcie_facts(tmp_path) == {"functions": [], "ports": []}


def test_addresses_alone_are_functions_and_a_wide_domain_comes_last(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            # Intel VMD: a domain of its own below an endpoint, whose root bus is nobody's secondary bus.
            **pci_function("pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0"),
            **pci_function("pci0000:00/0000:00:0e.0"),
            "sys/bus/pci/devices/0000:00:02.0:pcie001": Link("../../nowhere"),
        },
    )
    functions = pcie_facts(root)["functions"]
    assert [(function["address"], function["parent"]) for function in functions] == [
        ("0000:00:0e.0", None),
        ("10000:e0:06.0", None),
    ]


def test_port_services_are_no_children(tmp_path: Path) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, pci_class="060400", config=ROOT_PORT),
            f"sys/devices/{port}/0000:00:02.0:pcie001": None,
        },
    )
    assert pcie_facts(root)["ports"] == [
        {
            "address": "0000:00:02.0",
            "type": "root_port",
            "children": [],
            "reset_subordinate": False,
            "link_active": None,
        }
    ]


def test_virtual_functions_are_functions_but_no_children(tmp_path: Path) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, pci_class="060400", config=ROOT_PORT),
            **pci_function(f"{port}/0000:01:00.0", config=ENDPOINT),
            **pci_function(f"{port}/0000:01:10.0", config=ENDPOINT),
            f"sys/devices/{port}/0000:01:10.0/physfn": Link("../0000:01:00.0"),
        },
    )
    facts = pcie_facts(root)
    assert by_address(facts)["0000:01:10.0"]["physical_function"] == "0000:01:00.0"
    assert facts["ports"][0]["children"] == ["0000:01:00.0"]


def test_files_that_are_missing_are_null(tmp_path: Path) -> None:
    root = build(tmp_path, {"sys/bus/pci/devices/0000:00:02.0": None})
    (function,) = pcie_facts(root)["functions"]
    assert function["notes"] == ["The configuration space cannot be read."]
    assert (function["vendor"], function["device"], function["class"]) == ("ffff", "ffff", "ffffff")
    assert function["reset_methods"] == []
    nulls = "driver driver_built_in header port_type parent numa_node iommu_group link bus_master removable"
    assert [function[key] for key in nulls.split()] == [None] * 10


def test_attributes(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        pci_function(
            "pci0000:00/0000:00:02.0",
            ids="15B3:1017",
            pci_class="20700",
            config=b"\xff" * 256,
            numa_node="1\n",
            removable="removable\n",
            reset_method="flr bus\n",
        ),
    )
    (function,) = pcie_facts(root)["functions"]
    assert (function["vendor"], function["class"], function["class_name"]) == (
        "15b3",
        "020700",
        "InfiniBand controller",
    )
    assert (function["numa_node"], function["removable"]) == (1, "removable")
    assert function["reset_methods"] == ["flr", "bus"]
    assert function["notes"] == [NOTE_DEAD]


@pytest.mark.parametrize(
    ("tree", "built_in"),
    [
        pytest.param(
            {
                "sys/bus/pci/drivers/xhci_hcd/module": Link("../../../../module/xhci_pci"),
                "sys/module/xhci_pci/initstate": "live\n",
            },
            False,
            id="module of another name",
        ),
        pytest.param(
            {
                "sys/bus/pci/drivers/xhci_hcd/module": Link("../../../../module/xhci_pci"),
                "sys/module/xhci_pci/parameters": None,
            },
            True,
            id="built in, with parameters",
        ),
        pytest.param({"sys/bus/pci/drivers/xhci_hcd": None}, True, id="built in, without a trace"),
        pytest.param({}, None, id="no such driver"),
    ],
)
def test_driver_built_in(
    tmp_path: Path, tree: dict[str, str | None], built_in: bool | None
) -> None:
    assert driver_built_in(build(tmp_path, tree), "xhci_hcd") is built_in
