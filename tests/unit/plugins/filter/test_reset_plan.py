# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.vmcore.kdump.plugins.filter.reset_plan import FilterModule
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import read_exclusions
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import Json, bridge, function, host

FACTS = host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0"))
RULES = [{"name": "network", "match": {"class": "02*"}}]


def test_is_the_plan() -> None:
    reset_plan = FilterModule().filters()["reset_plan"]
    assert reset_plan(FACTS) == make_plan(FACTS)
    assert (
        reset_plan(FACTS, RULES) == reset_plan(FACTS, exclusions=RULES) == make_plan(FACTS, RULES)
    )


def test_error_is_the_same_sentence() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        FilterModule().filters()["reset_plan"](FACTS, [{"match": {"port": "*"}}])
    assert str(error.value) == "Exclusion number 1 has no name: give it one, the plan refers to it."


def test_policy_is_passed_on() -> None:
    reset_plan = FilterModule().filters()["reset_plan"]
    policy = {"dump_target": "leave"}
    assert reset_plan(FACTS, RULES, policy) == make_plan(FACTS, RULES, policy)
    assert reset_plan(FACTS, policy=policy)["policy"]["dump_target"] == "leave"


def excluded(expression: str) -> bool:
    """Say whether a rule with this expression, as jmespath itself evaluates it, excludes the port."""
    rule = {"name": "odd", "match": {"expression": expression}}
    (port,) = FilterModule().filters()["reset_plan"](FACTS, [rule])["ports"]
    return bool(port["rule"])


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("length(functions) == `1`", True),
        ("length(functions) > `1`", False),
        ("functions[?vendor=='8086' && starts_with(class, '02')]", True),
        ("functions[?vendor=='15b3']", False),
        ("type == 'root_port'", True),
        ("link.speed", False),
    ],
)
def test_expression(expression: str, matches: bool) -> None:
    assert excluded(expression) is matches


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        ("functions[?", "Exclusion 'odd' has an expression that is not JMESPath: "),
        ("nonsense(@)", "Exclusion 'odd' has an expression that fails for the port 0000:00:02.0: "),
        (
            "contains(slot, 'x')",
            "Exclusion 'odd' has an expression that fails for the port 0000:00",
        ),
    ],
)
def test_expression_that_fails(expression: str, start: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        excluded(expression)
    assert str(error.value).startswith(start)
    assert "\n" not in str(error.value)


def test_expression_over_values_of_ansible() -> None:
    """Facts that come through a template have types of Ansible, whose names jmespath does not know."""
    facts = Templar(loader=DataLoader(), variables={"facts": FACTS}).template(
        trust_as_template("{{ facts }}")
    )
    rule = {"name": "odd", "match": {"expression": "functions[?contains(class_name, 'Ethernet')]"}}
    assert make_plan(facts, [rule])["ports"][0]["rule"] == "odd"


SHIPPED = sorted(Path(__file__).parents[4].glob("roles/pcie_reset/files/exclusions/*.yml"))


def test_shipped_exclusions_are_valid_and_give_reason_and_source() -> None:
    rules = [rule for path in SHIPPED for rule in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert len(SHIPPED) >= 2
    assert [rule.name for rule in read_exclusions(rules)] == [rule["name"] for rule in rules]
    for rule in rules:
        assert rule["reason"].endswith(".")
        assert rule["source"].endswith(".")


@pytest.mark.parametrize(
    ("values", "dmi", "rule"),
    [
        (
            {"subsystem_vendor": "103c", "subsystem_device": "3234"},
            {},
            "hpe-smart-array-unresettable",
        ),
        ({"vendor": "15b3", "device": "a2dc"}, {}, "nvidia-bluefield"),
        ({"vendor": "15b3", "device": "1021"}, {}, None),
        ({}, {"sys_vendor": "HPE"}, None),
    ],
)
def test_shipped_exclusion(values: Json, dmi: Json, rule: str | None) -> None:
    rules = [rule for path in SHIPPED for rule in yaml.safe_load(path.read_text(encoding="utf-8"))]
    facts = host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0", **values))
    facts["platform"]["dmi"] = dmi
    (port,) = make_plan(facts, rules)["ports"]
    assert (port["rule"] or "").startswith(rule or "")
    assert bool(port["rule"]) == bool(rule)
