# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Files of dumps, opened: through the compressor of the whole, and through a flattened stream.

All that is unpacked goes to one file without a name beside the dump. Of the parts of a split dump there can
be more than a process may have open.
"""

from __future__ import annotations

import os
import stat
import tempfile
import typing as t
from collections import OrderedDict

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    Flattened,
    PlainFile,
    is_flattened,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.wrapped import (
    Unpacked,
    first_bytes,
    wrapper_of,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

# How many files are open at a time.
_MOST_OPEN = 8
# What is read of a stream to see whose dump it is: its headers and notes, also those of some thousand CPUs.
_PEEK = 1 << 20

Check = t.Callable[[], str]


class Opened(t.NamedTuple):
    """A file, and what is in it."""

    storage: Storage
    layers: tuple[str, ...]  # "gzip of", "flattened"
    checks: tuple[tuple[str, Check], ...]  # of these layers
    size: int  # of the file


class Files:
    """The files of one dump."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptors: OrderedDict[Path, int] = OrderedDict()
        self._unpacked: t.BinaryIO | None = None

    def close(self) -> None:
        """Close all of them; what was unpacked is gone."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()
        if self._unpacked:
            self._unpacked.close()

    def plain(self, path: Path) -> PlainFile:
        """A file or block device as it is. Raise KdumpError if it is neither."""
        kind = path.stat()
        if stat.S_ISBLK(kind.st_mode):
            size = os.lseek(self._descriptor(path), 0, os.SEEK_END)
            return PlainFile(lambda: self._descriptor(path), size, is_device=True)
        if not stat.S_ISREG(kind.st_mode):
            raise KdumpError(f"{path} is not a file; name a dump, or a directory that has dumps.")
        return PlainFile(lambda: self._descriptor(path), kind.st_size)

    def open(self, path: Path) -> Opened:
        """A file through its layers. What is wrong with these is for their checks to say."""
        file = self.plain(path)
        storage: Storage = file
        size, layers, checks = file.size, [], []
        wrapper = wrapper_of(file)
        if wrapper:
            layers.append(f"{wrapper} of")
            unpacked = Unpacked(file, wrapper, self._directory, self._scratch)
            checks.append(("wrapper", unpacked.check))
            storage = file = unpacked.file
        if is_flattened(file):
            layers.append("flattened")
            storage = stream = Flattened(file)
            checks.append(("stream", stream.check))
        return Opened(storage, tuple(layers), tuple(checks), size)

    def peek(self, path: Path) -> Storage | None:
        """The beginning of what is in a file, enough for the headers of a dump; None if it has no such layers."""
        try:
            file = self.plain(path)
            wrapper = wrapper_of(file)
            if wrapper:
                data = first_bytes(file, wrapper, _PEEK)
                scratch = self._scratch()
                start = os.lseek(scratch, 0, os.SEEK_END)
                os.pwrite(scratch, data, start)
                file = PlainFile(scratch, len(data), start=start)
            if not is_flattened(file):
                return file
            start = min(file.size, _PEEK)
            return Flattened(
                PlainFile(lambda: self._descriptor(path), start) if not wrapper else file
            )
        except (OSError, Flaw, KdumpError):
            return None

    def _scratch(self) -> int:
        if self._unpacked is None:
            self._unpacked = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115 it stays open
        return self._unpacked.fileno()

    def _descriptor(self, path: Path) -> int:
        descriptor = self._descriptors.pop(path, None)
        if descriptor is None:
            if len(self._descriptors) >= _MOST_OPEN:
                os.close(self._descriptors.popitem(last=False)[1])
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._descriptors[path] = descriptor
        return descriptor


__all__ = ("Files", "Opened")
