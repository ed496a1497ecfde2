# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    EVIDENCE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

PASSED = finished_record(
    STATE,
    vmcore=VMCORE,
    reset=RESET,
    capture=CAPTURE,
    evidence=[EVIDENCE],
    normal=NORMAL,
    now=1100.0,
)


@pytest.mark.parametrize(
    "part",
    [
        "Crash test of db01.example.com: PASSED",
        "+19.7 s  dump started",
        "1 of 2 planned ports in 1.20 s",
        "0000:00:02.0  reset     1.10 s  reset_subordinate, write error;",
        "; 0000:01:00.0 8086:10d3 is back, bus master off",
        "0000:04:00.0  left      0.00 s  excluded",
        "71.1 MiB, flattened kdump-compressed v6 (zlib): complete",
        "ok    stream: The end record is there.",
        "warning  capture kernel, 2x: A device did DMA that VT-d refused.",
        "DMAR: [DMA Read NO_PASID] Request device [01:00.0]",
    ],
)
def test_a_summary_shows_stages_ports_checks_and_evidence(part: str) -> None:
    assert part in summary(PASSED)


def test_a_dump_that_left_the_host_is_shown_where_it_is() -> None:
    assert f"Dump {VMCORE['path']}: " in summary(PASSED)
    assert f"Dump vault:{VMCORE['path']}: " in summary({**PASSED, "dump_host": "vault"})


def test_a_host_that_is_lost_is_summed_up_without_what_is_not_known() -> None:
    text = summary(lost_record(STATE, stage="panicked", why="It is not back.", now=2800.0))
    assert "FAILED" in text
    assert "It is not back." in text
    assert "Dump" not in text


def test_a_line_that_several_logs_have_is_shown_once() -> None:
    record = {**PASSED, "evidence": [EVIDENCE, {**EVIDENCE, "source": "console"}]}
    assert summary(record) == summary(PASSED)
