# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is told about its dumps before it removes some."""

from __future__ import annotations

import typing as t
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.action.vmcore_prune import ActionModule
from ansible_collections.vmcore.kdump.plugins.plugin_utils import _collect
from ansible_collections.vmcore.kdump.tests.unit.plugins.action.test_collect import CRASH

Data = dict[str, t.Any]


def run(monkeypatch: pytest.MonkeyPatch, **arguments: t.Any) -> list[Data]:
    calls: list[Data] = []

    def execute(_self: ActionModule, **call: t.Any) -> Data:
        calls.append(call)
        return {"changed": False, "removed": [], "kept": []}

    monkeypatch.setattr(ActionModule, "_execute_module", execute)
    task = MagicMock(args=arguments, async_val=0, check_mode=False, diff=False)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    action.run(task_vars={"inventory_hostname": "db01"})
    return calls


def test_the_host_is_told_what_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    crash = {key: value for key, value in CRASH.items() if key not in ("identity", "log")}
    kept = {**crash, "id": "x", "identities": ["a1", "a3"]}
    _collect.keep(tmp_path, {"version": 1, "host": "db01", "crashes": [kept]}, {})
    (call,) = run(monkeypatch, directory=str(tmp_path), max_size="20G", max_age=90)
    assert call["module_name"] == "vmcore.kdump._prune_dumps"
    told = {"signature": "5167", "crash_time": 1795341073}
    assert call["module_args"] == {
        "keep_unreported": True,
        "keep_signatures": True,
        "max_age": 90,
        "max_bytes": 20 << 30,
        "reported": {"a1": told, "a3": told},
    }


def test_nothing_is_reported_of_a_host_that_was_not_collected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (call,) = run(monkeypatch, directory=str(tmp_path), max_count=0)
    assert call["module_args"]["reported"] == {}
    assert call["module_args"]["max_count"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "max_age, max_count, max_size"),
        ({"max_size": "lots"}, "max_size is lots"),
        ({"max_size": "-1G"}, "max_size is -1G"),
        ({"max_age": -1}, "max_age is -1"),
        ({"max_count": -1}, "max_count is -1"),
    ],
)
def test_limits_that_are_none_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: Data, said: str
) -> None:
    with pytest.raises(AnsibleActionFail, match=said):
        run(monkeypatch, directory=str(tmp_path), **arguments)
