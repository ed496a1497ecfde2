# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one runner of all experiments: it starts guests, tries cases, and makes a table of what came of them.

A file in lab/experiments says what is different about an experiment: its cases, and the columns of its table. All
take the same options. The table is printed and written to build/results, and the last line is for scripts:
``lanes: 7 passed, 1 failed``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from lab import machine
from lab.choice import chosen
from lab.errors import LabError
from lab.machine import Machine
from lab.plays import RESULTS, Plays


@dataclass(frozen=True)
class Guest:
    """A machine that is started for a case."""

    name: str
    profile: str = "vtd"
    image: str = "debian13"
    smp: int | None = None  # processors, if not those of the profile


@dataclass
class Outcome:
    """What came of a case. It passed if nothing is wrong."""

    rows: list[Sequence[object]] = field(
        default_factory=list
    )  # cells under the experiment's columns
    notes: list[str] = field(default_factory=list)  # sentences below the table
    wrong: list[str] = field(default_factory=list)  # sentences, too
    data: list[Any] = field(default_factory=list)  # for the JSON file beside the table


@dataclass(frozen=True)
class Trial:
    """A case at the moment when it is tried."""

    name: str
    hosts: Sequence[Machine]
    plays: Plays
    arguments: argparse.Namespace

    @property
    def host(self) -> Machine:
        """The only machine, or the first."""
        return self.hosts[0]


@dataclass(frozen=True)
class Case:
    """One thing to try. Neighbours with the same guests and variables share them, one after the other."""

    run: Callable[[Trial], Outcome]
    guests: tuple[Guest, ...]
    variables: Mapping[str, Any] = field(default_factory=dict)  # of all playbooks
    needs: str | None = None  # an environment variable, without which the case is left out
    after: str | None = None  # the case before it, which leaves what this one needs


def nothing_more(_outcomes: Mapping[str, Outcome]) -> Outcome:
    """What there is to say of most experiments as a whole."""
    return Outcome()


@dataclass(frozen=True)
class Experiment:
    """A command of the lab."""

    name: str
    help: str
    columns: Sequence[str]  # a column of numbers ends in ":"
    cases: Mapping[str, Case]
    configure: bool = True  # by the playbook of that name, before the first case
    options: Callable[[argparse.ArgumentParser], Any] = lambda _parser: None
    conclude: Callable[[Mapping[str, Outcome]], Outcome] = nothing_more


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], experiment: Experiment
) -> None:
    """Add an experiment to the lab's command line."""
    command = commands.add_parser(experiment.name, help=experiment.help)
    command.add_argument(
        "names", nargs="*", metavar="CASE", help=f"of {', '.join(experiment.cases)} (default: all)"
    )
    command.add_argument("--image", help="another guest than the case's")
    command.add_argument("--profile", help="another PCIe tree and IOMMU than the case's")
    command.add_argument("--smp", type=int, help="another number of processors")
    command.add_argument("--use", metavar="NAME", help="a machine that runs and is configured")
    command.add_argument("--keep", action="store_true", help="leave the machines running")
    experiment.options(command)
    command.set_defaults(run=lambda arguments: run(experiment, arguments))


