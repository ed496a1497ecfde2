# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import (
    REASONS,
    RESETTING,
    make_plan,
)
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

PORT = "0000:00:02.0"
CHILD = "0000:01:00.0"
SECOND = "0000:01:00.1"
RULE = {"name": "bmc", "match": {"vendor": "8086"}}

# Everything that is decided about a port, by what is below it.
# Intel VMD: the domain is there while its driver drives the device that makes it.
BEHIND_VMD: Json = host(bridge(PORT, root_bus="0000:00"), function(CHILD, PORT))
BEHIND_VMD["pcie"]["host_bridges"] = [{"root_bus": "0000:00", "function": "0000:e2:00.5"}]

CASES: list[tuple[str, Json, list[Json]]] = [
    ("endpoints_only", host(bridge(PORT), function(CHILD, PORT)), []),
    ("endpoints_only", host(bridge(PORT), function(CHILD, PORT, port_type="legacy_endpoint")), []),
    (
        "endpoints_only",
        host(bridge(PORT), function(CHILD, PORT, driver=None, driver_built_in=None)),
        [],
    ),
    ("endpoints_only", host(bridge(PORT, port_type="downstream_port"), function(CHILD, PORT)), []),
    # A driver whose kind is unknown: the helper looks for a bound driver again before it resets.
    ("endpoints_only", host(bridge(PORT), function(CHILD, PORT, driver_built_in=None)), []),
    ("endpoints_only", host(bridge(PORT), function(CHILD, PORT), p02_0={"link_active": None}), []),
    # QEMU's root ports deny the link of a device that was there from the start.
    ("endpoints_only", host(bridge(PORT), function(CHILD, PORT), p02_0={"link_active": False}), []),
    ("no_children", host(bridge(PORT)), []),
    ("no_children", host(bridge(PORT), p02_0={"link_active": False}), [RULE]),
    ("link_down", host(bridge(PORT), function(CHILD, PORT, header=None, port_type=None)), []),
    ("legacy_pci", host(bridge(PORT), function(CHILD, PORT, port_type=None)), []),
    ("legacy_pci", host(bridge(PORT), bridge(CHILD, PORT, port_type="pcie_to_pci_bridge")), []),
    ("legacy_pci", host(bridge(PORT), bridge(CHILD, PORT, port_type="pci_to_pcie_bridge")), []),
    (
        "legacy_pci",
        host(bridge(PORT), function(CHILD, PORT), function(SECOND, PORT, port_type=None)),
        [],
    ),
    ("not_endpoint", host(bridge(PORT), bridge(CHILD, PORT, port_type="upstream_port")), []),
    # A switch whose management endpoint or DMA engine sits beside its upstream port.
    (
        "beside_switch",
        host(bridge(PORT), bridge(CHILD, PORT, port_type="upstream_port"), function(SECOND, PORT)),
        [],
    ),
    (
        "not_endpoint",
        host(bridge(PORT), function(CHILD, PORT, port_type="rc_integrated_endpoint")),
        [],
    ),
    ("excluded", host(bridge(PORT), function(CHILD, PORT)), [RULE]),
    ("display", host(bridge(PORT), function(CHILD, PORT, **{"class": "030000"})), []),
    (
        "display",
        host(bridge(PORT), function(CHILD, PORT), function(SECOND, PORT, **{"class": "030100"})),
        [],
    ),
    ("built_in_driver", host(bridge(PORT), function(CHILD, PORT, driver_built_in=True)), []),
    # CXL memory may be System RAM, and that is what the dump is to hold.
    ("memory", host(bridge(PORT), function(CHILD, PORT, **{"class": "050210"})), []),
    (
        "no_reset_method",
        host(
            bridge(PORT),
            function(CHILD, PORT, reset_methods=[]),
            p02_0={"reset_subordinate": False},
        ),
        [],
    ),
    # Half a device answers: what the other half is, is not known, and it is not conventional PCI.
    (
        "unreadable",
        host(
            bridge(PORT),
            function(CHILD, PORT),
            function(SECOND, PORT, header=None, port_type=None, notes=["All ones."]),
        ),
        [],
    ),
    (
        "unreadable",
        host(bridge(PORT), function(CHILD, PORT, port_type=None, notes=["The list has a loop."])),
        [],
    ),
    # A reset that the port ignores would be reported as one.
    ("sbr_masked", host(bridge(PORT), function(CHILD, PORT), p02_0={"sbr_masked": True}), []),
    ("driver_made", BEHIND_VMD, []),
    ("driver_made", BEHIND_VMD, [{**RULE, "decision": "reset"}]),
]


