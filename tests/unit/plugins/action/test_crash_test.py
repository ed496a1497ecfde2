# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.vars.hostvars import HostVars
from ansible_collections.vmcore.kdump.plugins.action import crash_test
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import probe_command
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import LogReader
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test import (
    judgement,
    permission,
    records,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.boots import claim
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.host import RELEASE
from ansible_collections.vmcore.kdump.tests.unit.inventories import hostvars
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

HOST = STATE["host"]
AFTER = "e3b91ac0-1f7e-4d6b-8a0e-52dd90f6a6c1"
RECORD = finished_record(
    STATE, vmcore=VMCORE, reset=RESET, capture=CAPTURE, evidence=[], normal=NORMAL, now=1100.0
)
PLAY = [HOST, "db02.example.com"]


class Connection:
    """A connection that remembers how often it was dropped."""

    transport = "ssh"

    def __init__(self) -> None:
        self._shell = SimpleNamespace(tmpdir="/root/.ansible/tmp/of-the-first-boot")
        self.options: dict[str, Any] = {"ssh_extra_args": "-o Compression=yes"}
        self.resets = 0

    def get_option(self, name: str) -> Any:
        return self.options[name]

    def set_option(self, name: str, value: Any) -> None:
        self.options[name] = value

    def reset(self) -> None:
        self.resets += 1


def make_action(
    args: dict[str, Any],
    probes: list[str | None],
    unreachable: str = "",
    answers: dict[str, Any] | None = None,
    **task: Any,
) -> Any:
    """The action plugin with a host that answers from a script; what it asks for is in `steps`."""
    script = iter(probes)
    prepared = {**STATE, "status": "prepared"}
    of_the_host: dict[str, dict[str, Any]] = {
        "preflight": {
            "changed": True,
            "ready": True,
            "checks": [],
            "boot_id": STATE["boot_id"],
            "msg": "It is ready.",
        },
        "prepare": {"changed": True, "checks": [], "state": prepared},
        "trigger": {"changed": True, "state": STATE},
        "state": {"state": STATE},
        "collect": {"changed": True, "record": RECORD},
        "cancel": {"changed": True, "record": RECORD},
        **(answers or {}),
    }

    def execute_module(*, module_args: dict[str, Any], **_call: Any) -> dict[str, Any]:
        action.steps.append(module_args["step"])
        if module_args["step"] == unreachable:
            raise AnsibleConnectionFailure("no route to host")
        action.told[module_args["step"]] = module_args
        return dict(of_the_host[module_args["step"]])

    def execute_command(command: str, *, sudoable: bool = True) -> dict[str, Any]:
        if command == RELEASE:
            assert sudoable
            action.released.append(len(action.steps))
            return {"rc": 0, "stdout": ""}
        assert command == probe_command("/var/crash")
        assert not sudoable
        answer = next(script, None)
        if answer is None:
            raise AnsibleConnectionFailure("no route to host")
        return {"rc": 0, "stdout": answer}

    action: Any = object.__new__(crash_test.ActionModule)
    task = {"check_mode": False, "delegate_to": None, "async_val": 0, **task}
    action._task = SimpleNamespace(args=args, action="vmcore.kdump.crash_test", diff=False, **task)
    action._connection = Connection()
    action._discovered_interpreter_key = None
    action._execute_module = execute_module
    action._low_level_execute_command = execute_command
    action.steps = []
    action.released = []
    action.told = {}
    return action


@pytest.fixture(autouse=True)
def run_directory(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The directory of a run of Ansible, in which its processes tell each other what they found."""
    directory = tmp_path_factory.mktemp("run")
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(directory))
    return directory


@functools.cache
def inventory() -> HostVars:
    """The inventory of the play."""
    path = Path(tempfile.mkdtemp()) / "hosts.yml"
    return hostvars(path, {"all": {"hosts": {host: {} for host in PLAY}}})


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only sleeping moves, and no text on the terminal."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(uuid, "uuid4", lambda: STATE["run_id"])
    # Every look at the host costs real time, too.
    monkeypatch.setattr(crash_test, "_POLL_SECONDS", 10)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(crash_test, "summary", lambda _record: "summary")
    monkeypatch.setattr(crash_test.display, "display", lambda *_args, **_kwargs: None)


def probe(boot_id: str, kernel: str = "normal", system: str = "running") -> str:
    return f"{boot_id}\n{kernel}\n{system}\n"


def run(action: Any, **variables: Any) -> dict[str, Any]:
    task_vars = {
        "inventory_hostname": HOST,
        "ansible_play_hosts_all": PLAY,
        "hostvars": inventory(),
        **variables,
    }
    result: dict[str, Any] = action.run(None, task_vars)
    return result


@pytest.mark.parametrize(
    "confirm", [[], [""], ["db02.example.com"], ["all"], ["db01"], ["DB01.EXAMPLE.COM"]]
)
def test_a_host_that_is_not_confirmed_by_its_name_is_not_touched(confirm: list[str]) -> None:
    action = make_action({"confirm": confirm}, [])
    result = run(action)
    assert result["failed"]
    assert not result["changed"]
    assert f"{HOST} was not crashed" in result["msg"]
    assert action.steps == []


def test_check_mode_looks_at_the_host_and_does_nothing_even_with_the_confirmation() -> None:
    action = make_action({"confirm": [HOST]}, [], check_mode=True)
    result = run(action)
    assert result["ready"]
    assert result["confirmed"]
    assert action.steps == ["preflight"]


def test_a_dump_that_leaves_the_host_is_left_to_be_judged_elsewhere() -> None:
    prepared = {"checks": [], "state": {**STATE, "status": "prepared", "dump_host": "vault"}}
    args = {"confirm": [HOST], "dump_host": "vault"}
    action = make_action(args, [probe(AFTER)], answers={"prepare": prepared})
    result = run(action)
    assert action.steps == ["prepare", "trigger"]
    assert action.told["prepare"]["dump_host"] == "vault"
    assert not result.get("failed")
    assert "record" not in result
    assert result["expected"]["run_id"] == STATE["run_id"]


def test_what_was_found_elsewhere_finishes_the_test() -> None:
    begun = {"state": {**STATE, "dump_host": "vault"}}
    args = {"resume": True, "dumps": [VMCORE]}
    action = make_action(args, [probe(AFTER)], answers={"state": begun})
    assert run(action)["record"] == RECORD
    assert action.told["collect"]["dumps"] == args["dumps"]


def test_a_delegated_test_is_refused() -> None:
    action = make_action({"confirm": [HOST]}, [], delegate_to="localhost")
    assert "delegated to localhost" in run(action)["msg"]
    assert action.steps == []


def test_the_controller_is_not_crashed() -> None:
    action = make_action({"confirm": [HOST]}, [])
    action._connection.transport = "local"
    assert "would crash the controller" in run(action)["msg"]
    assert action.steps == []


def test_a_test_waits_for_the_settled_normal_kernel_and_collects_once(tmp_path: Path) -> None:
    probes = [
        probe(STATE["boot_id"]),  # the trigger has a delay
        None,
        probe(AFTER, kernel="capture"),
        None,
        probe(AFTER, system="starting"),
        "garbage",
        probe(AFTER, system="degraded"),
    ]
    action = make_action({"confirm": [HOST], "results_directory": str(tmp_path / "new")}, probes)
    result = run(action)
    assert not result["failed"]
    assert result["changed"]
    assert action.steps == ["prepare", "trigger", "collect"]
    stored = json.loads(Path(result["record_path"]).read_text())
    assert {**stored, "stored_at": None} == {**RECORD, "stored_at": None}
    assert abs(stored["stored_at"] - time.time()) < 60
    assert [path.name for path in (tmp_path / "new").iterdir()] == [
        f"{HOST}-{STATE['run_id']}.json"
    ]


def test_the_session_to_the_dying_kernel_is_dropped_and_later_ones_notice_a_dead_peer() -> None:
    action = make_action({"confirm": [HOST]}, [None, probe(AFTER)])
    run(action)
    # Before the start, after it, and after the probe that found nobody.
    assert action._connection.resets == 3
    assert action._connection.options["ssh_extra_args"].startswith(
        "-o Compression=yes -o ServerAlive"
    )


def test_a_host_that_never_crashed_is_judged_as_it_is() -> None:
    action = make_action({"confirm": [HOST]}, [probe(STATE["boot_id"])] * 100)
    run(action)
    assert action.steps == ["prepare", "trigger", "collect"]


def test_a_host_that_does_not_come_back_fails_with_a_record(tmp_path: Path) -> None:
    action = make_action(
        {"confirm": [HOST], "timeout": 100, "results_directory": str(tmp_path)}, []
    )
    result = run(action)
    assert result["failed"]
    assert "not back in its normal kernel" in result["msg"]
    assert action.steps == ["prepare", "trigger"]
    assert json.loads(Path(result["record_path"]).read_text())["verdict"] == "failed"


@pytest.mark.parametrize(
    ("host", "file"), [("rack1/db01", "rack1%2Fdb01"), ("../db01", "%2E.%2Fdb01"), ("db01", "db01")]
)
def test_the_record_of_a_host_stays_in_the_directory_whatever_its_name(
    host: str, file: str, tmp_path: Path
) -> None:
    answers = {
        "prepare": {"changed": True, "checks": [], "state": {**STATE, "host": host}},
        "trigger": {"changed": True, "state": {**STATE, "host": host}},
        "collect": {"changed": True, "record": {**RECORD, "host": host}},
    }
    args = {"confirm": [host], "results_directory": str(tmp_path)}
    action = make_action(args, [probe(AFTER)], answers=answers)
    result = run(action, inventory_hostname=host, ansible_play_hosts_all=[host])
    assert result["record_path"] == str(tmp_path / f"{file}-{RECORD['run_id']}.json")
    assert [path.name for path in tmp_path.iterdir()] == [Path(result["record_path"]).name]


@pytest.mark.parametrize("option", ["results_directory", "console"])
def test_what_the_controller_cannot_use_is_found_out_before_the_crash(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "file").touch()
    action = make_action({"confirm": [HOST], option: str(tmp_path / "file/below")}, [])
    with pytest.raises(AnsibleActionFail, match="file/below cannot be"):
        run(action)
    assert action.steps == []


def test_a_host_that_goes_away_before_its_dump_is_judged_is_a_failure_with_a_cure() -> None:
    action = make_action({"confirm": [HOST]}, [probe(AFTER)], unreachable="collect")
    result = run(action)
    assert result["failed"]
    assert "cannot be reached to judge its dump" in result["msg"]
    assert "vmcore.kdump.verify" in result["msg"]


def test_the_console_says_how_far_a_lost_host_got(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("[    1.000000] Command line: elfcorehdr=0x1 of an earlier crash\n")
    action = make_action({"confirm": [HOST], "timeout": 30, "console": str(console)}, [])
    action._low_level_execute_command = lambda *_args, **_kwargs: _print_and_fail(console)
    assert run(action)["record"]["stage"] == "panicked"


def _print_and_fail(console: Path) -> dict[str, Any]:
    with console.open("a") as log:
        log.write("[    2.000000] Kernel panic - not syncing: sysrq triggered crash\n")
    raise AnsibleConnectionFailure("no route to host")


def test_a_full_disk_does_not_keep_the_host_from_being_judged() -> None:
    action = make_action({"confirm": [HOST]}, [probe(AFTER)])
    run(action)
    assert action.steps == ["prepare", "trigger", "collect"]
    # The space is given back after the crash, before the module is copied there.
    assert action.released == [2]
    again = make_action({"resume": True}, [probe(AFTER)])
    run(again)
    assert (again.steps, again.released) == (["state", "collect"], [0, 1])


def test_resuming_begins_nothing_and_needs_no_confirmation() -> None:
    action = make_action({"resume": True}, [probe(AFTER)])
    assert not run(action)["failed"]
    assert action.steps == ["state", "collect"]


def test_the_token_of_the_play_confirms_each_of_its_hosts_and_check_mode_shows_it() -> None:
    result = run(make_action({}, [], check_mode=True))
    shown = result["token"]
    assert not result["confirmed"]
    action = make_action({"confirm": [shown]}, [probe(AFTER)])
    assert not run(action)["failed"]


def test_the_token_of_another_play_confirms_nothing() -> None:
    shown = run(make_action({}, [], check_mode=True), ansible_play_hosts_all=[HOST])["token"]
    action = make_action({"confirm": [shown]}, [])
    assert "was not crashed" in run(action)["msg"]
    assert action.steps == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_protected_host_is_not_crashed_whatever_is_confirmed(check_mode: bool) -> None:
    action = make_action({"confirm": [HOST]}, [], check_mode=check_mode)
    result = run(action, group_names=["databases", "crash_test_protected"])
    assert result["failed"]
    assert "is in crash_test_protected" in result["msg"]
    assert action.steps == (["preflight"] if check_mode else [])


def test_a_protected_host_that_was_crashed_before_it_was_protected_is_still_judged() -> None:
    action = make_action({"resume": True}, [probe(AFTER)])
    assert not run(action, group_names=["crash_test_protected"])["failed"]


def test_a_host_that_is_refused_by_its_checks_has_no_record(tmp_path: Path) -> None:
    refused = {"failed": True, "changed": False, "msg": "The host was not crashed: no room."}
    action = make_action(
        {"confirm": [HOST], "results_directory": str(tmp_path)}, [], answers={"prepare": refused}
    )
    assert run(action)["failed"]
    assert action.steps == ["prepare"]
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_fails_to_prepare_is_not_waited_for_whatever_else_it_answers() -> None:
    failed = {"failed": True, "msg": "It broke.", "state": {**STATE, "status": "prepared"}}
    action = make_action({"confirm": [HOST]}, [], answers={"prepare": failed})
    result = run(action)
    assert result["failed"]
    assert result["msg"] == "It broke."
    assert action.steps == ["prepare"]


def test_a_record_says_that_nobody_finished_the_test_when_the_controller_dies(
    tmp_path: Path,
) -> None:
    action = make_action({"confirm": [HOST], "results_directory": str(tmp_path)}, [])

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    action._low_level_execute_command = die
    with pytest.raises(KeyboardInterrupt):
        run(action)
    (path,) = tmp_path.glob("*.json")
    record = json.loads(path.read_text())
    assert record["verdict"] == "inconclusive"
    assert "vmcore.kdump.verify" in record["why"]


def test_a_trigger_that_nobody_confirmed_is_waited_for(tmp_path: Path) -> None:
    action = make_action(
        {"confirm": [HOST], "results_directory": str(tmp_path)},
        [None, probe(AFTER)],
        unreachable="trigger",
    )
    assert not run(action)["failed"]
    assert action.steps == ["prepare", "trigger", "collect"]


def test_a_trigger_whose_answer_is_garbage_is_waited_for() -> None:
    garbage = {"failed": True, "msg": "MODULE FAILURE"}
    action = make_action({"confirm": [HOST]}, [None, probe(AFTER)], answers={"trigger": garbage})
    assert not run(action)["failed"]


def test_a_trigger_that_the_host_refused_ends_with_a_record(tmp_path: Path) -> None:
    refused = {"failed": True, "refused": True, "msg": "It was prepared for another boot."}
    action = make_action(
        {"confirm": [HOST], "results_directory": str(tmp_path)}, [], answers={"trigger": refused}
    )
    result = run(action)
    assert result["failed"]
    assert not result["lost"]
    assert "Nothing was crashed" in result["record"]["why"]
    assert action.steps == ["prepare", "trigger"]


def test_a_test_that_is_finished_is_shown_again() -> None:
    finished = {"state": {**STATE, "status": "finished", "record": RECORD}}
    action = make_action({"resume": True}, [], answers={"state": finished})
    result = run(action)
    assert result["record"] == RECORD
    assert not result["changed"]
    assert action.steps == ["state"]


def test_resuming_waits_for_a_host_that_is_just_starting() -> None:
    action = make_action({"resume": True}, [probe(AFTER)])
    answer, silent = action._execute_module, iter([True, True])

    def execute_module(**call: Any) -> Any:
        if next(silent, False):
            raise AnsibleConnectionFailure("no route to host")
        return answer(**call)

    action._execute_module = execute_module
    assert not run(action)["failed"]
    assert action.steps == ["state", "collect"]


def test_resuming_knows_what_the_controller_saw_that_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[LogReader] = []

    def classify(logs: list[LogReader], _known: Any) -> dict[str, Any]:
        read.extend(logs)
        return {"cause": None, "evidence": []}

    monkeypatch.setattr(judgement, "classify", classify)
    console = tmp_path / "console"
    console.write_text(
        "[    1.000000] Kernel panic - not syncing: of an earlier crash\n"
        f"[    2.000000] vmcore.kdump: crash test run_id={STATE['run_id']} host={HOST}\n"
        "[    3.000000] Kernel panic - not syncing: sysrq triggered crash\n"
    )
    left = lost_record(
        STATE,
        stage="capture kernel",
        why="It goes on.",
        now=2000.0,
        observed={"capture kernel": 9.0},
    )
    (tmp_path / f"{HOST}-{STATE['run_id']}.json").write_text(json.dumps(left))
    answer = {
        "changed": True,
        "record": {**RECORD, "verdict": "failed"},
        "logs": [],
        "known": {"returned": True, "boot_changed": True, "dump": None, "files": []},
    }
    args = {"resume": True, "console": str(console), "results_directory": str(tmp_path)}
    action = make_action(args, [None, probe(AFTER)], answers={"collect": answer})
    run(action)
    assert action.told["collect"]["observed"] == {"capture kernel": 9.0}
    (log,) = read
    assert log.boots[0].part.first[0].text.startswith("vmcore.kdump: crash test run_id=")
    assert log.last_message == "Kernel panic - not syncing: sysrq triggered crash"


def test_resuming_gives_up_on_a_host_that_stays_away() -> None:
    action = make_action({"resume": True, "timeout": 100}, [], unreachable="state")
    result = run(action)
    assert result["failed"]
    assert "cannot be reached to ask for its test" in result["msg"]
    assert len(action.steps) > 10


def test_cancelling_asks_the_host_and_crashes_nothing() -> None:
    action = make_action({"state": "cancelled"}, [])
    assert run(action)["changed"]
    assert action.steps == ["cancel"]


def test_a_host_with_terabytes_is_waited_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_test, "_POLL_SECONDS", 100)
    state = {**STATE, "platform": {"memory_bytes": 2 << 40}}
    action = make_action(
        {"confirm": [HOST]}, [], answers={"prepare": {"checks": [], "state": state}}
    )
    assert "not back in its normal kernel after 8000 s" in run(action)["msg"]


def test_a_console_that_goes_on_printing_keeps_the_host_from_being_given_up(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.touch()
    args = {"confirm": [HOST], "timeout": 300, "console": str(console)}
    action = make_action(args, [])
    action._low_level_execute_command = lambda *_args, **_kwargs: _print_and_fail(console)
    assert "after 610 s" in run(action)["msg"]


def test_the_console_is_read_while_a_session_hangs_that_the_host_died_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_test, "_POLL_SECONDS", 0.01)
    stored: list[str] = []
    monkeypatch.setattr(records, "_store", lambda record, _path: stored.append(record.get("stage")))
    console = tmp_path / "console"
    console.touch()
    args = {"confirm": [HOST], "console": str(console), "results_directory": str(tmp_path)}
    action = make_action(args, [])
    lines = ("Kernel panic - not syncing: sysrq triggered crash", "Command line: elfcorehdr=0x1")

    def hang(command: str, **_kwargs: Any) -> dict[str, Any]:
        for number, line in enumerate(lines if command != RELEASE else (), start=2):
            with console.open("a") as log:
                log.write(f"[    2.000000] {line}\n")
            _within_seconds(partial(_are, stored, number))
        return {"rc": 0, "stdout": probe(AFTER)}

    action._low_level_execute_command = hang
    run(action)
    assert stored == ["armed", "panicked", "capture kernel", "verified"]


def _are(things: list[str], number: int) -> bool:
    return len(things) == number


def _within_seconds(happened: Callable[[], bool]) -> None:
    """Wait for it, in real time and not for ever: who calls says what has to be."""
    for _attempt in range(1000):
        if happened():
            break
        threading.Event().wait(0.01)


def test_what_a_host_said_before_it_stopped_to_answer_is_not_said_of_it_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crash_test, "_POLL_SECONDS", 0.01)
    said: list[str] = []
    monkeypatch.setattr(crash_test.display, "display", lambda text, **_kwargs: said.append(text))
    action = make_action({"confirm": [HOST]}, [])
    answers = iter([probe(AFTER, kernel="capture") + "34816\n"] * 5)

    def answer_and_hang(command: str, **_kwargs: Any) -> dict[str, Any]:
        if command == RELEASE:
            return {"rc": 0, "stdout": ""}
        answer = next(answers, None)
        time.sleep(4 if answer else 40)
        if not answer:
            _within_seconds(lambda: any("no answer" in line for line in said))
        return {"rc": 0, "stdout": answer or probe(AFTER)}

    action._low_level_execute_command = answer_and_hang
    run(action)
    waits = [line.partition(" s | ")[2] for line in said if " s | " in line]
    assert "capture kernel | dump directory 34 MiB" in waits
    assert waits[-2:] == ["no answer", "normal kernel"]


def test_what_recovered_the_host_is_told_to_the_one_who_judges() -> None:
    action = make_action({"resume": True, "recovery": {"method": "redfish"}}, [probe(AFTER)])
    run(action)
    assert action.told["collect"]["recovery"] == {"method": "redfish"}


def test_the_output_of_a_console_command_is_read_like_a_file() -> None:
    text = "[    2.000000] Kernel panic - not syncing: sysrq triggered crash"
    action = make_action({"confirm": [HOST], "timeout": 30, "console_command": ["echo", text]}, [])
    wait = action._wait

    def wait_for_the_command(state: dict[str, Any], console: Any) -> Any:
        while "panicked" not in console.observed:
            console.look(2.0)
        return wait(state, console)

    action._wait = wait_for_the_command
    record = run(action)["record"]
    assert record["stage"] == "panicked"
    panicked = record["stages"][1]
    assert (panicked["time"], panicked["source"]) == (STATE["triggered_at"] + 2.0, "console")


def test_a_console_command_that_cannot_be_run_is_found_out_before_the_crash() -> None:
    action = make_action({"confirm": [HOST], "console_command": ["no-such-console"]}, [])
    with pytest.raises(AnsibleActionFail, match="no-such-console cannot be run"):
        run(action)
    assert action.steps == []


def test_the_console_of_a_host_that_is_lost_is_asked_for_the_cause(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.touch()
    action = make_action({"confirm": [HOST], "timeout": 30, "console": str(console)}, [])
    action._low_level_execute_command = lambda *_args, **_kwargs: _print_and_fail(console)
    result = run(action)
    assert result["record"]["cause"]["sentence"] in result["msg"]


def test_the_console_is_read_together_with_what_the_host_has(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.touch()
    answer = {
        "changed": True,
        "record": {**RECORD, "verdict": "failed"},
        "logs": [],
        "known": {"returned": True, "boot_changed": True, "dump": None, "files": []},
    }
    args = {"confirm": [HOST], "console": str(console)}
    action = make_action(args, [None, probe(AFTER)], answers={"collect": answer})
    result = run(action)
    assert action.told["collect"]["with_logs"] is True
    assert result["record"]["cause"]
    assert not {"logs", "known"} & set(result)


# What follows is a host that answers as somebody likes who has it.

OTHER = "db02.example.com"
# OSC 52 sets the clipboard, C1 has a CSI of one character, and U+202E turns the text around.
ESCAPES = "\x1b]52;c;cm0gLXJmIC8=\x07\x9b31m\u202ered\x1b[0m"


def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is printed from now on."""
    lines: list[str] = []
    monkeypatch.setattr(crash_test.display, "display", lambda text, **_kwargs: lines.append(text))
    return lines


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": OTHER}, f"its record has the host {OTHER}"),
        ({"run_id": AFTER}, f"its record has the run_id {AFTER}"),
        ({"host": "../../.ssh/authorized_keys"}, "its record has the host"),
        ({"run_id": "x" * 300}, "its record: run_id is a text, not a UUID"),
        ({"verdict": "fine"}, "its record: verdict is none of"),
        ({"stages": [{}]}, "its record: stages[0] has no after"),
        ({"finished_at": 1e300}, "its record: finished_at is a number, not a time"),
    ],
)
def test_a_record_that_is_not_of_this_test_is_kept_and_not_believed(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    untouched = tmp_path / f"{OTHER}-{STATE['run_id']}.json"
    untouched.write_text("of the other host")
    answer = {"changed": True, "record": {**RECORD, **change}}
    args = {"confirm": [HOST], "results_directory": str(tmp_path)}
    result = run(make_action(args, [None, probe(AFTER)], answers={"collect": answer}))
    assert result["failed"]
    assert "is not believed" in result["msg"]
    assert why in result["msg"]
    assert result["record"]["host"] == HOST
    assert untouched.read_text() == "of the other host"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{HOST}-{STATE['run_id']}.answer",
        f"{HOST}-{STATE['run_id']}.json",
        untouched.name,
    ]


