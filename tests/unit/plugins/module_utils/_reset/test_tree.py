# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.tree import reset_tree
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

PORT = "0000:00:02.0"
CHILD = "0000:01:00.0"


def body(facts: Json, exclusions: tuple[Json, ...] = ()) -> list[str]:
    return reset_tree(facts, make_plan(facts, exclusions)).splitlines()[1:]


def test_real_machine(tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path)
    facts = {"pcie": pcie_facts(root), "kdump": kdump_facts(root), "platform": platform_facts(root)}
    plan = make_plan(facts)
    digest = plan["digest"][:12]
    tree, _note, _notes = reset_tree(facts, plan).partition("\nnote: ")
    assert tree == (
        f"lab, kernel 6.12.107+deb13-amd64: 3 of 5 ports reset (plan {digest})\n"
        "\n"
        "root bus 0000:00\n"
        "  0000:00:00.0  8086:29c0 Host bridge\n"
        "  0000:00:01.0  1234:1111 VGA-compatible controller (bochs-drm)\n"
        "  0000:00:02.0  root port, slot 1            RESET  Only endpoints are below.\n"
        "    0000:01:00.0  8086:10d3 Ethernet controller (e1000e)\n"
        "  0000:00:03.0  root port, slot 2            leave  The driver virtio-pci is built in and binds before"
        " the reset.\n"
        "    0000:02:00.0  1af4:1042 SCSI controller (virtio-pci)\n"
        "  0000:00:04.0  root port, slot 3            leave  A switch or bridge is below:"
        " its own downstream ports are reset.\n"
        "    0000:03:00.0  upstream port  104c:8232 PCI-to-PCI bridge (pcieport)\n"
        "      0000:04:00.0  downstream port, slot 4  RESET  Only endpoints are below.\n"
        "        0000:05:00.0  1b36:0010 Non-volatile memory subsystem (nvme)\n"
        "      0000:04:01.0  downstream port, slot 5  RESET  Only endpoints are below.\n"
        "        0000:06:00.0  1b36:000d Universal Serial Bus controller (xhci_hcd)\n"
        "  0000:00:1f.0  8086:2918 ISA bridge (lpc_ich)\n"
        "  0000:00:1f.2  8086:2922 Serial ATA controller (ahci)\n"
        "  0000:00:1f.3  8086:2930 SMBus controller (i801_smbus)\n"
    )


def test_what_is_reset_is_shown_as_it_was() -> None:
    facts = host(
        bridge(PORT, vendor="1022", device="1484"),
        function(CHILD, PORT, driver=None, bus_master=False),
        function("0000:01:00.1", PORT, bus_master=None),
    )
    assert body(facts)[-3:] == [
        "  0000:00:02.0  root port  RESET  on chip: Only endpoints are below.",
        "    0000:01:00.0  8086:10d3 Ethernet controller (no driver, no Bus Master)",
        "    0000:01:00.1  8086:10d3 Ethernet controller (e1000e)",
    ]
    assert "1 of 1 ports reset, 1 of them on chip (plan" in reset_tree(facts, make_plan(facts))


def test_a_bridge_of_which_only_the_header_was_read_is_not_conventional() -> None:
    facts = host(
        bridge(PORT, port_type=None, notes=[]), bridge("0000:00:1e.0", port_type=None, driver=None)
    )
    text = reset_tree(facts, make_plan(facts))
    assert "0 of 0 ports reset, 1 bridges of unknown kind (plan" in text
    assert "0000:00:02.0  bridge of unknown kind" in text
    assert "0000:00:1e.0  conventional PCI bridge" in text


def test_each_root_bus_has_a_heading() -> None:
    facts = host(function("0000:00:00.0"), function("0000:80:00.0"), function("10000:e0:06.0"))
    assert [line for line in body(facts) if line.startswith("root bus")] == [
        "root bus 0000:00",
        "root bus 0000:80",
        "root bus 10000:e0",
    ]


def test_notes_stand_below_their_function() -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, header=None, notes=["It does not answer."]))
    assert body(facts)[-2:] == [
        "    0000:01:00.0  8086:10d3 Ethernet controller (e1000e)",
        "      note: It does not answer.",
    ]


def test_virtual_functions_are_counted() -> None:
    virtual = [function(f"0000:01:10.{n}", PORT, physical_function=CHILD) for n in range(4)]
    assert body(host(bridge(PORT), function(CHILD, PORT), *virtual))[-1:] == [
        "    0000:01:00.0  8086:10d3 Ethernet controller (e1000e), 4 virtual functions"
    ]


def test_names_and_slots() -> None:
    facts = host(
        bridge(PORT), function(CHILD, PORT, name="82574L", slot="PCIe 4"), p02_0={"slot": "7"}
    )
    assert body(facts)[2:] == [
        "  0000:00:02.0  root port, slot 7  RESET  Only endpoints are below.",
        "    0000:01:00.0  slot PCIe 4  8086:10d3 Ethernet controller: 82574L (e1000e)",
    ]


def test_the_slot_of_the_port_is_not_repeated() -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, slot="7"), p02_0={"slot": "7"})
    assert body(facts)[-1] == "    0000:01:00.0  8086:10d3 Ethernet controller (e1000e)"


def test_notes_of_facts_and_plan_stand_at_the_end() -> None:
    facts = host(bridge(PORT))
    facts["pcie"]["notes"] = ["There is no proc."]
    lines = reset_tree(facts, {**make_plan(facts), "notes": ["word " * 30]}).splitlines()
    assert lines[4:] == [
        "",
        "note: There is no proc.",
        "note:" + " word" * 23,
        "  " + " ".join(["word"] * 7),
    ]


def test_conventional_bridge() -> None:
    facts = host(bridge(PORT, port_type=None, driver=None), function(CHILD, PORT))
    assert body(facts)[2] == "  0000:00:02.0  conventional PCI bridge  8086:10d3 PCI-to-PCI bridge"


def test_long_sentence_goes_on_below_itself() -> None:
    rule = {
        "name": "slow",
        "match": {"port": PORT},
        "reason": "This card takes " + "very " * 20 + "long",
    }
    lines = body(host(bridge(PORT), function(CHILD, PORT)), (rule,))[2:-1]
    start = lines[0].index("Excluded")
    assert all(len(line) <= 120 for line in lines)
    assert [line[:start].strip() for line in lines[1:]] == [""] * (len(lines) - 1)
    assert " ".join(line[start:] for line in lines).endswith("very long.")


def test_plan_of_another_host() -> None:
    plan = make_plan(host(bridge("0000:00:03.0")))
    with pytest.raises(KdumpError) as error:
        reset_tree(host(bridge(PORT)), plan)
    assert (
        str(error.value)
        == f"The plan does not mention the port {PORT}: make it from the same facts."
    )
