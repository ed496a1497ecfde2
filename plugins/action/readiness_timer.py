# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the module readiness_timer the program that it installs."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils import _readiness
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction


class ActionModule(HostAction):
    """Runs the module of the same name with its options C(program) and C(check) filled in."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_diff = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state", "present") != "absent":
            arguments["program"] = base64.b64encode(_readiness.program()).decode("ascii")
            arguments["check"] = _readiness.check()
        answer = self._execute_module(module_args=arguments, task_vars=task_vars)
        # 100 KB that nobody reads.
        answer.pop("invocation", None)
        return {**result, **answer}
