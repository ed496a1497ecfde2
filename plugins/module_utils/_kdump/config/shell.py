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
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
# What is left of a word in which variables were replaced, and is more than itself: $(...), ${x:-y}, $1, `...`.
_DYNAMIC = re.compile(r"`|\$[({0-9@*#?$!'\"-]")

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


# Commands that set or unset what their words name, and those that run what is not in the file.
_SETTING = frozenset({"declare", "export", "getopts", "let", "local", "mapfile", "read", "readarray", "readonly",
                      "typeset", "unset"})  # fmt: skip
_SOURCING = frozenset({".", "source", "eval"})


class _Assignment(t.NamedTuple):
    """An assignment that holds for the rest of the file, and where it is: C(text[start:end])."""

    name: str
    word: str  # of the value, as written
    start: int
    end: int
    command: tuple[int, int]  # the command it belongs to
    adds: bool  # +=
    alone: bool  # in that command
    nested: bool  # in an if, a loop, a function, a list: where it may not be run


class _File(t.NamedTuple):
    assignments: list[_Assignment]
    # Where a command that is no assignment ends last, which might have set anything; -1 without one.
    last_command: int
    comments: list[tuple[int, int]]
    doubtful: set[str]  # names that an if, a loop, a function or a list may set
    # Both in the order of the file: an assignment, or a name that something may have set, with the line of that.
    events: list[tuple[str, _Assignment | None, int]]
    # Where the first thing begins that only a shell can follow: another file, a text in the file; None without one.
    opaque: int | None


class Values(t.NamedTuple):
    """What the names of a file are set to, as far as that can be told without running it."""

    known: dict[str, str]
    # Of the others the line that sets them.
    unknown: dict[str, str]
    # The line that runs what is not in the file, and may set anything; None without one.
    opaque: str | None


def read_values(
    text: str, defaults: Mapping[str, str] | None = None, *, bash: bool = True
) -> Values:
    """Return what a file that a shell sources sets: C(KEY=value), C(KEY="$OTHER value"), C(KEY+=" more").

    Variables are replaced by what the file, or C(defaults) before it, set them to. Nothing is run: what a command, a
    condition or the environment decides is not known. An assignment in front of a command (C(KEY=value command)) is
    for that command alone. Without C(bash) the shell may be one that has no C(+=).
    """
    file = _read(text)
    known = dict(defaults or {})
    unknown: dict[str, str] = {}
    for name, assignment, start in file.events:
        value = None if assignment is None else _expanded(assignment.word, known)
        if assignment is not None and assignment.adds and value is not None:
            before = known.get(name, None if name in unknown else "")
            value = before + value if bash and before is not None else None
        if value is None:
            known.pop(name, None)
            unknown[name] = _line_at(text, start)
        else:
            known[name] = value
            unknown.pop(name, None)
    opaque = None if file.opaque is None else _line_at(text, file.opaque)
    return Values(known, unknown, opaque)


def parse_assignments(text: str) -> dict[str, str]:
    """Return what is known of the values in a file that a shell sources, see C(read_values)."""
    return read_values(text).known


