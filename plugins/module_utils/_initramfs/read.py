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

dracut's squash module (kdump-utils uses it) packs the system into a squashfs or erofs file and puts a small loader
around it: the loader's /init mounts that file and makes it the root (99squash/init-squash.sh, switch_root), which
removes the loader's own files. Here the files of the system have their own paths then, and the loader's files have
C(LOADER) in front of theirs.
"""

from __future__ import annotations

import bz2
import lzma
import re
import stat
import typing as t
import zlib

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Decompress = Callable[[str, bytes], bytes]

# What a segment may have at most when it is unpacked: far more than an initramfs, far less than a host.
LIMIT = 1 << 30

# linux/limits.h
PATH_MAX = 4096

# What the path of a file begins with that only the loader of a nested image sees.
LOADER = "loader:"

# Where dracut's squash modules put the file system image: since 103, since 050, and before. A loader that finds
# both of the first two takes erofs.
NESTED = ("erofs-root.img", "squashfs-root.img", "squash-root.img", "squash/root.img")

# Magic numbers of the file systems, fs/squashfs/squashfs_fs.h and fs/erofs/erofs_fs.h, and where they are.
_FILE_SYSTEMS = (("squashfs", 0, b"hsqs"), ("erofs", 1024, b"\xe2\xe1\xf5\xe0"))

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

    def decompress(self, data: memoryview, max_length: int, /) -> bytes: ...


_BUILT_IN: Mapping[str, Callable[[], _Decompressor]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}
_ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError)


class Entry(t.NamedTuple):
    """One file of an image: its path without a leading slash, st_mode, and content (a link's: its target).

    C(layer) is the path of the nested image that the file is from, empty for the initramfs itself.
    """

    name: str
    mode: int
    data: memoryview
    layer: str = ""


class ImagePart(t.NamedTuple):
    """One piece of an image: C(cpio) or the name of a compression, where it begins, and the archive in it."""

    kind: str
    offset: int
    archive: memoryview


def read_image(image: bytes, decompress: Decompress) -> dict[str, Entry]:
    """Return the files of an image by path, as they are once the kernel has unpacked all of it.

    C(decompress(kind, data)) is called for what the standard library cannot unpack: with kind C(zstd), C(lz4) or
    C(lzo) and the rest of the image, and with C(squashfs) or C(erofs) and a nested image, which it returns as a
    cpio archive. Raises KdumpError for anything that is not an initramfs.
    """
    return files_of(split(image, decompress), decompress)


def files_of(segments: Iterable[ImagePart], decompress: Decompress) -> dict[str, Entry]:
    """Return the files of an image's segments, see C(read_image)."""
    outer = {entry.name: entry for segment in segments for entry in entries(segment.archive)}
    nested = nested_image(outer)
    if nested is None:
        return outer
    kind, image = nested
    archive = memoryview(decompress(kind, bytes(image.data)))
    return {
        **{f"{LOADER}{name}": entry for name, entry in outer.items()},
        **{entry.name: entry._replace(layer=image.name) for entry in entries(archive)},
    }


def nested_image(files: Mapping[str, Entry]) -> tuple[str, Entry] | None:
    """Return the file system image that a loader makes the root, and its kind: C(squashfs) or C(erofs)."""
    for name in NESTED:
        for kind, offset, magic in _FILE_SYSTEMS if name in files else ():
            if files[name].data[offset : offset + len(magic)] == magic:
                return kind, files[name]
    return None


def split(image: bytes, decompress: Decompress) -> list[ImagePart]:
    """Return the segments of an image. Raises KdumpError for anything that is not an initramfs."""
    view = memoryview(image)
    segments: list[ImagePart] = []
    position = _skip_zeros(view, 0)
    while position < len(view):
        kind = _kind(view, position)
        if kind == "cpio":
            end = _archive_end(view, position)
            archive = view[position:end]
        else:
            unpacked, end = _unpack(kind, view, position, decompress)
            archive = memoryview(unpacked)
        segments.append(ImagePart(kind, position, archive))
        position = _skip_zeros(view, end)
    if not segments:
        raise KdumpError("The initramfs is empty: build it again.")
    return segments


def entries(archive: memoryview) -> Iterator[Entry]:
    """Yield the files of a segment's archives. Raises KdumpError where they are not complete cpio archives."""
    position = _skip_zeros(archive, 0)
    while position < len(archive):
        found: list[Entry] = []
        contents: dict[tuple[int, ...], memoryview] = {}
        inodes: list[tuple[int, ...] | None] = []
        for entry, inode, end in _walk(archive, position):
            position = end
            if inode is not None and (entry.data or inode not in contents):
                contents[inode] = entry.data
            found.append(entry)
            inodes.append(inode)
        for entry, inode in zip(found[:-1], inodes):  # the last one is the trailer
            yield entry if inode is None else entry._replace(data=contents[inode])
        position = _skip_zeros(archive, position)


def archive_entry(name: bytes, mode: int, content: bytes) -> bytes:
    """Return one file of a cpio archive. C(archive_trailer) ends the archive."""
    raw = name + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    header = _CPIO[0] + b"".join(b"%08X" % field for field in fields) + raw
    return b"".join(part + bytes(_aligned(len(part)) - len(part)) for part in (header, content))


def archive_trailer() -> bytes:
    """Return what ends a cpio archive."""
    return archive_entry(_TRAILER.encode("ascii"), 0, b"")


def _archive_end(view: memoryview, position: int) -> int:
    for _entry, _inode, end in _walk(view, position):
        position = end
    return position


def _walk(view: memoryview, position: int) -> Iterator[tuple[Entry, tuple[int, ...] | None, int]]:
    """Yield every entry of one archive up to its trailer, each with its inode and where the next one begins.

    A file with several names (dracut makes such of all that are equal) has its content at one of them, which its
    inode tells (init/initramfs.c, maybe_link()). It is None for everything else.

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
        mode, links, size, name_size = fields[1], fields[4], fields[6], fields[11]
        inode = (fields[0], *fields[7:9]) if links > 1 and stat.S_ISREG(mode) else None
        begin = position + _aligned(_CPIO_HEADER + name_size)
        end = begin + _aligned(size)
        if not 0 < name_size <= PATH_MAX or begin + size > len(view):
            raise KdumpError(
                f"The initramfs ends within the file at byte {position} of an archive: build it again."
            )
        raw = bytes(view[position + _CPIO_HEADER : position + _CPIO_HEADER + name_size - 1])
        name = raw.decode("utf-8", "surrogateescape")
        yield Entry(_canonical(name), mode, view[begin : begin + size]), inode, end
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
    packed = view[position:]
    if kind not in _BUILT_IN:
        return decompress(kind, bytes(packed)), len(view)
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


__all__ = (
    "LIMIT",
    "LOADER",
    "Entry",
    "ImagePart",
    "archive_entry",
    "archive_trailer",
    "entries",
    "files_of",
    "nested_image",
    "read_image",
    "split",
)
