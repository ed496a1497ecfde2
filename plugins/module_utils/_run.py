# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How logic that runs no command itself has commands run: the callable that it is passed."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable

    # A command with its arguments -> its exit status, and what it printed: of one that succeeded its standard output,
    # of one that failed its error output as well. A program that the host does not have ends with NOT_FOUND.
    Run = Callable[[list[str]], tuple[int, str]]

# Exit statuses as in sh(1) and env(1), "command not found", and in timeout(1), "the command times out" and "KILL".
NOT_FOUND = 127
TIMED_OUT = frozenset({124, 137})


def limited(command: list[str], seconds: int) -> list[str]:
    """Return a command that is killed when it takes longer.

    With the signal that ends a process that waits for an NFS server too (TASK_KILLABLE). In the foreground timeout
    sends it to the command alone, and lives to return C(TIMED_OUT).
    """
    return ["timeout", "--foreground", "--signal=KILL", str(seconds), *command]


__all__ = ("NOT_FOUND", "TIMED_OUT", "limited")