def test_the_test_that_a_copied_disk_has_is_of_another_host(tmp_path: Path) -> None:
    finished = {"state": {**STATE, "host": OTHER, "status": "finished", "record": RECORD}}
    args = {"resume": True, "results_directory": str(tmp_path)}
    result = run(make_action(args, [], answers={"state": finished}))
    assert result["failed"]
    assert f"is of {OTHER}: {HOST} has a copy of its disk" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_sets_nothing_but_what_a_step_returns(tmp_path: Path) -> None:
    answer = {
        "record": RECORD,
        "record_path": "/root/.profile.json",
        "lost": True,
        "ansible_facts": {"ansible_python_interpreter": "/tmp/evil"},
        "token": "crash-0000000000",
        "_ansible_delegated_vars": {},
    }
    args = {"confirm": [HOST], "results_directory": str(tmp_path)}
    result = run(make_action(args, [None, probe(AFTER)], answers={"collect": answer}))
    assert result["record_path"] == str(tmp_path / f"{HOST}-{STATE['run_id']}.json")
    assert not result["lost"]
    assert not {"ansible_facts", "token", "_ansible_delegated_vars"} & set(result)


def test_a_dump_that_nobody_found_on_the_server_is_not_believed() -> None:
    stolen = {**RECORD, "vmcore": {**VMCORE, "path": "/etc/shadow"}}
    args = {"resume": True, "dumps": [VMCORE]}
    answers = {
        "state": {"state": {**STATE, "dump_host": "vault"}},
        "collect": {"record": {**stolen, "dump_host": "vault"}},
    }
    result = run(make_action(args, [probe(AFTER)], answers=answers))
    assert "no dump /etc/shadow was found on vault" in result["msg"]
    assert result["record"]["vmcore"] is None


