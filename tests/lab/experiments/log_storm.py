# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver floods the kernel's log between the run id and the crash: ``make log-storm``.

The log in the dump begins behind the run id, so only the boot id in the kernel's memory tells whose dump it is.
"""

from __future__ import annotations

from typing import Any

from lab.experiment import Case, Experiment, Guest, Outcome, Trial

# Between the run id and the crash: the storm takes a second or two.
_DELAY_SECONDS = 30


def outcome_of(record: dict[str, Any]) -> Outcome:
    """What the record of such a crash says, and what is wrong with it."""
    vmcore = record["vmcore"] or {"checks": [], "crash": {}}
    said = {check["name"]: check["detail"] for check in vmcore["checks"]}
    outcome = Outcome([(record["verdict"], said.get("run_id", "-"), said.get("boot_id", "-"))])
    if record["verdict"] != "passed":
        outcome.wrong.append(record["why"])
    if record["run_id"] in (vmcore["crash"].get("run_ids") or ()):
        outcome.wrong.append("The storm was too weak: the run id is still in the log.")
    return outcome


def _crash(trial: Trial) -> Outcome:
    trial.host.start("log_storm.py")
    trial.plays.play("crash_test")
    return outcome_of(trial.plays.record()[1])


EXPERIMENT = Experiment(
    "log-storm",
    "crash a machine whose log is flooded after the run id",
    ("verdict", "run id", "boot id"),
    {
        "storm": Case(
            _crash,
            (Guest("log-storm"),),
            {"crash_test_minimum_uptime": 0, "crash_test_delay": _DELAY_SECONDS},
        )
    },
)
