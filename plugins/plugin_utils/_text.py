# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Text of hosts that nobody trusts: log lines, device names, what a module printed. No terminal shall act on it."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

# What no format can show: control characters but tab and line feed, surrogates, non-characters, and the characters that
# turn the direction of the text around them (UAX 9), have no width, or end a line for some.
_HIDDEN_CHARACTERS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufdd0-\ufdef"
    r"\ufeff\ufff9-\ufffb\ufffe\uffff"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
)
_HIDDEN = re.compile(f"[{_HIDDEN_CHARACTERS}]")
_REPLACEMENT = "\ufffd"

# Terminal control (ECMA-48 5.3 and 5.6), with ESC or as one character of C1: CSI sequences; OSC, DCS, APC, PM and SOS
# strings up to their terminator, or to the end if somebody left that out; the rest of two and three characters.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]P_^X]|[\x9d\x90\x9f\x9e\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]"
)
# Those with ESC, which JSON has only around its texts. C1 may stand in a text as it is, where a sequence that does not
# end would take the end of the JSON with it.
_ESC_SEQUENCES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")

# The same where JSON has them escaped, as in \u001b[0m. An escape begins after an even number of backslashes. No
# sequence takes a quotation mark or a backslash with it: these are JSON's.
_EVEN = r"(?<!\\)((?:\\\\)*)"
_JSON_SEQUENCES = re.compile(
    _EVEN
    + r"\\u001[bB](?:\[[0-?]*[ !#-/]*[@-\[\]-~]|\][^\x00-\x1f\"\\]*(?:\\u0007|\\u001[bB]\\\\)?|[@-Z^_])"
)
_JSON_HIDDEN = re.compile(
    _EVEN + r"\\(?:[bfr]|u(?:00(?:0[0-8b-fB-F]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])"
    r"|061[cC]|20(?:0[b-fB-F]|2[89a-eA-E]|6[0-9])|[fF][eE][fF][fF]|[fF]{3}[9a-bA-BeEfF]|[fF][dD][dDeE][0-9a-fA-F]"
    # Half of a pair: what the name of a file with other bytes than UTF-8 is made of, and printed as the bytes again.
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u)[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])))"
)


def clean(value: str) -> str:
    """Return text that every format can hold; what cannot be shown is a replacement character."""
    return _HIDDEN.sub(_REPLACEMENT, _SEQUENCES.sub("", _lines(value)))


def clean_line(value: str) -> str:
    """The same as one line: what a host says is no line of ours."""
    return " ".join(clean(value.replace("\t", " ")).splitlines())


def clean_data(value: t.Any) -> t.Any:
    """The same for each text in data, keys as well."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean_data(key): clean_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_data(each) for each in value]
    return value


def clean_json(value: str) -> str:
    """Return the JSON of what clean() makes of all texts in it, and of what was printed around it."""
    plain = _HIDDEN.sub(_REPLACEMENT, _ESC_SEQUENCES.sub("", _lines(value)))
    plain = _JSON_SEQUENCES.sub(r"\1", re.sub(rf"{_EVEN}\\r\\n", r"\1\\n", plain))
    return _JSON_HIDDEN.sub(r"\1" + _REPLACEMENT, plain)


def _lines(value: str) -> str:
    return value.replace("\r\n", "\n")


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table: every column but the last one is as wide as its widest cell."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in rows
    ]  # fmt: skip


__all__ = ("clean", "clean_data", "clean_json", "clean_line", "columns")
