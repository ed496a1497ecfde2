# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Logs as they are collected: serial consoles, journals, crash records, cut and garbled.

A log is read as it comes, in pieces that end anywhere, and nothing of it is kept here but an
unfinished line.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# How much of the end of a file is looked at. A capture kernel prints some 100 KiB.
MAX_BYTES = 4 << 20
# A kernel's message is at most 1,024 bytes (PRINTK_MESSAGE_MAX 2,048 with its prefix).
MAX_LINE = 2_000
# What is kept of a line that does not end.
_MAX_REST = 64 << 10
_PIECE = 256 << 10

# What a terminal acts on instead of showing: escape sequences (ECMA-48), other control characters. One
# that moves the cursor to another line is where a line ends: firmware draws its screens so.
_MOVE = re.compile(rb"\x1b\[[0-9;]*[Hf]")
_ESCAPE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]"
)
_CONTROL = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
# The same among characters that are not ASCII, where a terminal that reads UTF-8 acts on them (C1), and what
# stands for damaged bytes.
_NO_TEXT = re.compile("[\x80-\x9f\ufffd]")
_SPACE = re.compile(r"[^\S\x00-\x7f]")
# What printk puts before a message in a crash record (fs/pstore) and in /dev/kmsg: C(<6>).
_LEVEL = re.compile(rb"<\d{1,3}>")
# A kernel's time stamp, "[   12.345678] ", with CONFIG_PRINTK_CALLER "[   12.345678][    T1] " on a console,
# "[   12.345678] [      T1] " as makedumpfile and this collection take it out of a dump; as dmesg -T writes
# it, "[Sun Nov 22 12:55:01 2026] ".
_STAMP = re.compile(
    rb"\[ {0,4}(?:(?P<seconds>\d{1,7}\.\d{6})|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\]"
    rb"(?: ?\[ {0,9}[CT]\d{1,10}\])? ?"
)
_BRACKET = ord("[")


class Message(t.NamedTuple):
    """One message."""

    number: int  # of the line in what was read, from 1
    time: float | None  # seconds since the start of the kernel that printed it
    text: str  # without time stamp and control sequences


# The same with its text as it was read: what nobody asks for is never decoded.
RawMessage = tuple[int, t.Optional[float], bytes]


def decoded(raw: bytes) -> str:
    """The text of a message."""
    return raw.decode("utf-8", "ignore")


def _readable(raw: bytes) -> bytes:
    """What was read, without bytes that are no text: they were damaged on the line."""
    return _NO_TEXT.sub("", _SPACE.sub(" ", raw.decode("utf-8", "ignore"))).encode()


class MessageReader:
    """Cuts bytes into messages, as they come.

    A console's line can hold several: a kernel's message interrupts what a program prints, and a
    progress display overwrites itself after a carriage return::

        [[0;32m  OK  [0m] Started[   12.345678] virtio_blk virtio1: [vda] 12582912 512-byte
    """

    def __init__(self) -> None:
        self._rest = b""
        self._number = 1

    def feed(self, data: bytes) -> Iterator[RawMessage]:
        """The messages that these bytes complete."""
        for begin in range(0, len(data), _PIECE):
            piece = self._rest + data[begin : begin + _PIECE]
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
            self._rest = piece[end:][:_MAX_REST]
            if end:
                yield from self._cut(piece[:end])

    def finish(self) -> Iterator[RawMessage]:
        """The message that is not complete; what comes after it will be another one."""
        rest, self._rest = self._rest, b""
        yield from self._cut(rest)

    @property
    def unfinished(self) -> str:
        """The text of the message that is not complete."""
        shown = [message for _number, _time, message in MessageReader()._cut(self._rest)]
        return decoded(shown[-1]) if shown else ""

    def _cut(self, piece: bytes) -> Iterator[RawMessage]:
        if not piece.isascii():
            piece = _readable(piece)
        if b"\x1b" in piece:
            piece = _ESCAPE.sub(b"", _MOVE.sub(b"\r", piece))
        lines = piece.translate(None, _CONTROL).replace(b"\r\n", b"\n").split(b"\n")
        first, self._number = self._number, self._number + len(lines) - 1
        for number, line in enumerate(lines, first):
            stamp = _STAMP.match(line)
            if stamp and stamp[1] and b"\r" not in line and len(line) <= MAX_LINE:
                # As nearly all lines are: one time stamp, at the begin.
                text = line[stamp.end() :].strip()
                if text and not (_BRACKET in text and _STAMP.search(text)):
                    yield number, float(stamp[1]), text
                    continue
            if line:
                for part in line.split(b"\r"):
                    yield from _messages(number, part[:MAX_LINE].strip())


def _messages(number: int, shown: bytes) -> Iterator[RawMessage]:
    """Cut a line before every time stamp in it."""
    level = _LEVEL.match(shown)
    if level:
        shown = shown[level.end() :]
    begin, time = 0, None
    for stamp in _STAMP.finditer(shown) if _BRACKET in shown else ():
        before = shown[begin : stamp.start()].strip()
        if before:
            yield number, time, before
        begin = stamp.end()
        time = float(stamp["seconds"]) if stamp["seconds"] else None
    last = shown[begin:].strip()
    if last:
        yield number, time, last


def messages(text: str) -> list[Message]:
    """Return the messages of a log."""
    reader = MessageReader()
    raw = [*reader.feed(text.encode("utf-8", "replace")), *reader.finish()]
    return [Message(number, time, decoded(message)) for number, time, message in raw]


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


__all__ = (
    "MAX_BYTES", "MAX_LINE", "Message", "MessageReader", "RawMessage", "decoded", "messages", "read_end",
)  # fmt: skip
