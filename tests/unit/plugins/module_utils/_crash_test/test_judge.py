# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import judge
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    STATE,
    VMCORE,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CRASH_TIME,
    Kdump,
    plain,
    vmcoreinfo,
)


def test_a_dump_is_compared_with_all_that_was_known_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "crash/202611220951").mkdir(parents=True)
    (tmp_path / "crash/202611220951/dump.202611220951").write_bytes(b"KDUMP   ")
    asked: list[Expectation] = []

    def verify(_path: Path, expected: Expectation) -> dict[str, Any]:
        asked.append(expected)
        return VMCORE

    monkeypatch.setattr(judge, "verify", verify)
    state = {
        **STATE,
        "dumps_before": {},
        "dump_directory": str(tmp_path / "crash"),
        "build_id": "0123abcd",
        "platform": {"cpus": 4, "memory_bytes": 1 << 30},
    }
    assert judge.newest_dump({**state, "ram_bytes": 1 << 30}) == VMCORE
    assert asked == [
        Expectation(
            run_id=STATE["run_id"],
            host="db01",
            kernel=STATE["kernel"],
            since=1000.0,
            build_id="0123abcd",
            boot_id=STATE["boot_id"],
            cpus=4,
            memory=1 << 30,
        )
    ]


def test_the_newest_dump_is_of_the_newest_crash_whatever_the_files_say(tmp_path: Path) -> None:
    """Two dumps are new, neither is whole: one of this crash without a clock, and a restored one."""
    for name, crashed, mtime in (
        ("197001010000/dump.197001010000", CRASH_TIME, 12.0),
        ("202611220951/dump.202611220951", CRASH_TIME - 9000, CRASH_TIME + 9000.0),
    ):
        path = tmp_path / name
        path.parent.mkdir()
        info = vmcoreinfo(CRASHTIME=str(crashed))
        path.write_bytes(plain(Kdump(info=info).parts())[:-1])
        os.utime(path, (mtime, mtime))
    state = {**STATE, "dumps_before": {}, "dump_directory": str(tmp_path)}
    vmcore = judge.newest_dump(state)
    assert vmcore is not None
    assert vmcore["crash"]["crash_time"] == CRASH_TIME


@pytest.mark.parametrize(
    ("verdicts", "chosen"),
    [
        ({"old": "complete", "new": "complete"}, "new"),
        ({"old": "complete", "new": "not_this_crash"}, "old"),
        ({"old": "not_this_crash", "new": "incomplete"}, "new"),
        ({"new": "damaged"}, "new"),
    ],
)
def test_a_dump_that_is_copied_in_does_not_hide_the_one_that_was_taken(
    verdicts: dict[str, str], chosen: str
) -> None:
    judged = judge.judge_newest(
        list(verdicts), lambda path: {"path": path, "verdict": verdicts[path]}
    )
    assert judged["path"] == chosen


def test_which_cpu_panicked_is_said_by_the_dump_before_any_other_file(tmp_path: Path) -> None:
    dmesg = tmp_path / "dmesg.202611220951"
    dmesg.write_text(
        "[    3.0] Kernel panic - not syncing: x\n[    3.1] CPU: 2 UID: 0 PID: 1 Comm: sh\n"
    )
    beside = {"files": {"dmesg": str(dmesg)}}
    assert judge.cpu_of(None) is None
    assert judge.cpu_of({**VMCORE, "crash": {"cpu": 0}, **beside}) == 0
    assert judge.cpu_of({**VMCORE, "crash": {"cpu": None}, **beside}) == 2
    assert judge.cpu_of({**VMCORE, "crash": {"cpu": None}}) is None
