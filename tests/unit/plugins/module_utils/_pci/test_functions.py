# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import (
    NOTE_DEAD,
    NOTE_UNPRIVILEGED,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import (
    NOTE_NO_BUS,
    NOTE_NO_EXTENDED,
    NOTE_NO_NAMES,
    driver_built_in,
    pcie_facts,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    Link,
    build,
    config_space,
    express,
    extended_capability,
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


# What lspci -vvv of the same machine says: LnkCap (speed, width), MaxPayload of DevCtl, FLReset, the state of
# Power Management, MSI Enable, MSI-X Enable, and of the capabilities those that the collection names.
LSPCI_CAPABILITIES: dict[str, tuple[str | None, int | None, bool | None, str | None, str, str]] = {
    "0000:00:00.0": (None, None, None, None, "", ""),
    "0000:00:01.0": (None, None, None, None, "", ""),
    "0000:00:02.0": ("16.0 GT/s x32", 128, None, None, " +", "express msix"),
    "0000:00:03.0": ("16.0 GT/s x32", 128, None, None, " +", "express msix"),
    "0000:00:04.0": ("16.0 GT/s x32", 128, None, None, " +", "express msix"),
    "0000:00:1f.0": (None, None, None, None, "", ""),
    "0000:00:1f.2": (None, None, None, None, "+", "msi"),
    "0000:00:1f.3": (None, None, None, None, "", ""),
    "0000:01:00.0": ("2.5 GT/s x1", 128, False, "D0", "-+", "pm msi express msix"),
    "0000:02:00.0": ("2.5 GT/s x1", 128, True, "D0", " +", "msix pm express"),
    "0000:03:00.0": ("2.5 GT/s x1", 128, None, None, "-", "express msi"),
    "0000:04:00.0": ("None x0", 128, None, None, "-", "express msi"),
    "0000:04:01.0": ("None x0", 128, None, None, "-", "express msi"),
    "0000:05:00.0": ("2.5 GT/s x1", 128, True, "D0", " +", "msix express pm"),
    "0000:06:00.0": ("2.5 GT/s x1", 128, False, None, " +", "msix express"),
}


def test_capabilities_of_a_real_machine_are_those_of_lspci(tmp_path: Path) -> None:
    def enabled(*switches: dict[str, bool] | None) -> str:
        return "".join(
            " " if switch is None else "-+"[switch["enabled"]] for switch in switches
        ).rstrip()

    functions = pcie_facts(unpack("q35-vtd", tmp_path))["functions"]
    assert {
        function["address"]: (
            function["link"] and "{max_speed} x{max_width}".format(**function["link"]),
            function["max_payload"],
            function["flr"],
            function["power_state"],
            enabled(function["msi"], function["msix"]),
            " ".join(name for name in function["capabilities"] if name != "ea"),
        )
        for function in functions
    } == LSPCI_CAPABILITIES


def test_one_function_of_a_real_machine(tmp_path: Path) -> None:
    assert by_address(pcie_facts(unpack("q35-vtd", tmp_path)))["0000:02:00.0"] == {
        "address": "0000:02:00.0",
        "vendor": "1af4",
        "device": "1042",
        "subsystem_vendor": "1af4",
        "subsystem_device": "1100",
        "class": "010000",
        "class_name": "SCSI controller",
        "name": None,
        "slot": None,
        "driver": "virtio-pci",
        "driver_built_in": True,
        "header": "endpoint",
        "port_type": "endpoint",
        "parent": "0000:00:03.0",
        "root_bus": "0000:00",
        "physical_function": None,
        "secondary": None,
        "numa_node": None,
        "iommu_group": 7,
        "power_state": "D0",
        "link": {
            "speed": "2.5 GT/s",
            "width": 1,
            "max_speed": "2.5 GT/s",
            "max_width": 1,
            "active": None,
            "active_reporting": False,
        },
        "max_payload": 128,
        "flr": True,
        "transactions_pending": False,
        "hotplug": None,
        "bus_master": True,
        "msi": None,
        "msix": {"enabled": True},
        # The tree was captured without the extended configuration space.
        **dict.fromkeys(("aer", "acs", "ari", "ats", "pri", "pasid", "cxl", "dpc", "sriov")),
        "capabilities": ["msix", "pm", "express"],
        "reset_methods": ["flr", "pm", "bus"],
        "removable": None,
        "notes": [],
    }


def test_no_pci_bus(tmp_path: Path) -> None:
    assert pcie_facts(tmp_path) == {
        "functions": [],
        "ports": [],
        "host_bridges": [],
        "notes": [NOTE_NO_BUS],
    }


def test_empty_pci_bus_is_no_fault(tmp_path: Path) -> None:
    assert pcie_facts(build(tmp_path, {"sys/bus/pci/devices": None}))["notes"] == []


def test_what_is_missing_of_a_real_machine_is_said_once(tmp_path: Path) -> None:
    facts = pcie_facts(unpack("q35-vtd", tmp_path))
    assert facts["notes"] == [NOTE_NO_EXTENDED.format(count=10), NOTE_NO_NAMES]
    assert facts["host_bridges"] == [{"root_bus": "0000:00", "function": None}]


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
    facts = pcie_facts(root)
    assert [
        (function["address"], function["parent"], function["root_bus"])
        for function in facts["functions"]
    ] == [
        ("0000:00:0e.0", None, "0000:00"),
        ("10000:e0:06.0", None, "10000:e0"),
    ]
    assert facts["host_bridges"] == [
        {"root_bus": "0000:00", "function": None},
        {"root_bus": "10000:e0", "function": "0000:00:0e.0"},
    ]


@pytest.mark.parametrize(
    ("above", "domain"),
    [
        pytest.param("", "0001", id="a second segment"),
        pytest.param("platform/40000000.pcie/", "0000", id="device tree"),
        pytest.param(
            "LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00/uuid/", "deadbeef", id="Hyper-V"
        ),
    ],
)
def test_root_bus_is_found_wherever_it_is(tmp_path: Path, above: str, domain: str) -> None:
    port = f"{above}pci{domain}:80/{domain}:80:01.0"
    config = config_space(header=1, secondary=0x81, capabilities={0x40: express(4)})
    root = build(
        tmp_path,
        {
            **pci_function(port, config=config),
            **pci_function(f"{port}/{domain}:81:00.0", config=ENDPOINT),
        },
    )
    facts = pcie_facts(root)
    assert [(each["parent"], each["root_bus"]) for each in facts["functions"]] == [
        (None, f"{domain}:80"),
        (f"{domain}:80:01.0", f"{domain}:80"),
    ]
    assert facts["functions"][0]["secondary"] == f"{domain}:81"
    assert facts["host_bridges"] == [{"root_bus": f"{domain}:80", "function": None}]
    assert facts["ports"][0]["children"] == [f"{domain}:81:00.0"]


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
            "depth": 0,
            "children": [],
            "reset_subordinate": False,
            "link_active": None,
            "slot": None,
            "hotplug": False,
            "surprise": False,
            "presence": None,
            "dpc": None,
            "cxl": None,
            "sbr_masked": None,
            "external": False,
        }
    ]


