# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from prose.style import MOST_WORDS, RULES, Rule, complaints
from prose.text import sentences

LONG = " ".join(["word"] * (MOST_WORDS + 1)).capitalize() + "."
SHORT = "The role configures kdump. "


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.example)
def test_the_example_of_a_rule_is_found(rule: Rule) -> None:
    (complaint,) = [each for each in complaints(sentences(rule.example)) if rule.cure in each]
    assert complaint.startswith("1: ")


@pytest.mark.parametrize(
    "sentence",
    [
        "The report lists a host even if nothing is known of it, and says so.",
        "The collection opens the built image and reads the order in which programs run.",
        "In the end the configured capture kernel is loaded, or the role fails and says why.",
        "What does it cost?",
        "Some platforms are known to hang.",
        "The remedy has been known since 2013.",
    ],
)
def test_a_sentence_with_an_actor_is_left_alone(sentence: str) -> None:
    assert complaints(sentences(sentence)) == []


def test_a_tenth_of_the_sentences_may_be_long() -> None:
    assert complaints(sentences(SHORT * 9 + LONG)) == []
    (head, sentence) = complaints(sentences(SHORT * 8 + LONG))
    assert head.startswith("1 of 9 sentences have more than 25 words")
    assert "26 words" in sentence
