# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from lab.experiments.log_storm import outcome_of

RUN_ID = "6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e"


def a_record(verdict: str, run_ids: list[str] | None) -> dict[str, t.Any]:
    return {
        "verdict": verdict,
        "why": "The run id is not known.",
        "run_id": RUN_ID,
        "vmcore": {
            "checks": [{"name": "run_id", "status": "ok", "detail": "the log begins later"}],
            "crash": {"run_ids": run_ids},
        },
    }


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        (a_record("passed", []), []),
        (a_record("passed", None), []),
        (a_record("inconclusive", []), ["The run id is not known."]),
        (
            a_record("passed", [RUN_ID]),
            ["The storm was too weak: the run id is still in the log."],
        ),
        ({**a_record("failed", None), "vmcore": None}, ["The run id is not known."]),
    ],
)
def test_a_storm_proves_something_only_if_it_took_the_run_id(
    record: dict[str, t.Any], wrong: list[str]
) -> None:
    outcome = outcome_of(record)
    assert outcome.wrong == wrong
    assert outcome.rows[0][0] == record["verdict"]
