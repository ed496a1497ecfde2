# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import read
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import (
    read_image,
    split,
)
from ansible_collections.vmcore.kdump.tests.unit.images import (
    COMPRESSIONS,
    DIRECTORY,
    FILE,
    PROGRAM,
    cpio,
    image,
    unpack_foreign,
)

SOME = [("init", PROGRAM, b"#!/bin/sh\n"), ("etc", DIRECTORY, b""), ("etc/plan", FILE, b"plan")]


def contents(data: bytes) -> dict[str, tuple[int, bytes]]:
    return {
        name: (entry.mode, bytes(entry.data))
        for name, entry in read_image(data, unpack_foreign).items()
    }


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_every_compression_that_mkinitramfs_knows(kind: str) -> None:
    assert contents(image((kind, SOME))) == {name: (mode, data) for name, mode, data in SOME}
    assert [segment.kind for segment in split(image((kind, SOME)), unpack_foreign)] == [kind]


def test_debian_13_has_microcode_then_modules_then_the_rest() -> None:
    early = ("cpio", [("kernel/x86/microcode/GenuineIntel.bin", FILE, b"\0\0\0")])
    modules = ("cpio", [("usr/lib/modules/6.12/kernel/nvme.ko.xz", FILE, b"\xfd7zXZ\0")])
    data = image(early, modules, ("zstd", SOME))
    assert [(each.kind, each.offset) for each in split(data, unpack_foreign)] == [
        ("cpio", 0),
        ("cpio", len(image(early))),
        ("zstd", len(image(early, modules))),
    ]
    assert list(contents(data)) == [early[1][0][0], modules[1][0][0], "init", "etc", "etc/plan"]


def test_something_may_follow_a_compressed_segment() -> None:
    data = image(("gzip", SOME)) + bytes(7) + image(("xz", [("late", FILE, b"1")]))
    assert set(contents(data)) == {"init", "etc", "etc/plan", "late"}


def test_later_segment_replaces_a_file() -> None:
    data = image(("cpio", [("./init", FILE, b"old")]), ("gzip", [("/init", PROGRAM, b"new")]))
    assert contents(data) == {"init": (PROGRAM, b"new")}


def test_several_archives_in_one_segment() -> None:
    data = COMPRESSIONS["gzip"](cpio(SOME) + cpio([("late", FILE, b"")]))
    assert "late" in contents(data)


def linked(name: str, inode: int, content: bytes) -> bytes:
    """Return a file that has two names, as cpio writes it."""
    return (
        b"070701%08X%08X" % (inode, FILE)
        + b"%08X" * 11 % (0, 0, 2, 0, len(content), 8, 1, 0, 0, len(name) + 1, 0)
        + name.encode()
        + bytes(4 - (110 + len(name)) % 4)
        + content
        + bytes(-len(content) % 4)
    )


@pytest.mark.parametrize("order", [(b"", b"same"), (b"same", b"")])
def test_file_with_two_names_has_its_content_at_one_of_them(order: tuple[bytes, bytes]) -> None:
    first, second = order
    data = linked("a", 7, first) + linked("other", 8, b"") + linked("b", 7, second) + cpio([])
    assert contents(data) == {"a": (FILE, b"same"), "other": (FILE, b""), "b": (FILE, b"same")}


INNER = [("init", PROGRAM, b"inner"), ("etc/plan", FILE, b"plan")]


def nested(*files: tuple[str, bytes]) -> bytes:
    return image(
        ("gzip", [("init", PROGRAM, b"loader"), *((name, FILE, data) for name, data in files)])
    )


@pytest.mark.parametrize(
    ("name", "begin", "kind"),
    [
        ("squashfs-root.img", b"hsqs", "squashfs"),
        ("squash-root.img", b"hsqs", "squashfs"),
        ("squash/root.img", b"hsqs", "squashfs"),
        ("erofs-root.img", bytes(1024) + b"\xe2\xe1\xf5\xe0", "erofs"),
    ],
)
def test_nested_image_is_the_system_and_its_loader_stays_visible(
    name: str, begin: bytes, kind: str
) -> None:
    asked: list[tuple[str, bytes]] = []

    def unpack(kind: str, data: bytes) -> bytes:
        asked.append((kind, data))
        return cpio(INNER)

    found = read_image(nested((name, begin)), unpack)
    assert asked == [(kind, begin)]
    assert {path: (entry.layer, bytes(entry.data)) for path, entry in found.items()} == {
        "loader:init": ("", b"loader"),
        f"loader:{name}": ("", begin),
        "init": (name, b"inner"),
        "etc/plan": (name, b"plan"),
    }


