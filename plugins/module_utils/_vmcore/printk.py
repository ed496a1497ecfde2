# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kernel's log out of the kernel's memory: the printk ring buffer of Linux 5.10 and later.

For older kernels see log_buf.py. kernel/printk/printk_ringbuffer.h: SYMBOL(prb) points to a
printk_ringbuffer, which has
* a ring of 1 << count_bits descriptors (prb_desc) and as many printk_info: the descriptors with the
  ids from tail_id to head_id are in use, id modulo count is the place in both;
* a ring of 1 << size_bits bytes of text (prb_data_ring), in which a descriptor has a block from
  begin to next: the id of the descriptor (8 bytes), then the text. These positions only ever grow,
  modulo the size they are places in the ring. A block that does not fit behind begin starts
  at the start of the ring instead.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    UINT,
    ULONG,
    USHORT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, KernelFlaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.log_buf import LogBuf
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.log_line import LogRecord, line

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import ByOrder
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo


# The two upper bits of a descriptor's state_var are its state, the others its id.
_STATE_SHIFT = 62
_ID_MASK = (1 << _STATE_SHIFT) - 1
_ULONG_MASK = (1 << 64) - 1
_COMMITTED = 1
_FINALIZED = 2
# Blocks are aligned; the positions of a record without a block are odd.
_DATALESS = 1

# kernel/printk/printk.c: LOG_BUF_LEN_MAX is 1 << 31. What is read here is bounded far above what is
# of use (log_buf_len=128M), so that a damaged dump cannot fill the memory of the host.
_MAX_BITS = 31
_MAX_SIZE_BITS = 27
_MAX_COUNT_BITS = 22
_MAX_STRUCTURE = 4096


class Log(t.NamedTuple):
    """The kernel's log."""

    text: str  # a line for each record, oldest first, as makedumpfile --dump-dmesg does it
    begins: int  # nanoseconds: when the oldest record was written


def read_log(memory: Memory, info: VmcoreInfo) -> Log:
    """The text of the log."""
    log = _Ring(memory, info) if "SYMBOL(prb)" in info else LogBuf(memory, info)
    records = list(log.records())
    return Log("".join(map(line, records)), records[0].nanoseconds if records else 0)


class _Ring:
    """The ring buffer. Structures that cannot be what they should be raise a Flaw."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        self._memory = memory
        self._order = order = memory.order
        size = info.size("printk_ringbuffer", 1, _MAX_STRUCTURE)
        self._counter = info.field("atomic_long_t.counter", 8, _MAX_STRUCTURE)
        descriptors = info.field("printk_ringbuffer.desc_ring", 1, size)
        texts = info.field("printk_ringbuffer.text_data_ring", 1, size)

        address = memory.ulong(info.address("prb"))
        ring = memory.read(address, size)

        def read(layout: ByOrder, start: int, name: str, extra: int = 0) -> int:
            within = size - start - extra
            place = start + extra + info.field(name, layout.size, within)
            return int(layout[order].unpack_from(ring, place)[0])

        count_bits = read(UINT, descriptors, "prb_desc_ring.count_bits")
        size_bits = read(UINT, texts, "prb_data_ring.size_bits")
        if count_bits > _MAX_COUNT_BITS or size_bits > _MAX_SIZE_BITS:
            if max(count_bits, size_bits) > _MAX_BITS:
                raise KernelFlaw(
                    f"The kernel's log says 2^{count_bits} records and 2^{size_bits} bytes of text."
                )
            raise Flaw(
                "unsupported",
                f"The kernel's log has room for 2^{count_bits} records and 2^{size_bits} bytes of "
                "text, more than can be read here.",
            )
        self._count = 1 << count_bits
        self._size = 1 << size_bits
        self._tail = read(ULONG, descriptors, "prb_desc_ring.tail_id", self._counter) & _ID_MASK
        self._head = read(ULONG, descriptors, "prb_desc_ring.head_id", self._counter) & _ID_MASK
        self._descriptors = read(ULONG, descriptors, "prb_desc_ring.descs")
        self._infos = read(ULONG, descriptors, "prb_desc_ring.infos")
        self._text = read(ULONG, texts, "prb_data_ring.data")

        self._descriptor_size = info.size("prb_desc", 24, _MAX_STRUCTURE)
        self._state = self._counter + info.field(
            "prb_desc.state_var", 8 + self._counter, self._descriptor_size
        )
        block = info.field("prb_desc.text_blk_lpos", 16, self._descriptor_size)
        self._begin = block + info.field("prb_data_blk_lpos.begin", 8, 16)
        self._next = block + info.field("prb_data_blk_lpos.next", 8, 16)
        self._info_size = info.size("printk_info", 10, _MAX_STRUCTURE)
        self._time = info.field("printk_info.ts_nsec", 8, self._info_size)
        self._length = info.field("printk_info.text_len", 2, self._info_size)
        self._caller = info.optional_field("printk_info.caller_id", 4, self._info_size)

    def records(self) -> t.Iterator[LogRecord]:
        """Each record, oldest first."""
        used = (self._head - self._tail & _ID_MASK) + 1
        if used > self._count:
            raise KernelFlaw(f"The kernel's log has {self._count} records, but {used} in use.")
        budget = self._size
        for identity in range(self._tail, self._tail + used):
            record = self._record(identity & _ID_MASK)
            if record is None:
                continue
            budget -= len(record.text)
            if budget < 0:
                raise KernelFlaw("The records of the kernel's log overlap each other.")
            yield record

    def _record(self, identity: int) -> LogRecord | None:
        """The record with this id; None while it is written and if it has no text."""
        place = identity % self._count
        descriptor = self._memory.read(
            self._descriptors + place * self._descriptor_size, self._descriptor_size
        )
        (state,) = ULONG[self._order].unpack_from(descriptor, self._state)
        if state & _ID_MASK != identity or state >> _STATE_SHIFT not in {_COMMITTED, _FINALIZED}:
            return None
        (begin,) = ULONG[self._order].unpack_from(descriptor, self._begin)
        (end,) = ULONG[self._order].unpack_from(descriptor, self._next)
        if begin & end & _DATALESS:
            return None
        # A block of a newer kernel (commit 67e1b0052f6b, 2025) may end exactly at the end of the
        # ring. Whether a block wraps is seen from its last byte, not from what is next to it.
        last = (end - 1) & _ULONG_MASK
        wraps = begin // self._size != last // self._size
        first = (0 if wraps else begin % self._size) + ULONG.size
        details = self._memory.read(self._infos + place * self._info_size, self._info_size)
        (nanoseconds,) = ULONG[self._order].unpack_from(details, self._time)
        (length,) = USHORT[self._order].unpack_from(details, self._length)
        length = min(length, last % self._size + 1 - first)
        if length < 0:
            raise KernelFlaw(f"Record {identity} of the kernel's log ends before it begins.")
        caller = None
        if self._caller is not None:
            (caller,) = UINT[self._order].unpack_from(details, self._caller)
        return LogRecord(nanoseconds, caller, self._memory.read(self._text + first, length))


__all__ = ("Log", "read_log")
