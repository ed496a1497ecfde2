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
    PROTECTED,
    is_confirmed,
    play_token,
    protection,
    strangers,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.boots import (
    claim,
    own_boot_id,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.inventory import Inventory
from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import Refusal

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
        self._inventory = Inventory(task_vars)

    def mistake(self) -> str | None:
        """What the operator has to put right before any host is crashed, None when there is nothing."""
        if self._action._task.delegate_to:
            return (
                f"The crash test of {self._host} is delegated to {self._action._task.delegate_to}: "
                "run it on the host that is to be crashed."
            )
        if self._options["resume"]:
            return None
        overridden = self._inventory.overridden()
        if overridden:
            return (
                f"{self._host} was not crashed: {' and '.join(overridden)} of the command line would say which host"
                " this is. Leave it out."
            )
        return self._unknown_groups() or self._unknown_names()

    def refusal(self) -> Refusal | None:
        """Why this host is not crashed while others are, None when it may be."""
        if self._action._connection.transport == "local":
            why = f"{self._host} has a local connection: this would crash the controller."
            return Refusal("own_machine", why)
        protected = None if self._options["resume"] else self._protection()
        return Refusal("protected", protected) if protected else None

    def _unknown_groups(self) -> str | None:
        """A protected group that is misspelled protects nobody."""
        unknown = [
            group
            for group in self._options["protected_groups"]
            if group != PROTECTED and not self._inventory.has_group(group)
        ]
        if not unknown:
            return None
        return (
            f"{self._host} was not crashed: the inventory has no group {' and no group '.join(unknown)}, so nothing is"
            " protected by it. Correct protected_groups (crash_test_protected_groups of the role)."
        )

    def _unknown_names(self) -> str | None:
        """A name that is misspelled is a host that was meant. All jobs of a workflow in AWX get one answer."""
        unknown = strangers(self._options["confirm"], self._play_hosts)
        if not unknown or self._inventory.of_workflow():
            return None
        return (
            f"{self._host} was not crashed: {', '.join(unknown)} was confirmed, which is no host of this play and no"
            " token. Correct confirm (crash_test_confirm of the role)."
        )

    def _protection(self) -> str | None:
        # What the inventory says counts, and what a play says in addition.
        groups = {*self._inventory.groups(self._host), *self._groups}
        protected = protection(groups, self._options["protected_groups"])
        if protected:
            return f"{self._host} is never crashed: it is in {', '.join(protected)}."
        others = self._inventory.hosts_of([PROTECTED, *self._options["protected_groups"]])
        alias = self._inventory.with_address_of(self._host, others)
        if alias:
            return (
                f"{self._host} is never crashed: it has the address of {alias}, which is protected."
            )
        return None

    def wrong_machine(self, boot_id: str) -> Refusal | None:
        """Why the machine that answers is not the one that may be crashed, None when it may be it."""
        if boot_id == own_boot_id():
            return Refusal(
                "own_machine",
                f"{self._host} was not crashed: it runs the kernel that this controller runs on, as itself or as a"
                " container.",
            )
        first = claim(boot_id, self._host)
        if first != self._host:
            return Refusal(
                "own_machine",
                f"{self._host} was not crashed: it is the same machine as {first}, by its boot id. Leave out one of"
                " these names.",
            )
        return None

    def note(self, boot_id: str) -> None:
        """Remember the boot that a host came back with: another name of it is still the same machine."""
        claim(boot_id, self._host)

    def is_confirmed(self) -> bool:
        """Whether the operator named this host, or gave the play's token."""
        return is_confirmed(
            self._host, self._options["confirm"], self._play_hosts, self._play, time.time()
        )

    def token(self) -> str:
        """What confirms the hosts of this play."""
        return play_token(self._play(), time.time())

    def _play(self) -> str:
        return self._inventory.identity(self._play_hosts)

    def not_confirmed(self) -> str | None:
        """Why the operator has not allowed the crash of this host, None when it is confirmed."""
        if self._options["resume"] or self.is_confirmed():
            return None
        given = ", ".join(self._options["confirm"]) or "nothing"
        return (
            f"{self._host} was not crashed: a crash test needs its name or the play's token as confirmation, and "
            f"{given} was confirmed. Set confirm (crash_test_confirm of the role) to {self._host}, "
            "or to the token that the same play shows with --check."
        )


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
