# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from lab import cli
from lab.experiments import EXPERIMENTS


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_DIRECTORY", str(tmp_path))
    return tmp_path


def test_an_error_is_one_sentence_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["down", "nobody"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == "lab: There is no machine called nobody; this lab has: none.\n"


def test_a_lab_without_machines_has_nothing_to_list_or_to_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["status"]) == 0
    assert cli.main(["down"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "command",
    ["up", "down", "status", "ssh", "console", "inventory", "demo",
     *(each.name for each in EXPERIMENTS)],
)  # fmt: skip
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert command in capsys.readouterr().out