def test_loader_takes_erofs_first() -> None:
    data = nested(
        ("squashfs-root.img", b"hsqs"), ("erofs-root.img", bytes(1024) + b"\xe2\xe1\xf5\xe0")
    )
    found = read_image(data, lambda kind, _data: cpio([(kind, FILE, b"")]))
    assert "erofs" in found


def test_file_with_that_name_and_without_a_file_system_is_a_file() -> None:
    assert set(contents(nested(("squashfs-root.img", b"text")))) == {"init", "squashfs-root.img"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (bytes(512), "is empty"),
        (b"MZ\x00\x00", "neither a cpio archive nor a known compression at byte 0"),
        (image(("cpio", SOME))[:100], "no cpio header at byte 0"),
        (image(("cpio", SOME))[:111], "ends within the file at byte 0"),
        (cpio(SOME)[: cpio(SOME).index(b"plan0707")], "ends within the file at byte"),
        (cpio(SOME)[: cpio(SOME).index(b"plan0707") + 4], "no cpio header at byte"),
        (b"070701" + b"x" * 104, "broken cpio header at byte 0"),
        (b"070701" + b"F" * 104, "ends within the file at byte 0"),
        (b"070701" + b"0" * 104, "ends within the file at byte 0"),
        (image(("gzip", SOME))[:-9], "cut off or unpacks to more than"),
        (b"\x1f\x8b" + b"x" * 90, "broken gzip segment at byte 0"),
        (b"BZh9" + b"x" * 90, "broken bzip2 segment at byte 0"),
        (b"\xfd7zXZ\x00" + b"x" * 90, "broken xz segment at byte 0"),
        (image(("cpio", SOME)) + b"junk", "known compression at byte 512"),
    ],
)
def test_what_is_no_initramfs_is_an_error(data: bytes, sentence: str) -> None:
    with pytest.raises(KdumpError, match=sentence):
        read_image(data, unpack_foreign)


def test_what_unpacks_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "LIMIT", 4096)
    bomb = COMPRESSIONS["xz"](bytes(1 << 20))
    with pytest.raises(KdumpError, match="unpacks to more than 4096 bytes"):
        read_image(bomb, unpack_foreign)


# A file with the name of the trailer ends an archive: the format has no way to store it.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0/."), min_size=1, max_size=20
).filter(lambda name: name != "TRAILER!!!")
FILES = st.dictionaries(NAMES, st.tuples(st.sampled_from([FILE, PROGRAM]), st.binary(max_size=40)))
SEGMENTS = st.lists(
    st.tuples(st.sampled_from(["cpio", "gzip", "bzip2", "xz"]), FILES), min_size=1, max_size=4
)


@given(segments=SEGMENTS)
def test_everything_that_was_packed_is_read(
    segments: list[tuple[str, dict[str, tuple[int, bytes]]]],
) -> None:
    data = image(
        *(
            (kind, [(name, mode, content) for name, (mode, content) in files.items()])
            for kind, files in segments
        )
    )
    expected: dict[str, t.Any] = {}
    for _kind, files in segments:
        expected.update(files)
    assert contents(data) == expected


@given(data=st.binary(max_size=400))
def test_noise_is_an_error_or_an_image(data: bytes) -> None:
    for start in (b"", b"070701", b"\x1f\x8b\x08\x00", b"BZh9", b"\xfd7zXZ\x00", b"\x5d\x00\x00"):
        with contextlib.suppress(KdumpError):
            read_image(start + data, lambda _kind, rest: rest)


@given(keep=st.integers(0, 2000), flip=st.integers(0, 2000), value=st.integers(1, 255))
def test_damage_is_an_error_or_an_image(keep: int, flip: int, value: int) -> None:
    data = bytearray(image(("cpio", SOME), ("xz", SOME)))
    data[flip % len(data)] ^= value
    with contextlib.suppress(KdumpError):
        read_image(bytes(data[:keep]), unpack_foreign)
