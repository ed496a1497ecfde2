# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a host for the crashes that the controller does not know yet, and keeps what the host answers."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.crashes import Crashes
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils import _collect
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import (
    crash_log_path,
    crashes_path,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

Data = dict[str, t.Any]

_ARGUMENTS: Data = {
    "path": {"type": "path"},
    "directory": {"type": "path", "required": True},
}
# A call returns a few crashes with their logs, so that a host with many is asked more than once.
_CALLS = 200
display = Display()


class ActionModule(HostAction):
    """Has the host read what is new; what was kept before a call failed stays."""

    _requires_connection = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Data | None = None) -> Data:
        result: Data = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        host = str((task_vars or {})["inventory_hostname"])
        directory = Path(options["directory"]).expanduser().absolute()
        try:
            before = state = _collect.load(directory, host)
            new: list[str] = []
            for _call in range(_CALLS):
                answer = self._ask(options["path"], _collect.identities(state), task_vars)
                if answer.get("failed"):
                    return {**result, **answer}
                merged, fresh = _collect.merge(state, t.cast("Crashes", answer), int(time.time()))
                if merged != state and not self._task.check_mode:
                    _collect.keep(directory, merged, fresh)
                state = merged
                new += fresh
                if not (answer["left"] and answer["crashes"]):
                    break
        except KdumpError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        return {**result, **_told(host, directory, before, state, new, diff=self._task.diff)}

    def _ask(self, path: str | None, known: list[str], task_vars: Data | None) -> Data:
        arguments: Data = {"known": known, **({"path": path} if path else {})}
        answer = self._execute_module(
            module_name="vmcore.kdump._new_crashes", module_args=arguments, task_vars=task_vars
        )
        answer.pop("invocation", None)
        wrong = None if answer.get("failed") else next(misfits(answer, Crashes, "the answer"), None)
        if wrong:
            said = f"What the host answered are no crashes: {wrong:.200}."
            return {"failed": True, "msg": said}
        return answer


def _told(
    host: str,
    directory: Path,
    before: _collect.State,
    after: _collect.State,
    new: list[str],
    *,
    diff: bool,
) -> Data:
    """Return the task's result, and print the new crashes that nobody planned."""
    fresh = [crash for crash in after["crashes"] if crash["id"] in new]
    unplanned = [crash for crash in fresh if crash["origin"] == "unplanned"]
    for line in _collect.lines({**after, "crashes": unplanned}):
        display.display(clean(f"[{host}] {line}"))
    path = str(crashes_path(directory, host))
    told: Data = {
        "changed": before != after,
        "msg": f"{len(unplanned)} new unplanned crashes, {len(fresh) - len(unplanned)} of tests,"
        f" {len(after['crashes'])} known",
        "path": path,
        "crashes": [
            {
                **{key: crash[key] for key in _SHOWN},
                "log": str(crash_log_path(directory, host, crash["id"]))
                if crash["has_log"]
                else None,
            }
            for crash in fresh
        ],
    }
    if diff and before != after:
        told["diff"] = {
            "before_header": path,
            "after_header": path,
            "before": _text(before),
            "after": _text(after),
        }
    return told


_SHOWN = ("id", "origin", "run_id", "kind", "words", "reason", "signature", "release", "crash_time", "verdict",
          "path", "size")  # fmt: skip


def _text(state: _collect.State) -> str:
    return clean("".join(f"{line}\n" for line in _collect.lines(state)))
