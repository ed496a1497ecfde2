# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is known of a crash: its logs in segments, the lines that mean something, the facts."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import (
    DISK,
    OOPS,
    PANIC,
    RESTART,
    Found,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    MOUNTED,
    PATTERNS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    Segment,
    command_line,
    waits_after_panic,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
    place: int  # among the messages of the segment, from 0
    left: int  # messages that the kernel printed after it
    left_seconds: float | None  # the same in seconds, None if that is not known

    @property
    def device(self) -> str:
        """The device that it names, empty for none."""
        return self.groups.get("device") or self.groups.get("disk") or ""


class DumpState(t.NamedTuple):
    """What there is for a dump: C(none), C(empty), C(unfinished), C(incomplete), C(damaged), C(foreign),
    C(old), C(text_only), C(complete), C(unsupported), or C(unknown)."""

    state: str
    sentence: str
    files: tuple[Mapping[str, t.Any], ...] = ()  # what the crash left behind


class Observations(t.NamedTuple):
    """All that was observed of a crash."""

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

    def first_place(self, *stages: str) -> int | None:
        """Where the capture kernel's log proves the first of some stages."""
        places = [
            segment.milestone(stage).hits[0].place
            for segment in self.of(CAPTURE)
            for stage in stages
            if segment.milestone(stage).total
        ]
        return min(places, default=None)

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
        return self.has_sign(CAPTURE, PANIC) or self.has_sign(CAPTURE, OOPS)

    def waited_after_panic(self) -> bool:
        """Whether the crashed kernel had nothing to jump to."""
        return any(waits_after_panic(segment) for segment in self.of(CRASHED))


def _is_dump(path: str, *, finished: bool) -> bool:
    name = path.rpartition("/")[2]
    return _DUMP.fullmatch(name) is not None and (_UNFINISHED not in name) == finished


_BY_CODE = {pattern.code: pattern for pattern in PATTERNS}


def events_of(segments: Iterable[Segment]) -> Iterator[Event]:
    """Every line that a pattern knows, as far as it is kept, in the order of each log."""
    for segment in segments:
        end, last_time = _end(segment)
        found: list[Event] = []
        for code, lines in segment.patterns().items():
            if code not in _BY_CODE:
                continue
            for hit in lines.hits:
                time = hit.message.time
                seconds = last_time - time if time is not None and last_time is not None else None
                found.append(
                    Event(
                        _BY_CODE[code], segment.kind, segment.source, hit.message, hit.groups, lines.total,
                        hit.place, max(0, end - hit.place - 1), seconds,
                    )
                )  # fmt: skip
        yield from sorted(found, key=lambda event: event.place)


def _end(segment: Segment) -> tuple[int, float | None]:
    """Where a kernel's log ends, and when: what firmware and a boot loader print is not of the kernel."""
    hits = segment.sign(RESTART).hits
    # A kernel started by a boot loader has its words at its begin.
    late = [hit.place for hit in hits if hit.place > segment.total // 2]
    end = min(late, default=segment.total)
    times = [message.time for message in segment.messages[-50:] if message.time is not None]
    return end, times[-1] if times else None


def mounts(segment: Segment) -> Found:
    """The lines that say that the file system was mounted which C(root=) names, or which may be it."""
    found = segment.milestone(MOUNTED)
    root = command_line(segment).get("root", "")
    return found._replace(hits=tuple(hit for hit in found.hits if _may_be_root(root, hit.groups)))


def _may_be_root(root: str, mounted: Mapping[str, str]) -> bool:
    device, uuid = mounted.get("device", ""), mounted.get("uuid", "")
    kind, _equals, value = root.partition("=")
    if kind == "UUID" and uuid:
        return value.lower() == uuid.lower()
    if root.startswith("/dev/") and not root.startswith(("/dev/mapper/", "/dev/disk/", "/dev/dm-")):
        return device == root[len("/dev/") :] or device.startswith("dm-")
    # A label, a logical volume: which device that is stands nowhere.
    return True


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


__all__ = ("DumpState", "Event", "Observations", "dump_state", "events_of", "mounts")
