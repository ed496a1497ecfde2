# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""From logs and facts to the stage that failed, the most likely cause, and what it rests on.

What a log does not show is never taken for something that did not happen: a console loses bytes,
is not set for the capture kernel, or was not collected. C(silence) in the result says what was not
heard, and C(needs) what would have to be collected to know more.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import (
    KEPT_HITS,
    LogReader,
    read_log,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.causes import causes_of
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
    Event,
    Observations,
    dump_state,
    events_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.progress import (
    failed_stage,
    is_well,
    reached_stage,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    NEXT,
    UNKNOWN,
    Segment,
    last_crash,
    segments_of,
    segments_of_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import (
    BY_CODE,
    described,
    reaches,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TEXT = 300
Log = t.Union[t.Mapping[str, str], LogReader]


def classify(logs: Sequence[Log], facts: Mapping[str, t.Any] | None = None) -> dict[str, t.Any]:
    """Return what happened to a dump, from what was collected after a crash.

    Args:
        logs: C([{"source", "text", "name"}]). C(source) is C(console), C(journal), C(pstore) (these
            are cut where another kernel begins), C(dmesg) (of the crashed kernel),
            C(capture_dmesg), C(quiesce_dmesg), C(kexec_dmesg), C(readme), C(status) (of the capture
            kernel), or C(sel). C(name), if given, is the file it was read from. A log that was collected and is
            empty is listed with an empty text: that is other than one that was not collected. One that was
            read as it came is given as its LogReader.
        facts: what is known, each key may be missing or None (not known):
            C(boot_changed) the host runs another boot than the one that was to be crashed;
            C(returned) the host answers, in its normal kernel;
            C(dump) the newest dump since the test began, as vmcore_info describes it
            (C(path), C(size), C(verdict), C(why), C(checks)), None for none;
            C(files) C([{"name", "size", "new"}]) what lies in the dump directory, C(new) if it was
            not there before the crash; C(free_bytes) of the dump's file system;
            C(run_id) of the crash test; C(token) a word that only the capture kernel's command
            line has; C(power_cycled) the machine was power-cycled to get it back;
            C(silent_seconds) for how long the console has been silent; C(watchdog) a hardware
            watchdog was running before the crash;
            C(armed) a capture kernel was loaded before the crash.

    Returns:
        C(stage) and C(failed): C({"code", "name", "recorded_as"}), the last stage that is proven
        and the first one that failed (None: none failed, or not known which);
        C(cause): C({"code", "sentence", "sure"}), None if nothing is wrong; C(alternatives): the same
        for what else could be; C(dump): C({"state", "sentence"}); C(evidence): C([{"segment", "source",
        "line", "text", "pattern", "severity", "meaning", "count"}]), at most five lines a pattern
        and segment; C(silence): a sentence; C(needs): sentences.
    """
    known: Mapping[str, t.Any] = facts or {}
    observed = _observations(logs, known)
    reached = reached_stage(observed)
    failed = failed_stage(observed, reached)
    well = is_well(observed) or (reached == "S9" and failed is None)
    causes = [] if well else causes_of(observed._replace(reached=reached))
    if (
        causes
        and causes[0].stage
        and (causes[0].stage == "S0" or not reaches(failed, causes[0].stage))
    ):
        # Who failed there had come so far, although no line says so.
        failed = causes[0].stage
    silence, needs = _silence(observed, reached)
    return {
        "stage": described(reached),
        "failed": described(failed),
        "cause": causes[0].described() if causes else None,
        "alternatives": [cause.described() for cause in causes[1:]],
        "dump": {"state": observed.dump.state, "sentence": observed.dump.sentence},
        "evidence": _evidence(observed.events),
        "silence": silence,
        "needs": needs,
    }


def outline(
    logs: Sequence[Log], facts: Mapping[str, t.Any] | None = None
) -> list[dict[str, t.Any]]:
    """Return what each kernel printed: C([{"kind", "source", "lines", "first", "last"}]), in the order of the logs.

    Args:
        logs: as for classify().
        facts: as for classify().
    """
    return [
        {
            "kind": segment.kind,
            "source": segment.source,
            "lines": segment.total,
            "first": segment.messages[0].text[:_TEXT],
            "last": segment.messages[-1].text[:_TEXT],
        }
        for segment in _observations(logs, facts or {}).segments
    ]


def _observations(logs: Sequence[Log], facts: Mapping[str, t.Any]) -> Observations:
    run_id, token = facts.get("run_id"), facts.get("token")
    found: list[Segment] = []
    read = [_read(log) for log in logs]
    for log in read:
        of_log = (
            segments_of_record(log, token, run_id)
            if log.source == "pstore"
            else segments_of(log, token)
        )
        found.extend(last_crash(of_log, run_id))
    return Observations(
        segments=tuple(found),
        events=tuple(events_of(found)),
        facts=facts,
        given=frozenset(log.source for log in read),
        empty=frozenset(log.source for log in read if log.is_empty),
        dump=dump_state(facts),
        reached=None,
    )


def _read(log: Log) -> LogReader:
    if isinstance(log, LogReader):
        return log
    return read_log(log["source"], log["text"], log.get("name", ""))


def _evidence(events: Iterable[Event]) -> list[dict[str, t.Any]]:
    """The lines, the gravest first, at most five of a pattern in a segment."""
    kept: dict[tuple[str, str, str], list[Event]] = {}
    for event in events:
        of_pattern = kept.setdefault((event.segment, event.source, event.pattern.code), [])
        if len(of_pattern) < KEPT_HITS:
            of_pattern.append(event)
    order = {"error": 0, "warning": 1, "info": 2}
    return [
        {
            "segment": event.segment,
            "source": event.source,
            "line": event.line.number,
            "text": event.line.text[:_TEXT],
            "pattern": event.pattern.code,
            "severity": event.pattern.severity,
            "meaning": event.pattern.meaning,
            "count": event.total,
        }
        for key in sorted(kept, key=lambda key: order[kept[key][0].pattern.severity])
        for event in kept[key]
    ]


def _silence(observed: Observations, reached: str | None) -> tuple[str, list[str]]:
    """What was not heard, and what would have to be collected to hear it."""
    needs: list[str] = []
    consoles = [segment for segment in observed.segments if segment.source == "console"]
    if "console" not in observed.given:
        needs.append(
            "A log of the serial console (or of the management controller's) from the test's begin on."
        )
    elif not consoles:
        needs.append(
            "A console that prints: the log that was collected is empty; see console= of both kernels."
        )
    elif not any(segment.kind == CAPTURE for segment in consoles):
        needs.append(
            "console= on the capture kernel's command line: its console shows nothing of it."
        )
    if observed.of(UNKNOWN):
        needs.append(
            "A longer crash record (pstore.kmsg_bytes=): the command line of its kernel shows whose it is."
        )
    stored = {"capture_dmesg", "kexec_dmesg", "readme"} & (observed.given - observed.empty)
    if not observed.of(CAPTURE) and not stored:
        needs.append("The capture kernel's own log beside the dump.")
    if "sel" not in observed.given and observed.facts.get("returned") is not None:
        needs.append("The event log of the management controller, for resets and power losses.")
    if is_well(observed):
        return (
            "The dump itself was verified; lines that are missing from the logs mean nothing.",
            [],
        )
    if reached == "S9":
        return (
            "The dump was not verified: that it was saved is only what the family's tool says.",
            needs,
        )
    last = observed.last_line(CAPTURE)
    if last is not None:
        return f"The last that was heard of the capture kernel is: {last!r}." + _since(
            observed
        ), needs
    stage = BY_CODE[reached].sentence if reached else "Nothing at all is known."
    return f"Nothing was heard of the capture kernel. What is known: {stage}", needs


def _since(observed: Observations) -> str:
    seconds = observed.facts.get("silent_seconds")
    if seconds is not None:
        return f" Since then the console has been silent for {seconds:.0f} s."
    if observed.of(NEXT):
        return " The next lines are of another boot."
    return ""


__all__ = ("Log", "classify")
