# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the hosts of a play that were assessed as one table, on the controller."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.plugin_utils._assess import table

Data = dict[str, t.Any]

display = Display()

_ARGUMENTS: Data = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "register": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """Reads what tasks have registered; nothing is done on a host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Data | None = None) -> Data:
        result: Data = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        hostvars = (task_vars or {}).get("hostvars") or {}
        rows = {
            host: _row(hostvars[host], options["register"]) if host in hostvars else None
            for host in options["hosts"]
        }
        text = table.render(rows)
        display.display(text)
        return {**result, "changed": False, "msg": text, "rows": rows}


def _row(variables: t.Mapping[str, t.Any], register: str) -> t.Any:
    registered = variables.get(register)
    return registered.get("row") if isinstance(registered, dict) else None
