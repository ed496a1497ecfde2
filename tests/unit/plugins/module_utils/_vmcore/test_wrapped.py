# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that are compressed as a whole."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tempfile
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import wrapped
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.xxhash import xxh32
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    LOG,
    Kdump,
    flattened,
    plain,
)

if t.TYPE_CHECKING:
    from pathlib import Path

STREAM = flattened(Kdump().parts())


def lz4(data: bytes) -> bytes:
    """A frame with blocks as they are."""
    blocks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    body = b"".join(struct.pack("<I", 1 << 31 | len(block)) + block for block in blocks)
    return b"\x04\x22\x4d\x18\x60\x40\x82" + body + bytes(4)


def zstd(data: bytes) -> bytes:
    """A frame with blocks as they are (RFC 8878)."""
    blocks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    body = b"".join(
        ((block is blocks[-1]) | len(block) << 3).to_bytes(3, "little") + block for block in blocks
    )
    return b"\x28\xb5\x2f\xfd\x00\x38" + body


PACKERS: dict[str, t.Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "lz4": lz4,
}


def look(path: Path, data: bytes) -> dict[str, t.Any]:
    path.write_bytes(data)
    result = verify(path, full=True, log=True)
    assert list(path.parent.iterdir()) == [path]
    return result


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("data", [STREAM, plain(Kdump().parts())], ids=["flattened", "plain"])
def test_what_is_inside_is_verified(tmp_path: Path, name: str, data: bytes) -> None:
    result = look(tmp_path / "dump", PACKERS[name](data))
    assert (result["verdict"], result["log"]) == ("complete", LOG)
    assert result["format"].startswith(f"{name} of ")
    assert result["checks"][0]["detail"].endswith(f"is whole and has {len(data)} bytes.")


@pytest.mark.parametrize("name", PACKERS)
def test_a_stream_can_be_several(tmp_path: Path, name: str) -> None:
    half = len(STREAM) // 2
    packed = PACKERS[name](STREAM[:half]) + PACKERS[name](STREAM[half:])
    assert look(tmp_path / "dump", packed)["verdict"] == "complete"


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("cut", [1, 5, 1000, 5000])
def test_a_stream_that_is_cut_is_incomplete(tmp_path: Path, name: str, cut: int) -> None:
    packed = PACKERS[name](STREAM)
    result = look(tmp_path / "dump", packed[: max(len(packed) - cut, 20)])
    assert (result["verdict"], result["checks"][0]["status"]) == ("incomplete", "failed")
    assert result["why"] == f"It stops too early: the {name} stream has no end."


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("behind", [b"garbage, garbage", b"?"], ids=len)
def test_what_another_program_wrote_behind_a_whole_stream_is_no_damage(
    tmp_path: Path, name: str, behind: bytes
) -> None:
    result = look(tmp_path / "dump", PACKERS[name](STREAM) + behind)
    assert result["verdict"] == "unsupported"
    assert f"The {name} stream is whole, but something else is behind it" in result["why"]


@pytest.mark.parametrize("name", PACKERS)
def test_zeros_behind_a_stream_are_padding(tmp_path: Path, name: str) -> None:
    assert look(tmp_path / "dump", PACKERS[name](STREAM) + bytes(5000))["verdict"] == "complete"


@pytest.mark.parametrize("name", PACKERS)
def test_a_second_stream_that_is_cut_in_its_first_bytes_is_incomplete(
    tmp_path: Path, name: str
) -> None:
    half = len(STREAM) // 2
    packed = PACKERS[name](STREAM[:half]) + PACKERS[name](STREAM[half:])[:2]
    result = look(tmp_path / "dump", packed)
    assert result["verdict"] == "incomplete"
    assert result["why"] == f"It stops too early: the {name} stream has no end."


def skippable(data: bytes) -> bytes:
    """A frame for others than the decompressor (RFC 8878, 3.1.2)."""
    return struct.pack("<II", 0x184D2A50, len(data)) + data


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_frames_for_others_are_passed_over(tmp_path: Path, name: str) -> None:
    half = len(STREAM) // 2
    # As pzstd writes them: the size of each frame in front of the frame.
    frames = [PACKERS[name](STREAM[:half]), PACKERS[name](STREAM[half:])]
    packed = b"".join(skippable(struct.pack("<I", len(frame))) + frame for frame in frames)
    result = look(tmp_path / "dump", packed + skippable(b"index"))
    assert (result["verdict"], result["log"]) == ("complete", LOG)
    cut = look(tmp_path / "dump", packed + skippable(b"index")[:-1])
    assert cut["verdict"] == "incomplete"


def test_a_stream_that_needs_a_dictionary_is_no_damage(tmp_path: Path) -> None:
    # FLG with the dictionary's bit, BD, its id, and the checksum of these.
    descriptor = b"\x61\x40" + struct.pack("<I", 7)
    head = b"\x04\x22\x4d\x18" + descriptor + bytes((xxh32(descriptor) >> 8 & 0xFF,))
    result = look(tmp_path / "dump", head + lz4(STREAM)[7:])
    assert result["verdict"] == "unsupported"
    # A frame's dictionary is named behind its descriptor (RFC 8878, 3.1.1.1).
    result = look(tmp_path / "dump", b"\x28\xb5\x2f\xfd\x01\x38\x07" + zstd(STREAM)[6:])
    assert result["verdict"] == "unsupported"
    assert result["why"] == (
        "The zstd stream was compressed with a dictionary, which is not in it."
    )


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_a_stream_that_is_damaged_says_so(tmp_path: Path, name: str) -> None:
    packed = bytearray(PACKERS[name](STREAM))
    packed[len(packed) // 2] ^= 0xFF
    result = look(tmp_path / "dump", bytes(packed))
    assert result["verdict"] == "damaged"
    assert result["why"].startswith(f"The {name} stream is damaged: ")


def test_a_stream_that_ends_whole_around_a_cut_dump_is_incomplete(tmp_path: Path) -> None:
    # kdump-tools pipes: gzip ends well when makedumpfile is killed.
    result = look(tmp_path / "dump.gz", gzip.compress(STREAM[:-5000]))
    assert result["verdict"] == "incomplete"
    assert [check["status"] for check in result["checks"][:2]] == ["ok", "failed"]


def test_without_room_to_unpack_it_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrapped, "_LEFT_FREE", 1 << 62)
    result = look(tmp_path / "dump.gz", gzip.compress(STREAM))
    assert result["verdict"] == "unsupported"
    assert "There is not enough space in" in result["why"]


def test_without_anything_that_can_unpack_it_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> t.NoReturn:
        raise OSError("libzstd.so.1: cannot open shared object file")

    monkeypatch.setitem(wrapped._DECOMPRESSORS, "zstd", missing)
    result = look(tmp_path / "dump.zst", zstd(STREAM))
    assert result["verdict"] == "unsupported"
    assert result["why"] == "This host has nothing that can unpack zstd."


def test_a_directory_that_cannot_be_written_leaves_it_unverified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_options: object) -> t.NoReturn:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    result = look(tmp_path / "dump.gz", gzip.compress(STREAM))
    assert result["verdict"] == "unsupported"
    assert result["why"].endswith("cannot be written: Read-only file system.")
