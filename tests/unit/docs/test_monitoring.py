# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the alert rules and the dashboard ask for is written, and each alert is tested."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._readiness.standing import (
    metrics,
    standing,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import prometheus

DOCS = Path(__file__).parents[3] / "docs"
MONITORING = DOCS / "monitoring"
_METRIC = re.compile(r"\bvmcore_kdump_\w+")


def rules() -> list[dict[str, t.Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def written() -> set[str]:
    """The metrics of the report, and those of a host."""
    kdump = {"kernel_release": "6.12", "problems": []}
    proof = {"run_id": "r", "verdict": "passed", "finished_at": 1.0}
    state = standing({"kdump": kdump, "platform": {}}, proof, None, [], boot_id=None, now=0)
    of_host = re.findall(r"^# TYPE (\w+) gauge$", metrics(state), re.MULTILINE)
    of_fleet = [f"vmcore_kdump_{name}" for name, _type, _help in prometheus._METRICS]
    return {*of_host, *of_fleet}


def test_rules_ask_for_metrics_that_are_written() -> None:
    asked = {name for rule in rules() for name in _METRIC.findall(rule["expr"])}
    assert len(asked) > 5
    assert asked <= written()


def test_the_dashboard_asks_for_metrics_that_are_written() -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for expression in expressions for name in _METRIC.findall(expression)}
    assert len(asked) > 10
    assert asked <= written()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_each_alert_has_a_test_and_a_line_on_the_page() -> None:
    names = {rule["alert"] for rule in rules()}
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text("utf-8"))["tests"]
    tested = {
        each["alertname"]
        for test in tests
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert tested == names
    assert (
        set(
            re.findall(
                r"^\| `(Kdump\w+)`", (DOCS / "tasks" / "monitoring.md").read_text("utf-8"), re.M
            )
        )
        == names
    )
