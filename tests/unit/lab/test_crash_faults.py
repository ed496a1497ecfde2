# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.causes import CAUSES
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import STAGES
from lab import cli, crash_faults
from lab.crash_faults import FAULTS, Result, Verdict, said
from lab.errors import LabError
from lab.watch import acting


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_expected_of_a_fault_can_be_said(name: str) -> None:
    fault = FAULTS[name]
    for verdict in filter(None, (fault.expected, fault.later)):
        assert verdict.cause is None or verdict.cause in {rule.code for rule in CAUSES}
        assert verdict.stage is None or verdict.stage in {stage.name for stage in STAGES}
        assert (verdict.verdict == "passed") == (verdict.cause is None)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_comes_after_what_it_needs_and_happens_once(name: str) -> None:
    fault, order = FAULTS[name], list(FAULTS)
    assert fault.needs is None or order.index(fault.needs) < order.index(name)
    for event in fault.events:
        re.compile(event.line)
        assert bool(event.command) != bool(event.monitor)
    assert fault.refused_by is None or (fault.events[0].command and fault.undo)


def test_an_unknown_fault_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["crash-faults", "nothing"]) == 1
    assert "nothing; choose of: none, " in capsys.readouterr().err


def test_what_a_record_says_is_compared_word_by_word() -> None:
    record: dict[str, Any] = {
        "verdict": "failed",
        "vmcore": {"verdict": "incomplete"},
        "cause": {"stage": "dump complete", "code": "unfinished"},
    }
    answer = said(record)
    assert answer == Verdict("failed", "incomplete", "dump complete", "unfinished")
    wanted = Verdict("failed", "incomplete", "dump complete", "disk_full")
    assert crash_faults._differences(wanted, answer) == ["The cause is unfinished, not disk_full."]
    assert said({"verdict": "passed", "vmcore": None, "cause": None}) == Verdict("passed", "none")


def test_a_table_says_what_is_not_as_expected() -> None:
    text = crash_faults.table(
        [
            Result("none", "passed", "passed", 61.4, (), "It is whole."),
            Result("hang", "failed", "passed", 9.0, ("The verdict is passed, not failed.",), "?"),
        ]
    )
    assert text.splitlines()[2:] == [
        "| none | passed | passed | 61 | yes |",
        "| hang | failed | passed | 9 | NO |",
        "none: It is whole.",
        "hang: ?",
        "hang: NOT AS EXPECTED: The verdict is passed, not failed.",
    ]


def test_something_is_done_once_when_the_console_says_so(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("panic of an earlier crash\n")
    done: list[str] = []
    happened = threading.Event()

    def act() -> None:
        done.append("reset")
        happened.set()

    with acting(host, [("panic", act)]), host.console.open("a") as console:
        print("all is well", file=console, flush=True)
        print("Kernel panic\nKernel panic", file=console, flush=True)
        assert happened.wait(30)
    assert done == ["reset"]


def test_a_line_that_never_came_is_an_error(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("panic of an earlier crash\n")
    with pytest.raises(LabError, match="never said 'panic'"), acting(host, [("panic", print)]):
        pass


def test_what_could_not_be_done_is_an_error(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("")
    tried = threading.Event()

    def act() -> None:
        tried.set()
        raise LabError("QEMU's monitor refused it.")

    def crash() -> None:
        with acting(host, [("panic", act)]):
            host.console.write_text("panic\n")
            assert tried.wait(30)

    with pytest.raises(LabError, match="monitor refused"):
        crash()
