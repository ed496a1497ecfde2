# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the collection needs to know from the configuration space of a PCI function.

Sources: PCI Local Bus Specification 3.0, 6.1 (header) and 6.7 (capability list); PCI Express Base
Specification 6.0, 7.5.1 (header), 7.5.3 (PCI Express capability), 7.6.3 (extended capability list)
and the sections named below; Compute Express Link Specification 3.0, 8.1 (its DVSECs). All
registers are little endian.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping

    # read(offset, size): less than size, or nothing, where the configuration space cannot be read.
    Read = Callable[[int, int], bytes]

# The header, and all that sysfs shows to anybody but root (drivers/pci/pci-sysfs.c, pci_read_config()).
HEADER_SIZE = 64
# The capability list lies in the first 256 bytes, extended capabilities in what PCI Express adds.
CONVENTIONAL_SIZE = 256
SIZE = 4096

NOTE_UNREADABLE = "The configuration space cannot be read."
NOTE_DEAD = "The configuration space reads as all ones: the device does not answer."
NOTE_UNPRIVILEGED = "Only the start of the configuration space can be read, the rest takes root or was not captured."
NOTE_MALFORMED = "The {kind} list is malformed, what follows in it is not known: {fault}."
NOTE_RESERVED_TYPE = "The PCI Express capability has the reserved Device/Port Type {value}."

_STANDARD = "capability"
_EXTENDED = "extended capability"

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
_ENDPOINTS = frozenset({"endpoint", "legacy_endpoint", "rc_integrated_endpoint"})
# They sit inside the root complex and have no link.
_LINKLESS = frozenset({"rc_integrated_endpoint", "rc_event_collector"})
# They may have a slot.
_SLOTTED = frozenset({"root_port", "downstream_port"})

# 7.5.3.6 and 7.5.3.8, bits 3:0 Max Link Speed and Current Link Speed
_SPEEDS: dict[int, str] = {
    1: "2.5 GT/s",
    2: "5.0 GT/s",
    3: "8.0 GT/s",
    4: "16.0 GT/s",
    5: "32.0 GT/s",
    6: "64.0 GT/s",
}

# 7.5.2.2 Power Management Control/Status Register, bits 1:0, with the kernel's names
_POWER_STATES = ("D0", "D1", "D2", "D3hot")

_COMMAND = 0x04
_COMMAND_BUS_MASTER = 1 << 2
_STATUS = 0x06
_STATUS_CAPABILITIES = 1 << 4
_HEADER_TYPE = 0x0E
_SECONDARY_BUS = 0x19
_CAPABILITIES_POINTER = {"endpoint": 0x34, "bridge": 0x34, "cardbus": 0x14}

# 7.9.6.2: who designated a Designated Vendor-Specific capability
_VENDOR_CXL = 0x1E98
# CXL 8.1.5 CXL Extensions DVSEC for Ports, and in it 8.1.5.2 Port Control Extensions, bit 0
_CXL_PORT = 3
_CXL_PORT_CONTROL = 0x0C
_CXL_UNMASK_SBR = 1 << 0


class LinkRegisters(t.TypedDict):
    """A link as its registers have it; active is None where it cannot be reported."""

    speed: str | None
    width: int
    max_speed: str | None
    max_width: int
    active: bool | None
    active_reporting: bool


class Switch(t.TypedDict):
    """Whether a way of sending interrupts is switched on."""

    enabled: bool


class Containment(t.TypedDict):
    """Downstream Port Containment: whether an error would trigger it, and whether one has."""

    trigger_enabled: bool
    status: bool


class Virtual(t.TypedDict):
    """SR-IOV: how many virtual functions there can be, and how many there are."""

    total: int
    enabled: int


class ConfigSpace(t.NamedTuple):
    """What one function's configuration space says. None is what it does not say, notes tell why.

    C(capabilities) names those of interest as they come in the lists; C(extended) says whether the
    extended ones could be read: None where there can be none.
    """

    header: str | None = None
    bus_master: bool | None = None
    secondary: int | None = None
    port_type: str | None = None
    link: LinkRegisters | None = None
    max_payload: int | None = None
    flr: bool | None = None
    transactions_pending: bool | None = None
    hotplug: bool | None = None
    surprise: bool | None = None
    slot_number: int | None = None
    presence: bool | None = None
    power_state: str | None = None
    msi: Switch | None = None
    msix: Switch | None = None
    aer: bool | None = None
    acs: bool | None = None
    ari: bool | None = None
    ats: bool | None = None
    pri: bool | None = None
    pasid: bool | None = None
    cxl: bool | None = None
    sbr_masked: bool | None = None
    dpc: Containment | None = None
    sriov: Virtual | None = None
    capabilities: tuple[str, ...] = ()
    extended: bool | None = None
    notes: tuple[str, ...] = ()


