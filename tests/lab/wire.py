# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paced traffic for the NICs of a machine: raw Ethernet frames that never leave this host."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

# To everybody, from nobody, of a type for local experiments (IEEE 802, 88B5h), as short as Ethernet allows.
FRAME = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x01" + b"\x88\xb5" + bytes(46)


class Traffic(threading.Thread):
    """While the context lasts, and no longer than *seconds*, a frame to each every *interval* seconds.

    A receive ring has 256 entries that nobody refills after a panic: what fills it at once looks silent.
    """

    def __init__(self, wires: list[Path], interval: float = 0.4, seconds: float = 1800) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._wires = wires
        self._interval = interval
        self._deadline = time.monotonic() + seconds
        self._end = threading.Event()

    def run(self) -> None:
        """Send until told to end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            while time.monotonic() < self._deadline and not self._end.wait(self._interval):
                for wire in self._wires:
                    # A NIC that takes none at this moment, or a QEMU that is gone.
                    with contextlib.suppress(OSError):
                        sender.sendto(FRAME, str(wire))
                self.sent += 1

    def __enter__(self) -> Traffic:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self.join()
