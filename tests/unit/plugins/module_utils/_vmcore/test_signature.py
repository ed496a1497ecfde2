# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kernels say when they crash, from public reports: registers and most frames are cut."""

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.signature import (
    account,
    signature,
)

# Linux 6.5 on x86_64, from systemd/systemd-centos-ci issue 660
SOFT_LOCKUP = """\
[   80.188444] watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [swapper/3:0]
[   80.188444] Kernel panic - not syncing: softlockup: hung tasks
[   80.188444] CPU: 3 PID: 0 Comm: swapper/3 Tainted: G             L     6.5.3-arch1-1 #1
[   80.188444] Call Trace:
[   80.188444]  <IRQ>
[   80.188444]  dump_stack_lvl+0x47/0x60
[   80.188444]  panic+0x180/0x330
[   80.188444]  watchdog_timer_fn+0x1e2/0x220
[   80.188444]  ? __pfx_watchdog_timer_fn+0x10/0x10
[   80.188444]  __hrtimer_run_queues+0x10f/0x2b0
[   80.188444]  hrtimer_interrupt+0xf8/0x230
[   80.188444]  __sysvec_apic_timer_interrupt+0x5e/0x130
[   80.188444]  sysvec_apic_timer_interrupt+0x39/0x90
[   80.188444]  asm_sysvec_apic_timer_interrupt+0x1a/0x20
[   80.188444] RIP: 0010:__do_softirq+0x7c/0x2c8
[   80.188444] Code: 14 81 67 2c ff f7 ff ff be 00 01 00 00 e8 bc c7 38 ff c7 44 24 10 0a
[   80.188444] RSP: 0018:ffffad20801d8f90 EFLAGS: 00000246
[   80.188444] RAX: 0000000000000000 RBX: ffffad20800c3e28 RCX: 000000000000004e
[   80.188444]  irq_exit_rcu+0x10/0x20
[   80.188444]  </IRQ>
[   80.188444] Kernel Offset: 0x17000000 from 0xffffffff81000000
[   80.188444]  not_a_frame+0x1/0x2
"""
# Linux 5.5 on powerpc, from Dasharo/dasharo-issues issue 415
SOFT_LOCKUP_PPC64 = """\
[   60.003038] Kernel panic - not syncing: softlockup: hung tasks
[   60.003157] CPU: 6 PID: 0 Comm: swapper/6 Tainted: G            EL    5.5.0-openpower1 #0
[   60.003290] Call Trace:
[   60.003354] [c0000001fb2cb3c0] [c000000000d3fc18] dump_stack+0xbc/0x104 (unreliable)
[   60.003518] [c0000001fb2cb400] [c0000000000a6fd4] panic+0x160/0x3dc
[   60.003650] [c0000001fb2cb4a0] [c000000000161180] watchdog_timer_fn+0x350/0x380
[   60.003780] [c0000001fb2cb540] [c000000000134870] __hrtimer_run_queues+0x170/0x290
[   60.004398] --- interrupt: 901 at replay_interrupt_return+0x0/0x4
[   60.004398]     LR = arch_local_irq_restore.part.3+0x54/0x70
[   60.004637] [c0000001fb2cb9c0] [c0000000000e45b4] vtime_account_irq_enter+0x54/0x70 (unreliable)
[   60.004816] [c0000001fb2cb9e0] [c000000000d64ff4] __do_softirq+0xd4/0x2e4
[   60.004950] [c0000001fb2cbad0] [c0000000000ace38] irq_exit+0xd8/0x100
"""
# Linux 4.4 on arm64, from ayufan-rock64/linux-build issue 82
HUNG_TASK = """\
[121683.681000] INFO: task kworker/u8:0:5 blocked for more than 120 seconds.
[121683.691585] Kernel panic - not syncing: hung_task: blocked tasks
[121683.695773] CPU: 0 PID: 29 Comm: khungtaskd Not tainted 4.4.77-rockchip-ayufan-136 #1
[121683.704341] Call trace:
[121683.708224] [<ffffff80080881b0>] dump_backtrace+0x0/0x1e0
[121683.712412] [<ffffff80080883b4>] show_stack+0x24/0x30
[121683.716523] [<ffffff800853e5b8>] dump_stack+0x94/0xb4
[121683.720585] [<ffffff800818e5c8>] panic+0xe8/0x234
[121683.724599] [<ffffff80081555f8>] watchdog+0x2cc/0x2f4
[121683.728593] [<ffffff80080d4b38>] kthread+0xf0/0xf8
[121683.732526] [<ffffff8008082690>] ret_from_fork+0x10/0x40
[121683.736501] CPU3: stopping
"""
# Linux 6.5 on x86_64, from openzfs/zfs issue 15547; with panic_on_oops the log ends here, without panic()'s words.
OOPS = """\
[274774.983614] BUG: unable to handle page fault for address: 000056035f935000
[274774.983633] #PF: supervisor write access in kernel mode
[274774.983638] #PF: error_code(0x0003) - permissions violation
[274774.983654] Oops: 0003 [#1] PREEMPT SMP NOPTI
[274774.983660] CPU: 1 PID: 562230 Comm: rpmbuild Tainted: P           OE      6.5.10-200.fc38.x86_64 #1
[274774.983672] RIP: 0010:memcpy_orig+0x38/0x140
[274774.983682] Code: 00 00 00 40 38 fe 7c 35 48 83 ea 20
[274774.983691] RSP: 0018:ffffb25846af3c00 EFLAGS: 00010206
[274774.983750] Call Trace:
[274774.983755]  <TASK>
[274774.983760]  ? __die+0x23/0x70
[274774.983765]  ? page_fault_oops+0x171/0x4e0
[274774.983770]  zfs_uiomove_iter+0x8f/0x160 [zfs]
[274774.983775]  dmu_read_uio_dnode+0xdd/0x130 [zfs]
[274774.983780]  </TASK>
[274774.983790] Modules linked in: zfs(PO)
"""
# Linux 6.12 on arm64, from apple/container issue 614
OOPS_ARM64 = """\
[ 1684.141613] Unable to handle kernel NULL pointer dereference at virtual address 00000000000000a0
[ 1684.141770] Mem abort info:
[ 1684.142396] Internal error: Oops: 0000000096000004 [#1] SMP
[ 1684.142453] CPU: 1 UID: 42 PID: 8422 Comm: http Not tainted 6.12.28 #1
[ 1684.142501] pstate: 61400005 (nZCv daif +PAN -UAO -TCO +DIT -SSBS BTYPE=--)
[ 1684.142552] pc : percpu_counter_add_batch+0x18/0x138
[ 1684.143456] lr : dst_release+0x88/0x8c
[ 1684.143700] Call trace:
[ 1684.143750]  percpu_counter_add_batch+0x18/0x138 (P)
[ 1684.143800]  dst_release+0x88/0x8c
[ 1684.143900] Code: d5384103 a9be7bfd
[ 1684.144000] ---[ end trace 0000000000000000 ]---
[ 1684.144100] Kernel panic - not syncing: Oops: Fatal exception in interrupt
"""
# Linux 6.12 on x86_64, of the lab
SYSRQ = """\
[  173.464000] sysrq: Trigger a crash
[  173.465123] Kernel panic - not syncing: sysrq triggered crash
[  173.465200] CPU: 0 UID: 0 PID: 572 Comm: sh Kdump: loaded Not tainted 6.12.107+deb13-amd64 #1
[  173.465300] Call Trace:
[  173.465400]  <TASK>
[  173.465500]  dump_stack_lvl+0x5d/0x80
[  173.465600]  panic+0x118/0x2db
[  173.465700]  sysrq_handle_crash+0x1a/0x20
[  173.465800]  __handle_sysrq.cold+0x9c/0x130
[  173.465900]  write_sysrq_trigger+0x5f/0x80
[  173.466000]  proc_reg_write+0x5c/0xa0
[  173.466241]  </TASK>
"""
# The same before panic() was called for it (Linux 5.3): the handler wrote to the address 0.
SYSRQ_OLD = """\
[  100.000000] SysRq : Trigger a crash
[  100.000100] BUG: unable to handle kernel NULL pointer dereference at           (null)
[  100.000200] IP: sysrq_handle_crash+0x16/0x20
[  100.000300] Oops: 0002 [#1] SMP
"""


