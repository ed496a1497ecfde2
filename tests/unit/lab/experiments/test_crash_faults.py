# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.causes import CAUSES
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import STAGES
from lab.experiments import crash_faults
from lab.experiments.crash_faults import FAULTS, Verdict, said


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_expected_of_a_fault_can_be_said(name: str) -> None:
    fault = FAULTS[name]
    for verdict in filter(None, (fault.expected, fault.later)):
        assert verdict.cause is None or verdict.cause in {rule.code for rule in CAUSES}
        assert verdict.stage is None or verdict.stage in {stage.name for stage in STAGES}
        assert (verdict.verdict == "passed") == (verdict.cause is None)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_comes_after_what_it_needs_and_happens_once(name: str) -> None:
    fault, order = FAULTS[name], list(FAULTS)
    assert fault.needs is None or order.index(fault.needs) < order.index(name)
    for event in fault.events:
        re.compile(event.line)
        assert bool(event.command) != bool(event.monitor)
    assert fault.refused_by is None or (fault.events[0].command and fault.undo)


def test_what_a_record_says_is_compared_word_by_word() -> None:
    record: dict[str, Any] = {
        "verdict": "failed",
        "vmcore": {"verdict": "incomplete"},
        "cause": {"stage": "dump complete", "code": "unfinished"},
    }
    answer = said(record)
    assert answer == Verdict("failed", "incomplete", "dump complete", "unfinished")
    wanted = Verdict("failed", "incomplete", "dump complete", "disk_full")
    assert crash_faults._differences(wanted, answer) == ["The cause is unfinished, not disk_full."]
    assert said({"verdict": "passed", "vmcore": None, "cause": None}) == Verdict("passed", "none")
