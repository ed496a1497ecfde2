# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Files of assignments that a shell sources: reads them as the shell does, changes them in place."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

# One shell word or one command's end. A comment starts only where a word would.
_SHELL = re.compile(
    r"""(?P<comment>(?<![^\s;&|])\#[^\n]*)
    |(?P<continuation>\\\n)
    |(?P<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"\\;&|])+)
    |(?P<end>[\n;&|])""",
    re.VERBOSE | re.DOTALL,
)
# A piece of a word: escaped, in single quotes, in double quotes, or bare.
_PIECE = re.compile(r"""\\(.)|'([^']*)'|"((?:\\.|[^"\\])*)"|([^'"\\]+)""", re.DOTALL)
_ESCAPED = re.compile(r"""\\([$`"\\\n])""")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)

# What begins and ends a part of a script that may not be run, or be run more than once.
_OPENING = frozenset({"if", "case", "for", "while", "until", "select", "{", "("})
_CLOSING = frozenset({"fi", "esac", "done", "}", ")"})
_GOING_ON = frozenset({"then", "elif", "else", "do", "in", "!"})

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]+")
# What is special between double quotes. systemd, which reads some of these files as well
# (EnvironmentFile=), takes the backslash off the same four.
_SPECIAL = re.compile(r'[\\"$`]')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Assignment(t.NamedTuple):
    """An assignment that holds for the rest of the file, and where it is: C(text[start:end])."""

    name: str
    word: str  # of the value, as written
    start: int
    end: int
    command: tuple[int, int]  # the command it belongs to
    alone: bool  # in that command
    nested: bool  # in an if, a loop, a function, a list: where it may not be run


class _File(t.NamedTuple):
    assignments: list[_Assignment]
    # Where a command that is no assignment ends last, which might have set anything; -1 without one.
    last_command: int
    comments: list[tuple[int, int]]
    doubtful: set[str]  # names that an if, a loop, a function or a list may set


def parse_assignments(text: str) -> dict[str, str]:
    """Return the assignments of a file that a shell sources: C(KEY=value), C(KEY="value").

    Quotes are removed; substitutions such as C($HOME) stay as they are written. An assignment in
    front of a command (C(KEY=value command)) is for that command alone and does not count.
    """
    return {each.name: _unquoted(each.word) for each in _read(text).assignments}


def assign(text: str, wanted: Mapping[str, str | None], what: str) -> str:
    """Return the text of a file that gives these names these values; None takes a name away.

    What has its value stays as it is written. Everything else in the file stays, too. A new
    assignment comes behind the comment that shows it (C(#KEY=...)), or to the end of the file. The
    end is also the place where a later part of the file might set the name to something else.

    Raises KdumpError, with C(what) as the file's name, when a shell could not read the file, or a
    name or a value is none for such a file.
    """
    _require_readable(text, what)
    for name, value in wanted.items():
        text = _without(text, name, what) if value is None else _with(text, name, value, what)
    return text


def quote(value: str) -> str:
    """Return a value as a shell takes it, without any substitution."""
    if _NUMBER.fullmatch(value):
        return value
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", value)
    return f'"{escaped}"'


