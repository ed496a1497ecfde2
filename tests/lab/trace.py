# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's trace log: what devices and the IOMMU did, and what the guest printed, on one time line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# 12345@1795351783.278201:vtd_dmar_translate dev 01:00.0 iova 0xffffe000 -> gpa 0x3a000 mask 0xfff
_EVENT = re.compile(r"\d+@(\d+\.\d+):(\w+) (.*)")
_SERIAL = re.compile(r"write addr 0x(\w\w) val 0x(\w\w)")
_DATA, _LINE_CONTROL = 0, 3  # registers of a 16550
_DIVISOR_LATCH = 0x80  # of Line Control: the data register is something else


class Event(NamedTuple):
    """Something that happened in QEMU."""

    time: float  # seconds since the epoch
    name: str
    text: str


def read_events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a trace log; a line that the guest's console printed becomes one event "console".

    What the guest prints byte by byte is there as ``serial_write``, so its lines have the same clock as all
    other events. They are in the order of their last bytes.
    """
    text = bytearray()
    latched = False
    for line in lines:
        match = _EVENT.match(line)
        if not match:
            continue
        event = Event(float(match[1]), match[2], match[3])
        if event.name != "serial_write":
            yield event
            continue
        write = _SERIAL.search(event.text)
        if not write:
            continue
        register, value = int(write[1], 16), int(write[2], 16)
        if register == _LINE_CONTROL:
            latched = bool(value & _DIVISOR_LATCH)
        elif register == _DATA and not latched:
            if value == ord("\n"):
                yield Event(event.time, "console", text.decode("utf-8", "replace").strip("\r"))
                text.clear()
            else:
                text.append(value)
