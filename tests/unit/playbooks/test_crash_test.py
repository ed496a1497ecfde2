# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A campaign of crash tests: who is refused, what stops it, and when a run that crashed nobody is no success."""

from __future__ import annotations

import json
import re
import typing as t
import uuid
from pathlib import Path

import pytest
import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.tests.unit.hostile.controller import Controller, Json, Ran
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

_STEP = "_crash_test_step"
_OK = {"name": "armed", "status": "ok", "detail": "A capture kernel is loaded."}
_NO_TEST: Json = {f"{_STEP}:state": {"changed": False, "state": None}}
WINDOW = {
    "name": "window",
    "status": "failed",
    "detail": "The maintenance window 02:00-04:00 is closed: it is Sat 23:20 UTC by the host's clock.",
}
NOT_ARMED = {"name": "armed", "status": "failed", "detail": "No capture kernel is loaded."}


@pytest.fixture(name="controller")
def a_controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


def ready(host: str, verdict: str = "passed") -> Json:
    """The answers of a host that is crashed, comes back, and has a dump that is judged so."""
    before, after = str(uuid.uuid4()), str(uuid.uuid4())
    state = {**STATE, "run_id": "RUN-ID", "host": host, "boot_id": before}
    if verdict == "passed":
        record = finished_record(
            state,
            vmcore=VMCORE,
            reset=RESET,
            capture=CAPTURE,
            evidence=[],
            normal=NORMAL,
            now=1100.0,
        )
    else:
        record = lost_record(state, stage="panicked", why="There is no dump.", now=1100.0)
    checked = {"checks": [_OK], "ready": True, "boot_id": before, "expected_bytes": 1 << 20}
    return {
        f"{_STEP}:preflight": {"changed": True, "msg": "The host is ready.", **checked},
        f"{_STEP}:prepare": {
            "changed": True,
            **checked,
            "state": {**state, "status": "prepared"},
        },
        f"{_STEP}:trigger": {"changed": True, "state": state},
        f"{_STEP}:collect": {"changed": True, "record": record},
        f"{_STEP}:cancel": {"changed": False},
        "command": f"{after}\nnormal\nrunning\n",
    }


def unready(*failed: t.Mapping[str, str]) -> Json:
    """The answers of a host whose checks say no."""
    why = " ".join(check["detail"] for check in failed)
    answer = {
        "checks": [_OK, *failed],
        "ready": False,
        "failed": True,
        "changed": False,
        "boot_id": str(uuid.uuid4()),
        "expected_bytes": None,
        "msg": f"The host was not crashed: {why}",
    }
    return {f"{_STEP}:preflight": answer, f"{_STEP}:prepare": answer}


def crash(
    controller: Controller, hosts: t.Mapping[str, Json], *arguments: str, **more: t.Any
) -> Ran:
    return controller.play(
        "vmcore.kdump.crash_test",
        dict(hosts),
        "-e", json.dumps({"crash_test_confirm": more.pop("confirm", list(hosts))}),
        *arguments,
        may_write=("results",),
        **more,
    )  # fmt: skip


def crashed(ran: Ran) -> list[str]:
    return sorted(line.split()[0] for line in ran.asked if line.endswith(f"{_STEP}:trigger"))


def refusals(controller: Controller) -> dict[str, str]:
    """What is kept of refused hosts: the reason of each."""
    found = [
        json.loads(path.read_text())
        for path in (controller.project / "results").glob("*-refusal.json")
    ]
    return {each["host"]: each["reason"] for each in found}


def test_refused_hosts_are_listed_and_skipped_and_the_others_crashed(
    controller: Controller,
) -> None:
    hosts = {
        "db01": unready(WINDOW),
        "db02": ready("db02"),
        "db03": unready(NOT_ARMED, WINDOW),
        "db04": ready("db04"),
    }
    ran = crash(controller, hosts, groups={"crash_test_protected": ["db02"]})
    assert ran.status == 0, ran.output
    assert crashed(ran) == ["db04"]
    assert refusals(controller) == {"db01": "window", "db02": "protected", "db03": "not_ready"}
    (table,) = ran.output.split("host  outcome  why")[1:]
    assert "crash tests: 1 passed, 3 refused" in table
    assert "db01  refused  window: db01 was not crashed: The maintenance window" in table
    assert (
        "db02  refused  protected: db02 is never crashed: it is in crash_test_protected." in table
    )
    assert "db03  refused  not_ready: db03 was not crashed: No capture kernel is loaded." in table


def test_a_failed_dump_stops_the_campaign(controller: Controller) -> None:
    ran = crash(controller, {"db01": ready("db01", "failed"), "db02": ready("db02")})
    assert ran.status == 2
    assert crashed(ran) == ["db01"]


def test_with_stop_a_refused_host_ends_the_run(controller: Controller) -> None:
    hosts = {"db01": unready(WINDOW), "db02": ready("db02")}
    ran = crash(controller, hosts, variables={"crash_test_refused": "stop"})
    assert ran.status == 2
    assert crashed(ran) == []
    assert refusals(controller) == {"db01": "window"}
    # One task says why, once.
    assert ran.output.count("fatal: [db01]") == 1
    assert "rescued=0" in ran.output