def assign(
    text: str,
    wanted: Mapping[str, str | None],
    what: str,
    present: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a file that gives these names these values; None takes a name away.

    What has its value stays as it is written. Everything else in the file stays, too. A new
    assignment comes behind the comment that shows it (C(#KEY=...)), or to the end of the file. The
    end is also the place where a later part of the file might set the name to something else, and where
    a value that is put together of others, or decided by a condition, is added to: what a person wrote stays.

    C(present) are the values as a shell has them, where they are known from one.

    Raises KdumpError, with C(what) as the file's name, when a shell could not read the file, or a
    name or a value is none for such a file.
    """
    _require_readable(text, what)
    for name, value in wanted.items():
        text = (
            _without(text, name, what)
            if value is None
            else _with(text, name, value, what, present or {})
        )
    removed = [name for name, value in wanted.items() if value is None]
    # A name that is used stays, and is empty in the end. What used it may have gone after it.
    for name in removed * (len(removed) - 1):
        text = _without(text, name, what)
    return text


def quote(value: str) -> str:
    """Return a value as a shell takes it, without any substitution."""
    if _NUMBER.fullmatch(value):
        return value
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", value)
    return f'"{escaped}"'


def _with(text: str, name: str, value: str, what: str, present: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(name):
        raise KdumpError(f"{name!r} is no name for a setting in {what}: use letters, digits and _.")
    if _CONTROL.search(value):
        raise KdumpError(
            f"The value of {name} for {what} has a control character: write it in one line."
        )
    file, values = _read(text), read_values(text)
    told = values.known if name not in values.unknown and file.opaque is None else present
    if told.get(name) == value:
        return text
    found = [each for each in file.assignments if each.name == name]
    last = found[-1] if found else None
    if (
        last
        and not last.nested
        and not last.adds
        and last.end > file.last_command
        and _is_literal(last.word)
        and not _is_used(text, name, last.end)
    ):
        return f"{text[: last.end - len(last.word)]}{quote(value)}{text[last.end :]}"
    before = told.get(name)
    if found and before and value.startswith(f"{before} "):
        return f'{_ended(text)}{name}="${name}{quote(value[len(before) :])[1:]}\n'
    line = f"{name}={quote(value)}\n"
    shown = re.compile(rf"#+[ \t]*{name}=")
    places = [
        end
        for start, end in file.comments
        if shown.match(text, start) and start > file.last_command and _starts_line(text, start)
    ]
    if places and not found and not _is_used(text, name, places[-1]):
        return f"{text[: places[-1]]}\n{line}{text[places[-1] + 1 :]}"
    return f"{_ended(text)}{line}"


def _without(text: str, name: str, what: str) -> str:
    """Return the text without the assignments of a name; where some may not be run, it is empty in the end."""
    file = _read(text)
    found = [each for each in file.assignments if each.name == name]
    if name in file.doubtful or (found and _is_used(text, name, found[0].end)):
        return _with(text, name, "", what, {})
    for each in reversed(found):
        text = _cut(text, each)
    return text


def _is_used(text: str, name: str, after: int) -> bool:
    """Say whether what follows may use a name: it would get another value as well."""
    return re.search(rf"\$(?:{name}\b|\{{[#!]?{name}\b)", text[after:]) is not None


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
    functions: set[str] = set()
    events: list[tuple[str, _Assignment | None, int]] = []
    last_command, depth = -1, 0
    opaque: int | None = None
    for command, joined in _commands(text, comments):
        words = [match["word"] for match in command]
        keywords = _keywords(words)
        depth += sum(word in _OPENING for word in keywords)
        rest = command[len(keywords) :] if keywords[-1:] != ["export"] else command[1:]
        found = [(match, _ASSIGNMENT.fullmatch(match["word"])) for match in rest]
        nested = joined or depth > 0
        start = command[0].start()
        if keywords in ([], ["export"]) and all(each for _match, each in found):
            place = (start, command[-1].end())
            here = [
                _Assignment(
                    each[1], each[3], *match.span(), place, each[2] == "+=", len(found) == 1, nested
                )
                for match, each in found
                if each
            ]
            assignments += here
            events += [(each.name, None if nested else each, start) for each in here]
        else:
            last_command = command[-1].end()
            nested = True
            named = _set_by(words[len(keywords) :] if keywords != ["export"] else words)
            events += [(each[1], None, start) for _match, each in found if each]
            events += [(name, None, start) for name in named]
            if opaque is None and _is_opaque(words[len(keywords) :]):
                opaque = start
            functions.update(_functions(words))
            # What a function sets is noted where it stands, and is set whenever that is called.
            if functions & set(words[len(keywords) :][:1]):
                events += [(name, None, start) for name in sorted(doubtful)]
        if nested:
            doubtful.update(each[1] for _match, each in found if each)
        depth = max(0, depth - sum(word in _CLOSING for word in keywords))
    return _File(assignments, last_command, comments, doubtful, events, opaque)


def _functions(words: list[str]) -> set[str]:
    """Return the functions that a command begins to define: C(f() {), C(f () {), C(function f {)."""
    named = {word[:-2] for word in words if word.endswith("()") and len(word) > 2}
    beside = {word for word, behind in zip(words, words[1:]) if behind == "()"}
    return named | beside | {behind for word, behind in zip(words, words[1:]) if word == "function"}


def _set_by(words: list[str]) -> list[str]:
    """Return the names that a command sets: C(unset A), C(export A), C(read A)."""
    if words[:1] and words[0] in _SETTING:
        return [
            name for word in words[1:] for name in [word.partition("=")[0]] if _NAME.fullmatch(name)
        ]
    return []


def _is_opaque(words: list[str]) -> bool:
    """Say whether a command runs what is not in the file, or is followed by a text that is no part of it."""
    return any(word in _SOURCING for word in words[:1]) or any(
        "<<" in word and "<<<" not in word for word in words
    )


def _line_at(text: str, start: int) -> str:
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    return text[begin : end if end >= 0 else len(text)].strip()


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


def _expanded(word: str, known: Mapping[str, str]) -> str | None:
    """Return a word as a shell has it, with what is known; None where something else decides."""
    value = ""
    for piece in _PIECE.finditer(word):
        if piece[1] is not None or piece[2] is not None:
            value += ("" if piece[1] == "\n" else piece[1]) if piece[1] is not None else piece[2]
            continue
        part = _replaced(piece[3], known) if piece[3] is not None else _bare(piece, word, known)
        if part is None:
            return None
        value += part
    return value


def _bare(piece: re.Match[str], word: str, known: Mapping[str, str]) -> str | None:
    text = piece[4]
    at_start = piece.start() == 0 and text.startswith("~")
    # $'...' and $"..." are quotations of their own; (...) makes an array.
    quotes = text.endswith("$") and piece.end() < len(word)
    if at_start or ":~" in text or quotes or "(" in text:
        return None
    return _replaced(text, known)


def _replaced(text: str, known: Mapping[str, str]) -> str | None:
    """Return a text with its variables replaced, and without the backslashes that double quotes take away."""
    value, position = "", 0
    while position < len(text):
        escaped = _ESCAPED.match(text, position)
        variable = _VARIABLE.match(text, position)
        if escaped:
            value += "" if escaped[1] == "\n" else escaped[1]
            position = escaped.end()
        elif variable:
            found = known.get(variable[1] or variable[2])
            if found is None:
                return None
            value += found
            position = variable.end()
        elif _DYNAMIC.match(text, position):
            return None
        else:
            value += text[position]
            position += 1
    return value


def _is_literal(word: str) -> bool:
    """Say whether a word is the same in every shell: nothing in it is substituted."""
    return not any(
        re.search(r"[$`]", re.sub(r"\\.", "", piece[3] or "", flags=re.DOTALL))
        or re.search(r"[$`*?\[~]", piece[4] or "")
        for piece in _PIECE.finditer(word)
    )


__all__ = ("Values", "assign", "parse_assignments", "quote", "read_values")
