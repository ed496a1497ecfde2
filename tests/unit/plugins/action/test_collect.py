# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is new of a host's crashes: known by what is in them, kept once, and never named by a host."""

from __future__ import annotations

import copy
import json
import typing as t
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.action.collect import ActionModule
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Dmi
from ansible_collections.vmcore.kdump.plugins.plugin_utils import _collect

Data = dict[str, t.Any]

LOG = ["[    0.000000] Linux version 6.12", "[  100.000000] BUG: kernel NULL pointer dereference"]
CRASH: Data = {
    "identity": "a1", "path": "/var/crash/202611220951/dump.202611220951", "size": 7, "verdict": "complete",
    "why": "The dump is whole.", "origin": "unplanned", "run_id": None, "kind": "oops", "words": "An oops",
    "reason": "BUG: kernel NULL pointer dereference", "functions": ["f"], "signature": "5167", "cpu": 0, "task": "sh",
    "nodename": "db01", "release": "6.12", "build_id": "b1", "crash_time": 1795341073, "log": LOG, "log_is_cut": False,
}  # fmt: skip
TEST: Data = {**CRASH, "identity": "a2", "origin": "crash_test", "crash_time": 1795340000, "log": ["a test"],
              "path": "/var/crash/202611220900/dump.202611220900"}  # fmt: skip
DMI = dict.fromkeys(Dmi.__annotations__)


class Host:
    """A host with crashes, that returns one of those that are not known a call."""

    def __init__(self, *crashes: Data, **changes: t.Any) -> None:
        self.crashes = list(crashes)
        self.changes = changes
        self.asked: list[Data] = []

    def execute(self, _action: ActionModule, **call: t.Any) -> Data:
        assert call["module_name"] == "vmcore.kdump._new_crashes"
        self.asked.append(call["module_args"])
        known = call["module_args"]["known"]
        new = [crash for crash in self.crashes if crash["identity"] not in known]
        answer = {
            "directory": "/var/crash",
            "kernel": "6.12",
            "dmi": DMI,
            "architecture": "x86_64",
            "identities": [crash["identity"] for crash in self.crashes],
            "crashes": new[:1],
            "left": max(0, len(new) - 1),
            "changed": False,
            **self.changes,
        }
        return copy.deepcopy(answer)


Run = t.Callable[..., Data]


@pytest.fixture(name="collect")
def fixture_collect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    def run(
        host: Host, *, check_mode: bool = False, diff: bool = False, **arguments: t.Any
    ) -> Data:
        def execute(action: ActionModule, **call: t.Any) -> Data:
            return host.execute(action, **call)

        monkeypatch.setattr(ActionModule, "_execute_module", execute)
        arguments = {"directory": str(tmp_path), **arguments}
        task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, diff=diff)
        action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
        return action.run(task_vars={"inventory_hostname": "db/01"})

    return run


def kept(tmp_path: Path) -> Data:
    content: Data = json.loads((tmp_path / "crashes/db%2F01.json").read_text())
    return content


def test_what_is_new_is_kept_once(collect: Run, tmp_path: Path) -> None:
    host = Host(CRASH, TEST)
    first = collect(host)
    assert first["changed"]
    assert [crash["origin"] for crash in first["crashes"]] == ["crash_test", "unplanned"]
    assert first["msg"] == "1 new unplanned crashes, 1 of tests, 2 known"
    state = kept(tmp_path)
    assert [crash["crash_time"] for crash in state["crashes"]] == [1795340000, 1795341073]
    assert (tmp_path / "crashes").stat().st_mode & 0o777 == 0o700
    log = Path(first["crashes"][1]["log"])
    assert log.read_text() == "".join(f"{line}\n" for line in LOG)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "crashes").iterdir()}
    again = collect(host)
    assert not again["changed"]
    assert again["crashes"] == []
    assert host.asked[-1]["known"] == ["a1", "a2"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "crashes").iterdir()} == files


def test_no_dump_is_fetched(collect: Run, tmp_path: Path) -> None:
    collect(Host(CRASH))
    assert sorted(path.suffix for path in (tmp_path / "crashes").iterdir()) == [".json", ".log"]


