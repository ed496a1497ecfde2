# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks under ansible-runner, in the private data directory that AWX makes for a job.

What needs a machine that may crash is in tests/lab/experiments/runner.py.
"""

from __future__ import annotations

import json
import shutil
import typing as t

import pytest
import yaml

from ansible_collections.vmcore.kdump.tests.package.conftest import CHECKOUT

if t.TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from ansible_collections.vmcore.kdump.tests.package.conftest import Environment

    Json = dict[str, t.Any]


class Job:
    """One job: its private data directory, and what the run left in it."""

    def __init__(
        self, environment: Environment, directory: Path, playbook: str, **variables: t.Any
    ) -> None:
        shutil.copytree(CHECKOUT / "docs/awx/project", directory / "project")
        hosts = {"db01": {"ansible_connection": "local"}}
        for name, content in {
            "inventory/hosts.yml": yaml.safe_dump({"all": {"hosts": hosts}}),
            "env/extravars": json.dumps(variables),
        }.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(content)
        self.done: subprocess.CompletedProcess[str] = environment.run(
            "ansible-runner", "run", directory, "--playbook", playbook, "--ident", "1", check=False
        )
        self.artifacts = directory / "artifacts/1"

    @property
    def status(self) -> str:
        return (self.artifacts / "status").read_text()

    def events(self, kind: str) -> list[Json]:
        found = [json.loads(path.read_text()) for path in self.artifacts.glob("job_events/*.json")]
        return [each for each in found if each["event"] == kind]


@pytest.fixture(name="job")
def job_fixture(environment: Environment, tmp_path: Path) -> t.Callable[..., Job]:
    def job(playbook: str, **variables: t.Any) -> Job:
        return Job(environment, tmp_path / "private", playbook, **variables)

    return job


def test_assess(job: t.Callable[..., Job], captured: Path) -> None:
    assessed = job("kdump_assess.yml", assess_root=str(captured))
    assert assessed.status == "successful", assessed.done.stdout
    assert (assessed.artifacts / "rc").read_text() == "0"
    assert "RESET  Only endpoints are below." in (assessed.artifacts / "stdout").read_text()
    (stats,) = assessed.events("playbook_on_stats")
    assert stats["event_data"]["changed"] == {}
    assert set(stats["event_data"]["ok"]) == {"db01"}


def test_crash_test_of_an_execution_environment_is_refused(job: t.Callable[..., Job]) -> None:
    refused = job("kdump_crash_test.yml", crash_test_confirm="db01", ansible_become=False)
    assert refused.status == "failed"
    (_skipped,) = [
        each
        for each in refused.events("runner_on_skipped")
        if each["event_data"]["resolved_action"] == "vmcore.kdump.crash_test"
    ]
    # Such an event holds no result: the job's output says why.
    assert "this would crash the controller" in (refused.artifacts / "stdout").read_text()


def test_stop_fails(job: t.Callable[..., Job]) -> None:
    assert job("kdump_stop.yml").status == "failed"
