# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves what the module capture_tree read on a host, on the controller."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._captured import read_archive
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction
from ansible_collections.vmcore.kdump.plugins.plugin_utils._save import save


class ActionModule(HostAction):
    """Runs the module of the same name, and writes O(dest) unless in check mode.

    The host sends an archive and nothing else that counts: where it is saved, and what is said of it, is known here.
    """

    _requires_connection = True
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if isinstance(arguments.get("dest"), str):
            # Of the controller: the module would expand a ~ to a home on the host.
            arguments["dest"] = str(Path(arguments["dest"]).expanduser().absolute())
        reply = self._execute_module(module_args=arguments, task_vars=task_vars)
        if reply.get("failed"):
            reply.pop("archive", None)
            return {**result, **reply}
        dest = Path(arguments["dest"])
        try:
            archive = read_archive(reply.get("archive"))
            if not self._task.check_mode:
                save(dest, archive.data)
        except KdumpError as exc:
            raise AnsibleActionFail(f"The archive is not saved as {dest}. {exc}") from None
        except OSError as exc:
            raise AnsibleActionFail(
                f"The archive cannot be saved as {dest}: {exc.strerror}."
            ) from None
        warnings = {"warnings": reply["warnings"]} if reply.get("warnings") else {}
        return {
            **result,
            **warnings,
            "changed": True,
            "dest": str(dest),
            "size": len(archive.data),
            "functions": archive.functions,
        }
