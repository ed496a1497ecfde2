# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The registers of a PCI function that facts can be read from, without those that tell its serial number.

There are devices that hang when undefined registers are read (lspci(8) warns of it). So no more is read
than the header and the capabilities, one by one; the rest of a captured configuration space is zero.

Sources: PCI Local Bus Specification 3.0, 6.1, 6.7 and appendix I; PCI Express Base Specification 6.0,
7.6.3 and 7.9.3.
"""

from __future__ import annotations

import os
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable
    from pathlib import Path

    Read = Callable[[int, int], bytes]

_HEADER_SIZE = 0x40
_CONVENTIONAL_SIZE = 0x100
_SIZE = 0x1000
_STATUS = 0x06
_STATUS_CAPABILITIES = 1 << 4
_HEADER_TYPE = 0x0E
_CAPABILITIES_POINTER = {0: 0x34, 1: 0x34, 2: 0x14}

_VPD = 0x03
_EXPRESS = 0x10
_SERIAL_NUMBER = 0x0003
# What follows the first bytes of these tells the serial number: a VPD data register holds what was read last.
_SECRETS = {_VPD: 4}
_EXTENDED_SECRETS = {_SERIAL_NUMBER: 4}
# No capability that the facts are read from is longer.
_LONGEST = 0x40
_LONGEST_EXTENDED = 0x100


def read_config(path: Path, *, identifying: bool = False) -> bytes | None:
    """Return a function's configuration space, with zeros where nothing was read; None if unreadable.

    It is as long as the file; only 64 bytes if the kernel shows no more (which takes root).
    """
    try:
        with path.open("rb", buffering=0) as file:
            descriptor = file.fileno()
            size = min(os.fstat(descriptor).st_size, _SIZE)
            return _read(
                lambda offset, count: os.pread(descriptor, count, offset), size, identifying
            )
    except OSError:
        return None


def _read(read: Read, size: int, identifying: bool) -> bytes:
    header = read(0, _HEADER_SIZE)
    if len(header) < _HEADER_SIZE or header == b"\xff" * _HEADER_SIZE:
        return header
    space = bytearray(max(size, _HEADER_SIZE))
    space[:_HEADER_SIZE] = header
    found = _conventional(read, header)
    if found and not read(min(found), 1):
        return header
    _copy(read, space, found, (_CONVENTIONAL_SIZE, _LONGEST), {} if identifying else _SECRETS)
    if _EXPRESS in found.values():
        found = _extended(read)
        _copy(
            read, space, found, (_SIZE, _LONGEST_EXTENDED), {} if identifying else _EXTENDED_SECRETS
        )
    return bytes(space)


def _conventional(read: Read, header: bytes) -> dict[int, int | None]:
    """Return where the capabilities in the first 256 bytes start, with their identifiers."""
    found: dict[int, int | None] = {}
    pointer = _CAPABILITIES_POINTER.get(header[_HEADER_TYPE] & 0x7F)
    if pointer is None or not header[_STATUS] & _STATUS_CAPABILITIES:
        return found
    position = header[pointer] & 0xFC
    while position >= _HEADER_SIZE and position not in found:
        entry = read(position, 2)
        found[position] = entry[0] if entry else None
        position = entry[1] & 0xFC if len(entry) == 2 else 0
    return found


def _extended(read: Read) -> dict[int, int | None]:
    """Return where the capabilities behind the first 256 bytes start, with their identifiers.

    Identifier in bits 15:0, version in 19:16, pointer to the next in 31:20.
    """
    found: dict[int, int | None] = {}
    position = _CONVENTIONAL_SIZE
    while position >= _CONVENTIONAL_SIZE and position not in found:
        entry = read(position, 4)
        if len(entry) < 4:
            break
        found[position] = int.from_bytes(entry[:2], "little")
        position = int.from_bytes(entry[2:], "little") >> 4 & 0xFFC
    return found


def _copy(
    read: Read,
    space: bytearray,
    found: dict[int, int | None],
    limits: tuple[int, int],
    secrets: dict[int, int],
) -> None:
    """Copy each capability up to the next one; of one with a secret what comes before it."""
    end, longest = limits
    ends = [*sorted(found)[1:], end]
    for start, following in zip(sorted(found), ends):
        identifier = found[start]
        length = min(following - start, longest)
        if identifier in secrets:
            length = min(length, secrets[identifier])
        content = read(start, length)[: max(0, len(space) - start)]
        space[start : start + len(content)] = content


__all__ = ("read_config",)
