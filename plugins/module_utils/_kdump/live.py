# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What only a running host can say, each question with an end."""

from __future__ import annotations

import socket
import threading
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable

# timeout(1): the command took longer.
TIMED_OUT = frozenset({124, 137})
# run_command() and env(1): there is no such program.
NOT_FOUND = 127


class Live(t.NamedTuple):
    """How a running host is asked. For a captured tree there is none."""

    # A command and how many seconds it may take -> its exit status and what it printed.
    run: Callable[[list[str], int], tuple[int, str]]
    # Host, port, seconds -> why no connection was made, None when one was.
    connect: Callable[[str, int, int], str | None]


def live_host(run_command: Callable[..., tuple[int, str, str]]) -> Live:
    """Return how this host is asked, with the commands going through the module's C(run_command)."""

    def run(command: list[str], seconds: int) -> tuple[int, str]:
        try:
            status, output, errors = run_command(
                limited(command, seconds),
                environ_update={"LC_ALL": "C.UTF-8"},
                handle_exceptions=False,
            )
        except OSError as exc:
            return NOT_FOUND, str(exc)
        return status, f"{output}\n{errors}".strip()

    return Live(run, connect)


def limited(command: list[str], seconds: int) -> list[str]:
    """Return a command that is killed when it takes longer.

    With the signal that ends a process that waits for an NFS server too (TASK_KILLABLE). In the foreground timeout
    sends it to the command alone, and lives to return C(TIMED_OUT).
    """
    return ["timeout", "--foreground", "--signal=KILL", str(seconds), *command]


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
