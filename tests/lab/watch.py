# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Act when the console of a machine says something."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from lab.errors import LabError
from lab.machine import Machine

Act = tuple[str, Callable[[], Any]]  # a regular expression, and what is done once it is seen


@contextmanager
def acting(host: Machine, acts: Sequence[Act]) -> Iterator[None]:
    """Do each of *acts* once, when a line of the console matches it from now on.

    Raises:
        LabError: one was never seen, or could not be done.
    """
    with ExitStack() as stack:
        for line, act in acts:
            watch = _Watch(host, re.compile(line), act)
            watch.start()
            stack.callback(watch.finish)
        yield


class _Watch(threading.Thread):
    """Acts once, when a line of the console matches."""

    def __init__(self, host: Machine, line: re.Pattern[str], act: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._end = threading.Event()
        self._seen = False
        self._error: LabError | None = None
        self._console = host.console
        self._begin = host.console.stat().st_size
        self._line = line
        self._act = act

    def run(self) -> None:
        """Follow the console from where it was."""
        with self._console.open(errors="replace") as console:
            console.seek(self._begin)
            text = ""
            while not self._end.wait(0.01):
                text = (text + console.read())[-4096:]
                if self._line.search(text):
                    self._seen = True
                    try:
                        self._act()
                    except LabError as error:
                        self._error = error
                    return

    def finish(self) -> None:
        """Wait for what was begun, and for nothing else."""
        self._end.set()
        self.join()
        if self._error:
            raise self._error
        if not self._seen:
            raise LabError(f"The console {self._console} never said {self._line.pattern!r}.")
