# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States and reports of a crash test for the tests of records and summaries."""

from __future__ import annotations

import typing as t

Data = dict[str, t.Any]

STATE: Data = {
    "status": "started",
    "run_id": "5c1010ec-bea3-42f9-b221-e09a5853e55a",
    "host": "db01.example.com",
    "hostname": "db01",
    "requested_by": "operator on control.example.com",
    "armed_at": 1000.0,
    "triggered_at": 1001.0,
    "trigger": {"delay": 3, "cpu": None, "load": [], "by": "systemd-run"},
    "preflight": [{"name": "armed", "status": "ok", "detail": "A capture kernel is loaded."}],
    "boot_id": "4f0c6bd5-2c1e-4f0e-9e39-0d1ddc1f1a55",
    "kernel": "6.12.107+deb13-amd64",
    "dump_directory": "/var/crash",
    "helper": {"installed": True, "digest": "baf529b5d3c4"},
    "platform": {"hostname": "db01"},
    "iommu": {
        "kind": "vtd",
        "translation": True,
        "interrupt_remapping": {"active": True, "mode": "x2apic", "evidence": "IR-PCI-MSI"},
    },
}

NORMAL: Data = {
    "boot_id": "e3b91ac0-1f7e-4d6b-8a0e-52dd90f6a6c1",
    "boot_epoch": 1070.0,
    "kernel": "6.12.107+deb13-amd64",
}

CAPTURE: Data = {
    "boot_id": "0a1b2c3d-1f7e-4d6b-8a0e-52dd90f6a6c1",
    "boot_epoch": 1005.0,
    "dump_started": 1030.0,
    "dump_complete": 1060.0,
}

RESET: Data = {
    "version": 1,
    "digest": "baf529b5d3c4",
    "stage": "initramfs",
    "kernel": "6.12.107+deb13-amd64",
    "uptime_start": 4.1,
    "uptime_end": 5.3,
    "deadline": 15,
    "ports": [
        {
            "address": "0000:00:02.0",
            "result": "reset",
            "reason": None,
            "method": "reset_subordinate",
            "error": "write_error",
            "seconds": 1.1,
            "functions": [
                {
                    "address": "0000:01:00.0",
                    "identity": "8086:10d3",
                    "identity_after": "8086:10d3",
                    "bus_master_before": True,
                    "bus_master_after": False,
                    "returned": True,
                }
            ],
        },
        {
            "address": "0000:04:00.0",
            "result": "left",
            "reason": "excluded",
            "method": None,
            "error": None,
            "seconds": 0.0,
            "functions": [],
        },
    ],
    "summary": {"planned": 2, "reset": 1, "left": 1, "failed": 0, "timeout": 0, "seconds": 1.2},
}

VMCORE: Data = {
    "path": "/var/crash/202611220951/dump.202611220951",
    "directory": "/var/crash/202611220951",
    "size": 74521136,
    "mtime": 1061.0,
    "format": "flattened kdump-compressed v6 (zlib)",
    "verdict": "complete",
    "why": "The dump is whole.",
    "checks": [{"name": "stream", "status": "ok", "detail": "The end record is there."}],
    "crash": {"crash_time": 1003},
    "files": {},
}

EVIDENCE: Data = {
    "segment": "capture kernel",
    "source": "capture_dmesg",
    "line": 7,
    "text": "DMAR: [DMA Read NO_PASID] Request device [01:00.0]",
    "pattern": "dmar_fault",
    "severity": "warning",
    "meaning": "A device did DMA that VT-d refused.",
    "count": 2,
}
