# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.vmcore.kdump.plugins.action import crash_test
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import PROBE
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    STATE,
)

HOST = STATE["host"]
AFTER = "e3b91ac0-1f7e-4d6b-8a0e-52dd90f6a6c1"
RECORD = {"verdict": "passed", "why": "It is whole.", "host": HOST, "run_id": STATE["run_id"]}


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
    args: dict[str, Any], probes: list[str | None], unreachable: str = "", **task: Any
) -> Any:
    """The action plugin with a host that answers from a script; what it asks for is in `steps`."""
    script = iter(probes)
    answers: dict[str, dict[str, Any]] = {
        "preflight": {"changed": True, "ready": True},
        "start": {"changed": True, "state": STATE},
        "state": {"state": STATE},
        "collect": {"changed": True, "record": RECORD},
    }

    def execute_module(*, module_args: dict[str, Any], **_call: Any) -> dict[str, Any]:
        action.steps.append(module_args["step"])
        if module_args["step"] == unreachable:
            raise AnsibleConnectionFailure("no route to host")
        return answers[module_args["step"]]

    def execute_command(command: str, *, sudoable: bool) -> dict[str, Any]:
        assert command == PROBE
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
    return action


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that only sleeping moves, and no text on the terminal."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(crash_test, "summary", lambda _record: "summary")
    monkeypatch.setattr(crash_test.display, "display", lambda *_args, **_kwargs: None)


def probe(boot_id: str, kernel: str = "normal", system: str = "running") -> str:
    return f"{boot_id}\n{kernel}\n{system}\n"


def run(action: Any) -> dict[str, Any]:
    result: dict[str, Any] = action.run(None, {"inventory_hostname": HOST})
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
    assert run(action)["ready"]
    assert action.steps == ["preflight"]


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
    assert action.steps == ["start", "collect"]
    assert json.loads(Path(result["record_path"]).read_text()) == RECORD
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
    assert action.steps == ["start", "collect"]


def test_a_host_that_does_not_come_back_fails_with_a_record(tmp_path: Path) -> None:
    action = make_action(
        {"confirm": [HOST], "timeout": 100, "results_directory": str(tmp_path)}, []
    )
    result = run(action)
    assert result["failed"]
    assert "not back in its normal kernel" in result["msg"]
    assert action.steps == ["start"]
    assert json.loads(Path(result["record_path"]).read_text())["verdict"] == "failed"


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
    assert "crash_test_resume=true" in result["msg"]


def test_the_console_says_how_far_a_lost_host_got(tmp_path: Path) -> None:
    console = tmp_path / "console"
    console.write_text("[    1.0] Command line: elfcorehdr=0x1 of an earlier crash\n")
    action = make_action({"confirm": [HOST], "timeout": 30, "console": str(console)}, [])
    action._low_level_execute_command = lambda *_args, **_kwargs: _print_and_fail(console)
    assert run(action)["record"]["stage"] == "panicked"


def _print_and_fail(console: Path) -> dict[str, Any]:
    with console.open("a") as log:
        log.write("[    2.0] Kernel panic - not syncing: sysrq triggered crash\n")
    raise AnsibleConnectionFailure("no route to host")


def test_resuming_begins_nothing_and_needs_no_confirmation() -> None:
    action = make_action({"resume": True}, [probe(AFTER)])
    assert not run(action)["failed"]
    assert action.steps == ["state", "collect"]
