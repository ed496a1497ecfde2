# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash after crash, on two machines at the same time: ``make crashes``."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    STAGES as STAGES_OF_RESET,
)
from lab import dumps, order
from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial, table
from lab.machine import Machine

_COLUMNS = (
    "round", "host", "load", "CPU", "panicked on", *STAGES[1:], "verdict", "all pages, log", "console",
)  # fmt: skip
# What the hosts of a round do when they are crashed, round after round.
_LOADS: tuple[tuple[str, ...], ...] = ((), ("disk",), ("network",), ("disk", "network"), ())


class Crash(NamedTuple):
    """One crash, and what its record says."""

    number: int
    host: str
    cpu: int  # to be crashed on
    load: tuple[str, ...]
    record: dict[str, Any]
    dump: dumps.Look | None
    order: str = "-"  # that the console shows of the quiesce stage
    disorder: str | None = None  # why it does not show the right one

    @property
    def is_verified(self) -> bool:
        """The crash test passed, and so did a second look at the dump, and one at the console."""
        return (
            self.record["verdict"] == "passed"
            and self.dump is not None
            and self.dump.is_good
            and self.disorder is None
        )


def cpus_of_round(number: int, hosts: list[str], count: int) -> dict[str, int]:
    """The CPU for each host: every one of *count* in turn, another one on each host."""
    return {name: (number + place) % count for place, name in enumerate(hosts)}


def _crash(trial: Trial) -> Outcome:
    """Crash until the first failure."""
    crashes: list[Crash] = []
    for number in range(trial.arguments.count // len(trial.hosts)):
        crashes += _round(number, trial)
        print(f"\n{table(_COLUMNS, list(map(_row, crashes)))}", flush=True)
        if not all(crash.is_verified for crash in crashes):
            break
    wrong = [
        f"{crash.host}, round {crash.number}: {crash.record['why']} {crash.disorder or ''}".rstrip()
        for crash in crashes
        if not crash.is_verified
    ]
    return Outcome(list(map(_row, crashes)), [f"{len(crashes) - len(wrong)} verified."], wrong)


def _round(number: int, trial: Trial) -> list[Crash]:
    hosts, plays = trial.hosts, trial.plays
    load = next(itertools.islice(itertools.cycle(_LOADS), number, None))
    cpus = cpus_of_round(number, [host.name for host in hosts], hosts[0].cpus)
    print(f"\n===== round {number + 1} =====", flush=True)
    said = {host.name: host.console.stat().st_size for host in hosts}
    # What failed is in the records.
    plays.play("crashes.yml", lab_cpus=cpus, crash_test_load=load)
    crashes = []
    for host in hosts:
        record = plays.record(host)[1]
        dump = dumps.look(host, record) if record["vmcore"] else None
        crash = Crash(number + 1, host.name, cpus[host.name], load, record, dump)
        if trial.name == "quiesce":
            crash = _with_order(crash, host, said[host.name])
        crashes.append(crash)
    return crashes


def _with_order(crash: Crash, host: Machine, said: int) -> Crash:
    """The crash with what the console of its host shows from that place on."""
    with host.console.open(errors="replace") as console:
        console.seek(said)
        text = console.read()
    try:
        shown = order.prove(text, crash.record, host.addresses()["port-disk"])
    except LabError as error:
        return crash._replace(disorder=str(error))
    return crash._replace(order=str(shown))


def _row(crash: Crash) -> tuple[str, ...]:
    record = crash.record
    times = {stage["name"]: stage["after"] for stage in record["stages"]}
    spent = ("-" if times[name] is None else f"{times[name]:.1f}" for name in STAGES[1:])
    return (
        str(crash.number),
        crash.host,
        " and ".join(crash.load) or "none",
        str(crash.cpu),
        str(record["trigger"]["panic_cpu"]),
        *spent,
        record["verdict"],
        str(crash.dump or "no dump"),
        "NOT IN ORDER" if crash.disorder else crash.order,
    )


EXPERIMENT = Experiment(
    "crashes",
    "crash again and again, two machines at once, on each CPU, under load",
    _COLUMNS,
    {
        stage: Case(
            _crash,
            (Guest("crashes-1", "smp"), Guest("crashes-2", "smp")),
            {"crash_test_minimum_uptime": 0, "pcie_reset_stage": stage},
        )
        for stage in STAGES_OF_RESET
    },
    options=lambda parser: parser.add_argument(
        "--count", type=int, default=10, help="of the crashes of a stage (default: 10)"
    ),
)
