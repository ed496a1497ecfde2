# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decompressors: each that there is for a codec says the same."""

from __future__ import annotations

import io
import typing as t
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import lz4, lzo, snappy
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.codecs import CODECS
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CODECS as BUILDERS,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    PAGE,
    noise,
)

BY_NAME = {codec.name: codec for codec in CODECS.values()}


def made(name: str) -> list[t.Callable[[bytes, int], bytes]]:
    """All decompressors for a codec that this host has; there is at least one."""
    codec = BY_NAME[name]
    found = (codec._replace(makers=(make,)).find() for make in codec.makers)
    result = [decompress for decompress in found if decompress]
    assert result
    return result


PAGES = st.one_of(
    st.integers(1, PAGE - 512).map(lambda size: noise(size).ljust(PAGE, b"\0")),
    st.binary(min_size=1, max_size=600).map(lambda data: data.ljust(PAGE, b"\0")),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), PAGES)
def test_a_page_is_what_it_was(name: str, page: bytes) -> None:
    data = BUILDERS[name][1](page)
    for decompress in made(name):
        assert decompress(data, PAGE) == page


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(BY_NAME)), st.data())
def test_what_is_damaged_is_an_error_or_bounded(name: str, data: st.DataObject) -> None:
    stream = bytearray(BUILDERS[name][1](noise(900).ljust(PAGE, b"\0")))
    for _change in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(stream) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=4))
        stream[place : place + len(piece)] = piece
    cut = data.draw(st.integers(0, len(stream)))
    for decompress in made(name):
        for damaged in (bytes(stream), bytes(stream[:cut])):
            with suppress(ValueError):
                assert len(decompress(damaged, PAGE)) <= PAGE


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_more_than_a_page_is_an_error(name: str) -> None:
    data = BUILDERS[name][1](noise(100).ljust(PAGE, b"\0"))
    for decompress in made(name):
        with pytest.raises(ValueError, match=r"."):
            decompress(data, PAGE - 1)