@pytest.mark.parametrize(
    ("log", "kind", "reason", "innermost"),
    [
        (SOFT_LOCKUP, "soft_lockup", "watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [swapper/3:0]",
         "panic"),
        (SOFT_LOCKUP_PPC64, "soft_lockup", "softlockup: hung tasks", "panic"),
        (HUNG_TASK, "hung_task", "INFO: task kworker/u8:0:5 blocked for more than 120 seconds.", "panic"),
        (OOPS, "oops", "BUG: unable to handle page fault for address: 000056035f935000", "memcpy_orig"),
        (OOPS_ARM64, "oops", "Unable to handle kernel NULL pointer dereference at virtual address 00000000000000a0",
         "percpu_counter_add_batch"),
        (SYSRQ, "sysrq", "sysrq triggered crash", "panic"),
        (SYSRQ_OLD, "sysrq", "sysrq triggered crash", None),
        ("[    1.0] Kernel panic - not syncing: Fatal hardware error!", "machine_check", "Fatal hardware error!", None),
        ("[    1.0] Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler",
         "panic", "Timeout: Not all CPUs entered broadcast exception handler", None),
        ("[    1.0] Kernel panic - not syncing: NMI: Not continuing", "nmi", "NMI: Not continuing", None),
        ("[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009", "init_died",
         "Attempted to kill init! exitcode=0x00000009", None),
    ],
)  # fmt: skip
def test_why_a_kernel_crashed(log: str, kind: str, reason: str, innermost: str | None) -> None:
    told = account(log)
    assert (told.kind, told.reason) == (kind, reason)
    assert next(iter(told.functions), None) == innermost
    assert told.words
    assert told.signature


