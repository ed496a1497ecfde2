# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What those who saved a dump say themselves, in its name and beside it.

It is believed if it is bad. If it is good it proves nothing: see the checks of the content.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

_MOST = 1 << 16


def check_name(path: Path) -> str:
    """All families give a dump its name in the end."""
    if "-incomplete" in path.name:
        raise Flaw(
            "incomplete",
            f"The name {path.name} says that kdump is still writing the dump, or was interrupted.",
        )
    return "The file has a final name."


def check_side_files(files: t.Mapping[str, str | None]) -> str:
    """What is written beside a dump."""
    for side_file in (file for each in traces() for file in each.side_files):
        path = files.get(side_file.key)
        text = _read(Path(path)) if path and side_file.flaws else ""
        for regex, sentence in side_file.flaws:
            match = regex.search(text)
            if match:
                raise Flaw("incomplete", sentence.format(*match.groups()))
    return "Nothing beside the dump says that saving it failed."


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


__all__ = ("check_name", "check_side_files")
