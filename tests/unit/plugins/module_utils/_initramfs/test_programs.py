# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import programs
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs


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