# Policy: what could be reset, and is left alone unless a rule says otherwise.
POLICY_CASES: list[tuple[str, Json]] = [
    ("display", host(bridge(PORT), function(CHILD, PORT, **{"class": "030000"}))),
    ("accelerator", host(bridge(PORT), function(CHILD, PORT, **{"class": "030200"}))),
    ("memory", host(bridge(PORT), function(CHILD, PORT, **{"class": "050200"}))),
    ("switch_management", host(bridge(PORT), function(CHILD, PORT, vendor="1000", device="00b2"))),
    (
        "target_driver",
        {
            **host(bridge(PORT), function(CHILD, PORT, driver="mpt3sas")),
            "kdump": {
                "kernel_release": "6.12.107+deb13-amd64",
                "target": {"type": "local", "functions": [CHILD]},
            },
        },
    ),
    ("bmc", host(bridge(PORT), function(CHILD, PORT, **{"class": "0c0701"}))),
    ("fabric", host(bridge(PORT), function(CHILD, PORT, **{"class": "068000"}))),
    ("cxl", host(bridge(PORT), function(CHILD, PORT, cxl=True))),
    ("cxl_port", host(bridge(PORT), function(CHILD, PORT), p02_0={"cxl": True})),
    ("external", host(bridge(PORT), function(CHILD, PORT, removable="removable"))),
    ("external", host(bridge(PORT), function(CHILD, PORT), p02_0={"external": True})),
    ("no_bus_reset", host(bridge(PORT), function(CHILD, PORT, vendor="168c", device="0030"))),
    ("no_bus_reset", host(bridge(PORT), function(CHILD, PORT, vendor="10de", device="237f"))),
    (
        "no_bus_reset",
        host(bridge(PORT, vendor="10de", device="22ce"), function(CHILD, PORT)),
    ),
    (
        "hotplug",
        host(bridge(PORT), function(CHILD, PORT, reset_methods=[]), p02_0={"hotplug": True}),
    ),
]


def with_kdump(facts: Json, **values: t.Any) -> Json:
    return {**facts, "kdump": {**facts["kdump"], **values}}


UART = host(bridge(PORT), function(CHILD, PORT, **{"class": "070002"}))
ENDPOINT = host(bridge(PORT), function(CHILD, PORT))

POLICY_CASES += [
    ("console", with_kdump(UART, command_line="ro console=tty0 console=ttyS0,115200")),
    ("console", with_kdump(UART, capture_command_line="console=ttyS1")),
    *(
        ("kernel_resets", {**ENDPOINT, "platform": {"hostname": "z", "architecture": name}})
        for name in ("ppc64le", "s390x")
    ),
]

# What looks like one of them and is not.
HARMLESS: list[Json] = [
    host(bridge(PORT), function(CHILD, PORT, vendor="10de", device="2380")),
    host(bridge(PORT), function(CHILD, PORT, removable="fixed")),
    host(bridge(PORT), function(CHILD, PORT, removable="unknown")),
    with_kdump(UART, command_line="ro console=tty0"),
    {**ENDPOINT, "platform": {"hostname": "a", "architecture": "aarch64"}},
]


@pytest.mark.parametrize(("reason", "facts", "exclusions"), CASES)
def test_reason(reason: str, facts: Json, exclusions: list[Json]) -> None:
    (port,) = make_plan(facts, exclusions)["ports"]
    assert port["reason"] == reason
    assert port["decision"] == ("reset" if reason == "endpoints_only" else "leave")
    assert bool(port["methods"]) == (reason == "endpoints_only")
    assert port["rule"] == ("bmc" if reason == "excluded" else None)


@pytest.mark.parametrize(("reason", "facts"), POLICY_CASES)
def test_policy(reason: str, facts: Json) -> None:
    (port,) = make_plan(facts)["ports"]
    assert (port["reason"], port["decision"], port["rule"]) == (reason, "leave", None)


