# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import MATCHER, SIGNS
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.matcher import (
    Matcher,
    needle,
    word,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    MILESTONES,
    PATTERNS,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.lines import LINES

REGEXES = sorted(
    {form.regex.pattern for row in (*PATTERNS, *MILESTONES) for form in row.forms}
    | {sign.regex.pattern for sign in SIGNS}
)


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (r"Rebooting in \d+ seconds\.\.", "Rebooting in "),
        (r"(?:I/O|timeout) error, dev (?P<disk>\w+), sector", " error, dev "),
        (r"[Nn]o memory reserved", "o memory reserved"),
        (r"^Bye!$", "Bye!"),
        (r"ab?cd", "cd"),
        (r"ab+cd", "ab"),
        (r"ab{2}cd", "cd"),
        (r"one|other", ""),
        (r"\b(?P<disk>nvme\d+n\d+):", "nvme"),
        (r"a(?:bcd)?e(bc)", "bc"),
        (r"a(?:b|c[)])d\(\[x\]", "d([x]"),
        (r"[]a]bc[^]]", "bc"),
        (r"[\]a]bc[^\]]", "bc"),
    ],
)
def test_the_literal_that_every_match_has(regex: str, expected: str) -> None:
    assert needle(regex) == expected


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (r"Rebooting in \d+ seconds\.\.", "seconds"),
        (r"Oops: \S+ ", ""),  # "NoOops: "
        (r"\bOops: \S+ ", "Oops"),
        (r"logical blocks\b", "blocks"),
        (r"^Bye!$", "Bye"),
        (r"mpt[23]sas_cm\d+: ", "sas"),
        (r"mpt[a-z]sas_cm\d*ab", ""),
        (r"x\d+sas\d", "sas"),
        (r"x\d?sas ", ""),
        (r" (?:one|other) ", ""),
        (r"\b(?P<disk>nvme\d)", ""),
        (r"(?P<disk>\bnvme\d)", "nvme"),
    ],
)
def test_the_word_that_every_match_has(regex: str, expected: str) -> None:
    assert word(regex) == expected


def test_hardly_a_form_is_looked_for_in_every_message() -> None:
    assert [regex for regex in REGEXES if not word(regex)] == [r"\bdasd[a-z]+: dasd[a-z]+\d"]


@pytest.mark.parametrize("regex", REGEXES)
def test_the_literal_of_a_form_is_in_whatever_the_form_matches(regex: str) -> None:
    said = [line for known in LINES.values() for line in known if re.search(regex, line)]
    assert all(needle(regex) in line for line in said)


@given(st.data(), st.sampled_from(REGEXES))
def test_a_match_made_up_has_the_literal(data: st.DataObject, regex: str) -> None:
    made_up = data.draw(st.from_regex(regex))
    assert needle(regex) in made_up


@given(st.data(), st.sampled_from(REGEXES))
def test_no_match_is_missed(data: st.DataObject, regex: str) -> None:
    matcher: Matcher[str] = Matcher([(regex, re.compile(regex))])
    made_up = data.draw(st.from_regex(regex))
    assert [key for key, _regex in matcher.candidates(made_up.encode())] == [regex]


def test_what_may_be_in_a_message_comes_in_the_order_of_the_table() -> None:
    regexes = [r"\bpc : ", r"ab", r"\bOops: ", r"\bpc "]
    matcher = Matcher([(regex, re.compile(regex)) for regex in regexes])
    assert [key for key, _regex in matcher.candidates(b"Oops: at pc : ab")] == regexes


def test_what_nothing_knows_has_no_candidates() -> None:
    assert MATCHER.candidates(b"usb 1-1: new high-speed device number 2 using xhci_hcd") == []
