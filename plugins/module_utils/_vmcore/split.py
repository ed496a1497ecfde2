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
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How, Look
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
        KdumpCompressed,
    )

Part = tuple[str, "KdumpCompressed"]


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
        first = self._parts[0][1]
        self._first = first
        self.format = f"split {first.format}"
        self.page_size = first.page_size
        self.machine = first.machine
        self.phys_base = first.phys_base
        self.utsname = first.utsname
        self.timestamp = first.timestamp
        self.pages = 0
        self.ram_pages = 0
        self.sampled = 0
        self.odd_ram = first.odd_ram

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
                raise Flaw("damaged", f"{name} has page frames that another part has as well.")
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

    def read_page(self, frame: int) -> bytes:
        """The content of one page frame of the crashed kernel's RAM."""
        for _name, part in self._parts:
            if part.header.start <= frame < part.header.end:
                return part.read_page(frame)
        raise Flaw("damaged", f"Page frame {hex(frame)} is not in the dump.")

    def read_vmcoreinfo(self) -> bytes:
        return self._first.read_vmcoreinfo()

    def count_cpus(self) -> int | None:
        return self._first.count_cpus()

    def _each(self, check: str, how: How) -> str:
        """One check of every part."""
        try:
            for name, part in self._parts:
                _of_part(name, dict(part.checks(how))[check])
        finally:
            parts = [part for _name, part in self._parts]
            self.pages = sum(part.pages for part in parts)
            self.ram_pages = max(part.ram_pages for part in parts)
            self.sampled = sum(part.sampled for part in parts)
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


__all__ = ("Part", "SplitSet", "are_of_one_dump")
