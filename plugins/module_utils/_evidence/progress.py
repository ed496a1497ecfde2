# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How far a crash came, as lines and facts prove it, and the first stage that it did not reach."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import OOPS, PANIC
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import mounts
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    MILESTONES,
    MOUNTED,
    Milestone,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    NEXT,
    NORMAL,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import CODES, reaches

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
        Observations,
    )

# What a family's tool says of its success means nothing after these.
_TOOL_FAILED = ("makedumpfile_failed", "makedumpfile_too_old", "disk_full")


def reached_stage(observed: Observations) -> str | None:
    """The last stage that a line or a fact proves."""
    proven = {
        milestone.stage
        for milestone in MILESTONES
        if milestone.stage != MOUNTED and _is_proven(observed, milestone)
    }
    if any(mounts(segment).hits for segment in observed.of(CAPTURE)):
        proven.add("S6")
    if observed.found("no_vmcore"):
        proven.discard("S4")
    facts = observed.facts
    if facts.get("armed"):
        proven.add("S0")
    if observed.of(CRASHED) and facts.get("boot_changed") is not False:
        died = observed.has_sign(CRASHED, PANIC) or observed.has_sign(CRASHED, OOPS)
        proven.add("S1" if died else "S0")
    if facts.get("boot_changed"):
        proven.add("S1")
    if observed.of(CAPTURE):
        proven.add("S3")
    proven |= _proven_by_dump(observed)
    if observed.dump.state != "complete" and "S8" in proven:
        if observed.dump.state not in ("unknown", "unsupported") or _tool_failed(observed):
            # What the family's tool says of a dump that is not whole proves that it was begun.
            proven.discard("S8")
        elif observed.of(NEXT) or facts.get("returned"):
            proven.add("S9")
    return max(proven, key=CODES.index, default=None)


def _proven_by_dump(observed: Observations) -> set[str]:
    """What files prove: whoever finished a dump came as far, whatever else is known."""
    proven = set()
    if observed.dump.files:
        proven.add("S7" if observed.dump.state != "text_only" else "S6")
    if observed.dump.state == "complete":
        proven.add("S8")
        if observed.facts.get("returned") is not False:
            proven.add("S10")
    return proven


def _tool_failed(observed: Observations) -> bool:
    fell_back = any(
        "falling back" in event.line.text for event in observed.found("makedumpfile_failed")
    )
    return bool(observed.found(*_TOOL_FAILED)) and not fell_back


def _is_proven(observed: Observations, milestone: Milestone) -> bool:
    kinds = (CAPTURE,) if milestone.where == "C" else (NORMAL, CRASHED)
    return any(
        segment.milestone(milestone.stage).total
        for segment in observed.segments
        if segment.kind in kinds
    )


def is_well(observed: Observations) -> bool:
    """Whether there is a dump and nothing says that something is wrong."""
    return observed.dump.state == "complete" and observed.facts.get("returned") is not False


def failed_stage(observed: Observations, reached: str | None) -> str | None:
    """The first stage that was not reached, if that is known: by what came instead of it."""
    if is_well(observed) or reached == "S9":
        return None
    if observed.dump.state == "complete":
        return "S9"
    if observed.dump.state in ("foreign", "damaged") and not observed.of(CAPTURE):
        return "S10"
    if not observed.of(CAPTURE) and not reaches(reached, "S3"):
        # From the panic on nothing was heard. If the host came back, it is not known from where.
        if observed.of(CRASHED) and observed.waited_after_panic():
            return "S2"
        if observed.facts.get("boot_changed") is False:
            return "S1"
        return None
    following = CODES.index(reached) + 1 if reached else 0
    return CODES[min(following, len(CODES) - 1)]


__all__ = ("failed_stage", "is_well", "reached_stage")
