# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for the plan of any host and any rules."""

from __future__ import annotations

import random
import typing as t

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import (
    make_plan,
    parse_plan_text,
    plan_text,
)
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


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(("a", "b")),
            "match": st.dictionaries(
                st.sampled_from(("vendor", "class", "driver", "port")),
                st.sampled_from(("8086", "15*", "02*", "nvme", "0000:00:0[13].0", "*")),
                min_size=1,
            ),
        }
    ),
    max_size=3,
)


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


@given(hosts(), RULES)
def test_rules_only_ever_take_ports_out(facts: Json, rules: list[Json]) -> None:
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
            assert not any(child["class"].startswith("03") for child in children)
            assert not any(child["driver"] and child["driver_built_in"] for child in children)


@given(hosts(), RULES)
def test_every_port_is_decided_once_and_counted(facts: Json, rules: list[Json]) -> None:
    plan = make_plan(facts, rules)
    assert [port["address"] for port in plan["ports"]] == [
        port["address"] for port in facts["pcie"]["ports"]
    ]
    assert sum(plan["summary"].values()) == len(plan["ports"])


@given(hosts(), hosts())
def test_equal_digests_are_equal_decisions(one: Json, other: Json) -> None:
    plans = [make_plan(facts) for facts in (one, other)]
    decided = [
        [{key: port[key] for key in port if key != "sentence"} for port in plan["ports"]]
        for plan in plans
    ]
    assert (plans[0]["digest"] == plans[1]["digest"]) == (decided[0] == decided[1])
