# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a kernel log says about a crash, in words that can be compared between hosts."""

from __future__ import annotations

import hashlib
import re
import typing as t

# "[    5.123456] " or, of kernels that note the caller, "[    5.123456] [    T123] " (makedumpfile) and
# "[    5.123456][  T123] " (the kernel itself)
_START = r"^\[ *\d+\.\d{6}\] ?(?:\[ *[CT]\d+\] )?"
_LINE = re.compile(r"^\[ *\d+\.\d{6}\] ?(?:\[ *([CT]\d+)\] )?(.*)$")
# crash_test writes it to /dev/kmsg before the crash.
_RUN = re.compile(_START + r"vmcore\.kdump: crash test run_id=(\S+) host=\S+$", re.MULTILINE)
_PANICS = tuple(
    re.compile(_START + rf"(.*{reason}.*)$", re.MULTILINE)
    for reason in ("Kernel panic - not syncing", "sysrq: .*[Tt]rigger a crash")
)
# How the report of a fault begins that panics afterwards: arch/*/mm/fault.c, arch/*/kernel/traps.c, lib/bug.c
_FAULT = re.compile(
    _START
    + r"((?:BUG: |kernel BUG at |Unable to handle kernel |general protection fault|Oops[:: ]|"
    r"Internal error: |divide error|invalid opcode|watchdog: |NMI watchdog: |INFO: task |Unable to handle ).*)$",
    re.MULTILINE,
)
_NOT_SYNCING = "not syncing: "
# lib/dump_stack.c, dump_stack_print_info(): CPU: 0 UID: 0 PID: 307 Comm: bash Kdump: loaded ...
_STACK = re.compile(_START + r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Kdump|Not tainted|Tainted).*$",
                    re.MULTILINE)  # fmt: skip
_LAST_LINES = 10
# "  node   0: [mem 0x0000000000001000-0x000000000009efff]", mm/mm_init.c; "BIOS-e820: [mem ...] usable"
_RAM_MAP = re.compile(r"node +\d+: \[mem ")
_RANGE = re.compile(r"\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]")
# "Kernel command line: BOOT_IMAGE=... crashkernel=256M crashkernel=1G,cma", init/main.c
_COMMAND_LINE = re.compile(_START + r"(?:Kernel )?[Cc]ommand line: (.*)$", re.MULTILINE)

