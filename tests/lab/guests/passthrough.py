# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives an Intel 82574L NIC from user space through VFIO, as a virtual machine's host does. Runs in the guest.

Usage: passthrough.py ADDRESS

The IOMMU maps memory of this process for the NIC, and the NIC receives into it. Its ring is as large as it can be:
65,528 frames, which nobody refills. So its DMA goes on for hours after the kernel has died.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

# include/uapi/linux/vfio.h
_SET_IOMMU, _GET_STATUS, _SET_CONTAINER, _GET_DEVICE_FD = 0x3B66, 0x3B67, 0x3B68, 0x3B6A
_GET_REGION_INFO, _MAP_DMA = 0x3B6C, 0x3B71
_TYPE1V2, _READ_WRITE = 3, 3
_BAR0, _CONFIG = 0, 7

# Intel 82574 datasheet, section 10.2
_CTRL, _RCTL, _RFCTL, _RDBAL, _RDBAH, _RDLEN, _RDH, _RDT = (
    0x0000, 0x0100, 0x5008, 0x2800, 0x2804, 0x2808, 0x2810, 0x2818,
)  # fmt: skip
_CTRL_SET_LINK_UP, _CTRL_RESET = 1 << 6, 1 << 26
_RCTL_ENABLE, _RCTL_ALL, _RCTL_BROADCAST, _RCTL_STRIP_CRC = 1 << 1, 3 << 3, 1 << 15, 1 << 26

_RING = 65528
_BUFFERS, _BUFFER = 256, 2048
_IOVA = 0x10000000


class Device:
    """A PCI function that VFIO has given to this process."""

    def __init__(self, address: str) -> None:
        function = Path("/sys/bus/pci/devices") / address
        group_number = (function / "iommu_group").resolve().name
        self._container = os.open("/dev/vfio/vfio", os.O_RDWR)
        self._group = os.open(f"/dev/vfio/{group_number}", os.O_RDWR)
        fcntl.ioctl(self._group, _SET_CONTAINER, struct.pack("i", self._container))
        fcntl.ioctl(self._container, _SET_IOMMU, _TYPE1V2)
        self._fd = fcntl.ioctl(
            self._group, _GET_DEVICE_FD, ctypes.create_string_buffer(address.encode())
        )

    def map(self, memory: mmap.mmap, iova: int) -> None:
        """Let the device read and write *memory* at *iova*."""
        virtual = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        request = struct.pack("IIQQQ", 32, _READ_WRITE, virtual, iova, len(memory))
        fcntl.ioctl(self._container, _MAP_DMA, request)

    def write(self, region: int, register: int, value: int, size: int = 4) -> None:
        """Write a register of a BAR or of configuration space."""
        info = bytearray(struct.pack("IIIIQQ", 32, 0, region, 0, 0, 0))
        fcntl.ioctl(self._fd, _GET_REGION_INFO, info)
        offset = struct.unpack("IIIIQQ", info)[5]
        os.pwrite(self._fd, value.to_bytes(size, "little"), offset + register)


def bind(address: str) -> None:
    """Give a function to vfio-pci."""
    function = Path("/sys/bus/pci/devices") / address
    subprocess.run(["modprobe", "vfio-pci"], check=True)
    (function / "driver_override").write_text("vfio-pci")
    if (function / "driver").exists():
        (function / "driver/unbind").write_text(address)
    Path("/sys/bus/pci/drivers_probe").write_text(address)


def receive(nic: Device) -> mmap.mmap:
    """Set up the receive ring; what comes is written to the memory that is returned."""
    ring_size = _RING * 16
    memory = mmap.mmap(-1, (1 << 20) + _BUFFERS * _BUFFER)
    for index in range(_RING):
        buffer = _IOVA + (1 << 20) + index % _BUFFERS * _BUFFER
        struct.pack_into("<QQ", memory, index * 16, buffer, 0)
    nic.map(memory, _IOVA)
    nic.write(_CONFIG, 0x04, 0x0006, size=2)  # Command: Memory Space, Bus Master
    nic.write(_BAR0, _CTRL, _CTRL_RESET)
    for register, value in (
        (_CTRL, _CTRL_SET_LINK_UP),
        (_RFCTL, 0),  # legacy descriptors
        (_RDBAL, _IOVA),
        (_RDBAH, 0),
        (_RDLEN, ring_size),
        (_RDH, 0),
        (_RDT, _RING - 1),
        (_RCTL, _RCTL_ENABLE | _RCTL_ALL | _RCTL_BROADCAST | _RCTL_STRIP_CRC),
    ):
        nic.write(_BAR0, register, value)
    return memory


def main() -> None:
    """Receive until the kernel dies."""
    bind(sys.argv[1])
    memory = receive(Device(sys.argv[1]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    said = 0
    while not threading.Event().wait(1):
        # Byte 12 of a receive descriptor is its status; bit 0: done.
        done = sum(memory[index * 16 + 12] & 1 for index in range(said, said + 64))
        said += done
        if done:
            print(f"{said} frames", flush=True)


main()
