# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Why a kernel crashed, by its log: a kind, the kernel's words, the functions, and a signature of equal crashes.

An oops with panic_on_oops jumps into the capture kernel before panic() prints anything (arch/x86/kernel/dumpstack.c
oops_end(), kernel/kexec_core.c kexec_should_crash()), so the last fault counts where the log has no panic.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Sequence


class CrashKind(t.NamedTuple):
    """A kind of crash, and how the log says so."""

    name: str
    words: str
    panic: str  # searched for in what panic() says; "" for a kind that needs no panic()
    # The line with the particulars, which comes before that of panic(). Without it the words of panic() are particular.
    fault: str = ""


class Account(t.NamedTuple):
    """What a log says of its crash. What the log does not say is None, or empty."""

    kind: str | None
    words: str | None  # a sentence without a full stop
    reason: str | None  # the kernel's own words
    # Of the trace, the innermost first, as the source has their names, without those that print the trace.
    functions: tuple[str, ...]
    signature: str | None
    cpu: int | None
    task: str | None


class _Line(t.NamedTuple):
    caller: str  # "T123" and "C1" where the kernel notes who prints, otherwise ""
    text: str


# The first row that fits is the kind. Sources: the files of the kernel that print it.
KINDS = (
    # drivers/tty/sysrq.c sysrq_handle_crash()
    CrashKind("sysrq", "Somebody crashed the kernel on purpose (SysRq c)", r"^sysrq triggered crash"),
    # kernel/watchdog.c watchdog_timer_fn()
    CrashKind("soft_lockup", "A processor was stuck in the kernel (soft lockup)", r"^softlockup: hung tasks",
              r"BUG: soft lockup - CPU#\d+"),
    # kernel/watchdog_perf.c watchdog_hardlockup_check()
    CrashKind("hard_lockup", "A processor was stuck with interrupts off (hard lockup)",
              r"^(?:Hard LOCKUP|Watchdog detected hard)", r"Watchdog detected hard LOCKUP"),
    # kernel/hung_task.c check_hung_task()
    CrashKind("hung_task", "A task waited too long (hung task)", r"^hung_task: blocked tasks",
              r"INFO: task .* blocked (?:for more than|in I/O wait)"),
    # kernel/rcu/tree_stall.h panic_on_rcu_stall()
    CrashKind("rcu_stall", "A processor did not pass through a quiescent state (RCU stall)", r"^RCU Stall",
              r"rcu: INFO: .* (?:self-)?detected (?:expedited )?stall"),
    # arch/x86/kernel/cpu/mce/core.c mce_panic(), drivers/acpi/apei/ghes.c __ghes_panic()
    CrashKind("machine_check", "The hardware reported an error that cannot be corrected",
              r"(?i)machine check|^Fatal hardware error|^Fatal local machine"),
    # arch/arm64/kernel/traps.c arm64_serror_panic()
    CrashKind("serror", "The hardware reported an asynchronous error (SError)", r"^Asynchronous SError"),
    # arch/x86/kernel/nmi.c, drivers/watchdog/hpwdt.c hpwdt_pretimeout()
    CrashKind("nmi", "A non-maskable interrupt came, of a watchdog, the management controller or broken hardware",
              r"\bNMI\b"),
    # mm/oom_kill.c check_panic_on_oom(), out_of_memory()
    CrashKind("out_of_memory", "No memory was left", r"^Out of memory|^out of memory|^System is deadlocked on memory"),
    # kernel/exit.c do_exit()
    CrashKind("init_died", "The first process ended", r"^Attempted to kill init"),
    # init/do_mounts.c mount_block_root()
    CrashKind("no_root", "The root file system could not be mounted", r"^VFS: Unable to mount root"),
    # kernel/panic.c __warn()
    CrashKind("warning", "A warning of the kernel was made fatal (panic_on_warn)", r"panic_on_warn set",
              r"WARNING: (?:CPU|\S+:\d+)"),
    # arch/*/kernel/traps.c, arch/*/mm/fault.c, lib/bug.c
    CrashKind("oops", "The kernel did something that a processor or the kernel itself does not allow (oops)",
              r"^(?:Fatal exception|Oops\b|.*: Fatal exception)",
              r"BUG: (?:kernel|unable|Bad|stack)|kernel BUG at |Unable to handle kernel|general protection fault|"
              r"Internal error: |divide error: |invalid opcode: |Oops: |Oops\["),
    CrashKind("panic", "The kernel gave up", r""),
)  # fmt: skip
_OOPS = next(kind for kind in KINDS if kind.name == "oops")
_SYSRQ = KINDS[0]

