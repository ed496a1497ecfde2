# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import (
    REASONS,
    make_plan,
    parse_plan_text,
    plan_text,
)
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

PORT = "0000:00:02.0"
CHILD = "0000:01:00.0"
SECOND = "0000:01:00.1"
RULE = {"name": "bmc", "match": {"vendor": "8086"}}

# Everything that is decided about a port, by what is below it.
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
    (
        "not_endpoint",
        host(bridge(PORT), function(CHILD, PORT, port_type="rc_integrated_endpoint")),
        [],
    ),
    ("excluded", host(bridge(PORT), function(CHILD, PORT)), [RULE]),
    ("display", host(bridge(PORT), function(CHILD, PORT, **{"class": "030000"})), []),
    (
        "display",
        host(bridge(PORT), function(CHILD, PORT), function(SECOND, PORT, **{"class": "038000"})),
        [],
    ),
    ("built_in_driver", host(bridge(PORT), function(CHILD, PORT, driver_built_in=True)), []),
    # CXL memory may be System RAM, and that is what the dump is to hold.
    ("memory", host(bridge(PORT), function(CHILD, PORT, **{"class": "050210"})), []),
    (
        "no_reset_method",
        host(bridge(PORT), function(CHILD, PORT), p02_0={"reset_subordinate": False}),
        [],
    ),
]


@pytest.mark.parametrize(("reason", "facts", "exclusions"), CASES)
def test_reason(reason: str, facts: Json, exclusions: list[Json]) -> None:
    (port,) = make_plan(facts, exclusions)["ports"]
    assert port["reason"] == reason
    assert port["decision"] == ("reset" if reason == "endpoints_only" else "leave")
    assert port["method"] == ("reset_subordinate" if reason == "endpoints_only" else None)
    assert port["rule"] == ("bmc" if reason == "excluded" else None)


def test_every_reason_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(REASONS)


def test_entry_of_a_port() -> None:
    facts = host(bridge(PORT), function(SECOND, PORT, device="10d4"), function(CHILD, PORT))
    assert make_plan(facts)["ports"] == [
        {
            "address": PORT,
            "decision": "reset",
            "reason": "endpoints_only",
            "sentence": "Only endpoints are below.",
            "method": "reset_subordinate",
            "rule": None,
            "children": [
                {"address": CHILD, "vendor": "8086", "device": "10d3", "class": "020000"},
                {"address": SECOND, "vendor": "8086", "device": "10d4", "class": "020000"},
            ],
        }
    ]


def test_plan_names_its_host() -> None:
    plan = make_plan(host(bridge(PORT), bridge("0000:00:03.0"), function(CHILD, PORT)))
    assert (plan["version"], plan["host"], plan["kernel"]) == (
        1,
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


def test_the_first_rule_that_applies_is_named() -> None:
    rules = [
        {"name": name, "match": {"vendor": glob}}
        for name, glob in (("a", "15b3"), ("b", "*"), ("c", "*"))
    ]
    assert make_plan(switched(), rules)["ports"][1]["rule"] == "b"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("bmc", "Exclusion number 2 is not a dictionary with name, match and reason."),
        (
            {"match": {"port": "*"}},
            "Exclusion number 2 has no name: give it one, the plan refers to it.",
        ),
        (
            {"name": "bmc", "match": {"port": "*"}, "why": ""},
            "Exclusion 'bmc' has an unknown key: it may have match, name, reason.",
        ),
        (
            {"name": "bmc", "match": {}},
            "Exclusion 'bmc' matches nothing: give match one of address, class, device, driver, port, vendor.",
        ),
        (
            {"name": "bmc", "match": {"slot": "3"}},
            "Exclusion 'bmc' matches by an unknown key: it may use address, class, device, driver, port, vendor.",
        ),
        (
            {"name": "bmc", "match": {"vendor": 8086}},
            "Exclusion 'bmc' has a pattern that is no string: quote it, as in vendor: '8086'.",
        ),
    ],
)
def test_malformed_rule(rule: t.Any, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        make_plan(switched(), [RULE, rule])
    assert str(error.value) == message


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


def test_text() -> None:
    plan = make_plan(
        host(
            bridge("0000:00:03.0"),
            bridge(PORT),
            function(SECOND, PORT, **{"class": "010802"}),
            function(CHILD, PORT),
        )
    )
    assert plan_text(plan) == (
        "# vmcore.kdump reset plan: written by pcie_reset_helper,"
        " read by the reset helper in the capture kernel.\n"
        "version 1\n"
        "host db01.example.com\n"
        "kernel 6.12.107+deb13-amd64\n"
        f"digest {plan['digest']}\n"
        "# leave 0000:00:03.0 no_children\n"
        "port 0000:00:02.0 reset_subordinate"
        " 0000:01:00.0=8086:10d3:020000 0000:01:00.1=8086:10d3:010802\n"
    )


def test_text_is_read_back() -> None:
    plan = make_plan(switched())
    assert parse_plan_text(plan_text(plan)) == {
        **{key: plan[key] for key in ("version", "host", "kernel", "digest")},
        "ports": [
            {key: port[key] for key in ("address", "method", "children")}
            for port in plan["ports"]
            if port["decision"] == "reset"
        ],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port 0000:00:02.0 reset_subordinate", "The reset plan has the line"),
        (
            "port somewhere reset_subordinate 0000:01:00.0=8086:10d3:020000",
            "The reset plan has the line",
        ),
        (
            "port 0000:00:02.0 reset_subordinate 0000:01:00.0",
            "The reset plan names a function as '0000:01:00.0'",
        ),
        ("colour blue", "The reset plan has the line 'colour blue'"),
        ("version 2", "The file is no reset plan of version 1"),
    ],
)
def test_text_that_is_no_plan(line: str, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        parse_plan_text(plan_text(make_plan(switched())) + line + "\n")
    assert str(error.value).startswith(message)


def test_empty_text_is_no_plan() -> None:
    with pytest.raises(KdumpError):
        parse_plan_text("")


def test_real_machine(tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path)
    facts = {"pcie": pcie_facts(root), "kdump": kdump_facts(root), "platform": platform_facts(root)}
    plan = make_plan(facts)
    assert plan_text(plan).splitlines()[1:] == [
        "version 1",
        "host lab",
        "kernel 6.12.107+deb13-amd64",
        f"digest {plan['digest']}",
        "# leave 0000:00:03.0 built_in_driver",
        "# leave 0000:00:04.0 not_endpoint",
        "port 0000:00:02.0 reset_subordinate 0000:01:00.0=8086:10d3:020000",
        "port 0000:04:00.0 reset_subordinate 0000:05:00.0=1b36:0010:010802",
        "port 0000:04:01.0 reset_subordinate 0000:06:00.0=1b36:000d:0c0330",
    ]
