# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The quiesce stage on a host: its files, what has the capture kernel loaded with it, and its command line."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

# Where the helper is executed.
STAGES = ("initramfs", "quiesce")

_STATE = PurePosixPath("/var/lib/pcie-reset")
IMAGE = _STATE / "quiesce.img"
WORDS = _STATE / "quiesce.words"
REFUSED = _STATE / "quiesce.refused"
# What quiesce makes whenever the capture kernel is loaded.
MADE = (IMAGE, WORDS, REFUSED)

SETTINGS = PurePosixPath("/usr/local/lib/pcie-reset/quiesce-kdump-tools")

# On the command line of the first stage, around what that of the second does not have.
BEGIN = "pcie_reset.stage=quiesce"
END = "pcie_reset.stage=capture"

# The last line of a file that a shell reads its settings from. A host without the script is as one without the line.
_LINE = f"[ ! -r {SETTINGS} ] || . {SETTINGS}"


def with_line(text: str) -> str:
    """Return settings that end with the quiesce stage's line."""
    text = without_line(text)
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{_LINE}\n"


def without_line(text: str) -> str:
    """Return settings as they are without the quiesce stage."""
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() != _LINE)


def has_line(text: str) -> bool:
    """Say whether settings have the capture kernel loaded with the quiesce stage."""
    return any(line.strip() == _LINE for line in text.splitlines())


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
    "IMAGE",
    "MADE",
    "REFUSED",
    "SETTINGS",
    "STAGES",
    "WORDS",
    "Lines",
    "has_line",
    "split",
    "with_line",
    "without_line",
)
