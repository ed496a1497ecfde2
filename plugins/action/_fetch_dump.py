# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import (
    AbsolutePath,
    Uuid,
    misfit,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.dumps import fetch
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.watchdog import watchdog
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import dump_path
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

Result = dict[str, t.Any]

# For one command. A checksum of terabytes takes hours.
_SECONDS = 6 * 3600
_ATTEMPTS = 5


class ActionModule(ActionBase):
    """Copy the dump of a crash test to the controller, for the role crash_test."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Copy it, from the host of the task or the one it is delegated to."""
        result: Result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "src": {"type": "str", "required": True},
                "run_id": {"type": "str", "required": True},
                "results_directory": {"type": "path", "required": True},
            }
        )
        wrong = misfit(options["run_id"], Uuid, "run_id") or misfit(
            options["src"], AbsolutePath, "src"
        )
        if wrong:
            return {**result, "failed": True, "msg": f"{wrong}."}
        host = (task_vars or {})["inventory_hostname"]
        directory = Path(options["results_directory"]).absolute()
        place = dump_path(directory, host, options["run_id"])
        if self._task.check_mode:
            return {**result, "changed": True, "dest": str(place)}
        try:
            return {**result, "changed": self._fetch(options["src"], place), "dest": str(place)}
        except KdumpError as error:
            return {**result, "failed": True, "msg": clean(str(error))}
        except OSError as error:
            why = f"The dump cannot be stored in {place.parent}: {error.strerror}."
            return {**result, "failed": True, "msg": why}

    def _fetch(self, source: str, place: Path) -> bool:
        """Copy it; a connection that is lost is made again, and the copy goes on where it was."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return fetch(self._run, source, place)
            except AnsibleConnectionFailure as error:
                if attempt == _ATTEMPTS:
                    raise KdumpError(
                        f"The host was lost while its dump was copied ({error}): fetch it again, it goes on where it"
                        " was."
                    ) from error
                self._connection.reset()
        raise AssertionError

    def _run(self, command: str) -> tuple[int, str]:
        with watchdog(_SECONDS):
            answer = self._low_level_execute_command(command)
        text = answer["stdout"] if answer["rc"] == 0 else f"{answer['stdout']}\n{answer['stderr']}"
        return answer["rc"], text
