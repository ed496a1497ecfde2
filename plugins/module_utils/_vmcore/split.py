# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A dump that makedumpfile --split wrote to several files.

Each file is a kdump-compressed dump with the bitmaps of the whole, and the pages of a range of frames.
The set is whole if the ranges follow each other from the first page frame to the last one.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Absent, Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import ORDERS

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Check, Files

Part = tuple[str, KdumpCompressed]


class Beside(t.NamedTuple):
    """Another part of a split dump."""

    path: Path
    dump: KdumpCompressed
    checks: tuple[tuple[str, Check], ...]  # of its layers


def parts_beside(path: Path, dump: KdumpCompressed, files: Files) -> list[Beside]:
    """The other parts in the directory of a part, whatever they are called and compressed with."""
    found = []
    for other in sorted(path.parent.iterdir()):
        if other == path or not other.is_file():
            continue
        storage = files.peek(other)
        if storage is None:
            continue
        try:
            is_part = are_of_one_dump(dump, KdumpCompressed(storage, ORDERS))
        except Flaw:
            continue
        if is_part:
            opened = files.open(other)
            found.append(Beside(other, KdumpCompressed(opened.storage, ORDERS), opened.checks))
    return found


def are_of_one_dump(one: KdumpCompressed, other: KdumpCompressed) -> bool:
    """Whether two parts are of the same dump."""
    return (
        one.header.split
        and other.header.split
        and one.header.utsname == other.header.utsname
        and one.header.timestamp == other.header.timestamp
        and one.header.frames == other.header.frames
    )


class SplitSet:
    """All parts of a split dump that were found; their names are for sentences."""

    def __init__(self, parts: t.Sequence[Part]) -> None:
        self._parts = sorted(parts, key=lambda part: (part[1].header.start, part[1].header.end))
        self._starts = [part.header.start for _name, part in self._parts]
        first = self._parts[0][1]
        self._first = first
        self.format = f"split {first.format}"
        self.page_size = first.page_size
        self.machine = first.machine
        self.phys_base = first.phys_base
        self.utsname = first.utsname
        self.timestamp = first.timestamp
        self.dump_level = first.dump_level
        self.has_checksums = first.has_checksums
        self.late_names = first.late_names
        self.without_memory_map = first.without_memory_map

    @property
    def pages(self) -> int:
        return sum(part.pages for _name, part in self._parts)

    @property
    def ram_pages(self) -> int:
        return max(part.ram_pages for _name, part in self._parts)

    @property
    def sampled(self) -> int:
        return sum(part.sampled for _name, part in self._parts)

    @property
    def zeros_are_absent(self) -> bool:
        return all(part.zeros_are_absent for _name, part in self._parts)

    @property
    def odd_ram(self) -> list[tuple[int, int]]:
        return self._first.odd_ram

    def checks(self, how: How) -> list[tuple[str, Look]]:
        """Looks that depend on the ones before, in their order."""
        names = [name for name, _look in self._first.checks(how)]
        return [
            ("parts", self.check_parts),
            *((name, partial(self._each, name, how)) for name in names),
        ]

    def check_parts(self) -> str:
        """The ranges of the parts must be all page frames."""
        end = 0
        for name, part in self._parts:
            if part.header.start < end:
                raise Flaw("unsupported", f"{name} has page frames that another part has as well.")
            if part.header.start > end:
                raise _missing(end, part.header.start)
            end = part.header.end
        if end < self._first.header.frames:
            raise _missing(end, self._first.header.frames)
        digests = {part.digest_of_headers() for _name, part in self._parts}
        if len(digests) != 1:
            raise Flaw("damaged", "The parts do not have the same headers and bitmaps.")
        return (
            f"{len(self._parts)} parts have all page frames up to {hex(end)}, and the same headers "
            "and bitmaps."
        )

    def has_page(self, frame: int) -> bool:
        part = self._part_of(frame)
        return part is not None and part.has_page(frame)

    def is_ram(self, frame: int) -> bool:
        """Whether the dump says that the host has this page frame."""
        return self._first.is_ram(frame)

    def absent_frames(self, count: int) -> list[int]:
        """Up to so many page frames that are RAM and in no part; each of them has both bitmaps of the whole."""
        return self._first.absent_frames(count)

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        part = self._part_of(frame)
        if part is None:
            raise Absent(frame, is_ram=self.is_ram(frame))
        return part.read_page(frame)

    def read_vmcoreinfo(self) -> bytes:
        return self._first.read_vmcoreinfo()

    def registers(self) -> list[bytes]:
        """The struct elf_prstatus of each CPU that left its state."""
        return self._first.registers()

    def count_cpus(self) -> int | None:
        return self._first.count_cpus()

    def _part_of(self, frame: int) -> KdumpCompressed | None:
        index = bisect_right(self._starts, frame) - 1
        part = self._parts[index][1] if index >= 0 else None
        return part if part and frame < part.header.end else None

    def _each(self, check: str, how: How) -> str:
        """One check of every part."""
        for name, part in self._parts:
            _of_part(name, dict(part.checks(how))[check])
        return f"All {len(self._parts)} parts are as they must be, with {self.pages} pages."


def _of_part(name: str, look: Look) -> None:
    try:
        look()
    except Flaw as flaw:
        raise Flaw(flaw.verdict, f"{name}: {flaw}") from None


def _missing(start: int, end: int) -> Flaw:
    return Flaw(
        "incomplete",
        f"No part has the page frames from {hex(start)} to {hex(end)}; all parts of a split dump "
        "must lie in one directory.",
    )


__all__ = ("Beside", "Part", "SplitSet", "are_of_one_dump", "parts_beside")
