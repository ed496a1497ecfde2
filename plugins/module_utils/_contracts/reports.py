# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is stored beside a dump: pcie-reset.json by the reset helper, capture.json by store-report."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import Count, Time

# What becomes of a port. docs/reference/reset-helper.md says what each means.
RESULTS = ("reset", "left", "failed", "timeout")


class ResetFunction(t.TypedDict):
    """A function below a port. Its identity is VVVV:DDDD, None where none was read."""

    address: str
    identity: str
    identity_after: t.Optional[str]
    bus_master_before: t.Optional[bool]
    bus_master_after: t.Optional[bool]
    returned: bool


class ResetPort(t.TypedDict):
    """The reason of a port that was left alone is one of reasons.py, LEFT; the error of others one of ERRORS."""

    address: str
    result: t.Literal["reset", "left", "failed", "timeout"]
    reason: t.Optional[str]
    method: t.Optional[str]
    error: t.Optional[str]
    seconds: float
    functions: list[ResetFunction]


class ResetSummary(t.TypedDict):
    planned: Count
    reset: Count
    left: Count
    failed: Count
    timeout: Count
    seconds: float


class _MaybeJump(t.TypedDict, total=False):
    uptime_jump: float  # when the quiesce stage started the capture kernel


class ResetReport(_MaybeJump):
    """Times are seconds since the kernel that resets booted."""

    version: int
    digest: t.Optional[str]
    stage: t.Literal["initramfs", "quiesce"]
    kernel: t.Optional[str]
    uptime_start: float
    uptime_end: float
    deadline: int
    ports: list[ResetPort]
    summary: ResetSummary


class CaptureReport(t.TypedDict):
    """When the capture kernel did what, seconds since the epoch by its clock, which may be another one."""

    boot_id: str
    boot_epoch: Time
    dump_started: t.Optional[Time]
    dump_complete: t.Optional[Time]


__all__ = (
    "RESULTS",
    "CaptureReport",
    "ResetFunction",
    "ResetPort",
    "ResetReport",
    "ResetSummary",
)
