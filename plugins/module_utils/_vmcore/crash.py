# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a kernel log says about a crash."""

from __future__ import annotations

import re
import typing as t

# "[    5.123456] " or, of kernels that note the caller, "[    5.123456] [    T123] " (makedumpfile) and
# "[    5.123456][  T123] " (the kernel itself)
_START = r"^\[ *\d+\.\d{6}\] ?(?:\[ *[CT]\d+\] )?"
# crash_test writes it to /dev/kmsg before the crash.
_RUN = re.compile(_START + r"vmcore\.kdump: crash test run_id=(\S+) host=\S+$", re.MULTILINE)
_PANICS = tuple(
    re.compile(_START + rf"(.*{reason}.*)$", re.MULTILINE)
    for reason in ("Kernel panic - not syncing", "sysrq: .*[Tt]rigger a crash")
)
# lib/dump_stack.c, dump_stack_print_info(): CPU: 0 UID: 0 PID: 307 Comm: bash Kdump: loaded ...
_STACK = re.compile(_START + r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Kdump|Not tainted|Tainted).*$",
                    re.MULTILINE)  # fmt: skip
_LAST_LINES = 10
# "  node   0: [mem 0x0000000000001000-0x000000000009efff]", mm/mm_init.c; "BIOS-e820: [mem ...] usable"
_RAM_MAP = re.compile(r"node +\d+: \[mem ")
_RANGE = re.compile(r"\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]")


def run_ids(log: str) -> list[str]:
    """The crash tests that were announced in the log, in its order."""
    return _RUN.findall(log)


def crash_in(log: str) -> dict[str, t.Any]:
    """The first panic, the CPU and the task that ran on it, and the last lines."""
    panic = next((match for match in (regex.search(log) for regex in _PANICS) if match), None)
    stacks = list(_STACK.finditer(log)) if panic else []
    # panic() prints the stack behind its own line, an oops has printed it before.
    behind = [stack for stack in stacks if panic and stack.start() > panic.start()]
    stack = next(iter(behind), stacks[-1] if stacks else None)
    return {
        "panic": panic.group(1) if panic else None,
        "cpu": int(stack.group(1)) if stack else None,
        "task": stack.group(3) if stack else None,
        "run_ids": run_ids(log),
        "last_lines": log.splitlines()[-_LAST_LINES:],
    }


def borders_in(log: str) -> set[int] | None:
    """Every address at which the log says that some memory begins or ends; None if it has no map of RAM."""
    if not _RAM_MAP.search(log):
        return None
    pairs = _RANGE.findall(log)
    return {int(first, 16) for first, _last in pairs} | {
        int(last, 16) + 1 for _first, last in pairs
    }


__all__ = ("borders_in", "crash_in", "run_ids")
