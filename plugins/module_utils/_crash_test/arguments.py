# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The options of M(vmcore.kdump.crash_test), for its action plugin and its module."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import LOADS

# What to do about a test that was begun and not finished.
RESUME_HINT = "Finish the test when the host is back: ansible-playbook vmcore.kdump.verify, limited to this host."

STEPS = ("preflight", "prepare", "trigger", "state", "collect", "cancel")

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
    "resume": {"type": "bool", "default": False},
    "recovery": {"type": "dict"},
    "dump_host": {"type": "str"},
    "dumps": {"type": "list", "elements": "dict"},
    "step": {"type": "str", "choices": list(STEPS), "default": "preflight"},
    "run_id": {"type": "str"},
    "host": {"type": "str"},
    "requested_by": {"type": "str"},
    "observed": {"type": "dict", "default": {}},
    "with_logs": {"type": "bool", "default": False},
}

# Together they would contradict each other.
MUTUALLY_EXCLUSIVE = [("console", "console_command")]

__all__ = ("ARGUMENTS", "MUTUALLY_EXCLUSIVE", "RESUME_HINT", "STEPS")
