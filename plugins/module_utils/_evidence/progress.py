# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How far a crash came, as lines and facts prove it, and the first stage that it did not reach."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import OOPS, PANIC
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    MILESTONES,
    MOUNTED,
    Milestone,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.picture import mounts
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    NEXT,
    NORMAL,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import CODES, reaches

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.picture import Picture

# What a family's tool says of its success means nothing after these.
_TOOL_FAILED = ("makedumpfile_failed", "makedumpfile_too_old", "disk_full")


def reached_stage(picture: Picture) -> str | None:
    """The last stage that a line or a fact proves."""
    proven = {
        milestone.stage
        for milestone in MILESTONES
        if milestone.stage != MOUNTED and _is_proven(picture, milestone)
    }
    if any(mounts(segment).hits for segment in picture.of(CAPTURE)):
        proven.add("S6")
    if picture.found("no_vmcore"):
        proven.discard("S4")
    facts = picture.facts
    if facts.get("armed"):
        proven.add("S0")
    if picture.of(CRASHED) and facts.get("boot_changed") is not False:
        died = picture.has_sign(CRASHED, PANIC) or picture.has_sign(CRASHED, OOPS)
        proven.add("S1" if died else "S0")
    if facts.get("boot_changed"):
        proven.add("S1")
    if picture.of(CAPTURE):
        proven.add("S3")
    proven |= _proven_by_dump(picture)
    if picture.dump.state != "complete" and "S8" in proven:
        if picture.dump.state not in ("unknown", "unsupported") or _tool_failed(picture):
            # What the family's tool says of a dump that is not whole proves that it was begun.
            proven.discard("S8")
        elif picture.of(NEXT) or facts.get("returned"):
            proven.add("S9")
    return max(proven, key=CODES.index, default=None)


def _proven_by_dump(picture: Picture) -> set[str]:
    """What files prove: whoever finished a dump came as far, whatever else is known."""
    proven = set()
    if picture.dump.files:
        proven.add("S7" if picture.dump.state != "text_only" else "S6")
    if picture.dump.state == "complete":
        proven.add("S8")
        if picture.facts.get("returned") is not False:
            proven.add("S10")
    return proven


def _tool_failed(picture: Picture) -> bool:
    fell_back = any(
        "falling back" in event.line.text for event in picture.found("makedumpfile_failed")
    )
    return bool(picture.found(*_TOOL_FAILED)) and not fell_back


def _is_proven(picture: Picture, milestone: Milestone) -> bool:
    kinds = (CAPTURE,) if milestone.where == "C" else (NORMAL, CRASHED)
    return any(
        segment.milestone(milestone.stage).total
        for segment in picture.segments
        if segment.kind in kinds
    )


def is_well(picture: Picture) -> bool:
    """Whether there is a dump and nothing says that something is wrong."""
    return picture.dump.state == "complete" and picture.facts.get("returned") is not False


def failed_stage(picture: Picture, reached: str | None) -> str | None:
    """The first stage that was not reached, if that is known: by what came instead of it."""
    if is_well(picture) or reached == "S9":
        return None
    if picture.dump.state == "complete":
        return "S9"
    if picture.dump.state in ("foreign", "damaged") and not picture.of(CAPTURE):
        return "S10"
    if not picture.of(CAPTURE) and not reaches(reached, "S3"):
        # From the panic on nothing was heard. If the host came back, it is not known from where.
        if picture.of(CRASHED) and picture.waited_after_panic():
            return "S2"
        if picture.facts.get("boot_changed") is False:
            return "S1"
        return None
    following = CODES.index(reached) + 1 if reached else 0
    return CODES[min(following, len(CODES) - 1)]


__all__ = ("failed_stage", "is_well", "reached_stage")
