# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import (
    clean,
    clean_data,
    clean_json,
    clean_line,
)
from ansible_collections.vmcore.kdump.tests.unit.hostile.controller import ACTS, acting

# What is hard for somebody who reads JSON without parsing it: backslashes, quotation marks, escapes, halves of pairs.
TEXTS = st.lists(
    st.sampled_from(
        ["\\", "\\\\", '"', "u001b", "\x1b", "\x1b[", "\x1b]0;", "\x07", "\r", "\n", "\r\n", "\b", "\t",
         "m", "0", ";", "b", "\x9b", "\u202e", "\udc9b", "\ud83d", "\U0001f600", "é", "[2J", " "]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(text=TEXTS, ascii_only=st.booleans())
def test_json_stays_json_and_no_terminal_acts_on_it(text: str, ascii_only: bool) -> None:
    cleaned = clean_json(json.dumps({"key": [text]}, ensure_ascii=ascii_only))
    decoded = json.loads(cleaned)["key"][0]
    assert acting(decoded) == []
    assert not re.search("[\ud800-\udfff]", decoded)


@given(
    text=st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Cn", "Zl", "Zp"]))
)
def test_ordinary_text_is_as_it_was(text: str) -> None:
    encoded = json.dumps([text])
    assert json.loads(clean_json(encoded)) == [text]


@pytest.mark.parametrize("escape", ['"\\u001b[31mred\\u001b[0m"', '"\\u001B]0;title\\u0007red"'])
def test_a_sequence_is_taken_out_as_a_whole(escape: str) -> None:
    assert json.loads(clean_json(escape)) == "red"


def test_what_is_no_escape_stays() -> None:
    text = r"C:\\u001b is a path"
    assert json.loads(clean_json(json.dumps(text))) == text


def test_lines_end_as_lines() -> None:
    assert json.loads(clean_json('"one\\r\\ntwo"')) == "one\ntwo"
    assert clean("one\r\ntwo") == "one\ntwo"


@pytest.mark.parametrize("character", ACTS)
def test_each_of_them_is_replaced(character: str) -> None:
    for text in (clean(f"a{character}b"), json.loads(clean_json(json.dumps(f"a{character}b")))):
        assert text in ("a\ufffdb", "a")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, \tand äöü 日本\n", "plain, \tand äöü 日本\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07after", "after"),
        ("\x1b]52;c;cm0gLXJmIC8=\x1b\\after", "after"),
        ("\x1b]52;c;never ended", ""),
        ("\x1bP+q544e\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x9d52;c;cm0=\x9cafter", "after"),
        ("\x85next line", "\ufffdnext line"),
        ("\u202eltr\u2066", "\ufffdltr\ufffd"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("over\rwritten\b", "over\ufffdwritten\ufffd"),
        ("\ud800", "\ufffd"),
    ],
)
def test_every_character_of_a_text_is_shown_and_none_acts(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(text=TEXTS)
def test_a_text_that_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_a_line_stays_one() -> None:
    assert clean_line("a\nCrash test of db02: PASSED") == "a Crash test of db02: PASSED"


def test_data_is_cleaned_in_its_depth() -> None:
    assert clean_data({"\x07a": [{"b": "\x1b[1mc"}, 1, None]}) == {"\ufffda": [{"b": "c"}, 1, None]}
