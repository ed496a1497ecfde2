# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's trace log: what devices and the IOMMU did, and what the guest printed, on one time line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

# 12345@1795351783.278201:vtd_dmar_translate dev 01:00.0 iova 0xffffe000 -> gpa 0x3a000 mask 0xfff
# 2026-11-28T20:43:58.171273Z amdvi_translation_result devid: 05:00.0 gpa 0xffc00eb0 hpa 0x2a00000, in QEMU 11
_EVENT = re.compile(r"(?:\d+@(?P<seconds>\d+\.\d+):|(?P<date>\S+Z) )(?P<name>\w+) (?P<text>.*)")
# The event that has what the guest's console prints, by the system that QEMU emulates: a 16550's or a PL011's.
SERIAL = {"x86_64": "serial_write", "aarch64": "pl011_write"}
# "write addr 0x00 val 0x41" of QEMU 7.2 is "[0x00] <- 0x41" in QEMU 11; "addr 0x000 value 0x00000041 reg DR"
_WRITE = re.compile(r"0x(\w+)\D+0x(\w+)")
_DATA, _LINE_CONTROL = 0, 3  # registers of a 16550
_DIVISOR_LATCH = 0x80  # of Line Control: the data register is something else


class Event(NamedTuple):
    """Something that happened in QEMU."""

    time: float  # seconds since the epoch
    name: str
    text: str


def _time(match: re.Match[str]) -> float:
    if match["seconds"]:
        return float(match["seconds"])
    return datetime.fromisoformat(match["date"]).timestamp()


def read_events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a trace log; a line that the guest's console printed becomes one event "console".

    What the guest prints byte by byte is there as one of the events SERIAL, so its lines have the same clock as all
    other events. They are in the order of their last bytes.
    """
    text = bytearray()
    latched = False
    for line in lines:
        match = _EVENT.match(line)
        if not match:
            continue
        event = Event(_time(match), match["name"], match["text"])
        if event.name not in SERIAL.values():
            yield event
            continue
        write = _WRITE.search(event.text)
        if not write:
            continue
        register, value = int(write[1], 16), int(write[2], 16)
        if register == _LINE_CONTROL and event.name == SERIAL["x86_64"]:
            latched = bool(value & _DIVISOR_LATCH)
        elif register == _DATA and not latched:
            if value == ord("\n"):
                yield Event(event.time, "console", text.decode("utf-8", "replace").strip("\r"))
                text.clear()
            else:
                text.append(value)