def test_only_unplanned_crashes_are_printed(
    collect: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    collect(Host(CRASH, TEST))
    printed = capsys.readouterr().out
    assert printed.count("[db/01]") == 1
    assert "An oops (BUG: kernel NULL pointer dereference), kernel 6.12, signature 5167" in printed


def test_check_mode_writes_nothing_and_shows_the_difference(collect: Run, tmp_path: Path) -> None:
    result = collect(Host(CRASH), check_mode=True, diff=True)
    assert result["changed"]
    assert result["diff"]["before"] == ""
    assert "signature 5167" in result["diff"]["after"]
    assert list(tmp_path.iterdir()) == []
    collect(Host(CRASH))
    assert "diff" not in collect(Host(CRASH), check_mode=True, diff=True)


def test_a_dump_that_was_finished_or_compressed_later_is_the_same_crash(
    collect: Run, tmp_path: Path
) -> None:
    cut = {**CRASH, "verdict": "incomplete"}
    collect(Host(cut))
    whole = {**CRASH, "identity": "a3", "path": f"{CRASH['path']}.gz"}
    result = collect(Host(whole))
    assert result["changed"]
    assert result["crashes"] == []
    (crash,) = kept(tmp_path)["crashes"]
    assert (crash["verdict"], crash["identities"], crash["present"]) == (
        "complete",
        ["a1", "a3"],
        True,
    )


def test_a_dump_that_was_removed_stays_known(collect: Run, tmp_path: Path) -> None:
    collect(Host(CRASH))
    assert collect(Host())["changed"]
    assert not kept(tmp_path)["crashes"][0]["present"]
    assert not collect(Host())["changed"]
    # Another directory of the same host says nothing about it.
    collect(Host(CRASH))
    assert not collect(Host(directory="/srv/dumps"), path="/srv/dumps")["changed"]


def test_the_kernel_that_runs_now_is_kept(collect: Run, tmp_path: Path) -> None:
    collect(Host(CRASH))
    assert collect(Host(CRASH, kernel="6.13"))["changed"]
    assert kept(tmp_path)["kernel"] == "6.13"


@pytest.mark.parametrize(
    "wrong",
    [
        {"crashes": "x"}, {"crashes": [None]}, {"crashes": [{**CRASH, "origin": "mine"}]}, {"left": -1.5},
        {"crashes": [{**CRASH, "log": "text"}]}, {"crashes": [{**CRASH, "identity": 1}]}, {"dmi": None},
        {"identities": [["a"]]}, {"crashes": [{**CRASH, "verdict": "fine"}]},
    ],
)  # fmt: skip
def test_an_answer_of_another_shape_is_refused(collect: Run, tmp_path: Path, wrong: Data) -> None:
    result = collect(Host(CRASH, **wrong))
    assert result["failed"]
    assert "are no crashes" in result["msg"]
    assert list(tmp_path.iterdir()) == []


def test_no_host_names_a_file(collect: Run, tmp_path: Path) -> None:
    evil = {
        **CRASH,
        "identity": "../../evil",
        "path": "/../../evil",
        "nodename": "../evil",
        "log": [],
    }
    collect(Host(evil))
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == {
        "crashes",
        "crashes/db%2F01.json",
    }


def test_a_host_does_not_fill_the_controller(
    collect: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_collect, "MOST_CRASHES", 3)
    many = [{**CRASH, "identity": str(number), "log": [str(number)]} for number in range(9)]
    with pytest.raises(AnsibleActionFail, match="More than 3 crashes"):
        collect(Host(*many))
    assert len(kept(tmp_path)["crashes"]) == 3

    # One that always says that more is left is not asked for ever.
    endless = Host(left=1)
    collect(endless, directory=str(tmp_path / "other"))
    assert len(endless.asked) == 1


def test_a_spoiled_file_is_named(collect: Run, tmp_path: Path) -> None:
    (tmp_path / "crashes").mkdir()
    for content in ("{", "[]", '{"crashes": [1]}', '{"crashes": {}}'):
        (tmp_path / "crashes/db%2F01.json").write_text(content)
        with pytest.raises(AnsibleActionFail, match="Move the file away"):
            collect(Host(CRASH))


def test_a_host_that_fails_fails_the_task(collect: Run) -> None:
    assert collect(Host(failed=True, msg="no kdump"))["msg"] == "no kdump"
