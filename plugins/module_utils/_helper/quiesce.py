# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The quiesce stage on a host: its files, what has the capture kernel loaded with it, and its command line."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Collection

# Where the helper is executed.
STAGES = ("initramfs", "quiesce")

_STATE = PurePosixPath("/var/lib/pcie-reset")
IMAGE = _STATE / "quiesce.img"
WORDS = _STATE / "quiesce.words"
REFUSED = _STATE / "quiesce.refused"
# What quiesce makes whenever the capture kernel is loaded.
MADE = (IMAGE, WORDS, REFUSED)

SETTINGS = PurePosixPath("/usr/local/lib/pcie-reset/quiesce-kdump-tools")
# What gives the capture kernel arguments, in every stage.
ARGUMENTS = PurePosixPath("/usr/local/lib/pcie-reset/capture-arguments")

# On the command line of the first stage, around what that of the second does not have.
BEGIN = "pcie_reset.stage=quiesce"
END = "pcie_reset.stage=capture"

# The last lines of a file that a shell reads its settings from, in this order: a script, and the line that sources it.
# A host without the script is as one without the line.
_LINES = {script: f"[ ! -r {script} ] || . {script}" for script in (ARGUMENTS, SETTINGS)}


def with_lines(text: str, scripts: Collection[PurePosixPath]) -> str:
    """Return settings that end with the lines of these scripts, and have none of another one of ours."""
    text = without_lines(text)
    lines = "".join(f"{line}\n" for script, line in _LINES.items() if script in scripts)
    return f"{text}{chr(10) if lines and text and not text.endswith(chr(10)) else ''}{lines}"


def without_lines(text: str) -> str:
    """Return settings as they are without the reset helper."""
    ours = set(_LINES.values())
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() not in ours)


def sourced(text: str) -> list[PurePosixPath]:
    """Return which of our scripts settings source; with SETTINGS there is the quiesce stage."""
    lines = {line.strip() for line in text.splitlines()}
    return [script for script, line in _LINES.items() if line in lines]


class Lines(t.NamedTuple):
    """The words of a command line in two parts."""

    capture: list[str]  # of both stages
    first: list[str]  # of the first stage alone


def split(command_line: str) -> Lines:
    """Take a command line apart as quiesce-init does; that of a capture kernel without the stage is all capture."""
    capture: list[str] = []
    first: list[str] = []
    ours = False
    for word in command_line.split():
        if word in (BEGIN, END):
            ours = word == BEGIN
        else:
            (first if ours else capture).append(word)
    return Lines(capture, first)


__all__ = (
    "ARGUMENTS",
    "IMAGE",
    "MADE",
    "REFUSED",
    "SETTINGS",
    "STAGES",
    "WORDS",
    "Lines",
    "sourced",
    "split",
    "with_lines",
    "without_lines",
)