def test_nothing_that_a_host_says_acts_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crash_test, "summary", summary)
    lines = shown(monkeypatch)
    why = f"{ESCAPES} It is whole.\nCrash test of {OTHER}: PASSED"
    answer = {"changed": True, "record": {**RECORD, "why": why}, "msg": ESCAPES}
    result = run(
        make_action({"confirm": [HOST]}, [None, probe(AFTER)], answers={"collect": answer})
    )
    for text in (*lines, result["msg"]):
        assert not set("\x1b\x9b\x07\u202e") & set(text)
    assert not [
        line
        for text in lines
        for line in text.split("\n")
        if line.startswith(f"Crash test of {OTHER}")
    ]


@pytest.mark.parametrize("content", ["{}", "[]", "null", "{", '{"stages": [1]}'])
def test_a_broken_record_here_does_not_stop_a_resume(tmp_path: Path, content: str) -> None:
    (tmp_path / f"{HOST}-{STATE['run_id']}.json").write_text(content)
    args = {"resume": True, "results_directory": str(tmp_path)}
    assert run(make_action(args, [probe(AFTER)]))["record"] == RECORD


@pytest.mark.parametrize(
    "state",
    [{}, [], {**STATE, "armed_at": "x"}, {**STATE, "trigger": {}}, {**STATE, "dump_directory": 7}],
)
def test_a_state_that_is_none_crashes_nothing(state: Any) -> None:
    answers = {"prepare": {"changed": True, "checks": [], "state": state}}
    action = make_action({"confirm": [HOST]}, [], answers=answers)
    result = run(action)
    assert "is not believed" in result["msg"]
    assert action.steps == ["prepare"]


