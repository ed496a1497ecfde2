# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Text of a host for a terminal: nothing in it acts on the terminal or turns the text around it."""

from __future__ import annotations

import re
import typing as t

# Terminal control (ECMA-48 5.3 and 5.6), with ESC or as one character of C1: CSI sequences; OSC, DCS, APC, PM and SOS
# strings up to their terminator, or to the end if somebody left that out; the rest of two and three characters.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]P_^X]|[\x9d\x90\x9f\x9e\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# Other control characters but line feed and tab, surrogates, line separators, bidirectional controls (UAX 9).
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> str:
    """Return text of which a terminal shows every character; what cannot be shown is U+FFFD."""
    return _HIDDEN.sub("\ufffd", _SEQUENCES.sub("", text))


def printable_line(text: str) -> str:
    """The same as one line: what a host says is no line of ours."""
    return " ".join(printable(text.replace("\t", " ")).splitlines())


def printable_data(value: t.Any) -> t.Any:
    """The same for each text in data, keys as well."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable_data(key): printable_data(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable_data(entry) for entry in value]
    return value


__all__ = ("printable", "printable_data", "printable_line")
