# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
import types
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import (
    deciding_rules,
    read_exclusions,
)
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, function

PORT: Json = {"address": "0000:00:02.0", "slot": "7"}
CARD = function(
    "0000:01:00.0",
    PORT["address"],
    vendor="1000",
    device="00ac",
    subsystem_vendor="1028",
    subsystem_device="2004",
    driver="mpt3sas",
    slot="PCIe Slot 4",
    **{"class": "010700"},
)
DMI = {"sys_vendor": "Dell Inc.", "product_name": "PowerEdge R760", "board_name": None}
MATCH_KEYS = "address, class, device, driver, expression, platform, port, slot, subsystem, vendor"
DMI_KEYS = "bios_version, board_name, board_vendor, product_family, product_name, sys_vendor"


def decide(*rules: Json, port: Json | None = None, dmi: Json | None = None) -> str | None:
    """Return the name of the rule that decides about the card."""
    found = deciding_rules(
        read_exclusions(rules), DMI if dmi is None else dmi, PORT if port is None else port, [CARD]
    )
    return found[CARD["address"]].name if found else None


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({"address": "0000:01:00.0"}, True),
        ({"address": "0000:01:*"}, True),
        ({"address": "0000:01:00.1"}, False),
        ({"port": "0000:00:02.0"}, True),
        ({"port": "0000:00:0[13].0"}, False),
        ({"slot": "7"}, True),
        ({"slot": "pcie slot 4"}, True),
        ({"slot": "4"}, False),
        ({"vendor": "1000"}, True),
        ({"device": "00AC"}, True),
        ({"subsystem": "1028:2004"}, True),
        ({"subsystem": "1028:*"}, True),
        ({"subsystem": "2004:1028"}, False),
        ({"class": "0107*"}, True),
        ({"class": "02????"}, False),
        ({"driver": "mpt?sas"}, True),
        ({"driver": "megaraid_sas"}, False),
        ({"platform": {"sys_vendor": "dell*"}}, True),
        ({"platform": {"sys_vendor": "Dell*", "product_name": "*R760"}}, True),
        ({"platform": {"sys_vendor": "Dell*", "product_name": "*R660"}}, False),
        # What the firmware does not say is not matched by anything.
        ({"platform": {"board_name": "*"}}, False),
        ({"platform": {"bios_version": "*"}}, False),
        ({"vendor": "1000", "driver": "mpt3sas", "port": "*", "slot": "7"}, True),
        ({"vendor": "1000", "driver": "nvme"}, False),
        ({"vendor": "1000", "platform": {"sys_vendor": "HPE"}}, False),
    ],
)
def test_match(match: Json, matches: bool) -> None:
    assert (decide({"name": "rule", "match": match}) == "rule") is matches


def test_facts_without_slots_and_firmware() -> None:
    assert decide({"name": "rule", "match": {"slot": "[0-9]"}}, port={"address": "x"}) is None
    assert decide({"name": "rule", "match": {"platform": {"sys_vendor": "*"}}}, dmi={}) is None


# Each is less specific than the next.
LADDER: list[Json] = [
    {"vendor": "*"},
    {"platform": {"sys_vendor": "Dell*"}},
    {"vendor": "1000"},
    {"vendor": "1000", "class": "0107*"},
    {"device": "00ac"},
    {"vendor": "1000", "device": "00ac"},
    {"vendor": "1000", "device": "00ac", "platform": {"sys_vendor": "Dell*"}},
    {"port": "0000:00:02.0"},
    {"slot": "7", "vendor": "1000"},
]


@pytest.mark.parametrize("place", range(len(LADDER) - 1))
def test_the_more_specific_rule_decides(place: int) -> None:
    lower, upper = (
        {"name": name, "match": match}
        for name, match in zip(("lower", "upper"), LADDER[place : place + 2])
    )
    assert decide(lower, upper) == decide(upper, lower) == "upper"


def test_of_equally_specific_rules_the_last_decides() -> None:
    first, last = (
        {"name": "first", "match": {"vendor": "1000"}},
        {
            "name": "last",
            "match": {"driver": "mpt*"},
        },
    )
    assert decide(first, last) == "last"
    assert decide(last, first) == "first"


