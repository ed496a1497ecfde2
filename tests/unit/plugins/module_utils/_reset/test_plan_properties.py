# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the plan of any host and any rules."""

from __future__ import annotations

import fnmatch
import random
import typing as t

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import (
    parse_plan_text,
    plan_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import (
    deciding_rules,
    read_exclusions,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.tree import reset_tree
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

VENDORS = ("8086", "15b3", "1000")
CLASSES = ("020000", "010802", "030000", "060400")
DRIVERS = ("nvme", "mlx5_core", None)
PORT_TYPES = ("endpoint", "endpoint", "endpoint", "legacy_endpoint", "upstream_port", None)


@st.composite
def hosts(draw: st.DrawFn) -> Json:
    """Make a host of root ports, each with up to three functions below."""
    functions = []
    for number in range(draw(st.integers(0, 5))):
        port = bridge(f"0000:00:{number:02x}.0")
        functions.append(port)
        functions += [
            function(
                f"0000:{number + 1:02x}:00.{index}",
                port["address"],
                vendor=draw(st.sampled_from(VENDORS)),
                driver=draw(st.sampled_from(DRIVERS)),
                driver_built_in=draw(st.booleans()),
                header=draw(st.sampled_from(("endpoint", "endpoint", None))),
                port_type=draw(st.sampled_from(PORT_TYPES)),
                **{"class": draw(st.sampled_from(CLASSES))},
            )
            for index in range(draw(st.integers(0, 3)))
        ]
    facts = host(*functions)
    for port in facts["pcie"]["ports"]:
        port["reset_subordinate"] = draw(st.sampled_from((True, True, False)))
    return facts


PATTERNS: dict[str, tuple[str, ...]] = {
    "vendor": ("8086", "15*", "*"),
    "class": ("02*", "03????", "*"),
    "driver": ("nvme", "mlx*"),
    "port": ("0000:00:0[13].0", "*"),
    "address": ("0000:02:00.*", "*:00.1"),
    "subsystem": ("8086:0000", "*:1*"),
}


@st.composite
def rule_lists(draw: st.DrawFn, decisions: tuple[str, ...] = ("leave", "reset")) -> list[Json]:
    """Make up to four rules."""
    return [
        {
            "name": f"rule {number}",
            "decision": draw(st.sampled_from(decisions)),
            "match": {
                key: draw(st.sampled_from(PATTERNS[key]))
                for key in draw(st.sets(st.sampled_from(sorted(PATTERNS)), min_size=1, max_size=3))
            },
        }
        for number in range(draw(st.integers(0, 4)))
    ]


RULES = rule_lists()


def shuffled(value: t.Any, chance: random.Random) -> t.Any:
    """Return equal facts whose lists and dictionaries are in another order."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    if isinstance(value, list):
        return [shuffled(each, chance) for each in chance.sample(value, len(value))]
    return value


@given(hosts(), RULES, st.randoms(use_true_random=False))
def test_the_order_of_the_facts_does_not_matter(
    facts: Json, rules: list[Json], chance: random.Random
) -> None:
    plan = make_plan(facts, rules)
    again = make_plan(shuffled(facts, chance), rules)
    assert again == plan
    assert plan_text(again) == plan_text(plan)
    assert reset_tree(shuffled(facts, chance), again) == reset_tree(facts, plan)


@given(hosts(), st.sampled_from(VENDORS))
def test_no_excluded_function_is_in_what_is_reset(facts: Json, vendor: str) -> None:
    plan = make_plan(facts, [{"name": "vendor", "match": {"vendor": vendor}}])
    for port in parse_plan_text(plan_text(plan))["ports"]:
        assert all(child["vendor"] != vendor for child in port["children"])


def decides(rule: Json, rules: list[Json], port: Json, each: Json) -> bool:
    """Say whether no other rule could overrule one that leaves everything that it matches."""
    return not any(other["decision"] == "reset" for other in rules) and all(
        fnmatch.fnmatchcase(port["address"] if key == "port" else value(each, key), pattern)
        for key, pattern in rule["match"].items()
    )


def value(each: Json, key: str) -> str:
    if key == "subsystem":
        return f"{each['subsystem_vendor']}:{each['subsystem_device']}"
    return each[key] or ""


@given(hosts(), rule_lists(decisions=("leave",)))
def test_what_a_rule_leaves_is_not_in_the_plan(facts: Json, rules: list[Json]) -> None:
    functions = {each["address"]: each for each in facts["pcie"]["functions"]}
    for port in parse_plan_text(plan_text(make_plan(facts, rules)))["ports"]:
        for child in port["children"]:
            assert not any(
                decides(rule, rules, port, functions[child["address"]]) for rule in rules
            )


@given(hosts(), RULES)
def test_no_other_function_is_reset_than_by_its_own_rule_or_without_one(
    facts: Json, rules: list[Json]
) -> None:
    below = {port["address"]: port["children"] for port in facts["pcie"]["ports"]}
    functions = {each["address"]: each for each in facts["pcie"]["functions"]}
    checked = read_exclusions(rules)
    for port in make_plan(facts, rules)["ports"]:
        if port["decision"] == "reset":
            each = [functions[address] for address in below[port["address"]]]
            deciding = deciding_rules(checked, {}, port, each)
            assert all(rule.decision == "reset" for rule in deciding.values())
            assert bool(deciding) == (port["reason"] == "included")


@given(hosts(), RULES, st.randoms(use_true_random=False))
def test_the_order_of_unequally_specific_rules_does_not_matter(
    facts: Json, rules: list[Json], chance: random.Random
) -> None:
    unequal = {rule.specificity: rule.name for rule in read_exclusions(rules)}.values()
    kept = [rule for rule in rules if rule["name"] in unequal]
    assert make_plan(facts, chance.sample(kept, len(kept))) == make_plan(facts, kept)


@given(hosts(), rule_lists(decisions=("leave",)))
def test_rules_that_leave_only_ever_take_ports_out(facts: Json, rules: list[Json]) -> None:
    def resets(plan: Json) -> set[str]:
        return {port["address"] for port in plan["ports"] if port["decision"] == "reset"}

    assert resets(make_plan(facts, rules)) <= resets(make_plan(facts))


@given(hosts(), RULES)
def test_what_is_reset_is_safe_to_reset(facts: Json, rules: list[Json]) -> None:
    functions = {each["address"]: each for each in facts["pcie"]["functions"]}
    for port in make_plan(facts, rules)["ports"]:
        if port["decision"] == "reset":
            children = [functions[child["address"]] for child in port["children"]]
            assert children
            assert all(child["port_type"] in ("endpoint", "legacy_endpoint") for child in children)
            if port["reason"] == "endpoints_only":
                assert not any(child["class"].startswith("03") for child in children)
            assert not any(child["driver"] and child["driver_built_in"] for child in children)


@given(hosts(), RULES)
def test_every_port_is_decided_once_and_counted(facts: Json, rules: list[Json]) -> None:
    plan = make_plan(facts, rules)
    assert [port["address"] for port in plan["ports"]] == [
        port["address"] for port in facts["pcie"]["ports"]
    ]
    assert sum(plan["summary"].values()) == len(plan["ports"])


# What explains a decision, and what the host did when it was planned.
EXPLAINS = ("bus_master", "drivers", "on_chip", "sentence")


@given(hosts(), hosts())
def test_equal_digests_are_equal_decisions(one: Json, other: Json) -> None:
    plans = [make_plan(facts) for facts in (one, other)]
    decided = [
        [{key: port[key] for key in port if key not in EXPLAINS} for port in plan["ports"]]
        for plan in plans
    ]
    assert (plans[0]["digest"] == plans[1]["digest"]) == (decided[0] == decided[1])
