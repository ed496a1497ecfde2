# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which forms of a table are in a message, for millions of messages.

Hardly any message has one. Each form has a literal that all of its matches contain, and messages that
differ in nothing but numbers and hexadecimal digits have the same literals: a message is asked for
literals once, and regular expressions run only where one of them is.
"""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

_HEXADECIMAL = b"0123456789abcdefABCDEF"
# Kinds of messages that are remembered.
_REMEMBERED = 8_192
_QUANTIFIERS = "?*{"
# A group that matches what is in it, and nothing else.
_GROUP = re.compile(r"\((?!\?)|\(\?:|\(\?P<\w+>")
# An escaped letter or digit is a class, an anchor or a group, not itself.
_ESCAPED_LITERAL = re.compile(r"[^0-9A-Za-z]")


def needle(regex: str) -> str:
    """Return the longest literal that is in all that a regular expression matches, empty for none.

    Classes and what may be missing are no part of it, nor is anything with alternatives.
    """
    runs, run, index = [], "", 0
    while index < len(regex):
        token, end = _token(regex, index)
        if token == "|":
            return ""
        optional = regex[end : end + 1] in tuple(_QUANTIFIERS)
        if token is None or optional:
            group = _GROUP.match(regex, index)
            inside = regex[group.end() : end - 1] if group and not optional else ""
            runs += [run, needle(inside)]
            run = ""
        else:
            run += token
        index = end
        if optional or regex[end : end + 1] == "+":
            runs.append(run)
            run = ""
            index = _end_of_quantifier(regex, end)
    return max([*runs, run], key=len)


def _token(regex: str, index: int) -> tuple[str | None, int]:
    """A literal character or C(|), None for anything else, and where it ends."""
    char = regex[index]
    if char == "\\":
        escaped = regex[index + 1]
        return (escaped if _ESCAPED_LITERAL.match(escaped) else None), index + 2
    if char == "(":
        return None, _end_of_group(regex, index)
    if char == "[":
        return None, _end_of_class(regex, index)
    return (None if char in "^$." else char), index + 1


def _end_of_class(regex: str, index: int) -> int:
    index += 2 if regex[index + 1] == "^" else 1
    index += 1  # a bracket that comes first is itself
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


def _kind(message: bytes) -> bytes:
    return message.translate(None, _HEXADECIMAL)


Key = t.TypeVar("Key")


class Matcher(t.Generic[Key]):
    """Finds the forms that are in a message.

    Args:
        forms: what they stand for, and their regular expression, in the table's order.
    """

    def __init__(self, forms: Sequence[tuple[Key, re.Pattern[str]]]) -> None:
        self._forms = [(_kind(needle(regex.pattern).encode()), key, regex) for key, regex in forms]
        self._remembered: dict[bytes, tuple[tuple[Key, re.Pattern[str]], ...]] = {}

    def candidates(self, message: bytes) -> tuple[tuple[Key, re.Pattern[str]], ...]:
        """The forms that may be in a message."""
        kind = _kind(message)
        found = self._remembered.get(kind)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            found = tuple((key, regex) for literal, key, regex in self._forms if literal in kind)
            self._remembered[kind] = found
        return found


__all__ = ("Matcher", "needle")
