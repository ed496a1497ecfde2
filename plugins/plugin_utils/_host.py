# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The border to a host: what it answers is data about that host, and decides nothing on the controller.

docs/how/security.md says what is checked at which border.
"""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Facts
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean_json

Result = dict[str, t.Any]

# What the variables of this collection begin with. Ansible makes a variable of every fact, whatever its name is.
_OURS = re.compile(
    r"(?:assess|awx_setup|capture|collect|crash_test|fleet_report|kdump|pcie_reset|prune|readiness)_"
)
# Where ansible-core notes the interpreter that it found itself; a host's own are taken out by it.
_OF_THE_CONTROLLER = "discovered_interpreter_"
_FACTS = frozenset(Facts.__annotations__)


class HostAction(ActionBase):
    """An action that has a module run on a host.

    No terminal acts on what the host printed, and no variable comes from it. A host whose facts hold variables of this
    collection, from another module or a cache, is refused before it is asked anything.
    """

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        result: Result = super().run(tmp, task_vars)
        _refuse_decisions(task_vars or {})
        return result

    def _low_level_execute_command(self, *args: t.Any, **kwargs: t.Any) -> Result:
        # Before anything reads it: ansible-core shows what it cannot read.
        done: Result = super()._low_level_execute_command(*args, **kwargs)
        for stream in ("stdout", "stderr"):
            if isinstance(done.get(stream), str):
                done[stream] = clean_json(done[stream])
        done["stdout_lines"] = done.get("stdout", "").splitlines()
        done["stderr_lines"] = done.get("stderr", "").splitlines()
        return done

    def _execute_module(self, *args: t.Any, **kwargs: t.Any) -> Result:
        reply: Result = super()._execute_module(*args, **kwargs)
        if isinstance(reply.get("warnings"), list):
            reply["warnings"] = [_text_of(warning) for warning in reply["warnings"]]
        name = kwargs.get("module_name") or (args[0] if args else None) or self._task.action
        answered = reply.pop("ansible_facts", None)
        facts = answered if isinstance(answered, dict) else {}
        of_controller = {
            key: facts[key] for key in facts if str(key).startswith(_OF_THE_CONTROLLER)
        }
        of_host = {key: facts[key] for key in facts if key in _FACTS}
        if str(name).rpartition(".")[2] != "platform_facts" or reply.get("failed"):
            of_host = {}
        elif phrase := next(misfits(of_host or answered, Facts, "ansible_facts"), None):
            said = f"What the host answered are no facts: {phrase:.200}."
            reply, of_host = {**reply, "failed": True, "msg": said}, {}
        kept = {**of_controller, **of_host}
        return {**reply, "ansible_facts": kept} if kept else reply


def _text_of(warning: t.Any) -> t.Any:
    """Return the text of a warning; what is none stays as it is, for the checks of an answer.

    ansible-core makes objects of a module's warnings since 2.19, and adds some of its own: at a first contact the
    module says that it made its temporary directory (AnsibleModule.tmpdir). The class is private, its event is not.
    """
    return getattr(getattr(warning, "event", None), "msg", warning)


class ModuleAction(HostAction):
    """Runs the module of the same name as it is."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        result = super().run(tmp, task_vars)
        return {**result, **self._execute_module(task_vars=task_vars)}


def _refuse_decisions(task_vars: Result) -> None:
    facts = task_vars.get("ansible_facts")
    decided = sorted(key for key in facts or () if _OURS.match(str(key)))
    if decided:
        raise AnsibleActionFail(
            f"The facts of {task_vars.get('inventory_hostname')} hold {clean_json(', '.join(decided)):.200}, which no"
            " host decides: find out what set them, and clear its facts (ansible-playbook --flush-cache)."
        )


__all__ = ("HostAction", "ModuleAction")