class _MalformedError(Exception):
    """The capability list is none; says what is wrong where."""


class _ShortError(Exception):
    """The configuration space cannot be read so far."""


class _Capability:
    """One entry of a list: reads registers by their offset in it, nothing outside its space."""

    def __init__(self, read: Read, position: int, end: int) -> None:
        self._read = read
        self.position = position
        self._end = end

    def register(self, offset: int, size: int) -> int:
        """Return one register, or several adjacent ones, of C(size) bytes together."""
        start = self.position + offset
        if start + size > self._end:
            raise _MalformedError(f"the entry at {self.position:#x} ends behind {self._end:#x}")
        data = self._read(start, size)
        if len(data) < size:
            raise _ShortError
        return int.from_bytes(data, "little")


Known = dict[str, t.Any]


def _bits(value: int, low: int, count: int) -> int:
    return value >> low & (1 << count) - 1


def _power_management(capability: _Capability) -> Known:
    """7.5.2 PCI Power Management Capability: control and status at 4."""
    return {"power_state": _POWER_STATES[capability.register(4, 2) & 3]}


def _msi(capability: _Capability) -> Known:
    """7.7.1 MSI Capability: message control at 2, bit 0 MSI Enable."""
    return {"msi": {"enabled": bool(capability.register(2, 2) & 1)}}


def _msix(capability: _Capability) -> Known:
    """7.7.2 MSI-X Capability: message control at 2, bit 15 MSI-X Enable."""
    return {"msix": {"enabled": bool(capability.register(2, 2) >> 15)}}


def _express(capability: _Capability) -> Known:
    """7.5.3 PCI Express Capability, in 20 bytes that every version has.

    At 2 PCI Express Capabilities, 4 Device Capabilities, 8 Device Control, a Device Status,
    c Link Capabilities, 10 Link Control, 12 Link Status.
    """
    registers = capability.register(0, 0x14)
    value = _bits(registers, 0x02 * 8 + 4, 4)
    port_type = _PORT_TYPES.get(value)
    if port_type is None:
        return {"notes": (NOTE_RESERVED_TYPE.format(value=value),)}
    known: Known = {
        "port_type": port_type,
        # 7.5.3.3, bit 28 Function Level Reset Capability means something for endpoints.
        "flr": bool(_bits(registers, 0x04 * 8 + 28, 1)) if port_type in _ENDPOINTS else None,
        # 7.5.3.4, bits 7:5 Max_Payload_Size; 110b and 111b are reserved.
        "max_payload": (128 << exponent)
        if (exponent := _bits(registers, 0x08 * 8 + 5, 3)) < 6
        else None,
        "transactions_pending": bool(_bits(registers, 0x0A * 8 + 5, 1)),
    }
    if port_type not in _LINKLESS:
        known["link"] = _link(_bits(registers, 0x0C * 8, 32), _bits(registers, 0x12 * 8, 16))
    if port_type in _SLOTTED:
        # 7.5.3.2, bit 8 Slot Implemented: without it the slot registers mean nothing.
        known |= _slot(capability) if _bits(registers, 0x02 * 8 + 8, 1) else _NO_SLOT
    return known


def _link(capabilities: int, status: int) -> LinkRegisters:
    """7.5.3.6: bits 9:4 Maximum Link Width, 20 Data Link Layer Link Active Reporting Capable.

    7.5.3.8: bits 9:4 Negotiated Link Width, 13 Data Link Layer Link Active.
    """
    reports = bool(_bits(capabilities, 20, 1))
    return {
        "speed": _SPEEDS.get(_bits(status, 0, 4)),
        "width": _bits(status, 4, 6),
        "max_speed": _SPEEDS.get(_bits(capabilities, 0, 4)),
        "max_width": _bits(capabilities, 4, 6),
        "active": bool(_bits(status, 13, 1)) if reports else None,
        "active_reporting": reports,
    }


_NO_SLOT: Known = {"hotplug": False, "surprise": False}


