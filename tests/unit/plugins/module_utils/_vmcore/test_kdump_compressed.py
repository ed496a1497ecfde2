# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kdump-compressed format: what it must be, and what it cannot be."""

from __future__ import annotations

import struct
import typing as t
import zlib

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, Verdict
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    HOST,
    MAX_FRAME,
    NOISE_FRAME,
    PAGE,
    RELEASE,
    VERSION,
    ZERO_FRAMES,
    Kdump,
    bitmap_of,
    noise,
    opened,
    plain,
    vmcoreinfo,
)

BITMAP = 2 * PAGE
IN_DUMP = 3 * PAGE
TABLE = 4 * PAGE
KDUMP = Kdump()
PAGES = len(KDUMP.memory)
DATA = TABLE + 24 * PAGES
FRAMES = sorted(KDUMP.memory)


def examine(data: bytes, *, full: bool = True) -> list[str]:
    """What all checks say, in their order."""
    with opened(data) as file:
        dump = KdumpCompressed(file)
        return [
            dump.check_finished(),
            dump.check_bitmaps(),
            dump.check_descriptors(),
            dump.check_pages(full=full),
        ]


def changed(place: int, value: bytes, data: bytes | None = None) -> bytes:
    result = bytearray(plain(KDUMP.parts()) if data is None else data)
    result[place : place + len(value)] = value
    return bytes(result)


def descriptor(index: int, data: bytes | None = None) -> tuple[int, int, int, int]:
    place = TABLE + 24 * index
    offset, size, flags, page_flags = struct.unpack(
        "<QIIQ", (data or plain(KDUMP.parts()))[place : place + 24]
    )
    return offset, size, flags, page_flags


def test_a_good_dump() -> None:
    size = len(plain(KDUMP.parts()))
    assert examine(plain(KDUMP.parts())) == [
        "makedumpfile did not mark the dump as incomplete.",
        f"{PAGES} of {MAX_FRAME} pages of RAM are in the dump.",
        f"The data of {PAGES} pages has no gap and ends where it must, at byte {size}.",
        f"All {PAGES} pages were read and decompressed.",
    ]


def test_a_quick_look_at_a_small_dump_sees_each_page_with_data() -> None:
    data = plain(KDUMP.parts())
    stored = sum(any(content) for content in KDUMP.memory.values())
    distance = (len(data) - DATA - PAGE) // 2048
    assert examine(data, full=False)[3] == (
        f"{stored} of {PAGES} pages, one in every {distance} bytes of data, "
        "were read and decompressed."
    )


def test_the_header_is_what_the_kernel_said() -> None:
    with opened(plain(KDUMP.parts())) as file:
        header = KdumpCompressed(file).header
    assert (header.nodename, header.release, header.version) == (HOST, RELEASE, VERSION)
    assert (header.machine, header.nr_cpus, header.codec) == ("x86_64", 2, "zlib")


def test_every_page_is_what_was_dumped() -> None:
    with opened(plain(KDUMP.parts())) as file:
        dump = KdumpCompressed(file)
        dump.check_bitmaps()
        assert {frame: dump.read_page(frame) for frame in FRAMES} == KDUMP.memory
        for frame in (0, NOISE_FRAME + 1, MAX_FRAME, 1 << 60, -1):
            with pytest.raises(Flaw, match="is not in the dump"):
                dump.read_page(frame)


def test_vmcoreinfo_is_what_was_dumped() -> None:
    with opened(plain(KDUMP.parts())) as file:
        assert KdumpCompressed(file).read_vmcoreinfo() == vmcoreinfo()


def test_erase_information_is_the_end_of_a_dump_that_has_it() -> None:
    data = plain(KDUMP._replace(eraseinfo=b"erased").parts())
    assert f"ends where it must, at byte {len(data) - 6}." in examine(data)[2]
    with pytest.raises(Flaw, match="the erase information must reach at least to byte") as caught:
        examine(data[:-1])
    assert caught.value.verdict == "incomplete"
    with pytest.raises(Flaw, match="place of the erase information"):
        examine(plain(KDUMP._replace(eraseinfo=b"x", sub_header={"offset_eraseinfo": 1}).parts()))


def test_a_dump_that_does_not_exclude_zeros_has_no_shared_page() -> None:
    memory = {frame: bytearray(noise(PAGE)) for frame in (1, 2)}
    kdump = Kdump(memory, sub_header={"dump_level": 0})
    data = plain(kdump.parts())
    first = TABLE + 2 * 24
    moved = data[:first] + data[first + PAGE :]
    for index in (0, 1):
        moved = changed(TABLE + 24 * index, struct.pack("<Q", first + index * PAGE), moved)
    assert "2 pages" in examine(moved)[2]


