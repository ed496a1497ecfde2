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


FAULT = """\
[   41.000001] [    T811] BUG: kernel NULL pointer dereference, address: 0000000000000008
[   41.000002] [    T811] Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI
[   41.000003] [    T811] CPU: 5 UID: 0 PID: 811 Comm: kworker/5:1H Kdump: loaded Tainted: G            E      6.12.9 #1
[   41.000004] [    T811] Workqueue: kblockd blk_mq_run_work_fn
[   41.000005] [    T811] RIP: 0010:drv_queue_rq.constprop.0+0x4c/0x120 [drv]
[   41.000006] [    T811] Code: 00 00 00
[   41.000007] [    T811] RSP: 0018:ffffa9f6c0cbbd50 EFLAGS: 00010246
[   41.000008] [    T811] CR2: 0000000000000008 CR3: 000000010a8b8000 CR4: 00000000003506f0
[   41.000009] [    T811] Call Trace:
[   41.000010] [    T811]  <TASK>
[   41.000011] [    T811]  ? __die_body.cold+0x19/0x27
[   41.000012] [    T811]  ? page_fault_oops+0x15c/0x2e0
[   41.000013] [    T811]  ? asm_exc_page_fault+0x26/0x30
[   41.000014] [    T811]  blk_mq_dispatch_rq_list+0x13c/0x7c0
[   41.000015] [    T811]  blk_mq_run_work_fn+0x5f/0x80
[   41.000016] [    T811]  process_one_work.isra.0+0x17f/0x330
[   41.000017] [    T811]  worker_thread+0x2ce/0x3f0
[   41.000018] [    T811]  kthread+0xd2/0x100
[   41.000019] [    T811]  ret_from_fork_asm+0x1a/0x30
[   41.000020] [    T811]  </TASK>
[   41.000021] [    T811] Modules linked in: drv(E)
[   41.000022] [    T811] ---[ end trace 0000000000000000 ]---
[   41.000023] [    T811] RIP: 0010:drv_queue_rq.constprop.0+0x4c/0x120 [drv]
[   41.000024] [    T811] Kernel panic - not syncing: Fatal exception
"""
LOCKUP = """\
[   90.000001] [      C1] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [app:77]
[   90.000002] [      C1] CPU: 1 UID: 0 PID: 77 Comm: app Kdump: loaded Not tainted 6.12.9 #1
[   90.000003] [      C1] RIP: 0010:spin_forever+0x10/0x20
[   90.000004] [      C1] Call Trace:
[   90.000005] [      C1]  <TASK>
[   90.000006] [      C1]  drv_wait+0x1f/0x40
[   90.000007] [      C1]  </TASK>
[   90.000008] [      C1] Kernel panic - not syncing: softlockup: hung tasks
[   90.000009] [      C1] CPU: 1 UID: 0 PID: 77 Comm: app Kdump: loaded Tainted: G             L     6.12.9 #1
[   90.000010] [      C1] Call Trace:
[   90.000011] [      C1]  <IRQ>
[   90.000012] [      C1]  dump_stack_lvl+0x5d/0x80
[   90.000013] [      C1]  panic+0x118/0x2db
[   90.000014] [      C1]  watchdog_timer_fn.cold+0xc/0x70
[   90.000015] [      C1]  hrtimer_interrupt+0xff/0x240
[   90.000016] [      C1]  __sysvec_apic_timer_interrupt+0x55/0x100
[   90.000017] [      C1]  sysvec_apic_timer_interrupt+0x6c/0x90
[   90.000018] [      C1]  </IRQ>
[   90.000019] [      C1]  <TASK>
[   90.000020] [      C1]  asm_sysvec_apic_timer_interrupt+0x1a/0x20
[   90.000021] [      C1] RIP: 0010:spin_forever+0x10/0x20
[   90.000022] [      C1] Code: 00
[   90.000023] [      C1] RSP: 0018:ffffa9f6c0cbbd50 EFLAGS: 00000246
[   90.000024] [      C1]  drv_wait+0x1f/0x40
[   90.000025] [      C1]  entry_SYSCALL_64_after_hwframe+0x76/0x7e
[   90.000026] [      C1] RIP: 0033:0x7f3ac1b42a90
[   90.000027] [      C1]  </TASK>
[   90.000028] [      C1] Kernel Offset: 0x1ac00000 from 0xffffffff81000000
"""


def test_the_trace_of_a_fault_begins_where_the_processor_was() -> None:
    crash = crash_in(FAULT)
    assert crash["reason"] == "BUG: kernel NULL pointer dereference, address: 0000000000000008"
    assert crash["trace"] == [
        "drv_queue_rq",
        "blk_mq_dispatch_rq_list",
        "blk_mq_run_work_fn",
        "process_one_work",
        "worker_thread",
        "kthread",
        "ret_from_fork_asm",
    ]
    assert crash["summary"] == (
        "The kernel panicked on CPU 5 in kworker/5:1H: BUG: kernel NULL pointer dereference, address: "
        "0000000000000008 (in drv_queue_rq, called by blk_mq_dispatch_rq_list, called by blk_mq_run_work_fn)"
    )


def test_a_trace_goes_on_behind_an_interrupt() -> None:
    # Where the watchdog printed no trace of its own, that of panic() tells.
    crash = crash_in(LOCKUP[LOCKUP.index("[   90.000008]") :])
    assert crash["trace"] == [
        "panic",
        "watchdog_timer_fn",
        "hrtimer_interrupt",
        "__sysvec_apic_timer_interrupt",
        "sysvec_apic_timer_interrupt",
        "asm_sysvec_apic_timer_interrupt",
        "spin_forever",
        "drv_wait",
        "entry_SYSCALL_64_after_hwframe",
    ]
    assert (crash["cpu"], crash["task"]) == (1, "app")


def test_the_trace_of_the_watchdog_comes_before_that_of_panic() -> None:
    crash = crash_in(LOCKUP)
    assert crash["reason"] == "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [app:77]"
    assert crash["trace"] == ["spin_forever", "drv_wait"]
    assert (crash["cpu"], crash["task"]) == (1, "app")


def test_a_fault_that_jumps_before_panic_says_anything_is_told() -> None:
    crash = crash_in(FAULT[: FAULT.index("[   41.000024]")])
    assert crash["panic"] is None
    told = crash_in(FAULT)
    same = ("reason", "cpu", "task", "trace", "signature", "summary")
    assert {key: crash[key] for key in same} == {key: told[key] for key in same}