# x86_64, riscv: "Call Trace:"; aarch64: "Call trace:"; the functions follow, one a line, each with its offset:
#      sysrq_handle_crash+0x1a/0x20                                          x86_64, aarch64 with " (P)" and the like
#      ? srso_return_thunk+0x5/0x5f                                          found on the stack, and maybe not called
#     ([<0000000000112b5a>] show_stack+0x62/0x78)                            s390x
#     [c000000004b7fb60] [c00000000015d2f4] panic+0x2dc/0x4a4 (unreliable)   ppc64
_TRACE = re.compile(r"Call [Tt]race:")
_FUNCTION = re.compile(
    r"(?P<guess>\? )?(?P<name>[A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?P<end>.*)$"
)
# What stands between the functions: borders of stacks, and the registers of what was interrupted.
_BETWEEN = re.compile(
    r"^\s*(?:</?\w+>|<.*>|RSP: |RAX: |RDX: |RBP: |R\d\d: |FS: |CS: |CR2: |Code: |\[<[0-9a-f]+>\]\s*$|"
    r"Last Breaking|Kernel panic|--- interrupt|$)"
)
# Where the processor was: "RIP: 0010:f+0x1/0x2", "pc : f+0x1/0x2", "NIP [c0..] f+0x1/0x2",
# "Krnl PSW : ... (f+0x1/0x2)"
_PLACE = re.compile(
    r"(?:RIP: \w+:|pc : |NIP \[[0-9a-f]+\] |Krnl PSW : .*\()([A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x"
)
# A compiler's copies of a function, which another build has under other names.
_COPY = re.compile(r"(?:\.(?:isra|constprop|part|cold|llvm|lto_priv)(?:\.\d+)*)+$")
# Those that print the trace.
_PRINTERS = frozenset(
    (
        "__dump_stack",
        "dump_stack",
        "dump_stack_lvl",
        "dump_backtrace",
        "show_stack",
        "show_trace_log_lvl",
    )
)
# What every crash of a kind has around the functions that tell it from others: how a fault becomes a panic, how a
# system call or an interrupt reaches the kernel, and how a thread begins. Their names change from kernel to kernel.
_WRAPPERS = re.compile(
    r"v?panic|nmi_panic|(?:__)?crash_kexec|(?:__)?die(?:_addr|_kernel_fault)?|__die_body|oops_(?:end|begin)|"
    r"(?:__warn|report_bug|handle_bug|warn_slowpath_\w+|__warn_printk|bug_handler|call_break_hook|brk_handler)|"
    r"page_fault_oops|no_context|(?:__)?bad_area(?:_nosemaphore|_access_error)?|kernelmode_fixup_or_oops|"
    r"do_(?:user_addr|kern_addr|translation|kernel)_fault|(?:__)?do_page_fault|do_(?:mem_abort|debug_exception|undefinstr)|"
    r"do_(?:error_)?trap|do_(?:invalid_op|general_protection|divide_error|int3)|"
    r"(?:asm_|__)?(?:exc|sysvec)_\w+|(?:asm_)?common_interrupt|apic_timer_interrupt|error_(?:entry|return)|"
    r"page_fault|general_protection|invalid_op|async_page_fault|"
    r"el[01]h?_?(?:t_64_|64_|h_64_)?(?:sync|irq|error|svc|abort|dbg|da|ia|brk64|undef)(?:_handler|_common)?(?:\.\w+)*|"
    r"(?:do_)?el0_svc(?:_common|_handler)?|invoke_syscall|"
    r"entry_SYSCALL\w*|entry_SYSENTER\w*|entry_INT80\w*|do_(?:fast_)?syscall\w*|do_int80\w*|x64_sys_call|ia32_sys_call|"
    r"system_call(?:_\w+)?|syscall_\w+|ret_from_\w+|return_from_\w+|interrupt_return\w*|ret_fast_syscall|"
    r"_*(?:x64|x32|ia32|arm64|s390x?|powerpc|riscv|do|se)_?(?:compat_)?sys_\w+|_*sys_[a-z0-9_]+|"
    r"kthread|kernel_thread_\w+|(?:common|secondary|x86_64)_start\w*|secondary_startup_64\w*|start_secondary"
)
_MOST_FUNCTIONS = 64
_IN_WORDS = 3


def run_ids(log: str) -> list[str]:
    """The crash tests that were announced in the log, in its order."""
    return _RUN.findall(log)


def crash_in(log: str) -> dict[str, t.Any]:
    """Why it crashed, the CPU and the task that ran on it, the functions, and the last lines.

    C(signature) is the same for crashes with the same functions in their trace, whatever the build, the host and the
    addresses; None without a trace.
    """
    panic = next((match for match in (regex.search(log) for regex in _PANICS) if match), None)
    stacks = list(_STACK.finditer(log)) if panic else []
    # panic() prints the stack behind its own line, an oops has printed it before.
    behind = [stack for stack in stacks if panic and stack.start() > panic.start()]
    stack = next(iter(behind), stacks[-1] if stacks else None)
    trace = trace_at(log, stack.start()) if stack else []
    line = panic.group(1) if panic else None
    reason = _reason(log, panic)
    cpu, task = (int(stack.group(1)), stack.group(3)) if stack else (None, None)
    return {
        "panic": line,
        "reason": reason,
        "cpu": cpu,
        "task": task,
        "trace": trace,
        "signature": signature(trace),
        "summary": _summary(reason, cpu, task, trace),
        "run_ids": run_ids(log),
        "last_lines": log.splitlines()[-_LAST_LINES:],
    }


