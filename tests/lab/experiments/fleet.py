# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of two, one of which fails: the play stops, then both at once, then the report: ``make fleet``."""

from __future__ import annotations

import json
import shutil
from typing import Any

from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.experiments.crash_faults import DELAY, FAULTS, happening, said
from lab.machine import Machine
from lab.plays import CHECKOUT, Plays, records
from report.browser import browser

_KEPT = CHECKOUT / "build" / "fleet"
# What goes wrong on the first host: when it is alone, and when the second one is crashed with it.
_ALONE, _TOGETHER = "small-crashkernel", "empty-dump"
_WIDTH = 1280


def _fleet(trial: Trial) -> Outcome:
    """Crash two hosts in two ways and report."""
    shutil.rmtree(_KEPT, ignore_errors=True)
    first, second = trial.hosts
    trial.plays.run("assess")
    _stop_at_the_first_failure(first, second, trial.plays)
    _crash_both(first, second, trial.plays)
    trial.plays.run("report")
    _look_at_the_report({first.name: "failed", second.name: "passed"})
    return Outcome(notes=[f"See {_KEPT}."])


def _stop_at_the_first_failure(first: Machine, second: Machine, plays: Plays) -> None:
    """The playbook crash_test crashes one host, then five: the second is not crashed when the first one failed."""
    before = _boot(second)
    with happening(first, FAULTS[_ALONE]):
        code = plays.play("crash_test")
    _expect(f"{first.name}, alone", said(plays.record(first)[1]), FAULTS[_ALONE].expected)
    _expect("the exit code is that of a failure", code != 0, True)
    _expect(f"{second.name} was booted again", _boot(second) != before, False)
    _expect(f"records of {second.name}", records(_KEPT, second.name), [])


def _crash_both(first: Machine, second: Machine, plays: Plays) -> None:
    with happening(first, FAULTS[_TOGETHER]):
        code = plays.play("fleet.yml")
    failed, passed = (plays.record(host)[1] for host in (first, second))
    _expect(f"{first.name}, with the other", said(failed), FAULTS[_TOGETHER].expected)
    _expect(f"{second.name}, meanwhile", passed["verdict"], "passed")
    _expect("the exit code is that of a failure", code != 0, True)
    _expect("both were down at the same time", overlap(failed, passed) > 0, True)
    print(f"They were so for {overlap(failed, passed):.0f} s at least.", flush=True)


def overlap(*tests: dict[str, Any]) -> float:
    """For how many seconds at least all hosts were between panic and normal kernel; negative if never."""
    # A stage that was over when the console was looked at has no time.
    seen = [[stage["time"] for stage in test["stages"][1:-1] if stage["time"]] for test in tests]
    begin: float = max(times[0] for times in seen)
    end: float = min(times[-1] for times in seen)
    return end - begin


def _look_at_the_report(verdicts: dict[str, str]) -> None:
    """Read every format with what others read it with, and take a picture of the page."""
    report = _KEPT / "report"
    found = json.loads((report / "report.json").read_text())
    _expect("report.json", {each["name"]: each["verdict"] for each in found["hosts"]}, verdicts)
    _expect("records in it", len(found["records"]), 3)
    suites = {suite.name: suite for suite in JUnitXml.fromfile(str(report / "junit.xml"))}
    _expect("junit.xml", {name: suites[name].failures > 0 for name in suites},
            {name: verdict == "failed" for name, verdict in verdicts.items()})  # fmt: skip
    metrics = (report / "vmcore_kdump.prom").read_text()
    _expect("vmcore_kdump.prom", metric_verdicts(metrics), verdicts)
    page = report / "report.html"
    with browser() as chromium:
        chromium.open(page, width=_WIDTH)
        _expect("complaints of Chromium", chromium.complaints, [])
        _expect("requests", chromium.requests, [page.as_uri()])
        chromium.screenshot(_KEPT / "report.png")
    print((report / "summary.md").read_text(), flush=True)


def metric_verdicts(metrics: str) -> dict[str, str]:
    """The verdict of each host, by the metrics."""
    return {
        sample.labels["host"]: sample.labels["verdict"]
        for family in text_string_to_metric_families(metrics)
        if family.name == "vmcore_kdump_crash_test_verdict"
        for sample in family.samples
        if sample.value
    }


def _boot(host: Machine) -> str:
    return host.ssh("cat /proc/sys/kernel/random/boot_id").strip()


def _expect(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise LabError(f"{what}: {found}, not {wanted}.")
    print(f"{what}: {found}", flush=True)


EXPERIMENT = Experiment(
    "fleet",
    "two hosts, one of which fails, and their report",
    (),
    {
        "fleet": Case(
            _fleet,
            # The first one is as "lab crash-faults" has it, which knows what goes wrong on it.
            (Guest("fleet-1", "smp"), Guest("fleet-2", "vtd")),
            {
                "assess_directory": str(_KEPT),
                "crash_test_delay": DELAY,
                "crash_test_minimum_uptime": 0,
                "crash_test_results_directory": str(_KEPT),
            },
        )
    },
)
