# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    parse_assignments,
    quote,
    read_values,
)

NAMES = ("A", "B", "C")

# What an operator may have in such a file. None of it runs a program.
LINES = st.sampled_from(
    [
        "# A comment with A=1 and an apostrophe: it's one.",
        "#A=shown",
        "# B=shown",
        "",
        "   # indented",
        "A=1",
        "A='one two'  # why",
        'A="said \\"so\\""',
        "export A=exported",
        'A="$B and more"',
        "A=1 B=2",
        "A=1; C=3",
        "B=$A",
        'A+=" more"',
        'A="$A again"',
        'A="${A} braces"',
        "B=$(echo command)",
        '[ -z "$C" ] && A="$A maybe"',
        "C=~",
        'B="over\ntwo lines"',
        "B=con\\\ntinued",
        "if true; then\nA=nested\nfi",
        "if false; then A=never; fi",
        "for each in 1 2; do C=$each; done",
        "set_it() { C=called; }\nset_it",
        "case x in x) A=cased;; esac",
        "choose() { case $1 in x) A=chosen ;; *) B=chosen ;; esac; }\nchoose x",
        "case x in y) A=1;; x) case y in y) A=inner;; esac;; esac",
        "unset B",
        ": command",
        "true && A=joined",
    ]
)
FILES = st.tuples(st.lists(LINES, max_size=7), st.booleans()).map(
    lambda parts: "\n".join(parts[0]) + ("\n" if parts[1] else "")
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
WANTED = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), VALUES))


def sourced(text: str) -> dict[str, str]:
    """Return what a shell has in A, B and C after it sourced a file."""
    shown = "".join(f'printf "%s\\0" "${name}"\n' for name in NAMES)
    done = subprocess.run(
        ["bash", "-c", f"{text}\n{shown}"], capture_output=True, text=True, check=True, env={}
    )
    assert done.stderr == ""
    return dict(zip(NAMES, done.stdout.split("\0")))


@settings(deadline=None, max_examples=200)
@given(FILES, WANTED)
def test_a_shell_has_what_was_asked_for(text: str, wanted: dict[str, str | None]) -> None:
    before, after = sourced(text), sourced(assign(text, wanted, "file"))
    for name, value in wanted.items():
        assert after[name] == (value or "")
    if not wanted:
        assert after == before


@settings(deadline=None, max_examples=200)
@given(FILES)
def test_what_is_known_is_what_a_shell_has(text: str) -> None:
    known, unknown, _opaque = read_values(text)
    shell = sourced(text)
    for name in NAMES:
        if name in known:
            assert known[name] == shell[name]
        elif name not in unknown:
            assert shell[name] == ""


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ('[ -d /srv ] && A="$A /srv"', "A", '[ -d /srv ] && A="$A /srv"'),
        ("if x; then\n  A=1\nfi", "A", "A=1"),
        ("A=$(uname -r)", "A", "A=$(uname -r)"),
        ("A=`uname`", "A", "A=`uname`"),
        ("A=${B:-1}", "A", "A=${B:-1}"),
        ("A=$B", "A", "A=$B"),
        ("A=~/dumps", "A", "A=~/dumps"),
        ("A=$'x'", "A", "A=$'x'"),
        ("A=1\nread A", "A", "read A"),
        ("A=1\nunset A", "A", "unset A"),
        ("declare A=1", "A", "declare A=1"),
        ("f() { A=2; }\nA=1\nf", "A", "f"),
    ],
)
def test_what_is_not_known_has_its_line(text: str, name: str, line: str) -> None:
    known, unknown, _opaque = read_values(text)
    assert name not in known
    assert unknown[name] == line


def test_a_file_that_reads_another_may_set_anything() -> None:
    assert read_values("A=1\n. /etc/more\n").opaque == ". /etc/more"
    assert read_values("cat <<END\nA=1\nEND\n").opaque == "cat <<END"


def test_defaults_come_before_the_file() -> None:
    assert read_values('A="$A y"\n', {"A": "x"}).known == {"A": "x y"}


@given(FILES, WANTED)
def test_twice_is_once(text: str, wanted: dict[str, str | None]) -> None:
    once = assign(text, wanted, "file")
    assert assign(once, wanted, "file") == once


