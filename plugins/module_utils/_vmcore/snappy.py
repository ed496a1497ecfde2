# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Snappy, as makedumpfile -p writes it, in Python (google/snappy, format_description.txt).

The length of the content, 7 bits a byte, then elements. The two lowest bits of an element's first byte
are its kind: literals (0), or a copy with 1, 2 or 4 bytes for its distance.
"""

from __future__ import annotations

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.lzo import copy_match

_LITERAL = 0
_SHORT_COPY = 1
# Lengths of literals below this are in the first byte, others in 1 to 4 bytes behind it.
_LONG_LITERAL = 60
_MAX_LENGTH_BYTES = 5


def decompress(data: bytes, limit: int) -> bytes:
    """At most this many bytes. Raise ValueError for a stream that is none, or is longer."""
    try:
        return _decompress(data, limit)
    except IndexError:
        raise ValueError("it stops early") from None


def _decompress(data: bytes, limit: int) -> bytes:
    size, at = _varint(data)
    if size > limit:
        raise ValueError(f"it is longer than {limit} bytes")
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind, value = tag & 3, tag >> 2
        if kind == _LITERAL:
            if value >= _LONG_LITERAL:
                width = value - _LONG_LITERAL + 1
                value = _little(data, at, width)
                at += width
            end = at + value + 1
            if end > len(data) or len(out) + value >= size:
                raise ValueError("a literal is longer than what is left")
            out += data[at:end]
            at = end
        elif kind == _SHORT_COPY:
            copy_match(out, (tag >> 5) << 8 | data[at], (value & 7) + 4, size)
            at += 1
        else:
            width = 2 if kind == 2 else 4
            copy_match(out, _little(data, at, width), value + 1, size)
            at += width
    if len(out) != size:
        raise ValueError(f"it has {len(out)} bytes and says {size}")
    return bytes(out)


def _varint(data: bytes) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_LENGTH_BYTES):
        value |= (data[index] & 0x7F) << 7 * index
        if data[index] < 0x80:
            return value, index + 1
    raise ValueError("its length is none")


def _little(data: bytes, at: int, width: int) -> int:
    if at + width > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + width], "little")


__all__ = ("decompress",)
