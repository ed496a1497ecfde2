# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is said while a host is waited for, and how far it is."""

from __future__ import annotations

import contextlib
import threading
import time
import typing as t

from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean_line

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.console import Console

display = Display()

_TALK_SECONDS = 15


class Watch:
    """How far a host is: its console says more than its answers. Two threads look."""

    def __init__(
        self, host: str, console: Console, reached: Callable[[str, dict[str, float]], None]
    ) -> None:
        self._host = host
        self._console = console
        # Called for every new stage with it and with what the console proved so far.
        self._reached = reached
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._talked = 0.0
        self._stage = "armed"
        self._where = "no answer"
        self._dump: int | None = None
        self._found = self._start

    def found(self, where: str, dump_kib: int | None) -> None:
        """Note where the host is and the KiB in its dump directory, as it said itself."""
        with self._lock:
            self._where, self._dump, self._found = where, dump_kib, time.monotonic()

    def look(self) -> float:
        """Read the console and talk now and then; return the seconds since the trigger."""
        with self._lock:
            now = time.monotonic()
            elapsed = now - self._start
            stage = self._console.look(elapsed)
            if stage and stage != self._stage:
                self._reached(stage, self._console.observed)
                self._stage = stage
            # What a host said before a probe that hangs is not where it is.
            if now - self._found >= _TALK_SECONDS:
                self._where, self._dump = "no answer", None
            if elapsed - self._talked >= _TALK_SECONDS:
                self._talked = elapsed
                self._talk(elapsed, stage or self._where)
            return elapsed

    def _talk(self, elapsed: float, stage: str) -> None:
        size = f" | dump directory {self._dump >> 10} MiB" if self._dump is not None else ""
        line = f"[{self._host}] {elapsed:4.0f} s | {stage}{size}"
        last = self._console.last
        display.display(clean_line(f"{line} | {last}" if last else line))


@contextlib.contextmanager
def watching(
    host: str, console: Console, reached: Callable[[str, dict[str, float]], None], *, every: float
) -> Iterator[Watch]:
    """Look at the console all the time: a session to a host that dies in it ends half a minute later."""
    watch = Watch(host, console, reached)
    done = threading.Event()

    def look() -> None:
        while not done.wait(every):
            watch.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


__all__ = ("Watch", "watching")