def test_ports_of_a_switch_are_deeper(tmp_path: Path) -> None:
    ports = pcie_facts(unpack("q35-vtd", tmp_path))["ports"]
    assert [port["depth"] for port in ports] == [0, 0, 0, 2, 2]


def test_port_tells_what_its_registers_say(tmp_path: Path) -> None:
    config = config_space(
        header=1,
        secondary=1,
        capabilities={0x40: express(4, slot_capabilities=0x60 | 7 << 19, slot_status=0x40)},
        extended={
            0x100: extended_capability(0x1D, bytes((0, 0, 1, 0, 1, 0)), next_pointer=0x140),
            0x140: extended_capability(
                0x23, bytes((0x98, 0x1E, 0, 1, 3, 0, 0, 0)), next_pointer=0x000
            ),
        },
    )
    root = build(tmp_path, pci_function("pci0000:00/0000:00:02.0", config=config))
    facts = pcie_facts(root)
    (port,) = facts["ports"]
    assert {key: port[key] for key in ("hotplug", "surprise", "presence", "slot")} == {
        "hotplug": True,
        "surprise": True,
        "presence": True,
        "slot": "7",
    }
    assert port["dpc"] == {"trigger_enabled": True, "status": True}
    assert (port["cxl"], port["sbr_masked"]) == (True, True)
    assert NOTE_NO_EXTENDED.format(count=1) not in facts["notes"]


