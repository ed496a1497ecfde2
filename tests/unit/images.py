# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes initramfs images like those of mkinitramfs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import typing as t
from functools import partial

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FILE = stat.S_IFREG | 0o644
PROGRAM = stat.S_IFREG | 0o755
DIRECTORY = stat.S_IFDIR | 0o755

File = tuple[str, int, bytes]

COMPRESSIONS: Mapping[str, Callable[[bytes], bytes]] = {
    "cpio": bytes,
    "gzip": partial(gzip.compress, mtime=0),  # the same bytes in every process that collects tests
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    # What only the host's programs can do is not compressed here: see unpack_foreign().
    "zstd": lambda data: b"\x28\xb5\x2f\xfd" + data,
    "lz4": lambda data: b"\x02!L\x18" + data,
    "lzo": lambda data: b"\x89LZO" + data,
}

# The starts of kernels: Documentation/arch/x86/boot.rst, Documentation/arch/arm64/booting.rst.
BZIMAGE = bytes(0x202) + b"HdrS" + bytes(512)
ARM64_IMAGE = b"MZ" + bytes(54) + b"ARM\x64" + bytes(512)


def cpio(files: Iterable[File]) -> bytes:
    """Return a newc archive, padded to 512 bytes as cpio(1) does."""
    archive = b"".join(_entry(*file) for file in (*files, ("TRAILER!!!", 0, b"")))
    return archive + bytes(-len(archive) % 512)


def image(*segments: tuple[str, Iterable[File]]) -> bytes:
    """Return an image of segments, each a compression and its files."""
    return b"".join(COMPRESSIONS[kind](cpio(files)) for kind, files in segments)


def unpack_foreign(kind: str, data: bytes) -> bytes:
    """Stand in for zstd, lz4 and lzop."""
    magic = COMPRESSIONS[kind](b"")
    assert data.startswith(magic)
    return data[len(magic) :]


def _entry(name: str, mode: int, content: bytes) -> bytes:
    raw = name.encode("utf-8", "surrogateescape") + b"\0"
    fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + raw) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
