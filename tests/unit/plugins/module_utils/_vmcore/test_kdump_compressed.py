# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kdump-compressed format: what it must be, and what it cannot be."""

from __future__ import annotations

import struct
import typing as t
import zlib

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import kdump_compressed
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import Codec
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, Verdict
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
    _Sample,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CODECS,
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

ORDERS: dict[str, Order] = {"x86_64": "<"}
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
        dump = KdumpCompressed(file, ORDERS)
        return [look() for _name, look in dump.checks(How(full))]


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


def test_a_quick_look_at_a_small_dump_sees_each_page() -> None:
    assert examine(plain(KDUMP.parts()), full=False)[3] == (
        f"All {PAGES} pages were read and decompressed."
    )


def test_the_header_is_what_the_kernel_said() -> None:
    with opened(plain(KDUMP.parts())) as file:
        header = KdumpCompressed(file, ORDERS).header
    assert (header.nodename, header.release, header.version) == (HOST, RELEASE, VERSION)
    assert (header.machine, header.nr_cpus, header.codec_name) == ("x86_64", 2, "zlib")


def test_every_page_is_what_was_dumped() -> None:
    with opened(plain(KDUMP.parts())) as file:
        dump = KdumpCompressed(file, ORDERS)
        dump.check_bitmaps()
        assert {frame: dump.read_page(frame) for frame in FRAMES} == KDUMP.memory
        for frame in (0, NOISE_FRAME + 1, MAX_FRAME, 1 << 60, -1):
            with pytest.raises(Flaw, match=r"not in the dump|no RAM"):
                dump.read_page(frame)


def test_vmcoreinfo_is_what_was_dumped() -> None:
    with opened(plain(KDUMP.parts())) as file:
        assert KdumpCompressed(file, ORDERS).read_vmcoreinfo() == vmcoreinfo()


def test_erase_information_is_the_end_of_a_dump_that_has_it() -> None:
    data = plain(KDUMP._replace(eraseinfo=b"erased").parts())
    assert f"ends where it must, at byte {len(data) - 6}." in examine(data)[2]
    with pytest.raises(Flaw, match="the erase information must reach at least to byte") as caught:
        examine(data[:-1])
    assert caught.value.verdict == "incomplete"
    with pytest.raises(Flaw, match="The erase information begins at byte 1, but"):
        examine(plain(KDUMP._replace(eraseinfo=b"x", sub_header={"offset_eraseinfo": 1}).parts()))


def test_a_dump_that_does_not_exclude_zeros_has_no_shared_page() -> None:
    memory = {frame: bytearray(noise(PAGE)) for frame in (1, 2)}
    data = plain(Kdump(memory, sub_header={"dump_level": 0}).parts())
    assert "2 pages" in examine(data)[2]


def test_an_uncompressed_dump_can_be_read() -> None:
    kdump = Kdump({1: bytearray(noise(PAGE))}, codec="uncompressed")
    data = plain(kdump.parts())
    assert examine(data, full=False)[3] == "All 1 pages were read and decompressed."
    with pytest.raises(Flaw, match="whether they are what was written cannot be known") as caught:
        examine(data)
    assert caught.value.verdict == "unsupported"


