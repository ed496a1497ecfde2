# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lab.errors import LabError
from lab.experiments import runner


def artifacts(private: Path, status: str | None, *events: dict[str, Any]) -> None:
    directory = private / "artifacts" / "1"
    (directory / "job_events").mkdir(parents=True)
    if status:
        (directory / "status").write_text(status)
    for number, event in enumerate(events):
        (directory / "job_events" / f"{number}-x.json").write_text(json.dumps(event))


def test_what_the_last_event_says_is_returned(tmp_path: Path) -> None:
    stats = {"changed": {"runner": 2}}
    artifacts(
        tmp_path,
        "successful",
        {"event": "playbook_on_start"},
        {"event": "playbook_on_stats", "event_data": stats},
    )
    assert runner._check(tmp_path, "assess", "successful") == stats


def test_a_job_that_was_cancelled_has_no_last_event(tmp_path: Path) -> None:
    artifacts(tmp_path, "canceled", {"event": "playbook_on_start"})
    assert runner._check(tmp_path, "crash_test", "canceled") == {}


@pytest.mark.parametrize(
    ("status", "events", "complaint"),
    [
        ("failed", [{"event": "playbook_on_start"}], "assess is failed, not successful"),
        (None, [], "assess is no status, not successful"),
        ("successful", [], "left no events"),
    ],
)
def test_another_end_or_no_events_is_an_error(
    tmp_path: Path, status: str | None, events: list[dict[str, Any]], complaint: str
) -> None:
    artifacts(tmp_path, status, *events)
    with pytest.raises(LabError, match=complaint):
        runner._check(tmp_path, "assess", "successful")


def test_a_job_has_the_directory_that_awx_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_KEPT", tmp_path / "kept")
    hosts = {"all": {"hosts": {"runner": {"ansible_port": 1}}}}
    host: Any = SimpleNamespace(
        name="runner",
        directory=tmp_path,
        console=tmp_path / "console.log",
        inventory=lambda: hosts,
    )
    jobs = runner.Jobs(host)
    private = jobs._private("assess", ("-vvv",), confirm=True)
    assert (private / "project" / "kdump_assess.yml").exists()
    assert yaml.safe_load((private / "inventory" / "hosts.yml").read_text()) == hosts
    assert (private / "env" / "cmdline").read_text() == "-vvv"
    extra = json.loads((private / "env" / "extravars").read_text())
    assert extra["crash_test_confirm"] == "runner"
    unconfirmed = jobs._private("assess", (), confirm=False)
    assert unconfirmed != private
    extra = json.loads((unconfirmed / "env" / "extravars").read_text())
    assert extra["crash_test_confirm"] == ""
