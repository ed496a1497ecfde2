# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""XXH32, the checksum of LZ4 frames, in Python (Cyan4973/xxHash, doc/xxhash_spec.md)."""

from __future__ import annotations

import struct

_BITS = (1 << 32) - 1
_PRIMES = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)
_STRIPE = struct.Struct("<4I")
_WORD = struct.Struct("<I")


class XxHash32:
    """The checksum, with seed 0, of data that comes in pieces."""

    def __init__(self) -> None:
        """Start with no data."""
        first, second = _PRIMES[:2]
        self._lanes = (first + second & _BITS, second, 0, -first & _BITS)
        self._rest = b""
        self._size = 0

    def update(self, data: bytes) -> None:
        """Take more data."""
        self._size += len(data)
        data = self._rest + data
        whole = len(data) // _STRIPE.size * _STRIPE.size
        self._rest = data[whole:]
        self._lanes = _mixed(self._lanes, memoryview(data)[:whole])

    def digest(self) -> int:
        """Return the checksum of the data so far."""
        first, second, third, fourth, fifth = _PRIMES
        lanes = sum(map(_rotated, self._lanes, (1, 7, 12, 18)))
        value = self._size + (lanes if self._size >= _STRIPE.size else fifth)
        whole = len(self._rest) // _WORD.size * _WORD.size
        for (word,) in _WORD.iter_unpack(self._rest[:whole]):
            value = _rotated(value + word * third & _BITS, 17) * fourth
        for byte in self._rest[whole:]:
            value = _rotated(value + byte * fifth & _BITS, 11) * first
        value &= _BITS
        value = (value ^ value >> 15) * second & _BITS
        value = (value ^ value >> 13) * third & _BITS
        return value ^ value >> 16


def xxh32(data: bytes) -> int:
    """Return the checksum of data."""
    checksum = XxHash32()
    checksum.update(data)
    return checksum.digest()


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _BITS


def _mixed(lanes: tuple[int, int, int, int], data: memoryview) -> tuple[int, int, int, int]:
    # All in one loop and without a function: there is a turn for each 16 bytes of a dump.
    first, second = _PRIMES[:2]
    a, b, c, d = lanes
    for w, x, y, z in _STRIPE.iter_unpack(data):
        a = a + w * second & _BITS
        a = (a << 13 | a >> 19) * first & _BITS
        b = b + x * second & _BITS
        b = (b << 13 | b >> 19) * first & _BITS
        c = c + y * second & _BITS
        c = (c << 13 | c >> 19) * first & _BITS
        d = d + z * second & _BITS
        d = (d << 13 | d >> 19) * first & _BITS
    return a, b, c, d


__all__ = ("XxHash32", "xxh32")
