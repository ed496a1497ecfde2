# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.experiments.qualify import rows


def phase(crashes: int, dump: float | None, back: float | None = None) -> dict[str, Any]:
    spans = {"panicked to dump complete": dump, "panicked to normal kernel": back}
    seconds = {
        span: {"median": median, "longest": median}
        for span, median in spans.items()
        if median is not None
    }
    return {"crashes": crashes, "dumps": crashes if dump else 0, "seconds": seconds}


def joined(row: Sequence[object]) -> str:
    return f"| {' | '.join(map(str, row))} |"


def test_each_stage_is_compared_with_crashes_without_the_reset() -> None:
    found = {
        "without": phase(2, 60.0, 70.0),
        "with": phase(2, 59.0, 69.5),
        "quiesce": phase(2, 68.25),
    }
    assert list(map(joined, rows(found))) == [
        "| none | 2 | 2 | 60.0 | 70.0 | - |",
        "| initramfs | 2 | 2 | 59.0 | 69.5 | -1.0 |",
        "| quiesce | 2 | 2 | 68.2 | - | +8.2 |",
    ]


def test_what_was_not_crashed_is_left_out_and_what_left_no_dump_has_no_time() -> None:
    found = {"without": phase(1, None, 90.0), "with": phase(0, None), "quiesce": phase(1, 70.0)}
    assert list(map(joined, rows(found))) == [
        "| none | 1 | 0 | - | 90.0 | - |",
        "| quiesce | 1 | 1 | 70.0 | - | - |",
    ]
