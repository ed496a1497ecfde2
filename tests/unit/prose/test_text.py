# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from prose.text import CODE, Sentence, sentences

PAGE = """<!-- A comment. -->

# A heading. With two.

The first. `code` begins the
second, see [a link](to.md).

    a block. of code.

| a table | has no sentences. None. |
|---|---|

- An item, e.g. this one.
- Kernel 6.12.5 has it. 7.2 has, too.
"""


def test_sentences_are_those_of_paragraphs_and_lists() -> None:
    assert [each.text for each in sentences(PAGE)] == [
        "The first.",
        f"{CODE} begins the second, see a link.",
        "An item, e.g. this one.",
        "Kernel 6.12.5 has it.",
        "7.2 has, too.",
    ]


def test_a_sentence_has_the_line_of_its_paragraph() -> None:
    assert [each.line for each in sentences(PAGE)] == [5, 5, 13, 14, 14]


def test_a_piece_of_code_is_one_word() -> None:
    assert Sentence(1, f"{CODE} is a sysfs-file, isn't it").words == 6
