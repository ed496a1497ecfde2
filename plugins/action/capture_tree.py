# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves what the module capture_tree read on a host, on the controller."""

from __future__ import annotations

import base64
import contextlib
import os
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Runs the module of the same name, and writes O(dest) unless in check mode."""

    _requires_connection = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if isinstance(arguments.get("dest"), str):
            # Of the controller: the module would expand a ~ to a home on the host.
            arguments["dest"] = str(Path(arguments["dest"]).expanduser().absolute())
        result.update(
            self._execute_module(
                module_args=arguments,
                task_vars=task_vars,
            )
        )
        archive = result.pop("archive", None)
        if archive is not None and not self._task.check_mode:
            _save(Path(result["dest"]), base64.b64decode(archive))
        return result


def _save(path: Path, data: bytes) -> None:
    """Replace a file at once, so that there is never half an archive."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise AnsibleActionFail(f"The archive cannot be saved as {path}: {exc.strerror}.") from exc
