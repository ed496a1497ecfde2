# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kernel's log of Linux 3.5 to 5.9: records one behind the other in log_buf.

kernel/printk/printk.c of these: a record is a struct printk_log (struct log before 3.11), with ts_nsec, len and
text_len, its text and its dictionary, len bytes in all. A record of len 0 says that the next one is at the start of the
buffer. log_first_idx and log_next_idx are places in it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    UINT,
    ULONG,
    USHORT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, KernelFlaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.log_line import LogRecord

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import ByOrder
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

# Far above what is of use, so that a damaged dump cannot fill the memory of the host.
_MAX_SIZE = 1 << 27
_MAX_STRUCTURE = 256
# What the structure of a record is called: since Linux 3.11, and from 3.5 to 3.10.
_NAMES = ("printk_log", "log")
_OLD = "The kernel's log is in the format from before Linux 3.5, which cannot be read here."
_UNKNOWN = (
    "VMCOREINFO does not say where the kernel's log is: this kernel describes it in another way."
)


class LogBuf:
    """The buffer. Places that cannot be what they should be raise a Flaw."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        name = next((name for name in _NAMES if f"SIZE({name})" in info), None)
        if "SYMBOL(log_buf)" not in info or name is None:
            raise Flaw("unsupported", _UNKNOWN if "SYMBOL(logged_chars)" not in info else _OLD)

        def read(symbol: str, layout: ByOrder) -> int:
            data = memory.read(info.address(symbol), layout.size)
            return int(layout[memory.order].unpack(data)[0])

        self._order = memory.order
        size = read("log_buf_len", UINT)
        if not 0 < size <= _MAX_SIZE:
            raise KernelFlaw(f"The kernel's log has {size} bytes.")
        self._first = read("log_first_idx", UINT)
        self._next = read("log_next_idx", UINT)
        self._buffer = memory.read(read("log_buf", ULONG), size, sparse=True)
        self._head = info.size(name, 16, _MAX_STRUCTURE)
        self._time = info.field(f"{name}.ts_nsec", 8, self._head)
        self._length = info.field(f"{name}.len", 2, self._head)
        self._text_length = info.field(f"{name}.text_len", 2, self._head)
        self._caller = info.optional_field(f"{name}.caller_id", 4, self._head)

    def records(self) -> t.Iterator[LogRecord]:
        """Each record, oldest first."""
        at = self._first
        budget = len(self._buffer)
        while at != self._next:
            length = self._read(USHORT, at, self._length)
            if length == 0:
                if at == 0:
                    raise _broken(at)
                # The place behind the last record of a lap; what is there now begins the next one.
                at = 0
                continue
            text_length = self._read(USHORT, at, self._text_length)
            budget -= length
            start = at + self._head
            if length < self._head + text_length or start + text_length > len(self._buffer):
                raise _broken(at)
            if budget < 0:
                raise KernelFlaw("The records of the kernel's log do not end.")
            caller = None if self._caller is None else self._read(UINT, at, self._caller)
            text = self._buffer[start : start + text_length]
            yield LogRecord(self._read(ULONG, at, self._time), caller, text)
            at += length

    def _read(self, layout: ByOrder, at: int, field: int) -> int:
        if at + self._head > len(self._buffer):
            raise _broken(at)
        return int(layout[self._order].unpack_from(self._buffer, at + field)[0])


def _broken(at: int) -> Flaw:
    return KernelFlaw(f"The kernel's log has no record at byte {at} of its buffer.")


__all__ = ("LogBuf",)
