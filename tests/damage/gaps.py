# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a dump that lack what a debugger needs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import kallsyms
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kernel_state import CURRENT
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    ORDERS,
    memory_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

# page_desc: offset, size, flags, page_flags
_DESCRIPTOR = struct.Struct("<QIIQ")


class Pages:
    """The pages of a kdump-compressed dump, to be copied without some of them."""

    def __init__(self, path: Path, files: Files) -> None:
        self._raw = path.read_bytes()
        self._dump = KdumpCompressed(files.plain(path), ORDERS)
        self._dump.check_bitmaps()
        self._info = VmcoreInfo(self._dump.read_vmcoreinfo())

    def of_the_log(self) -> set[int]:
        """The page frames that the log is read from."""
        read: set[int] = set()
        find = self._dump.read_page

        def noted(frame: int) -> bytes:
            read.add(frame)
            return find(frame)

        memory = memory_of(self._dump, self._info)
        memory._read_page = noted
        memory.read(self._info.address("init_uts_ns"), 512)
        read_log(memory, self._info)
        return read

    def of_the_task(self, cpu: int) -> int:
        """The page frame of the task that ran on a CPU."""
        memory = memory_of(self._dump, self._info)
        symbols = kallsyms.known_symbols(memory, self._info, ("__per_cpu_offset", *CURRENT))
        current = next(symbols[name] for name in CURRENT if name in symbols)
        place = memory.ulong(symbols["__per_cpu_offset"] + cpu * 8) + current
        return memory.frame(memory.ulong(place & (1 << 64) - 1))

    def all(self) -> set[int]:
        """Every page frame that is in the dump."""
        return {frame for frame in range(self._dump.header.frames) if self._dump.has_page(frame)}

    def copy(self, frames: Iterable[int], target: Path) -> None:
        """Write a dump that has these pages only."""
        header, kept = self._dump.header, sorted(frames)
        bitmap = bytearray(header.bitmap_size)
        for frame in kept:
            bitmap[frame // 8] |= 1 << frame % 8
        first = header.descriptors + _DESCRIPTOR.size * len(kept)
        descriptors, pages = bytearray(), bytearray(header.block_size)
        for frame in kept:
            index = self._dump._bitmaps.index_of(frame)
            place = header.descriptors + (index or 0) * _DESCRIPTOR.size
            offset, size, flags, page_flags = _DESCRIPTOR.unpack_from(self._raw, place)
            own = first
            if offset != self._dump._first_data:
                own += len(pages)
                pages += self._raw[offset : offset + size]
            descriptors += _DESCRIPTOR.pack(own, size, flags, page_flags)
        before = self._raw[: header.bitmap + header.bitmap_size]
        target.write_bytes(before + bitmap + descriptors + pages)


def gaps(path: Path, directory: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a dump that lack what a debugger needs."""
    files = Files(path.parent)
    try:
        pages = Pages(path, files)
        log, everything = pages.of_the_log(), pages.all()
        cpu = verify(path)["crash"]["cpu"] or 0
        for name, frames in (
            (f"the {len(log)} pages of its log", log),
            ("without the task that panicked", everything - {pages.of_the_task(cpu)}),
        ):
            copy = directory / f"copy-{len(frames)}"
            pages.copy(frames, copy)
            yield f"{path.name}, {name}", copy
    finally:
        files.close()
