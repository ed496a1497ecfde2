# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""LZO1X, as makedumpfile -l writes it, in Python.

A stream is instructions: literals to copy from the stream, and matches to copy from what is already
decompressed (the Linux kernel's Documentation/staging/lzo.rst describes all of them). The two lowest
bits of a match's distance tell how many literals follow it; how an instruction below 16 is read
depends on that number, and on whether a long run of literals came before it.
"""

from __future__ import annotations

_AFTER_LITERALS = 4
# A stream that starts with a literal run says so in a byte above this.
_FIRST = 17
_END_OF_STREAM = 16384


def decompress(data: bytes, limit: int) -> bytes:
    """At most this many bytes. Raise ValueError for a stream that is none, or is longer."""
    try:
        return _decompress(data, limit)
    except IndexError:
        raise ValueError("it stops early") from None


def _decompress(data: bytes, limit: int) -> bytes:
    out = bytearray()
    at = state = 0
    if data[0] > _FIRST:
        run = data[0] - _FIRST
        state = min(run, _AFTER_LITERALS)
        at = _literals(data, 1, run, out, limit)
    while True:
        code = data[at]
        at += 1
        if code < 16:
            if state == 0:
                run, at = (code, at) if code else _long(data, at, 15)
                at = _literals(data, at, run + 3, out, limit)
                state = _AFTER_LITERALS
                continue
            length = 3 if state == _AFTER_LITERALS else 2
            distance = (data[at] << 2) + (code >> 2) + (2049 if state == _AFTER_LITERALS else 1)
            at += 1
            state = code & 3
        elif code < 64:
            bits = 7 if code < 32 else 31
            length, at = (code & bits, at) if code & bits else _long(data, at, bits)
            length += 2
            distance = data[at] | data[at + 1] << 8
            at += 2
            state = distance & 3
            distance >>= 2
            if code >= 32:
                distance += 1
            else:
                distance += ((code & 8) << 11) + _END_OF_STREAM
                if distance == _END_OF_STREAM:
                    if at != len(data):
                        raise ValueError("something follows its end")
                    return bytes(out)
        else:
            length = 3 + (code >> 5 & 1) if code < 128 else 5 + (code >> 5 & 3)
            distance = (data[at] << 3) + (code >> 2 & 7) + 1
            at += 1
            state = code & 3
        copy_match(out, distance, length, limit)
        if state:
            at = _literals(data, at, state, out, limit)


def _long(data: bytes, at: int, base: int) -> tuple[int, int]:
    """A length above *base*: 255 for each zero, then the first byte that is none."""
    start = at
    while not data[at]:
        at += 1
    return base + 255 * (at - start) + data[at], at + 1


def _literals(data: bytes, at: int, run: int, out: bytearray, limit: int) -> int:
    end = at + run
    if end > len(data):
        raise ValueError("it stops early")
    if len(out) + run > limit:
        raise ValueError(f"it is longer than {limit} bytes")
    out += data[at:end]
    return end


def copy_match(out: bytearray, distance: int, length: int, limit: int) -> None:
    """Repeat *length* bytes of what is there, beginning *distance* bytes before its end."""
    start = len(out) - distance
    if distance <= 0 or start < 0:
        raise ValueError("it refers to what is not there")
    if len(out) + length > limit:
        raise ValueError(f"it is longer than {limit} bytes")
    if distance >= length:
        out += out[start : start + length]
    else:
        out += (bytes(out[start:]) * (length // distance + 1))[:length]


__all__ = ("copy_match", "decompress")
