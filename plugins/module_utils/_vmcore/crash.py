# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a kernel log says about a crash, in words that can be compared between hosts."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.signature import (
    Account,
    account,
    telling,
)

# "[    5.123456] " or, of kernels that note the caller, "[    5.123456] [    T123] " (makedumpfile) and
# "[    5.123456][  T123] " (the kernel itself)
_START = r"^\[ *\d+\.\d{6}\] ?(?:\[ *[CT]\d+\] )?"
# crash_test writes it to /dev/kmsg before the crash.
_RUN = re.compile(_START + r"vmcore\.kdump: crash test run_id=(\S+) host=\S+$", re.MULTILINE)
_PANICS = tuple(
    re.compile(_START + rf"(.*{reason}.*)$", re.MULTILINE)
    for reason in ("Kernel panic - not syncing", "sysrq: .*[Tt]rigger a crash")
)
_LAST_LINES = 10
# "  node   0: [mem 0x0000000000001000-0x000000000009efff]", mm/mm_init.c; "BIOS-e820: [mem ...] usable"
_RAM_MAP = re.compile(r"node +\d+: \[mem ")
_RANGE = re.compile(r"\[mem 0x([0-9a-f]{1,16})-0x([0-9a-f]{1,16})\]")
# "Kernel command line: BOOT_IMAGE=... crashkernel=256M crashkernel=1G,cma", init/main.c
_COMMAND_LINE = re.compile(_START + r"(?:Kernel )?[Cc]ommand line: (.*)$", re.MULTILINE)
_IN_WORDS = 3


def run_ids(log: str) -> list[str]:
    """The crash tests that were announced in the log, in its order."""
    return _RUN.findall(log)


def crash_in(log: str) -> dict[str, t.Any]:
    """Why it crashed, the CPU and the task that ran on it, the functions, and the last lines.

    C(signature) is the same for crashes of one cause, whatever the build, the host and the addresses; None without a
    crash in the log.
    """
    panic = next((match for match in (regex.search(log) for regex in _PANICS) if match), None)
    told = account(log)
    return {
        "panic": panic.group(1) if panic else None,
        "reason": told.reason,
        "cpu": told.cpu,
        "task": told.task,
        "trace": list(told.functions),
        "signature": told.signature,
        "summary": _summary(told),
        "run_ids": run_ids(log),
        "last_lines": log.splitlines()[-_LAST_LINES:],
    }


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


def _summary(told: Account) -> str | None:
    if told.reason is None:
        return None
    where = [
        f"on CPU {told.cpu}" if told.cpu is not None else "",
        f"in {told.task}" if told.task else "",
    ]
    functions = telling(told.functions)[:_IN_WORDS]
    named = f" (in {', called by '.join(functions)})" if functions else ""
    return f"{' '.join(filter(None, ('The kernel panicked', *where)))}: {told.reason}{named}"


__all__ = ("borders_in", "cma_in", "cma_of", "crash_in", "run_ids")