HEADERS: list[tuple[dict[str, t.Any], dict[str, t.Any], Verdict, str]] = [
    ({"header_version": 2}, {}, "unsupported", "The header version is 2; what can be read is 3, 4"),
    ({"header_version": 0}, {}, "damaged", "0 as header version"),
    (
        {"machine": b"aarch64"},
        {},
        "unsupported",
        "of a little endian machine, 'aarch64'; what can be read is x86_64",
    ),
    ({"machine": b"\xff"}, {}, "damaged", "as machine"),
    ({"block_size": 8192}, {}, "unsupported", "8192 as block size"),
    ({"block_size": -4096}, {}, "unsupported", "-4096 as block size"),
    ({"sub_hdr_size": 0}, {}, "unsupported", "0 as size of the sub header"),
    ({"bitmap_blocks": 0}, {}, "unsupported", "0 as size of the bitmaps"),
    ({"bitmap_blocks": 3}, {}, "unsupported", "3 as size of the bitmaps"),
    ({"status": 0x41}, {}, "unsupported", "65 as status"),
    ({"status": 0x3}, {}, "unsupported", "3 as compressor"),
    ({"status": 0x9}, {}, "incomplete", "makedumpfile marked the dump as incomplete"),
    ({"status": 0x2}, {}, "damaged", "says"),
    ({}, {"split": 2}, "damaged", "2 as mark of a split dump"),
    ({"total_ram_blocks": 1}, {}, "unsupported", "1 as number of RAM blocks"),
    ({"current_cpu": 1}, {}, "unsupported", "1 as current CPU"),
    ({"nr_cpus": -1}, {}, "damaged", "-1 as number of CPUs"),
    ({"max_mapnr": 1}, {}, "damaged", "1 as number of page frames (in its old place)"),
    ({}, {"start_pfn": 1}, "damaged", "1 as first page frame (in its old place)"),
    ({}, {"dump_level": 32}, "unsupported", "32 as dump level"),
    ({}, {"end_pfn": 1, "end_pfn_64": 1}, "damaged", "(0, 1) as range of page frames"),
    ({}, {"offset_eraseinfo": 1}, "damaged", "1 as place of no erase information"),
    ({"max_mapnr": 0}, {"max_mapnr_64": 0}, "damaged", "0 as number of page frames"),
    (
        {"max_mapnr": PAGE * 8 + 1},
        {"max_mapnr_64": PAGE * 8 + 1},
        "damaged",
        "32769 as number of page frames",
    ),
    ({}, {"size_note": 1 << 63}, "damaged", "as place of the notes"),
    ({}, {"offset_vmcoreinfo": BITMAP}, "damaged", "as place of VMCOREINFO"),
    ({"sub_hdr_size": 0x7FFFFFFF}, {}, "unsupported", "2147483647 as size of the sub header"),
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


@pytest.mark.parametrize(
    ("size", "sentence"),
    [(0, "The dump has no VMCOREINFO"), ((1 << 16) + 1, "VMCOREINFO has 65537 bytes, more than")],
)
def test_vmcoreinfo_has_a_size_that_can_be_read(size: int, sentence: str) -> None:
    kdump = Kdump(header={"sub_hdr_size": 32}, sub_header={"size_vmcoreinfo": size})
    with opened(plain(kdump.parts())[:BITMAP].ljust(40 * PAGE, b"\0")) as file:
        dump = KdumpCompressed(file, ORDERS)
        with pytest.raises(Flaw, match=sentence) as caught:
            dump.read_vmcoreinfo()
        assert caught.value.verdict == "unsupported"


@pytest.mark.parametrize(
    ("bits", "verdict", "sentence"),
    [
        (bitmap_of([]), "incomplete", "The dump has no page at all."),
        (bitmap_of([1]) + b"\x01", "damaged", "pages that are not RAM are in the dump, between"),
        (bitmap_of([*FRAMES, 1]), "damaged", "Page descriptor 0 of"),
        (bitmap_of(FRAMES[1:]), "damaged", "Page descriptor"),
    ],
)
def test_bitmaps_that_cannot_be(bits: bytes, verdict: Verdict, sentence: str) -> None:
    with pytest.raises(Flaw, match=sentence) as caught:
        examine(changed(IN_DUMP, bits))
    assert caught.value.verdict == verdict


FIRST = next(index for index in range(PAGES) if descriptor(index)[2] == 1)
LAST = max(index for index in range(PAGES) if descriptor(index)[2] == 1)
NOISE = FRAMES.index(NOISE_FRAME)
ZERO = FRAMES.index(ZERO_FRAMES[0])
OFFSET, SIZE = descriptor(FIRST)[:2]


@pytest.mark.parametrize(
    ("index", "value", "sentence"),
    [
        (FIRST, (0, 0, 0), f"Page descriptor {FIRST} of {PAGES} is empty, but not all behind it."),
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


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(bytes(24), id="empty"),
        pytest.param(struct.pack("<QIIQ", descriptor(LAST)[0], 0, 0, 0), id="begun"),
    ],
)
def test_empty_descriptors_at_the_end_are_pages_that_were_not_written(first: bytes) -> None:
    """makedumpfile 1.7.2 with several threads left such a dump when it was aborted."""
    with pytest.raises(Flaw) as caught:
        examine(changed(TABLE + 24 * LAST, first.ljust(24 * (PAGES - LAST), b"\0")))
    assert f"The last {PAGES - LAST} of {PAGES} page descriptors are empty" in str(caught.value)
    assert caught.value.verdict == "incomplete"


def test_nothing_follows_the_last_page() -> None:
    data = plain(KDUMP.parts())
    with pytest.raises(Flaw) as caught:
        examine(data + b"x")
    assert str(caught.value) == (
        f"The data of the pages ends at byte {len(data)}, but the dump ends at byte {len(data) + 1}: something else "
        "is behind it."
    )
    assert caught.value.verdict == "unsupported"


def test_zeros_behind_the_last_page_are_a_raw_targets() -> None:
    assert examine(plain(KDUMP.parts()) + bytes(9 * PAGE))


def of_size(content: bytes) -> bytes:
    """Compressed content in exactly the bytes of the first compressed page."""
    return zlib.compress(content, 9).ljust(SIZE, b"\0")


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (DATA + 7, b"x", "The page of zeros that all zero pages share has other content."),
        (OFFSET, bytes(SIZE), f"The page at byte {OFFSET} cannot be decompressed"),
        (OFFSET + SIZE - 1, b"\xff", f"The page at byte {OFFSET} cannot be decompressed"),
        (
            OFFSET,
            of_size(bytes(PAGE - 1)),
            f"The page at byte {OFFSET} cannot be decompressed: it is not 4096 bytes.",
        ),
        (
            OFFSET,
            of_size(bytes(PAGE)),
            f"The page at byte {OFFSET} cannot be decompressed: it is not 4096 bytes.",
        ),
        (
            OFFSET,
            of_size(bytes(PAGE * 2)),
            f"The page at byte {OFFSET} cannot be decompressed: it is not 4096 bytes.",
        ),
        (descriptor(NOISE)[0], bytes(PAGE // 2), "is not what was written: its zeros"),
    ],
)
def test_pages_that_cannot_be(place: int, value: bytes, sentence: str) -> None:
    with pytest.raises(Flaw) as caught:
        examine(changed(place, value))
    assert sentence in str(caught.value)
    assert caught.value.verdict == "damaged"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_every_version_with_every_compressor_can_be_read(version: int, codec: str) -> None:
    kdump = KDUMP._replace(version=version, codec=codec)
    with opened(plain(kdump.parts())) as file:
        dump = KdumpCompressed(file, ORDERS)
        assert dump.format == f"kdump-compressed v{version} ({codec})"
        for _name, look in dump.checks(How(codec != "uncompressed")):
            look()
        assert {frame: dump.read_page(frame) for frame in FRAMES} == KDUMP.memory
        assert dump.count_cpus() == 2
        assert dump.read_vmcoreinfo() == vmcoreinfo()


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "uncompressed"])
def test_pages_that_this_host_cannot_decompress_are_not_verified(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Codec, "find", lambda _codec: None)
    with opened(plain(KDUMP._replace(codec=codec).parts())) as file:
        dump = KdumpCompressed(file, ORDERS)
        dump.check_bitmaps()
        dump.check_descriptors()
        with pytest.raises(Flaw, match=f"The pages are compressed with {codec}") as caught:
            dump.check_pages(How())
        assert caught.value.verdict == "unsupported"
        with pytest.raises(Flaw, match=f"A page is compressed with {codec}") as caught:
            dump.read_page(FRAMES[FIRST])
        assert caught.value.verdict == "unsupported"
        assert dump.read_page(NOISE_FRAME) == KDUMP.memory[NOISE_FRAME]