# What follows are machines that were not meant.


def test_a_host_that_is_the_controller_is_not_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permission, "own_boot_id", lambda: STATE["boot_id"])
    action = make_action({"confirm": [HOST]}, [])
    assert "runs the kernel that this controller runs on" in run(action)["msg"]
    # What was prepared is called off.
    assert action.steps == ["prepare", "cancel"]
    checked = run(make_action({}, [], check_mode=True))
    assert not checked["ready"]
    assert checked["checks"][0]["name"] == "own_machine"


def test_two_names_of_one_machine_are_not_two_hosts(run_directory: Path) -> None:
    claim(STATE["boot_id"], OTHER, run_directory)
    action = make_action({"confirm": [HOST]}, [])
    assert f"it is the same machine as {OTHER}" in run(action)["msg"]
    assert action.steps == ["prepare", "cancel"]


def test_the_boot_after_the_crash_is_still_the_same_machine(run_directory: Path) -> None:
    run(make_action({"confirm": [HOST]}, [None, probe(AFTER)]))
    assert claim(AFTER, OTHER, run_directory) == HOST


PROTECTED = {
    "all": {
        "hosts": {HOST: {"ansible_host": "192.0.2.1"}, OTHER: {"ansible_host": "192.0.2.2"}},
        "children": {"crash_test_protected": {"hosts": {HOST: {}}}},
    }
}
ALIAS = {
    "all": {
        "hosts": {HOST: {"ansible_host": "192.0.2.9"}, OTHER: {"ansible_host": "192.0.2.9"}},
        "children": {"crash_test_protected": {"hosts": {OTHER: {}}}},
    }
}


