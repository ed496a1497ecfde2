# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the kernel's log as soon as a crash test has written its run id there. Runs in the guest.

Documentation/ABI/testing/dev-kmsg: each read of /dev/kmsg returns one record, EPIPE if it was overwritten meanwhile.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

_RECORD = 8192
_MARK = b"crash test run_id="
# A record is cut at 1024 bytes; this is twice the buffer of Debian's kernels (CONFIG_LOG_BUF_SHIFT=17).
_TEXT = "x" * 900
_RECORDS = 300


def wait_for_the_run_id(log: int) -> None:
    """Read what is written from now on."""
    while True:
        try:
            if _MARK in os.read(log, _RECORD):
                return
        except BrokenPipeError:
            continue


def main() -> None:
    """Wait, and write."""
    # Without a limit of how much comes from /dev/kmsg, and without the console, which is slow. The kernel takes the
    # word with a line feed only (printk.c, devkmsg_sysctl_set_loglvl()).
    Path("/proc/sys/kernel/printk_devkmsg").write_text("on\n", "ascii")
    Path("/proc/sys/kernel/printk").write_text("1", "ascii")
    log = os.open("/dev/kmsg", os.O_RDWR)
    os.lseek(log, 0, os.SEEK_END)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    wait_for_the_run_id(log)
    for number in range(_RECORDS):
        os.write(log, f"<6>storm {number}: {_TEXT}\n".encode())


main()