@pytest.mark.parametrize("facts", HARMLESS)
def test_harmless(facts: Json) -> None:
    assert make_plan(facts)["ports"][0]["reason"] == "endpoints_only"


RESET = {"name": "qualified", "match": {"port": PORT}, "decision": "reset"}


@pytest.mark.parametrize("facts", [facts for _reason, facts in POLICY_CASES])
def test_a_rule_overrides_policy(facts: Json) -> None:
    (port,) = make_plan(facts, [RESET])["ports"]
    assert (port["decision"], port["reason"], port["rule"]) == ("reset", "included", "qualified")
    assert port["sentence"] == "Reset by the rule qualified."


NO_OVERRIDE = (
    "no_children", "link_down", "legacy_pci", "beside_switch", "not_endpoint", "built_in_driver",
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "facts"),
    [(case[0], case[1]) for case in CASES if case[0] in (*NO_OVERRIDE, "no_reset_method")],
)
def test_no_rule_overrides_what_cannot_be_done(reason: str, facts: Json) -> None:
    (port,) = make_plan(facts, [RESET])["ports"]
    assert (port["decision"], port["reason"], port["rule"]) == ("leave", reason, None)


def test_every_reason_has_a_case() -> None:
    seen = {case[0] for case in CASES} | {reason for reason, _facts in POLICY_CASES}
    assert seen | {"included", "dump_target"} == set(REASONS)
    assert set(REASONS) >= RESETTING


def test_a_rule_for_one_function_does_not_reset_another() -> None:
    facts = host(
        bridge(PORT),
        function(CHILD, PORT, **{"class": "030000"}),
        function(SECOND, PORT, **{"class": "030100"}),
    )
    rule = {"name": "first", "match": {"address": CHILD}, "decision": "reset"}
    assert make_plan(facts, [rule])["ports"][0]["reason"] == "display"
    both = {"name": "both", "match": {"address": "0000:01:00.?"}, "decision": "reset"}
    assert make_plan(facts, [both])["ports"][0]["reason"] == "included"


def test_a_rule_for_one_function_does_not_reset_what_another_rule_leaves() -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, vendor="1000"), function(SECOND, PORT))
    rules = [
        {"name": "raid", "match": {"vendor": "1000"}},
        {"name": "second", "match": {"address": SECOND}, "decision": "reset"},
    ]
    (port,) = make_plan(facts, rules)["ports"]
    assert (port["reason"], port["rule"]) == ("excluded", "raid")


@pytest.mark.parametrize(
    ("kernel", "capture", "port", "reason"),
    [
        ("6.12.107+deb13-amd64", None, {}, "hotplug"),
        ("6.18.19", "irqpoll", {"link_active": True}, "hotplug"),
        ("7.1.0", None, {}, "hotplug"),
        (None, None, {}, "hotplug"),
        ("7.2.13", None, {}, "endpoints_only"),
        ("10.0", None, {}, "endpoints_only"),
        ("6.18.19", "irqpoll pcie_ports=compat", {}, "endpoints_only"),
        # QEMU's slots say that nothing is in them: nothing is removed from there.
        ("6.18.19", None, {"link_active": False, "presence": False}, "endpoints_only"),
        ("6.18.19", None, {"link_active": None, "presence": False}, "endpoints_only"),
        ("6.18.19", None, {"link_active": False, "presence": True}, "hotplug"),
        ("6.18.19", None, {"link_active": None, "presence": None}, "hotplug"),
        ("6.18.19", None, {"hotplug": False}, "endpoints_only"),
        ("6.18.19", None, {"hotplug": None}, "endpoints_only"),
    ],
)
def test_hotplug(kernel: str | None, capture: str | None, port: Json, reason: str) -> None:
    child = function(CHILD, PORT, reset_methods=[])
    facts = host(bridge(PORT), child, p02_0={"hotplug": True, **port})
    plan = make_plan(with_kdump(facts, kernel_release=kernel, capture_command_line=capture))
    assert plan["ports"][0]["reason"] == reason


BUS = {"reset_methods": ["flr", "bus"]}
NOTHING = {"reset_subordinate": False}
SLOT = {"hotplug": True}
EVERYTHING = {"sbr": "fallback", "flr": "fallback"}


