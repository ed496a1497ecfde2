# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import CODES
from evidence.cases import Case, benign, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_case_says_what_is_right_and_where_it_is_from(case: Case) -> None:
    reached, failed, cause = case.answer
    assert case.fields["source"]
    assert case.logs
    assert reached in CODES
    assert failed in (None, *CODES)
    if failed and failed != "S0":
        assert CODES.index(failed) > CODES.index(reached)
    assert (cause is None) == (case.fields.get("dump") == "complete" or reached == "S9")


def test_there_are_many_and_no_two_of_a_name() -> None:
    assert len({case.title for case in CASES}) == len(CASES) >= 100
    assert len(set(benign())) == len(benign()) >= 20
