# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Addresses of PCI functions: C(DDDD:BB:DD.F), lower case, the domain possibly wider than four digits."""

from __future__ import annotations

import re

# drivers/pci/probe.c, pci_setup_device(): dev_set_name("%04x:%02x:%02x.%d"). The domain of a host
# bridge without a firmware number (Intel VMD, Hyper-V) does not fit in four digits: 10000:e0:06.0.
_ADDRESS = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-1][0-9a-f])\.([0-7])")


def is_address(name: str) -> bool:
    """Say whether C(name) is an address. C(0000:00:02.0:pcie001), a port service, is not."""
    return _ADDRESS.fullmatch(name) is not None


def sort_key(address: str) -> tuple[int, ...]:
    """Return (domain, bus, device, function), so that 10000:00:00.0 comes after ffff:00:00.0.

    Raises ValueError for what is not an address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(f"{address!r} is not a PCI address")
    return tuple(int(part, 16) for part in match.groups())


def bus_of(address: str) -> str:
    """Return the bus of an address, C(DDDD:BB)."""
    return address.rpartition(":")[0]


__all__ = ("bus_of", "is_address", "sort_key")
