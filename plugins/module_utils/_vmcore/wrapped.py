# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps that went through a compressor on their way to the disk (KDUMP_COMPRESSION of kdump-tools).

Such a stream can be read from its start only, and a dump needs to be read at any place. So it is
unpacked once, to a file without a name beside the dump, which is gone with this process. What it may
take is bounded by the space that is free there, and by what a dump can be smaller: see _bounded().
"""

from __future__ import annotations

import bz2
import ctypes
import importlib
import lzma
import os
import typing as t
import zlib

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import space_left
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import lz4
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    PlainFile,
    is_zero,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

_PIECE = 1 << 20
# What is left free on the file system of the dump.
_LEFT_FREE = 1 << 28
# No compressor makes a dump so much smaller: gzip's best is 1032, of nothing but zeros.
_MOST_TIMES = 2000
_MOST_OF_ANY = 1 << 26
# How what is in it begins: kdump-compressed, diskdump, ELF, flattened, or a first block that never came.
_DUMPS = (b"KDUMP   ", b"DISKDUMP", b"\x7fELF", b"makedumpfile", bytes(12))
_SIGNATURE = 12


class _Decompressor(t.Protocol):
    """What the decompressors of Python have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the stream."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to come of what was given already."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so many bytes."""


class _Gzip:
    """zlib with a gzip header, and the interface of the others."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail


class _ZstdBuffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer."""

    _fields_: t.ClassVar = [
        ("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)
    ]  # fmt: skip


class _LibZstd:
    """The host's libzstd, for Python before 3.14."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libzstd.so.1")
        self._library.ZSTD_createDStream.restype = ctypes.c_void_p
        self._library.ZSTD_decompressStream.restype = ctypes.c_size_t
        self._library.ZSTD_decompressStream.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
        ]  # fmt: skip
        self._library.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
        self._library.ZSTD_isError.argtypes = [ctypes.c_size_t]
        self._library.ZSTD_getErrorName.restype = ctypes.c_char_p
        self._stream = self._library.ZSTD_createDStream()
        self._page = ctypes.create_string_buffer(_PIECE)
        self.eof = False
        self.needs_input = True
        self.unused_data = b""
        self._rest = b""

    def __del__(self) -> None:
        if getattr(self, "_stream", None):
            self._library.ZSTD_freeDStream(self._stream)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data = self._rest + data
        source = _ZstdBuffer(data, len(data), 0)
        target = _ZstdBuffer(ctypes.cast(self._page, ctypes.c_char_p), min(max_length, _PIECE), 0)
        status = self._library.ZSTD_decompressStream(
            self._stream, ctypes.byref(target), ctypes.byref(source)
        )
        if self._library.ZSTD_isError(status):
            raise ValueError(self._library.ZSTD_getErrorName(ctypes.c_size_t(status)).decode())
        self._rest = data[source.position :]
        self.needs_input = not self._rest and target.position < target.size
        if status == 0:
            self.eof, self.unused_data = True, self._rest
        return self._page.raw[: target.position]


def _zstd() -> _Decompressor:
    try:
        made: _Decompressor = importlib.import_module("compression.zstd").ZstdDecompressor()
    except ImportError:
        return _LibZstd()
    return made


_DECOMPRESSORS: dict[str, t.Callable[[], _Decompressor]] = {
    "gzip": _Gzip,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
    "zstd": _zstd,
}
WRAPPERS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_MAGIC_SIZE = max(map(len, WRAPPERS))
# Frames of data for others, in front of, between and behind those of zstd and lz4 (RFC 8878, 3.1.2), with their size
# behind the magic number; pzstd writes such ones in front of all others.
SKIPPABLE = tuple(bytes((low, 0x2A, 0x4D, 0x18)) for low in range(0x50, 0x60))
_SKIPPABLE_HEAD = 8
_MOST_SKIPPABLE = 1 << 10
# Words of a library that does not know, or is not given, what a stream needs.
_LIMITS = {
    "too much memory": "has a window that this host's library does not unpack",
    "Dictionary mismatch": "was compressed with a dictionary, which is not in it",
    "nsupported": "uses what this host's library does not know",
    "unknown ": "uses what this host's library does not know",
}


class Unpacked:
    """What was in a compressed file, as far as it could be unpacked; check() says what is wrong.

    scratch() is a descriptor of a file, behind whose end it is unpacked. Zeros become holes there.
    """

    def __init__(
        self, file: PlainFile, name: str, directory: Path, scratch: t.Callable[[], int]
    ) -> None:
        self._name = name
        self._flaw: Flaw | None = None
        self._stored = file.size
        self.file = PlainFile(-1, 0)
        try:
            target = scratch()
        except OSError as exc:
            self._flaw = Flaw(
                "unsupported",
                f"A dump in {name} must be unpacked to be verified, and {directory} cannot be "
                f"written: {exc.strerror}.",
            )
            return
        start = -(-os.fstat(target).st_size // _PIECE) * _PIECE
        size = 0
        try:
            for piece in _bounded(_unpack(file, name), file.size):
                if any(piece):
                    _require_room(directory, len(piece))
                    os.pwrite(target, piece, start + size)
                size += len(piece)
                os.ftruncate(target, start + size)
        except Flaw as flaw:
            self._flaw = flaw
        except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError) as exc:
            self._flaw = _flaw_of(name, exc)
        self.file = PlainFile(target, size, start=start, stored=size)

    def check(self) -> str:
        """A sentence about the whole stream, or its Flaw."""
        if self._flaw is not None:
            raise self._flaw
        return f"The {self._name} stream of {self._stored} bytes is whole and has {self.file.size} bytes."


