# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test import dumps
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.dumps import fetch

SIZE = 3 * dumps._PIECE + 12345


class Shell:
    """A host's shell, as Ansible has it: what it prints may have a banner around it."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.dies_at = 0

    def __call__(self, command: str) -> tuple[int, str]:
        self.commands.append(command)
        if self.dies_at and len(self.commands) >= self.dies_at:
            raise ConnectionError
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True, check=False
        )
        return done.returncode, f"Welcome!\n{done.stdout}\n{done.stderr}"

    def pieces(self) -> int:
        return sum("dd if=" in command for command in self.commands)


@pytest.fixture
def shell() -> Shell:
    return Shell()


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "var crash/dump.202611220951"
    path.parent.mkdir()
    path.write_bytes(os.urandom(SIZE))
    return path


def test_a_copy_is_whole_and_for_nobody_else(shell: Shell, dump: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results/dumps/db01.dump"
    os.umask(0o022)
    assert fetch(shell, str(dump), copy)
    assert copy.read_bytes() == dump.read_bytes()
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in copy.parent.iterdir()] == ["db01.dump"]
    # It is there.
    assert not fetch(shell, str(dump), copy)
    assert shell.pieces() == 4


def test_a_copy_that_was_interrupted_goes_on_where_it_was(
    shell: Shell, dump: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "dumps/db01.dump"
    shell.dies_at = 4  # the size and two pieces before
    with pytest.raises(ConnectionError):
        fetch(shell, str(dump), copy)
    assert copy.with_name("db01.dump.part").stat().st_size == 2 * dumps._PIECE
    again = Shell()
    fetch(again, str(dump), copy)
    assert again.pieces() == 2
    assert copy.read_bytes() == dump.read_bytes()


def test_a_copy_that_is_not_the_dump_is_removed(shell: Shell, dump: Path, tmp_path: Path) -> None:
    copy = tmp_path / "dumps/db01.dump"
    copy.parent.mkdir()
    copy.with_name("db01.dump.part").write_bytes(b"of another crash")
    with pytest.raises(KdumpError, match="its checksum differs"):
        fetch(shell, str(dump), copy)
    assert list(copy.parent.iterdir()) == []


def test_a_copy_does_not_follow_links(shell: Shell, dump: Path, tmp_path: Path) -> None:
    copy = tmp_path / "dumps/db01.dump"
    copy.parent.mkdir()
    victim = tmp_path / "authorized_keys"
    victim.write_text("mine")
    copy.with_name("db01.dump.part").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        fetch(shell, str(dump), copy)
    assert victim.read_text() == "mine"


def test_a_controller_without_room_is_told_before_anything_is_copied(
    shell: Shell, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps, "SPARE", 1 << 60)
    with pytest.raises(KdumpError, match="left on the controller, and needs"):
        fetch(shell, str(dump), tmp_path / "dumps/db01.dump")
    assert shell.pieces() == 0


def test_a_dump_that_is_not_there_is_named(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(
        KdumpError, match=r"The dump /no/dump cannot be read on the host: .*No such file"
    ):
        fetch(shell, "/no/dump", tmp_path / "dumps/db01.dump")


def test_a_dump_that_is_shorter_than_it_was_is_not_taken(
    shell: Shell, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dumps.describe(shell, str(dump))
    monkeypatch.setattr(dumps, "describe", lambda _run, _path: whole._replace(size=whole.size + 1))
    with pytest.raises(KdumpError, match="could be read to byte"):
        fetch(shell, str(dump), tmp_path / "dumps/db01.dump")


# In a process of its own, which tells what it took at most: proc(5), VmHWM in KiB. What getrusage(2) says of a process
# counts from before its program was started, and is that of the tests then.
_MEASURED = """
import re, subprocess, sys
from pathlib import Path
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.dumps import fetch
def run(command):
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)
    return done.returncode, done.stdout
fetch(run, sys.argv[1], Path(sys.argv[2]))
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10)
"""


def test_memory_does_not_grow_with_the_dump(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    with dump.open("wb") as file:
        file.truncate(256 << 20)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(dump), str(tmp_path / "dumps/db01.dump")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 200
