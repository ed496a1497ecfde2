# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is known of a crash: its logs in segments, the lines that mean something, the facts."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import DISK, PANIC
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    Segment,
    waits_after_panic,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import Message
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import Pattern

# Names of dumps. All families call a dump so while they write it.
_UNFINISHED = "-incomplete"
_DUMP = re.compile("|".join(f"(?:{each.layout.names()})" for each in traces()))


class Event(t.NamedTuple):
    """A line that a pattern knows."""

    pattern: Pattern
    segment: str
    source: str
    line: Message
    groups: Mapping[str, str]
    total: int  # how many lines of the pattern there are in the segment


class DumpState(t.NamedTuple):
    """What there is for a dump: C(none), C(empty), C(unfinished), C(incomplete), C(damaged), C(foreign),
    C(old), C(text_only), C(complete), C(unsupported), or C(unknown)."""

    state: str
    sentence: str
    files: tuple[Mapping[str, t.Any], ...] = ()  # what the crash left behind


class Picture(t.NamedTuple):
    """All that is known."""

    segments: tuple[Segment, ...]
    events: tuple[Event, ...]
    facts: Mapping[str, t.Any]
    given: frozenset[str]
    empty: frozenset[str]
    dump: DumpState
    reached: str | None

    def of(self, kind: str) -> list[Segment]:
        """The segments of a kind."""
        return [segment for segment in self.segments if segment.kind == kind]

    def found(self, *codes: str) -> list[Event]:
        """The events of some patterns, in the order of the logs."""
        return [event for event in self.events if event.pattern.code in codes]

    def has_sign(self, kind: str, sign: str) -> bool:
        """Whether a segment of a kind has a sign."""
        return any(segment.sign(sign).total for segment in self.of(kind))

    def disk(self, kind: str) -> str | None:
        """The first disk that showed itself in the segments of a kind."""
        hits = (hit for segment in self.of(kind) for hit in segment.sign(DISK).hits)
        return next((hit.groups["disk"] for hit in hits), None)

    def last_line(self, kind: str) -> str | None:
        """The last line of a kind of segment; a console tells more of the end than any file."""
        chosen = sorted(self.of(kind), key=lambda segment: segment.source == "console")
        return chosen[-1].messages[-1].text[:200] if chosen else None

    def capture_panicked(self) -> bool:
        """Whether the capture kernel panicked, for whatever reason."""
        return self.has_sign(CAPTURE, PANIC)

    def waited_after_panic(self) -> bool:
        """Whether the crashed kernel had nothing to jump to."""
        return any(waits_after_panic(segment) for segment in self.of(CRASHED))


def _is_dump(path: str, *, finished: bool) -> bool:
    name = path.rpartition("/")[2]
    return _DUMP.fullmatch(name) is not None and (_UNFINISHED not in name) == finished


def dump_state(facts: Mapping[str, t.Any]) -> DumpState:
    """Return what there is for a dump."""
    dump = facts.get("dump")
    listed = facts.get("files")
    new = tuple(file for file in listed or () if file.get("new"))
    if dump is not None:
        return _state_of_dump(dump, new)
    unfinished = [file for file in new if _is_dump(file["name"], finished=False)]
    if unfinished:
        file = unfinished[-1]
        return DumpState(
            "unfinished", f"{file['name']} was begun and not finished ({_size(file)}).", new
        )
    finished = [file for file in new if _is_dump(file["name"], finished=True)]
    if finished:
        file = finished[-1]
        state = "unknown" if file["size"] else "empty"
        return DumpState(state, f"{file['name']} was left ({_size(file)}).", new)
    if new:
        names = ", ".join(sorted(file["name"] for file in new)[:5])
        return DumpState("text_only", f"There is no dump, only {names}.", new)
    if listed is None:
        if "dump" in facts:
            return DumpState("none", "There is no new dump.")
        return DumpState("unknown", "It is not known what lies in the dump directory.")
    old = [file for file in listed if _is_dump(file["name"], finished=True)]
    if old:
        return DumpState(
            "old", f"There is no new dump; {old[-1]['name']} was there before this crash."
        )
    return DumpState("none", "There is no dump.")


def _state_of_dump(dump: Mapping[str, t.Any], new: tuple[Mapping[str, t.Any], ...]) -> DumpState:
    """The state by the verdict of vmcore_info."""
    files = new or ({"name": dump["path"], "size": dump.get("size") or 0, "new": True},)
    verdict, why = dump.get("verdict"), dump.get("why") or ""
    if verdict == "complete":
        return DumpState("complete", why, files)
    unfinished = _is_dump(str(dump["path"]), finished=False)
    if not dump.get("size") and not unfinished:
        # It got its final name, so its writer took it for a dump.
        return DumpState("empty", f"{dump['path']} is empty.", files)
    if verdict == "not_this_crash":
        return DumpState("foreign", why, ())
    if verdict == "incomplete":
        return DumpState("unfinished" if unfinished else "incomplete", why, files)
    return DumpState(verdict or "unknown", why, files)


def _size(file: Mapping[str, t.Any]) -> str:
    return f"{file['size']} bytes"


__all__ = ("DumpState", "Event", "Picture", "dump_state")
