# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left alone by policy, on devices as public hardware exports and pci.ids have them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import (
    RESETS_ITSELF,
    SERIAL_DRIVERS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

PORT = "0000:00:02.0"
CHILD = "0000:01:00.0"

# vendor:device, class, and the reason to leave it.
DEVICES: list[tuple[str, str, str]] = [
    # Management controllers, whatever their class says and without DMI.
    ("1912:001b", "ff0000", "bmc"),  # Renesas SH7758 in Lenovo's IMM2
    ("1912:0011", "050000", "bmc"),  # SH7757 in Dell's iDRAC 7
    ("19a2:0800", "0b4000", "bmc"),  # Fujitsu iRMC S3
    ("1734:1228", "0b4000", "bmc"),  # Fujitsu iRMC S5
    ("19e5:1710", "020000", "bmc"),  # Huawei iBMA
    ("19e5:37b0", "0c0330", "bmc"),
    ("103c:3306", "088000", "bmc"),
    ("103c:22f6", "0c0300", "bmc"),  # iLO 5
    ("103c:193f", "010400", "bmc"),
    ("0e11:b204", "088000", "bmc"),
    ("1a03:2000", "030000", "bmc"),
    ("102b:0536", "030000", "bmc"),  # Dell's G200eW3
    ("10ec:816e", "0c0700", "bmc"),
    ("8086:10d3", "0c0701", "bmc"),
    ("0e11:005a", "0c0000", "bmc"),  # Compaq Remote Insight
    ("101e:9063", "088000", "bmc"),  # AMI MegaRAC
    ("102b:0524", "030000", "bmc"),
    ("103c:10ed", "0c0000", "bmc"),
    ("1912:0004", "068000", "bmc"),
    # Accelerators, all alike.
    ("10de:20b0", "030200", "accelerator"),
    ("10de:20b5", "030200", "accelerator"),
    ("1002:738c", "038000", "accelerator"),
    ("1002:74a0", "120000", "accelerator"),
    ("8086:0bd5", "038000", "accelerator"),
    ("1da3:1020", "120000", "accelerator"),
    ("10ee:500c", "120000", "accelerator"),
    ("8086:2250", "0b4000", "accelerator"),
    ("1d0f:7164", "088000", "accelerator"),
    ("1d0f:7066", "088000", "accelerator"),  # Inferentia
    ("8086:2262", "0b4000", "accelerator"),
    ("8086:56c1", "038000", "accelerator"),
    ("17cb:a100", "ff0000", "accelerator"),
    ("19e5:d802", "120000", "accelerator"),
    ("1ae0:0062", "ff0000", "accelerator"),
    ("1e60:2864", "0b4000", "accelerator"),
    ("1e52:401e", "120000", "accelerator"),
    ("1ed2:0001", "120000", "accelerator"),
    ("1de0:0000", "048000", "accelerator"),
    ("1f1c:1686", "118000", "accelerator"),
    ("cabc:0370", "040000", "accelerator"),
    # A monitor may hang on these.
    ("10de:2204", "030000", "display"),
    ("1002:67df", "030000", "display"),
    # Those that a bus reset kills: what is known counts more than the kind.
    ("10de:2330", "030200", "accelerator"),
    ("10de:2342", "030200", "no_bus_reset"),
    ("1002:74a1", "120000", "no_bus_reset"),
    ("1002:740f", "120000", "no_bus_reset"),
    ("8848:1020", "020000", "no_bus_reset"),
    ("8848:1c80", "020000", "no_bus_reset"),
    ("177d:a300", "060400", "no_bus_reset"),
    ("177d:a01a", "0b4000", "no_bus_reset"),
    ("1d94:6211", "038000", "no_bus_reset"),
    ("1d94:54b7", "120000", "no_bus_reset"),
    ("10de:1eb8", "030200", "no_bus_reset"),
    ("11c1:5901", "0c0010", "no_bus_reset"),
    # Management endpoints and DMA engines of switches.
    ("1000:00b2", "010700", "switch_management"),
    ("1000:c010", "018000", "switch_management"),
    ("11f8:4052", "058000", "switch_management"),
    ("11f8:8534", "058000", "switch_management"),
    ("10b5:87d0", "088000", "switch_management"),
    ("1137:0042", "ff0000", "switch_management"),
    ("1000:02b1", "010700", "switch_management"),
    ("10b5:8525", "088000", "switch_management"),
    ("111d:808f", "088000", "switch_management"),
    ("117c:00c5", "018000", "switch_management"),
    # Thunderbolt and USB4.
    ("8086:9a1b", "0c0340", "external"),
    ("8086:15eb", "088000", "external"),
    ("8086:156c", "088000", "external"),
    ("1b21:2425", "0c0340", "external"),
    ("1234:5678", "0c0340", "external"),  # the class alone tells
    ("8086:1577", "088000", "external"),
    ("8086:15d4", "0c0330", "external"),  # the USB controller of an Alpine Ridge
    ("8086:5787", "0c0330", "external"),
    # Memory of the system, and persistent memory.
    ("8086:0d93", "050210", "memory"),
    ("1332:5425", "058000", "memory"),
    ("1590:005f", "058000", "memory"),
    # What looks like one of them and is not.
    ("10ee:7038", "058000", "endpoints_only"),
    ("10ee:1500", "050000", "endpoints_only"),
    ("11f8:e117", "010700", "endpoints_only"),  # a SAS controller of Switchtec's maker
    ("1000:0097", "010700", "endpoints_only"),
    ("103c:323b", "010400", "endpoints_only"),
    ("19e5:1822", "020000", "endpoints_only"),
    ("1912:0014", "0c0330", "endpoints_only"),  # a USB controller of the BMC chip's maker
    ("8848:8308", "020000", "endpoints_only"),
    ("8086:37c8", "0b4000", "endpoints_only"),  # QuickAssist: its driver resets the bus itself
    ("8086:0b00", "088000", "endpoints_only"),
    ("10de:1aef", "040300", "endpoints_only"),
    ("8086:15bc", "020000", "endpoints_only"),
    ("111d:0001", "020300", "endpoints_only"),  # a NIC of a switch maker
    ("19a2:0710", "020000", "endpoints_only"),  # and of the maker of a BMC
    ("17cb:1101", "028000", "endpoints_only"),
    ("1ae0:0042", "020000", "endpoints_only"),
    ("1d0f:ec20", "020000", "endpoints_only"),
    ("1d94:1458", "020000", "endpoints_only"),
]


