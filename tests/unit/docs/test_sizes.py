# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No file of logic is longer than a reader follows: docs/how/architecture.md says what counts.

A line of code is a line that has at least one word of code. Not counted are empty lines, comments, documentation
strings, imports, and tables: what a module binds to a name in capitals when it is loaded, if that holds no code of
its own. DOCUMENTATION, EXAMPLES and RETURN of a module are such tables. Of a shell script all lines count that are
neither empty nor a comment.
"""

from __future__ import annotations

import ast
import re
import tokenize
import typing as t
from pathlib import Path

import pytest

if t.TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[3]
MOST = 400
# One program for one moment: each file that it sources is one more that an image may lack. It does not grow.
MOST_OF = {"plugins/plugin_utils/pcie_reset/pcie-reset": 505}

_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
}  # fmt: skip
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_TABLE_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_LOGIC = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_script(path: Path) -> bool:
    """Whether a file without a name for it is a program for a shell."""
    if path.suffix not in ("", ".sh"):
        return False
    with path.open("rb") as file:
        return path.suffix == ".sh" or re.match(rb"#! ?/\S*sh\b", file.readline()) is not None


def sources() -> Iterator[Path]:
    """Yield the files of what is shipped, and of what tests it on machines."""
    for place in ("plugins", "tests"):
        for path in sorted(CHECKOUT.joinpath(place).rglob("*")):
            hidden = path.relative_to(CHECKOUT).parts[:2] == ("tests", "unit")
            if path.is_file() and not hidden and (path.suffix == ".py" or is_script(path)):
                yield path


def not_counted(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of each documentation string, import and table."""
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0].lineno, node.body[0].end_lineno or 0
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node.lineno, node.end_lineno or 0
    for node in tree.body:
        if is_table(node):
            yield node.lineno, node.end_lineno or 0


def is_table(node: ast.stmt) -> bool:
    """Whether a module binds data to a name in capitals here."""
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    else:
        return False
    named = all(isinstance(each, ast.Name) and _TABLE_NAME.fullmatch(each.id) for each in targets)
    return named and not any(isinstance(part, _LOGIC) for part in ast.walk(node))


def lines_of_code(path: Path) -> int:
    """Return how many lines of code a file has."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        stripped = (line.strip() for line in text.splitlines())
        return sum(bool(line) and not line.startswith("#") for line in stripped)
    counted: set[int] = set()
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type not in _NO_CODE:
                counted.update(range(token.start[0], token.end[0] + 1))
    for first, last in not_counted(ast.parse(text)):
        counted.difference_update(range(first, last + 1))
    return len(counted)


SAMPLE = '''\
"""What a file is for,
in two lines."""

import re
from pathlib import (
    Path,
)

TABLE = {
    "a": 1,
    "b": 2,
}
COUNTED = [
    each for each in TABLE
]


class Reader:
    """What it is."""

    text = """one
two"""

    def read(self) -> str:  # class, text (2), def, return, and COUNTED (3)
        """What it does."""
        # why
        return self.text
'''


def test_what_counts(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(SAMPLE)
    assert lines_of_code(tmp_path / "sample.py") == 8
    (tmp_path / "sample").write_text("#!/bin/sh\n\n# why\nset -u\nif a; then\n  b  # c\nfi\n")
    assert lines_of_code(tmp_path / "sample") == 4


@pytest.mark.parametrize(
    "path",
    # What is shorter with all of its comments has not to be counted.
    [path for path in sources() if path.read_bytes().count(b"\n") >= MOST],
    ids=lambda path: str(path.relative_to(CHECKOUT)),
)
def test_no_file_of_logic_is_too_long(path: Path) -> None:
    assert lines_of_code(path) < MOST_OF.get(str(path.relative_to(CHECKOUT)), MOST)
