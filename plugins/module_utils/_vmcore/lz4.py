# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""LZ4 frames, in Python (lz4/lz4, doc/lz4_Frame_format.md and lz4_Block_format.md).

A frame is magic, flags, then blocks of at most 4 MiB, each with its size before it, to a size of 0.
A match of a block can reach back 64 KiB into the blocks before it. The header, and if the flags say so each block
and the content, have a checksum.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.lzo import copy_match
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.xxhash import XxHash32, xxh32

_MAGIC = b"\x04\x22\x4d\x18"
_VERSION = 1
_START_SIZE = 6  # magic, FLG, BD
_CONTENT_SIZE = 1 << 3
_CONTENT_CHECKSUM = 1 << 2
_BLOCK_CHECKSUM = 1 << 4
_DICTIONARY = 1 << 0
_STORED = 1 << 31
_WINDOW = 1 << 16
_BLOCK_SIZES = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}
_LONG = 15
_MIN_MATCH = 4


def frame(read: t.Callable[[int], bytes]) -> t.Iterator[bytes]:
    """The blocks of one frame, decompressed.

    read(size) returns the next bytes of the stream, fewer only at its end. Raise EOFError if the stream
    stops early, and ValueError if it is no frame, or not the one that its checksums are of. The last block is yielded
    before the checksum of the content is compared.
    """
    head = _exactly(read, _START_SIZE)
    flags, block = head[4], head[5]
    if head[:4] != _MAGIC:
        raise ValueError("what follows a frame is none")
    more = (8 if flags & _CONTENT_SIZE else 0) + (4 if flags & _DICTIONARY else 0)
    descriptor = head[4:] + _exactly(read, more)
    if _exactly(read, 1)[0] != xxh32(descriptor) >> 8 & 0xFF:
        raise ValueError("the checksum of a frame's header is not that of the header")
    if flags >> 6 != _VERSION or flags & _DICTIONARY or block >> 4 & 7 not in _BLOCK_SIZES:
        raise ValueError("Unsupported: another version, or with a dictionary")
    limit = _BLOCK_SIZES[block >> 4 & 7]
    window = b""
    checksum = XxHash32()
    while True:
        size = int.from_bytes(_exactly(read, 4), "little")
        if size == 0:
            break
        stored, size = size & _STORED, size & ~_STORED
        if size > limit:
            raise ValueError(f"a block has {size} bytes, more than {limit}")
        data = _exactly(read, size)
        if flags & _BLOCK_CHECKSUM:
            _compare(read, "a block", xxh32(data))
        content = data if stored else block_after(window, data, limit)
        if flags & _CONTENT_CHECKSUM:
            checksum.update(content)
        window = (window + content)[-_WINDOW:]
        yield content
    if flags & _CONTENT_CHECKSUM:
        _compare(read, "the content", checksum.digest())


def block_after(window: bytes, data: bytes, limit: int) -> bytes:
    """One block, whose matches can reach into the window before it."""
    try:
        return _block(window, data, limit)
    except IndexError:
        raise ValueError("a block stops early") from None


def _block(window: bytes, data: bytes, limit: int) -> bytes:
    out = bytearray(window)
    most = len(window) + limit
    at, end = 0, len(data)
    while True:
        token = data[at]
        run, at = _length(data, at + 1, token >> 4)
        if at + run > end or len(out) + run > most:
            raise ValueError("the literals of a block are longer than what is left")
        out += data[at : at + run]
        at += run
        if at == end:
            return bytes(out[len(window) :])
        distance = data[at] | data[at + 1] << 8
        length, at = _length(data, at + 2, token & _LONG)
        copy_match(out, distance, length + _MIN_MATCH, most)


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    if length == _LONG:
        while data[at] == 0xFF:
            length += 0xFF
            at += 1
        length += data[at]
        at += 1
    return length, at


def _compare(read: t.Callable[[int], bytes], name: str, checksum: int) -> None:
    if int.from_bytes(_exactly(read, 4), "little") != checksum:
        raise ValueError(f"the checksum of {name} is not that of {name}")


def _exactly(read: t.Callable[[int], bytes], size: int) -> bytes:
    data = read(size)
    if len(data) != size:
        raise EOFError
    return data


__all__ = ("block_after", "frame")
