# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Physical slots of a host: what the kernel calls them, and what firmware does (SMBIOS)."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import bus_of
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    names,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator
    from pathlib import Path

_SLOTS = "sys/bus/pci/slots"
_DMI = "sys/firmware/dmi/entries"
# SMBIOS 7.10 System Slots (Type 9), offsets: up to 2.5 the structure ends before the segment.
_SYSTEM_SLOT = 9
_DESIGNATION = 0x04
_SEGMENT = 0x0D
_BUS = 0x0F
_DEVICE_FUNCTION = 0x10
_LENGTH = 0x11
# A structure is a few dozen bytes long.
_LIMIT = 4096


class Slots:
    """The slots that hot-plug drivers and firmware named, by where they are.

    drivers/pci/slot.c, address_read_file(): /sys/bus/pci/slots/<name>/address has C(0000:05:00),
    domain, bus and device, or C(0000:05) for all devices of the bus.
    drivers/firmware/dmi-sysfs.c: /sys/firmware/dmi/entries/9-<n>/raw is a structure of SMBIOS, which
    names the device in the slot, or the port that leads to it.
    """

    def __init__(self, root: Path) -> None:
        self._names: dict[str, str] = {}
        directory = root / _SLOTS
        for name in names(directory):
            address = read_text(directory / name / "address")
            if address:
                self._names.setdefault(address.lower(), name)
        self._buses: dict[str, str] = {}
        for address in sorted(self._names):
            self._buses.setdefault(_bus(address), self._names[address])
        self._designations: dict[str, str] = {}
        for name in names(root / _DMI):
            if name.startswith(f"{_SYSTEM_SLOT}-"):
                raw = read_bytes(root / _DMI / name / "raw", _LIMIT) or b""
                for address, designation in _designation(raw):
                    self._designations.setdefault(address, designation)

    def of_device(self, address: str) -> str | None:
        """Return the slot that a function which is no bridge is in."""
        return (
            self.of_function(address)
            or self.designation(address)
            or self.designation(f"{address.rpartition('.')[0]}.0")
        )

    def of_function(self, address: str) -> str | None:
        """Return the slot that the kernel knows a function in."""
        return self._names.get(address.rpartition(".")[0]) or self._names.get(bus_of(address))

    def designation(self, address: str) -> str | None:
        """Return what firmware calls the slot that has this very address."""
        return self._designations.get(address)

    def of_bus(self, bus: str | None) -> str | None:
        """Return the slot that a port's secondary bus C(DDDD:BB) leads to, also if it is empty."""
        return None if bus is None else self._buses.get(bus)

    def of_number(self, number: int | None) -> str | None:
        """Return the name that a port's Physical Slot Number would give its slot.

        drivers/pci/hotplug/pciehp_core.c, init_slot(). A name that another slot has is none.
        """
        name = str(number) if number else None
        return None if name in self._names.values() else name


def _designation(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield address and name of a System Slots structure, if it has both.

    6.1.3: type, length, handle, then fields as far as the length says, then strings that end with
    zero, numbered from 1. 7.10.8: all ones in bus or segment are none.
    """
    if len(raw) < _LENGTH or raw[0] != _SYSTEM_SLOT or raw[1] < _LENGTH:
        return
    segment = int.from_bytes(raw[_SEGMENT:_BUS], "little")
    device, function = raw[_DEVICE_FUNCTION] >> 3, raw[_DEVICE_FUNCTION] & 7
    strings = raw[raw[1] :].split(b"\0")
    number = raw[_DESIGNATION]
    if segment == 0xFFFF or 0xFF in (raw[_BUS], raw[_DEVICE_FUNCTION]):
        return
    name = strings[number - 1].decode("ascii", "replace").strip() if number <= len(strings) else ""
    if number and name:
        yield f"{segment:04x}:{raw[_BUS]:02x}:{device:02x}.{function}", name


def _bus(address: str) -> str:
    return ":".join(address.split(":")[:2])


__all__ = ("Slots",)
