# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Bits that stand for page frames."""

from __future__ import annotations

import sys

_ONES = bytes(bin(byte).count("1") for byte in range(256))

if sys.version_info >= (3, 10):

    def popcount(data: bytes) -> int:
        return int.from_bytes(data, "little").bit_count()

else:

    def popcount(data: bytes) -> int:
        # Most of a bitmap is all ones or all zeros.
        full = data.count(0xFF)
        if full + data.count(0) == len(data):
            return full * 8
        return sum(data.translate(_ONES))


def within(data: bytes, first: int, start: int, end: int) -> bytes:
    """The bits, of which the lowest is number *first*, without those outside of [start, end)."""
    last = first + len(data) * 8
    if start <= first and last <= end:
        return data
    low, high = max(start - first, 0), min(end, last) - first
    if low >= high:
        return bytes(len(data))
    bits = int.from_bytes(data, "little") & (1 << high) - 1
    return (bits >> low << low).to_bytes(len(data), "little")


__all__ = ("popcount", "within")
