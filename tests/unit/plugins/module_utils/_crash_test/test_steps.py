# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a test on a host that is a directory. Nothing here is run on this machine."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import judge, steps
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    STEP_ARGUMENTS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.judge import (
    dumps_by_time,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import Machine
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

RUN_ID = STATE["run_id"]
BEFORE = {"boot_id": STATE["boot_id"], "boot_epoch": 900.0, "kernel": STATE["kernel"]}
PREPARED = {**STATE, "status": "prepared", "dumps_before": {}, "files_before": {}}
STARTED = {**PREPARED, "status": "started"}


class Shell:
    """What a machine runs: remembers it, and fails when it is told to."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []
        self.failing = ""

    def __call__(self, command: list[str]) -> tuple[int, str]:
        self.ran.append(command)
        return (1, "it is broken") if command[0] == self.failing else (0, "")

    def programs(self) -> list[str]:
        return [command[0] for command in self.ran]


@pytest.fixture
def shell() -> Shell:
    return Shell()


def options(**given: Any) -> dict[str, Any]:
    """The options of a step, as the module gets them."""
    defaults = {name: spec.get("default") for name, spec in STEP_ARGUMENTS.items()}
    of_the_test = {"run_id": RUN_ID, "requested_by": "somebody", "check_mode": False}
    return {**defaults, **of_the_test, **given}


@pytest.fixture
def host(tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A host with systemd that still runs the boot the test was prepared in."""
    path = tmp_path / "var/crash-test.json"
    for name in ("run/systemd/system", "proc", "crash"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(steps, "mark_logs", lambda _machine, _state: None)
    monkeypatch.setattr(steps, "this_boot", lambda _root: BEFORE)
    monkeypatch.setattr(steps, "remove_load_files", lambda: None)
    load, save = test_state.load, test_state.save
    monkeypatch.setattr(test_state, "load", lambda: load(path))
    monkeypatch.setattr(test_state, "save", lambda state: save(state, path))
    return Machine(shell, tmp_path, tmp_path)


def keep(host: Machine, state: dict[str, Any]) -> None:
    test_state.save({**copy.deepcopy(state), "dump_directory": str(host.root / "crash")})


def stage() -> str:
    state = test_state.load()
    assert state is not None
    return str(state["status"])


def test_a_prepared_host_is_crashed_by_a_timer_of_systemd(host: Machine, shell: Shell) -> None:
    keep(host, PREPARED)
    state = steps.do_trigger(host, options())["state"]
    assert (state["status"], state["trigger"]["by"]) == ("started", "systemd-run")
    assert shell.programs() == ["systemd-run"]
    assert stage() == "started"


def test_without_systemd_a_session_of_its_own_does_it(host: Machine, shell: Shell) -> None:
    (host.root / "run/systemd/system").rmdir()
    keep(host, PREPARED)
    assert steps.do_trigger(host, options())["state"]["trigger"]["by"] == "setsid"
    assert "setsid --fork" in " ".join(shell.ran[0])


def test_a_load_is_there_before_the_timer_runs(host: Machine, shell: Shell) -> None:
    keep(host, {**PREPARED, "trigger": {"delay": 10, "cpu": 1, "load": ["disk"], "by": None}})
    steps.do_trigger(host, options())
    assert ["--unit=vmcore-kdump-crash-test-load" in command for command in shell.ran] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    "state",
    [
        None,
        STARTED,
        {**PREPARED, "status": "finished"},
        {**PREPARED, "run_id": NORMAL["boot_id"]},
        {**PREPARED, "boot_id": NORMAL["boot_id"]},
    ],
)
def test_only_what_was_prepared_in_this_boot_is_triggered(
    host: Machine, shell: Shell, state: dict[str, Any] | None
) -> None:
    if state:
        keep(host, state)
    with pytest.raises(KdumpError):
        steps.do_trigger(host, options())
    assert shell.ran == []


def test_a_crash_that_cannot_be_scheduled_leaves_nothing_behind_that_could_crash(
    host: Machine,
    shell: Shell,
) -> None:
    keep(host, {**PREPARED, "trigger": {"delay": 10, "cpu": 1, "load": ["disk"], "by": None}})
    shell.failing = "systemd-run"
    with pytest.raises(KdumpError, match="could not be scheduled: it is broken"):
        steps.do_trigger(host, options())
    assert shell.programs() == ["systemd-run", "systemctl"]
    assert stage() == "finished"


def test_two_controllers_do_not_decide_at_the_same_time(host: Machine) -> None:
    keep(host, PREPARED)
    with steps.only_one(host), pytest.raises(KdumpError, match="Another controller"):
        steps.do_trigger(host, options())
    steps.do_trigger(host, options())


def test_a_cancelled_test_is_finished_and_its_crash_called_off(host: Machine, shell: Shell) -> None:
    keep(host, STARTED)
    record = steps.do_cancel(host, options())["record"]
    assert shell.ran[0][:2] == ["systemctl", "stop"]
    assert "vmcore-kdump-crash-test.timer" in shell.ran[0]
    assert (record["verdict"], record["stage"]) == ("inconclusive", "armed")
    assert "cancelled before the crash, by somebody" in record["why"]
    assert steps.do_collect(host, options())["record"] == record


def test_in_check_mode_nothing_is_cancelled(host: Machine, shell: Shell) -> None:
    keep(host, STARTED)
    assert steps.do_cancel(host, options(check_mode=True))["changed"]
    assert (shell.ran, stage()) == ([], "started")


@pytest.mark.parametrize("state", [None, {**STARTED, "status": "finished"}])
def test_without_a_test_there_is_nothing_to_cancel(
    host: Machine, state: dict[str, Any] | None
) -> None:
    if state:
        keep(host, state)
    assert "changed" not in steps.do_cancel(host, options())


def test_what_has_crashed_cannot_be_cancelled(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, STARTED)
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    with pytest.raises(KdumpError, match=r"vmcore\.kdump\.verify"):
        steps.do_cancel(host, options())


def test_a_test_that_never_got_to_its_trigger_is_finished_without_a_verdict(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, PREPARED)
    # Even if the host was started again for another reason.
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    record = steps.do_collect(host, options())["record"]
    assert record["verdict"] == "inconclusive"
    assert "nothing was crashed" in record["why"]


def test_a_host_that_did_not_crash_does_not_do_so_later(host: Machine, shell: Shell) -> None:
    keep(host, STARTED)
    record = steps.do_collect(host, options())["record"]
    assert shell.ran[0][:2] == ["systemctl", "stop"]
    assert (record["verdict"], record["stage"]) == ("failed", "armed")


def test_a_dump_that_was_there_before_the_crash_is_not_taken_for_its_own(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = host.root / "crash/202611210951"
    yesterday.mkdir()
    (yesterday / "dump.202611210951").write_bytes(b"KDUMP   ")
    keep(host, {**STARTED, "dumps_before": dumps_by_time(host.root / "crash")})
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    record = steps.do_collect(host, options())["record"]
    assert record["why"] == "The host came back without a new dump."
    assert record["vmcore"] is None
    assert record["cause"]


ELSEWHERE = {**STARTED, "dump_host": "vault"}
SENT = {**VMCORE, "crash": {"crash_time": 1003, "nodename": "db01", "run_ids": [RUN_ID]}}


def test_a_dump_that_left_the_host_is_judged_by_what_was_found_there(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    reports = {"pcie_reset": RESET, "capture": CAPTURE}
    record = steps.do_collect(host, options(dumps=[{**SENT, "reports": reports}]))["record"]
    assert (record["verdict"], record["dump_host"]) == ("passed", "vault")
    assert (record["vmcore"], record["reset"]) == (SENT, RESET)


@pytest.mark.parametrize(
    ("name", "report", "wrong"),
    [
        (
            "capture",
            {**CAPTURE, "boot_epoch": "x"},
            "capture.json: boot_epoch is a text, not a time",
        ),
        (
            "capture",
            {**CAPTURE, "dump_started": 1e300},
            "capture.json: dump_started is a number, not a time",
        ),
        (
            "capture",
            {**CAPTURE, "dump_complete": float("inf")},
            "capture.json: dump_complete is a number, not a time",
        ),
        ("capture", [], "capture.json is a list, not a dictionary"),
        ("pcie_reset", {}, "pcie-reset.json has no "),
        ("pcie_reset", {**RESET, "ports": [{}]}, "pcie-reset.json: ports[0] has no address"),
        (
            "pcie_reset",
            {**RESET, "uptime_end": True},
            "pcie-reset.json: uptime_end is a truth value, not a number",
        ),
        (
            "pcie_reset",
            {**RESET, "summary": 3},
            "pcie-reset.json: summary is a number, not a dictionary",
        ),
        (
            "pcie_reset",
            {**RESET, "uptime_jump": "9"},
            "pcie-reset.json: uptime_jump is a text, not a number",
        ),
    ],
)
def test_a_report_of_another_shape_is_named_and_does_not_stop_the_verdict(
    host: Machine, monkeypatch: pytest.MonkeyPatch, name: str, report: Any, wrong: str
) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    reports = {"pcie_reset": RESET, "capture": CAPTURE, name: report}
    record = steps.do_collect(host, options(dumps=[{**SENT, "reports": reports}]))["record"]
    assert record["vmcore"]["verdict"] == "complete"
    (line,) = record["evidence"]
    assert (line["pattern"], wrong in line["meaning"]) == ("report_misfit", True)
    assert stage() == "finished"


def test_a_dump_that_did_not_arrive_is_none(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    record = steps.do_collect(host, options(dumps=[]))["record"]
    assert record["why"] == "The host came back without a new dump."


def test_a_dump_that_left_the_host_is_not_looked_for_on_it(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    with pytest.raises(KdumpError, match="went to vault"):
        steps.do_collect(host, options())
    assert stage() == "started"


@pytest.mark.parametrize("active", [True, False])
def test_what_is_known_of_the_host_before_the_crash_is_kept(host: Machine, *, active: bool) -> None:
    online = host.root / "sys/devices/system/cpu/online"
    online.parent.mkdir(parents=True)
    online.write_text("0-3\n")
    watchdog = {"name": "watchdog0", "identity": "a", "driver": None, "active": active}
    facts = {
        "kdump": {
            "kernel_release": STATE["kernel"],
            "target": {"path": str(host.root / "crash")},
            "image": {"initramfs": "/boot/kdump.img"},
            "capture_command_line": "reset_devices",
            "core_collector": "makedumpfile",
            "helper": STATE["helper"],
            "watchdogs": [watchdog],
            "crash_size": 256 << 20,
            "problems": [
                {"code": "quiesce_not_loaded", "severity": "warning", "message": "It has no room."}
            ],
        },
        "iommu": STATE["iommu"],
        "platform": {"cpus": 4, "memory_bytes": 1 << 30},
    }
    state = steps.new_state(host.root, options(host="db01"), STATE["preflight"], facts)
    assert state["status"] == "prepared"
    assert state["platform"] == {"cpus": 4, "memory_bytes": 1 << 30}
    assert state["watchdog"] is active
    assert state["crash_size"] == 256 << 20
    assert state["kdump"] == {
        "crash_size": 256 << 20,
        "capture_command_line": "reset_devices",
        "image": {"initramfs": "/boot/kdump.img"},
        "target": {"path": str(host.root / "crash")},
        "core_collector": "makedumpfile",
    }
    assert state["not_loaded"] == "It has no room."
    assert state["build_id"] is None
    facts["kdump"]["target"]["path"] = str(host.root / "only/on/the/server")
    with pytest.raises(KdumpError):
        steps.new_state(host.root, options(host="db01"), STATE["preflight"], facts)
    sent = steps.new_state(
        host.root, options(host="db01", dump_host="vault"), STATE["preflight"], facts
    )
    assert (sent["dump_host"], sent["dumps_before"], sent["files_before"]) == ("vault", {}, {})


def test_the_record_of_a_finished_test_is_given_out_again(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, {**STARTED, "watchdog": True})
    monkeypatch.setattr(steps, "this_boot", lambda _root: NORMAL)
    monkeypatch.setattr(judge, "newest_dump", lambda _state: VMCORE)
    first = steps.do_collect(host, options(with_logs=True))
    again = steps.do_collect(host, options(with_logs=True))
    assert first["record"] == again["record"]
    assert "changed" not in again
    assert {"logs", "known"} <= set(first)
    assert first["known"]["watchdog"] is True


def test_the_test_of_somebody_else_is_left_alone(host: Machine) -> None:
    keep(host, {**STARTED, "run_id": NORMAL["boot_id"]})
    with pytest.raises(KdumpError, match="somebody else finished it"):
        steps.do_collect(host, options())


def test_a_scheduled_session_is_found_by_its_run_id_and_ended(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))
    for pid, arguments in (
        ("70001", ["/bin/sh", "-c", "sleep", "sh", RUN_ID, ""]),
        ("70002", ["cat", "x"]),
    ):
        (host.root / "proc" / pid).mkdir()
        (host.root / "proc" / pid / "cmdline").write_bytes("\0".join(arguments).encode())
    keep(host, STARTED)
    steps.do_cancel(host, options())
    assert killed == [70001]
