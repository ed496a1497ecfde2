# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Unpacks what the standard library cannot, with the host's own programs."""

from __future__ import annotations

import os
import shutil
import stat
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import (
    LIMIT,
    archive_entry,
    archive_trailer,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._run import NOT_FOUND

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Decompress
    from ansible_collections.vmcore.kdump.plugins.module_utils._run import Run

# How each kind is unpacked. The packages that compress an initramfs or make a file system image bring the programs.
_COMMANDS: dict[str, tuple[str, ...]] = {
    "zstd": ("zstd", "-dqf", "{packed}", "-o", "{unpacked}"),
    "lz4": ("lz4", "-dqf", "{packed}", "{unpacked}"),
    "lzo": ("lzop", "-dqf", "{packed}", "-o", "{unpacked}"),
    "squashfs": ("unsquashfs", "-no-progress", "-no-xattrs", "-dest", "{unpacked}", "{packed}"),
    "erofs": ("fsck.erofs", "--extract={unpacked}", "{packed}"),
}

# The packages that have the programs: of Debian, Fedora and SUSE, where their names differ.
_PACKAGES = {
    "zstd": "zstd",
    "lz4": "lz4",
    "lzo": "lzop",
    "squashfs": "squashfs-tools (squashfs on SUSE)",
    "erofs": "erofs-utils",
}


def with_programs(run: Run, directory: Path) -> Decompress:
    """Return a C(decompress) for C(read_image).

    C(run) is that of C(_run.py). The data goes through files in
    C(directory), which the caller removes: tens of megabytes are no business of a pipe that is read piece by piece.
    """

    def decompress(kind: str, data: bytes) -> bytes:
        packed, unpacked = directory / f"packed.{kind}", directory / "unpacked"
        packed.write_bytes(data)
        command = [word.format(packed=packed, unpacked=unpacked) for word in _COMMANDS[kind]]
        try:
            status, output = run(command)
            if status == NOT_FOUND:
                raise KdumpError(
                    f"The initramfs holds {kind}, and the host has no {command[0]} to unpack that:"
                    f" install {_PACKAGES[kind]}."
                )
            if status != 0:
                raise KdumpError(
                    f"The initramfs cannot be unpacked, '{command[0]}' returned {status}: {output.strip()}"
                )
            return _content(unpacked)
        finally:
            packed.unlink(missing_ok=True)
            if unpacked.is_dir():
                shutil.rmtree(unpacked)
            else:
                unpacked.unlink(missing_ok=True)

    return decompress


def _content(unpacked: Path) -> bytes:
    """Return the content of a file, or a directory as a cpio archive."""
    paths = [unpacked] if unpacked.is_file() else list(_below(unpacked))
    if sum(path.lstat().st_size for path in paths) > LIMIT:
        raise KdumpError(f"The initramfs unpacks to more than {LIMIT} bytes: build it again.")
    if unpacked.is_file():
        return unpacked.read_bytes()
    archive = bytearray()
    for path in paths:
        archive += archive_entry(
            os.fsencode(path.relative_to(unpacked)), path.lstat().st_mode, _data(path)
        )
    return bytes(archive + archive_trailer())


def _below(directory: Path) -> Iterator[Path]:
    """Yield everything below a directory, without following links."""
    for path in sorted(directory.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _below(path)


def _data(path: Path) -> bytes:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return os.fsencode(path.readlink())
    return path.read_bytes() if stat.S_ISREG(mode) else b""


__all__ = ("with_programs",)
