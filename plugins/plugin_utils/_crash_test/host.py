# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The host that is crashed, over Ansible's connection to it: steps of the module, probes, sessions that die."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import RESUME_HINT
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    Probe,
    parse_probe,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import RESERVE
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.answers import answer_of
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.watchdog import watchdog

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

# A peer that panicked sends no FIN: without these a session over it hangs for ever.
_SSH_OPTIONS = "-o ServerAliveInterval=5 -o ServerAliveCountMax=6"
# ssh notices a dead peer only in a session that is open. One that dies while it lets somebody in, or that answers
# and does nothing, is noticed by these: seconds for a probe, for a step of the module, to drop a session.
_PROBE_SECONDS = 90
_STEP_SECONDS = 1800
_RESET_SECONDS = 30

# What a step is for, in messages.
_PURPOSES = {
    "preflight": "check it",
    "prepare": "prepare the test",
    "trigger": "crash it",
    "state": "ask for its test",
    "collect": "judge its dump",
    "cancel": "cancel its test",
}
# Steps that are done when there is no test that could be finished.
_WITHOUT_TEST = ("preflight", "prepare")
# Steps after a crash: the dump may have filled the file system that the module is copied to.
_STEPS_AFTER = ("state", "collect")
RELEASE = f"rm -f {RESERVE}"

Result = dict[str, t.Any]


class RemoteHost:
    """One host, by the action plugin that has the connection to it."""

    def __init__(self, action: ActionBase, task_vars: Result) -> None:
        self._action = action
        self._task_vars = task_vars
        self.name: str = task_vars["inventory_hostname"]

    def step(self, step: str, **arguments: t.Any) -> Result:
        """Run one step of the module on the host.

        A host that cannot be reached is a failure here, not "unreachable": a play counts only
        failures when it decides whether the next hosts are crashed.
        """
        hint = "" if step in _WITHOUT_TEST else f" {RESUME_HINT}"
        try:
            if step in _STEPS_AFTER and not self._action._task.check_mode:
                with watchdog(_PROBE_SECONDS):
                    self._action._low_level_execute_command(RELEASE)
            with watchdog(_STEP_SECONDS):
                done: Result = self._action._execute_module(
                    module_name="vmcore.kdump._crash_test_step",
                    module_args={"step": step, **arguments},
                    task_vars=self._task_vars,
                )
        except AnsibleConnectionFailure as error:
            return {
                "failed": True,
                "changed": step == "trigger",
                "unanswered": True,
                "msg": f"{self.name} cannot be reached to {_PURPOSES[step]}: {error}{hint}",
            }
        try:
            return answer_of(step, done)
        except KdumpError as error:
            # Nobody knows what the host did. Whoever asks it again may get an answer.
            return {
                "failed": True,
                "changed": step in ("trigger", "collect"),
                "msg": f"What {self.name} answered is not believed: {error}{hint}",
            }

    def probe(self, command: str) -> Probe | None:
        """What the host is doing, None when it does not answer."""
        try:
            with watchdog(_PROBE_SECONDS):
                answer = self._action._low_level_execute_command(command, sudoable=False)
        except AnsibleConnectionFailure:
            self.drop_session()
            return None
        return parse_probe(answer["stdout"]) if answer["rc"] == 0 else None

    def notice_dead_peers(self) -> None:
        """From here on a session ends when its peer is dead. The peer may die in any of them."""
        connection = self._action._connection
        # Connections other than ssh have no such option, and time limits of their own.
        with contextlib.suppress(KeyError, AnsibleError):
            present = connection.get_option("ssh_extra_args") or ""
            if _SSH_OPTIONS not in present:
                connection.set_option("ssh_extra_args", f"{present} {_SSH_OPTIONS}".strip())
        self.drop_session()

    def forget_session(self) -> None:
        """Drop what belongs to the kernel that is about to die: session and temporary directory."""
        self.drop_session()
        self._action._connection._shell.tmpdir = None

    def drop_session(self) -> None:
        """Let the next command open a session of its own."""
        with contextlib.suppress(AttributeError, AnsibleError), watchdog(_RESET_SECONDS):
            self._action._connection.reset()  # there may be nothing to drop


__all__ = ("RELEASE", "RemoteHost")
