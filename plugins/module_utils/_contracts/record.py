# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The result record of a crash test, and the state that a host keeps of a test.

docs/reference/result-record.schema.json describes the record.

Times are seconds since the epoch by the host's own clock.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import (
    AbsolutePath,
    Count,
    Time,
    Uuid,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import (
    Image,
    InterruptRemapping,
    TargetFacts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import ResetReport

VERDICTS = ("passed", "failed", "inconclusive")
# How far a crash came, in the order in which a crash goes through them; _evidence/stages.py has finer ones.
StageName = t.Literal[
    "armed",
    "panicked",
    "capture kernel",
    "reset done",
    "dump started",
    "dump complete",
    "normal kernel",
    "verified",
]
DUMP_VERDICTS = ("complete", "incomplete", "damaged", "not_this_crash", "unsupported")


class PreflightCheck(t.TypedDict):
    name: str
    status: t.Literal["ok", "failed"]
    detail: str


class Trigger(t.TypedDict):
    """How the host is crashed: seconds until then, on which CPU (None for any), under which load."""

    delay: Count
    cpu: t.Optional[Count]
    load: list[t.Literal["disk", "network"]]
    by: t.Optional[t.Literal["systemd-run", "setsid"]]


class RecordedTrigger(Trigger):
    requested_by: str
    panic_cpu: t.Optional[Count]


class _Stage(t.TypedDict, total=False):
    stage: t.Optional[t.Literal["initramfs", "quiesce"]]


class TestedHelper(_Stage):
    installed: bool
    digest: t.Optional[str]


class TestedPlatform(t.TypedDict, total=False):
    """Of facts.Platform, what a crash test goes by. A host that was prepared by an older release has fewer facts."""

    hostname: t.Optional[str]
    memory_bytes: t.Optional[Count]
    cpus: t.Optional[Count]


class TestedIommu(t.TypedDict):
    kind: t.Literal["vtd", "amdvi", "smmuv3", "none", "unknown"]
    translation: t.Optional[bool]
    interrupt_remapping: InterruptRemapping


class ReachedStage(t.TypedDict):
    """A stage of stages.py. None for one that was not seen; seconds after the stage before that was."""

    name: StageName
    time: t.Optional[Time]
    after: t.Optional[float]
    source: t.Optional[t.Literal["host", "console"]]


class BootIds(t.TypedDict):
    before: Uuid
    after: t.Optional[Uuid]


class Kernels(t.TypedDict):
    before: str
    after: t.Optional[str]


class LogLine(t.TypedDict):
    """A line of a log that means something; the pattern is one of _evidence/patterns.py."""

    segment: str
    source: str
    line: Count
    text: str
    pattern: str
    severity: t.Literal["error", "warning", "info"]
    meaning: str
    count: Count


class _Sure(t.TypedDict, total=False):
    sure: t.Literal["certain", "likely", "silence", "possible"]


class RecordedCause(_Sure):
    stage: t.Optional[str]
    recorded_as: t.Optional[str]
    code: str
    sentence: str
    alternatives: list[t.Any]
    evidence: list[LogLine]
    silence: str
    needs: list[t.Any]


class _Sel(t.TypedDict, total=False):
    sel: list[str]


class Recovery(_Sel):
    method: str


class DumpCheck(t.TypedDict):
    name: str
    status: t.Literal["ok", "failed", "unverified", "noted"]
    detail: str


class _CrashMore(t.TypedDict, total=False):
    nodename: t.Optional[str]
    release: t.Optional[str]
    version: t.Optional[str]
    machine: t.Optional[str]
    cpus: t.Optional[int]
    build_id: t.Optional[str]
    panic: t.Optional[str]
    cpu: t.Optional[int]
    task: t.Optional[str]
    last_lines: list[str]
    run_ids: t.Optional[list[str]]
    boot_id: t.Optional[str]
    reason: t.Optional[str]
    trace: list[str]  # of functions, the innermost first
    signature: t.Optional[str]
    summary: t.Optional[str]


class Crash(_CrashMore):
    crash_time: t.Optional[Time]


class _DumpMore(t.TypedDict, total=False):
    directory: str
    parts: list[str]
    pages: dict[str, t.Optional[int]]
    log_lines: int


class RecordedDump(_DumpMore):
    """What M(vmcore.kdump.vmcore_info) says of a dump."""

    path: AbsolutePath
    size: Count
    mtime: Time
    format: str
    verdict: t.Literal["complete", "incomplete", "damaged", "not_this_crash", "unsupported"]
    why: str
    checks: list[DumpCheck]
    crash: Crash
    files: dict[str, t.Optional[AbsolutePath]]


class TestedKdump(t.TypedDict):
    """The facts of kdump that a test is a proof of."""

    crash_size: t.Optional[int]
    capture_command_line: t.Optional[str]
    image: Image
    target: TargetFacts
    core_collector: t.Optional[str]


class _RecordMore(t.TypedDict, total=False):
    dump_host: t.Optional[str]
    kdump: t.Optional[TestedKdump]
    stored_at: t.Optional[Time]  # by the controller's clock


class Record(_RecordMore):
    version: int
    run_id: Uuid
    host: str
    hostname: str
    platform: TestedPlatform
    iommu: TestedIommu
    helper: TestedHelper
    preflight: list[PreflightCheck]
    finished_at: Time
    verdict: t.Literal["passed", "failed", "inconclusive"]
    why: str
    stage: StageName
    stages: list[ReachedStage]
    boot_id: BootIds
    kernel: Kernels
    trigger: RecordedTrigger
    cause: t.Optional[RecordedCause]
    recovery: t.Optional[Recovery]
    reset: t.Optional[ResetReport]
    vmcore: t.Optional[RecordedDump]
    evidence: list[LogLine]


class _StateMore(t.TypedDict, total=False):
    triggered_at: Time
    dump_host: t.Optional[str]
    kdump: t.Optional[TestedKdump]
    build_id: t.Optional[str]
    watchdog: bool
    crash_size: t.Optional[int]
    files_before: dict[str, float]
    records_before: list[str]
    dumps_before: dict[str, float]
    not_loaded: t.Optional[str]
    ram_bytes: t.Optional[Count]
    # As the release wrote it that finished the test; held against Record where it is gone by.
    record: dict[str, t.Any]


class KeptState(_StateMore):
    """What a later run needs to finish a test, in /var/lib/vmcore-kdump/crash-test.json."""

    status: t.Literal["prepared", "started", "finished"]
    run_id: Uuid
    host: str
    hostname: str
    requested_by: str
    armed_at: Time
    boot_id: Uuid
    kernel: str
    dump_directory: AbsolutePath
    helper: TestedHelper
    platform: TestedPlatform
    iommu: TestedIommu
    trigger: Trigger
    preflight: list[PreflightCheck]


__all__ = (
    "DUMP_VERDICTS",
    "VERDICTS",
    "BootIds",
    "Crash",
    "DumpCheck",
    "KeptState",
    "Kernels",
    "LogLine",
    "PreflightCheck",
    "ReachedStage",
    "Record",
    "RecordedCause",
    "RecordedDump",
    "RecordedTrigger",
    "Recovery",
    "StageName",
    "TestedHelper",
    "TestedIommu",
    "TestedKdump",
    "TestedPlatform",
    "Trigger",
)
