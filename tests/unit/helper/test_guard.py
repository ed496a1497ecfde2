# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a helper that does not end from costing the dump."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS


class Guarded:
    """A capture kernel whose sleep notes for how long, and ends at once if it is to."""

    def __init__(self, root: Path, shell: list[str]) -> None:
        self.root = root
        self.shell = shell
        (root / "cmdline").write_text("ro quiet\n")
        self.kmsg = root / "kmsg"
        self.kmsg.touch()
        self.tools = root / "lib/bin"
        self.tools.mkdir(parents=True)
        for name in ("guard", "lib.sh"):
            (root / "lib" / name).symlink_to(SCRIPTS / name)
        self.sleep("exec /usr/bin/sleep 60")

    def sleep(self, text: str) -> None:
        script = self.tools / "sleep"
        script.write_text(f'#!/bin/sh\necho "$1" >> {self.root}/slept\n{text}\n')
        script.chmod(0o755)

    def command(self, text: str) -> str:
        path = self.root / "command"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    def wait_for_end(self) -> None:
        """Of the process that noted its number."""
        number = (self.root / "pid").read_text().strip()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while "zombie" not in Path("/proc", number, "status").read_text():
                time.sleep(0.01)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.shell, str(self.root / "lib/guard"), *command],
            env={"PATH": str(self.tools), "PROC": str(self.root), "KMSG": str(self.kmsg)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def guarded(tmp_path: Path, shell: list[str]) -> Guarded:
    return Guarded(tmp_path, shell)


def test_command_is_run_with_its_arguments(guarded: Guarded) -> None:
    command = guarded.command(f'echo "$# $*" > {guarded.root}/said')
    assert guarded.run(command, "plan", "a b").returncode == 0
    assert (guarded.root / "said").read_text() == "2 plan a b\n"
    assert guarded.kmsg.read_text() == ""


@pytest.mark.parametrize(("text", "status"), [("exit 1", 1), ("kill -9 $$", 137)])
def test_command_that_fails_is_no_failure_and_is_logged(
    guarded: Guarded, text: str, status: int
) -> None:
    command = guarded.command(text)
    assert guarded.run(command).returncode == 0
    assert guarded.kmsg.read_text() == f"pcie_reset: exited command={command} status={status}\n"


@pytest.mark.parametrize("text", [None, "if then ((", "exit 7"])
def test_library_that_is_damaged_is_no_failure(guarded: Guarded, text: str | None) -> None:
    library = guarded.root / "lib/lib.sh"
    library.unlink()
    if text is not None:
        library.write_text(text)
    assert guarded.run(guarded.command("exit 1")).returncode == 0


def test_command_that_is_not_there_is_no_failure(guarded: Guarded) -> None:
    assert guarded.run(str(guarded.root / "nothing")).returncode == 0


@pytest.mark.parametrize(
    ("word", "seconds"),
    [
        ("", 20),
        ("pcie_reset.deadline=3", 8),
        ("pcie_reset.deadline=999", 1004),
        ("pcie_reset.deadline=0", 20),
        ("pcie_reset.deadline=x", 20),
    ],
)
def test_command_that_does_not_end_is_killed_five_seconds_after_the_deadline(
    guarded: Guarded, word: str, seconds: int
) -> None:
    (guarded.root / "cmdline").write_text(f"ro {word} quiet\n")
    guarded.sleep("exec /usr/bin/sleep 0.3")
    command = guarded.command(f"echo $$ > {guarded.root}/pid; exec /usr/bin/sleep 1000")
    assert guarded.run(command).returncode == 0
    assert guarded.kmsg.read_text() == f"pcie_reset: abandoned command={command} after={seconds}\n"
    assert (guarded.root / "slept").read_text() == f"{seconds}\n"  # once: nothing polls
    guarded.wait_for_end()


def test_command_that_ends_ends_the_timer_too(guarded: Guarded) -> None:
    guarded.sleep(f"echo $$ > {guarded.root}/pid; exec /usr/bin/sleep 1000")
    command = guarded.command(
        f"until [ -s {guarded.root}/pid ]; do /usr/bin/sleep 0.01; done; echo > {guarded.root}/said"
    )
    guarded.run(command)
    assert (guarded.root / "said").exists()
    assert guarded.kmsg.read_text() == ""
    guarded.wait_for_end()


def test_command_is_waited_for_even_if_there_is_no_sleep(guarded: Guarded) -> None:
    (guarded.tools / "sleep").unlink()
    command = guarded.command(f"/usr/bin/sleep 0.3; echo > {guarded.root}/said")
    guarded.run(command)
    assert (guarded.root / "said").exists()
    assert guarded.kmsg.read_text() == ""