def trace_at(log: str, start: int) -> list[str]:
    """The functions of the trace behind a place of the log, the innermost first.

    Those that are only guessed, and those that print the trace, are left out.
    """
    caller: str | None = None
    functions: list[str] = []
    tracing = False
    for line in log[start:].splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        who, text = match.groups()
        place = _PLACE.search(text)
        if not tracing:
            if place:
                functions = [_plain(place.group(1))]
            if _TRACE.search(text):
                tracing, caller = True, who
            elif _STACK.match(line) and functions:
                break
            continue
        if who != caller:
            # Another CPU, whose lines came between.
            continue
        function = _FUNCTION.search(text)
        if place:
            # What an interrupt found there, between its own functions and those that called it.
            functions.append(_plain(place.group(1)))
        elif function and not function["guess"] and "(unreliable)" not in function["end"]:
            functions.append(_plain(function["name"]))
        elif not function and not _BETWEEN.match(text):
            break
        if len(functions) == _MOST_FUNCTIONS:
            break
    if not tracing:
        return []
    # The place is the first function of the trace as well, on some machines.
    if functions[:1] == functions[1:2]:
        functions = functions[1:]
    return [name for name in functions if name not in _PRINTERS]


def signature(trace: t.Sequence[str]) -> str | None:
    """What equal crashes have in common: a hash of the functions that tell a trace from others; None without any.

    C(trace) is that of crash_in() or trace_at(): names without offsets and compilers' suffixes, the innermost first.
    """
    own = [name for name in trace if not _WRAPPERS.fullmatch(name)] or trace
    if not own:
        return None
    return hashlib.sha256("\n".join(own).encode()).hexdigest()[:16]


def cma_in(log: str) -> int | None:
    """How many bytes the capture kernel was to have as CMA, which is not dumped; None if the log does not say."""
    line = _COMMAND_LINE.search(log)
    return cma_of(line.group(1)) if line else None


def cma_of(command_line: str) -> int:
    """The same from the kernel's command line: crashkernel=size,cma (Documentation/admin-guide/kdump/kdump.rst)."""
    return sum(
        int(number) << {"K": 10, "M": 20, "G": 30, "": 0}[unit.upper()]
        for number, unit in re.findall(r"\bcrashkernel=(\d+)([KMGkmg]?),cma\b", command_line)
    )


def borders_in(log: str) -> set[int] | None:
    """Every address at which the log says that some memory begins or ends; None if it has no map of RAM."""
    if not _RAM_MAP.search(log):
        return None
    pairs = _RANGE.findall(log)
    return {int(first, 16) for first, _last in pairs} | {
        int(last, 16) + 1 for _first, last in pairs
    }


def _reason(log: str, panic: re.Match[str] | None) -> str | None:
    """The first words of the fault that ended in the panic, or those of the panic itself."""
    if panic is None:
        return None
    words = panic.group(1).split(_NOT_SYNCING, 1)[-1]
    if not words.startswith(("Fatal exception", "Oops", "Fatal hardware")):
        return words
    faults = [match for match in _FAULT.finditer(log) if match.start() < panic.start()]
    first = next(
        (match for match in faults if not match.group(1).startswith(("INFO", "watchdog"))), None
    )
    return first.group(1) if first else words


def _plain(name: str) -> str:
    return _COPY.sub("", name)


def _summary(reason: str | None, cpu: int | None, task: str | None, trace: list[str]) -> str | None:
    if reason is None:
        return None
    where = [f"on CPU {cpu}" if cpu is not None else "", f"in {task}" if task else ""]
    functions = [name for name in trace if not _WRAPPERS.fullmatch(name)][:_IN_WORDS]
    told = f" (in {', called by '.join(functions)})" if functions else ""
    return f"{' '.join(filter(None, ('The kernel panicked', *where)))}: {reason}{told}"


__all__ = (
    "borders_in",
    "cma_in",
    "cma_of",
    "crash_in",
    "run_ids",
    "signature",
    "trace_at",
)
