# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With the real AnsibleModule, in a process as Ansible starts it."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.modules import crashkernel

PLUGINS = Path(crashkernel.__file__).parents[1]
# A module, and how it is begun with the arguments that it reads from its standard input.
BEGIN = """\
import json, os, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[1])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from pathlib import Path
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._module import (
    run_module, runner, writer,
)
"""


def module(work: str, cwd: Path, **environment: str) -> dict[str, t.Any]:
    """Run a module with C(work) as the body of what it does, and return what it printed."""
    body = "".join(f"    {line}\n" for line in work.splitlines())
    main = "run_module(work, argument_spec={})"
    return program(f"{BEGIN}def work(module):\n{body}{main}\n", cwd, **environment)


def program(text: str, cwd: Path, **environment: str) -> dict[str, t.Any]:
    """Run a Python program that ends as a module does."""
    arguments = {"_ansible_tmpdir": str(cwd), "_ansible_remote_tmp": str(cwd)}
    done = subprocess.run(
        [sys.executable, "-c", text, json.dumps(arguments)],
        cwd=cwd,
        env={**os.environ, **environment, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == (1 if result.get("failed") else 0)
    result.pop("invocation", None)
    return t.cast("dict[str, t.Any]", result)


def test_what_the_work_returns_is_the_result(tmp_path: Path) -> None:
    assert module('return {"changed": True, "path": "/x"}', tmp_path) == {
        "changed": True,
        "path": "/x",
    }


def test_an_error_of_the_domain_is_a_failure_with_its_sentence(tmp_path: Path) -> None:
    assert module('raise KdumpError("The image is gone: build it.")', tmp_path) == {
        "failed": True,
        "msg": "The image is gone: build it.",
    }


@pytest.mark.parametrize("user", [0, 1000])
def test_what_only_root_can_do_is_refused_before_anything_is_done(
    tmp_path: Path, user: int
) -> None:
    text = (
        f"{BEGIN}os.geteuid = lambda: {user}\n"
        "def work(module):\n    Path('done').touch()\n    return {}\n"
        "run_module(work, argument_spec={}, only_root_can='set the memory', failure={'refused': True})\n"
    )
    result = program(text, tmp_path)
    if user:
        assert result == {
            "failed": True,
            "msg": "Only root can set the memory: set become for this task.",
            "refused": True,
        }
    assert (tmp_path / "done").exists() == (user == 0)


def test_output_of_success_is_the_standard_output_and_of_failure_both(tmp_path: Path) -> None:
    ran = module(
        'run = runner(module)\nsay = "echo answer; echo warning >&2; exit "\n'
        'return {"ok": run(["sh", "-c", say + "0"]), "failed_with": run(["sh", "-c", say + "3"]),'
        ' "copied": run(["cat"], "given")}',
        tmp_path,
    )
    assert ran == {
        "ok": [0, "answer\n"],
        "failed_with": [3, "answer\n\nwarning"],
        "copied": [0, "given\n"],
    }


# AnsibleModule.run_command() hears nothing for a second, and the program prints and ends before the next look.
UNHEARD = """\
import selectors, time
def hear_nothing(self, timeout=None):
    time.sleep(0.5)
    return []
selectors.PollSelector.select = hear_nothing
"""


def test_what_a_program_prints_right_before_its_end_is_not_lost(tmp_path: Path) -> None:
    ran = module(
        f'{UNHEARD}run = runner(module)\nsay = "echo answer; echo warning >&2; exit "\n'
        'return {"ok": run(["sh", "-c", say + "0"]), "failed_with": run(["sh", "-c", say + "3"])}',
        tmp_path,
    )
    assert ran == {"ok": [0, "answer\n"], "failed_with": [3, "answer\n\nwarning"]}


def test_nobody_waits_for_what_a_program_leaves_in_the_background(tmp_path: Path) -> None:
    ran = module(
        'run = runner(module)\nreturn {"ok": run(["sh", "-c", "sleep 60 & echo $!"])}', tmp_path
    )
    os.kill(int(ran["ok"][1]), signal.SIGKILL)  # it is still there


def test_an_argument_is_taken_as_it_is(tmp_path: Path) -> None:
    names = ["$HOME/dump", "~/dump"]
    ran = module(f'return {{"said": runner(module)(["printf", "%s\\n", *{names}])}}', tmp_path)
    assert ran["said"] == [0, "$HOME/dump\n~/dump\n"]


def test_a_program_that_is_missing_or_cannot_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no program")
    (tmp_path / "data").chmod(0o644)
    ran = module(
        'run = runner(module)\nreturn {"missing": run(["no-such-program", "-x"]),'
        ' "data": run([str(Path("data").absolute())])}',
        tmp_path,
    )
    assert ran["missing"] == [127, "The host has no no-such-program."]
    assert ran["data"] == [127, f"{tmp_path}/data cannot be run: Permission denied."]


def test_programs_answer_in_one_language(tmp_path: Path) -> None:
    assert module(
        'return {"said": runner(module)(["sh", "-c", "echo $LC_ALL"])}', tmp_path, LC_ALL="de_DE"
    )["said"][1].strip().lower() in ("c.utf-8", "c.utf8")


def test_a_new_file_has_the_mode_that_is_asked_for_whatever_was_there(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("old")
    (tmp_path / "hook").chmod(0o600)
    module('writer(module)(Path("hook").absolute(), b"new", 0o755)\nreturn {}', tmp_path)
    assert (tmp_path / "hook").read_bytes() == b"new"
    assert (tmp_path / "hook").stat().st_mode & 0o7777 == 0o755


def test_an_edited_file_keeps_its_permissions_and_the_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    module('writer(module)(Path("link").absolute(), b"new", None)\nreturn {}', tmp_path)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o7777 == 0o640


def test_a_file_that_is_edited_and_is_not_there_is_readable_for_all(tmp_path: Path) -> None:
    module('writer(module)(Path("conf").absolute(), b"new", None)\nreturn {}', tmp_path)
    assert (tmp_path / "conf").stat().st_mode & 0o7777 == 0o644


def test_nothing_is_left_beside_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    module('writer(module)(Path("etc/conf").absolute(), b"new", None)\nreturn {}', tmp_path)
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["conf"]


def test_no_other_file_begins_or_ends_a_module_or_runs_its_commands() -> None:
    """One runner, one start, one end: what is mended in them is mended for all."""
    ours = PLUGINS / "module_utils" / "_module.py"
    used = {"AnsibleModule", "run_command", "atomic_move", "fail_json", "exit_json", "geteuid"}
    found = {
        (path.relative_to(PLUGINS).as_posix(), name)
        for directory in ("modules", "module_utils")
        for path in sorted((PLUGINS / directory).rglob("*.py"))
        if path != ours
        for name in _called(path)
        if name in used
    }
    assert found == set()


def _called(path: Path) -> t.Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