def many(codec: str = "uncompressed", pages: int = 900) -> Kdump:
    """A dump of many pages, zeros between them."""
    memory = {
        frame: bytearray(PAGE) if frame % 3 == 0 else bytearray([frame % 255 + 1] * 64).ljust(PAGE)
        for frame in range(1, pages)
    }
    return Kdump(memory, codec=codec)


@pytest.fixture
def huge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a dump of some hundred pages be one whose descriptors are too many to follow all."""
    for name, value in {"_FOLLOWED": 100, "_LAST": 8, "_SAMPLES": 16, "_SAMPLE": 8}.items():
        monkeypatch.setattr(kdump_compressed, name, value)


@pytest.mark.usefixtures("huge")
def test_a_quick_look_at_a_huge_dump_follows_its_end_and_samples() -> None:
    data = plain(many().parts())
    says = examine(data, full=False)
    assert says[2] == (
        f"The data of 899 pages ends where it must, at byte {len(data)}, and has no gap at 16 places all "
        "over the dump."
    )
    assert says[3].startswith("32 of 899 pages, all over the dump")
    for cut in (1, 64, 4096, len(data) // 2):
        with pytest.raises(Flaw) as caught:
            examine(data[:-cut], full=False)
        assert caught.value.verdict == "incomplete"


@pytest.mark.usefixtures("huge")
@pytest.mark.parametrize(
    ("index", "value", "sentence"),
    [
        (898, (1, PAGE, 0), "Page descriptor 898 of 899 says 4096 bytes with flags 0x0 at byte 1"),
        (898, (0, 0, 0), "The last 1 of 899 page descriptors are empty"),
        (58, (1, PAGE, 0), "Page descriptor 58 of 899"),
        (
            56,
            (1 << 40, PAGE, 0),
            "The data of the pages from 56 on cannot begin at byte 1099511627776",
        ),
        (112, (DATA, PAGE, 0), "The data of the pages from 112 on cannot begin"),
    ],
)
def test_a_quick_look_at_a_huge_dump_sees_the_descriptors_that_it_reads(
    index: int, value: tuple[int, int, int], sentence: str
) -> None:
    data = changed(TABLE + 24 * index, struct.pack("<QII", *value), plain(many().parts()))
    with pytest.raises(Flaw) as caught:
        examine(data, full=False)
    assert sentence in str(caught.value)


@pytest.mark.usefixtures("huge")
def test_a_huge_dump_can_end_with_pages_of_zeros() -> None:
    memory = {frame: bytearray(PAGE) for frame in range(1, 900)}
    memory[1] = bytearray(noise(PAGE))
    data = plain(Kdump(memory).parts())
    assert f"ends where it must, at byte {len(data)}," in examine(data, full=False)[2]


def test_pages_are_read_in_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kdump_compressed, "_DATA_AT_ONCE", 64 * PAGE)
    seen: list[tuple[int, int]] = []
    data = plain(many("zlib").parts())
    with opened(data) as file:
        dump = KdumpCompressed(file, ORDERS)
        how = How(True, 3, lambda done, total: seen.append((done, total)))
        assert [look() for _name, look in dump.checks(how)][3].startswith("All 899 pages")
    assert seen[-1] == (899, 899)
    with opened(data[:-300] + bytes(200) + data[-100:]) as file:
        dump = KdumpCompressed(file, ORDERS)
        looks = [look for _name, look in dump.checks(How(True, 3))]
        assert [look() for look in looks[:-1]]
        with pytest.raises(Flaw, match="cannot be decompressed"):
            looks[-1]()


def test_a_few_pages_that_are_not_ram_among_others_are_noted() -> None:
    ram = bytearray(bitmap_of(range(MAX_FRAME)))
    ram[MAX_FRAME // 8 - 10] ^= 0x18
    with opened(changed(BITMAP, bytes(ram))) as file:
        dump = KdumpCompressed(file, ORDERS)
        dump.check_bitmaps()
        assert dump.odd_ram == [(MAX_FRAME - 80, MAX_FRAME - 72)]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100, 1000, 4097])
@pytest.mark.parametrize("at_once", [1, 3, 64])
def test_a_sample_is_even_whatever_comes_at_once(count: int, at_once: int) -> None:
    places = [(number, number) for number in range(count)]
    sample = _Sample(16)
    for start in range(0, count, at_once):
        sample.add(places[start : start + at_once])
    assert min(count, 9) <= len(sample.kept) <= 16 or len(sample.kept) == 8
    distances = {after[0] - before[0] for before, after in zip(sample.kept, sample.kept[1:])}
    assert len(distances) <= 1
    assert sample.kept[:1] == places[:1]
