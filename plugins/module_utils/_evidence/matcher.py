# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which forms of a table are in a message, for millions of messages.

Hardly any message has one. Each form has a word that stands in all of its matches, between characters that
are no letters. A message is cut into its words, and only forms whose words are all among these are looked at.
"""

from __future__ import annotations

import collections
import re
import string
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

# Combinations of words that are remembered.
_REMEMBERED = 4_096
_QUANTIFIERS = "?*{"
# A group that matches what is in it, and nothing else.
_GROUP = re.compile(r"\((?!\?)|\(\?:|\(\?P<\w+>")
# An escaped letter or digit is a class, an anchor or a group, not itself.
_ESCAPED_LITERAL = re.compile(r"[^0-9A-Za-z]")
# Stands for what is no letter, whatever it is: an anchor, a class of digits.
_NO_LETTER = "\0"
_ANCHORS = ("^", "$", r"\b")
_WORD = re.compile(r"(?<=[^A-Za-z])[A-Za-z]+(?=[^A-Za-z])")
_ONLY_LETTERS = bytes(
    code if chr(code) in string.ascii_letters else ord(" ") for code in range(256)
)


def word(regex: str) -> str:
    """Return the longest word that is in all that a regular expression matches, empty for none.

    A word is made of letters, and what stands before and after it is no letter.
    """
    return max(words(regex), key=len, default="")


def words(regex: str) -> list[str]:
    """Return all such words."""
    return [found for run in _runs(regex) for found in _WORD.findall(run)]


def needle(regex: str) -> str:
    """Return the longest literal that is in all that a regular expression matches, empty for none.

    Classes and what may be missing are no part of it, nor is anything with alternatives.
    """
    return max((part for run in _runs(regex) for part in run.split(_NO_LETTER)), key=len)


def _runs(regex: str) -> list[str]:
    """What a match has for certain, in pieces between which there may be anything."""
    runs, run, index = [], "", 0
    while index < len(regex):
        token, end = _token(regex, index)
        if token == "|":
            return [""]
        optional = regex[end : end + 1] in tuple(_QUANTIFIERS)
        if token is None or optional:
            group = _GROUP.match(regex, index)
            inside = regex[group.end() : end - 1] if group and not optional else ""
            runs += [run, *(_runs(inside) if inside else ())]
            run = ""
        else:
            run += token
        index = end
        if optional or regex[end : end + 1] == "+":
            runs.append(run)
            run = _NO_LETTER if token == _NO_LETTER and not optional else ""
            index = _end_of_quantifier(regex, end)
    return [*runs, run]


def _token(regex: str, index: int) -> tuple[str | None, int]:
    """A literal character, C(|) or that it is no letter; None for anything else. And where it ends."""
    char = regex[index]
    if char == "(":
        return None, _end_of_group(regex, index)
    end = _end_of_class(regex, index) if char == "[" else index + (2 if char == "\\" else 1)
    token = regex[index:end]
    if token in _ANCHORS:
        return _NO_LETTER, end
    if char == "\\" and _ESCAPED_LITERAL.match(token[1]):
        return token[1], end
    if char in "\\[":
        return (None if _may_be_letter(token) else _NO_LETTER), end
    return (None if char == "." else char), end


def _may_be_letter(token: str) -> bool:
    return any(map(re.compile(token).match, string.ascii_letters)) or token in (r"\B", r"\A", r"\Z")


def _end_of_class(regex: str, index: int) -> int:
    index += 2 if regex[index + 1] == "^" else 1
    index += 2 if regex[index] == "\\" else 1  # a bracket that comes first is itself
    while regex[index] != "]":
        index += 2 if regex[index] == "\\" else 1
    return index + 1


def _end_of_group(regex: str, index: int) -> int:
    index += 1
    while regex[index] != ")":
        _token_in_group, index = _token(regex, index)
    return index + 1


def _end_of_quantifier(regex: str, index: int) -> int:
    end = regex.index("}", index) + 1 if regex[index] == "{" else index + 1
    return end + 1 if regex[end : end + 1] in ("?", "+") and regex[end - 1] != "+" else end


Key = t.TypeVar("Key")


class Matcher(t.Generic[Key]):
    """Finds the forms that are in a message.

    Args:
        forms: what they stand for, and their regular expression, in the table's order.
    """

    def __init__(self, forms: Sequence[tuple[Key, re.Pattern[str]]]) -> None:
        self._forms = [(key, regex, needle(regex.pattern).encode()) for key, regex in forms]
        # Places in the table; those under no word are looked at in every message.
        self._by_word: dict[bytes, list[int]] = collections.defaultdict(list)
        for place, (_key, regex) in enumerate(forms):
            self._by_word[word(regex.pattern).encode()].append(place)
        self._wordless = self._by_word.pop(b"", [])
        self._wordless_literals = [self._forms[place][2] for place in self._wordless]
        self._words = frozenset(self._by_word)
        self._needs = [
            frozenset(found.encode() for found in words(regex.pattern)) for _key, regex in forms
        ]
        self._all_words = self._words.union(*self._needs)
        self._remembered: dict[frozenset[bytes], list[tuple[Key, re.Pattern[str], bytes]]] = {}

    def candidates(self, message: bytes) -> list[tuple[Key, re.Pattern[str]]]:
        """The forms that may be in a message, in the table's order."""
        said = message.translate(_ONLY_LETTERS).split()
        if self._words.isdisjoint(said):
            # Nearly every message ends here. A loop is a third of what any() takes.
            for literal in self._wordless_literals:
                if literal in message:
                    break
            else:
                return []
        found = self._all_words.intersection(said)
        forms = self._remembered.get(found)
        if forms is None:
            forms = self._among(found)
        return [(key, regex) for key, regex, literal in forms if literal in message]

    def _among(self, said: frozenset[bytes]) -> list[tuple[Key, re.Pattern[str], bytes]]:
        """The forms that have no other words than these, in the table's order."""
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        known = (place for each in said for place in self._by_word.get(each, ()))
        places = [*self._wordless, *(place for place in known if self._needs[place] <= said)]
        forms = [self._forms[place] for place in sorted(places)]
        self._remembered[said] = forms
        return forms


__all__ = ("Matcher", "needle", "word", "words")
