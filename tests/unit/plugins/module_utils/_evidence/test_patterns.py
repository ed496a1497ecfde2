# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    PATTERNS,
    classify,
)

# As kernels print them: the first two and reset_no_link in the lab, the others as reported.
LINES = [
    ("[    1.352321] DMAR: Copied translation tables from previous kernel for dmar0", "dmar_copied"),
    ("[    0.215735] DMAR-IR: Copied IR table for dmar0 from previous kernel", "dmar_ir_copied"),
    ("[    1.1] DMAR: Failed to copy translation tables from previous kernel for dmar0", "dmar_copy_failed"),
    (
        "[    3.0] DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xdf7e5000",
        "dmar_fault",
    ),
    (
        "[    3.0] DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x25]",
        "dmar_ir_fault",
    ),
    ("[    1.0] AMD-Vi: Translation is already enabled - trying to reuse translation structures", "amd_reused"),
    (
        "[    2.0] AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0010 address=0xfff flags=0x0020]",
        "amd_fault",
    ),
    ("[    1.0] arm-smmu-v3 arm-smmu-v3.0.auto: SMMU currently enabled! Resetting...", "smmu_reset"),
    ('[    9.0] irq 16: nobody cared (try booting with the "irqpoll" option)', "irq_nobody_cared"),
    ("[    9.0] {1}[Hardware Error]: event severity: fatal", "pcie_error"),
    ("[    5.0] pcieport 0000:00:02.0: Data Link Layer Link Active not set in 100 msec", "reset_no_link"),
    ("[   65.0] nvme 0000:01:00.0: not ready 65535ms after bus reset; giving up", "reset_not_ready"),
    ("[   20.0] Out of memory: Killed process 307 (makedumpfile) total-vm:1kB", "out_of_memory"),
    ("[   20.0] makedumpfile invoked oom-killer: gfp_mask=0x140cca", "out_of_memory"),
    ("[    7.0] mpt3sas 0000:3b:00.0: probe with driver mpt3sas failed with error -110", "probe_failed"),
    ("[    7.0] nvme: probe of 0000:01:00.0 failed with error -12", "probe_failed"),
    ("[   30.0] nvme nvme0: Device not ready; aborting initialisation, CSTS=0x0", "nvme_not_ready"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code"), LINES)
def test_a_line_is_classified(line: str, code: str) -> None:
    assert [found["code"] for found in classify("capture kernel", [line])] == [code]


def test_every_pattern_has_a_line_here() -> None:
    assert {pattern.code for pattern in PATTERNS} == {code for _line, code in LINES}


def test_ordinary_lines_mean_nothing() -> None:
    assert classify("capture kernel", ["[    1.0] DMAR: Host address width 39", ""]) == []


def test_a_storm_is_counted_and_shown_in_five_lines() -> None:
    (found,) = classify("capture kernel", [LINES[3][0]] * 1000)
    assert found["count"] == 1000
    assert len(found["lines"]) == 5
