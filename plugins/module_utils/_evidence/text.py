# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Logs as they are collected: serial consoles, journals, crash records, cut and garbled."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:
    from pathlib import Path

# How much of the end of a log is looked at. A capture kernel prints some 100 KiB.
MAX_BYTES = 4 << 20
MAX_LINES = 30_000
MAX_LINE = 2_000

# What a terminal acts on instead of showing: escape sequences (ECMA-48), other control characters.
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]+")
# A kernel's time stamp, "[   12.345678] ", with CONFIG_PRINTK_CALLER "[   12.345678][    T1] " on a console,
# "[   12.345678] [      T1] " as makedumpfile and this collection take it out of a dump.
_STAMP = re.compile(r"\[ {0,4}(?P<seconds>\d{1,7}\.\d{6})\](?: ?\[ {0,9}[CT]\d{1,10}\])? ?")


class Line(t.NamedTuple):
    """One message."""

    number: int  # of the line in what was read, from 1
    time: float | None  # seconds since the start of the kernel that printed it
    text: str  # without time stamp and control sequences


def lines(text: str) -> list[Line]:
    """Return the messages of a log.

    A console's line can hold several: a kernel's message interrupts what a program prints, and a
    progress display overwrites itself after a carriage return::

        [[0;32m  OK  [0m] Started[   12.345678] virtio_blk virtio1: [vda] 12582912 512-byte
    """
    found: list[Line] = []
    numbered = text.split("\n")
    first = max(0, len(numbered) - MAX_LINES)
    for number, raw in enumerate(numbered[first:], first + 1):
        shown = _CONTROL.sub("", _ESCAPE.sub("", raw[:MAX_LINE].replace("\r", "\n")))
        for part in shown.split("\n"):
            found.extend(_messages(number, part))
    return found


def _messages(number: int, shown: str) -> t.Iterator[Line]:
    """Cut a line before every time stamp in it."""
    stamps = list(_STAMP.finditer(shown))
    begins = [0, *(stamp.end() for stamp in stamps)]
    ends = [*(stamp.start() for stamp in stamps), len(shown)]
    times = [None, *(float(stamp["seconds"]) for stamp in stamps)]
    for begin, end, time in zip(begins, ends, times):
        message = shown[begin:end].strip()
        if message:
            yield Line(number, time, message)


def read_end(path: Path, limit: int = MAX_BYTES) -> str:
    """Return the text of a log, or the end of a long one from a line's start on.

    Raise KdumpError if it cannot be read.
    """
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - limit))
            content = log.read(limit)
    except OSError as exc:
        raise KdumpError(f"The log {path} cannot be read: {exc.strerror}.") from exc
    if size > limit:
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", "replace")


__all__ = ("MAX_BYTES", "MAX_LINE", "MAX_LINES", "Line", "lines", "read_end")
