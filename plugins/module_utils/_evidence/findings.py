# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What an answer to the question for the cause is made of, and how lines are quoted in it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import CAPTURE

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
        Event,
        Observations,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import Segment

# How sure an answer is, the surest first.
CERTAIN = "certain"  # a line says itself that it ended there
LIKELY = "likely"  # what failed is what the dump depends on, and nothing says that it came back
SILENCE = "silence"  # no line says why; the log ends, or another boot follows
POSSIBLE = "possible"  # it was seen, but the capture kernel went on after it
ORDER = (CERTAIN, LIKELY, SILENCE, POSSIBLE)

# Messages, or seconds, that a kernel prints on after a fault that stopped it.
NEAR_MESSAGES, NEAR_SECONDS = 15, 10.0
_QUOTED = 160
# A program's messages, as the journal and the kernel's log have them: C(kdump.sh[511]: readmem: …).
_PROGRAM = re.compile(r"(?P<program>[\w.@-]+\[\d+\]): (?P<said>.*)")
# What makedumpfile prints while nothing is wrong.
_PROGRESS = re.compile(
    r"^(?:Copying data|Checking for memory holes|Excluding|STEP|The dumpfile is saved|\s*$)"
)


class Finding(t.NamedTuple):
    """An answer of one rule."""

    sentence: str
    event: Event | None = None
    sure: str | None = None  # other than the rule's
    stage: str | None = "as the rule"  # the stage that it makes fail; None: it says nothing of that


class Cause(t.NamedTuple):
    """An answer among others."""

    code: str
    sentence: str
    stage: str | None
    sure: str
    event: Event | None = None

    def described(self) -> dict[str, str]:
        """As plain data."""
        return {"code": self.code, "sentence": self.sentence, "sure": self.sure}


def quote(event: Event) -> str:
    """A line, in quotation marks."""
    return repr(event.line.text[:_QUOTED])


def is_near_end(event: Event) -> bool:
    """Whether hardly anything came after a line."""
    if event.left <= NEAR_MESSAGES:
        return True
    return (
        event.left_seconds is not None
        and event.left_seconds <= NEAR_SECONDS
        and event.total > NEAR_MESSAGES
    )


def in_capture(observed: Observations, *codes: str) -> list[Event]:
    """The events of some patterns in the capture kernel."""
    return [event for event in observed.found(*codes) if event.segment == CAPTURE]


def first_of_program(observed: Observations, event: Event) -> str:
    """The first thing that the program said which had this line as its last: the reason comes first."""
    match = _PROGRAM.search(event.line.text)
    if match is None or match["program"].startswith("systemd["):
        return event.line.text[:_QUOTED]  # systemd speaks of many things
    for segment in observed.of(event.segment):
        said = _first_said(segment, match["program"], event)
        if said:
            return said[:_QUOTED]
    return event.line.text[:_QUOTED]


def _first_said(segment: Segment, program: str, event: Event) -> str:
    if segment.source != event.source:
        return ""
    for message in segment.messages:
        match = _PROGRAM.search(message.text)
        if match and match["program"] == program and not _PROGRESS.search(match["said"]):
            return message.text
    return ""


def named(observed: Observations, device: str) -> str:
    """A device with its name, as far as facts or the log of a kernel have one: C(3b:00.0 (mpt3sas, 1000:0097))."""
    known = observed.facts.get("devices") or {}
    full = device if device.count(":") == 2 else f"0000:{device}"
    name = known.get(full) or known.get(device)
    if not name:
        name = next(
            (
                found[1]
                for segment in observed.segments
                for message in segment.messages
                if (
                    found := re.search(
                        rf"pci {re.escape(full)}: (\[[0-9a-f]{{4}}:[0-9a-f]{{4}}\])", message.text
                    )
                )
            ),
            "",
        )
    return f"{device} ({name})" if name else device


__all__ = (
    "CERTAIN", "LIKELY", "ORDER", "POSSIBLE", "SILENCE", "Cause", "Finding", "first_of_program", "in_capture",
    "is_near_end", "named", "quote",
)  # fmt: skip
