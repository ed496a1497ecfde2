# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with one processor under load, whose capture kernel may wait for its disk for ever: ``make one-processor``.

docs/how/apic.md has why. Without the helper a crash either leaves a dump or is named: a machine that hangs is reset,
and its record says so. With the helper each leaves a dump.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import Any

from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.plays import RECOVERY, Plays
from lab.wire import Traffic

# Some minutes of silence are a hang: nothing that a capture kernel does on this machine takes so long.
_SILENCE_SECONDS = 300
_NONE = "none"
# Where the local APIC was read, as in the report.
_PLACES = {"apic": "helper", "apic_jump": "before the jump", "apic_capture": "capture kernel"}


def in_service(report: Mapping[str, Any]) -> str:
    """Which vectors were in service, and which after they were dismissed, at each place where they were read."""
    found = []
    for key, place in _PLACES.items():
        if report.get(key):
            before, after = (
                ", ".join(map(str, report[key][f"in_service_{when}"])) or "none"
                for when in ("before", "after")
            )
            found.append(f"{place}: {before}, then {after}")
        elif key in report:
            found.append(f"{place}: not read")
    return "; ".join(found) or "-"


def _crash(stage: str, trial: Trial) -> Outcome:
    host = trial.host
    if stage != _NONE:
        Plays(host, pcie_reset_stage=stage).run("configure")
    outcome = Outcome()
    for _number in range(trial.arguments.crashes):
        _once(stage, trial, outcome)
    return outcome


def _once(stage: str, trial: Trial, outcome: Outcome) -> None:
    host = trial.host
    host.start("workload.py")
    host.start("passthrough.py", host.addresses()["passed"])
    with Traffic(host.wires):
        trial.plays.play("crash_test")
    _path, record = trial.plays.record()
    cause = record["cause"]
    dump = record["vmcore"]["verdict"] if record["vmcore"] else "none"
    row = (
        in_service(record["reset"] or {}),
        dump,
        record["verdict"],
        cause["code"] if cause else "-",
        cause["stage"] if cause else "-",
    )
    outcome.rows.append(row)
    outcome.notes.append(cause["sentence"] if cause else record["why"])
    outcome.data.append(record["reset"])
    named = stage == _NONE and cause is not None and cause["code"] == "hang"
    if dump != "complete" and not named:
        outcome.wrong.append(f"There is no dump, and no hang that is named: {record['why']}")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crashes", type=int, default=1, help="of each stage (default: 1)")


EXPERIMENT = Experiment(
    "one-processor",
    "crash a machine with one processor, which may hang without the helper",
    ("in service", "dump", "verdict", "cause", "at"),
    {
        stage: Case(
            partial(_crash, stage),
            (Guest("one-processor", "effect", smp=1),),
            {"crash_test_timeout": _SILENCE_SECONDS, "crash_test_recovery": RECOVERY},
        )
        for stage in (_NONE, "initramfs", "quiesce")
    },
    configure=False,
    options=_options,
)
