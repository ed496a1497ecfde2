# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What all formats of dumps have in common."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import Progress

# Returns in one sentence what it saw, or raises a Flaw.
Look = t.Callable[[], str]


class How(t.NamedTuple):
    """How to look at a dump."""

    full: bool = False  # read every page
    jobs: int = 1  # in so many processes
    progress: Progress | None = None


class Container(t.Protocol):
    """The memory of a crashed kernel in a dump."""

    format: str
    page_size: int
    machine: str
    # What makedumpfile left out (its -d), None if the dump does not say.
    dump_level: int | None
    # Pages that were changed after they were written can be told from others.
    has_checksums: bool
    # makedumpfile -e left parts of the kernel's list of its RAM out.
    without_memory_map: bool
    # By a makedumpfile that is older than the kernel; the names were repaired.
    late_names: bool
    # Where the kernel lies in RAM, if the dump says so.
    phys_base: int | None
    # The six strings of struct new_utsname and the time of the crash, if the dump has them outside of
    # the kernel's memory.
    utsname: bytes | None
    timestamp: int | None

    @property
    def pages(self) -> int:
        """How many pages are in the dump."""

    @property
    def ram_pages(self) -> int:
        """How many the host had."""

    @property
    def sampled(self) -> int:
        """How many of them were read to verify them."""

    @property
    def odd_ram(self) -> list[tuple[int, int]]:
        """Ranges of page frames that are RAM, or are not, and not like those around them."""

    @property
    def zeros_are_absent(self) -> bool:
        """Whether a page of zeros may be left out like any other, as makedumpfile -E does it."""

    def checks(self, how: How) -> list[tuple[str, Look]]:
        """Looks that depend on the ones before, in their order."""

    def has_page(self, frame: int) -> bool:
        """Whether a page frame is in the dump."""

    def is_ram(self, frame: int) -> bool:
        """Whether the dump says that the host has it."""

    def absent_frames(self, count: int) -> list[int]:
        """Up to so many page frames that are RAM and not in the dump, all over it."""

    def read_page(self, frame: int) -> bytes:
        """The content of a page frame, or a Flaw."""

    def read_vmcoreinfo(self) -> bytes:
        """The text that the crashed kernel left, or a Flaw."""

    def registers(self) -> list[bytes]:
        """The struct elf_prstatus of each CPU that left its state, in the order of the CPUs."""

    def count_cpus(self) -> int | None:
        """How many CPUs left their state, None if that is not known, or a Flaw."""


__all__ = ("Container", "How", "Look")
