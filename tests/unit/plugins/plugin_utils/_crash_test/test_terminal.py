# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.terminal import (
    printable,
    printable_data,
    printable_line,
)


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
        ("over\rwritten\b", "over\ufffdwritten\ufffd"),
        ("\ud800", "\ufffd"),
    ],
)
def test_every_character_of_a_text_is_shown_and_none_acts(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_line_stays_one() -> None:
    assert printable_line("a\nCrash test of db02: PASSED") == "a Crash test of db02: PASSED"


def test_data_is_cleaned_in_its_depth() -> None:
    assert printable_data({"\x07a": [{"b": "\x1b[1mc"}, 1, None]}) == {
        "\ufffda": [{"b": "c"}, 1, None]
    }
