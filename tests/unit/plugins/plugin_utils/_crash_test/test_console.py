# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.console import (
    Console,
    open_console,
)

PANIC = "[    2.000000] Kernel panic - not syncing: sysrq triggered crash\n"
CAPTURE = "[    0.000000] Command line: elfcorehdr=0x1 reset_devices\n"
LAST = "Out of memory: Killed process 212 (makedumpfile)"
KILLED = f"[   31.000000] {LAST}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with a line of another day."""
    path = tmp_path / "db01.log"
    path.write_text("[    1.0] Kernel panic - not syncing: of yesterday\n")
    return path


def say(path: Path, text: str) -> None:
    with path.open("a") as log:
        log.write(text)


def test_what_was_printed_before_the_test_is_not_of_it(log: Path) -> None:
    with open_console(str(log), None) as console:
        assert console.look(1.0) is None
        say(log, PANIC)
        assert console.look(2.0) == "panicked"
        assert console.observed == {"panicked": 2.0}
        assert console.size == len(PANIC)


def test_a_log_that_was_renamed_goes_on_in_the_new_file(log: Path) -> None:
    with open_console(str(log), None) as console:
        say(log, PANIC)
        console.look(1.0)
        say(log, CAPTURE)
        log.rename(log.with_suffix(".1"))
        console.look(2.0)  # the writer has not made the new file yet
        log.write_text(KILLED)
        assert console.look(3.0) == "capture kernel"
        assert console.last == LAST
        assert console.size == len(PANIC + CAPTURE + KILLED)


def test_a_log_that_was_replaced_is_read_to_its_end_first(log: Path) -> None:
    with open_console(str(log), None) as console:
        say(log, PANIC)
        new = log.with_suffix(".new")
        new.write_text(CAPTURE)
        new.replace(log)
        assert console.look(1.0) == "capture kernel"


def test_a_log_that_was_truncated_is_read_from_its_begin_on(log: Path) -> None:
    with open_console(str(log), None) as console:
        say(log, PANIC)
        console.look(1.0)
        os.truncate(log, 0)
        say(log, KILLED)
        console.look(2.0)
        assert console.last == LAST
        assert console.size == len(PANIC + KILLED)


def test_what_a_console_prints_in_a_loop_is_kept_within_bounds(log: Path) -> None:
    with open_console(str(log), None) as console:
        for _piece in range(3):
            say(log, "[    3.000000] again and again\n" * 40_000)
            console.look(1.0)
        assert console.last == "again and again"


def test_without_a_console_nothing_is_heard() -> None:
    console = Console(None)
    assert console.look(1.0) is None
    assert (console.size, console.stage, console.last) == (None, None, "")
