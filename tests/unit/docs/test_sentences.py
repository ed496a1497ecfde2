# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences for people: an error of the system is told in its own words, not as Python prints it."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Iterator

PLUGINS = Path(__file__).parents[3] / "plugins"
# OSError and what it is called for certain reasons. Its str() is "[Errno 2] No such file or directory: 'NAME'".
_OF_SYSTEM = {
    "OSError", "FileNotFoundError", "PermissionError", "NotADirectoryError", "IsADirectoryError", "FileExistsError",
}  # fmt: skip


def raw_errors(source: str) -> Iterator[int]:
    """Yield the line of each handler of OSError that puts the error itself into a text."""
    for handler in ast.walk(ast.parse(source)):
        if (
            not isinstance(handler, ast.ExceptHandler)
            or handler.name is None
            or handler.type is None
        ):
            continue
        names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if not names & _OF_SYSTEM:
            continue
        shown = [node.value for node in ast.walk(handler) if isinstance(node, ast.FormattedValue)]
        if any(isinstance(value, ast.Name) and value.id == handler.name for value in shown):
            yield handler.lineno


def test_a_raw_error_is_found() -> None:
    source = "try:\n  pass\nexcept (OSError, ValueError) as exc:\n  print(f'It failed: {exc}.')\n"
    assert list(raw_errors(source)) == [3]
    assert list(raw_errors(source.replace("{exc}", "{exc.strerror}"))) == []


def test_no_sentence_has_an_error_as_python_prints_it() -> None:
    found = {
        f"{path.relative_to(PLUGINS)}:{line}"
        for path in PLUGINS.rglob("*.py")
        for line in raw_errors(path.read_text(encoding="utf-8"))
    }
    assert found == set()