@pytest.mark.parametrize(("identity", "code", "reason"), DEVICES)
def test_device(identity: str, code: str, reason: str) -> None:
    vendor, _colon, device = identity.partition(":")
    child = function(CHILD, PORT, vendor=vendor, device=device, **{"class": code})
    (port,) = make_plan(host(bridge(PORT), child))["ports"]
    assert port["reason"] == reason
    assert port["sentence"].endswith(".")


@pytest.mark.parametrize(
    ("driver", "code", "reason"),
    [
        ("hpilo", "088000", "bmc"),
        ("ipmi_si", "ff0000", "bmc"),
        ("habanalabs", "088000", "accelerator"),
        ("xocl", "058000", "accelerator"),
        ("switchtec", "058000", "switch_management"),
        ("ntb_hw_idt", "088000", "fabric"),
        ("thunderbolt", "088000", "external"),
        ("cxl_pci", "058000", "memory"),
        ("xdma", "058000", "endpoints_only"),
    ],
)
def test_a_driver_tells_what_a_function_is_where_nothing_else_does(
    driver: str, code: str, reason: str
) -> None:
    child = function(CHILD, PORT, driver=driver, vendor="1af5", device="0001", **{"class": code})
    (port,) = make_plan(host(bridge(PORT), child))["ports"]
    assert port["reason"] == reason


@pytest.mark.parametrize("driver", sorted(SERIAL_DRIVERS))
def test_a_driver_tells_that_a_function_has_serial_ports(driver: str) -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, driver=driver, **{"class": "078000"}))
    facts["kdump"]["command_line"] = "console=ttyS4"
    assert make_plan(facts)["ports"][0]["reason"] == "console"
    facts["kdump"]["command_line"] = "console=tty0"
    assert make_plan(facts)["ports"][0]["decision"] == "reset"


def test_every_port_below_a_switch_of_a_dock_is_external() -> None:
    """A dock has no host interface, and its switch says what it is; so do root ports that lead to a socket."""
    facts = host(
        bridge(PORT),
        bridge(CHILD, PORT, port_type="upstream_port", vendor="8086", device="0b26"),
        bridge("0000:02:00.0", CHILD, port_type="downstream_port", vendor="8086", device="0b26"),
        function("0000:03:00.0", "0000:02:00.0"),
        bridge("0000:00:07.0", vendor="8086", device="9a2b"),
        function("0000:20:00.0", "0000:00:07.0"),
    )
    reasons = {port["address"]: port["reason"] for port in make_plan(facts)["ports"]}
    assert reasons["0000:02:00.0"] == "external"
    assert reasons["0000:00:07.0"] == "external"