@pytest.mark.parametrize(
    ("child", "port", "policy", "methods"),
    [
        (BUS, {}, {}, ["reset_subordinate", "bus"]),
        (BUS, {}, EVERYTHING, ["reset_subordinate", "bus", "sbr", "flr"]),
        (BUS, NOTHING, {}, ["bus"]),
        (BUS, NOTHING, {"flr": "fallback"}, ["bus", "flr"]),
        ({"reset_methods": ["pm"]}, NOTHING, EVERYTHING, ["sbr"]),
        # Before Linux 5.15 nothing names a function's methods, its capabilities do.
        ({"reset_methods": []}, NOTHING, EVERYTHING, ["sbr"]),
        ({"reset_methods": [], "flr": True}, NOTHING, EVERYTHING, ["sbr", "flr"]),
        # Linux knows functions that do not survive their FLR, and does not name it then.
        ({"reset_methods": ["pm", "bus"], "flr": True}, {}, EVERYTHING,
         ["reset_subordinate", "bus", "sbr"]),
        # An occupied slot: what pciehp is not told about is left out.
        (BUS, SLOT, {}, ["bus"]),
        (BUS, SLOT, EVERYTHING, ["bus", "sbr", "flr"]),
        ({"reset_methods": []}, SLOT, {"sbr": "fallback"}, ["sbr"]),
        (BUS, {**SLOT, "link_active": False, "presence": False}, {}, ["reset_subordinate", "bus"]),
    ],
)  # fmt: skip
def test_methods(child: Json, port: Json, policy: dict[str, str], methods: list[str]) -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, **child), p02_0=port)
    plan = make_plan(facts, policy=policy)
    assert plan["ports"][0]["reason"] == "endpoints_only"
    assert plan["ports"][0]["methods"] == methods


def test_methods_of_two_functions() -> None:
    """The kernel offers bus for a function that is alone, FLR is for all or for none."""
    facts = host(bridge(PORT), function(CHILD, PORT, **BUS), function(SECOND, PORT, **BUS))
    (port,) = make_plan(facts, policy=EVERYTHING)["ports"]
    assert port["methods"] == ["reset_subordinate", "sbr", "flr"]
    facts["pcie"]["functions"][2]["reset_methods"] = []
    (port,) = make_plan(facts, policy=EVERYTHING)["ports"]
    assert port["methods"] == ["reset_subordinate", "sbr"]


def test_a_rule_brings_reset_subordinate_back_for_an_occupied_slot() -> None:
    facts = host(bridge(PORT), function(CHILD, PORT, **BUS), p02_0=SLOT)
    (port,) = make_plan(facts, [RESET], EVERYTHING)["ports"]
    assert port["methods"] == ["bus", "reset_subordinate", "sbr", "flr"]


def test_what_is_left_has_no_method() -> None:
    assert make_plan(ENDPOINT, [RULE])["ports"][0]["methods"] == []


def test_dump_target() -> None:
    facts = with_kdump(ENDPOINT, target={"type": "local", "functions": [CHILD]})
    assert make_plan(facts)["ports"][0]["reason"] == "endpoints_only"
    assert make_plan(facts)["policy"] == {"dump_target": "auto", "sbr": "never", "flr": "never"}
    plan = make_plan(facts, policy={"dump_target": "leave"})
    assert (plan["ports"][0]["reason"], plan["notes"]) == ("dump_target", [])
    assert make_plan(facts, [RESET], {"dump_target": "leave"})["ports"][0]["reason"] == "included"


