# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook qualify with every stage of the reset, and the time that each adds to a crash: ``make qualify``."""

from __future__ import annotations

import argparse
import shutil
from typing import Any

import yaml

from lab import machine
from lab.plays import CHECKOUT, Plays

_KEPT = CHECKOUT / "build" / "qualify"
# The stages, and their names in what the playbook writes.
_STAGES = {"none": "without", "initramfs": "with", "quiesce": "quiesce"}
_SPANS = ("panicked to dump complete", "panicked to normal kernel")
_COLUMNS = ("reset in", "crashes", "dumps", *(f"{span}, s" for span in _SPANS), "added, s")


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``qualify`` to the lab's command line."""
    command = commands.add_parser("qualify", help="compare the stages of the reset on one machine")
    command.add_argument("--profile", default="smp", help="PCIe tree and IOMMU (default: smp)")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.add_argument("--rounds", type=int, default=2, help="crashes a stage (default: 2)")
    command.add_argument(
        "--stages", nargs="+", choices=_STAGES, default=list(_STAGES), help="default: all"
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Qualify and print; 0 if every crash left a dump."""
    shutil.rmtree(_KEPT, ignore_errors=True)
    host = machine.up("qualify", arguments.profile, arguments.image)
    try:
        Plays(
            host,
            crash_test_results_directory=str(_KEPT),
            crash_test_rounds=arguments.rounds,
            crash_test_stages=arguments.stages,
        ).run("qualify")
        found = yaml.safe_load((_KEPT / f"qualification-{host.name}.yml").read_text())
    except BaseException:
        host.down(keep=True)
        raise
    host.down()
    print(f"\n{table(found)}\n\n{found['conclusion']['sentence']}\nSee {_KEPT}.")
    phases = [found[name] for name in _STAGES.values()]
    return 0 if all(phase["dumps"] == phase["crashes"] for phase in phases) else 1


def table(found: dict[str, Any]) -> str:
    """The stages of a qualification as a Markdown table: medians, and what they are above those without the reset."""
    rows = [list(_COLUMNS), ["---", *["---:"] * (len(_COLUMNS) - 1)]]
    plain = _median(found["without"], _SPANS[0])
    for stage, name in _STAGES.items():
        phase = found[name]
        if not phase["crashes"]:
            continue
        dump, back = (_median(phase, span) for span in _SPANS)
        added = None if plain is None or dump is None or name == "without" else dump - plain
        rows.append(
            [
                stage,
                str(phase["crashes"]),
                str(phase["dumps"]),
                "-" if dump is None else f"{dump:.1f}",
                "-" if back is None else f"{back:.1f}",
                "-" if added is None else f"{added:+.1f}",
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _median(phase: dict[str, Any], span: str) -> float | None:
    seconds: dict[str, dict[str, float]] = phase["seconds"]
    return seconds[span]["median"] if span in seconds else None
