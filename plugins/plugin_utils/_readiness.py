# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The program of the readiness timer: one file of the code that assess runs, for a Python without Ansible."""

from __future__ import annotations

import ast
import functools
import io
import zipfile
from pathlib import Path, PurePosixPath

_PLUGINS = Path(__file__).parents[1]
_MAIN = Path(__file__).parent / "readiness" / "__main__.py"
_PREFIX = "ansible_collections.vmcore.kdump.plugins."
# The same content is the same file, to the byte: no time goes into it.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@functools.cache
def program() -> bytes:
    """Return the program, a zip that Python runs: its main file, and what that imports of module_utils."""
    sources = {"__main__.py": _MAIN.read_bytes()}
    waiting = _imported(sources["__main__.py"])
    while waiting:
        name = waiting.pop()
        path = _PLUGINS.joinpath(*name.removeprefix(_PREFIX).split(".")).with_suffix(".py")
        entry = name.replace(".", "/") + ".py"
        if path.is_file() and entry not in sources:
            sources[entry] = path.read_bytes()
            waiting |= _imported(sources[entry])
    packages = {
        str(parent / "__init__.py"): b""
        for entry in sources
        for parent in PurePosixPath(entry).parents
        if parent.name
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in sorted({**packages, **sources}.items()):
            archive.writestr(zipfile.ZipInfo(entry, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def check() -> str:
    """Return the plugin for Nagios."""
    return (_MAIN.parent / "check_kdump").read_text("utf-8")


def _imported(source: bytes) -> set[str]:
    """Return the modules of this collection that a source imports when it runs; a name in one may be a module, too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PREFIX):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


__all__ = ("check", "program")
