# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether a host may be crashed, and who asks for it, by what the controller knows itself."""

from __future__ import annotations

import getpass
import os
import socket
import time
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.gate import (
    is_confirmed,
    play_token,
    protection,
)

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

Result = dict[str, t.Any]


class Permission:
    """What inventory, play and operator say of the crash of one host."""

    def __init__(self, action: ActionBase, task_vars: Result, options: Result) -> None:
        self._action = action
        self._options = options
        self._host: str = task_vars["inventory_hostname"]
        self._groups: list[str] = task_vars.get("group_names", [])
        # All hosts of the play, whatever batch is at work.
        self._play_hosts: list[str] = list(task_vars.get("ansible_play_hosts_all", ()))

    def refusal(self) -> str | None:
        """Why this host is not crashed, None when it may be."""
        delegated_to = self._action._task.delegate_to
        if delegated_to:
            return (
                f"The crash test of {self._host} is delegated to {delegated_to}: "
                "run it on the host that is to be crashed."
            )
        if self._action._connection.transport == "local":
            return f"{self._host} has a local connection: this would crash the controller."
        if self._options["resume"]:
            return None
        protected = self.protection()
        if protected:
            return protected
        if not self.is_confirmed():
            given = ", ".join(self._options["confirm"]) or "nothing"
            return (
                f"{self._host} was not crashed: a crash test needs its name or the play's token as confirmation, and "
                f"{given} was confirmed. Set confirm (crash_test_confirm of the role) to {self._host}, "
                "or to the token that the same play shows with --check."
            )
        return None

    def protection(self) -> str | None:
        """Why this host is never crashed, None when it is not protected."""
        groups = protection(self._groups, self._options["protected_groups"])
        return f"{self._host} is never crashed: it is in {', '.join(groups)}." if groups else None

    def is_confirmed(self) -> bool:
        """Whether the operator named this host, or gave the play's token."""
        return is_confirmed(self._host, self._options["confirm"], self._play_hosts, time.time())

    def token(self) -> str:
        """What confirms the hosts of this play."""
        return play_token(self._play_hosts, time.time())


def requester(task_vars: Result) -> str:
    """Who asks for a crash, for the audit trail on the host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without that user
        user = str(os.getuid())
    # Set by AWX for every job.
    job = task_vars.get("awx_job_id")
    by_job = f" by {task_vars.get('awx_user_name')} in job {job}" if job else ""
    return f"{user} on {socket.gethostname()}{by_job}"


__all__ = ("Permission", "requester")
