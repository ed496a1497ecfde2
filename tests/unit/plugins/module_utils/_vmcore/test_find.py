# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are dumps, and what belongs to them."""

from __future__ import annotations

import os
import struct
import typing as t
from contextlib import closing

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import (
    crash_time_of,
    dumps_at,
    find,
    side_files,
    side_reports,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CRASH_TIME,
    Kdump,
    flattened,
    plain,
    vmcoreinfo,
)

if t.TYPE_CHECKING:
    from pathlib import Path

STAMP = "202611220951"


def touch(path: Path, mtime: float = 1000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (mtime, mtime))
    return path


@pytest.mark.parametrize(
    "name",
    [
        f"{STAMP}/dump.{STAMP}",
        f"{STAMP}/dump-incomplete",
        f"{STAMP}/dump.1",
        f"{STAMP}/vmcore.{STAMP}",
        "127.0.0.1-2026-11-22-09:51:13/vmcore",
        "127.0.0.1-2026-11-22-09:51:13/vmcore-incomplete",
        "db01.example.com-2026-11-22-09:51:13/vmcore.flat",
        "kdump-test-1795341073-123456789/vmcore",
        "2026-11-22-09-51/vmcore",
        "2026-11-22-09:51/vmcore",
        "db01-2026-11-22-09-51/vmcore",
        "2026-11-22-09-51/vmcore1",
        f"{STAMP}/vmcore-incomplete",
        f"{STAMP}/dump.{STAMP}.gz",
        f"{STAMP}/dump.{STAMP}.xz",
        f"{STAMP}/dump-incomplete.lz4",
        f"db01-{STAMP}/dump.{STAMP}",
        f"db01.example.com-{STAMP}/vmcore.{STAMP}",
        f"192.0.2.7-{STAMP}/dump.{STAMP}",
    ],
)
def test_these_names_are_dumps(tmp_path: Path, name: str) -> None:
    path = touch(tmp_path / name)
    assert [dump.path for dump in find(tmp_path)] == [path]
    assert [dump.path for dump in find(path.parent)] == [path]


