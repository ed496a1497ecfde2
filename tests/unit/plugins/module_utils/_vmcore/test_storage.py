# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain files and flattened streams."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, Verdict
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    Flattened,
    is_flattened,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    flattened,
    opened,
    plain,
)

END = b"\xff" * 16


def record(offset: int, size: int, data: bytes = b"") -> bytes:
    return struct.pack(">qq", offset, size) + data


def stream(*records: bytes, end: bytes = END) -> bytes:
    return flattened([])[:-16] + b"".join(records) + end


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (flattened([]), True),
        (b"makedumpfile\0\0\0\0", True),
        (b"makedumpfile\0\0\0", False),
        (b"KDUMP   ".ljust(4096), False),
        (b"", False),
    ],
)
def test_a_stream_is_recognised_by_its_signature(data: bytes, expected: bool) -> None:
    with opened(data) as file:
        assert is_flattened(file) is expected


def test_records_can_have_any_order() -> None:
    with opened(stream(record(3, 3, b"def"), record(0, 3, b"abc"))) as file:
        storage = Flattened(file)
        assert storage.size == 6
        assert storage.read("all", 0, 6) == b"abcdef"
        assert storage.read("some", 2, 2) == b"cd"
        assert (
            storage.check() == f"2 records and the end record fill the stream to byte {file.size}."
        )


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=12))
def test_later_records_win_as_later_writes_do(parts: list[tuple[int, bytes]]) -> None:
    expected = plain(parts)
    with opened(flattened(parts)) as file:
        storage = Flattened(file)
        storage.check()
        assert storage.size == len(expected)
        assert storage.read("all", 0, len(expected), holes=True) == expected


@given(
    st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=6),
    st.integers(0, 80),
    st.integers(0, 20),
)
def test_a_read_without_holes_needs_every_byte(
    parts: list[tuple[int, bytes]], offset: int, size: int
) -> None:
    written = {byte for start, data in parts for byte in range(start, start + len(data))}
    with opened(flattened(parts)) as file:
        storage = Flattened(file)
        if written.issuperset(range(offset, offset + size)) and offset + size <= storage.size:
            storage.require("it", offset, size)
            assert storage.read("it", offset, size) == plain(parts)[offset : offset + size]
        else:
            for look in (storage.read, storage.require):
                with pytest.raises(Flaw):
                    look("it", offset, size)


FLAWS: list[tuple[str, bytes, Verdict, str]] = [
    ("other type", b"makedumpfile\0\0\0\0".ljust(4096, b"\0"), "unsupported", "type 0"),
    (
        "more in the header",
        stream()[:100] + b"x" + stream()[101:],
        "unsupported",
        "The header of the stream has more than a type and a version.",
    ),
    ("cut in the header", stream()[:4000], "incomplete", "reach at least to byte 4096,"),
    ("no record", stream(end=b""), "incomplete", "ends at byte 4096, 16 bytes before"),
    ("end record cut", stream(end=END[:-1]), "incomplete", "ends at byte 4111, 1 byte before"),
    (
        "no end record",
        stream(record(0, 3, b"abc"), end=b""),
        "incomplete",
        "end record of the stream must reach at least to byte 4131, but the data ends at byte 4115",
    ),
    (
        "record cut",
        stream(record(0, 100, b"abc"), end=b""),
        "incomplete",
        "ends at byte 4115, inside a record of the stream that reaches to byte 4212",
    ),
    ("data behind the end", stream() + b"x", "unsupported", "ends at byte 4112, but the dump"),
    ("two ends", stream() + END, "unsupported", "but the dump ends at byte 4128"),
    ("zeros", stream(bytes(16)), "damaged", "0 bytes at offset 0"),
    (
        "zeros to the end",
        stream(record(0, 3, b"abc"), end=bytes(3 << 20)),
        "incomplete",
        "From byte 4115 to its end the stream is nothing but zeros",
    ),
    ("zeros, then another byte", stream(end=bytes(3 << 20) + b"x"), "damaged", "At byte 4096"),
    ("negative offset", stream(record(-2, 1, b"a")), "damaged", "1 bytes at offset -2"),
    ("negative size", stream(record(0, -1, b"a")), "damaged", "-1 bytes at offset 0"),
    ("offset too large", stream(record((1 << 63) - 1, 1, b"a")), "damaged", "At byte 4096"),
    ("a size that cannot be", stream(record(0, 1 << 62, b"abc")), "damaged", "At byte 4096"),
    (
        "a record cut behind 16 bytes of ones",
        stream(record(0, 100, END), end=b""),
        "incomplete",
        "ends at byte 4128, inside a record of the stream that reaches to byte 4212",
    ),
    (
        "a multitude of tiny records",
        stream(*[record(one, 1, b"a") for one in range(1100)]),
        "unsupported",
        "more records than can be read here; unpack it with makedumpfile -R",
    ),
    (
        "a multitude of overlaps",
        stream(record(0, 1 << 22, bytes(1 << 22)), *[record(one, 1, b"a") for one in range(5000)]),
        "unsupported",
        "5001 records of the stream overlap each other",
    ),
]


@pytest.mark.parametrize(
    ("data", "verdict", "sentence"), [row[1:] for row in FLAWS], ids=[row[0] for row in FLAWS]
)
def test_what_is_wrong_with_a_stream(data: bytes, verdict: Verdict, sentence: str) -> None:
    with opened(data) as file, pytest.raises(Flaw) as caught:
        Flattened(file).check()
    assert caught.value.verdict == verdict
    assert sentence in str(caught.value)


def test_what_precedes_a_cut_can_be_read() -> None:
    with opened(stream(record(0, 3, b"abc"), record(3, 3, b"d"), end=b"")) as file:
        storage = Flattened(file)
        assert storage.read("the start", 0, 3) == b"abc"
        with pytest.raises(Flaw) as caught:
            storage.read("the rest", 0, 4)
    assert caught.value.verdict == "incomplete"


def test_a_whole_stream_that_ends_too_early_contradicts_itself() -> None:
    with opened(stream(record(0, 3, b"abc"))) as file, pytest.raises(Flaw) as caught:
        Flattened(file).read("the header", 0, 464)
    assert caught.value.verdict == "damaged"


def test_a_record_far_away_takes_no_memory() -> None:
    far = 1 << 62
    with opened(stream(record(0, 1, b"a"), record(far, 1, b"b"))) as file:
        storage = Flattened(file)
        assert (storage.size, storage.stored) == (far + 1, file.size)
        assert storage.read("the end", far, 1) == b"b"
        assert storage.read("a hole", far - 9, 10, holes=True) == bytes(9) + b"b"
        with pytest.raises(Flaw, match=r"Byte 1 of the dump \(all\) is in no record"):
            storage.require("all", 0, far)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_behind_the_header_give_a_result(data: bytes) -> None:
    with opened(stream(end=data)) as file:
        storage = Flattened(file)
        assert storage.stored == 4096 + len(data)
        if data[-16:] != END:
            with pytest.raises(Flaw):
                storage.check()


def test_a_plain_file_ends_where_it_ends() -> None:
    with opened(b"abc") as file:
        assert file.read("all", 0, 3) == b"abc"
        with pytest.raises(Flaw, match="the header must reach at least to byte 464") as caught:
            file.read("the header", 0, 464)
    assert caught.value.verdict == "incomplete"


def test_a_plain_file_that_becomes_shorter_is_noticed() -> None:
    with opened(b"abc") as file:
        file.size = 4
        with pytest.raises(Flaw, match="became shorter than 4 bytes"):
            file.read("all", 0, 4)
