# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where PCI functions are, as far as firmware tables need it: who is below which bridge, on which bus."""

from __future__ import annotations

import functools
import typing as t
from bisect import bisect_left

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import (
    bus_of,
    is_address,
    sort_key,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import names, read_bytes

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_DEVICES = "sys/bus/pci/devices"

# PCI-to-PCI Bridge Architecture Specification, 3.2: the configuration header of a bridge.
_HEADER_SIZE = 64
_HEADER_TYPE = 0x0E
_SECONDARY_BUS = 0x19

_BUSES = 256


class PciTree:
    """Functions by address, sorted, each with the bridge above it; and which bus is below a bridge.

    A table of firmware may ask ten thousand times: what costs a walk over all functions is done once.
    """

    def __init__(
        self, parents: Mapping[str, str | None], secondary: Callable[[str], int | None]
    ) -> None:
        self.parents = parents
        self.secondary = secondary

    def walk(self, segment: int, bus: int, path: Iterable[tuple[int, int]]) -> str | None:
        """Return the address at the end of a path of (device, function) that begins on a bus.

        VT-d Specification, 8.3.1 Device Scope: each step but the last is a bridge, and the next
        begins on its secondary bus. None if a bridge on the way is not there.
        """
        address = None
        for device, function in path:
            if address is not None:
                below = self.secondary(address)
                if below is None:
                    return None
                bus = below
            if device > 0x1F or function > 7:
                return None
            address = f"{segment:04x}:{bus:02x}:{device:02x}.{function}"
        return address

    def below(self, address: str) -> list[str]:
        """Return the function itself, if it is there, and all functions below it."""
        return list(self._below.get(address, ()))

    def between(self, segment: int, first: int, last: int) -> list[str]:
        """Return the functions whose requester IDs (bus << 8 | device << 3 | function) are in a range."""
        return [address for _rid, address in take(self.requesters(segment), first, last)]

    def requesters(self, segment: int) -> list[tuple[int, str]]:
        """Return C((requester ID, address)) of the functions of a segment, sorted: a list to change."""
        return list(self._requesters.get(segment, ()))

    @functools.cached_property
    def _requesters(self) -> dict[int, list[tuple[int, str]]]:
        found: dict[int, list[tuple[int, str]]] = {}
        for address in self.parents:
            found.setdefault(segment_of(address), []).append((rid(address), address))
        return {segment: sorted(each) for segment, each in found.items()}

    @functools.cached_property
    def _below(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for address in self.parents:
            for above in dict.fromkeys(self._up(address)):
                found.setdefault(above, []).append(address)
        return found

    def _up(self, address: str | None) -> Iterable[str]:
        # No bus is deeper below another than there are buses; a damaged tree may go in circles.
        for _depth in range(_BUSES):
            if address is None:
                return
            yield address
            address = self.parents.get(address)


def pci_tree(root: Path) -> PciTree:
    """Read the tree from sysfs; empty if there is none."""
    devices = root / _DEVICES
    addresses = sorted(filter(is_address, names(devices)), key=sort_key)

    parents = {address: _parent(devices / address) for address in addresses}

    @functools.cache
    def secondary(address: str) -> int | None:
        if address not in parents:
            return None
        header = read_bytes(devices / address / "config", _HEADER_SIZE) or b""
        bridge = len(header) == _HEADER_SIZE and header[_HEADER_TYPE] & 0x7F == 1
        return header[_SECONDARY_BUS] if bridge else None

    return PciTree(parents, secondary)


def take(numbers: list[tuple[int, str]], first: int, last: int) -> list[tuple[int, str]]:
    """Remove what is from C(first) to C(last) from a sorted list, and return it.

    So of several ranges that overlap the first one gets a function, and no range looks at all.
    """
    low, high = bisect_left(numbers, (first, "")), bisect_left(numbers, (last + 1, ""))
    taken = numbers[low:high]
    if taken:
        del numbers[low:high]
    return taken


def _parent(entry: Path) -> str | None:
    """Return the bridge above a function: what comes before its own name in where the entry links to.

    ../../../devices/pci0000:00/0000:00:02.0/0000:01:00.0; on a root bus that is no address.
    """
    try:
        above = entry.readlink().parent.name
    except OSError:
        return None
    return above if is_address(above) else None


def segment_of(address: str) -> int:
    """Return the PCI segment (Linux: domain) of an address."""
    return int(bus_of(address).partition(":")[0], 16)


def rid(address: str) -> int:
    """Return the requester ID of an address."""
    _domain, bus, device, function = sort_key(address)
    return bus << 8 | device << 3 | function


def from_rid(segment: int, value: int) -> str:
    """Return the address of a requester ID."""
    value &= 0xFFFF
    return f"{segment:04x}:{value >> 8:02x}:{value >> 3 & 0x1F:02x}.{value & 7}"


__all__ = ("PciTree", "from_rid", "pci_tree", "rid", "segment_of", "take")
