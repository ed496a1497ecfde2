# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex
import typing as t
from pathlib import Path

import pytest

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import files, model, shape
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.steps import limit_files
from ansible_collections.vmcore.kdump.tests.unit import fleet

Data = dict[str, t.Any]


def report(directory: str = "results/report") -> Data:
    """A host for each kind of step."""
    going = {**fleet.record("inconclusive"), "host": "going"}
    going["boot_id"] = {**going["boot_id"], "after": None}
    stale = {**fleet.record("passed"), "host": "stale"}
    records = [
        going,
        stale,
        {**fleet.record("no-return"), "host": "bad"},
        {**fleet.record("inconclusive"), "host": "doubtful"},
        {**fleet.record("passed"), "host": "good"},
    ]
    changed = fleet.assessment("stale", 0, at=stale["finished_at"] + 1)
    kept = [
        changed,
        fleet.assessment("broken", 0, "sys/kernel/kexec_crash_loaded"),
        fleet.assessment("ready", 0),
    ]
    refusals = [
        {"host": host, "refused_at": 2e9, "reason": reason, "why": f"{host} was not crashed."}
        for host, reason in (("shut", "window"), ("kept", "protected"), ("bad", "window"))
    ]
    results = files.Results(
        [shape.record(each) for each in records],
        [shape.assessment(each) for each in kept],
        [],
        [],
        [shape.refusal(each) for each in refusals],
        [],
    )
    return model.build(results, ["nobody"], directory=directory)


def test_every_host_that_needs_somebody_is_in_the_step_that_is_for_it() -> None:
    found = {step["name"]: [host["name"] for host in step["hosts"]] for step in report()["steps"]}
    assert found == {
        "unfinished": ["going"],
        "not_ready": ["broken"],
        "failed": ["bad"],
        "doubtful": ["doubtful"],
        "refused": ["shut"],
        "stale": ["stale"],
        "unknown": ["kept", "nobody"],
        "untested": ["ready"],
    }
    assert list(found) == [
        "unfinished", "not_ready", "failed", "doubtful", "refused", "stale", "unknown", "untested",
    ]  # fmt: skip


def test_no_step_crashes_anything_by_itself() -> None:
    for step in report()["steps"]:
        words = shlex.split(step["command"])
        assert "vmcore.kdump.crash_test" not in words or "--check" in words
        assert f"limit-{step['name']}" in words[words.index("--limit") + 1]


def test_directory_with_blanks_is_one_word_for_the_shell() -> None:
    step = report("my results/$(reboot)")["steps"][0]
    words = shlex.split(step["command"])
    assert words[words.index("--limit") + 1] == "@my results/$(reboot)/limit-unfinished"


@pytest.mark.parametrize(
    "name",
    [
        "all",
        "ungrouped",
        "web*",
        "!db01",
        "&web",
        "a,b",
        "a:b",
        "web[0:9]",
        "~db",
        "@file",
        "not in it",
    ],
)
def test_names_that_are_patterns_are_in_no_limit_file(name: str) -> None:
    step = {"name": "failed", "hosts": [{"name": name}, {"name": "db01"}]}
    known = {"db01"} if name == "not in it" else {"db01", name}
    assert dict(limit_files([step], known))["limit-failed"] == "db01\n"


def test_ansible_reads_the_file_as_the_hosts_that_are_in_it(tmp_path: Path) -> None:
    hosts = ["db01", "db02.example.com", "10.0.0.7", "2001:db8::1", "under_score"]
    others = ["db011", "x"]
    inventory = tmp_path / "inventory.yml"
    lines = "".join(f'    "{name}":\n' for name in (*hosts, *others))
    inventory.write_text(f"all:\n  hosts:\n{lines}")
    step = {"name": "stale", "hosts": [{"name": name} for name in hosts]}
    limit = tmp_path / "limit-stale"
    limit.write_text(dict(limit_files([step], {*hosts, *others}))["limit-stale"])
    manager = InventoryManager(DataLoader(), sources=[str(inventory)])
    manager.subset(f"@{limit}")
    assert [host.name for host in manager.get_hosts()] == hosts
