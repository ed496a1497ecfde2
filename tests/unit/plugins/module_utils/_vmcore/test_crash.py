# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a log says about a crash."""

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crash import (
    borders_in,
    crash_in,
    run_ids,
)

OOPS = """\
[    1.000000] [    T100] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    1.000001] [    T100] CPU: 3 UID: 0 PID: 100 Comm: bad task Kdump: loaded Tainted: G            E  6.12 #1
[    1.000002] [    T100] Kernel panic - not syncing: Fatal exception
"""
SYSRQ = """\
[    2.000000] CPU: 9 PID: 1 Comm: init Not tainted 4.19.0 #1
[    3.000000] sysrq: Trigger a crash
[    3.000001] Kernel panic - not syncing: sysrq triggered crash
[    3.000002] CPU: 1 PID: 572 Comm: sh Kdump: loaded Not tainted 4.19.0 #1
[    3.000003] CPU: 2 PID: 573 Comm: no Kdump: loaded Not tainted 4.19.0 #1
"""


@pytest.mark.parametrize(
    ("log", "panic", "cpu", "task"),
    [
        ("", None, None, None),
        ("[    1.000000] quiet\n", None, None, None),
        (OOPS, "Kernel panic - not syncing: Fatal exception", 3, "bad task"),
        (SYSRQ, "Kernel panic - not syncing: sysrq triggered crash", 1, "sh"),
        ("[    1.000000] [      C0] Kernel panic - not syncing: x\n",
         "Kernel panic - not syncing: x", None, None),
    ],
)  # fmt: skip
def test_the_panic_its_cpu_and_its_task(
    log: str, panic: str | None, cpu: int | None, task: str | None
) -> None:
    crash = crash_in(log)
    assert (crash["panic"], crash["cpu"], crash["task"]) == (panic, cpu, task)
    assert crash["last_lines"] == log.splitlines()


def test_the_last_lines_are_ten() -> None:
    lines = [f"[    1.000000] {number}" for number in range(20)]
    assert crash_in("\n".join(lines))["last_lines"] == lines[10:]


def test_a_run_id_is_found_with_and_without_a_caller() -> None:
    log = (
        "[    1.000000] vmcore.kdump: crash test run_id=one host=db01\n"
        "[    1.000000] [      T1] vmcore.kdump: crash test run_id=two host=db01\n"
        "[    1.000000][    T1] vmcore.kdump: crash test run_id=2b host=db01\n"
        "[    1.000000] [      T1] x vmcore.kdump: crash test run_id=three host=db01\n"
    )
    assert run_ids(log) == ["one", "two", "2b"]


def test_the_borders_of_ram_are_known_only_with_a_map() -> None:
    e820 = "[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
    node = "[    0.000000]   node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
    assert borders_in(e820) is None
    assert borders_in(e820 + node) == {0, 0x9FC00, 0x1000, 0x9F000}