# "[    5.123456] ", "[    5.123456][  T123] ", and "[    5.123456] [  T123] " as makedumpfile prints it
_PREFIX = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\] ?(?:\[ *([CT]\d+)\] ?)?")
_PANIC = re.compile(r"Kernel panic - not syncing: (.*)")
# drivers/tty/sysrq.c __handle_sysrq(): "sysrq: Trigger a crash", before Linux 4.20 "SysRq : Trigger a crash"
_TRIGGER = re.compile(r"(?i)sysrq ?: .*trigger a crash")
# lib/dump_stack.c dump_stack_print_info(): CPU: 0 UID: 0 PID: 307 Comm: bash Kdump: loaded ...
_STACK = re.compile(r"^CPU: (\d+) (?:UID: \d+ )?PID: \d+ Comm: (.+?) (?:Kdump|Not tainted|Tainted)")
_TRACE = re.compile(r"^\s*Call [Tt]race:")
# " f+0x1a/0x20 [module]"; "? " is a guess (x86), "(unreliable)" as well (powerpc); [<...>] is before Linux 4.10.
_FUNCTION = re.compile(
    r"^\s*(?:\(?\[<[0-9a-f]+>\]\)? |\[[0-9a-f]+\] \[[0-9a-f]+\] )?(?P<guess>\? )?"
    r"(?P<name>[A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?P<end>.*)$"
)
# Where a processor was: "RIP: 0010:f+0x1/0x2", "pc : f+0x1/0x2", "NIP [c0...] f+0x1/0x2", "Krnl PSW : ... (f+0x1/0x2)"
_PLACE = re.compile(
    r"(?:RIP: \w+:(?:\[<[0-9a-f]+>\]  ?\[<[0-9a-f]+>\] )?|\bpc : |NIP \[[0-9a-f]+\] |Krnl PSW : .*\()"
    r"([A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x"
)
# What stands between the functions: borders of stacks, and the registers of what was interrupted.
_BETWEEN = re.compile(
    r"^\s*(?:<.*>|R[A-Z0-9]{2}: .*|[FC]S: .*|CR2: .*|[DC]R\d: .*|Code: .*|PKRU: .*|--- interrupt.*|"
    r"LR = .*|\(\[<.*|Last Breaking.*|)\s*$"
)
# What a compiler adds to the name of its copy of a function; another build has others.
_COPY = re.compile(
    r"(?:\.(?:isra|constprop|part|cold|llvm|lto_priv|cfi|cfi_jt)(?:\.\d+)*)+$|\.\d+$"
)

