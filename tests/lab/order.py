# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the console proves of a crash with the quiesce stage: resets, then the IOMMU, then drivers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lab.errors import LabError

_KERNEL = "Linux version "
_PANIC = "Kernel panic - not syncing"
# After its time stamp:
# pcie_reset: port=0000:00:03.0 result=reset method=reset_subordinate error=none seconds=1.18
_RESET = r"pcie_reset: port=\S+ result=reset "
_JUMP = r"kexec_core: Starting new kernel"
_COPIED = r"DMAR: Translation already enabled - trying to copy translation structures"
_IOMMU = rf"{_COPIED}|DMAR: Intel\(R\) Virtualization Technology|DMAR-IR: (?:Copied|Enabled) "
_DRIVER = r"(?:virtio_blk virtio\d|e1000e \d{4}:|nvme nvme\d)"
_DISK = r"virtio_blk virtio\d"


class Order(NamedTuple):
    """The order of a crash, in seconds by the clock of the kernel that each happened in."""

    ports: tuple[str, ...]  # that were reset
    reset: float  # the last of them, by the first kernel's clock
    jump: float
    iommu: float  # by the second kernel's
    drivers: float

    def __str__(self) -> str:
        return (
            f"{len(self.ports)} ports reset by {self.reset:.1f} s, jump at {self.jump:.1f} s;"
            f" IOMMU at {self.iommu:.1f} s, drivers from {self.drivers:.1f} s"
        )


class _Line(NamedTuple):
    place: int
    time: float
    text: str


def prove(console: str, record: dict[str, Any], disk_port: str) -> Order:
    """The order that the console of one crash shows, *disk_port* being above the disk that took the dump.

    Raises:
        LabError: it shows another one, or not all of it.
    """
    _before, panic, after = console.partition(_PANIC)
    # What the dead kernel said, the first stage, the kernel that dumps, and what was booted afterwards.
    kernels = after.split(_KERNEL)
    if not panic or len(kernels) < 3:
        raise LabError("The console shows no panic that two kernels follow.")
    first, second = kernels[1:3]
    for what, pattern in (("the IOMMU", _IOMMU), ("a driver", _DRIVER)):
        early = _lines(first, pattern)
        if early:
            raise LabError(f"The first stage had {what}: {early[0].text}")
    resets = _lines(first, _RESET)
    ports = tuple(_port(line) for line in resets)
    if disk_port not in ports:
        raise LabError(f"The port of the disk {disk_port} is not among those reset: {ports}.")
    report = record["reset"] or {"stage": None, "ports": []}
    reported = {port["address"] for port in report["ports"] if port["result"] == "reset"}
    if report["stage"] != "quiesce" or reported != set(ports):
        raise LabError(f"The report of {report['stage']} has other ports than the console.")
    jump = _first(first, _JUMP)
    if jump.place < resets[-1].place:
        raise LabError("The first stage jumped before all ports were reset.")
    iommu, drivers, _disk = _first(second, _COPIED), _first(second, _DRIVER), _first(second, _DISK)
    if drivers.place < iommu.place:
        raise LabError("A driver came before the IOMMU.")
    if _lines(second, _RESET):
        raise LabError("The second kernel reset a port, too.")
    return Order(ports, resets[-1].time, jump.time, iommu.time, drivers.time)


def _lines(text: str, pattern: str) -> list[_Line]:
    """The kernel's lines that begin so."""
    lines = re.compile(rf"\[ *(\d+\.\d+)\] ((?:{pattern}).*)")
    return [
        _Line(match.start(), float(match[1]), match[2].rstrip()) for match in lines.finditer(text)
    ]


def _port(line: _Line) -> str:
    return line.text.partition("port=")[2].partition(" ")[0]


def _first(text: str, pattern: str) -> _Line:
    """The first of them, which must be there."""
    found = _lines(text, pattern)
    if not found:
        raise LabError(f"The console lacks a line: {pattern}")
    return found[0]