# Streams by liblzo2 2.10 (lzo1x_1) and libsnappy 1.1.9, of words, which have matches of every kind.
WORDS = b"".join(b"%d bottles of beer on the wall, " % (99 - number % 99) for number in range(400))[
    :PAGE
]
LZO = bytes.fromhex(
    "0014393920626f74746c6573206f662062656572206f6e207468652077616c6c2c20393820626f74397d00373d7d0036"
    "3d7d00353d7d00343d7d00333d7d00323d7d00313d7d00303c7e0038393d7d00383d7c003dfd04383dfd04383dfd0438"
    "3dfd04383dfd04383dfd04383dfd04383dfd04373dfd04373dfd04373dfd04373dfd04373dfd04373dfd04373dfd0437"
    "3dfd04373dfd04373dfd04363dfd04363dfd04363dfd04363dfd04363dfd04363dfd04363dfd04363dfd04363dfd0436"
    "3dfd04353dfd04353dfd04353dfd04353dfd04353dfd04353dfd04353dfd04353dfd04353dfd04353dfd04343dfd0434"
    "3dfd04343dfd04343dfd04343dfd04343dfd04343dfd04343dfd04343dfd04343dfd04333dfd04333dfd04333dfd0433"
    "3dfd04333dfd04333dfd04333dfd04333dfd04333dfd04333dfd04323dfd04323dfd04323dfd04323dfd04323dfd0432"
    "3dfd04323dfd04323dfd04323dfd04323dfd04313dfd04313dfd04313dfd04313dfd04313dfd04313dfd04313dfd0431"
    "3dfd04313dfd04313dfc043df8043df4043df0043dec043de8043de4043de0043edc043c582b200000007e58310a6c6c"
    "2c20373020626f74746c65110000"
)
SNAPPY = bytes.fromhex(
    "802088393920626f74746c6573206f662062656572206f6e207468652077616c6c2c2039382076200000377a40000036"
    "7a200000357a200000347a200000337a200000327a200000317a2000003076200000387a400100387a400100387a4001"
    "00387a400100387a400100387a400100387a400100387a400100387a400100387a400100377a400100377a400100377a"
    "400100377a400100377a400100377a400100377a400100377a400100377a400100377a400100367a400100367a400100"
    "367a400100367a400100367a400100367a400100367a400100367a400100367a400100367a400100357a400100357a40"
    "0100357a400100357a400100357a400100357a400100357a400100357a400100357a400100357a400100347a40010034"
    "7a400100347a400100347a400100347a400100347a400100347a400100347a400100347a400100347a400100337a4001"
    "00337a400100337a400100337a400100337a400100337a400100337a400100337a400100337a400100337a400100327a"
    "400100327a400100327a400100327a400100327a400100327a400100327a400100327a400100327a400100327a400100"
    "317a400100317a400100317a400100317a400100317a400100317a400100317a400100317a400100317a400100317a40"
    "017a3f017a3e017a3d017a3c017a3b017a3a017a39017e380176170bfe570cfe570cfe570cfe570cfe570cfe570cfe57"
    "0cfe570cfe570cfe570cfe570cfe570cfe570cfe570ca2570c"
)
LZ4 = bytes.fromhex(
    "04224d187440bd15020000ff13393920626f74746c6573206f662062656572206f6e207468652077616c6c2c20393820"
    "000c1f3720000c1f3620000c1f3520000c1f3420000c1f3320000c1f3220000c1f3120000c1f3020000b1f3840010c1f"
    "3840010c1f3840010c1f3840010c1f3840010c1f3840010c1f3840010c1f3840010c1f3840010c1f3840010c1f374001"
    "0c1f3740010c1f3740010c1f3740010c1f3740010c1f3740010c1f3740010c1f3740010c1f3740010c1f3740010c1f36"
    "40010c1f3640010c1f3640010c1f3640010c1f3640010c1f3640010c1f3640010c1f3640010c1f3640010c1f3640010c"
    "1f3540010c1f3540010c1f3540010c1f3540010c1f3540010c1f3540010c1f3540010c1f3540010c1f3540010c1f3540"
    "010c1f3440010c1f3440010c1f3440010c1f3440010c1f3440010c1f3440010c1f3440010c1f3440010c1f3440010c1f"
    "3440010c1f3340010c1f3340010c1f3340010c1f3340010c1f3340010c1f3340010c1f3340010c1f3340010c1f334001"
    "0c1f3340010c1f3240010c1f3240010c1f3240010c1f3240010c1f3240010c1f3240010c1f3240010c1f3240010c1f32"
    "40010c1f3240010c1f3140010c1f3140010c1f3140010c1f3140010c1f3140010c1f3140010c1f3140010c1f3140010c"
    "1f3140010c1f3140010c0f3f010c0f3e010c0f3d010c0f3c010c0f3b010c0f3a010c0f39010c0f38010d0fd7090b1f39"
    "18010c0f570cffffff74506f74746c65645307cc000000001851f5c8"
)


def test_streams_of_the_libraries_are_read() -> None:
    assert lzo.decompress(LZO, PAGE) == WORDS
    assert snappy.decompress(SNAPPY, PAGE) == WORDS
    stream = io.BytesIO(LZ4)
    assert b"".join(lz4.frame(stream.read)) == WORDS


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_streams_that_stop_early_are_errors(cut: int) -> None:
    for decompress, stream in ((lzo.decompress, LZO), (snappy.decompress, SNAPPY)):
        with pytest.raises(ValueError, match=r"."):
            decompress(stream[:cut], PAGE)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [(6, "header"), (11, "a block"), (-9, "a block"), (-1, "the content")],
    ids=["header", "a block", "its checksum", "that of the content"],
)
def test_lz4_frames_have_checksums(place: int, sentence: str) -> None:
    data = bytearray(LZ4)
    data[place] ^= 1
    with pytest.raises(ValueError, match=f"the checksum of .*{sentence}"):
        list(lz4.frame(io.BytesIO(bytes(data)).read))


LZO_FLAWS = [
    (b"\x12a\x5c\x00\x11\0\0", "refers to what is not there"),
    (b"\x12a\x11\0\0x", "something follows its end"),
    (b"\x00" * 50, "stops early"),
    (b"\x00" + bytes(50) + b"\x01", "stops early"),
]


@pytest.mark.parametrize(("data", "sentence"), LZO_FLAWS)
def test_what_lzo_cannot_be(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        lzo.decompress(data, PAGE)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xff\xff\xff\xff\x01", "its length is none"),
        (b"\x80\x80\x04", "longer than 4096"),
        (b"\x04\x00a", "has 1 bytes and says 4"),
        (b"\x04\x10a", "a literal is longer"),
        (b"\x04\x01\x05", "refers to what is not there"),
        (b"\x04\xf4\x00", "stops early"),
    ],
)
def test_what_snappy_cannot_be(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        snappy.decompress(data, PAGE)
