# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook qualify with every stage of the reset, and the time that each adds to a crash: ``make qualify``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any

import yaml

from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.plays import CHECKOUT, Plays

_KEPT = CHECKOUT / "build" / "qualify"
# The stages, and their names in what the playbook writes.
_STAGES = {"none": "without", "initramfs": "with", "quiesce": "quiesce"}
_SPANS = ("panicked to dump complete", "panicked to normal kernel")
_COLUMNS = ("reset in", "crashes:", "dumps:", *(f"{span}, s:" for span in _SPANS), "added, s:")


def _qualify(trial: Trial) -> Outcome:
    shutil.rmtree(_KEPT, ignore_errors=True)
    plays = Plays(
        trial.host,
        crash_test_results_directory=str(_KEPT),
        crash_test_rounds=trial.arguments.rounds,
        crash_test_stages=trial.arguments.stages,
    )
    advice = plays.without_makedumpfile()
    plays.run("qualify")
    found = yaml.safe_load((_KEPT / f"qualification-{trial.host.name}.yml").read_text())
    wrong = [
        f"{stage}: {found[name]['crashes']} crashes left {found[name]['dumps']} dumps."
        for stage, name in _STAGES.items()
        if found[name]["dumps"] != found[name]["crashes"]
    ]
    return Outcome(rows(found), [*advice, found["conclusion"]["sentence"], f"See {_KEPT}."], wrong)


def rows(found: dict[str, Any]) -> list[Sequence[object]]:
    """A row for each stage of a qualification: medians, and what they are above those without the reset."""
    made: list[Sequence[object]] = []
    plain = _median(found["without"], _SPANS[0])
    for stage, name in _STAGES.items():
        phase = found[name]
        if not phase["crashes"]:
            continue
        dump, back = (_median(phase, span) for span in _SPANS)
        added = None if plain is None or dump is None or name == "without" else dump - plain
        made.append(
            (
                stage,
                phase["crashes"],
                phase["dumps"],
                "-" if dump is None else f"{dump:.1f}",
                "-" if back is None else f"{back:.1f}",
                "-" if added is None else f"{added:+.1f}",
            )
        )
    return made


def _median(phase: dict[str, Any], span: str) -> float | None:
    seconds: dict[str, dict[str, float]] = phase["seconds"]
    return seconds[span]["median"] if span in seconds else None


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=2, help="crashes a stage (default: 2)")
    parser.add_argument(
        "--stages", nargs="+", choices=_STAGES, default=list(_STAGES), help="default: all"
    )


EXPERIMENT = Experiment(
    "qualify",
    "compare the stages of the reset on one machine",
    _COLUMNS,
    {"qualify": Case(_qualify, (Guest("qualify", "smp"),))},
    configure=False,
    options=_options,
)
