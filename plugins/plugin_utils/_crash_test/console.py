# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The host's console on the controller, followed from the moment the test begins."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.console import ConsoleReader

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import LogReader

# How far back the begin of a test is looked for, and in which pieces is read.
_BACK = 2 << 20
_PIECE = 1 << 20


class Console:
    """A console log, which may be renamed, replaced and truncated while it is read."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        # Kept open: what was printed last before the log was renamed is still to be read there.
        self._log = path.open("rb") if path else None
        if self._log:
            self._log.seek(0, os.SEEK_END)
        self._reader = ConsoleReader(str(path))
        self._heard = 0  # bytes
        self._from_trigger = True
        self.heard_at = 0.0  # seconds since the trigger
        # Seconds since the trigger, for each stage that was seen.
        self.observed: dict[str, float] = {}

    def close(self) -> None:
        """Read no more."""
        if self._log:
            self._log.close()

    @property
    def size(self) -> int | None:
        """How many bytes it has printed, None without a console."""
        return self._heard if self._log else None

    @property
    def stage(self) -> str | None:
        """The last stage that it proves, as far as it was read."""
        return self._reader.stage

    @property
    def last(self) -> str:
        """The last line that it printed."""
        return self._reader.last_line

    def rewind(self, run_id: str, observed: dict[str, float]) -> None:
        """Go back to where a test began that another controller saw: the kernel printed its run id there.

        When the stages were reached is only known as far as the other one noted it.
        """
        self._from_trigger = False
        self.observed = dict(observed)
        if self._log is None:
            return
        with contextlib.suppress(OSError):
            end = self._log.tell()
            begin = max(0, end - _BACK)
            self._log.seek(begin)
            printed = self._log.read(end - begin)
            found = printed.rfind(f"run_id={run_id} ".encode())
            start = printed.rfind(b"\n", 0, found) + 1 if found >= 0 else len(printed)
            self._log.seek(begin + start)

    def of_test(self, run_id: str) -> None:
        """Say which test is watched: the kernel prints its run id."""
        self._reader.run_id = run_id

    def log(self) -> LogReader:
        """What it printed since the test began, for _evidence/classify.py. Nothing is read after that."""
        return self._reader.finish()

    def look(self, elapsed: float) -> str | None:
        """Read what is new; return the last stage that the console proves so far."""
        if self._log and self._path:
            # What it shows is help while waiting and nothing more: it may just be rotated.
            with contextlib.suppress(OSError):
                before = self._heard
                self._follow(self._log, self._path)
                if self._heard > before:
                    self.heard_at = elapsed
        stage = self._reader.stage
        if stage and self._from_trigger:
            self.observed.setdefault(stage, round(elapsed, 1))
        return stage

    def _follow(self, log: t.BinaryIO, path: Path) -> None:
        """Read to the end, there and where the log goes on."""
        self._read(log)
        if os.fstat(log.fileno()).st_size < log.tell():
            # Truncated, as logrotate's copytruncate does.
            log.seek(0)
            self._read(log)
        if not os.path.samestat(path.stat(), os.fstat(log.fileno())):
            self._log = path.open("rb")
            log.close()
            self._read(self._log)

    def _read(self, log: t.BinaryIO) -> None:
        """Read as far as the log goes now; something may print faster than this reads."""
        left = os.fstat(log.fileno()).st_size - log.tell()
        while left > 0:
            piece = log.read(min(left, _PIECE))
            if not piece:
                break
            left -= len(piece)
            self._heard += len(piece)
            self._reader.feed(piece)


@contextlib.contextmanager
def open_console(path: str | None, command: list[str] | None) -> Iterator[Console]:
    """The console of the host: a file, what a command prints, or nothing.

    Raises:
        AnsibleActionFail: it cannot be read. That is known before anything is crashed.
    """
    if path:
        try:
            console = Console(Path(path))
        except OSError as error:
            raise AnsibleActionFail(
                f"The console log {path} cannot be read: {error.strerror}."
            ) from error
        with contextlib.closing(console):
            yield console
    elif command:
        with _printed_by(command) as console:
            yield console
    else:
        yield Console(None)


@contextlib.contextmanager
def _printed_by(command: list[str]) -> Iterator[Console]:
    with tempfile.NamedTemporaryFile(prefix="console-") as log:
        # Made before there is anything in it: whatever the command prints is of this test.
        console = Console(Path(log.name))
        try:
            # What attaches to a console ends when its standard input does.
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        except OSError as error:
            console.close()
            raise AnsibleActionFail(
                f"The console command {command[0]} cannot be run: {error.strerror}."
            ) from error
        try:
            yield console
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            console.close()


__all__ = ("Console", "open_console")
