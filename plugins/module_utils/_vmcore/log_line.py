# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How a record of the kernel's log becomes a line."""

from __future__ import annotations

import re
import typing as t

_NOT_PRINTABLE = re.compile(rb"[^\t-\r -~]")
_IS_CPU = 1 << 31
_CALLER_WIDTH = 8


class LogRecord(t.NamedTuple):
    """One record. Its caller is the id of a task, or a CPU with the highest bit set."""

    nanoseconds: int
    caller: int | None
    text: bytes


def line(record: LogRecord) -> str:
    """A line "[    5.123456] text", or "[    5.123456] [   T123] text" of kernels that note callers.

    The lines behind the first one of a record are indented, and bytes that are not printable ASCII
    become "\\xe2", both as makedumpfile --dump-dmesg does it (printk.c, dump_record()).
    """
    seconds, rest = divmod(record.nanoseconds, 10**9)
    prefix = f"[{seconds:5}.{rest // 1000:06}] "
    if record.caller is not None:
        kind = "C" if record.caller & _IS_CPU else "T"
        prefix += f"[{kind + str(record.caller & ~_IS_CPU):>{_CALLER_WIDTH}}] "
    printable = _NOT_PRINTABLE.sub(lambda match: b"\\x%02x" % match.group()[0], record.text)
    return prefix + printable.decode("ascii").replace("\n", "\n" + " " * len(prefix)) + "\n"


__all__ = ("LogRecord", "line")
