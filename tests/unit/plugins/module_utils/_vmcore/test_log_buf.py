# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log of Linux 3.5 to 5.9."""

from __future__ import annotations

import struct
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    Memory as KernelMemory,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

if t.TYPE_CHECKING:
    from collections.abc import Sequence

# The layout of struct printk_log in Linux 4.19 on x86_64.
INFO = {
    "SYMBOL(log_buf)": "1000",
    "SYMBOL(log_buf_len)": "1008",
    "SYMBOL(log_first_idx)": "100c",
    "SYMBOL(log_next_idx)": "1010",
    "SIZE(printk_log)": "16",
    "OFFSET(printk_log.ts_nsec)": "0",
    "OFFSET(printk_log.len)": "8",
    "OFFSET(printk_log.text_len)": "10",
    "OFFSET(printk_log.dict_len)": "12",
}
BUFFER = 0x2000


class Memory(KernelMemory):
    """Memory of a kernel that is its log."""

    def __init__(self, buffer: bytes, first: int, after: int, size: int | None = None) -> None:
        self.order = "<"
        size = len(buffer) if size is None else size
        self._symbols = struct.pack("<QIII", BUFFER, size, first, after)
        self._buffer = buffer

    def read(self, address: int, size: int, *, sparse: bool = False) -> bytes:
        del sparse
        start, data = (BUFFER, self._buffer) if address >= BUFFER else (0x1000, self._symbols)
        found = data[address - start : address - start + size]
        if len(found) != size:
            raise Flaw("damaged", f"no memory at {address:#x}")
        return found


def info(**changes: str | None) -> VmcoreInfo:
    values = {**INFO, **changes}
    return VmcoreInfo(
        "".join(f"{key}={value}\n" for key, value in values.items() if value).encode()
    )


def record(nanoseconds: int, text: bytes, dictionary: bytes = b"", head: int = 16) -> bytes:
    size = -(-(head + len(text) + len(dictionary)) // 4) * 4
    data = struct.pack("<QHHHBB", nanoseconds, size, len(text), len(dictionary), 0, 0)
    return (data.ljust(head, b"\x07") + text + dictionary).ljust(size, b"\0")


def ring(texts: Sequence[bytes], size: int) -> Memory:
    """The buffer, written as log_store() writes it, with the oldest records overwritten."""
    buffer = bytearray(size)
    places: list[tuple[int, int]] = []
    at = 0
    for text in texts:
        data = record(0, text)
        if at + len(data) + 16 > size:
            buffer[at : at + 16] = bytes(min(16, size - at))
            places = [place for place in places if place[0] < at]
            at = 0
        places = [place for place in places if place[1] <= at or place[0] >= at + len(data) + 16]
        places.append((at, at + len(data)))
        buffer[at : at + len(data)] = data
        at += len(data)
    return Memory(bytes(buffer), places[0][0] if places else 0, at)


def test_the_log_is_text_as_dmesg_prints_it() -> None:
    data = record(0, b"Linux version 4.19", b"SUBSYSTEM=x") + record(1_500_000, b"two\nlines")
    log = read_log(Memory(data + bytes(64), 0, len(data)), info()).text
    assert log == "[    0.000000] Linux version 4.19\n[    0.001500] two\n               lines\n"


def test_the_caller_is_part_of_a_line_if_the_kernel_noted_it() -> None:
    data = record(0, b"task", head=24) + record(0, b"cpu", head=24)
    data = data.replace(b"\x07" * 8, struct.pack("<II", 42, 0), 1)
    data = data.replace(b"\x07" * 8, struct.pack("<II", 1 << 31 | 3, 0), 1)
    with_caller = info(**{"SIZE(printk_log)": "24", "OFFSET(printk_log.caller_id)": "16"})
    assert read_log(Memory(data, 0, len(data) - 0, len(data)), with_caller).text == (
        "[    0.000000] [     T42] task\n[    0.000000] [      C3] cpu\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.sampled_from([256, 512, 1024]))
def test_the_newest_records_are_there_wherever_the_buffer_wraps(
    lengths: list[int], size: int
) -> None:
    texts = [f"{index:04}".ljust(length, "x") for index, length in enumerate(lengths)]
    log = read_log(ring([text.encode() for text in texts], size), info()).text
    found = [line.split("] ", 1)[1] for line in log.splitlines()]
    assert found == texts[len(texts) - len(found) :]


@pytest.mark.parametrize(
    ("memory", "changes", "sentence"),
    [
        (Memory(bytes(64), 0, 32), {}, "no record at byte 0 of its buffer"),
        (Memory(bytes(64), 60, 32), {}, "no record at byte 60 of its buffer"),
        (Memory(record(0, b"a") * 2 + bytes(20), 0, 999), {}, "do not end"),
        (Memory(struct.pack("<QHHI", 0, 8, 0, 0) * 8, 0, 99), {}, "no record at byte 0"),
        (Memory(struct.pack("<QHHI", 0, 16, 9999, 0) * 8, 0, 99), {}, "no record at byte 0"),
        (Memory(b"", 0, 1), {}, "The kernel's log has 0 bytes."),
        (Memory(b"", 0, 1, (1 << 27) + 1), {}, "The kernel's log has 134217729 bytes."),
        (Memory(b"", 0, 1, 64), {}, "no memory at 0x2000"),
        (Memory(b"", 0, 1), {"SIZE(printk_log)": "8"}, "0 bytes"),
        (Memory(bytes(64), 0, 1), {"SIZE(printk_log)": "8"}, "SIZE(printk_log)=8"),
        (Memory(bytes(64), 0, 1), {"SIZE(printk_log)": None}, "describes it in another way"),
    ],
)
def test_what_the_log_cannot_be(
    memory: Memory, changes: dict[str, str | None], sentence: str
) -> None:
    with pytest.raises(Flaw) as caught:
        read_log(memory, info(**changes))
    assert sentence in str(caught.value)


def test_records_that_never_end_are_a_flaw() -> None:
    data = record(0, b"abcd" * 4)
    with pytest.raises(Flaw, match="do not end"):
        read_log(Memory(data + bytes(16), 0, 7), info())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 320), st.integers(0, 320))
def test_any_buffer_gives_a_log_or_a_flaw(data: bytes, first: int, after: int) -> None:
    try:
        assert len(read_log(Memory(data, first, after), info()).text) <= 30 * 320
    except Flaw:
        return
