# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

from lab.experiments import interrupted
from lab.experiments.interrupted import EXPERIMENT, Left, differences, reached

CONSOLE = (
    "vmcore.kdump: crash test run_id=1 host=x\n"
    "Kernel panic - not syncing: sysrq triggered crash\n"
    "Linux version 6.12 (capture)\nsystemd[1]: capture\npcie_reset: summary planned=1\n"
    "running makedumpfile -F -c\n"
    "Linux version 6.12 (normal)\nsystemd[1]: running in system mode\n"
)
RECORD: dict[str, Any] = {"run_id": "1", "verdict": "passed", "why": "The dump is whole."}
BEGUN = {**RECORD, "verdict": "inconclusive", "why": "Finish it: vmcore.kdump.verify."}


def test_each_stage_is_interrupted_by_each_signal() -> None:
    cases = set(EXPERIMENT.cases)
    for stage in interrupted._STAGES:
        assert {f"sigint-{stage}", f"sigterm-{stage}"} <= cases
    assert {"second-controller", "two-controllers", "crashes-again"} <= cases


@pytest.mark.parametrize(
    ("stage", "last"),
    [
        ("scheduled", "run_id="),
        ("panicked", "Kernel panic"),
        ("capture", "summary"),
        ("dumping", "makedumpfile"),
        ("returned", "running in system mode"),
    ],
)
def test_a_stage_is_reached_when_its_last_line_was_printed_in_order(stage: str, last: str) -> None:
    lines = CONSOLE.splitlines(keepends=True)
    index = next(number for number, line in enumerate(lines) if last in line)
    assert not reached("".join(lines[:index]), stage)
    assert reached("".join(lines[: index + 1]), stage)


@pytest.mark.parametrize(
    ("left", "record", "panics", "crashed", "wrong"),
    [
        (Left(1, False, BEGUN), RECORD, 1, True, ""),
        (Left(1, False, BEGUN), {**BEGUN, "why": "Nothing was crashed."}, 0, False, ""),
        (Left(0, True, RECORD), RECORD, 1, True, ""),
        (Left(1, False, BEGUN), RECORD, 2, True, "panicked 2 times"),
        (Left(1, False, BEGUN), {**RECORD, "verdict": "failed"}, 1, True, "not passed"),
        (Left(0, False, BEGUN), RECORD, 1, True, "all went well"),
        (Left(1, False, None), RECORD, 1, True, "left no record"),
        (Left(1, False, {**BEGUN, "run_id": "2"}), RECORD, 1, True, "another test"),
        (Left(1, False, {**BEGUN, "why": "?"}), RECORD, 1, True, "how to finish"),
    ],
)
def test_what_is_not_as_it_has_to_be_is_said(
    left: Left, record: dict[str, Any], panics: int, crashed: bool, wrong: str
) -> None:
    found = differences(left, record, panics=panics, crashed=crashed)
    assert (wrong in " ".join(found)) if wrong else found == []


def test_a_worker_that_survives_its_parent_is_noticed() -> None:
    parent = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo started; wait"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout
        assert parent.stdout.readline() == "started\n"
        os.kill(parent.pid, signal.SIGTERM)
        parent.wait(10)
        assert interrupted._lives(parent.pid)
    finally:
        interrupted._kill(parent)
    assert not interrupted._lives(parent.pid)