@pytest.mark.parametrize("names", [("A", "B", "C"), ("C", "B", "A"), ("B", "C", "A")])
def test_names_that_use_each_other_go_together(names: tuple[str, ...]) -> None:
    assert assign("A=1\nB=$A\nC=$B\nD=1\n", dict.fromkeys(names), "file") == "D=1\n"


@given(st.lists(LINES, max_size=7), st.sampled_from(NAMES), VALUES)
def test_everything_else_stays_as_it_is_and_where_it_is(
    parts: list[str], name: str, value: str
) -> None:
    after = assign("\n".join(parts), {name: value}, "file")
    place = 0
    for part in parts:
        if f"{name}=" not in part or part.startswith("#"):
            place = after.index(part, place) + len(part)
    assert after.count("\n") <= "\n".join(parts).count("\n") + 2


@given(VALUES)
def test_a_shell_takes_a_quoted_value_back(value: str) -> None:
    assert parse_assignments(f"A={quote(value)}\n") == {"A": value}


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("A=1\n", {"A": "2"}, "A=2\n"),
        ("A=1 # why\n", {"A": "2"}, "A=2 # why\n"),
        ("A='1'\n", {"A": "1"}, "A='1'\n"),
        ("A=1\nA=2\n", {"A": "1"}, "A=1\nA=1\n"),
        ("  export A=1\n", {"A": "x y"}, '  export A="x y"\n'),
        ("#A=shown\nB=1\n", {"A": "2"}, "#A=shown\nA=2\nB=1\n"),
        ("# A=shown in words\n", {"A": "2"}, "# A=shown in words\nA=2\n"),
        ("B=1", {"A": "2"}, "B=1\nA=2\n"),
        # What a person put together stays, and is added to.
        ('A="$HOME"\n', {"A": "$HOME"}, 'A="$HOME"\nA="\\$HOME"\n'),
        ('A="x"\nA="$A y"\n', {"A": "x y z"}, 'A="x"\nA="$A y"\nA="$A z"\n'),
        ('A=x\nA+=" y"\n', {"A": "x y z"}, 'A=x\nA+=" y"\nA="$A z"\n'),
        ('A=x\nA+=" y"\n', {"A": "z"}, 'A=x\nA+=" y"\nA="z"\n'),
        ('A="x"\nA="$A y"\n', {"A": "x y"}, 'A="x"\nA="$A y"\n'),
        # What later lines use keeps its value there.
        ("A=1\nB=$A\n", {"A": "2"}, "A=1\nB=$A\nA=2\n"),
        ("#A=shown\nB=${A}\n", {"A": "2"}, "#A=shown\nB=${A}\nA=2\n"),
        ("A=1\nB=$A\n", {"A": None}, 'A=1\nB=$A\nA=""\n'),
        ("B=/srv\nA=$B/crash\n", {"A": "/srv/crash"}, "B=/srv\nA=$B/crash\n"),
        ("A=1\nB=2\n", {"A": None}, "B=2\n"),
        ("A=1 # why\n", {"A": None}, "# why\n"),
        ("A=1 B=2\n", {"A": None}, "B=2\n"),
        ("A=1; B=2\n", {"A": None}, " B=2\n"),
        ("B=2\n", {"A": None}, "B=2\n"),
        # Whatever an if or another file does, the last line counts.
        ("if x; then A=1; fi\n", {"A": "2"}, "if x; then A=1; fi\nA=2\n"),
        ("if x; then A=1; fi\n", {"A": None}, 'if x; then A=1; fi\nA=""\n'),
        ("A=1\n. /etc/more\n", {"A": "2"}, "A=1\n. /etc/more\nA=2\n"),
        ("#A=shown\n. /etc/more\n", {"A": "2"}, "#A=shown\n. /etc/more\nA=2\n"),
    ],
)
def test_the_place_of_a_change(before: str, wanted: dict[str, t.Any], after: str) -> None:
    assert assign(before, wanted, "file") == after


@pytest.mark.parametrize(
    ("text", "wanted", "sentence"),
    [
        ('A=1\nB="open\n', {"A": "2"}, "Line 2 of file begins a quotation that does not end"),
        ("A=1\n", {"A": "two\nlines"}, "The value of A for file has a control character"),
        ("A=1\n", {"A B": "1"}, "'A B' is no name for a setting in file"),
    ],
)
def test_what_no_shell_could_read_is_refused(
    text: str, wanted: dict[str, t.Any], sentence: str
) -> None:
    with pytest.raises(KdumpError, match=sentence):
        assign(text, wanted, "file")
