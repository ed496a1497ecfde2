# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log out of its ring buffer."""

from __future__ import annotations

import struct
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, Verdict
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    FIRST_RING_FRAME,
    LOG,
    PAGE,
    PHYS_BASE,
    PRB_STATIC,
    START_KERNEL_MAP,
    Kernel,
    Memory,
    Record,
    Ring,
    memory_at,
    write,
)

RING = PRB_STATIC - START_KERNEL_MAP + PHYS_BASE
DESCRIPTORS = FIRST_RING_FRAME * PAGE


def log_of(memory: Memory, **changes: str | None) -> str:
    def read_page(frame: int) -> bytes:
        if frame not in memory:
            raise Flaw("damaged", f"no frame {frame:#x}")
        return bytes(memory[frame])

    info = VmcoreInfo(Kernel().vmcoreinfo(**changes))
    return read_log(memory_at(read_page, PAGE, info), info).text


def log_of_ring(ring: Ring) -> str:
    return log_of(Kernel(ring=ring).memory())


def test_the_log_is_text_as_dmesg_prints_it() -> None:
    assert log_of_ring(Ring()) == LOG


@pytest.mark.parametrize(
    ("nanoseconds", "text", "line"),
    [
        (0, b"a", "[    0.000000] a\n"),
        (999, b"a", "[    0.000000] a\n"),
        (123456_123456_789, b"a", "[123456.123456] a\n"),
        (0, b"one\ntwo\n", "[    0.000000] one\n               two\n               \n"),
        (0, b"\ttab", "[    0.000000] \ttab\n"),
        (0, "µ\x1b[0m\0".encode(), "[    0.000000] \\xc2\\xb5\\x1b[0m\\x00\n"),
    ],
)
def test_a_record_becomes_a_line(nanoseconds: int, text: bytes, line: str) -> None:
    assert log_of_ring(Ring(records=[(nanoseconds, text)])) == line


@pytest.mark.parametrize("state", [1, 2])
def test_committed_and_finalized_records_are_text(state: int) -> None:
    assert log_of_ring(Ring(state=state)) == LOG


@pytest.mark.parametrize("state", [0, 3])
def test_reserved_and_reusable_records_are_not(state: int) -> None:
    assert log_of_ring(Ring(state=state)) == ""


def test_a_record_without_text_is_left_out() -> None:
    records: list[Record] = [(0, b"one"), (1, b""), (2, b"two")]
    assert log_of_ring(Ring(records=records)) == "[    0.000000] one\n[    0.000000] two\n"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 120), min_size=1, max_size=60),
    st.sampled_from([(3, 9), (5, 8), (4, 10)]),
    st.booleans(),
)
def test_the_newest_records_are_there_wherever_the_ring_wraps(
    lengths: list[int], bits: tuple[int, int], exact_end: bool
) -> None:
    texts = [f"{index:04}".ljust(length, "x") for index, length in enumerate(lengths)]
    records = [(0, text.encode()) for text in texts]
    log = log_of_ring(Ring(records, *bits, exact_end=exact_end))
    found = [line.split("] ", 1)[1] for line in log.splitlines()]
    assert found == texts[-len(found) :]


def test_a_record_that_ends_at_the_end_of_the_ring_is_whole_either_way() -> None:
    records: list[Record] = [(0, b"a" * 120), (0, b"b" * 120)]
    lines = ["[    0.000000] " + "b" * 120]
    for exact_end in (True, False):
        ring = Ring(records, size_bits=8, exact_end=exact_end)
        assert log_of_ring(ring).splitlines()[-1:] == lines


def test_a_text_that_is_longer_than_its_block_is_cut() -> None:
    memory = Kernel(ring=Ring(records=[(0, b"abcdefgh"), (0, b"next")])).memory()
    place = 32 * 24 + 0 * 88 + 16
    assert struct.unpack_from("<H", memory[FIRST_RING_FRAME], place) == (8,)
    write(memory, DESCRIPTORS + place, struct.pack("<H", 60000))
    assert log_of(memory) == "[    0.000000] abcdefgh\n[    0.000000] next\n"