def test_the_trace_goes_on_below_an_interrupt_and_ends_where_it_ends() -> None:
    assert account(SOFT_LOCKUP).functions[-2:] == ("__do_softirq", "irq_exit_rcu")
    assert account(SOFT_LOCKUP_PPC64).functions[-2:] == ("__do_softirq", "irq_exit")
    assert account(OOPS).functions == ("memcpy_orig", "zfs_uiomove_iter", "dmu_read_uio_dnode")
    assert account(OOPS_ARM64).functions == ("percpu_counter_add_batch", "dst_release")


def test_a_log_without_a_crash_tells_nothing() -> None:
    assert account("[    0.000000] Linux version 6.12\n") == (
        None,
        None,
        None,
        (),
        None,
        None,
        None,
    )
    assert account("") == (None, None, None, (), None, None, None)


def test_lines_of_another_processor_are_not_of_the_trace() -> None:
    mixed = """\
[    1.000000][  T572] Kernel panic - not syncing: sysrq triggered crash
[    1.000001][  T572] Call Trace:
[    1.000002][  T572]  first+0x1/0x2
[    1.000003][   C1] e1000e: something else
[    1.000004][   C1]  foreign+0x1/0x2
[    1.000005][  T572]  second+0x1/0x2
"""
    assert account(mixed).functions == ("first", "second")
    assert account(mixed.replace("][ ", "] [ ")).functions == ("first", "second")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+0x38/0x140", "+0x3a/0x150"),  # another build
        ("000056035f935000", "0000000000000008"),  # another address
        ("zfs_uiomove_iter+", "zfs_uiomove_iter.constprop.0.isra.0+"),  # another compiler
        ("dmu_read_uio_dnode+", "dmu_read_uio_dnode.cold+"),
        ("CPU: 1 PID: 562230 Comm: rpmbuild", "CPU: 7 UID: 0 PID: 12 Comm: cat"),
        ("274774.9836", "    12.0006"),
        ("[274774.983770]  zfs", "[274774.983766]  asm_exc_page_fault+0x26/0x30\n[274774.983770]  zfs"),
    ],
)  # fmt: skip
def test_equal_crashes_have_the_same_signature(old: str, new: str) -> None:
    changed = OOPS.replace(old, new)
    assert changed != OOPS
    assert account(changed).signature == account(OOPS).signature


def test_the_words_of_panic_behind_an_oops_change_no_signature() -> None:
    followed = (
        f"{OOPS}[274774.99] Kernel panic - not syncing: Fatal exception\n[274774.99] Call Trace:\n"
    )
    assert account(followed).signature == account(OOPS).signature
    assert account(followed).kind == "oops"


def test_other_crashes_have_other_signatures() -> None:
    logs = (
        SOFT_LOCKUP,
        HUNG_TASK,
        OOPS,
        OOPS_ARM64,
        SYSRQ,
        SYSRQ_OLD,
        OOPS.replace("zfs_uio", "other_"),
    )
    assert len({account(log).signature for log in logs}) == len(logs)
    # The same idle processor, found by a watchdog and by a machine check.
    words = "[    1.0] Kernel panic - not syncing: {}\n[    1.0] Call Trace:\n[    1.0]  intel_idle+0x1/0x2\n"
    told = [account(words.format(each)) for each in ("Hard LOCKUP", "Fatal machine check")]
    assert told[0].functions == told[1].functions
    assert told[0].signature != told[1].signature


def test_an_earlier_warning_is_not_the_crash() -> None:
    warning = "[   10.0] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n[   10.0] Call Trace:\n[   10.0]  f+0x1/0x2\n"
    assert account(warning + SYSRQ) == account(SYSRQ)


def test_of_two_faults_the_last_one_ended_the_kernel() -> None:
    first = OOPS.replace("zfs_uiomove_iter", "harmless")
    gap = "".join(f"[274780.{number:06}] all is well\n" for number in range(20))
    assert account(f"{first}{gap}{OOPS}").signature == account(OOPS).signature


@pytest.mark.parametrize(
    "wrapper",
    ["panic", "oops_end", "no_context", "exc_page_fault", "el1h_64_sync", "do_syscall_64", "__x64_sys_write",
     "__arm64_sys_write", "kthread", "ret_from_fork", "start_secondary", "sysrq_handle_crash", "watchdog_timer_fn",
     "asm_sysvec_apic_timer_interrupt", "gic_handle_irq", "entry_SYSCALL_64_after_hwframe", "__warn"],
)  # fmt: skip
def test_how_another_kernel_enters_and_dies_is_no_part_of_a_signature(wrapper: str) -> None:
    trace = ["drv_queue_rq", "blk_mq_dispatch_rq_list"]
    assert signature("oops", "x", [wrapper, *trace, wrapper]) == signature("oops", "y", trace)


def test_without_functions_that_tell_anything_the_words_do_without_numbers() -> None:
    alike = [
        signature("nmi", f"IOCK error 0x{number:x} on CPU {number}", ["panic"])
        for number in (17, 18)
    ]
    assert alike[0] == alike[1]
    assert alike[0] != signature("nmi", "SERR", ["panic"])
    assert signature("oops", "x", ["a", "b"]) != signature("oops", "x", ["b", "a"])
