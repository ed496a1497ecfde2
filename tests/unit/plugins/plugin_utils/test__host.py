# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The border to a host. What crosses it in a real play is in tests/unit/hostile."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ansible.plugins.action import ActionBase
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.answers import answer_of
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction

MADE = "Module remote_tmp /root/.ansible/tmp did not exist and was created with a mode of 0700"
# As ansible-core's AnsibleModule prints a warning.
ON_THE_WIRE = {
    "__ansible_type": "WarningSummary",
    "event": {"__ansible_type": "Event", "msg": MADE},
}


class Action(HostAction):
    """An action without a play."""

    def __init__(self) -> None:
        self._task: Any = SimpleNamespace(action="vmcore.kdump._crash_test_step")


def reply_of(monkeypatch: pytest.MonkeyPatch, **answer: Any) -> dict[str, Any]:
    """What the action gets of a module's answer, which ansible-core reads."""

    def execute(action: Action, **_call: Any) -> Any:
        done = {"rc": 0, "stdout": json.dumps(answer), "stderr": ""}
        return action._parse_returned_data(done, "legacy")

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    return Action()._execute_module()


def test_warning_that_ansible_makes_at_a_first_contact_is_a_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boot_id = "5a4c0a63-52dc-4d2f-8c1d-0d7f4a2f6f5e"
    preflight = {"ready": True, "checks": [], "boot_id": boot_id, "msg": "The host is ready."}
    reply = reply_of(monkeypatch, changed=False, warnings=[ON_THE_WIRE], **preflight)
    assert reply["warnings"] == [MADE]
    assert answer_of("preflight", reply)["warnings"] == [MADE]


def test_what_is_no_warning_stays_for_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = reply_of(monkeypatch, warnings=["a text", 7, None])
    assert reply["warnings"] == ["a text", 7, None]
