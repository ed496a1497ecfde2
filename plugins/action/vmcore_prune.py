# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a host remove old crash dumps, by what the controller knows of them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils import _collect
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction

Data = dict[str, t.Any]

_ARGUMENTS: Data = {
    "path": {"type": "path"},
    "directory": {"type": "path", "required": True},
    "max_age": {"type": "int"},
    "max_count": {"type": "int"},
    "max_size": {"type": "str"},
    "keep_unreported": {"type": "bool", "default": True},
    "keep_signatures": {"type": "bool", "default": True},
}
_LIMITS = ("max_age", "max_count", "max_size")


class ActionModule(HostAction):
    """Tells the host what is reported; nothing that the host answers decides anything here."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Data | None = None) -> Data:
        result: Data = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec=_ARGUMENTS, required_one_of=[list(_LIMITS)]
        )
        host = str((task_vars or {})["inventory_hostname"])
        directory = Path(options.pop("directory")).expanduser().absolute()
        size = options.pop("max_size")
        try:
            state = _collect.load(directory, host)
            options["max_bytes"] = _bytes(size)
        except KdumpError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        for name in ("max_age", "max_count"):
            if options[name] is not None and options[name] < 0:
                raise AnsibleActionFail(f"{name} is {options[name]}: it is a number from 0 on.")
        answer = self._execute_module(
            module_name="vmcore.kdump._prune_dumps",
            module_args={
                **{key: value for key, value in options.items() if value is not None},
                "reported": _collect.reported(state),
            },
            task_vars=task_vars,
        )
        answer.pop("invocation", None)
        return {**result, **answer}


def _bytes(size: str | None) -> int | None:
    """Return a size as people write it in bytes: C(20G), C(500M).

    Raises:
        KdumpError: it is none.
    """
    if size is None:
        return None
    try:
        number = human_to_bytes(size)
    except ValueError:
        number = -1
    if number < 0:
        raise KdumpError(f"max_size is {size}: write it like 20G or 500M.")
    return int(number)
