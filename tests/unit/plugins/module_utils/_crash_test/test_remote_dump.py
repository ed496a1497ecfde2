# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.remote_dump import (
    dump_of,
    expectation,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    STATE,
)

RUN_ID = STATE["run_id"]
HERE, THERE = STATE["hostname"], "db02"


def a_dump(
    path: str,
    mtime: float,
    nodename: str | None,
    verdict: str,
    run_id: str | None,
    crash_time: int | None = None,
) -> dict[str, t.Any]:
    return {
        "path": path,
        "mtime": mtime,
        "verdict": verdict,
        "crash": {
            "nodename": nodename,
            "run_ids": [run_id] if run_id else None,
            "crash_time": crash_time,
        },
    }


OWN = a_dump("own", 10.0, HERE, "complete", RUN_ID)
CUT = a_dump("cut", 20.0, HERE, "incomplete", RUN_ID)
EARLIER = a_dump("earlier", 5.0, HERE, "not_this_crash", "another")
LATER = a_dump("later", 30.0, HERE, "not_this_crash", "another")
NAMELESS = a_dump("nameless", 40.0, None, "incomplete", None)
# Of a capture kernel without a clock, and one that was copied there later.
NO_CLOCK = a_dump("no clock", 12.0, HERE, "incomplete", None, 2000)
RESTORED = a_dump("restored", 3000.0, HERE, "incomplete", None, 1000)
OTHER = a_dump("other", 50.0, THERE, "complete", "another")


@pytest.mark.parametrize(
    ("dumps", "chosen"),
    [
        ([EARLIER, OWN, LATER, NAMELESS, OTHER], "own"),
        ([EARLIER, CUT, LATER, NAMELESS, OTHER], "cut"),
        ([NAMELESS, EARLIER, OTHER], "earlier"),
        ([NAMELESS, OTHER], "nameless"),
        ([NO_CLOCK, RESTORED], "no clock"),
        ([RESTORED, NO_CLOCK], "no clock"),
        ([OTHER], None),
        ([], None),
    ],
)
def test_dump_among_those_of_other_crashes(
    dumps: list[dict[str, t.Any]], chosen: str | None
) -> None:
    found = dump_of(dumps, STATE)
    assert (found and found["path"]) == chosen


def test_what_is_not_known_is_not_expected() -> None:
    known = {
        "run_id": RUN_ID,
        "host": HERE,
        "kernel": STATE["kernel"],
        "since": 1000.0,
        "boot_id": STATE["boot_id"],
    }
    assert expectation(STATE) == known
    state = {**STATE, "build_id": "0123abcd", "ram_bytes": 1 << 30, "platform": {"cpus": 4}}
    assert expectation(state) == {
        **known, "build_id": "0123abcd", "cpus": 4, "memory": 1 << 30,
    }  # fmt: skip