# Those that print the trace.
_PRINTERS = frozenset(
    ("__dump_stack", "dump_stack", "dump_stack_lvl", "dump_backtrace", "show_stack", "show_trace_log_lvl", "show_regs",
     "__show_regs")
)  # fmt: skip
# What every crash of a kind has around the functions that tell it from others: how a fault becomes a panic, how a
# system call or an interrupt reaches the kernel, and how a thread begins. Their names change from kernel to kernel.
_WRAPPERS = re.compile(
    # the way out
    r"v?panic|nmi_panic|_*crash_kexec|machine_kexec|_*die(?:_addr|_body|_kernel_fault)?|oops_(?:end|begin)|"
    r"mce_panic|__ghes_panic|check_panic_on_(?:warn|oom)|arm64_serror_panic|_*warn|__warn_printk|report_bug|handle_bug|"
    r"fixup_bug|warn_slowpath_\w+|bug_handler|call_break_hook|brk_handler"
    # faults
    r"|page_fault_oops|no_context|_*bad_area\w*|kernelmode_fixup_or_oops|spurious_kernel_fault\w*|"
    r"do_(?:user_addr|kern_addr|translation|kernel)_fault|_*do_kernel_fault|_*do_page_fault|handle_page_fault|"
    r"do_(?:mem_abort|sp_pc_abort|debug_exception|undefinstr|page|alignment|bad_area)|do_(?:error_)?trap|"
    r"do_(?:invalid_op|general_protection|divide_error|int3|machine_check|nmi)|machine_check|double_fault|math_error|"
    r"(?:asm_|_*)?(?:exc|sysvec)_\w+|(?:asm_)?common_interrupt|(?:smp_|local_)?apic_timer_interrupt|timer_interrupt|"
    r"error_(?:entry|return)|(?:async_)?page_fault|general_protection|invalid_op|divide_error|data_access_common\w*|"
    r"_*nmi(?:_handle)?|default_do_nmi|end_repeat_nmi|"
    r"el[01]h?_?(?:t_64_|64_|h_64_)?(?:sync|irq|error|svc|abort|dbg|da|ia|brk64|undef)(?:_handler|_common)?"
    # SysRq
    r"|sysrq_handle_crash|_*handle_sysrq|write_sysrq_trigger"
    # the interrupt that found it
    r"|watchdog_timer_fn|watchdog_(?:overflow_callback|hardlockup_check)|_*hrtimer_run_queues|hrtimer_interrupt|"
    r"_*perf_event_overflow|handle_pmi_common|intel_pmu_handle_irq|perf_event_nmi_handler|check_hung_\w+|"
    r"arch_timer_handler_\w+|handle_percpu_devid_irq|generic_handle_(?:domain_)?irq|_*handle_domain_irq|"
    r"gic_handle_irq|call_on_irq_stack|do_interrupt_handler"
    # the way in
    r"|(?:do_)?el0\w*|invoke_syscall|entry_(?:SYSCALL|SYSENTER|INT80)\w*|do_(?:fast_)?syscall\w*|do_int80\w*|"
    r"x64_sys_call|ia32_sys_call|system_call\w*|syscall_\w+|ret_from_\w+|return_from_\w+|interrupt_return\w*|"
    r"ret_fast_syscall|_*(?:x64|x32|ia32|arm64|s390x?|powerpc|riscv|do|se)_?(?:compat_)?sys_\w+|_*sys_[a-z0-9_]+|"
    r"kthread|kernel_thread_\w+|(?:common|secondary|x86_64)_start\w*|secondary_startup_64\w*|start_secondary|"
    r"cpu_startup_entry"
)
# So many functions decide: what called them is the same for many causes, and differs for some of the same cause.
_DEPTH = 8
_MOST = 64
_NUMBERS = re.compile(r"\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b")
# The lines of one fault stand so close together: "BUG: unable to handle", "#PF: ...", "PGD ...", "Oops: 0002 [#1]".
_SAME_FAULT = 8


def account(log: str) -> Account:
    """Say why the kernel whose log this is crashed."""
    lines = [_line(raw) for raw in log.splitlines()]
    panic = _index(lines, _PANIC)
    said = _PANIC.search(lines[panic].text) if panic is not None else None
    reason = said[1].strip() if said else None
    kind = _kind(reason) if reason is not None else None
    fault = _last(lines, (kind or _OOPS).fault, panic)
    if fault is not None and _was_triggered(lines, fault):
        # Before Linux 5.x the SysRq handler wrote to the address 0 to crash the kernel.
        kind, reason = _SYSRQ, "sysrq triggered crash"
    elif fault is not None:
        kind, reason = kind or _OOPS, lines[fault].text.strip()
    if kind is None or reason is None:
        return Account(None, None, None, (), None, None, None)
    functions = _trace(lines[fault:panic]) if fault is not None else []
    if not functions and panic is not None:
        functions = _trace(lines[panic:])
    cpu, task = _processor(lines, fault, panic)
    told = signature(kind.name, reason, functions)
    return Account(kind.name, kind.words, reason, tuple(functions), told, cpu, task)


