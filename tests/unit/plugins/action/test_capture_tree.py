# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import tarfile
import typing as t
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.action.capture_tree import ActionModule
from ansible_collections.vmcore.kdump.plugins.module_utils._capture.tree import Member, archive

ARCHIVE = archive({"sys/bus": Member(tarfile.DIRTYPE)})


def run(
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, t.Any],
    result: dict[str, t.Any] | None = None,
    check_mode: bool = False,
) -> tuple[dict[str, t.Any], list[dict[str, t.Any]]]:
    """Run the action with a module that returns C(result), or an archive; return its calls too."""
    calls: list[dict[str, t.Any]] = []

    def execute(_self: ActionModule, **call: t.Any) -> dict[str, t.Any]:
        calls.append(call)
        return result or {
            "changed": True,
            "dest": call["module_args"]["dest"],
            "archive": base64.b64encode(ARCHIVE).decode("ascii"),
        }

    monkeypatch.setattr(ActionModule, "_execute_module", execute)
    task = MagicMock(args=arguments, async_val=0, check_mode=check_mode)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    return action.run(task_vars={}), calls


def test_archive_is_saved_and_not_returned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dest = tmp_path / "captures" / "db01.tar.gz"
    result, calls = run(monkeypatch, {"dest": str(dest), "identifying": True})
    assert dest.read_bytes() == ARCHIVE
    assert [path.name for path in dest.parent.iterdir()] == ["db01.tar.gz"]
    assert "archive" not in result
    assert result["dest"] == str(dest)
    assert calls[0]["module_args"] == {"dest": str(dest), "identifying": True}


def test_relative_path_is_one_of_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result, _calls = run(monkeypatch, {"dest": "db01.tar.gz"})
    assert result["dest"] == str(tmp_path / "db01.tar.gz")
    assert (tmp_path / "db01.tar.gz").exists()


def test_check_mode_saves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result, _calls = run(monkeypatch, {"dest": str(tmp_path / "a.tar.gz")}, check_mode=True)
    assert result["changed"]
    assert list(tmp_path.iterdir()) == []


def test_failure_is_handed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failure = {"failed": True, "msg": "There is no sysfs below /."}
    result, _calls = run(monkeypatch, {"dest": str(tmp_path / "a.tar.gz")}, failure)
    assert result["failed"]
    assert list(tmp_path.iterdir()) == []


def test_place_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AnsibleActionFail, match=r"cannot be saved as .*/file/a\.tar\.gz"):
        run(monkeypatch, {"dest": str(tmp_path / "file" / "a.tar.gz")})


def test_the_host_does_not_say_where_the_archive_is_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dest, elsewhere = tmp_path / "a.tar.gz", tmp_path / "authorized_keys"
    reply = {"changed": True, "dest": str(elsewhere), "archive": base64.b64encode(ARCHIVE).decode()}
    result, _calls = run(monkeypatch, {"dest": str(dest)}, reply)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]
    assert result == {"changed": True, "dest": str(dest), "size": len(ARCHIVE), "functions": 0}


@pytest.mark.parametrize("sent", [None, 7, [], "", "no base64", base64.b64encode(b"PK").decode()])
def test_what_is_no_archive_is_not_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sent: t.Any
) -> None:
    reply = {"changed": True, "archive": sent}
    with pytest.raises(AnsibleActionFail, match=r"is not saved as .* is no archive"):
        run(monkeypatch, {"dest": str(tmp_path / "a.tar.gz")}, reply)
    assert list(tmp_path.iterdir()) == []