def test_an_uncompressed_dump_can_be_read() -> None:
    kdump = Kdump({1: bytearray(noise(PAGE))}, header={"status": 0})
    assert examine(plain(kdump.parts()))[3] == "All 1 pages were read and decompressed."


HEADERS: list[tuple[dict[str, t.Any], dict[str, t.Any], Verdict, str]] = [
    ({"header_version": 5}, {}, "unsupported", "The header version is 5; only 6"),
    ({"header_version": 0}, {}, "damaged", "0 as header version"),
    ({"machine": b"aarch64"}, {}, "unsupported", "The machine is 'aarch64'; only 'x86_64'"),
    ({"machine": b"\xff"}, {}, "damaged", "as machine"),
    ({"block_size": 65536}, {}, "damaged", "65536 as block size"),
    ({"block_size": -4096}, {}, "damaged", "-4096 as block size"),
    ({"sub_hdr_size": 0}, {}, "damaged", "0 as size of the sub header"),
    ({"bitmap_blocks": 0}, {}, "damaged", "0 as size of the bitmaps"),
    ({"bitmap_blocks": 3}, {}, "damaged", "3 as size of the bitmaps"),
    ({"status": 0x41}, {}, "damaged", "65 as status"),
    ({"status": 0x3}, {}, "damaged", "3 as compressor"),
    ({"status": 0x9}, {}, "incomplete", "makedumpfile marked the dump as incomplete"),
    ({"status": 0x2}, {}, "damaged", "says"),
    ({}, {"split": 1}, "unsupported", "makedumpfile --reassemble"),
    ({}, {"max_mapnr_64": 0}, "damaged", "0 as number of page frames"),
    ({}, {"max_mapnr_64": PAGE * 8 + 1}, "damaged", "32769 as number of page frames"),
    ({}, {"size_note": 1 << 63}, "damaged", "as place of the notes"),
    ({}, {"offset_vmcoreinfo": BITMAP}, "damaged", "as place of VMCOREINFO"),
    ({"sub_hdr_size": 0x7FFFFFFF}, {}, "incomplete", "the bitmaps must reach at least to byte"),
    ({"bitmap_blocks": 0xFFFFFFFE}, {}, "incomplete", "the bitmaps must reach at least to byte"),
]


@pytest.mark.parametrize(("header", "sub_header", "verdict", "sentence"), HEADERS, ids=str)
def test_headers_that_cannot_be(
    header: dict[str, t.Any], sub_header: dict[str, t.Any], verdict: Verdict, sentence: str
) -> None:
    kdump = Kdump(header=header, sub_header=sub_header)
    with pytest.raises(Flaw) as caught:
        examine(plain(kdump.parts()))
    assert sentence in str(caught.value)
    assert caught.value.verdict == verdict


@pytest.mark.parametrize("size", [0, (1 << 16) + 1])
def test_vmcoreinfo_has_a_size_that_can_be(size: int) -> None:
    kdump = Kdump(header={"sub_hdr_size": 32}, sub_header={"size_vmcoreinfo": size})
    with opened(plain(kdump.parts())) as file:
        dump = KdumpCompressed(file)
        with pytest.raises(Flaw, match=f"VMCOREINFO, which describes the kernel, has {size} bytes"):
            dump.read_vmcoreinfo()


@pytest.mark.parametrize(
    ("bits", "sentence"),
    [
        (bitmap_of([]), "The dump has no page at all."),
        (bitmap_of([1]) + b"\x01", "pages that are not RAM are in the dump, between"),
        (bitmap_of([*FRAMES, 1]), "Page descriptor 0 of"),
        (bitmap_of(FRAMES[1:]), "Page descriptor"),
    ],
)
def test_bitmaps_that_cannot_be(bits: bytes, sentence: str) -> None:
    with pytest.raises(Flaw, match=sentence) as caught:
        examine(changed(IN_DUMP, bits))
    assert caught.value.verdict == "damaged"


FIRST = next(index for index in range(PAGES) if descriptor(index)[2] == 1)
NOISE = FRAMES.index(NOISE_FRAME)
ZERO = FRAMES.index(ZERO_FRAMES[0])
OFFSET, SIZE = descriptor(FIRST)[:2]


