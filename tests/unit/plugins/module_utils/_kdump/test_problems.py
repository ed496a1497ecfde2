# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import (
    PROBLEMS,
    WARNINGS,
    problem,
)


def test_every_problem_is_a_sentence() -> None:
    for code, sentence in PROBLEMS.items():
        words = dict.fromkeys(re.findall(r"{(\w+)}", sentence), "x")
        if "refused" in words:  # a sentence itself
            words["refused"] = "It needs more."
        message = problem(code, **words)["message"]
        assert message.endswith(".")
        assert "{" not in message


def test_severity_of_problems() -> None:
    assert set(PROBLEMS) > WARNINGS
    assert problem("no_reservation")["severity"] == "error"
    assert problem("plan_stale")["severity"] == "warning"
