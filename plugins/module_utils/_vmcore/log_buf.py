# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kernel's log of Linux 3.5 to 5.9: records one behind the other in log_buf.

kernel/printk/printk.c of these: a record is a struct printk_log (ts_nsec, len, text_len, ...), its text
and its dictionary, len bytes in all. A record of len 0 says that the next one is at the start of the
buffer. log_first_idx and log_next_idx are places in it.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.log_line import Record

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_ULONG = struct.Struct("<Q")
_UINT = struct.Struct("<I")
_USHORT = struct.Struct("<H")
# Far above what is of use, so that a damaged dump cannot fill the memory of the host.
_MAX_SIZE = 1 << 27
_MAX_STRUCTURE = 256


class LogBuf:
    """The buffer. Places that cannot be what they should be raise a Flaw."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        if "SYMBOL(log_buf)" not in info or "SIZE(printk_log)" not in info:
            raise Flaw("unsupported", "The kernel's log is in the format from before Linux 3.5.")

        def read(symbol: str, layout: struct.Struct) -> int:
            return int(layout.unpack(memory.read(info.address(symbol), layout.size))[0])

        size = read("log_buf_len", _UINT)
        if not 0 < size <= _MAX_SIZE:
            raise Flaw("damaged", f"The kernel's log has {size} bytes.")
        self._first = read("log_first_idx", _UINT)
        self._next = read("log_next_idx", _UINT)
        self._buffer = memory.read(read("log_buf", _ULONG), size)
        self._head = info.size("printk_log", 16, _MAX_STRUCTURE)
        self._time = info.field("printk_log.ts_nsec", 8, self._head)
        self._length = info.field("printk_log.len", 2, self._head)
        self._text_length = info.field("printk_log.text_len", 2, self._head)
        self._caller = info.optional_field("printk_log.caller_id", 4, self._head)

    def records(self) -> t.Iterator[Record]:
        """Each record, oldest first."""
        at = self._first
        budget = len(self._buffer)
        while at != self._next:
            length = self._read(_USHORT, at, self._length)
            if length == 0:
                if at == 0:
                    raise _broken(at)
                # The place behind the last record of a lap; what is there now begins the next one.
                at = 0
                continue
            text_length = self._read(_USHORT, at, self._text_length)
            budget -= length
            start = at + self._head
            if length < self._head + text_length or start + text_length > len(self._buffer):
                raise _broken(at)
            if budget < 0:
                raise Flaw("damaged", "The records of the kernel's log do not end.")
            caller = None if self._caller is None else self._read(_UINT, at, self._caller)
            text = self._buffer[start : start + text_length]
            yield Record(self._read(_ULONG, at, self._time), caller, text)
            at += length

    def _read(self, layout: struct.Struct, at: int, field: int) -> int:
        if at + self._head > len(self._buffer):
            raise _broken(at)
        return int(layout.unpack_from(self._buffer, at + field)[0])


def _broken(at: int) -> Flaw:
    return Flaw("damaged", f"The kernel's log has no record at byte {at} of its buffer.")


__all__ = ("LogBuf",)