def _slot(capability: _Capability) -> Known:
    """7.5.3.9: bits 5 Hot-Plug Surprise, 6 Hot-Plug Capable, 31:19 Physical Slot Number.

    7.5.3.11 Slot Status, six bytes behind: bit 6 Presence Detect State.
    """
    registers = capability.register(0x14, 8)
    return {
        "surprise": bool(_bits(registers, 5, 1)),
        "hotplug": bool(_bits(registers, 6, 1)),
        # 0 is no number: the port is to be wired to a device on the board.
        "slot_number": _bits(registers, 19, 13) or None,
        "presence": bool(_bits(registers, 0x06 * 8 + 6, 1)),
    }


def _containment(capability: _Capability) -> Known:
    """7.9.14 DPC: control at 6, bits 1:0 Trigger Enable; status at 8, bit 0 Trigger Status."""
    registers = capability.register(6, 4)
    return {
        "dpc": {"trigger_enabled": bool(registers & 3), "status": bool(_bits(registers, 16, 1))}
    }


def _virtual(capability: _Capability) -> Known:
    """9.3.3 SR-IOV: control at 8, bit 0 VF Enable; TotalVFs at e, NumVFs at 10."""
    registers = capability.register(8, 10)
    enabled = _bits(registers, 0x08 * 8, 16) if registers & 1 else 0
    return {"sriov": {"total": _bits(registers, 0x06 * 8, 16), "enabled": enabled}}


def _designated(capability: _Capability) -> Known:
    """7.9.6 DVSEC: vendor at 4, identifier at 8. Of interest are those of CXL."""
    registers = capability.register(4, 6)
    if registers & 0xFFFF != _VENDOR_CXL:
        return {}
    known: Known = {"cxl": True}
    if _bits(registers, 0x04 * 8, 16) == _CXL_PORT:
        control = capability.register(_CXL_PORT_CONTROL, 2)
        known["sbr_masked"] = not control & _CXL_UNMASK_SBR
    return known


def _presence(name: str) -> Callable[[_Capability], Known]:
    return lambda _capability: {name: True}


def _nothing(_capability: _Capability) -> Known:
    return {}


# By identifier: the name, and what the registers say.
_Decoders = t.Mapping[int, tuple[str, "Callable[[_Capability], Known]"]]

# PCI Code and ID Assignment Specification, 2
_CAPABILITIES: _Decoders = {
    0x01: ("pm", _power_management),
    0x05: ("msi", _msi),
    0x07: ("pcix", _nothing),
    0x0C: ("shpc", _nothing),
    0x10: ("express", _express),
    0x11: ("msix", _msix),
    0x13: ("af", _nothing),
    0x14: ("ea", _nothing),
}
# The same, 3
_EXTENDED_CAPABILITIES: _Decoders = {
    0x01: ("aer", _presence("aer")),
    0x0D: ("acs", _presence("acs")),
    0x0E: ("ari", _presence("ari")),
    0x0F: ("ats", _presence("ats")),
    0x10: ("sriov", _virtual),
    0x13: ("pri", _presence("pri")),
    0x15: ("resizable_bar", _nothing),
    0x1B: ("pasid", _presence("pasid")),
    0x1D: ("dpc", _containment),
    0x23: ("cxl", _designated),
    0x2E: ("doe", _nothing),
}
# What is known to be absent once the extended list was read to its end.
_ABSENT: Mapping[str, bool] = dict.fromkeys(
    ("aer", "acs", "ari", "ats", "pri", "pasid", "cxl"), False
)


def decode(config: bytes | None) -> ConfigSpace:
    """Decode a configuration space, as much of it as there is; see decode_window()."""
    data = config or b""
    return decode_window(lambda offset, size: data[offset : offset + size])


def decode_window(read: Read) -> ConfigSpace:
    """Decode what C(read(offset, size)) offers of a configuration space, and read only what is needed.

    Any bytes are accepted: what contradicts the specification becomes a note, never an error. Each
    entry of a capability list is visited once, so there are at most 48 and 960 of them.
    """
    config = read(0, HEADER_SIZE)
    if len(config) < HEADER_SIZE:
        return ConfigSpace(notes=(NOTE_UNREADABLE,))
    if config == b"\xff" * HEADER_SIZE:
        return ConfigSpace(notes=(NOTE_DEAD,))
    header = _HEADERS.get(config[_HEADER_TYPE] & 0x7F)
    known: Known = {
        "header": header,
        "bus_master": bool(config[_COMMAND] & _COMMAND_BUS_MASTER),
        # 0 is what a bridge has before anybody gave its bus a number.
        "secondary": (config[_SECONDARY_BUS] or None) if header == "bridge" else None,
    }
    if header is not None:
        pointer = config[_CAPABILITIES_POINTER[header]]
        _decode_lists(read, known, pointer if config[_STATUS] & _STATUS_CAPABILITIES else 0)
    return ConfigSpace(**known)


