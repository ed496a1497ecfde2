# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The options of M(vmcore.kdump.crash_test), and of the private module that does its steps on the host."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import LOADS

# What to do about a test that was begun and not finished.
RESUME_HINT = "Finish the test when the host is back: ansible-playbook vmcore.kdump.verify, limited to this host."

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "confirm": {"type": "list", "elements": "str", "default": []},
    "protected_groups": {"type": "list", "elements": "str", "default": ["crash_test_protected"]},
    "state": {"type": "str", "choices": ["tested", "cancelled"], "default": "tested"},
    "window": {"type": "list", "elements": "str", "default": []},
    "window_time_zone": {"type": "str", "choices": ["host", "utc"], "default": "host"},
    "minimum_uptime": {"type": "int", "default": 60},
    "checks": {"type": "list", "elements": "str", "default": []},
    "delay": {"type": "int", "default": 3},
    "cpu": {"type": "str"},
    "load": {"type": "list", "elements": "str", "choices": list(LOADS), "default": []},
    "timeout": {"type": "int"},
    "console": {"type": "path"},
    "console_command": {"type": "list", "elements": "str"},
    "results_directory": {"type": "path"},
    "room_for_dump": {"type": "bool", "default": False},
    "resume": {"type": "bool", "default": False},
    "recovery": {"type": "dict"},
    "dump_host": {"type": "str"},
    "dumps": {"type": "list", "elements": "dict"},
    "refused": {"type": "str", "choices": ["skip", "stop"], "default": "stop"},
    "objection": {"type": "str"},
}

# Together they would contradict each other.
MUTUALLY_EXCLUSIVE = [("console", "console_command")]

# The options that say what is checked before a crash, and how the crash comes.
CHECK_OPTIONS = (
    "checks", "cpu", "delay", "dump_host", "load", "minimum_uptime", "window", "window_time_zone",
)  # fmt: skip

# The options of a step on the host, and which of them a step cannot do without.
STEP_ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "step": {
        "type": "str",
        "choices": ["preflight", "prepare", "trigger", "state", "collect", "cancel"],
        "required": True,
    },
    "run_id": {"type": "str"},
    "host": {"type": "str"},
    "requested_by": {"type": "str"},
    "observed": {"type": "dict", "default": {}},
    "with_logs": {"type": "bool", "default": False},
    **{option: ARGUMENTS[option] for option in (*CHECK_OPTIONS, "recovery", "dumps")},
}
STEP_NEEDS = [
    ("step", "prepare", ["run_id", "host", "requested_by"]),
    ("step", "trigger", ["run_id"]),
    ("step", "collect", ["run_id"]),
    ("step", "cancel", ["requested_by"]),
]

__all__ = (
    "ARGUMENTS",
    "CHECK_OPTIONS",
    "MUTUALLY_EXCLUSIVE",
    "RESUME_HINT",
    "STEP_ARGUMENTS",
    "STEP_NEEDS",
)