def run(experiment: Experiment, arguments: argparse.Namespace) -> int:
    """Try cases, print what came of them; 0 if all passed."""
    outcomes: dict[str, Outcome] = {}
    names = _wanted(experiment, arguments.names)
    cases = {name: _changed(experiment.cases[name], arguments) for name in names}
    for (guests, variables), group in itertools.groupby(
        cases, key=lambda name: (cases[name].guests, dict(cases[name].variables))
    ):
        together = list(group)
        try:
            with _machines(guests, arguments, partial(_failed, together, outcomes)) as hosts:
                plays = Plays(*hosts, **variables)
                if experiment.configure and not arguments.use:
                    plays.run("configure")
                for name in together:
                    print(f"\n########## {experiment.name}: {name} ##########", flush=True)
                    outcomes[name] = cases[name].run(Trial(name, hosts, plays, arguments))
                    print(f"\n{report(experiment, outcomes)}", flush=True)
        except LabError as error:
            # What the guests are like is not known any more.
            sentence = str(error)
            for name in together:
                if name not in outcomes:
                    outcomes[name] = Outcome(wrong=[sentence])
                    sentence = f"It was not tried after the failure of {name}."
    whole = experiment.conclude(outcomes)
    text = report(experiment, outcomes, whole)
    _write(f"{experiment.name}{_suffix(arguments)}", text, outcomes)
    print(f"\n{text}")
    failed = sum(bool(each.wrong) for each in outcomes.values())
    if whole.wrong and not failed:
        failed = len(outcomes)
    print(f"{experiment.name}: {len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


@contextmanager
def guest(
    guests: Sequence[Guest], *, keep: bool = False, keep_on_failure: Callable[[], bool]
) -> Iterator[Sequence[Machine]]:
    """Machines for as long as this lasts, and longer with *keep*.

    Console and disk stay if something was raised, or *keep_on_failure* says that something failed.
    """
    raised = True
    with ExitStack() as stack:
        hosts: list[Machine] = []
        for one in guests:
            smp = {} if one.smp is None else {"smp": one.smp}
            hosts.append(machine.up(one.name, one.profile, one.image, **smp))
            if not keep:
                stack.callback(lambda host: host.down(keep=raised or keep_on_failure()), hosts[-1])
        yield hosts
        raised = False


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; a column whose name ends in ":" is aligned to the right."""
    head = [[name.rstrip(":") for name in columns]]
    head.append(["---:" if name.endswith(":") else "---" for name in columns])
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [*head, *rows])


def report(
    experiment: Experiment, outcomes: Mapping[str, Outcome], whole: Outcome | None = None
) -> str:
    """The table of an experiment, and what there is to say in sentences."""
    rows = [
        (name, *row, "NO" if each.wrong else "yes")
        for name, each in outcomes.items()
        for row in each.rows or [["-"] * len(experiment.columns)]
    ]
    lines = [table(("case", *experiment.columns, "as it has to be"), rows), ""]
    for name, each in [*outcomes.items(), (experiment.name, whole or Outcome())]:
        lines += [f"{name}: {text}" for text in each.notes]
        lines += [f"{name}: WRONG: {text}" for text in each.wrong]
    return "\n".join(lines).rstrip()


def _wanted(experiment: Experiment, names: Sequence[str]) -> list[str]:
    """The cases that are to be tried: those that were named, or all for which there is what they need."""
    cases = experiment.cases
    wanted = set(chosen(f"case of {experiment.name}", names, cases))
    wanted |= {after for name in wanted if (after := cases[name].after)}
    found = []
    for name, case in cases.items():
        if name in wanted and case.needs and case.needs not in os.environ and not names:
            print(f"{name} is left out: {case.needs} is not set.", flush=True)
        elif name in wanted:
            found.append(name)
    return found


def _changed(case: Case, arguments: argparse.Namespace) -> Case:
    """The case with the guests that the command line asks for instead."""
    asked = {name: getattr(arguments, name) for name in ("profile", "image", "smp")}
    changes = {name: value for name, value in asked.items() if value is not None}
    guests = (
        replace(one, name=f"{one.name}{_suffix(arguments)}", **changes) for one in case.guests
    )
    return replace(case, guests=tuple(guests))


def _machines(
    guests: Sequence[Guest], arguments: argparse.Namespace, keep_on_failure: Callable[[], bool]
) -> AbstractContextManager[Sequence[Machine]]:
    """The guests, or the machine that the command line names in their place."""
    if not arguments.use:
        return guest(guests, keep=arguments.keep, keep_on_failure=keep_on_failure)
    if len(guests) > 1:
        raise LabError("This case takes two machines: leave --use out.")
    return nullcontext([machine.find(arguments.use)])


def _suffix(arguments: argparse.Namespace) -> str:
    """Machines and results of other guests have another name than those of the cases' own."""
    smp = f"smp{arguments.smp}" if arguments.smp else None
    return "".join(f"-{each}" for each in (arguments.profile, arguments.image, smp) if each)


def _failed(names: Sequence[str], outcomes: Mapping[str, Outcome]) -> bool:
    return any(outcomes[name].wrong for name in names if name in outcomes)


def _write(name: str, text: str, outcomes: Mapping[str, Outcome]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(f"{text}\n")
    data = {case: outcome.data for case, outcome in outcomes.items() if outcome.data}
    if data:
        (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=2, default=asdict) + "\n")