def test_what_is_behind_a_switch_of_a_bmc_is_the_bmc_s() -> None:
    """Lenovo's x3550 M5: a Renesas SH7758 with a switch inside, and a function behind it that nobody knows."""
    facts = host(
        bridge(PORT),
        bridge(CHILD, PORT, port_type="upstream_port", vendor="1912", device="001d"),
        bridge("0000:02:01.0", CHILD, port_type="downstream_port", vendor="1912", device="001d"),
        function("0000:03:00.0", "0000:02:01.0", **{"class": "ff0000"}),
    )
    ports = {port["address"]: port["reason"] for port in make_plan(facts)["ports"]}
    assert ports == {PORT: "not_endpoint", "0000:02:01.0": "bmc"}


def test_every_port_of_a_thunderbolt_controller_is_external() -> None:
    facts = host(
        bridge(PORT),
        bridge(CHILD, PORT, port_type="upstream_port", vendor="8086", device="15ea"),
        bridge("0000:02:00.0", CHILD, port_type="downstream_port"),
        bridge("0000:02:01.0", CHILD, port_type="downstream_port"),
        bridge("0000:02:02.0", CHILD, port_type="downstream_port"),
        function("0000:03:00.0", "0000:02:00.0", device="15eb", **{"class": "088000"}),
        function("0000:39:00.0", "0000:02:02.0", device="15ec", **{"class": "0c0330"}),
        function("0000:04:00.0", "0000:02:01.0"),
    )
    reasons = {port["address"]: port["reason"] for port in make_plan(facts)["ports"]}
    assert {reasons[f"0000:02:0{number}.0"] for number in range(3)} == {"external"}


@pytest.mark.parametrize(
    "root_port", ["1022:1484", "1022:14a7", "1d94:1454", "19e5:a121", "8086:37c5"]
)
def test_on_chip_ports_are_named_and_reset(root_port: str) -> None:
    vendor, _colon, device = root_port.partition(":")
    facts = host(
        bridge(PORT, vendor=vendor, device=device),
        function(CHILD, PORT, driver=None, bus_master=False, **{"class": "130000"}),
        bridge("0000:00:03.0"),
        function("0000:02:00.0", "0000:00:03.0", bus_master=None),
    )
    plan = make_plan(facts)
    inside, outside = plan["ports"]
    assert (inside["decision"], inside["on_chip"]) == ("reset", True)
    assert (inside["bus_master"], inside["drivers"]) == (False, [])
    assert (outside["on_chip"], outside["bus_master"], outside["drivers"]) == (
        False, None, ["e1000e"],
    )  # fmt: skip
    assert plan["summary"] == {"reset": 2, "leave": 0}
    assert plan["reset_on_chip"] == 1


@pytest.mark.parametrize(
    ("identities", "on_chip"),
    [
        (["8086:37d2", "8086:37d2"], True),  # X722 of a C620, below a port of the processor
        (["8086:6f50", "8086:6f51", "8086:6f52", "8086:6f53"], True),  # Xeon D
        (["19e5:a222", "19e5:a221"], True),  # Kunpeng
        (["8086:1521", "8086:37d2"], False),
        ([], False),
    ],
)
def test_functions_of_the_chip_tell_what_their_port_does_not(
    identities: list[str], on_chip: bool
) -> None:
    below = [
        function(f"0000:01:00.{number}", PORT, vendor=identity[:4], device=identity[5:])
        for number, identity in enumerate(identities)
    ]
    (port,) = make_plan(host(bridge(PORT), *below))["ports"]
    assert port["on_chip"] is on_chip


def test_the_state_at_planning_time_does_not_change_the_digest() -> None:
    """It is not that at the crash, and a driver that is loaded must not rebuild an initramfs."""
    digests = {
        make_plan(host(bridge(PORT), function(CHILD, PORT, bus_master=state, driver=driver)))[
            "digest"
        ]
        for state in (True, False, None)
        for driver in ("e1000e", None)
    }
    assert len(digests) == 1


def dump_through(driver: str, capture: str | None = None, **policy: str) -> Json:
    facts = host(bridge(PORT), function(CHILD, PORT, driver=driver))
    facts["kdump"] = {
        "kernel_release": "6.12.107+deb13-amd64",
        "capture_command_line": capture,
        "target": {"type": "local", "functions": [CHILD]},
    }
    return t.cast("Json", make_plan(facts, policy=policy)["ports"][0])


@pytest.mark.parametrize("driver", sorted(RESETS_ITSELF))
def test_a_dump_target_whose_driver_deals_with_it(driver: str) -> None:
    port = dump_through(driver)
    assert port["reason"] == "target_driver"
    assert driver in port["sentence"]
    assert "drivers/scsi/" in port["sentence"]
    assert dump_through(driver, dump_target="reset")["decision"] == "reset"
    assert dump_through(driver, dump_target="leave")["reason"] == "dump_target"