@pytest.mark.parametrize(
    ("files", "of_function", "of_port"),
    [
        pytest.param({"sys/bus/pci/slots/40/address": "0000:01:00\n"}, "40", "40", id="device"),
        pytest.param({"sys/bus/pci/slots/J5/address": "0000:01\n"}, "J5", "J5", id="whole bus"),
        pytest.param({"sys/bus/pci/slots/9/address": "0000:01:01\n"}, None, "9", id="empty"),
        pytest.param({"sys/bus/pci/slots/9/address": "0000:02:00\n"}, None, None, id="elsewhere"),
        pytest.param({"sys/bus/pci/slots/9/address": ""}, None, None, id="nowhere"),
        pytest.param(
            {
                "sys/bus/pci/slots/1/address": "0000:01:01\n",
                "sys/bus/pci/slots/2/address": "0000:01:00\n",
            },
            "2",
            "2",
            id="of several the first device's",
        ),
    ],
)
def test_physical_slot(
    tmp_path: Path, files: dict[str, str], of_function: str | None, of_port: str | None
) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, config=ROOT_PORT),
            **pci_function(f"{port}/0000:01:00.0", config=ENDPOINT),
            **files,
        },
    )
    facts = pcie_facts(root)
    assert by_address(facts)["0000:01:00.0"]["slot"] == of_function
    assert facts["ports"][0]["slot"] == of_port


@pytest.mark.parametrize(
    ("taken", "slot"),
    [
        pytest.param({}, "7", id="its number"),
        pytest.param({"sys/bus/pci/slots/7/address": "0000:0d:03\n"}, None, id="another has it"),
    ],
)
def test_slot_without_a_name(tmp_path: Path, taken: dict[str, str], slot: str | None) -> None:
    capability = express(4, slot_capabilities=7 << 19)
    config = config_space(header=1, secondary=1, capabilities={0x40: capability})
    root = build(tmp_path, {**pci_function("pci0000:00/0000:00:02.0", config=config), **taken})
    assert pcie_facts(root)["ports"][0]["slot"] == slot


def test_label_of_the_firmware_stands_for_a_slot(tmp_path: Path) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, config=ROOT_PORT),
            **pci_function(f"{port}/0000:01:00.0", config=ENDPOINT, label="Onboard LAN 1\n"),
        },
    )
    facts = pcie_facts(root)
    assert by_address(facts)["0000:01:00.0"]["slot"] == "Onboard LAN 1"
    assert facts["ports"][0]["slot"] == "Onboard LAN 1"


@pytest.mark.parametrize(
    ("of_port", "of_child", "external"),
    [
        ("fixed", "removable", True),
        ("removable", "removable", True),
        ("fixed", "fixed", False),
        ("unknown", "unknown", False),
    ],
)
def test_external_port(tmp_path: Path, of_port: str, of_child: str, external: bool) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, config=ROOT_PORT, removable=f"{of_port}\n"),
            **pci_function(f"{port}/0000:01:00.0", config=ENDPOINT, removable=f"{of_child}\n"),
        },
    )
    assert pcie_facts(root)["ports"][0]["external"] is external


def test_names_come_from_the_pci_ids_of_the_host(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            **pci_function("pci0000:00/0000:00:02.0", config=ENDPOINT),
            "usr/share/misc/pci.ids": "8086  Intel Corporation\n\t10d3  82574L\n",
        },
    )
    facts = pcie_facts(root)
    assert facts["functions"][0]["name"] == "Intel Corporation 82574L"
    assert NOTE_NO_NAMES not in facts["notes"]


