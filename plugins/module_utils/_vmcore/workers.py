# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Work in several processes: decompression needs all the CPUs that there are.

Each process is a fork that shares the open files, which are only ever read at given offsets. It tells of
its progress, and at its end of the first flaw that it found, through a pipe.
"""

from __future__ import annotations

import json
import os
import selectors
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

Piece = tuple[int, int]
# Does a piece of the work, and returns how much it was.
Look = t.Callable[[Piece], int]
# progress(done, all)
Progress = t.Callable[[int, int], None]

_PIPE = 1 << 16


class Result(t.NamedTuple):
    """What all processes found."""

    done: int
    flaw: Flaw | None  # in the first piece that has one


def available() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0))


def look_at_all(
    pieces: t.Sequence[Piece], look: Look, jobs: int, progress: Progress | None = None
) -> Result:
    """Do all pieces of a work in so many processes; with one, in this one."""
    total = sum(stop - start for start, stop in pieces)
    tell = progress or (lambda _done, _total: None)
    jobs = max(1, min(jobs, len(pieces)))
    if jobs == 1:
        return _alone(pieces, look, lambda done: tell(done, total))
    children = [_Child(list(enumerate(pieces))[number::jobs], look) for number in range(jobs)]
    flaws: list[tuple[int, Flaw]] = []
    done = 0
    try:
        with selectors.DefaultSelector() as selector:
            for child in children:
                selector.register(child.pipe, selectors.EVENT_READ, child)
            while selector.get_map():
                for key, _events in selector.select():
                    for message in key.data.messages(flaws):
                        done += message
                    if key.data.ended:
                        selector.unregister(key.fileobj)
                tell(done, total)
    finally:
        for child in children:
            child.end()
    return Result(done, min(flaws, key=lambda flaw: flaw[0])[1] if flaws else None)


def _alone(pieces: t.Sequence[Piece], look: Look, tell: t.Callable[[int], None]) -> Result:
    done = 0
    for piece in pieces:
        try:
            done += look(piece)
        except Flaw as flaw:
            return Result(done, flaw)
        tell(done)
    return Result(done, None)


class _Child:
    """A process, and the lines that it writes: done, or [piece, verdict, sentence], or null."""

    def __init__(self, pieces: t.Sequence[tuple[int, Piece]], look: Look) -> None:
        self.pipe, end = os.pipe()
        self.ended = False
        self._rest = b""
        self._finished = False
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self.pipe)
                _work(pieces, look, end)
            finally:
                os._exit(0)
        os.close(end)

    def messages(self, flaws: list[tuple[int, Flaw]]) -> t.Iterator[int]:
        data = os.read(self.pipe, _PIPE)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if isinstance(message, int):
                yield message
            elif message is None:
                self._finished = True
            else:
                piece, verdict, sentence = message
                flaws.append((piece, Flaw(verdict, sentence)))
        if not data:
            self.ended = True
            if not self._finished:
                flaws.append((-1, Flaw("unsupported", "A process that read pages was ended.")))

    def end(self) -> None:
        os.close(self.pipe)
        os.waitpid(self._pid, 0)


def _work(pieces: t.Sequence[tuple[int, Piece]], look: Look, end: int) -> None:
    for number, piece in pieces:
        message: object
        try:
            message = look(piece)
        except Flaw as flaw:
            message = [number, flaw.verdict, str(flaw)]
        except OSError as exc:
            message = [number, "unsupported", f"Pages cannot be read: {exc.strerror}."]
        os.write(end, json.dumps(message).encode() + b"\n")
        if isinstance(message, list):
            break
    os.write(end, b"null\n")


__all__ = ("Look", "Piece", "Progress", "available", "look_at_all")