@pytest.mark.parametrize("target", [{}, {"target": None}, {"target": {"type": "nfs"}}])
def test_dump_target_that_nobody_knows(target: Json) -> None:
    facts = with_kdump(ENDPOINT, **target)
    assert make_plan(facts)["notes"] == []
    plan = make_plan(facts, policy={"dump_target": "leave"})
    assert plan["ports"][0]["reason"] == "endpoints_only"
    (note,) = plan["notes"]
    assert note == (
        "The policy leaves the dump target alone, and the facts do not tell which PCI function that is:"
        " exclude its port by a rule."
    )


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([1], "The policy is not a dictionary: it may set dump_target, sbr, flr."),
        ({"display": "reset"}, "The policy has no 'display': it may set dump_target, sbr, flr."),
        (
            {"dump_target": True},
            "The policy dump_target is True: it may be auto, reset or leave.",
        ),
    ],
)
def test_malformed_policy(policy: t.Any, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        make_plan(ENDPOINT, policy=policy)
    assert str(error.value) == message


def test_entry_of_a_port() -> None:
    facts = host(bridge(PORT), function(SECOND, PORT, device="10d4"), function(CHILD, PORT))
    assert make_plan(facts)["ports"] == [
        {
            "address": PORT,
            "decision": "reset",
            "reason": "endpoints_only",
            "sentence": "Only endpoints are below.",
            "methods": ["reset_subordinate"],
            "rule": None,
            "children": [
                {"address": CHILD, "vendor": "8086", "device": "10d3", "class": "020000"},
                {"address": SECOND, "vendor": "8086", "device": "10d4", "class": "020000"},
            ],
            "on_chip": False,
            "bus_master": True,
            "drivers": ["e1000e"],
        }
    ]


def test_plan_names_its_host() -> None:
    plan = make_plan(host(bridge(PORT), bridge("0000:00:03.0"), function(CHILD, PORT)))
    assert (plan["version"], plan["host"], plan["kernel"]) == (
        2,
        "db01.example.com",
        "6.12.107+deb13-amd64",
    )
    assert plan["summary"] == {"reset": 1, "leave": 1}


def test_host_without_ports_and_names() -> None:
    plan = make_plan({"pcie": {"functions": [], "ports": []}, "platform": {"hostname": None}})
    assert (plan["host"], plan["kernel"], plan["ports"]) == ("unknown", "unknown", [])
    assert plan["summary"] == {"reset": 0, "leave": 0}


SWITCH = "0000:02:00.0"
DOWNSTREAM = "0000:03:00.0"
BEHIND = "0000:04:00.0"


def switched() -> Json:
    """Return a host with a root port above a switch, below which is a storage controller."""
    return host(
        bridge(PORT),
        bridge(SWITCH, PORT, port_type="upstream_port"),
        bridge(DOWNSTREAM, SWITCH, port_type="downstream_port"),
        function(BEHIND, DOWNSTREAM, driver="nvme", **{"class": "010802"}),
    )


@pytest.mark.parametrize(
    ("match", "excluded"),
    [
        ({"address": BEHIND}, True),
        ({"address": "0000:04:*"}, True),
        ({"class": "0108*", "driver": "nv?e"}, True),
        ({"class": "0108*", "driver": "mpt3sas"}, False),
        ({"vendor": "8086", "device": "10D3"}, True),
        ({"port": DOWNSTREAM}, True),
        ({"port": DOWNSTREAM, "class": "0108*"}, True),
        ({"port": DOWNSTREAM, "class": "02*"}, False),
        ({"port": PORT}, False),
        ({"driver": "pcieport"}, False),
    ],
)
def test_rule(match: dict[str, str], excluded: bool) -> None:
    plan = make_plan(switched(), [{"name": "storage", "match": match, "reason": "Slow firmware."}])
    root_port, downstream = plan["ports"]
    assert root_port["reason"] == "not_endpoint"
    assert (downstream["reason"] == "excluded") is excluded
    if excluded:
        assert downstream["sentence"] == "Excluded by the rule storage: Slow firmware."


def test_all_patterns_of_a_rule_meet_in_one_function() -> None:
    facts = host(
        bridge(PORT), function(CHILD, PORT, vendor="1000"), function(SECOND, PORT, driver="nvme")
    )
    rule = {"name": "apart", "match": {"vendor": "1000", "driver": "nvme"}}
    assert make_plan(facts, [rule])["ports"][0]["decision"] == "reset"


def test_a_virtual_function_can_be_excluded_and_is_no_child() -> None:
    facts = host(
        bridge(PORT),
        function(CHILD, PORT),
        function("0000:01:10.0", PORT, driver="vfio-pci", physical_function=CHILD),
    )
    assert [child["address"] for child in make_plan(facts)["ports"][0]["children"]] == [CHILD]
    (port,) = make_plan(facts, [{"name": "guests", "match": {"driver": "vfio-pci"}}])["ports"]
    assert (port["reason"], port["rule"]) == ("excluded", "guests")


def test_a_malformed_rule_is_refused() -> None:
    with pytest.raises(KdumpError) as error:
        make_plan(switched(), [RULE, {"match": {"port": "*"}}])
    assert str(error.value) == "Exclusion number 2 has no name: give it one, the plan refers to it."


def test_virtual_functions_do_not_speak_against_a_reset() -> None:
    facts = host(
        bridge(PORT),
        function(CHILD, PORT),
        function(
            "0000:01:10.0", PORT, physical_function=CHILD, port_type=None, driver_built_in=True
        ),
    )
    facts["pcie"]["ports"][0]["children"].append("0000:01:10.0")
    (port,) = make_plan(facts)["ports"]
    assert port["reason"] == "endpoints_only"
    assert [child["address"] for child in port["children"]] == [CHILD]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "The facts hold no pcie.functions and pcie.ports"),
        ({}, "The facts hold no pcie.functions and pcie.ports"),
        ({"pcie": {"functions": []}}, "The facts hold no pcie.functions and pcie.ports"),
        (
            host(bridge("00:02.0")),
            "The facts name a PCI function wrongly, '00:02.0' is not a PCI address",
        ),
        (
            host(bridge(PORT), p02_0={"children": [CHILD]}),
            f"The facts put {CHILD} below {PORT} and do not describe it",
        ),
        (
            host(bridge(PORT), function(CHILD, PORT, vendor="8086 ; reboot")),
            f"The vendor '8086 ; reboot' of {CHILD} is not 4 lower-case hexadecimal digits",
        ),
    ],
)
def test_malformed_facts(facts: t.Any, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        make_plan(facts)
    assert str(error.value).startswith(message)


def test_real_machine(tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path)
    facts = {"pcie": pcie_facts(root), "kdump": kdump_facts(root), "platform": platform_facts(root)}
    plan = make_plan(facts)
    assert plan_text(plan).splitlines()[1:] == [
        "version 2",
        "host lab",
        "kernel 6.12.107+deb13-amd64",
        f"digest {plan['digest']}",
        "# leave 0000:00:03.0 built_in_driver",
        "# leave 0000:00:04.0 not_endpoint",
        "port 0000:00:02.0 reset_subordinate,bus 0000:01:00.0=8086:10d3:020000",
        "port 0000:04:00.0 reset_subordinate,bus 0000:05:00.0=1b36:0010:010802",
        "port 0000:04:01.0 reset_subordinate,bus 0000:06:00.0=1b36:000d:0c0330",
    ]


def test_a_rule_may_name_the_port_by_its_address() -> None:
    rule = {"name": "port", "match": {"address": PORT}}
    (port,) = make_plan(ENDPOINT, [rule])["ports"]
    assert (port["reason"], port["rule"]) == ("excluded", "port")


def test_a_place_that_the_host_does_not_have_is_noted() -> None:
    rules = [
        {"name": "mistyped", "match": {"address": "0000:77:00.0"}},
        {
            "name": "elsewhere",
            "match": {"port": "0000:77:00.0", "platform": {"sys_vendor": "Other"}},
        },
        {"name": "kind", "match": {"vendor": "ffff"}},
        {"name": "there", "match": {"address": CHILD}},
    ]
    assert make_plan(ENDPOINT, rules)["notes"] == [
        "The rule mistyped names a place that this host does not have."
    ]


def test_a_virtual_function_keeps_its_port_and_does_not_free_it() -> None:
    """A rule for one kind of virtual function says nothing about the port it happens to be below."""
    facts = host(
        bridge(PORT),
        function(CHILD, PORT),
        function("0000:01:02.0", PORT, device="9999", physical_function=CHILD),
        p02_0={"external": True},
    )
    rule = {"name": "virtual", "match": {"device": "9999"}}
    (port,) = make_plan(facts, [{**rule, "decision": "reset"}])["ports"]
    assert port["reason"] == "external"
    (port,) = make_plan(facts, [rule])["ports"]
    assert port["reason"] == "excluded"


def test_what_is_not_loaded_yet_will_inherit_the_command_line() -> None:
    child = function(CHILD, PORT, reset_methods=[])
    facts = host(bridge(PORT), child, p02_0={"hotplug": True})
    for line, reason in (("ro pcie_ports=compat", "endpoints_only"), ("ro", "hotplug")):
        kdump = with_kdump(facts, command_line=line, capture_command_line=None)
        assert make_plan(kdump)["ports"][0]["reason"] == reason
