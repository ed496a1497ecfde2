# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib.util
import shutil
import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import module_loader
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.inventory import Inventory

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Result = dict[str, t.Any]

# What a way of recovery needs on the controller: modules of a collection, Python libraries, programs.
_NEEDS = {
    "redfish": [
        ("module", "community.general.redfish_info"),
        ("module", "community.general.redfish_command"),
    ],
    "ipmi": [
        ("module", "community.general.ipmi_power"),
        ("Python library", "pyghmi"),
        ("program", "ipmitool"),
    ],
}
_HAS: dict[str, Callable[[str], bool]] = {
    "module": lambda name: bool(module_loader.find_plugin(name)),
    "Python library": lambda name: importlib.util.find_spec(name) is not None,
    "program": lambda name: shutil.which(name) is not None,
}
_BMC = ("bmc_host", "bmc_user", "bmc_password")


class ActionModule(ActionBase):
    """Look before a crash whether all is there that is needed after it, for the role crash_test."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Look at the controller; nothing is asked of any host."""
        result: Result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "recovery": {"type": "str"},
                "bmc_host": {"type": "str"},
                "bmc_user": {"type": "str"},
                "bmc_password": {"type": "str", "no_log": True},
                "dump_host": {"type": "str"},
                "dump_path": {"type": "path"},
            }
        )
        host = (task_vars or {})["inventory_hostname"]
        missing = [*self._recovery(options), *_arrival(options, Inventory(task_vars or {}))]
        if not missing:
            return {**result, "changed": False}
        why = f"{host} was not crashed: what is needed after the crash is missing. {' '.join(missing)}"
        return {**result, "failed": True, "msg": why}

    def _recovery(self, options: Result) -> Iterator[str]:
        """What keeps a host from being recovered, a sentence each."""
        way = options["recovery"]
        if way is None:
            return
        if way not in _NEEDS:
            try:
                self._find_needle("tasks", way)
            except AnsibleError:
                known = " and ".join(_NEEDS)
                yield f"crash_test_recovery is {way}, which is no file of tasks; {known} are the other ways."
            return
        for name in _BMC:
            if not options[name]:
                yield f"Set crash_test_{name} for the recovery with {way}."
        for kind, name in _NEEDS[way]:
            if not _HAS[kind](name):
                yield f"The controller has no {kind} {name}: install it."


def _arrival(options: Result, inventory: Inventory) -> Iterator[str]:
    """What keeps a dump from being judged where it arrives, a sentence each."""
    host = options["dump_host"]
    if host is None:
        return
    if not inventory.has(host):
        yield f"crash_test_dump_host is {host}, which the inventory has not."
    if not options["dump_path"]:
        yield f"Set crash_test_dump_path: the directory on {host} in which dumps arrive."
