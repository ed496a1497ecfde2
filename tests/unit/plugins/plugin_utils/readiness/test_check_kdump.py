# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin for Nagios: its four exit codes, by what the readiness timer noted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

Data = dict[str, t.Any]

PLUGIN = Path(__file__).parents[5] / "plugins/plugin_utils/readiness/check_kdump"
ERROR = {"code": "not_armed", "severity": "error", "message": "No capture kernel | is loaded."}
WARNING = {"code": "sysrq_off", "severity": "warning", "message": "kernel.sysrq is 0."}


def check(path: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", str(PLUGIN), "--state", str(path), *arguments],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout.rstrip("\n")


def noted(path: Path, **changes: t.Any) -> Path:
    state = {
        "version": 1, "checked_at": int(time.time()), "kernel": "6.12", "state": "proven", "problems": [],
        "changes": [], "new_kernels": [], **changes,
    }  # fmt: skip
    path.write_text(json.dumps(state))
    return path


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, 0, "KDUMP OK - proven on the kernel 6.12 | errors=0 warnings=0"),
        ({"problems": [WARNING]}, 1, "KDUMP WARNING - kernel.sysrq is 0. | errors=0 warnings=1"),
        ({"state": "stale", "changes": ["The kernel."]}, 1,
         "KDUMP WARNING - the proof is stale. The kernel. | errors=0 warnings=0"),
        ({"state": "unproven"}, 1, "KDUMP WARNING - no crash has proven it. | errors=0 warnings=0"),
        ({"new_kernels": ["6.13"]}, 1,
         "KDUMP WARNING - Installed after the proof: 6.13. | errors=0 warnings=0"),
        ({"state": "not_ready", "problems": [WARNING, ERROR]}, 2,
         "KDUMP CRITICAL - no dump would be there. No capture kernel / is loaded. | errors=1 warnings=1"),
        ({"checked_at": 0}, 3, "look at vmcore-kdump-readiness.timer | errors=0 warnings=0"),
        ({"checked_at": 9e9}, 3, "look at vmcore-kdump-readiness.timer"),
        ({"version": 2}, 3, "of another release"),
        ({"problems": 5}, 3, "cannot be read"),
        ({"checked_at": None}, 3, "cannot be read"),
    ],
)  # fmt: skip
def test_the_exit_code_and_one_line(tmp_path: Path, changes: Data, code: int, said: str) -> None:
    status, line = check(noted(tmp_path / "state.json", **changes))
    assert status == code
    assert said in line


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "1"])
def test_what_is_no_state_is_unknown(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    status, line = check(tmp_path / "state.json")
    assert (status, line.startswith("KDUMP UNKNOWN - ")) == (3, True)


def test_a_host_that_was_never_checked_is_unknown(tmp_path: Path) -> None:
    status, line = check(tmp_path / "none.json")
    assert status == 3
    assert "run the role readiness" in line


def test_how_old_a_state_may_be(tmp_path: Path) -> None:
    path = noted(tmp_path / "state.json", checked_at=int(time.time()) - 7200)
    assert check(path)[0] == 0
    assert check(path, "--max-age", "1")[0] == 3
    status, line = check(path, "--max-age", "soon")
    assert (status, line.startswith("KDUMP UNKNOWN")) == (3, True)
