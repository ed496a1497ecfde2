# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.causes import CAUSES
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import CODES
from evidence.cases import Case, benign, cases
from evidence.page import judged

CASES = cases()
# Where a boot is that prints what says nothing: right after the begin of the capture kernel.
MEMORY = "[    0.050000] Memory: 236208K/262016K available\n"
CROSSED = [case for case in CASES if MEMORY in case.logs.get("console", "")]
ONE_OF_EACH = list({case.answer: case for case in CROSSED}.values())


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_case_says_what_is_right_and_where_it_is_from(case: Case) -> None:
    reached, failed, cause = case.answer
    assert case.fields["source"]
    assert case.logs
    assert reached in CODES
    assert failed in (None, *CODES)
    if failed and failed != "S0":
        assert CODES.index(failed) > CODES.index(reached)
    assert cause in (None, *(rule.code for rule in CAUSES))
    assert (cause is None) == (case.fields.get("dump") == "complete" or reached == "S9")


def test_there_are_many_and_no_two_of_a_name() -> None:
    assert len({case.title for case in CASES}) == len(CASES) >= 100
    assert len(set(benign())) == len(benign()) >= 20


def test_nine_causes_of_ten_and_nearly_all_stages_are_right() -> None:
    results = [judged(case) for case in CASES]
    wrong = [(each.case.title, each.answer) for each in results if not each.cause_is_right]
    assert len(wrong) <= len(CASES) * 0.10, wrong
    wrong = [(each.case.title, each.answer) for each in results if not each.stage_is_right]
    assert len(wrong) <= len(CASES) * 0.03, wrong


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.answer[2] is None],
    ids=[case.title for case in CASES if case.answer[2] is None],
)
def test_a_dump_that_is_complete_has_no_cause(case: Case) -> None:
    assert judged(case).answer == case.answer


# The ways to fail that a capture kernel has while devices of the crashed kernel go on, by their names.
BY_NAME = {
    "interrupt remapping fault, then silence": "Interrupt remapping fault: ",
    "interrupt remapping fault, then the machine resets itself": "then the machine was reset",
    "IOMMU fault of VT-d and silence": "IOMMU fault: 3b:00.0 ([1000:005d]) still does DMA",
    "PCI SERR by NMI": "PCI or processor error (SERR, IERR)",
    "PCI SERR in the event log": "The management controller recorded it",
    "the driver's firmware does not come up": "did not work in the capture kernel: 'megaraid_sas 0000:3b:00.0:",
}


@pytest.mark.parametrize("title", BY_NAME)
def test_what_a_device_that_goes_on_does_is_said_by_its_name(title: str) -> None:
    (case,) = (case for case in CASES if case.title == title)
    assert BY_NAME[title] in judged(case).sentence


def changed_by(line: str, crossed: list[Case]) -> list[tuple[str, object]]:
    """The cases of which something else is said if the capture kernel prints a line more."""
    changed: list[tuple[str, object]] = []
    for case in crossed:
        console = case.logs["console"].replace(MEMORY, f"{MEMORY}{line}\n", 1)
        said = judged(case._replace(logs={**case.logs, "console": console}))
        if said.answer != case.answer:
            changed.append((case.title, said.answer))
    return changed


@pytest.mark.parametrize("line", benign())
def test_a_line_that_says_nothing_changes_nothing(line: str) -> None:
    assert changed_by(line, ONE_OF_EACH) == []


def test_all_of_them_change_nothing() -> None:
    assert changed_by("\n".join(benign()), CROSSED) == []


def test_what_came_before_is_weighed() -> None:
    (case,) = (
        case for case in CASES if case.title == "the driver's probe fails after an IOMMU fault"
    )
    assert " s before: 'DMAR: [DMA Read NO_PASID] Request device [3b:00.0]" in judged(case).sentence
