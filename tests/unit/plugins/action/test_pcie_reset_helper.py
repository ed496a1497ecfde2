# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vmcore.kdump.plugins.action.pcie_reset_helper import (
    DIRECTORY,
    ActionModule,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import SHIPPED


def run(monkeypatch: pytest.MonkeyPatch, **arguments: t.Any) -> dict[str, t.Any]:
    """Run the action and return what it passes to the module."""
    passed: dict[str, t.Any] = {}

    def execute(_action: t.Any, module_args: dict[str, t.Any], **_rest: t.Any) -> dict[str, t.Any]:
        passed.update(module_args)
        return {"changed": False}

    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    action = ActionModule.__new__(ActionModule)
    action._task = t.cast(t.Any, SimpleNamespace(args=arguments, action="pcie_reset_helper"))
    assert action.run(task_vars={}) == {"changed": False}
    return passed


def test_every_shipped_file_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = run(monkeypatch, state="present", plan={"version": 1})
    assert passed["state"] == "present"
    assert passed["plan"] == {"version": 1}
    assert set(passed["files"]) == set(SHIPPED) == {path.name for path in DIRECTORY.iterdir()}
    assert passed["files"]["pcie-reset"].startswith("#!/bin/sh\n")


def test_single_files_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = run(monkeypatch)["files"]
    replaced = run(monkeypatch, files={"pcie-reset": "#!/bin/sh\n"})["files"]
    assert replaced == {**shipped, "pcie-reset": "#!/bin/sh\n"}


def test_files_that_are_no_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnsibleActionFail, match="not a dictionary"):
        run(monkeypatch, files="pcie-reset")
