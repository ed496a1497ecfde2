# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The style of the pages: subject, verb, object; a named actor; the condition first; one idea a sentence."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from prose.text import Sentence

MOST_WORDS = 25
MOST_LONG = 0.10


@dataclass(frozen=True)
class Rule:
    """A kind of sentence that a reader has to read twice. C(example) is one, C(cure) says what to write."""

    pattern: re.Pattern[str]
    example: str
    cure: str


def _rule(pattern: str, example: str, cure: str) -> Rule:
    return Rule(re.compile(pattern), example, cure)


RULES = (
    _rule(r"^One (?:that|which|who|of them)\b", "One that nothing is known of is in the report, and says so.",
          "Name the thing that is one."),
    _rule(r"^That (?:this|it|that|these|they)\b", "That this is so is not believed but read.",
          "Name the actor: who reads what?"),
    _rule(r"^What (?!else\b)[^,.:?]{1,80}? (?:is|are|has|have|goes|comes|gets)\b[^?]*\.$",
          "What is configured is loaded in the end, or the role fails and says why.",
          "Begin with the thing or with the actor."),
    _rule(r"^(?:It|This|That) is so\b", "It is so because the kernel does it.", "Say what is the case."),
    _rule(r"\bfor want of\b", "This host never lost a dump for want of it.", "Write: because something is missing."),
    _rule(r"\bis not \w+ but \w+", "That order is not believed but read.", "Say what is done, and by whom."),
    _rule(r"\bfor which the \w+ \w+s\b", "The timer is held back, for which the kernel panics.",
          "Write two sentences: the cause, then what follows."),
    _rule(r"\bis known since\b", "The cure is known since 2013.", "Write: has been known since."),
    _rule(r"\bthat do are known\b", "Platforms that do are known.", "Say which, or that some are known."),
    _rule(r"^(?:So|Thus) (?:is|are|does|do|was|were|takes|each)\b", "So each takes the names of cases.",
          "Begin with the subject."),
    _rule(r"^Neither (?:is|are|was|does|do) \w+ (?:one|that)\b", "Neither is crashed one that runs another kernel.",
          "Begin with the subject, and use a list."),
    _rule(r"\bwho(?:ever)? \w+ it, \w+ it\b", "After a reboot, whoever does it, run it again.", "Name the actor."),
)  # fmt: skip


def complaints(sentences: Sequence[Sentence]) -> list[str]:
    """Return what is wrong with the sentences of a page: a line each, that names the sentence and the cure."""
    found = [
        f"{sentence.line}: {sentence.text}\n    {rule.cure}"
        for sentence in sentences
        for rule in RULES
        if rule.pattern.search(sentence.text)
    ]
    long = [sentence for sentence in sentences if sentence.words > MOST_WORDS]
    if len(long) > MOST_LONG * len(sentences):
        found.append(
            f"{len(long)} of {len(sentences)} sentences have more than {MOST_WORDS} words, {MOST_LONG:.0%} may have:"
        )
        found += [f"{sentence.line}: {sentence.words} words: {sentence.text}" for sentence in long]
    return found