@pytest.mark.parametrize(
    ("groups", "extra", "why"),
    [
        (PROTECTED, {}, "it is in crash_test_protected"),
        (PROTECTED, {"group_names": []}, "group_names of the command line"),
        (PROTECTED, {"inventory_hostname": HOST}, "inventory_hostname of the command line"),
        (ALIAS, {}, f"it has the address of {OTHER}, which is protected"),
    ],
)
@pytest.mark.parametrize("named", [["crash_test_protected"], []])
def test_protection_is_what_the_inventory_says(
    tmp_path: Path, groups: dict[str, Any], extra: dict[str, Any], why: str, named: list[str]
) -> None:
    variables = hostvars(tmp_path / "hosts.yml", groups, extra)
    action = make_action({"confirm": [HOST], "protected_groups": named}, [])
    result = run(action, hostvars=variables, group_names=[])
    assert result["failed"]
    assert why in result["msg"]
    assert action.steps == []


def test_another_inventory_of_the_same_names_has_another_token(
    tmp_path: Path, run_directory: Path
) -> None:
    def token(place: str, address: str) -> str:
        for noted in run_directory.iterdir():
            noted.unlink()  # each is a run of its own
        groups = {"all": {"hosts": {HOST: {"ansible_host": address}}}}
        variables = hostvars(tmp_path / place / "hosts.yml", groups)
        action = make_action({}, [], check_mode=True)
        return str(run(action, hostvars=variables, ansible_play_hosts_all=[HOST])["token"])

    shown = token("production", "192.0.2.1")
    assert token("production", "192.0.2.1") == shown
    assert token("staging", "192.0.2.1") != shown
    assert token("production", "192.0.2.2") != shown


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_dump_without_room_on_the_controller_is_not_taken(
    tmp_path: Path, check_mode: bool
) -> None:
    room = {"checks": [], "expected_bytes": 1 << 60, "boot_id": STATE["boot_id"]}
    answers = {
        "prepare": {**room, "state": {**STATE, "status": "prepared"}},
        "preflight": {**room, "ready": True, "msg": "It is ready."},
    }
    args = {"confirm": [HOST], "results_directory": str(tmp_path), "room_for_dump": True}
    action = make_action(args, [], answers=answers, check_mode=check_mode)
    result = run(action)
    assert "left on the controller, and needs" in result["msg"]
    assert action.steps == (["preflight"] if check_mode else ["prepare", "cancel"])
