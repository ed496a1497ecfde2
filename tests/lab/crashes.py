# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash after crash, on two machines at the same time: ``make crashes``."""

from __future__ import annotations

import argparse
import itertools
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.stage import (
    STAGES as STAGES_OF_RESET,
)
from lab import dumps, machine, order
from lab.errors import LabError
from lab.machine import Machine
from lab.plays import Plays

_PROFILE = "smp"
_PLAYBOOK = Path(__file__).with_name("crashes.yml")
_HOW = ("round", "host", "load", "CPU", "panicked on")
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


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``crashes`` to the lab's command line."""
    command = commands.add_parser("crashes", help="crash again and again, on each CPU, under load")
    command.add_argument("--count", type=int, default=10, help="of all crashes (default: 10)")
    command.add_argument("--hosts", type=int, default=2, help="at the same time (default: 2)")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.add_argument(
        "--stage",
        choices=STAGES_OF_RESET,
        default="initramfs",
        help="where to reset (default: initramfs)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Crash until the first failure; 0 if every dump was verified."""
    if arguments.hosts < 1 or arguments.count % arguments.hosts:
        raise LabError(f"{arguments.count} crashes cannot be shared by {arguments.hosts} hosts.")
    crashes: list[Crash] = []
    with ExitStack() as stack:
        hosts = []
        for number in range(arguments.hosts):
            hosts.append(machine.up(f"crashes-{number + 1}", _PROFILE, arguments.image))
            # Console and disk of a crash that failed stay.
            stack.callback(lambda host: host.down(keep=not _passed(crashes, arguments)), hosts[-1])
        plays = Plays(*hosts, crash_test_minimum_uptime=0, pcie_reset_stage=arguments.stage)
        plays.run("configure")
        for number in range(arguments.count // arguments.hosts):
            crashes += _round(number, hosts, plays, arguments.stage)
            print(f"\n{table(crashes)}", flush=True)
            if not all(crash.is_verified for crash in crashes):
                break
    verified = sum(crash.is_verified for crash in crashes)
    print(f"crashes: {verified} verified of {arguments.count}")
    return 0 if _passed(crashes, arguments) else 1


def table(crashes: list[Crash]) -> str:
    """The crashes as a Markdown table, with the seconds that each stage took."""
    header = (*_HOW, *STAGES[1:], "verdict", "all pages, log", "console")
    rows = [header, ("---",) * len(header), *map(_row, crashes)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines += [
        f"{crash.host}, round {crash.number}: {crash.record['why']} {crash.disorder or ''}".rstrip()
        for crash in crashes
        if not crash.is_verified
    ]
    return "\n".join(lines)


def cpus_of_round(number: int, hosts: list[str], count: int) -> dict[str, int]:
    """The CPU for each host: every one of *count* in turn, another one on each host."""
    return {name: (number + place) % count for place, name in enumerate(hosts)}


def _passed(crashes: list[Crash], arguments: argparse.Namespace) -> bool:
    return len(crashes) == arguments.count and all(crash.is_verified for crash in crashes)


def _round(number: int, hosts: list[Machine], plays: Plays, stage: str) -> list[Crash]:
    load = next(itertools.islice(itertools.cycle(_LOADS), number, None))
    names = [host.name for host in hosts]
    cpus = cpus_of_round(number, names, hosts[0].cpus)
    print(f"\n########## round {number + 1} ##########", flush=True)
    said = {host.name: host.console.stat().st_size for host in hosts}
    # What failed is in the records.
    plays.play(_PLAYBOOK, lab_cpus=cpus, crash_test_load=load)
    crashes = []
    for host in hosts:
        record = plays.record(host)[1]
        dump = dumps.look(host, record) if record["vmcore"] else None
        crash = Crash(number + 1, host.name, cpus[host.name], load, record, dump)
        if stage == "quiesce":
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
