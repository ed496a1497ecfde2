# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the module pcie_reset_helper the shell files that the collection ships."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import SHIPPED
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction

DIRECTORY = Path(__file__).parents[1] / "plugin_utils" / "pcie_reset"


class ActionModule(HostAction):
    """Runs the module of the same name with O(files) filled in; single entries of the task win."""

    _requires_connection = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        overrides = self._task.args.get("files") or {}
        if not isinstance(overrides, dict):
            raise AnsibleActionFail("The option files is not a dictionary of names and texts.")
        shipped = {name: (DIRECTORY / name).read_text(encoding="utf-8") for name in SHIPPED}
        arguments = {**self._task.args, "files": {**shipped, **overrides}}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result
