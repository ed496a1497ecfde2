# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How far a crash came, while its console still prints."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import (
    MARK,
    OOPS,
    PANIC,
    LogReader,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    NEXT,
    Segment,
    last_crash,
    segments_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import (
    RECORDED,
    STAGES,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_RECORDED_AS = {stage.code: stage.recorded_as for stage in STAGES}


class ConsoleReader:
    """A serial console, read as it comes: the same lines count here as in the judgement at the end.

    Args:
        name: the file it comes from, if any.
        run_id: of the crash test that is watched; without it, the last crash on the console counts.
        token: a word of the capture kernel's command line that no other boot has.
    """

    def __init__(self, name: str = "", run_id: str | None = None, token: str | None = None) -> None:
        self.run_id = run_id
        self.token = token
        self._log = LogReader("console", name)
        self._stage: str | None = None
        self._is_known = True
        self._is_marked = False

    def feed(self, data: bytes) -> None:
        """Take what was printed since, cut anywhere: in a line, in an escape sequence, in a character."""
        if data:
            self._log.feed(data)
            self._is_known = False

    @property
    def stage(self) -> str | None:
        """The last stage that it proves, one of stages.RECORDED; None: it proves none.

        A stage that was reached stays reached.
        """
        if not self._is_known:
            found = last_crash(segments_of(self._log, self.token), self.run_id)
            marked = bool(self.run_id) and any(map(self._is_ours, found))
            # What was seen before the test's own mark was of an earlier crash.
            reached = [self._stage] if self._stage and marked == self._is_marked else []
            self._is_marked = marked
            self._stage = max([*reached, *_reached(found)], key=RECORDED.index, default=None)
            self._is_known = True
        return self._stage

    def _is_ours(self, segment: Segment) -> bool:
        marks = segment.sign(MARK).hits
        return any((self.run_id or "") in hit.groups.get("run_id", "") for hit in marks)

    @property
    def last_line(self) -> str:
        """The last line that holds text, complete or not, without what a terminal acts on."""
        return self._log.unfinished or self._log.last_message

    @property
    def log(self) -> LogReader:
        """What is kept of it, for classify(). What has no line end yet is not in it: see finish()."""
        return self._log

    def finish(self) -> LogReader:
        """Nothing more comes: what is kept of it, for classify()."""
        self._log.finish()
        self._is_known = False
        return self._log


def _reached(found: list[Segment]) -> Iterator[str]:
    """The stages that these segments prove."""
    captured = False
    for segment in found:
        if segment.kind == CRASHED and (segment.sign(PANIC).total or segment.sign(OOPS).total):
            yield "panicked"
        elif segment.kind == CAPTURE and not segment.by_order:
            captured = True
            yield "capture kernel"
            if "reset_summary" in segment.patterns():
                yield "reset done"
            for code, stage in _RECORDED_AS.items():
                if segment.milestone(code).total:
                    yield stage
        elif segment.kind == NEXT and captured and segment.command_lines:
            # What follows a capture kernel is the normal one, if it is not the next of two stages.
            yield "normal kernel"


__all__ = ("ConsoleReader",)
