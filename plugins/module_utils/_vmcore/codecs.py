# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the pages of a dump are compressed with, and what decompresses them.

zlib is Python's own. For lzo and snappy the host's library is used where there is one (makedumpfile
needs the same ones), Python otherwise. zstd is Python's own since 3.14, the host's library before
that; a host that has neither cannot verify such pages, and says so.
"""

from __future__ import annotations

import ctypes
import importlib
import typing as t
import zlib

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import lzo, snappy

# decompress(data, limit) returns at most limit bytes, or raises ValueError.
Decompress = t.Callable[[bytes, int], bytes]


def _inflate(data: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        # One byte more than a page may have: bounded, and enough to see the end of the stream.
        page = stream.decompress(data, limit + 1)
    except zlib.error as exc:
        raise ValueError(str(exc)) from None
    if len(page) > limit or not stream.eof or stream.unused_data:
        raise ValueError(f"it is not {limit} bytes")
    return page


def _liblzo() -> Decompress:
    function = ctypes.CDLL("liblzo2.so.2").lzo1x_decompress_safe
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                         ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p]  # fmt: skip
    function.restype = ctypes.c_int

    def decompress(data: bytes, limit: int) -> bytes:
        page, size = ctypes.create_string_buffer(limit), ctypes.c_size_t(limit)
        status = function(data, len(data), page, ctypes.byref(size), None)
        if status:
            raise ValueError(f"liblzo2 says {status}")
        return page.raw[: size.value]

    return decompress


def _libsnappy() -> Decompress:
    function = ctypes.CDLL("libsnappy.so.1").snappy_uncompress
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                         ctypes.POINTER(ctypes.c_size_t)]  # fmt: skip
    function.restype = ctypes.c_int

    def decompress(data: bytes, limit: int) -> bytes:
        page, size = ctypes.create_string_buffer(limit), ctypes.c_size_t(limit)
        status = function(data, len(data), page, ctypes.byref(size))
        if status:
            raise ValueError(f"libsnappy says {status}")
        return page.raw[: size.value]

    return decompress


def _libzstd() -> Decompress:
    library = ctypes.CDLL("libzstd.so.1")
    function, is_error = library.ZSTD_decompress, library.ZSTD_isError
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    function.restype = ctypes.c_size_t
    is_error.argtypes = [ctypes.c_size_t]

    def decompress(data: bytes, limit: int) -> bytes:
        page = ctypes.create_string_buffer(limit)
        size: int = function(page, limit, data, len(data))
        if is_error(size):
            raise ValueError(f"libzstd says {ctypes.c_ssize_t(size).value}")
        return page.raw[:size]

    return decompress


def _python_zstd() -> Decompress:
    module = importlib.import_module("compression.zstd")

    def decompress(data: bytes, limit: int) -> bytes:
        stream = module.ZstdDecompressor()
        try:
            page: bytes = stream.decompress(data, limit + 1)
        except module.ZstdError as exc:
            raise ValueError(str(exc)) from None
        if len(page) > limit or not stream.eof or stream.unused_data:
            raise ValueError(f"it is not {limit} bytes")
        return page

    return decompress


def _made(make: t.Callable[[], Decompress]) -> Decompress | None:
    try:
        return make()
    except (OSError, AttributeError, ImportError):
        return None


class Codec(t.NamedTuple):
    """A way to compress pages: its bit in a header's status and a page's flags, and its name."""

    flag: int
    name: str
    makers: tuple[t.Callable[[], Decompress], ...]

    def find(self) -> Decompress | None:
        """The first decompressor that this host has."""
        return next(filter(None, map(_made, self.makers)), None)


# diskdump_mod.h, DUMP_DH_COMPRESSED_*
CODECS = {
    codec.flag: codec
    for codec in (
        Codec(0x1, "zlib", (lambda: _inflate,)),
        Codec(0x2, "lzo", (_liblzo, lambda: lzo.decompress)),
        Codec(0x4, "snappy", (_libsnappy, lambda: snappy.decompress)),
        Codec(0x20, "zstd", (_python_zstd, _libzstd)),
    )
}

__all__ = ("CODECS", "Codec", "Decompress")