def signature(kind: str, reason: str, functions: Sequence[str]) -> str:
    """Return 16 hexadecimal digits that crashes of one cause share, on other hosts and of other builds as well."""
    # Without a function that tells anything the words do, without addresses, processors and times.
    what = telling(functions)[:_DEPTH] or [_NUMBERS.sub("", reason)]
    return hashlib.sha256("\n".join([kind, *what]).encode()).hexdigest()[:16]


def telling(functions: Sequence[str]) -> list[str]:
    """Return the functions that tell a crash from others of its kind."""
    return [name for name in functions if not _WRAPPERS.fullmatch(name)]


def _plain(name: str) -> str:
    """Return the name of a function as its source has it."""
    return _COPY.sub("", name)


def _line(raw: str) -> _Line:
    prefix = _PREFIX.match(raw)
    return _Line(prefix[1] or "", raw[prefix.end() :]) if prefix else _Line("", raw)


def _index(lines: Sequence[_Line], regex: re.Pattern[str]) -> int | None:
    return next((index for index, line in enumerate(lines) if regex.search(line.text)), None)


def _kind(words: str) -> CrashKind:
    return next(kind for kind in KINDS if re.search(kind.panic, words))


def _last(lines: Sequence[_Line], fault: str, before: int | None) -> int | None:
    """Return where the last fault begins: its first line, when several lines in a row are of it."""
    if not fault:
        return None
    regex = re.compile(fault)
    found = [index for index, line in enumerate(lines[:before]) if regex.search(line.text)]
    if not found:
        return None
    first = found[-1]
    for index in reversed(found):
        if first - index > _SAME_FAULT:
            break
        first = index
    return first


def _was_triggered(lines: Sequence[_Line], fault: int) -> bool:
    near = lines[max(0, fault - _SAME_FAULT) : fault]
    return any(_TRIGGER.search(line.text) for line in near)


def _processor(
    lines: Sequence[_Line], fault: int | None, panic: int | None
) -> tuple[int | None, str | None]:
    """Return the processor and its task: the first that are named behind the fault, or else behind the panic."""
    begin = fault if fault is not None else panic or 0
    found = next(filter(None, (_STACK.match(line.text) for line in lines[begin:])), None)
    return (int(found[1]), found[2]) if found else (None, None)


def _trace(lines: Sequence[_Line]) -> list[str]:
    """Return the functions of the first trace, with the place of the processor in front of them."""
    place: str | None = None
    for index, line in enumerate(lines):
        found = _PLACE.search(line.text)
        if found and place is None:
            place = found[1]
        if _TRACE.match(line.text):
            functions = list(_functions(lines[index + 1 :], line.caller))
            inner = [place] if place and place not in functions[:1] else []
            return _named([*inner, *functions][:_MOST])
    return _named([place] if place else [])


def _named(functions: Sequence[str]) -> list[str]:
    return [name for name in map(_plain, functions) if name not in _PRINTERS]


def _functions(lines: Sequence[_Line], caller: str) -> Iterator[str]:
    for line in lines:
        if line.caller != caller:
            continue  # another processor prints as well
        found = _FUNCTION.match(line.text)
        interrupted = _PLACE.search(line.text)
        if found:
            if not found["guess"] and "(unreliable)" not in found["end"]:
                yield found["name"]
        elif interrupted:
            yield interrupted[1]
        elif not _BETWEEN.match(line.text):
            return


__all__ = ("KINDS", "Account", "CrashKind", "account", "signature", "telling")
