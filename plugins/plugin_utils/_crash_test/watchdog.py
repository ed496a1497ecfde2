# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A limit for what a connection plugin does, which has none itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import typing as t
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure

if t.TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """Limit what a connection plugin does by ending the programs it started, ssh above all.

    Raises:
        AnsibleConnectionFailure: the time was over.
    """
    before = set(_children())
    bitten, done = threading.Event(), threading.Event()

    def guard() -> None:
        if done.wait(seconds):
            return
        bitten.set()
        # What is ended may be followed by the next program, or not even be there yet.
        while not done.is_set():
            for child in set(_children()) - before:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGTERM)
            done.wait(1)

    thread = threading.Thread(target=guard, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if bitten.is_set():
            raise AnsibleConnectionFailure(f"It did not answer within {seconds:.0f} s.")


def _children() -> list[int]:
    """The processes that this one started and that still run.

    Linux has them in /proc/PID/stat, C(4242 (ssh) S 4200 ...); elsewhere ps(1) is part of the system.
    """
    if Path("/proc/self/stat").exists():
        rows = []
        for process in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                rows.append(
                    (process.parent.name, process.read_text().rpartition(")")[2].split()[1])
                )
    else:
        command = ["ps", "-A", "-o", "pid=", "-o", "ppid="]
        table = subprocess.run(command, capture_output=True, text=True, check=False)
        rows = [(row.split()[0], row.split()[1]) for row in table.stdout.splitlines()]
    return [int(pid) for pid, parent in rows if int(parent) == os.getpid()]


__all__ = ("watchdog",)