GARBAGE: list[tuple[str, int, bytes, str]] = [
    ("count_bits", RING, struct.pack("<I", 40), "2^40 records"),
    ("size_bits", RING + 48, struct.pack("<I", 32), "2^32 bytes of text"),
    ("head_id", RING + 24, struct.pack("<Q", 1 << 60), "The kernel's log has 32 records, but"),
    ("descs", RING + 8, struct.pack("<Q", 0x1000), "no memory at its address 0x"),
    ("infos", RING + 16, struct.pack("<Q", 0x1000), "no memory at its address 0x"),
    ("data", RING + 56, struct.pack("<Q", 0x1000), "no memory at its address 0x"),
    ("begin", DESCRIPTORS + 8, struct.pack("<QQ", 8, 12), "ends before it begins"),
]


@pytest.mark.parametrize(
    ("place", "value", "sentence"), [row[1:] for row in GARBAGE], ids=[row[0] for row in GARBAGE]
)
def test_garbage_in_the_ring_is_a_flaw(place: int, value: bytes, sentence: str) -> None:
    memory = Kernel().memory()
    write(memory, place, value)
    with pytest.raises(Flaw) as caught:
        log_of(memory)
    assert sentence in str(caught.value)
    assert caught.value.verdict == "unsupported"


def test_a_ring_that_is_too_large_is_not_read() -> None:
    memory = Kernel().memory()
    write(memory, RING + 48, struct.pack("<I", 28))
    with pytest.raises(Flaw, match="more than can be read here") as caught:
        log_of(memory)
    assert caught.value.verdict == "unsupported"


def test_records_that_overlap_are_a_flaw() -> None:
    memory = Kernel(ring=Ring(records=[(0, b"x" * 8)] * 30, size_bits=9)).memory()
    for place in range(32):
        write(memory, DESCRIPTORS + place * 24 + 8, struct.pack("<QQ", 0, 500))
        write(memory, DESCRIPTORS + 32 * 24 + place * 88 + 16, struct.pack("<H", 400))
    with pytest.raises(Flaw, match="overlap each other"):
        log_of(memory)


VMCOREINFO_FLAWS: list[tuple[dict[str, t.Any], Verdict, str]] = [
    ({"SYMBOL(prb)": None}, "unsupported", "describes it in another way"),
    ({"SYMBOL(prb)": "0"}, "unsupported", "no memory at its address 0x0"),
    ({"SIZE(prb_desc)": None}, "unsupported", "does not have SIZE(prb_desc)"),
    ({"SIZE(prb_desc)": "0"}, "unsupported", "SIZE(prb_desc)=0"),
    ({"SIZE(printk_info)": str(1 << 40)}, "unsupported", "SIZE(printk_info)=1099511627776"),
    ({"SIZE(printk_ringbuffer)": "-1"}, "unsupported", "SIZE(printk_ringbuffer)=-1"),
    ({"OFFSET(printk_info.text_len)": "87"}, "unsupported", "OFFSET(printk_info.text_len)=87"),
    ({"OFFSET(prb_desc.text_blk_lpos)": "16"}, "unsupported", "OFFSET(prb_desc.text_blk_lpos)=16"),
    ({"OFFSET(prb_data_ring.data)": "33"}, "unsupported", "OFFSET(prb_data_ring.data)=33"),
    ({"OFFSET(atomic_long_t.counter)": "80"}, "unsupported", "which is not from"),
]


@pytest.mark.parametrize(("changes", "verdict", "sentence"), VMCOREINFO_FLAWS, ids=str)
def test_a_description_that_cannot_be_is_a_flaw(
    changes: dict[str, t.Any], verdict: Verdict, sentence: str
) -> None:
    with pytest.raises(Flaw) as caught:
        log_of(Kernel().memory(), **changes)
    assert caught.value.verdict == verdict
    assert sentence in str(caught.value)


@pytest.mark.parametrize("frame", [0x101, FIRST_RING_FRAME])
def test_a_page_that_is_not_in_the_dump_is_a_flaw(frame: int) -> None:
    memory = Kernel().memory()
    del memory[frame]
    with pytest.raises(Flaw, match=f"no frame {frame:#x}"):
        log_of(memory)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_garbage_raises_anything_else(data: st.DataObject) -> None:
    memory = Kernel().memory()
    frame = data.draw(st.sampled_from(sorted(memory)))
    place = data.draw(st.integers(0, PAGE - 8))
    write(memory, frame * PAGE + place, data.draw(st.binary(min_size=1, max_size=8)))
    try:
        log = log_of(memory)
    except Flaw:
        return
    assert log == "" or log.endswith("\n")
