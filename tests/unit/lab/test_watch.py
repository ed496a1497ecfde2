# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.errors import LabError
from lab.watch import acting


def test_something_is_done_once_when_the_console_says_so(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("panic of an earlier crash\n")
    done: list[str] = []
    happened = threading.Event()

    def act() -> None:
        done.append("reset")
        happened.set()

    with acting(host, [("panic", act)]), host.console.open("a") as console:
        print("all is well", file=console, flush=True)
        print("Kernel panic\nKernel panic", file=console, flush=True)
        assert happened.wait(30)
    assert done == ["reset"]


def test_a_line_that_never_came_is_an_error(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("panic of an earlier crash\n")
    with pytest.raises(LabError, match="never said 'panic'"), acting(host, [("panic", print)]):
        pass


def test_what_could_not_be_done_is_an_error(tmp_path: Path) -> None:
    host: Any = SimpleNamespace(console=tmp_path / "console.log")
    host.console.write_text("")
    tried = threading.Event()

    def act() -> None:
        tried.set()
        raise LabError("QEMU's monitor refused it.")

    def crash() -> None:
        with acting(host, [("panic", act)]):
            host.console.write_text("panic\n")
            assert tried.wait(30)

    with pytest.raises(LabError, match="monitor refused"):
        crash()