def test_a_dump_target_whose_driver_does_not() -> None:
    assert dump_through("nvme")["decision"] == "reset"
    # Its driver acts on an argument that is not there.
    assert dump_through("mpt3sas", "irqpoll nr_cpus=1")["decision"] == "reset"
    assert dump_through("mpt3sas", "irqpoll reset_devices")["decision"] == "leave"


def test_a_controller_of_which_nobody_knows_whether_it_holds_the_dump() -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, driver="mpt3sas"))
    plan = make_plan(facts)
    assert plan["ports"][0]["decision"] == "reset"
    (note,) = plan["notes"]
    assert "do not tell which PCI function the dump is written through" in note
    assert "mpt3sas" in note


SERIAL = "console=tty0 console={}"


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        ("console=ttyS0,115200n8", "070002", "console"),
        ("console=ttyS0,115200n8", "070200", "console"),
        ("console=uart8250,mmio,0xfe000000,115200", "070002", "console"),
        ("console=uart,io,0x3f8", "070002", "console"),
        ('console="ttyS1"', "070002", "console"),
        ("console=00:04:0.0", "070002", "console"),
        ("earlycon=uart8250,mmio32,0xfe000000", "070002", "console"),
        ("earlycon", "070002", "console"),
        ("earlyprintk=pciserial,00:16.3,115200", "070002", "console"),
        ("earlyprintk=ttyS0,115200", "070002", "console"),
        ("console=ttyAMA0", "070002", "console"),
        ("console=ttyXR2,9600", "070002", "console"),
        ("earlyprintk=serial,0x3f8,115200", "070002", "console"),
        ("earlyprintk=pciserial,force,00:18.1,115200", "070002", "console"),
        ("kgdboc=ttyS0,115200", "070002", "console"),
        ("console=tty0", "070002", "endpoints_only"),
        ("console=tty1,38400", "070002", "endpoints_only"),
        ("console=ttynull", "070002", "endpoints_only"),
        ("console=ttySCLP0", "070002", "endpoints_only"),
        ("console=ttyGS0", "070002", "endpoints_only"),
        ("earlyprintk=efi,keep", "070002", "endpoints_only"),
        ("earlycon=efifb", "070002", "endpoints_only"),
        ("kgdboc=kms,kbd", "070002", "endpoints_only"),
        ("kgdboc=kms,kbd,ttyS0,115200", "070002", "console"),
        ("console=tty", "070002", "endpoints_only"),
        ("console=hvc0", "070002", "endpoints_only"),
        ("console=ttyUSB0", "070002", "endpoints_only"),
        ("console=null", "070002", "endpoints_only"),
        ("console=", "070002", "endpoints_only"),
        ("earlyprintk=vga", "070002", "endpoints_only"),
        ("console=ttyS0 quiet", "070300", "endpoints_only"),
        # Behind -- it is an argument of init.
        ("quiet -- console=ttyS0", "070002", "endpoints_only"),
    ],
)
def test_serial_console(line: str, code: str, reason: str) -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, **{"class": code}))
    facts["kdump"]["command_line"] = line
    assert make_plan(facts)["ports"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("console", "reason"),
    [
        ({"source": "SPCR", "function": CHILD}, "console"),
        ({"source": "SPCR", "function": "0000:77:00.0"}, "endpoints_only"),
        ({"source": "SPCR", "function": None}, "endpoints_only"),
        (None, "endpoints_only"),
    ],
)
def test_console_of_the_firmware(console: Json | None, reason: str) -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, **{"class": "070002"}))
    facts["platform"]["console"] = console
    assert make_plan(facts)["ports"][0]["reason"] == reason


def test_a_slot_that_is_that_of_several_ports() -> None:
    facts = host(
        bridge(PORT),
        function(CHILD, PORT, slot="4"),
        bridge("0000:00:03.0"),
        function("0000:02:00.0", "0000:00:03.0", slot="4"),
        p02_0={"slot": "4"},
        p03_0={"slot": "4"},
    )
    rule = {"name": "fpga", "match": {"slot": "4"}}
    plan = make_plan(facts, [rule])
    assert [port["rule"] for port in plan["ports"]] == ["fpga", "fpga"]
    (note,) = plan["notes"]
    assert note == (
        "The rule fpga is for the slot 4, which is that of 2 ports, 0000:00:02.0, 0000:00:03.0: it decides about all of"
        " them. Name the port instead if only one is meant."
    )
    assert make_plan(facts, [{"name": "all", "match": {"slot": "[1-4]"}}])["notes"] == []
