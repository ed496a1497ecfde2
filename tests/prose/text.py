# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentences of a page, as a reader of Markdown sees them.

Headings, tables, code blocks and comments have no sentences. Code between backticks is one
word, and a link is its text.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

# The end of a sentence: a mark, perhaps a closing bracket, then a space and something that begins a sentence.
_END = re.compile(r"""(?<=[.!?])["')*]*\s+(?=["'(*]*[A-Z0-9\N{OBJECT REPLACEMENT CHARACTER}])""")
_ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|etc|vs|No)\.$")
CODE = "\N{OBJECT REPLACEMENT CHARACTER}"
_WORD = re.compile(rf"[\w{CODE}][\w'/-]*")


@dataclass(frozen=True)
class Sentence:
    """C(line) is where its paragraph begins, C(text) has CODE for each piece of code."""

    line: int
    text: str

    @property
    def words(self) -> int:
        return len(_WORD.findall(self.text))


def sentences(markdown: str) -> list[Sentence]:
    """Return the sentences of a page, in their order."""
    found = []
    for line, text in _paragraphs(MarkdownIt("commonmark").enable("table").parse(markdown)):
        begin = 0
        for end in _END.finditer(text):
            if not _ABBREVIATIONS.search(text[begin : end.start()]):
                found.append(Sentence(line, text[begin : end.start()].strip()))
                begin = end.end()
        found.append(Sentence(line, text[begin:].strip()))
    return [each for each in found if each.words]


def _paragraphs(tokens: Sequence[Token]) -> Iterator[tuple[int, str]]:
    for before, token in pairwise(tokens):
        if before.type == "paragraph_open" and token.type == "inline" and token.map:
            text = "".join(_readable(child) for child in token.children or [])
            yield token.map[0] + 1, " ".join(text.split())


def _readable(token: Token) -> str:
    if token.type == "code_inline":
        return CODE
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return token.content if token.type == "text" else ""