def _decode_lists(read: Read, known: Known, pointer: int) -> None:
    """Add what both capability lists say to what is known."""
    names: list[str] = []
    notes: list[str] = []
    try:
        _walk(read, pointer, known, names, notes)
    except _MalformedError as exc:
        notes.append(NOTE_MALFORMED.format(kind=_STANDARD, fault=exc))
    except _ShortError:
        notes.append(NOTE_UNPRIVILEGED)
    else:
        if "express" not in names:
            known.update(_ABSENT)
    if "express" in names:
        try:
            _walk_extended(read, known, names, notes)
            known.update({**_ABSENT, **known})
        except _MalformedError as exc:
            notes.append(NOTE_MALFORMED.format(kind=_EXTENDED, fault=exc))
        except _ShortError:
            known["extended"] = False
    known["capabilities"] = tuple(names)
    known["notes"] = tuple(notes)


def _walk(read: Read, pointer: int, known: Known, names: list[str], notes: list[str]) -> None:
    """Go through the capability list.

    6.7: each entry starts with its identifier and the pointer to the next one, 0 ends the list.
    Both low bits of a pointer are reserved. An entry lies behind the header and is visited once.
    """
    seen: set[int] = set()
    position = pointer & 0xFC
    while position:
        _check(position, seen, HEADER_SIZE)
        entry = _Capability(read, position, CONVENTIONAL_SIZE)
        head = entry.register(0, 2)
        if head & 0xFF == 0xFF:
            raise _MalformedError(f"the entry at {position:#x} reads as all ones")
        _add(entry, _CAPABILITIES.get(head & 0xFF), known, names, notes)
        position = head >> 8 & 0xFC


def _walk_extended(read: Read, known: Known, names: list[str], notes: list[str]) -> None:
    """Go through the extended capability list, which starts at 100.

    7.6.3: identifier in bits 15:0, version in 19:16, offset of the next one in 31:20, whose two low
    bits are reserved; 0 ends the list, and an entry of zeros at 100 is an empty list.
    """
    seen: set[int] = set()
    position = CONVENTIONAL_SIZE
    known["extended"] = True
    while position:
        _check(position, seen, CONVENTIONAL_SIZE)
        entry = _Capability(read, position, SIZE)
        head = entry.register(0, 4)
        if head == 0xFFFFFFFF:
            raise _MalformedError(f"the entry at {position:#x} reads as all ones")
        _add(entry, _EXTENDED_CAPABILITIES.get(head & 0xFFFF), known, names, notes)
        position = head >> 20 & 0xFFC


def _check(position: int, seen: set[int], start: int) -> None:
    if position < start:
        raise _MalformedError(f"a pointer leads to {position:#x}")
    if position in seen:
        raise _MalformedError(f"a pointer leads back to {position:#x}")
    seen.add(position)


def _add(
    entry: _Capability,
    decoder: tuple[str, Callable[[_Capability], Known]] | None,
    known: Known,
    names: list[str],
    notes: list[str],
) -> None:
    """Decode one entry. Of two that say different things the first counts, as it does for the kernel."""
    if decoder is None:
        return
    name, decode_entry = decoder
    said = decode_entry(entry)
    notes.extend(note for note in said.pop("notes", ()) if note not in notes)
    for key, value in said.items():
        known.setdefault(key, value)
    # A DVSEC of another vendor is none of CXL.
    if name not in names and (name != "cxl" or said):
        names.append(name)


__all__ = (
    "CONVENTIONAL_SIZE",
    "HEADER_SIZE",
    "NOTE_DEAD",
    "NOTE_MALFORMED",
    "NOTE_RESERVED_TYPE",
    "NOTE_UNPRIVILEGED",
    "NOTE_UNREADABLE",
    "SIZE",
    "ConfigSpace",
    "Containment",
    "LinkRegisters",
    "Switch",
    "Virtual",
    "decode",
    "decode_window",
)