def _with(text: str, name: str, value: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise KdumpError(f"{name!r} is no name for a setting in {what}: use letters, digits and _.")
    if _CONTROL.search(value):
        raise KdumpError(
            f"The value of {name} for {what} has a control character: write it in one line."
        )
    file = _read(text)
    found = [each for each in file.assignments if each.name == name]
    if found and not found[-1].nested and found[-1].end > file.last_command:
        last = found[-1]
        if _is_literal(last.word) and _unquoted(last.word) == value:
            return text
        return f"{text[: last.end - len(last.word)]}{quote(value)}{text[last.end :]}"
    line = f"{name}={quote(value)}\n"
    shown = re.compile(rf"#+[ \t]*{name}=")
    places = [
        end
        for start, end in file.comments
        if shown.match(text, start) and start > file.last_command and _starts_line(text, start)
    ]
    if places and not found:
        return f"{text[: places[-1]]}\n{line}{text[places[-1] + 1 :]}"
    return f"{_ended(text)}{line}"


def _without(text: str, name: str, what: str) -> str:
    """Return the text without the assignments of a name; where some may not be run, it is empty in the end."""
    file = _read(text)
    found = [each for each in file.assignments if each.name == name]
    if name in file.doubtful:
        return _with(text, name, "", what)
    for each in reversed(found):
        text = _cut(text, each)
    return text


def _cut(text: str, assignment: _Assignment) -> str:
    start, end = assignment.command if assignment.alone else (assignment.start, assignment.end)
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    if assignment.alone and _starts_line(text, start) and text[end : end + 1] in ("\n", ""):
        start = text.rfind("\n", 0, start) + 1
        end += 1
    elif assignment.alone and text[end : end + 1] == ";":
        end += 1
    return text[:start] + text[end:]


def _starts_line(text: str, position: int) -> bool:
    return not text[text.rfind("\n", 0, position) + 1 : position].strip()


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _read(text: str) -> _File:
    """Return what a shell finds in a file."""
    assignments: list[_Assignment] = []
    comments: list[tuple[int, int]] = []
    doubtful: set[str] = set()
    last_command, depth = -1, 0
    for command, joined in _commands(text, comments):
        keywords = _keywords([match["word"] for match in command])
        depth += sum(word in _OPENING for word in keywords)
        rest = command[len(keywords) :] if keywords[-1:] != ["export"] else command[1:]
        found = [(match, _ASSIGNMENT.fullmatch(match["word"])) for match in rest]
        nested = joined or depth > 0
        if keywords in ([], ["export"]) and all(each for _match, each in found):
            place = (command[0].start(), command[-1].end())
            assignments += [
                _Assignment(each[1], each[2], *match.span(), place, len(found) == 1, nested)
                for match, each in found
                if each
            ]
        else:
            last_command = command[-1].end()
            nested = True
        if nested:
            doubtful.update(each[1] for _match, each in found if each)
        depth = max(0, depth - sum(word in _CLOSING for word in keywords))
    return _File(assignments, last_command, comments, doubtful)


def _keywords(words: list[str]) -> list[str]:
    """Return the words in front of what a command runs: C(if), C(then), the pattern of a case."""
    if words[0] == "export":
        return ["export"]
    count = 0
    while count < len(words) and (
        words[count] in _OPENING | _CLOSING | _GOING_ON or words[count].endswith(")")
    ):
        count += 1
        if words[count - 1] == "case":
            # The word, "in", and the first pattern.
            ends = (n for n in range(count, len(words)) if words[n].endswith(")"))
            count = next(ends, len(words) - 1) + 1
    return words[:count]


def _commands(
    text: str, comments: list[tuple[int, int]]
) -> Iterator[tuple[list[re.Match[str]], bool]]:
    """Yield the words of each command and whether & or | joins it to another, and note the comments between."""
    command: list[re.Match[str]] = []
    joined = False
    for match in _SHELL.finditer(text + "\n"):
        if match.lastgroup == "word":
            command.append(match)
        elif match.lastgroup == "comment" and not command:
            comments.append(match.span())
        elif match.lastgroup == "end":
            joins = match["end"] in "&|"
            if command:
                yield command, joined or joins
            # A list goes on in the next line.
            joined = joins or (joined and not command)
            command = []
    if command:
        yield command, joined


def _require_readable(text: str, what: str) -> None:
    """Raise KdumpError where no shell word begins: a quotation that does not end."""
    position = 0
    for match in [*_SHELL.finditer(text), None]:
        until = match.start() if match else len(text)
        if text[position:until].strip():
            number = text.count("\n", 0, position) + 1
            raise KdumpError(
                f"Line {number} of {what} begins a quotation that does not end: mend it first."
            )
        position = match.end() if match else until


def _is_literal(word: str) -> bool:
    """Say whether a word is the same in every shell: nothing in it is substituted."""
    return not any(
        re.search(r"[$`]", re.sub(r"\\.", "", piece[3] or "", flags=re.DOTALL))
        or re.search(r"[$`*?\[~]", piece[4] or "")
        for piece in _PIECE.finditer(word)
    )


def _unquoted(word: str) -> str:
    """Return a word as the shell has it once quotes and line continuations are removed."""

    def bare(match: re.Match[str]) -> str:
        return "" if match[1] == "\n" else match[1]

    return "".join(
        (bare(piece) if piece[1] else "")
        + (piece[2] or "")
        + _ESCAPED.sub(bare, piece[3] or "")
        + (piece[4] or "")
        for piece in _PIECE.finditer(word)
    )


__all__ = ("assign", "parse_assignments", "quote")