def test_a_run_in_which_every_host_is_refused_is_no_success(controller: Controller) -> None:
    ran = crash(controller, {"db01": unready(WINDOW), "db02": unready(NOT_ARMED)})
    assert ran.status == 2
    assert "No host was crash-tested" in ran.output
    assert "crash tests: 2 refused" in ran.output


@pytest.mark.parametrize(
    ("arguments", "confirm"),
    [([], ["db01", "db002"]), (["--check", "--limit", "db01"], ["db01", "db02"])],
)
def test_a_confirmed_name_that_is_no_host_of_the_play_crashes_nothing(
    controller: Controller, arguments: list[str], confirm: list[str]
) -> None:
    hosts = {"db01": ready("db01"), "db02": ready("db02")}
    ran = crash(controller, hosts, *arguments, confirm=confirm)
    assert ran.status == 2
    assert ran.asked == []
    assert f"{confirm[1]} was confirmed, which is no host of this play and no token" in ran.output


def test_the_jobs_of_a_workflow_share_their_confirmation(controller: Controller) -> None:
    """The answer to the survey of a workflow in AWX has the names of all of its jobs, and of all slices."""
    hosts = {"db01": ready("db01")}
    ran = crash(controller, hosts, "-e", "awx_workflow_job_id=7", confirm=["db01", "db02"])
    assert ran.status == 0, ran.output
    assert crashed(ran) == ["db01"]


def test_a_protected_group_that_the_inventory_does_not_have_is_named(
    controller: Controller,
) -> None:
    ran = crash(
        controller,
        {"db01": ready("db01")},
        groups={"payments": ["db01"]},
        variables={"crash_test_protected_groups": ["crash_test_protected", "payment"]},
    )
    assert ran.status == 2
    assert ran.asked == []
    assert "the inventory has no group payment, so nothing is protected by it" in ran.output


def test_check_mode_shows_who_would_be_refused_and_the_token_of_the_others(
    controller: Controller,
) -> None:
    hosts = {"db01": unready(WINDOW), "db02": ready("db02")}
    ran = crash(controller, hosts, "--check", confirm=[])
    assert ran.status == 0, ran.output
    assert "[db01] refused (window)" in ran.output
    assert "crash tests: 1 ready, 1 refused" in ran.output
    assert not (controller.project / "results").exists()
    assert re.search(r"^crash_test_confirm=crash-[0-9a-f]{10} confirms exactly", ran.output, re.M)


def test_what_the_operators_own_tasks_find_is_a_refusal(controller: Controller) -> None:
    tasks = controller.root / "checks.yml"
    tasks.write_text(
        "- ansible.builtin.assert:\n    that: inventory_hostname != 'db01'\n    fail_msg: db01 has the lock.\n"
    )
    hosts = {"db01": ready("db01"), "db02": ready("db02")}
    ran = crash(controller, hosts, variables={"crash_test_checks_tasks": str(tasks)})
    assert ran.status == 0, ran.output
    assert crashed(ran) == ["db02"]
    assert "[db01] refused (not_ready): db01 was not crashed: db01 has the lock." in ran.output


def test_hosts_without_a_test_are_left_out_of_verify(controller: Controller) -> None:
    answer = json.dumps(ready("db02")[f"{_STEP}:collect"]["record"])
    record = json.loads(answer.replace("RUN-ID", RUN_ID))
    state = {**STATE, "host": "db02", "run_id": RUN_ID, "status": "finished", "record": record}
    hosts: dict[str, Json] = {"db01": _NO_TEST, "db02": {f"{_STEP}:state": {"state": state}}}
    ran = controller.play("vmcore.kdump.verify", hosts, may_write=("results",))
    assert ran.status == 0, ran.output
    assert "[db01] refused (no_test): db01 has no crash test that could be finished." in ran.output
    assert "crash tests: 1 passed, 1 refused" in ran.output
    assert refusals(controller) == {}


def test_verify_in_check_mode_says_which_test_it_would_finish(controller: Controller) -> None:
    state = {**STATE, "host": "db01", "run_id": RUN_ID}
    hosts: dict[str, Json] = {"db01": {f"{_STEP}:state": {"state": state}}, "db02": _NO_TEST}
    ran = controller.play("vmcore.kdump.verify", hosts, "--check")
    assert ran.status == 0, ran.output
    assert f"[db01] The crash test {RUN_ID} of db01, asked for by" in ran.output
    assert "would be finished" in ran.output
    assert {line.split()[1] for line in ran.asked} == {f"{_STEP}:state"}


RUN_ID = STATE["run_id"]


def test_a_play_without_hosts_is_no_success(controller: Controller) -> None:
    ran = controller.play(
        "vmcore.kdump.crash_test", {"db01": {}}, "-e", "kdump_hosts=kdump_canary",
        groups={"kdump_canary": []},
    )  # fmt: skip
    assert ran.status != 0
    assert ran.asked == []
    assert "No host matches kdump_canary" in ran.output


def test_every_playbook_asks_whether_it_has_hosts() -> None:
    plays = [
        play["hosts"]
        for path in (Path(__file__).parents[3] / "playbooks").glob("*.yml")
        for play in yaml.safe_load(path.read_text())
        if play.get("hosts", "localhost") != "localhost"
    ]
    assert len(plays) >= 9
    assert [hosts for hosts in plays if "vmcore.kdump._play_hosts" not in hosts] == []
