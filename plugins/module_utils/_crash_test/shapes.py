# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The shapes of what a crash test reads: state, record, and the reports that a capture kernel left.

They have what the code relies on, and no more: docs/reference/result-record.schema.json describes a record to others.
"""

from __future__ import annotations

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._shape import (
    choice,
    each,
    flag,
    keys,
    mapping,
    maybe,
    moment,
    number,
    path,
    text,
    uuid,
    values,
    whole,
)

VERDICTS = ("passed", "failed", "inconclusive")

_CHECKS = each(keys({"name": text, "status": text, "detail": text}))
_LINE = keys(
    {
        "segment": text,
        "source": text,
        "line": whole,
        "text": text,
        "pattern": text,
        "severity": text,
        "meaning": text,
        "count": whole,
    }
)
_TRIGGER = {"delay": whole, "cpu": maybe(whole), "load": each(text), "by": maybe(text)}
_HELPER = keys({"installed": flag}, {"digest": text})
_PLATFORM = keys({}, {"memory_bytes": whole, "cpus": whole, "hostname": text})
_IOMMU = keys({"kind": text})

# store-report writes it: C({"boot_id":"...","boot_epoch":1763800000.12,"dump_started":...,"dump_complete":...})
CAPTURE = keys({}, {"boot_epoch": moment, "dump_started": moment, "dump_complete": moment})

# pcie-reset writes it, see docs/reference/reset-helper.md.
RESET = keys(
    {
        "digest": maybe(text),
        "uptime_end": number,
        "ports": each(
            keys(
                {
                    "address": text,
                    "result": text,
                    "reason": maybe(text),
                    "method": maybe(text),
                    "error": maybe(text),
                    "seconds": number,
                    "functions": each(
                        keys(
                            {"address": text, "identity": text},
                            {"returned": flag, "bus_master_after": flag},
                        )
                    ),
                }
            )
        ),
        "summary": keys({"planned": whole, "reset": whole, "left": whole, "seconds": number}),
    },
    {"uptime_jump": number, "stage": text},
)

# vmcore_info returns it.
VMCORE = keys(
    {
        "path": path,
        "size": whole,
        "mtime": moment,
        "format": maybe(text),
        "verdict": text,
        "why": text,
        "checks": _CHECKS,
        "crash": keys({}, {"crash_time": moment, "nodename": text, "run_ids": each(text)}),
        "files": values(maybe(path)),
    }
)

RECORD = keys(
    {
        "run_id": uuid,
        "host": text,
        "hostname": text,
        "platform": mapping,
        "iommu": mapping,
        "helper": _HELPER,
        "preflight": _CHECKS,
        "finished_at": moment,
        "verdict": choice(*VERDICTS),
        "why": text,
        "stage": choice(*STAGES),
        "stages": each(
            keys(
                {
                    "name": choice(*STAGES),
                    "time": maybe(moment),
                    "after": maybe(number),
                    "source": maybe(text),
                }
            )
        ),
        "boot_id": keys({"before": uuid, "after": maybe(uuid)}),
        "kernel": keys({"before": text, "after": maybe(text)}),
        "trigger": keys({**_TRIGGER, "requested_by": text, "panic_cpu": maybe(whole)}),
        "cause": maybe(
            keys(
                {
                    "stage": maybe(text),
                    "code": text,
                    "sentence": text,
                    "alternatives": each(mapping),
                    "evidence": each(_LINE),
                    "silence": text,
                    "needs": each(text),
                }
            )
        ),
        "recovery": maybe(keys({"method": text}, {"sel": each(text)})),
        "reset": maybe(RESET),
        "vmcore": maybe(VMCORE),
        "evidence": each(_LINE),
    },
    {"version": whole, "dump_host": text},
)

STATE = keys(
    {
        "status": choice("prepared", "started", "finished"),
        "run_id": uuid,
        "host": text,
        "hostname": text,
        "requested_by": text,
        "armed_at": moment,
        "boot_id": uuid,
        "kernel": text,
        "dump_directory": path,
        "helper": _HELPER,
        "platform": _PLATFORM,
        "iommu": _IOMMU,
        "trigger": keys(_TRIGGER),
        "preflight": _CHECKS,
    },
    {
        "triggered_at": moment,
        "build_id": text,
        "watchdog": flag,
        "dump_host": text,
        "files_before": values(number),
        "dumps_before": values(number),
        "not_loaded": text,
        "ram_bytes": whole,
        "record": mapping,
    },
)

__all__ = ("CAPTURE", "RECORD", "RESET", "STATE", "VERDICTS", "VMCORE")
