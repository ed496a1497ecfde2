# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The reset plan: what the filter P(vmcore.kdump.reset_plan#filter) returns, and what its text form holds."""

from __future__ import annotations

import typing as t

_Class = t.TypedDict("_Class", {"class": str})


class Child(_Class):
    """A function below a port, by what identifies it in the capture kernel."""

    address: str
    vendor: str
    device: str


class PlannedPort(t.TypedDict):
    """The reason is one of reasons.py, the methods are those of plan_file.py, in order of preference."""

    address: str
    decision: t.Literal["reset", "leave"]
    reason: str
    sentence: str
    methods: list[str]
    rule: t.Optional[str]
    children: list[Child]


class PlanSummary(t.TypedDict):
    reset: int
    leave: int


class Plan(t.TypedDict):
    version: int
    host: str
    kernel: str
    stage: t.Literal["initramfs", "quiesce"]
    digest: str
    policy: dict[str, str]
    notes: list[str]
    ports: list[PlannedPort]
    summary: PlanSummary


class WrittenPort(t.TypedDict):
    """A port to be reset, as the plan file has it."""

    address: str
    methods: list[str]
    children: list[Child]


class WrittenPlan(t.TypedDict):
    """What is read back from a plan file."""

    version: int
    host: str
    kernel: str
    digest: str
    ports: list[WrittenPort]


__all__ = ("Child", "Plan", "PlanSummary", "PlannedPort", "WrittenPlan", "WrittenPort")
