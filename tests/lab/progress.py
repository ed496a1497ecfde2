# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long waits talk: stage, time spent, what is awaited."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import messages

_TAIL_BYTES = 8192
_QUIET_INTERVAL = 15.0


def tail(path: Path, count: int = 1) -> list[str]:
    """The last *count* lines of a console log that hold text, without control sequences."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - _TAIL_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [message.text for message in messages(text)][-count:]


class Progress:
    """Says what is awaited: one line that changes on a terminal, a line every 15 s in a log."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.started = time.monotonic()
        self._last = 0.0
        self._say("")

    def _say(self, detail: str) -> None:
        elapsed = time.monotonic() - self.started
        line = f"[{elapsed:4.0f} s] {self.stage}" + (f" | {detail}" if detail else "")
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(f"\r\x1b[K{line[:width]}")
        elif not self._last or elapsed - self._last >= _QUIET_INTERVAL or detail == "done":
            self._last = elapsed or 0.001
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def update(self, detail: str) -> None:
        """Show *detail*, for instance the last console line."""
        self._say(detail)

    def done(self) -> None:
        """The wait is over."""
        self._say("done")
        if sys.stdout.isatty():
            sys.stdout.write("\n")
