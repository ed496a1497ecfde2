# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a guest's devices busy until its kernel dies. Runs in the guest.

NICs are up and receive what comes, NVMe controllers are read from, sound cards play silence from a cyclic buffer.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import socket
import subprocess
import threading
from pathlib import Path

# include/uapi/sound/asound.h
_HW_PARAMS, _SW_PARAMS, _PREPARE, _START = 0xC2604111, 0xC0884113, 0x4140, 0x4142
_RW_INTERLEAVED, _S16_LE, _NO_PERIOD_WAKEUP = 3, 2, 4


class _Interval(ctypes.Structure):
    _fields_ = (("min", ctypes.c_uint), ("max", ctypes.c_uint), ("flags", ctypes.c_uint))


class _HwParams(ctypes.Structure):  # struct snd_pcm_hw_params
    _fields_ = (
        ("flags", ctypes.c_uint),
        ("masks", ctypes.c_uint * 8 * 3),  # access, format, subformat
        ("reserved_masks", ctypes.c_uint * 8 * 5),
        ("intervals", _Interval * 12),
        ("reserved_intervals", _Interval * 9),
        ("more", ctypes.c_uint * 6),
        ("fifo_size", ctypes.c_ulong),
        ("reserved", ctypes.c_ubyte * 64),
    )


class _SwParams(ctypes.Structure):  # struct snd_pcm_sw_params
    _fields_ = (
        ("tstamp_mode", ctypes.c_int),
        ("period_step", ctypes.c_uint),
        ("sleep_min", ctypes.c_uint),
        ("avail_min", ctypes.c_ulong),
        ("xfer_align", ctypes.c_ulong),
        ("start_threshold", ctypes.c_ulong),
        ("stop_threshold", ctypes.c_ulong),
        ("silence_threshold", ctypes.c_ulong),
        ("silence_size", ctypes.c_ulong),
        ("boundary", ctypes.c_ulong),
        ("more", ctypes.c_uint * 2),
        ("reserved", ctypes.c_ubyte * 56),
    )


def play(device: Path) -> int:
    """Start a playback that an underrun does not stop: the card reads the buffer again and again."""
    fd = os.open(device, os.O_RDWR)
    hardware = _HwParams(flags=_NO_PERIOD_WAKEUP)  # no interrupts: nobody refills the buffer
    hardware.masks[0][0], hardware.masks[1][0], hardware.masks[2][0] = (
        1 << _RW_INTERLEAVED,
        1 << _S16_LE,
        1,
    )
    for interval in hardware.intervals:
        interval.max = 0xFFFFFFFF  # anything: the kernel chooses
    fcntl.ioctl(fd, _HW_PARAMS, hardware)
    fcntl.ioctl(
        fd,
        _SW_PARAMS,
        _SwParams(period_step=1, avail_min=1, start_threshold=1, stop_threshold=1 << 62),
    )
    fcntl.ioctl(fd, _PREPARE)
    fcntl.ioctl(fd, _START)
    return fd


def read(disk: Path) -> None:
    """Read the first block of a disk, from the disk, for ever."""
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    block = mmap.mmap(-1, 4096)
    while True:
        os.preadv(fd, [block], 0)


def main() -> None:
    """Start everything; the threads never end."""
    for nic in Path("/sys/class/net").iterdir():
        if (nic / "device").exists():
            subprocess.run(["ip", "link", "set", nic.name, "up"], check=True)
    cards = [play(device) for device in Path("/dev/snd").glob("pcm*p")]
    disks = list(Path("/dev").glob("nvme?n?"))
    for disk in disks * 16:
        threading.Thread(target=read, args=(disk,)).start()
    print(f"{len(cards)} sound cards play, {len(disks)} NVMe disks are read", flush=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    threading.Event().wait()


main()