RULE = {"name": "bmc", "match": {"port": "*"}}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("bmc", "Exclusion number 2 is not a dictionary with name, match and reason."),
        ({"match": {}}, "Exclusion number 2 has no name: give it one, the plan refers to it."),
        (
            {"name": "raid", "match": {"port": "*"}, "why": ""},
            "Exclusion 'raid' has the unknown key why: it may have decision, match, name, reason, source.",
        ),
        (
            {"name": "raid", "match": {"port": "*"}, "decision": "keep"},
            "Exclusion 'raid' has the decision 'keep': it may be leave or reset.",
        ),
        (
            {"name": "raid", "match": {"port": "*"}, "source": ["a"]},
            "Exclusion 'raid' has a source that is no text.",
        ),
        (
            {"name": "raid", "match": {}},
            f"Exclusion 'raid' matches nothing: give match one of {MATCH_KEYS}.",
        ),
        ({"name": "raid"}, f"Exclusion 'raid' matches nothing: give match one of {MATCH_KEYS}."),
        (
            {"name": "raid", "match": {"colour": "3"}},
            f"Exclusion 'raid' matches by the unknown key colour: it may use {MATCH_KEYS}.",
        ),
        (
            {"name": "raid", "match": {"vendor": 8086}},
            "Exclusion 'raid' has a vendor that is no string: quote it, as in vendor: '8086'.",
        ),
        (
            {"name": "raid", "match": {"driver": ""}},
            "Exclusion 'raid' has a driver that is no string: quote it, as in vendor: '8086'.",
        ),
        *(
            (
                {"name": "raid", "match": {"platform": platform}},
                f"Exclusion 'raid' has a platform that is no dictionary of {DMI_KEYS}.",
            )
            for platform in ({}, "HPE", {"vendor": "HPE"})
        ),
        (
            {"name": "raid", "match": {"platform": {"sys_vendor": 7}}},
            "Exclusion 'raid' has a sys_vendor that is no string: quote it, as in vendor: '8086'.",
        ),
        (
            RULE,
            "Exclusion 'bmc' exists twice: the plan refers to rules by name, give each its own.",
        ),
    ],
)
def test_malformed_rule(rule: t.Any, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        read_exclusions([RULE, rule])
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("vendor", "0x8086"),
        ("vendor", "808"),
        ("vendor", "80866"),
        ("vendor", "808g"),
        ("vendor", "*:*"),
        ("vendor", "8086?*"),
        ("device", "[g-z]*"),
        ("class", "0108"),
        ("class", "01.*"),
        ("subsystem", "10282004"),
        ("subsystem", "1028"),
        ("subsystem", "1028:2004:*"),
        ("address", "01:00.0"),
        ("address", "0000:01:00.8"),
        ("address", "0000:01:20.0"),
        ("port", "0000:00:02"),
        ("port", "somewhere"),
        ("driver", "intel ice"),
        ("driver", "drivers/ice"),
    ],
)
def test_a_rule_that_can_never_match_is_refused(key: str, pattern: str) -> None:
    with pytest.raises(KdumpError) as error:
        read_exclusions([{"name": "typo", "match": {key: pattern}}])
    assert str(error.value).startswith(
        f"Exclusion 'typo' can never match: its {key} {pattern!r} is no pattern for "
    )


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("vendor", "8086"),
        ("vendor", "80[!9]6"),
        ("vendor", "****"),
        ("vendor", "?*"),
        ("device", "00AC"),
        ("class", "0108*"),
        ("class", "*"),
        ("subsystem", "*:*"),
        ("subsystem", "*"),
        ("address", "*.0"),
        ("address", "10000:e1:00.0"),
        ("address", "ffffffff:*"),
        ("port", "0000:[0-3]?:1f.7"),
        ("driver", "8139too"),
    ],
)
def test_a_rule_that_can_match_is_taken(key: str, pattern: str) -> None:
    (rule,) = read_exclusions([{"name": "rule", "match": {key: pattern}}])
    assert (rule.name, rule.decision) == ("rule", "leave")


# Expressions: here with a stand-in for jmespath, which target hosts need not have. With jmespath itself they are tested
# at the filter.
EXPRESSION = {"name": "odd", "match": {"expression": "functions[?device=='00ac']"}}


def stand_in(monkeypatch: pytest.MonkeyPatch, search: t.Callable[[Json], t.Any]) -> None:
    module = types.ModuleType("jmespath")
    vars(module)["compile"] = lambda _expression: types.SimpleNamespace(search=search)
    monkeypatch.setitem(sys.modules, "jmespath", module)


TRUE: list[t.Any] = [True, 0, [1], {"a": 1}, "no"]
FALSE: list[t.Any] = [None, False, "", [], {}]


@pytest.mark.parametrize(
    ("result", "matches"), [*((each, True) for each in TRUE), *((each, False) for each in FALSE)]
)
def test_truth_of_an_expression(
    result: t.Any, matches: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, lambda _port: result)
    assert (decide(EXPRESSION) == "odd") is matches


def test_expression_sees_the_port_with_its_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Json] = []
    stand_in(monkeypatch, seen.append)
    decide(EXPRESSION)
    assert seen == [{**PORT, "functions": [CARD]}]


def test_expression_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(_port: Json) -> t.Any:
        raise ValueError("contains() takes\n  an array")

    stand_in(monkeypatch, search)
    with pytest.raises(KdumpError) as error:
        decide(EXPRESSION)
    assert str(error.value) == (
        "Exclusion 'odd' has an expression that fails for the port 0000:00:02.0: contains() takes an array."
    )


def test_expression_without_jmespath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)
    assert decide({"name": "plain", "match": {"vendor": "1000"}}) == "plain"
    with pytest.raises(KdumpError) as error:
        read_exclusions([EXPRESSION])
    assert str(error.value) == (
        "Exclusion 'odd' has an expression, for which the controller needs the Python library jmespath:"
        " install it beside ansible-core, or match by other keys."
    )
