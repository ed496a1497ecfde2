# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The options of M(vmcore.kdump.crash_test), for its action plugin and its module."""

from __future__ import annotations

import typing as t

# What to do about a test that was begun and not finished.
RESUME_HINT = (
    "Finish the test when the host is back: ansible-playbook vmcore.kdump.crash_test"
    " -e crash_test_resume=true, limited to this host."
)

STEPS = ("preflight", "start", "state", "collect")

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "confirm": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "int", "default": 1800},
    "console": {"type": "path"},
    "results_directory": {"type": "path"},
    "resume": {"type": "bool", "default": False},
    "step": {"type": "str", "choices": list(STEPS), "default": "preflight"},
    "run_id": {"type": "str"},
    "host": {"type": "str"},
}

__all__ = ("ARGUMENTS", "RESUME_HINT", "STEPS")
