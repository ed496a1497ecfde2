# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with one processor under load, whose capture kernel may wait for its disk for ever: ``make one-processor``.

docs/effect.md has why. What is asked here is that a crash either leaves a dump or is named: a machine that hangs is
reset, and its record says so.
"""

from __future__ import annotations

from functools import partial

from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.plays import RECOVERY, Plays
from lab.wire import Traffic

# Some minutes of silence are a hang: nothing that a capture kernel does on this machine takes so long.
_SILENCE_SECONDS = 300


def _crash(stage: str, trial: Trial) -> Outcome:
    host = trial.host
    if stage != "none":
        Plays(host, pcie_reset_stage=stage).run("configure")
    host.start("workload.py")
    host.start("passthrough.py", host.addresses()["passed"])
    with Traffic(host.wires):
        trial.plays.play("crash_test")
    _path, record = trial.plays.record()
    cause = record["cause"]
    dump = record["vmcore"]["verdict"] if record["vmcore"] else "none"
    row = (
        dump,
        record["verdict"],
        cause["code"] if cause else "-",
        cause["stage"] if cause else "-",
    )
    named = dump == "complete" or (cause is not None and cause["code"] == "hang")
    wrong = [] if named else [f"There is no dump, and the hang is not named: {record['why']}"]
    return Outcome([row], [cause["sentence"] if cause else record["why"]], wrong)


EXPERIMENT = Experiment(
    "one-processor",
    "crash a machine with one processor, which may hang, and see that it is named",
    ("dump", "verdict", "cause", "at"),
    {
        stage: Case(
            partial(_crash, stage),
            (Guest("one-processor", "effect", smp=1),),
            {"crash_test_timeout": _SILENCE_SECONDS, "crash_test_recovery": RECOVERY},
        )
        for stage in ("none", "initramfs", "quiesce")
    },
    configure=False,
)
