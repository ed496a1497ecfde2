# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What those who saved a dump say themselves, in its name and beside it.

It is believed if it is bad. If it is good it proves nothing: see the checks of the content.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

_MOST = 1 << 16


class Saying(t.NamedTuple):
    """A line of a side file that says that the dump is not whole."""

    file: str  # a key of side_files()
    regex: re.Pattern[str]
    sentence: str


_SAYINGS = (
    # SUSE's kdump-save writes it before the dump, and other words in its place afterwards.
    Saying(
        "readme",
        re.compile(r"the crash dump is likely incomplete"),
        "README.txt beside it says that kdump did not finish.",
    ),
    Saying(
        "readme",
        re.compile(r"vmcore status: *(?!saved successfully)(\S.*)"),
        "README.txt beside it says of the vmcore: {0}.",
    ),
    # kdump-utils, kdumpctl test
    Saying(
        "creation_status",
        re.compile(r"^fail\b.*", re.MULTILINE),
        "vmcore-creation.status beside it says that kdump failed.",
    ),
)


def check_name(path: Path) -> str:
    """All families give a dump its name in the end."""
    if "-incomplete" in path.name:
        raise Flaw(
            "incomplete",
            f"The name {path.name} says that kdump is still writing the dump, or was interrupted.",
        )
    return "The file has a final name."


def check_sayings(files: t.Mapping[str, str | None]) -> str:
    """What is written beside a dump."""
    for saying in _SAYINGS:
        file = files.get(saying.file)
        match = saying.regex.search(_read(Path(file))) if file else None
        if match:
            raise Flaw("incomplete", saying.sentence.format(*match.groups()))
    return "Nothing beside the dump says that saving it failed."


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


__all__ = ("check_name", "check_sayings")
