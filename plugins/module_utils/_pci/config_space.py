# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the collection needs to know from the configuration space of a PCI function.

Sources: PCI Local Bus Specification 3.0, 6.1 (header) and 6.7 (capability list); PCI Express Base
Specification 6.0, 7.5.1 (header) and 7.5.3 (PCI Express capability). All registers are little endian.
"""

from __future__ import annotations

import struct
import typing as t

# The header, and all that sysfs shows to anybody but root (drivers/pci/pci-sysfs.c, pci_read_config()).
HEADER_SIZE = 64
# The capability list lies in the first 256 bytes. The extended space behind them is not needed.
SIZE = 256

NOTE_UNREADABLE = "The configuration space cannot be read."
NOTE_DEAD = "The configuration space reads as all ones: the device does not answer."
NOTE_UNPRIVILEGED = "Only the header of the configuration space can be read, the rest takes root."
NOTE_MALFORMED = "The capability list is malformed, the PCI Express capability was not found."
NOTE_RESERVED_TYPE = "The PCI Express capability has the reserved Device/Port Type {value}."

# 7.5.1.1.9 Header Type Register, bits 6:0
_HEADERS: dict[int, str] = {0: "endpoint", 1: "bridge", 2: "cardbus"}

# 7.5.3.2 PCI Express Capabilities Register, bits 7:4
_PORT_TYPES: dict[int, str] = {
    0x0: "endpoint",
    0x1: "legacy_endpoint",
    0x4: "root_port",
    0x5: "upstream_port",
    0x6: "downstream_port",
    0x7: "pcie_to_pci_bridge",
    0x8: "pci_to_pcie_bridge",
    0x9: "rc_integrated_endpoint",
    0xA: "rc_event_collector",
}
# They sit inside the root complex and have no link.
_LINKLESS = frozenset({"rc_integrated_endpoint", "rc_event_collector"})

# 7.5.3.8 Link Status Register, bits 3:0 Current Link Speed
_SPEEDS: dict[int, str] = {
    1: "2.5 GT/s",
    2: "5.0 GT/s",
    3: "8.0 GT/s",
    4: "16.0 GT/s",
    5: "32.0 GT/s",
    6: "64.0 GT/s",
}

_COMMAND = 0x04
_COMMAND_BUS_MASTER = 1 << 2
_STATUS = 0x06
_STATUS_CAPABILITIES = 1 << 4
_HEADER_TYPE = 0x0E
_SECONDARY_BUS = 0x19
_CAPABILITIES_POINTER = {"endpoint": 0x34, "bridge": 0x34, "cardbus": 0x14}

_CAPABILITY_EXPRESS = 0x10
# 7.5.3, offsets in the PCI Express capability
_EXPRESS_CAPABILITIES = 0x02
_EXPRESS_LINK_CAPABILITIES = 0x0C
_EXPRESS_LINK_STATUS = 0x12
_EXPRESS_SIZE = 0x14
_LINK_ACTIVE_REPORTING_CAPABLE = 1 << 20
_LINK_ACTIVE = 1 << 13


class Link(t.TypedDict):
    """A link as its status register has it; active is None where it cannot be reported."""

    speed: str | None
    width: int
    active: bool | None


class ConfigSpace(t.NamedTuple):
    """What one function's configuration space says. None is what it does not say, notes tell why."""

    header: str | None = None
    bus_master: bool | None = None
    secondary: int | None = None
    port_type: str | None = None
    link: Link | None = None
    notes: tuple[str, ...] = ()


def decode(config: bytes | None) -> ConfigSpace:
    """Decode the first C(SIZE) bytes of a configuration space, as much of it as there is.

    Any bytes are accepted: what contradicts the specification becomes a note, never an error.
    """
    if config is None or len(config) < HEADER_SIZE:
        return ConfigSpace(notes=(NOTE_UNREADABLE,))
    if config[:HEADER_SIZE] == b"\xff" * HEADER_SIZE:
        return ConfigSpace(notes=(NOTE_DEAD,))
    header = _HEADERS.get(config[_HEADER_TYPE] & 0x7F)
    known = ConfigSpace(
        header=header,
        bus_master=bool(_u16(config, _COMMAND) & _COMMAND_BUS_MASTER),
        # 0 is what a bridge has before anybody gave its bus a number.
        secondary=(config[_SECONDARY_BUS] or None) if header == "bridge" else None,
    )
    if header is None or not _u16(config, _STATUS) & _STATUS_CAPABILITIES:
        return known
    if len(config) == HEADER_SIZE:
        return known._replace(notes=(NOTE_UNPRIVILEGED,))
    try:
        express = _find_express(config, config[_CAPABILITIES_POINTER[header]])
    except ValueError:
        return known._replace(notes=(NOTE_MALFORMED,))
    return known if express is None else _decode_express(known, config[express:])


def _find_express(config: bytes, pointer: int) -> int | None:
    """Return where the PCI Express capability starts. Raises ValueError for a list that is none.

    6.7: each entry starts with its identifier and the pointer to the next one, 0 ends the list.
    Both low bits of a pointer are reserved. An entry lies behind the header and is visited once.
    """
    seen: set[int] = set()
    while pointer & 0xFC:
        position = pointer & 0xFC
        if position < HEADER_SIZE or position in seen or position + 2 > len(config):
            raise ValueError(position)
        seen.add(position)
        identifier, pointer = config[position], config[position + 1]
        if identifier == _CAPABILITY_EXPRESS:
            if position + _EXPRESS_SIZE > len(config):
                raise ValueError(position)
            return position
    return None


def _decode_express(known: ConfigSpace, express: bytes) -> ConfigSpace:
    value = (_u16(express, _EXPRESS_CAPABILITIES) >> 4) & 0xF
    port_type = _PORT_TYPES.get(value)
    if port_type is None:
        return known._replace(notes=(NOTE_RESERVED_TYPE.format(value=value),))
    return known._replace(
        port_type=port_type, link=None if port_type in _LINKLESS else _decode_link(express)
    )


def _decode_link(express: bytes) -> Link:
    (capabilities,) = struct.unpack_from("<I", express, _EXPRESS_LINK_CAPABILITIES)
    status = _u16(express, _EXPRESS_LINK_STATUS)
    reports = bool(capabilities & _LINK_ACTIVE_REPORTING_CAPABLE)
    return {
        "speed": _SPEEDS.get(status & 0xF),
        "width": (status >> 4) & 0x3F,
        "active": bool(status & _LINK_ACTIVE) if reports else None,
    }


def _u16(data: bytes, offset: int) -> int:
    (value,) = struct.unpack_from("<H", data, offset)
    return int(value)


__all__ = (
    "HEADER_SIZE",
    "NOTE_DEAD",
    "NOTE_MALFORMED",
    "NOTE_RESERVED_TYPE",
    "NOTE_UNPRIVILEGED",
    "NOTE_UNREADABLE",
    "SIZE",
    "ConfigSpace",
    "Link",
    "decode",
)
