# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them, each in a private data directory, one cancelled after the panic: ``make runner``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.fleet import calls
from lab import machine
from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.plays import CHECKOUT, records

_PROJECT = CHECKOUT / "docs" / "awx" / "project"
_KEPT = CHECKOUT / "build" / "runner"
_PANIC_SECONDS = 600
_ADDRESS = "127.0.0.1"  # of every machine, with a port of its own


def _jobs(trial: Trial) -> Outcome:
    jobs = Jobs(trial.host)
    jobs.expect("assess", "successful", "-vvv")
    jobs.expect("configure", "successful")
    jobs.expect("configure", "successful", "-vvv", changes=False)
    jobs.expect("crash_test", "successful", "--check")
    jobs.expect("crash_test", "failed", confirm=False, changes=False)
    jobs.expect("qualify", "failed", confirm=False, changes=False)
    left = jobs.cancel_after_the_panic()
    if left["verdict"] != "inconclusive":
        raise LabError(f"The cancelled job left a record that says {left['verdict']}.")
    jobs.expect("verify", "successful")
    record = jobs.record()
    if (record["run_id"], record["verdict"]) != (left["run_id"], "passed"):
        raise LabError(f"verify wrote a record of {record['run_id']}: {record['verdict']}.")
    jobs.expect("crash_test", "successful", "-vvv")
    jobs.expect("qualify", "successful")
    jobs.expect("report", "successful")
    print(jobs.summary(), flush=True)
    jobs.expect("stop", "failed")
    notes = [f"Record of the cancelled job: {left['why']}",
             f"Record after verify: {record['verdict']}, {record['why']}", f"See {_KEPT}."]  # fmt: skip
    return Outcome(jobs.rows, notes)


class Jobs:
    """Jobs on one machine, each in a new directory, with records in one that outlives them."""

    def __init__(self, host: machine.Machine) -> None:
        self._host = host
        self._directory = _KEPT
        shutil.rmtree(_KEPT, ignore_errors=True)
        self._results = self._directory / "results"
        self._count = 0
        self.rows: list[Sequence[object]] = []

    def expect(
        self, playbook: str, status: str, *cmdline: str, confirm: bool = True, changes: bool = True
    ) -> None:
        """Run a playbook to its end. With C(-vvv) its remote calls are counted.

        Raises:
            LabError: the job ended otherwise, left no events, or changed something and should not.
        """
        started = time.monotonic()
        private = self._private(playbook, cmdline, confirm=confirm)
        self._start(private, playbook).wait()
        stats = _check(private, playbook, status)
        if stats.get("changed") and not changes:
            raise LabError(f"The job {playbook} changed something: see {private / 'log'}.")
        seconds = time.monotonic() - started
        counted = str(_calls(private)) if "-vvv" in cmdline else "-"
        self.rows.append((" ".join((playbook, *cmdline)), status, f"{seconds:.0f}", counted))
        print(" | ".join(map(str, self.rows[-1])), flush=True)

    def cancel_after_the_panic(self) -> dict[str, Any]:
        """Cancel a crash test while its host dumps; the record that it left.

        AWX ends ansible-runner with SIGTERM, which kills ansible-playbook with all that it started.

        Raises:
            LabError: there was no panic, or the job was not cancelled.
        """
        private = self._private("crash_test", (), confirm=True)
        job = self._start(private, "crash_test")
        deadline = time.monotonic() + _PANIC_SECONDS
        while not (found := records(self._results)) or (
            json.loads(found[0].read_text())["stage"] == "armed"
        ):
            if job.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"The crash test ended, or nothing panicked: see {private}.")
            time.sleep(1)
        job.send_signal(signal.SIGTERM)
        job.wait()
        _check(private, "crash_test", "canceled")
        print("crash_test: canceled after the panic", flush=True)
        return self.record()

    def record(self) -> dict[str, Any]:
        """The only record there is."""
        (path,) = records(self._results)
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def summary(self) -> str:
        """What the report says in short."""
        return (self._results / "report" / "summary.md").read_text()

    def _private(self, playbook: str, cmdline: tuple[str, ...], *, confirm: bool) -> Path:
        self._count += 1
        private = self._directory / f"{self._count}-{playbook}"
        shutil.copytree(_PROJECT, private / "project")
        variables = {
            "crash_test_confirm": self._host.name if confirm else "",
            "crash_test_console": str(self._host.console),
            "crash_test_results_directory": str(self._results),
            "crash_test_minimum_uptime": 0,
            "crash_test_rounds": 1,
            # The image has the packages, and QEMU gives the kernel its arguments.
            "kdump_manage_packages": False,
            "kdump_manage_crashkernel": False,
        }
        for name, content in {
            "inventory/hosts.yml": yaml.safe_dump(self._host.inventory(), sort_keys=False),
            "env/extravars": json.dumps(variables),
            "env/cmdline": " ".join(cmdline),
            "env/envvars": json.dumps(
                {"ANSIBLE_CONFIG": str(CHECKOUT / "tests/lab/ansible.cfg"), "NO_COLOR": "1"}
            ),
        }.items():
            path = private / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return private

    def _start(self, private: Path, playbook: str) -> subprocess.Popen[bytes]:
        command = ["ansible-runner", "run", str(private), "--playbook", f"kdump_{playbook}.yml"]
        with (private / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--ident", "1"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ),
            )


def _calls(private: Path) -> int:
    output = (private / "artifacts" / "1" / "stdout").read_text(errors="replace")
    return calls(output, _ADDRESS)


def _check(private: Path, playbook: str, expected: str) -> dict[str, Any]:
    """Look whether a job ended as expected; what its last event says about the hosts."""
    artifacts = private / "artifacts" / "1"
    status = (artifacts / "status").read_text() if (artifacts / "status").exists() else "no status"
    if status != expected:
        raise LabError(f"The job {playbook} is {status}, not {expected}: see {private / 'log'}.")
    events = [json.loads(path.read_text()) for path in artifacts.glob("job_events/*.json")]
    if not events:
        raise LabError(f"The job {playbook} left no events in {artifacts}.")
    stats = [each for each in events if each["event"] == "playbook_on_stats"]
    # A job that was cancelled did not come to its last event.
    return stats[0]["event_data"] if stats else {}


EXPERIMENT = Experiment(
    "runner",
    "playbooks under ansible-runner, as AWX runs them; one job is cancelled",
    ("job", "status", "s:", "remote calls:"),
    {"runner": Case(_jobs, (Guest("runner"),))},
    configure=False,
)
