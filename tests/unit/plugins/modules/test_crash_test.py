# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a test on a host that is a directory. Nothing here is run on this machine."""

from __future__ import annotations

import copy
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import ARGUMENTS
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.modules import crash_test
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

RUN_ID = STATE["run_id"]
BEFORE = {"boot_id": STATE["boot_id"], "boot_epoch": 900.0, "kernel": STATE["kernel"]}
PREPARED = {**STATE, "stage": "prepared", "dumps_before": {}, "files_before": {}}
STARTED = {**PREPARED, "stage": "started"}


class FakeModule:
    """What the steps use of AnsibleModule; remembers what was to be run."""

    def __init__(self, **params: Any) -> None:
        defaults = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
        self.params = {**defaults, "run_id": RUN_ID, "requested_by": "somebody", **params}
        self.check_mode = False
        self.ran: list[list[str]] = []
        self.failing = ""

    def run_command(self, command: list[str], **_options: Any) -> tuple[int, str, str]:
        self.ran.append(command)
        return (1, "", "it is broken") if command[0] == self.failing else (0, "", "")

    def programs(self) -> list[str]:
        return [command[0] for command in self.ran]


def a_module(**params: Any) -> Any:
    """One that a step takes for an AnsibleModule."""
    return FakeModule(**params)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with systemd that still runs the boot the test was prepared in."""
    path = tmp_path / "var/crash-test.json"
    for name in ("run/systemd/system", "proc", "crash"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(crash_test, "ROOT", tmp_path)
    monkeypatch.setattr(crash_test, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(crash_test, "mark_logs", lambda _module, _state: None)
    monkeypatch.setattr(crash_test, "this_boot", lambda: BEFORE)
    monkeypatch.setattr(crash_test, "remove_load_files", lambda: None)
    load, save = test_state.load, test_state.save
    monkeypatch.setattr(test_state, "load", lambda: load(path))
    monkeypatch.setattr(test_state, "save", lambda state: save(state, path))
    return tmp_path


def keep(host: Path, state: dict[str, Any]) -> None:
    test_state.save({**copy.deepcopy(state), "dump_directory": str(host / "crash")})


def stage() -> str:
    state = test_state.load()
    assert state is not None
    return str(state["stage"])


def test_a_prepared_host_is_crashed_by_a_timer_of_systemd(host: Path) -> None:
    keep(host, PREPARED)
    module = a_module()
    state = crash_test.do_trigger(module)["state"]
    assert (state["stage"], state["trigger"]["by"]) == ("started", "systemd-run")
    assert module.programs() == ["systemd-run"]
    assert stage() == "started"


def test_without_systemd_a_session_of_its_own_does_it(host: Path) -> None:
    (host / "run/systemd/system").rmdir()
    keep(host, PREPARED)
    module = a_module()
    assert crash_test.do_trigger(module)["state"]["trigger"]["by"] == "setsid"
    assert "setsid --fork" in " ".join(module.ran[0])


def test_a_load_is_there_before_the_timer_runs(host: Path) -> None:
    keep(host, {**PREPARED, "trigger": {"delay": 10, "cpu": 1, "load": ["disk"], "by": None}})
    module = a_module()
    crash_test.do_trigger(module)
    assert ["--unit=vmcore-kdump-crash-test-load" in command for command in module.ran] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    "state",
    [
        None,
        STARTED,
        {**PREPARED, "stage": "finished"},
        {**PREPARED, "run_id": "another"},
        {**PREPARED, "boot_id": NORMAL["boot_id"]},
    ],
)
def test_only_what_was_prepared_in_this_boot_is_triggered(
    host: Path, state: dict[str, Any] | None
) -> None:
    if state:
        keep(host, state)
    module = a_module()
    with pytest.raises(KdumpError):
        crash_test.do_trigger(module)
    assert module.ran == []


def test_a_crash_that_cannot_be_scheduled_leaves_nothing_behind_that_could_crash(
    host: Path,
) -> None:
    keep(host, {**PREPARED, "trigger": {"delay": 10, "cpu": 1, "load": ["disk"], "by": None}})
    module = a_module()
    module.failing = "systemd-run"
    with pytest.raises(KdumpError, match="could not be scheduled: it is broken"):
        crash_test.do_trigger(module)
    assert module.programs() == ["systemd-run", "systemctl"]
    assert stage() == "finished"


def test_two_controllers_do_not_decide_at_the_same_time(host: Path) -> None:
    keep(host, PREPARED)
    with crash_test.only_one(), pytest.raises(KdumpError, match="Another controller"):
        crash_test.do_trigger(a_module())
    crash_test.do_trigger(a_module())


def test_a_cancelled_test_is_finished_and_its_crash_called_off(host: Path) -> None:
    keep(host, STARTED)
    module = a_module()
    record = crash_test.do_cancel(module)["record"]
    assert module.ran[0][:2] == ["systemctl", "stop"]
    assert "vmcore-kdump-crash-test.timer" in module.ran[0]
    assert (record["verdict"], record["stage"]) == ("inconclusive", "armed")
    assert "cancelled before the crash, by somebody" in record["why"]
    assert crash_test.do_collect(a_module())["record"] == record


def test_in_check_mode_nothing_is_cancelled(host: Path) -> None:
    keep(host, STARTED)
    module = a_module()
    module.check_mode = True
    assert crash_test.do_cancel(module)["changed"]
    assert (module.ran, stage()) == ([], "started")


@pytest.mark.parametrize("state", [None, {**STARTED, "stage": "finished"}])
def test_without_a_test_there_is_nothing_to_cancel(
    host: Path, state: dict[str, Any] | None
) -> None:
    if state:
        keep(host, state)
    assert "changed" not in crash_test.do_cancel(a_module())


def test_what_has_crashed_cannot_be_cancelled(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(host, STARTED)
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    with pytest.raises(KdumpError, match=r"vmcore\.kdump\.verify"):
        crash_test.do_cancel(a_module())


def test_a_test_that_never_got_to_its_trigger_is_finished_without_a_verdict(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, PREPARED)
    # Even if the host was started again for another reason.
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    record = crash_test.do_collect(a_module())["record"]
    assert record["verdict"] == "inconclusive"
    assert "nothing was crashed" in record["why"]


def test_a_host_that_did_not_crash_does_not_do_so_later(host: Path) -> None:
    keep(host, STARTED)
    module = a_module()
    record = crash_test.do_collect(module)["record"]
    assert module.ran[0][:2] == ["systemctl", "stop"]
    assert (record["verdict"], record["stage"]) == ("failed", "armed")


def test_a_dump_that_was_there_before_the_crash_is_not_taken_for_its_own(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = host / "crash/202611210951"
    yesterday.mkdir()
    (yesterday / "dump.202611210951").write_bytes(b"KDUMP   ")
    keep(host, {**STARTED, "dumps_before": crash_test.dumps_by_time(host / "crash")})
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    record = crash_test.do_collect(a_module())["record"]
    assert record["why"] == "The host came back without a new dump."
    assert record["vmcore"] is None
    assert record["cause"]


ELSEWHERE = {**STARTED, "dump_host": "vault"}
SENT = {**VMCORE, "crash": {"crash_time": 1003, "nodename": "db01", "run_ids": [RUN_ID]}}


def test_a_dump_that_left_the_host_is_judged_by_what_was_found_there(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    reports = {"pcie_reset": RESET, "capture": CAPTURE}
    record = crash_test.do_collect(a_module(dumps=[{**SENT, "reports": reports}]))["record"]
    assert (record["verdict"], record["dump_host"]) == ("passed", "vault")
    assert (record["vmcore"], record["reset"]) == (SENT, RESET)


def test_a_dump_that_did_not_arrive_is_none(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    record = crash_test.do_collect(a_module(dumps=[]))["record"]
    assert record["why"] == "The host came back without a new dump."


def test_a_dump_that_left_the_host_is_not_looked_for_on_it(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, ELSEWHERE)
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    with pytest.raises(KdumpError, match="went to vault"):
        crash_test.do_collect(a_module())
    assert stage() == "started"


@pytest.mark.parametrize("active", [True, False])
def test_what_is_known_of_the_host_before_the_crash_is_kept(host: Path, *, active: bool) -> None:
    online = host / "sys/devices/system/cpu/online"
    online.parent.mkdir(parents=True)
    online.write_text("0-3\n")
    watchdog = {"name": "watchdog0", "identity": "a", "driver": None, "active": active}
    facts = {
        "kdump": {
            "kernel_release": STATE["kernel"],
            "target": {"path": str(host / "crash")},
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
    state = crash_test.new_state(a_module(host="db01").params, STATE["preflight"], facts)
    assert state["stage"] == "prepared"
    assert state["platform"] == {"cpus": 4, "memory_bytes": 1 << 30}
    assert state["watchdog"] is active
    assert state["crash_size"] == 256 << 20
    assert state["not_loaded"] == "It has no room."
    assert state["build_id"] is None
    facts["kdump"]["target"]["path"] = str(host / "only/on/the/server")
    with pytest.raises(KdumpError):
        crash_test.new_state(a_module(host="db01").params, STATE["preflight"], facts)
    sent = crash_test.new_state(
        a_module(host="db01", dump_host="vault").params, STATE["preflight"], facts
    )
    assert (sent["dump_host"], sent["dumps_before"], sent["files_before"]) == ("vault", {}, {})


def test_a_dump_is_compared_with_all_that_was_known_of_the_host(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "crash/202611220951").mkdir()
    (host / "crash/202611220951/dump.202611220951").write_bytes(b"KDUMP   ")
    asked: list[Expectation] = []

    def verify(_path: Path, expected: Expectation) -> dict[str, Any]:
        asked.append(expected)
        return VMCORE

    monkeypatch.setattr(crash_test, "verify", verify)
    state = {
        **STARTED,
        "dump_directory": str(host / "crash"),
        "build_id": "0123abcd",
        "platform": {"cpus": 4, "memory_bytes": 1 << 30},
    }
    assert crash_test.newest_dump({**state, "ram_bytes": 1 << 30}) == VMCORE
    assert asked == [
        Expectation(
            run_id=RUN_ID,
            host="db01",
            kernel=STATE["kernel"],
            since=1000.0,
            build_id="0123abcd",
            cpus=4,
            memory=1 << 30,
        )
    ]


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
    judged = crash_test.judge_newest(
        list(verdicts), lambda path: {"path": path, "verdict": verdicts[path]}
    )
    assert judged["path"] == chosen


def test_memory_that_a_balloon_took_is_dumped_all_the_same(host: Path) -> None:
    assert crash_test.ram_bytes() is None
    (host / "proc/iomem").write_text(
        "00001000-00000fff : Reserved\n00100000-3fffffff : System RAM\n  01000000-01ffffff : Kernel code\n"
        "  30000000-37ffffff : Crash kernel\n100000000-13fffffff : System RAM (virtio_mem)\n"
    )
    assert crash_test.ram_bytes() == (1 << 30) - (1 << 20) - (128 << 20) + (1 << 30)


def test_addresses_that_are_hidden_are_no_memory(host: Path) -> None:
    (host / "proc/iomem").write_text("00000000-00000000 : System RAM\n" * 3)
    assert crash_test.ram_bytes() is None


def test_the_build_id_is_the_one_that_the_kernel_says(host: Path) -> None:
    assert crash_test.running_build_id() is None
    notes = host / "sys/kernel/notes"
    notes.parent.mkdir(parents=True)
    notes.write_bytes(struct.pack("<III4s4s", 4, 4, 3, b"GNU", bytes.fromhex("0123abcd")))
    assert crash_test.running_build_id() == "0123abcd"
    notes.write_bytes(b"garbage, and more of it")
    assert crash_test.running_build_id() is None


def test_which_cpu_panicked_is_said_by_the_dump_before_any_other_file(tmp_path: Path) -> None:
    dmesg = tmp_path / "dmesg.202611220951"
    dmesg.write_text(
        "[    3.0] Kernel panic - not syncing: x\n[    3.1] CPU: 2 UID: 0 PID: 1 Comm: sh\n"
    )
    beside = {"files": {"dmesg": str(dmesg)}}
    assert crash_test.cpu_of(None) is None
    assert crash_test.cpu_of({**VMCORE, "crash": {"cpu": 0}, **beside}) == 0
    assert crash_test.cpu_of({**VMCORE, "crash": {"cpu": None}, **beside}) == 2
    assert crash_test.cpu_of({**VMCORE, "crash": {"cpu": None}}) is None


def test_the_record_of_a_finished_test_is_given_out_again(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(host, {**STARTED, "watchdog": True})
    monkeypatch.setattr(crash_test, "this_boot", lambda: NORMAL)
    monkeypatch.setattr(crash_test, "newest_dump", lambda _state: VMCORE)
    first = crash_test.do_collect(a_module(with_logs=True))
    again = crash_test.do_collect(a_module(with_logs=True))
    assert first["record"] == again["record"]
    assert "changed" not in again
    assert {"logs", "known"} <= set(first)
    assert first["known"]["watchdog"] is True


def test_the_test_of_somebody_else_is_left_alone(host: Path) -> None:
    keep(host, {**STARTED, "run_id": "another"})
    with pytest.raises(KdumpError, match="somebody else finished it"):
        crash_test.do_collect(a_module())


def test_a_scheduled_session_is_found_by_its_run_id_and_ended(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))
    for pid, arguments in (
        ("70001", ["/bin/sh", "-c", "sleep", "sh", RUN_ID, ""]),
        ("70002", ["cat", "x"]),
    ):
        (host / "proc" / pid).mkdir()
        (host / "proc" / pid / "cmdline").write_bytes("\0".join(arguments).encode())
    keep(host, STARTED)
    crash_test.do_cancel(a_module())
    assert killed == [70001]
