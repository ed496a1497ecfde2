# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split dumps."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    LOG,
    MAX_FRAME,
    Kdump,
    Kernel,
    plain,
)

if t.TYPE_CHECKING:
    from pathlib import Path

BORDERS = (0, 0x108, 0x300, MAX_FRAME)
PARTS = [plain(Kdump(split=(start, end)).parts()) for start, end in zip(BORDERS, BORDERS[1:])]


def save(directory: Path, *parts: bytes) -> list[Path]:
    paths = [directory / f"vmcore{number}" for number in range(len(parts))]
    for path, part in zip(paths, parts):
        path.write_bytes(part)
    (directory / "README.txt").write_text("KDUMP")
    return paths


@pytest.mark.parametrize("full", [True, False])
def test_all_parts_are_one_whole_dump(tmp_path: Path, full: bool) -> None:
    paths = save(tmp_path, *PARTS)
    for path in paths:
        result = verify(path, full=full, log=True)
        assert (result["verdict"], result["log"]) == ("complete", LOG)
        assert result["parts"] == [str(one) for one in paths]
        assert result["size"] == sum(map(len, PARTS))
        assert result["pages"]["dumped"] == len(Kernel().memory())
        assert result["format"] == "split kdump-compressed v6 (zlib)"


def test_a_part_can_be_empty(tmp_path: Path) -> None:
    parts = [plain(Kdump(split=pair).parts()) for pair in ((0, MAX_FRAME), (MAX_FRAME, MAX_FRAME))]
    (path, _empty) = save(tmp_path, *parts)
    assert verify(path, full=True)["verdict"] == "complete"


@pytest.mark.parametrize("missing", range(len(PARTS)))
def test_a_part_that_is_missing_makes_it_incomplete(tmp_path: Path, missing: int) -> None:
    paths = save(tmp_path, *PARTS)
    paths.pop(missing).unlink()
    result = verify(paths[0], full=True)
    assert result["verdict"] == "incomplete"
    assert result["why"].startswith("No part has the page frames from 0x")


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_a_part_that_is_cut_makes_it_incomplete(tmp_path: Path, part: int) -> None:
    paths = save(tmp_path, *PARTS)
    paths[part].write_bytes(PARTS[part][:-1])
    result = verify(paths[0])
    assert result["verdict"] == "incomplete"
    assert result["why"].startswith(f"vmcore{part}: It stops too early")


def test_the_same_part_twice_contradicts_itself(tmp_path: Path) -> None:
    (path, *_others) = save(tmp_path, *PARTS, PARTS[1])
    assert "has page frames that another part has as well" in verify(path)["why"]


def test_parts_of_another_crash_are_no_parts(tmp_path: Path) -> None:
    other = plain(Kdump(split=(0x108, 0x300), header={"seconds": 1}).parts())
    (path, *_others) = save(tmp_path, PARTS[0], other, PARTS[2])
    assert verify(path)["why"].startswith("No part has the page frames from 0x108 to 0x300")


def test_the_room_for_descriptors_of_other_parts_is_empty(tmp_path: Path) -> None:
    data = bytearray(PARTS[0])
    pages = sum(frame < BORDERS[1] for frame in Kernel().memory())
    table = data.index(b"\0" * 24, 4 * 4096 + 24 * pages)
    data[table + 1] = 1
    paths = save(tmp_path, bytes(data), *PARTS[1:])
    assert "page descriptors of pages that are not in the part" in verify(paths[0])["why"]


@pytest.mark.parametrize("place", [3 * 4096 - 1, 4096 + 40, 4096 + 200, 300])
def test_all_parts_have_the_same_headers_and_bitmaps(tmp_path: Path, place: int) -> None:
    data = bytearray(PARTS[1])
    data[place] ^= 1
    (path, *_others) = save(tmp_path, PARTS[0], bytes(data), PARTS[2])
    assert verify(path)["verdict"] in {"damaged", "incomplete"}
