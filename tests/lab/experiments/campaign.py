# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four hosts in one play: protected, outside of its window, with a stale proof, and without a dump: ``make campaign``.

The first two are refused and not crashed. The third had passed and was changed since, so its proof was stale; it is
crashed and passes again. The fourth is crashed with it, fails, and ends the run.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.experiments.crash_faults import DELAY, FAULTS, happening
from lab.machine import Machine
from lab.plays import CHECKOUT, Plays, records

_KEPT = CHECKOUT / "build" / "campaign"
# What goes wrong on the host that fails, while the stale one is crashed with it.
_FAULT = "empty-dump"
_HOUR = 3600


class Seen(NamedTuple):
    """What came of a host."""

    verdict: str
    refused: str | None
    booted: bool  # again

    def __str__(self) -> str:
        refused = f", refused: {self.refused}" if self.refused else ""
        return f"{self.verdict}{refused}{', booted again' if self.booted else ''}"


EXPECTED = {
    "protected": Seen("untested", "protected", booted=False),
    "shut": Seen("untested", "window", booted=False),
    "stale": Seen("passed", None, booted=True),
    "fails": Seen("failed", None, booted=True),
}


def closed_window(now: float) -> str:
    """A window of one hour that begins in six, in UTC."""
    begin, end = (time.strftime("%H:00", time.gmtime(now + hours * _HOUR)) for hours in (6, 7))
    return f"{begin}-{end}"


def _campaign(trial: Trial) -> Outcome:
    """Make a proof stale, then run the campaign and the report."""
    shutil.rmtree(_KEPT, ignore_errors=True)
    hosts = dict(zip(EXPECTED, trial.hosts, strict=True))
    _make_stale(hosts["stale"], trial.plays)
    boots = {kind: _boot(host) for kind, host in hosts.items()}
    with happening(hosts["fails"], FAULTS[_FAULT]):
        code = trial.plays.play(
            "campaign.yml",
            lab_protected=hosts["protected"].name,
            lab_shut=hosts["shut"].name,
            lab_window=closed_window(time.time()),
        )
    trial.plays.run("report")
    report = _report()
    seen = {
        kind: Seen(*_said(report, host), booted=_boot(host) != boots[kind])
        for kind, host in hosts.items()
    }
    wrong = [] if code else ["The run ended as a success, although a host failed."]
    wrong += [
        f"{kind}: {seen[kind]}, not {EXPECTED[kind]}."
        for kind in seen
        if seen[kind] != EXPECTED[kind]
    ]
    rows: list[Sequence[object]] = [(kind, EXPECTED[kind], seen[kind]) for kind in seen]
    return Outcome(rows, [f"See {_KEPT}."], wrong)  # fmt: skip


def _make_stale(host: Machine, plays: Plays) -> None:
    """Crash a host that passes, then change what its proof depends on.

    Raises:
        LabError: the report does not call the proof stale.
    """
    alone = Plays(host, **plays.variables)
    alone.variables["crash_test_confirm"] = [host.name]
    alone.run("crash_test")
    if alone.play("configure", kdump_dump_level=29):
        raise LabError(f"{host.name} could not be given another dump level.")
    alone.run("assess")
    alone.run("report")
    verdict, _refused = _said(_report(), host)
    if verdict != "stale":
        raise LabError(f"The report calls {host.name} {verdict}, not stale.")
    print(f"{host.name} is stale.", flush=True)


def _report() -> dict[str, dict[str, Any]]:
    """What the report says of each host."""
    found = json.loads((_KEPT / "report" / "report.json").read_text())
    return {each["name"]: each for each in found["hosts"]}


def _said(report: dict[str, dict[str, Any]], host: Machine) -> tuple[str, str | None]:
    """Verdict of a host, and why it was refused.

    Raises:
        LabError: there are records of a host that is said to be refused.
    """
    entry = report[host.name]
    refused = entry["refusal"] and entry["refusal"]["reason"]
    if refused and records(_KEPT, host.name):
        raise LabError(f"{host.name} was refused, and has a record.")
    return entry["verdict"], refused


def _boot(host: Machine) -> str:
    return host.ssh("cat /proc/sys/kernel/random/boot_id").strip()


EXPERIMENT = Experiment(
    "campaign",
    "four hosts in one play: protected, outside of its window, with a stale proof, without a dump",
    ("host", "expected", "seen"),
    {
        "campaign": Case(
            _campaign,
            tuple(
                Guest(f"campaign-{kind}", "smp" if kind == "fails" else "vtd") for kind in EXPECTED
            ),
            {
                "assess_directory": str(_KEPT),
                "crash_test_delay": DELAY,
                "crash_test_minimum_uptime": 0,
                "crash_test_results_directory": str(_KEPT),
                "fleet_report_results_directory": str(_KEPT),
                "fleet_report_directory": str(_KEPT / "report"),
            },
        )
    },
)