def first_bytes(file: PlainFile, name: str, size: int) -> bytes:
    """The beginning of what is in a compressed file, as far as it can be unpacked."""
    data = b""
    try:
        for piece in _unpack(file, name):
            data += piece
            if len(data) >= size:
                break
    except (Flaw, OSError, ValueError, EOFError, zlib.error, lzma.LZMAError):
        pass
    return data[:size]


def _bounded(pieces: t.Iterator[bytes], stored: int) -> t.Iterator[bytes]:
    """What is unpacked of a dump, and not of what only uses up the disk and the time."""
    limit = max(_MOST_OF_ANY, stored * _MOST_TIMES)
    size, start = 0, b""
    for piece in pieces:
        size += len(piece)
        start = (start + piece)[:_SIGNATURE] if len(start) < _SIGNATURE else start
        if len(start) == _SIGNATURE and not start.startswith(_DUMPS):
            raise Flaw(
                "unsupported", f"What is in it is no dump: it begins with {start[:8].hex()}."
            )
        if size > limit:
            raise Flaw(
                "unsupported",
                f"It unpacks to more than {limit} bytes, {limit // max(stored, 1)} times its size, as no dump does.",
            )
        yield piece


def wrapper_of(file: PlainFile) -> str | None:
    """What the file is compressed with, as a whole."""
    at = 0
    for _number in range(_MOST_SKIPPABLE):
        start = file.read("the signature", at, max(0, min(file.size - at, _SKIPPABLE_HEAD)))
        if not start.startswith(SKIPPABLE):
            return next((name for magic, name in WRAPPERS.items() if start.startswith(magic)), None)
        at += _skippable_size(start)
    return None


def _skippable_size(head: bytes) -> int:
    return _SKIPPABLE_HEAD + int.from_bytes(head[4:_SKIPPABLE_HEAD], "little")


def _require_room(directory: Path, size: int) -> None:
    if space_left(directory) < size + _LEFT_FREE:
        raise Flaw(
            "unsupported", f"There is not enough space in {directory} to unpack the dump there."
        )


def _flaw_of(name: str, exc: Exception) -> Flaw:
    if isinstance(exc, EOFError):
        return Flaw("incomplete", f"It stops too early: the {name} stream has no end.")
    if isinstance(exc, OSError) and exc.errno:
        return Flaw("unsupported", f"The dump cannot be unpacked: {exc.strerror}.")
    if isinstance(exc, OSError) and name == "zstd":
        return Flaw("unsupported", f"This host has nothing that can unpack {name}.")
    limit = next((what for words, what in _LIMITS.items() if words in str(exc)), None)
    if limit:
        return Flaw("unsupported", f"The {name} stream {limit}.")
    return Flaw("damaged", f"The {name} stream is damaged: {exc}.")


def _unpack(file: PlainFile, name: str) -> t.Iterator[bytes]:
    if name == "lz4":
        return _unpack_lz4(file)
    return _unpack_with(file, name)


def _unpack_with(file: PlainFile, name: str) -> t.Iterator[bytes]:
    make = _DECOMPRESSORS[name]
    stream: _Decompressor | None = None
    ended, held = False, b""
    for data in _pieces(file):
        rest, held = held + data, b""
        while rest or (stream and not stream.needs_input):
            if stream is None and ended:
                # Zeros behind a stream are padding of xz or of a tape; what is on a device was there before.
                rest = rest.lstrip(b"\0")
                if file.is_device:
                    break
                if len(rest) < _MAGIC_SIZE:
                    held = rest
                    break
                _require_stream(name, rest)
            stream = stream or make()
            yield stream.decompress(rest, _PIECE)
            rest = b""
            if stream.eof:
                # Compressors that use all CPUs write several streams, one behind the other.
                rest, stream, ended = stream.unused_data, None, True
        if ended and file.is_device and stream is None:
            return
    if held:
        _require_stream(name, held)
    if held or stream:
        raise EOFError


def _require_stream(name: str, start: bytes) -> None:
    """What follows a whole stream must be another one. Raise EOFError if it is less than the beginning of one."""
    magics = [magic for magic, own in WRAPPERS.items() if own == name]
    magics += SKIPPABLE if name in ("zstd", "lz4") else ()
    if start.startswith(tuple(magics)):
        return
    if any(magic.startswith(start) for magic in magics):
        raise EOFError
    raise Flaw(
        "unsupported",
        f"The {name} stream is whole, but something else is behind it, which begins with {start[:8].hex()}.",
    )


def _pieces(file: PlainFile) -> t.Iterator[bytes]:
    for start in range(0, file.size, _PIECE):
        yield file.read("the stream", start, min(_PIECE, file.size - start))


def _unpack_lz4(file: PlainFile) -> t.Iterator[bytes]:
    at = 0

    def read(size: int) -> bytes:
        nonlocal at
        data = file.read("the stream", at, min(size, file.size - at))
        at += len(data)
        return data

    while at < file.size:
        head = file.read("the stream", at, min(_SKIPPABLE_HEAD, file.size - at))
        # As behind the streams of the others.
        if at and (file.is_device or is_zero(file, "the stream", at, file.size)):
            return
        _require_stream("lz4", head)
        if head.startswith(SKIPPABLE):
            at += _skippable_size(head)
            if at > file.size:
                raise EOFError
        else:
            yield from lz4.frame(read)


__all__ = ("SKIPPABLE", "WRAPPERS", "Unpacked", "first_bytes", "wrapper_of")
