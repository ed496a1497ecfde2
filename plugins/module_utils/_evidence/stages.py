# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The stages of a crash as logs prove them, finer than those of a result record."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import StageName


class Stage(t.NamedTuple):
    """One step on the way from a loaded capture kernel to a proven dump."""

    code: str
    name: str
    recorded_as: str  # the stage of a result record (_crash_test/stages.py) that this one is in
    sentence: str  # that it was reached
    missing: str  # that it was not


STAGES = (
    Stage("S0", "armed", "armed", "A capture kernel was loaded.", "No capture kernel was loaded."),
    Stage("S1", "panicked", "panicked", "The kernel panicked.", "The kernel did not panic."),
    Stage("S2", "left the crashed kernel", "panicked", "The crashed kernel jumped.",
          "The crashed kernel did not jump into the capture kernel."),
    Stage("S3", "capture kernel", "capture kernel", "The capture kernel started.",
          "The capture kernel did not start, or printed nothing."),
    Stage("S4", "vmcore present", "capture kernel", "The dead kernel's memory could be read.",
          "The dead kernel's memory could not be read."),
    Stage("S5", "storage found", "capture kernel", "A disk was found.", "No disk was found."),
    Stage("S6", "dump target mounted", "capture kernel", "The dump's file system was mounted.",
          "The dump's file system was not mounted."),
    Stage("S7", "dump started", "dump started", "The dump was begun.", "The dump was not begun."),
    Stage("S8", "dump complete", "dump complete", "The dump was finished.", "The dump was not finished."),
    Stage("S9", "normal kernel", "normal kernel", "The normal kernel started again.",
          "The normal kernel did not start again."),
    Stage("S10", "verified", "verified", "The dump is whole and of this crash.",
          "The dump is not whole or not of this crash."),
)  # fmt: skip
# The stages of a result record, in the order in which a crash goes through them.
RECORDED: tuple[str, ...] = t.get_args(StageName)
CODES = tuple(stage.code for stage in STAGES)
BY_CODE = {stage.code: stage for stage in STAGES}


def described(code: str | None) -> dict[str, str] | None:
    """Return C({"code", "name", "recorded_as"}) of a stage, None for none."""
    if code is None:
        return None
    stage = BY_CODE[code]
    return {"code": stage.code, "name": stage.name, "recorded_as": stage.recorded_as}


def reaches(code: str | None, other: str) -> bool:
    """Whether a stage is at or after another one."""
    return code is not None and CODES.index(code) >= CODES.index(other)


__all__ = ("BY_CODE", "CODES", "RECORDED", "STAGES", "Stage", "described", "reaches")
