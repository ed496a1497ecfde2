# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)


def finished(**changes: t.Any) -> dict[str, t.Any]:
    arguments: dict[str, t.Any] = {
        "vmcore": VMCORE,
        "reset": RESET,
        "capture": CAPTURE,
        "evidence": [],
        "normal": NORMAL,
        "now": 1100.0,
    }
    return finished_record(changes.pop("state", STATE), **{**arguments, **changes})


def changed(report: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    return {**copy.deepcopy(report), **changes}


def test_times_of_a_capture_in_two_stages_are_put_together() -> None:
    # The first kernel ran for 1.75 s before it started the second one, which says when it booted.
    reset = changed(RESET, stage="quiesce", uptime_end=1.5, uptime_jump=1.75)
    times = {stage["name"]: stage["time"] for stage in finished(reset=reset)["stages"]}
    assert (times["capture kernel"], times["reset done"]) == (1003.25, 1004.75)


def other_port(**changes: t.Any) -> dict[str, t.Any]:
    report = copy.deepcopy(RESET)
    report["ports"][0].update(error=None, **changes)
    return report


def test_a_whole_test_has_every_stage_in_order_with_the_time_since_the_one_before() -> None:
    stages = finished()["stages"]
    assert [(stage["name"], stage["time"], stage["after"]) for stage in stages] == [
        ("armed", 1000.0, None),
        ("panicked", 1003, 3.0),
        ("capture kernel", 1005.0, 2.0),
        ("reset done", 1010.3, 5.3),
        ("dump started", 1030.0, 19.7),
        ("dump complete", 1060.0, 30.0),
        ("normal kernel", 1070.0, 10.0),
        ("verified", 1100.0, 30.0),
    ]


def test_a_stage_without_a_time_is_skipped_in_the_differences() -> None:
    stages = {stage["name"]: stage for stage in finished(capture=None)["stages"]}
    assert stages["capture kernel"] == {
        "name": "capture kernel", "time": None, "after": None, "source": None
    }  # fmt: skip
    # Without the capture kernel's own note the file's time says when the dump was written.
    assert stages["dump complete"]["time"] == 1061.0
    assert stages["dump complete"]["after"] == 58.0


@pytest.mark.parametrize(
    ("changes", "verdict", "stage", "why"),
    [
        ({}, "passed", "verified", "Of 2 planned ports 1 were reset and 1 left alone"),
        (
            {"state": changed(STATE, helper={"installed": False, "digest": None}), "reset": None},
            "passed", "verified", "The reset helper is not installed",
        ),
        ({"vmcore": None, "reset": None, "capture": None}, "failed", "panicked", "without a new dump"),
        (
            {"vmcore": changed(VMCORE, verdict="incomplete", why="It ends early.")},
            "failed", "dump started", "It ends early.",
        ),
        (
            {"vmcore": changed(VMCORE, verdict="not_this_crash", why="It is of yesterday.")},
            "failed", "dump started", "It is of yesterday.",
        ),
        ({"reset": None}, "inconclusive", "verified", "left no report"),
        (
            {"reset": other_port(result="failed")},
            "inconclusive", "verified", "0000:00:02.0 (failed: a function below did not come back).",
        ),
        (
            {"reset": other_port(result="timeout")},
            "inconclusive", "verified", "0000:00:02.0 (timeout: it was still busy at the deadline).",
        ),
        (
            {"reset": other_port(result="left", reason="driver_bound")},
            "inconclusive", "verified", "0000:00:02.0 (driver_bound: a driver had a function below already).",
        ),
        (
            {"reset": other_port(result="left", reason="identity_changed")},
            "inconclusive", "verified", "other functions are below than planned; run the role",
        ),
        ({"reset": other_port(result="left", reason="no_setpci")}, "inconclusive", "verified", " (no_setpci)."),
        (
            {
                "state": changed(STATE, not_loaded="It has 256 MiB: set crashkernel=313M or more and reboot."),
                "reset": other_port(result="left", reason="driver_bound"),
            },
            "inconclusive", "verified", "not all was as planned. It has 256 MiB: set crashkernel=313M",
        ),
        ({"reset": changed(RESET, digest="f00d")}, "inconclusive", "verified", "another reset plan ran"),
        (
            {"normal": changed(NORMAL, boot_id=STATE["boot_id"]), "vmcore": None, "reset": None, "capture": None},
            "failed", "armed", "did not crash",
        ),
    ],
)  # fmt: skip
def test_the_verdict_says_what_was_proven(
    changes: dict[str, t.Any], verdict: str, stage: str, why: str
) -> None:
    record = finished(**changes)
    assert (record["verdict"], record["stage"]) == (verdict, stage)
    assert why in record["why"]


def test_a_host_that_is_lost_has_a_record_too() -> None:
    record = lost_record(
        STATE, stage="dump started", why="It is not back after 1800 s.", now=2800.0
    )
    assert record["verdict"] == "failed"
    assert record["stage"] == "dump started"
    assert record["why"] == "It is not back after 1800 s."
    assert set(record) == set(finished())


def test_what_the_host_did_not_note_is_timed_by_its_console() -> None:
    observed = {"panicked": 3.5, "capture kernel": 6.0, "normal kernel": 60.0}
    stages = {stage["name"]: stage for stage in finished(capture=None, observed=observed)["stages"]}
    assert stages["capture kernel"] == {
        "name": "capture kernel", "time": 1007.0, "after": 4.0, "source": "console"
    }  # fmt: skip
    assert stages["panicked"]["source"] == "host"
    assert stages["normal kernel"]["time"] == NORMAL["boot_epoch"]


def test_a_lost_host_without_a_dump_keeps_the_times_of_its_console() -> None:
    record = lost_record(
        STATE, stage="panicked", why="It is not back.", now=2800.0, observed={"panicked": 3.5}
    )
    assert [(stage["name"], stage["time"]) for stage in record["stages"] if stage["time"]] == [
        ("armed", 1000.0),
        ("panicked", 1004.5),
    ]


@pytest.mark.parametrize(
    ("panic_cpu", "verdict"), [(1, "passed"), (0, "inconclusive"), (None, "inconclusive")]
)
def test_a_crash_on_another_cpu_than_asked_for_does_not_pass(
    panic_cpu: int | None, verdict: str
) -> None:
    state = changed(STATE, trigger={**STATE["trigger"], "cpu": 1})
    record = finished(state=state, panic_cpu=panic_cpu)
    assert record["verdict"] == verdict
    assert record["trigger"]["panic_cpu"] == panic_cpu


def test_a_host_that_had_to_be_recovered_failed_whatever_it_left_behind() -> None:
    record = finished(recovery={"method": "redfish", "sel": []})
    assert record["verdict"] == "failed"
    assert record["why"].startswith(
        "The host did not return by itself and was recovered (redfish)."
    )
    assert record["vmcore"]["verdict"] == "complete"


@pytest.mark.parametrize("report", [None, RESET])
@pytest.mark.parametrize(
    "code", ["reset_off", "reset_abandoned", "reset_exited", "reset_plan_ignored"]
)
def test_what_the_log_says_of_a_reset_that_was_not_whole_is_in_the_sentence_once(
    code: str, report: dict[str, t.Any] | None
) -> None:
    line = {"pattern": code, "meaning": "The log says why."}
    record = finished(reset=report, evidence=[line, {**line, "source": "console"}])
    assert record["verdict"] == "inconclusive"
    assert record["why"].count("The log says why.") == 1
    assert "left no report" in record["why"] or report


def test_other_lines_of_the_helper_say_nothing_against_it() -> None:
    line = {"pattern": "reset_summary", "meaning": "The reset helper finished."}
    assert finished(evidence=[line])["verdict"] == "passed"