@pytest.mark.parametrize(
    ("files", "state"),
    [
        pytest.param({"power_state": "D3cold\n"}, "D3cold", id="before it was looked at"),
        pytest.param({"power_state": "unknown\n"}, "D0", id="the kernel does not know"),
        pytest.param({}, "D0", id="the kernel does not tell"),
    ],
)
def test_power_state(tmp_path: Path, files: dict[str, str], state: str) -> None:
    config = config_space(capabilities={0x40: bytes((0x01, 0, 3, 0, 8, 0))})
    root = build(tmp_path, pci_function("pci0000:00/0000:00:02.0", config=config, **files))
    assert pcie_facts(root)["functions"][0]["power_state"] == state


def test_header_alone_is_a_note_on_the_function(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        pci_function(
            "pci0000:00/0000:00:02.0",
            config=config_space(capabilities={0x40: express(0)}, size=64),
        ),
    )
    facts = pcie_facts(root)
    assert facts["functions"][0]["notes"] == [NOTE_UNPRIVILEGED]
    assert facts["functions"][0]["capabilities"] == []
    assert facts["notes"] == [NOTE_NO_NAMES]


PIECES = st.sampled_from(
    [
        "..",
        "devices",
        "pci0000:00",
        "pci10000:e0",
        "0000:00:02.0",
        "0000:01:00.0",
        "10000:e0:06.0",
        "x",
    ]
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["0000:00:02.0", "0000:01:00.0", "10000:e0:06.0", "0000:02:00.0"]),
        st.lists(PIECES, min_size=1, max_size=6).map("/".join),
    )
)
def test_any_tree(tmp_path_factory: pytest.TempPathFactory, links: dict[str, str]) -> None:
    """Links that lead nowhere, in circles or below themselves give a tree without loops."""
    root = build(
        tmp_path_factory.mktemp("root"),
        {f"sys/bus/pci/devices/{address}": Link(target) for address, target in links.items()},
    )
    for directory in (root / "sys/bus/pci/devices").glob("*"):
        if directory.is_dir() and not (directory / "config").exists():
            (directory / "config").write_bytes(ROOT_PORT)
    facts = pcie_facts(root)
    assert [function["address"] for function in facts["functions"]] == sorted(
        links, key=lambda address: (len(address), address)
    )
    assert all(0 <= port["depth"] <= len(links) for port in facts["ports"])


def test_tree_that_bites_its_tail(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            **pci_function("a/0000:01:00.0/0000:02:00.0", config=ROOT_PORT),
            **pci_function("b/0000:02:00.0/0000:01:00.0", config=ROOT_PORT),
        },
    )
    facts = pcie_facts(root)
    assert [function["parent"] for function in facts["functions"]] == [
        "0000:02:00.0",
        "0000:01:00.0",
    ]
    assert {port["depth"] for port in facts["ports"]} == {0, 1}
    assert facts["host_bridges"] == []


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


@pytest.mark.parametrize(
    ("device_function", "bus", "of_function"),
    [
        pytest.param(0x00, 0x01, "PCIe Slot 3", id="the device in the slot"),
        pytest.param(0x10, 0x00, None, id="the port that leads to it"),
    ],
)
def test_slot_of_firmware(
    tmp_path: Path, device_function: int, bus: int, of_function: str | None
) -> None:
    port = "pci0000:00/0000:00:02.0"
    root = build(
        tmp_path,
        {
            **pci_function(port, config=ROOT_PORT),
            **pci_function(f"{port}/0000:01:00.0", config=ENDPOINT),
            "sys/firmware/dmi/entries/9-0/raw": bytes((9, 17, 9, 0, 1, *bytes(10), bus))
            + bytes((device_function,))
            + b"PCIe Slot 3\0\0",
        },
    )
    facts = pcie_facts(root)
    assert [each["slot"] for each in facts["functions"]] == [None, of_function]
    assert facts["ports"][0]["slot"] == "PCIe Slot 3"