@pytest.mark.parametrize(
    ("index", "value", "sentence"),
    [
        (FIRST, (0, 0, 0), f"Page descriptor {FIRST} of {PAGES} is empty, but not the next one."),
        (FIRST, (OFFSET + 1, SIZE, 1), f"Page descriptor {FIRST} of"),
        (FIRST, (OFFSET, 0, 1), " says 0 bytes with flags 0x1"),
        (FIRST, (OFFSET, PAGE, 1), " says 4096 bytes with flags 0x1"),
        (FIRST, (OFFSET, SIZE, 2), f" says {SIZE} bytes with flags 0x2"),
        (FIRST, (OFFSET, SIZE, 0), f" says {SIZE} bytes with flags 0x0"),
        (FIRST, (OFFSET, SIZE, 3), " with flags 0x3"),
        (FIRST, (OFFSET, SIZE - 1, 1), f"Page descriptor {FIRST + 1} of"),
        (FIRST, (1 << 63, SIZE, 1), " at byte 9223372036854775808"),
        (ZERO, (DATA, PAGE, 1), " says 4096 bytes with flags 0x1"),
        (ZERO, (DATA + 1, PAGE, 0), f"Page descriptor {ZERO} of"),
    ],
)
def test_descriptors_that_cannot_be(index: int, value: tuple[int, int, int], sentence: str) -> None:
    with pytest.raises(Flaw) as caught:
        examine(changed(TABLE + 24 * index, struct.pack("<QII", *value)))
    assert sentence in str(caught.value)
    assert caught.value.verdict == "damaged"


def test_empty_descriptors_at_the_end_are_pages_that_were_not_written() -> None:
    with pytest.raises(Flaw) as caught:
        examine(changed(TABLE + 24 * (PAGES - 2), bytes(48)))
    assert str(caught.value).startswith(f"The last 2 of {PAGES} page descriptors are empty")
    assert caught.value.verdict == "incomplete"


def test_nothing_follows_the_last_page() -> None:
    data = plain(KDUMP.parts())
    with pytest.raises(Flaw) as caught:
        examine(data + b"x")
    assert str(caught.value) == (
        f"The data of the pages ends at byte {len(data)}, but the dump ends at byte {len(data) + 1}."
    )
    assert caught.value.verdict == "damaged"


def of_size(content: bytes) -> bytes:
    """Compressed content in exactly the bytes of the first compressed page."""
    return zlib.compress(content, 9).ljust(SIZE, b"\0")


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (DATA + 7, b"x", "The page of zeros that all zero pages share has other content."),
        (OFFSET, bytes(SIZE), f"The page at byte {OFFSET} cannot be decompressed"),
        (OFFSET + SIZE - 1, b"\xff", f"The page at byte {OFFSET} cannot be decompressed"),
        (OFFSET, of_size(bytes(PAGE - 1)), f"The page at byte {OFFSET} is not 4096 bytes"),
        (OFFSET, of_size(bytes(PAGE)), f"The page at byte {OFFSET} is not 4096 bytes"),
        (OFFSET, of_size(bytes(PAGE * 2)), f"The page at byte {OFFSET} is not 4096 bytes"),
        (descriptor(NOISE)[0], bytes(PAGE // 2), "is not what was written: it compresses"),
    ],
)
def test_pages_that_cannot_be(place: int, value: bytes, sentence: str) -> None:
    with pytest.raises(Flaw) as caught:
        examine(changed(place, value))
    assert sentence in str(caught.value)
    assert caught.value.verdict == "damaged"


@pytest.mark.parametrize(("status", "name"), [(2, "lzo"), (4, "snappy"), (0x20, "zstd")])
def test_pages_of_other_compressors_are_not_verified(status: int, name: str) -> None:
    data = plain(KDUMP._replace(header={"status": status}).parts())
    for index in range(PAGES):
        if descriptor(index)[2]:
            data = changed(TABLE + 24 * index + 12, struct.pack("<I", status), data)
    with opened(data) as file:
        dump = KdumpCompressed(file)
        dump.check_bitmaps()
        dump.check_descriptors()
        with pytest.raises(Flaw, match=f"The pages are compressed with {name}") as caught:
            dump.check_pages(full=False)
        assert caught.value.verdict == "unsupported"
        with pytest.raises(Flaw, match=f"A page is compressed with {name}") as caught:
            dump.read_page(FRAMES[FIRST])
        assert caught.value.verdict == "unsupported"
        assert dump.read_page(NOISE_FRAME) == KDUMP.memory[NOISE_FRAME]
