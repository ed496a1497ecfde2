# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.outcomes import outcomes

Data = dict[str, t.Any]

display = Display()


class ActionModule(ActionBase):
    """Reads what the tasks of the run have registered; nothing is done on a host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: Data | None = None) -> Data:
        """Show the outcomes; fail when there is none, which would look like a fleet in which all is well."""
        result: Data = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={"hosts": {"type": "list", "elements": "str", "required": True}}
        )
        hostvars = (task_vars or {}).get("hostvars") or {}
        told = outcomes(
            {
                host: hostvars[host].get("crash_test_outcome") if host in hostvars else None
                for host in options["hosts"]
            }
        )
        display.display(told.text)
        if told.tested:
            return {**result, "changed": False, "msg": told.text}
        why = "No host was crash-tested, and none would be: the lines above say why, for each host."
        return {**result, "failed": True, "msg": why}
