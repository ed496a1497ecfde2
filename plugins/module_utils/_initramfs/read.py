# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Reads a built initramfs the way the kernel unpacks it.

An image is a sequence of segments (init/initramfs.c, unpack_to_rootfs()): cpio archives as they are, compressed cpio
archives, zero bytes between them. mkinitramfs of Debian 13 writes microcode, then an uncompressed archive with the
compressed modules, then the compressed rest. A file in a later segment replaces the same file in an earlier one.
Format of an archive: Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import bz2
import lzma
import re
import typing as t
import zlib

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterator, Mapping

    Decompress = Callable[[str, bytes], bytes]

# What a segment may have at most when it is unpacked: far more than an initramfs, far less than a host.
LIMIT = 1 << 30

# linux/limits.h
PATH_MAX = 4096

_CPIO = (b"070701", b"070702")
_CPIO_HEADER = 110
_TRAILER = "TRAILER!!!"
_ZEROS = re.compile(rb"\0+")

# lib/decompress.c, compressed_formats
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\x5d\x00\x00", "lzma"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x89LZO", "lzo"),
    (b"\x02!L\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


class _Decompressor(t.Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_BUILT_IN: Mapping[str, Callable[[], _Decompressor]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}
_ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError)


class Entry(t.NamedTuple):
    """One file of an image: its path without a leading slash, st_mode, and content (a link's: its target)."""

    name: str
    mode: int
    data: memoryview


class Segment(t.NamedTuple):
    """One piece of an image: C(cpio) or the name of a compression, where it begins, and the archive in it."""

    kind: str
    offset: int
    archive: memoryview


def read_image(image: bytes, decompress: Decompress) -> dict[str, Entry]:
    """Return the files of an image by path, as they are once the kernel has unpacked all of it.

    C(decompress(kind, data)) is called for what the standard library cannot unpack, with kind C(zstd),
    C(lz4) or C(lzo) and the rest of the image. Raises KdumpError for anything that is not an initramfs.
    """
    return {
        entry.name: entry
        for segment in split(image, decompress)
        for entry in entries(segment.archive)
    }


def split(image: bytes, decompress: Decompress) -> list[Segment]:
    """Return the segments of an image. Raises KdumpError for anything that is not an initramfs."""
    view = memoryview(image)
    segments: list[Segment] = []
    position = _skip_zeros(view, 0)
    while position < len(view):
        kind = _kind(view, position)
        if kind == "cpio":
            end = _archive_end(view, position)
            archive = view[position:end]
        else:
            unpacked, end = _unpack(kind, view, position, decompress)
            archive = memoryview(unpacked)
        segments.append(Segment(kind, position, archive))
        position = _skip_zeros(view, end)
    if not segments:
        raise KdumpError("The initramfs is empty: build it again.")
    return segments


def entries(archive: memoryview) -> Iterator[Entry]:
    """Yield the files of a segment's archives. Raises KdumpError where they are not complete cpio archives."""
    position = _skip_zeros(archive, 0)
    while position < len(archive):
        for entry, end in _walk(archive, position):
            position = end
            if entry.name != _TRAILER:
                yield entry
        position = _skip_zeros(archive, position)


def _archive_end(view: memoryview, position: int) -> int:
    for _entry, end in _walk(view, position):
        position = end
    return position


def _walk(view: memoryview, position: int) -> Iterator[tuple[Entry, int]]:
    """Yield every entry of one archive up to its trailer, each with where the next one begins.

    An entry is a header of 6 + 13 * 8 ASCII digits (magic, inode, mode, uid, gid, links, mtime, size, device major
    and minor, special file major and minor, length of the name with its NUL, check sum), the name and the content,
    both padded to a multiple of 4 from the header's begin.
    """
    name = ""
    while name != _TRAILER:
        header = bytes(view[position : position + _CPIO_HEADER])
        if len(header) < _CPIO_HEADER or header[:6] not in _CPIO:
            raise KdumpError(
                f"The initramfs has no cpio header at byte {position} of an archive: build it again."
            )
        try:
            fields = [int(header[start : start + 8], 16) for start in range(6, _CPIO_HEADER, 8)]
        except ValueError:
            raise KdumpError(
                f"The initramfs has a broken cpio header at byte {position} of an archive: build it again."
            ) from None
        mode, size, name_size = fields[1], fields[6], fields[11]
        begin = position + _aligned(_CPIO_HEADER + name_size)
        end = begin + _aligned(size)
        if not 0 < name_size <= PATH_MAX or begin + size > len(view):
            raise KdumpError(
                f"The initramfs ends within the file at byte {position} of an archive: build it again."
            )
        raw = bytes(view[position + _CPIO_HEADER : position + _CPIO_HEADER + name_size - 1])
        name = raw.decode("utf-8", "surrogateescape")
        yield Entry(_canonical(name), mode, view[begin : begin + size]), end
        position = end


def _canonical(name: str) -> str:
    """cpio stores "./init" or "init" as it was told; both are the same file."""
    while name.startswith(("./", "/")):
        name = name.partition("/")[2]
    return name


def _aligned(length: int) -> int:
    return length + 3 & ~3


def _skip_zeros(view: memoryview, position: int) -> int:
    match = _ZEROS.match(view, position)
    return match.end() if match else position


def _kind(view: memoryview, position: int) -> str:
    begin = bytes(view[position : position + 6])
    if begin in _CPIO:
        return "cpio"
    for magic, kind in _MAGIC:
        if begin.startswith(magic):
            return kind
    raise KdumpError(
        f"The initramfs has neither a cpio archive nor a known compression at byte {position}: build it again."
    )


def _unpack(
    kind: str, view: memoryview, position: int, decompress: Decompress
) -> tuple[bytes, int]:
    """Return what a compressed segment holds and where the segment ends."""
    packed = bytes(view[position:])
    if kind not in _BUILT_IN:
        return decompress(kind, packed), len(view)
    decompressor = _BUILT_IN[kind]()
    try:
        unpacked = decompressor.decompress(packed, LIMIT)
    except _ERRORS as exc:
        raise KdumpError(
            f"The initramfs has a broken {kind} segment at byte {position}, {exc}: build it again."
        ) from None
    if not decompressor.eof:
        raise KdumpError(
            f"The initramfs has a {kind} segment at byte {position} that is cut off or unpacks to more than"
            f" {LIMIT} bytes: build it again."
        )
    return unpacked, len(view) - len(decompressor.unused_data)


__all__ = ("LIMIT", "Entry", "Segment", "entries", "read_image", "split")
