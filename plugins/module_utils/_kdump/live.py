# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What only a running host can say, each question with an end."""

from __future__ import annotations

import socket
import threading
import time
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._run import (
    NOT_FOUND,
    TIMED_OUT,
    limited,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable

    from ansible_collections.vmcore.kdump.plugins.module_utils._run import Run


class Live(t.NamedTuple):
    """How a running host is asked. For a captured tree there is none."""

    # A command and how many seconds it may take -> its exit status and what it printed.
    run: Callable[[list[str], int], tuple[int, str]]
    # Host, port, seconds -> why no connection was made, None when one was.
    connect: Callable[[str, int, int], str | None]
    # Waits so many seconds, between two looks at what changes.
    pause: Callable[[float], None] = time.sleep


def live_host(run: Run) -> Live:
    """Return how this host is asked, with the commands going through the module's C(run)."""

    def in_time(command: list[str], seconds: int) -> tuple[int, str]:
        status, output = run(limited(command, seconds))
        return status, output.strip()

    return Live(in_time, connect)


def connect(host: str, port: int, seconds: int) -> str | None:
    """Connect to a server and hang up. Returns why that failed, None when it did not.

    In a thread, because nothing limits how long the resolver looks for a name.
    """
    answer: list[str | None] = []

    def attempt() -> None:
        try:
            socket.create_connection((host, port), seconds).close()
        except OSError as exc:
            answer.append(exc.strerror or str(exc))
        else:
            answer.append(None)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds + 1)
    return answer[0] if answer else f"no answer within {seconds} s"


__all__ = ("NOT_FOUND", "TIMED_OUT", "Live", "connect", "limited", "live_host")
