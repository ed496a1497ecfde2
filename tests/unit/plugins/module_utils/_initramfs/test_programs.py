# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import programs
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import entries


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("zstd", "zstd -dqf {0}/packed.zstd -o {0}/unpacked"),
        ("lz4", "lz4 -dqf {0}/packed.lz4 {0}/unpacked"),
        ("lzo", "lzop -dqf {0}/packed.lzo -o {0}/unpacked"),
    ],
)
def test_runs_the_program_of_the_compression(tmp_path: Path, kind: str, command: str) -> None:
    commands: list[list[str]] = []

    def run(argv: list[str]) -> tuple[int, str]:
        commands.append(argv)
        packed = (tmp_path / f"packed.{kind}").read_bytes()
        (tmp_path / "unpacked").write_bytes(packed.upper())
        return 0, ""

    assert with_programs(run, tmp_path)(kind, b"data") == b"DATA"
    assert commands == [command.format(tmp_path).split()]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("squashfs", "unsquashfs -no-progress -no-xattrs -dest {0}/unpacked {0}/packed.squashfs"),
        ("erofs", "fsck.erofs --extract={0}/unpacked {0}/packed.erofs"),
    ],
)
def test_file_system_becomes_an_archive(tmp_path: Path, kind: str, command: str) -> None:
    commands: list[list[str]] = []

    def run(argv: list[str]) -> tuple[int, str]:
        commands.append(argv)
        root = tmp_path / "unpacked"
        (root / "usr/lib").mkdir(parents=True)
        (root / "usr/lib").chmod(0o755)
        (root / "usr").chmod(0o755)
        (root / "usr/lib/x.sh").write_bytes(b"#!/bin/sh\n")
        (root / "usr/lib/x.sh").chmod(0o755)
        (root / "lib").symlink_to("usr/lib")
        (root / "away").symlink_to("/etc")
        return 0, ""

    archive = with_programs(run, tmp_path)(kind, b"data")
    assert commands == [command.format(tmp_path).split()]
    assert {
        entry.name: (entry.mode, bytes(entry.data)) for entry in entries(memoryview(archive))
    } == {
        "away": (stat.S_IFLNK | 0o777, b"/etc"),
        "lib": (stat.S_IFLNK | 0o777, b"usr/lib"),
        "usr": (stat.S_IFDIR | 0o755, b""),
        "usr/lib": (stat.S_IFDIR | 0o755, b""),
        "usr/lib/x.sh": (stat.S_IFREG | 0o755, b"#!/bin/sh\n"),
    }
    assert list(tmp_path.iterdir()) == []


def test_file_system_that_unpacks_to_too_much_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "LIMIT", 3)

    def run(_argv: t.Any) -> tuple[int, str]:
        (tmp_path / "unpacked").mkdir()
        (tmp_path / "unpacked/file").write_bytes(b"1234")
        return 0, ""

    with pytest.raises(KdumpError, match="more than 3 bytes"):
        with_programs(run, tmp_path)("erofs", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "cure"),
    [
        ("zstd", "no zstd to unpack that: install zstd."),
        ("lzo", "no lzop to unpack that: install lzop."),
        ("squashfs", "no unsquashfs to unpack that: install squashfs-tools (squashfs on SUSE)."),
        ("erofs", "no fsck.erofs to unpack that: install erofs-utils."),
    ],
)
def test_program_that_is_missing_is_named_with_its_package(
    tmp_path: Path, kind: str, cure: str
) -> None:
    decompress = with_programs(lambda _argv: (127, "No such file or directory"), tmp_path)
    with pytest.raises(KdumpError) as error:
        decompress(kind, b"data")
    assert str(error.value) == f"The initramfs holds {kind}, and the host has {cure}"
    assert list(tmp_path.iterdir()) == []


def test_program_that_fails_is_an_error(tmp_path: Path) -> None:
    decompress = with_programs(lambda _argv: (1, "zstd: corrupted block\n"), tmp_path)
    with pytest.raises(KdumpError, match="'zstd' returned 1: zstd: corrupted block"):
        decompress("zstd", b"data")
    assert list(tmp_path.iterdir()) == []


def test_what_unpacks_to_too_much_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "LIMIT", 3)

    def run(_argv: t.Any) -> tuple[int, str]:
        (tmp_path / "unpacked").write_bytes(b"1234")
        return 0, ""

    with pytest.raises(KdumpError, match="more than 3 bytes"):
        with_programs(run, tmp_path)("zstd", b"data")