@pytest.mark.parametrize(
    "name",
    [
        f"{STAMP}/dmesg.{STAMP}",
        f"{STAMP}/vmcore-dmesg.txt",
        f"{STAMP}/vmcore",
        f"{STAMP}/vmcore.flat",
        f"{STAMP}/dump.1234",
        "127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg.txt",
        "127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg-incomplete.txt",
        "127.0.0.1-2026-11-22-09:51:13/kexec-dmesg.log",
        f"127.0.0.1-2026-11-22-09:51:13/dump.{STAMP}",
        "2026-11-22-09-51/README.txt",
        "2026-11-22-09-51/dmesg",
        "2026-11-22-09-51/vmcore.flat",
        "2026-11-22/vmcore",
        "vmcore",
        f"{STAMP}/vmcore-dmesg-incomplete.txt",
        f"{STAMP}/dump.202611220952",
        f"{STAMP}/dump.{STAMP}.txt",
        f"{STAMP}/dump.{STAMP}.gz.1",
        f"{STAMP}/vmcore.{STAMP}.gz",
        f"{STAMP}/dump",
        f"{STAMP}/capture-dmesg.txt",
        f"{STAMP}/pcie-reset.json",
        f"{STAMP}/deeper/dump.{STAMP}",
        f"{STAMP}x/dump.{STAMP}",
        f"2026112209/dump.{STAMP}",
        f"other/dump.{STAMP}",
        f"dump.{STAMP}",
        "dump-incomplete",
        "kexec_cmd",
        "kdump_lock",
        "python3.crash",
    ],
)
def test_all_others_are_not(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert find(tmp_path) == []


def test_a_directory_with_the_name_of_a_dump_is_none(tmp_path: Path) -> None:
    (tmp_path / STAMP / f"dump.{STAMP}").mkdir(parents=True)
    assert find(tmp_path) == []


def test_the_newest_dump_is_last(tmp_path: Path) -> None:
    # A clock that is set back gives the newer dump the lower name.
    newer = touch(tmp_path / f"202601010000/{'dump.202601010000'}", 3000.0)
    older = touch(tmp_path / STAMP / f"dump.{STAMP}", 2000.0)
    cut = touch(tmp_path / STAMP / "dump-incomplete", 1000.0)
    assert [dump.path for dump in find(tmp_path)] == [cut, older, newer]


def save(path: Path, crashed: int, mtime: float) -> Path:
    touch(path)
    path.write_bytes(plain(Kdump(info=vmcoreinfo(CRASHTIME=str(crashed))).parts()))
    os.utime(path, (mtime, mtime))
    return path


def test_the_time_of_the_crash_says_which_is_the_newest_and_not_the_file(tmp_path: Path) -> None:
    restored = save(tmp_path / "restored/vmcore", CRASH_TIME - 90_000, CRASH_TIME + 5000.0)
    # The capture kernel had no clock.
    newest = save(tmp_path / "197001010000/dump.197001010000", CRASH_TIME, 12.0)
    assert [dump.path for dump in find(tmp_path)] == [restored, newest]
    assert dumps_at(tmp_path, CRASH_TIME - 60.0) == [restored, newest]


def test_the_headers_of_a_flattened_dump_are_read_and_not_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "vmcore.flat"
    path.write_bytes(flattened(Kdump().parts()))
    # Far behind the headers: a record of 1 GiB, which is a hole.
    with path.open("r+b") as stream:
        stream.seek(-16, os.SEEK_END)
        stream.write(struct.pack(">qq", 1 << 40, 1 << 30))
        stream.seek(1 << 30, os.SEEK_CUR)
        stream.write(struct.pack(">qq", -1, -1))
    with closing(Files(tmp_path)) as files:
        storage = files.peek(path)
    assert storage is not None
    assert storage.size < 1 << 30
    assert crash_time_of(path) == CRASH_TIME


def test_since_compares_with_the_newer_of_file_and_directory(tmp_path: Path) -> None:
    path = touch(tmp_path / STAMP / f"dump.{STAMP}", 1000.0)
    os.utime(path.parent, (2000.0, 2000.0))
    assert find(tmp_path)[0].changed == 2000.0
    assert dumps_at(tmp_path, 2000.0) == [path]
    assert dumps_at(tmp_path, 2000.5) == []
    os.utime(path, (3000.0, 3000.0))
    assert dumps_at(tmp_path, 2000.5) == [path]


def test_one_file_is_itself_whatever_its_name_and_time(tmp_path: Path) -> None:
    path = touch(tmp_path / "vmcore.flat")
    assert dumps_at(path, 5000.0) == [path]


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    for look in (dumps_at, find):
        with pytest.raises(KdumpError, match=r"nowhere cannot be .*: No such file or directory\."):
            look(tmp_path / "nowhere")


def test_side_files_are_found_by_name(tmp_path: Path) -> None:
    dump = touch(tmp_path / STAMP / f"dump.{STAMP}")
    assert set(side_files(dump).values()) == {None}
    for name in (f"dmesg.{STAMP}", "pcie-reset.json", "capture.json", "capture-dmesg.txt"):
        touch(dump.parent / name)
    expected = {
        "dmesg": str(dump.parent / f"dmesg.{STAMP}"),
        "pcie_reset": str(dump.parent / "pcie-reset.json"),
        "capture": str(dump.parent / "capture.json"),
        "capture_dmesg": str(dump.parent / "capture-dmesg.txt"),
        "kexec_dmesg": None,
        "readme": None,
        "creation_status": None,
    }
    assert side_files(dump) == expected
    assert side_files(dump.parent / f"vmcore.{STAMP}") == expected
    assert side_files(dump.parent / "dump-incomplete") == expected


def test_a_copied_dump_finds_the_dmesg_of_its_own_stamp(tmp_path: Path) -> None:
    dump = touch(tmp_path / f"dump.{STAMP}.gz")
    touch(tmp_path / "dmesg.202601010000")
    assert side_files(dump)["dmesg"] is None
    dmesg = touch(tmp_path / f"dmesg.{STAMP}")
    assert side_files(dump)["dmesg"] == str(dmesg)
    assert side_files(tmp_path / "vmcore.flat")["dmesg"] is None


def test_the_parts_of_a_split_dump_are_one_dump(tmp_path: Path) -> None:
    directory = tmp_path / "2026-11-22-09-51"
    parts = [touch(directory / f"vmcore{number}", 1000.0 + number) for number in (1, 2, 3)]
    os.utime(directory, (1000.0, 1000.0))
    (dump,) = find(tmp_path)
    assert (dump.path, dump.changed) == (parts[0], 1003.0)


@pytest.mark.parametrize(
    ("directory", "dump", "dmesg"),
    [
        ("127.0.0.1-2026-11-22-09:51:13", "vmcore", "vmcore-dmesg.txt"),
        ("127.0.0.1-2026-11-22-09:51:13", "vmcore-incomplete", "vmcore-dmesg-incomplete.txt"),
        ("2026-11-22-09-51", "vmcore", "dmesg"),
        (STAMP, "dump-incomplete", f"dmesg.{STAMP}"),
    ],
)
def test_each_family_has_its_own_name_for_the_dmesg(
    tmp_path: Path, directory: str, dump: str, dmesg: str
) -> None:
    path = touch(tmp_path / directory / dump)
    log = touch(tmp_path / directory / dmesg)
    for name in ("kexec-dmesg.log", "README.txt"):
        touch(tmp_path / directory / name)
    files = side_files(path)
    assert files["dmesg"] == str(log)
    assert files["kexec_dmesg"] == str(path.parent / "kexec-dmesg.log")
    assert files["readme"] == str(path.parent / "README.txt")


def test_report_of_any_size_or_depth_is_not_kept(tmp_path: Path) -> None:
    """A sparse file of 8 GiB takes nothing on the disk, and all of the memory when it is read whole."""
    large, deep = tmp_path / "pcie-reset.json", tmp_path / "capture.json"
    with large.open("wb") as file:
        file.write(b'{"version": 1}')
        file.truncate(8 << 30)
    deep.write_text("[" * 100_000)
    found = side_reports({"pcie_reset": str(large), "capture": str(deep)})
    assert found == {"pcie_reset": None, "capture": None}
