# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Looks through an archive that a host made, before it is saved or unpacked."""

from __future__ import annotations

import base64
import binascii
import io
import os
import tarfile
import typing as t
import zlib
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

# A tree of 70 ports is 0.1 MB packed, 3 MB and 5000 entries unpacked. These are for machines a hundred times as large.
PACKED_BYTES = 64 << 20
UNPACKED_BYTES = 512 << 20
ENTRIES = 200_000

_NAME_CHARACTERS = 4096  # PATH_MAX
_FUNCTIONS = PurePosixPath("sys/bus/pci/devices")
_NO_ARCHIVE = (binascii.Error, tarfile.TarError, zlib.error, EOFError, ValueError)
# systemd's masks point there, and nothing is read from it.
_NOTHING = "/dev/null"


class Archive(t.NamedTuple):
    """A tree of a host, packed with tar and gzip."""

    data: bytes
    functions: int  # PCI functions in it


def read_archive(answered: t.Any) -> Archive:
    """Return the archive that a host sent as base64. Raises KdumpError for one that is not safe to unpack.

    It holds files, directories and links, each below the directory that it is unpacked in, and so is what a link leads
    to. It is no larger than a host can be.
    """
    if not isinstance(answered, str) or len(answered) > PACKED_BYTES * 4 // 3 + 4:
        raise KdumpError(f"What the host sent is no archive of up to {PACKED_BYTES >> 20} MiB.")
    try:
        data = base64.b64decode(answered, validate=True)
        return Archive(data, _look_through(_unpacked(data)))
    except _NO_ARCHIVE as exc:
        raise KdumpError(f"What the host sent is no archive: {clean(str(exc)):.200}.") from None


def unpack(archive: Path, directory: Path) -> None:
    """Unpack an archive that was saved earlier, perhaps by somebody else, into an empty directory.

    Raises KdumpError for one that is not safe to unpack.
    """
    try:
        if archive.stat().st_size > PACKED_BYTES:
            raise ValueError(f"it is larger than {PACKED_BYTES >> 20} MiB")
        content = _unpacked(archive.read_bytes())
        _look_through(content)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                _put(tar, entry, directory / entry.name)
    except OSError as exc:
        raise KdumpError(f"The archive {archive} cannot be unpacked: {exc.strerror}.") from exc
    except _NO_ARCHIVE as exc:
        raise KdumpError(
            f"The archive {archive} is none of a captured tree: {clean(str(exc)):.200}."
        ) from exc


def _put(tar: tarfile.TarFile, entry: tarfile.TarInfo, place: Path) -> None:
    """Write an entry that was looked at, with owner and permissions of this user: the tree is only read here."""
    if entry.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.issym():
        place.symlink_to(entry.linkname)
        return
    content = tar.extractfile(entry)
    place.write_bytes(content.read() if content else b"")
    # Both are facts: which of two files is older, and whether a program can be run.
    place.chmod(0o755 if entry.mode & 0o111 else 0o644)
    os.utime(place, (entry.mtime, entry.mtime))


def _unpacked(data: bytes) -> bytes:
    """Unpack no more than a tree can be: a few kilobytes of gzip can be gigabytes."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    content = unpacker.decompress(data, UNPACKED_BYTES)
    if unpacker.unconsumed_tail or not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"it is cut, or more than {UNPACKED_BYTES >> 20} MiB unpacked")
    return content


def _look_through(content: bytes) -> int:
    """Return how many PCI functions a tree has. Raises ValueError for an entry that no captured tree has."""
    kinds: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        for count, entry in enumerate(tar, start=1):
            if count > ENTRIES:
                raise ValueError(f"it has more than {ENTRIES} entries")
            _look_at(entry)
            kinds[entry.name] = entry.type
    for name in kinds:
        for parent in PurePosixPath(name).parents:
            if kinds.get(str(parent), tarfile.DIRTYPE) != tarfile.DIRTYPE:
                raise ValueError(f"{name!r} lies below a link or a file")
    return sum(PurePosixPath(name).parent == _FUNCTIONS for name in kinds)


def _look_at(entry: tarfile.TarInfo) -> None:
    name = entry.name
    if name != clean(name) or "\n" in name or len(name) > _NAME_CHARACTERS:
        raise ValueError(f"the name {name[:64]!r} is none")
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError(f"{name!r} leads out of its directory")
    if entry.issym():
        if entry.linkname != _NOTHING and _leads_out(PurePosixPath(name), entry.linkname):
            raise ValueError(
                f"the link {name!r} leads out of its directory, to {entry.linkname[:64]!r}"
            )
    elif not (entry.isreg() or entry.isdir()):
        raise ValueError(f"{name!r} is no file, no directory and no link")


def _leads_out(link: PurePosixPath, target: str) -> bool:
    """Whether a link leads out of the tree. No link goes up after it went down: what it went down to may be a link."""
    parts = target.split("/")
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    return target.startswith("/") or ".." in parts[up:] or up > len(link.parent.parts)


__all__ = ("Archive", "read_archive", "unpack")
