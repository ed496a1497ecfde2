# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Is that in the dump what every debugger needs, and no filter may leave out?

The stacks of the CPUs, from the registers that they left; the task of the CPU that panicked; the kernel's half
of the page tables; the pages of the symbols that VMCOREINFO and the kernel's own table name; and for pages
that are not there, what the kernel's list of its RAM says of them.

What cannot be decided is no gap: an address that leads nowhere, a page that this list calls free (what points there was
overwritten), and what a kernel does not describe.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import ULONG
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    KernelFlaw,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory_map import (
    MemoryMap,
    look_at_excluded,
    whole_pages,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import Container
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

# What crash and drgn read first. linux_banner is text, the others are tables in use.
SYMBOLS = (
    "__per_cpu_offset",
    "idt_table",
    "init_task",
    "linux_banner",
    "saved_command_line",
    "sysctl_bootid",
)
# The variable of each CPU that points to its task: of Linux 6.2 to 6.14 the first one of a structure.
CURRENT = ("pcpu_hot", "current_task")
# How many page tables a quick look looks for, and how many pages that were left out it asks the kernel about.
_QUICK_TABLES = 1 << 14
_FULL_TABLES = 1 << 20
_QUICK_EXCLUDED = 1 << 12
_FULL_EXCLUDED = 1 << 14
_CPUS = 1 << 16
_ULONG = (1 << 64) - 1


class KernelState:
    """The looks at one dump; each adds what it saw to the sentence."""

    def __init__(
        self, dump: Container, memory: Memory, info: VmcoreInfo, symbols: t.Mapping[str, int]
    ) -> None:
        self._dump = dump
        self._memory = memory
        self._info = info
        self._symbols = symbols
        self._map = self._memory_map()
        self._seen: list[str] = []

    def check(self, cpu: int | None, *, full: bool) -> str:
        """Look at everything. C(cpu) is the number of the one that panicked, if the log says it."""
        self._look_at_symbols()
        self._look_at_stacks()
        if cpu is not None:
            self._look_at_task(cpu)
        self._look_at_tables(_FULL_TABLES if full else _QUICK_TABLES)
        self._look_at_excluded(_FULL_EXCLUDED if full else _QUICK_EXCLUDED)
        return f"What a debugger needs is in the dump: {', '.join(self._seen)}."

    def _look_at_symbols(self) -> None:
        named = {
            **self._info.symbols(),
            **{name: address for name, address in self._symbols.items() if name not in CURRENT},
        }
        seen = 0
        for name, address in named.items():
            # A page of zeros is left out of an ELF file, and only text is never zeros.
            if not self._dump.zeros_are_absent or name == "linux_banner":
                seen += self._has(address, f"the symbol {name}")
        self._seen.append(f"{seen} symbols")

    def _look_at_stacks(self) -> None:
        """From the stack pointer of each CPU to the end of its stack."""
        stacks = 0
        machine = self._memory.machine
        for number, state in enumerate(self._dump.registers()):
            if len(state) < machine.stack_pointer + 8:
                continue
            (pointer,) = ULONG[self._memory.order].unpack_from(state, machine.stack_pointer)
            stacks += self._look_at_stack(number, pointer)
        self._seen.append(f"the stacks of {stacks} CPUs")

    def _look_at_stack(self, number: int, pointer: int) -> bool:
        page = self._memory.page_size
        size = max(page, self._memory.machine.stack_size)
        start = pointer // page * page
        # A page of zeros is left out of an ELF file; the one that is in use has more.
        end = start + page if self._dump.zeros_are_absent else (pointer // size + 1) * size
        for address in range(start, end, page):
            if not self._has(address, f"the stack of CPU state {number}"):
                # A stack of another kind ends before, and a stack pointer that is wrong is what a crash leaves.
                return address > start
        return True

    def _look_at_task(self, cpu: int) -> None:
        offsets = self._symbols.get("__per_cpu_offset")
        current = next((self._symbols[name] for name in CURRENT if name in self._symbols), None)
        if offsets is None or current is None or not 0 <= cpu < _CPUS:
            return
        try:
            place = self._memory.ulong(offsets + cpu * 8) + current & _ULONG
            task = self._memory.ulong(place)
        except KernelFlaw:
            return
        if self._has(task, f"the task of CPU {cpu}"):
            self._seen.append("the task that panicked")

    def _look_at_tables(self, limit: int) -> None:
        tables = self._memory.tables
        if tables is None:
            return
        walk = tables.walk(limit, self._require_physical)
        gaps = [gap for gap in walk.gaps if gap.is_ram and not self._is_others(gap.frame)]
        # A table whose entries were all taken back is a page of zeros; most are not.
        if self._dump.zeros_are_absent and 2 * len(gaps) < walk.tables:
            gaps = []
        if gaps:
            gap = gaps[0]
            raise Flaw(
                "incomplete",
                f"{len(gaps)} of {walk.tables} page tables of the kernel are not in the dump; the first is page "
                f"frame {hex(gap.frame)}, which maps the addresses from {hex(self._canonical(gap.address))} on.",
            )
        stray = next((gap for gap in walk.gaps if not gap.is_ram), None)
        if stray and self._dump.has_checksums:
            raise KernelFlaw(
                f"The kernel's page tables say that a table is in the page frame {hex(stray.frame)}, which is no RAM."
            )
        self._seen.append(f"{walk.tables} page tables")

    def _look_at_excluded(self, count: int) -> None:
        """What the kernel says of pages that are RAM and not in the dump."""
        frames = whole_pages(self._dump.absent_frames(count), self._dump.is_ram)
        if not frames:
            return
        if self._dump.dump_level == 0:
            raise Flaw(
                "unsupported",
                f"The dump level is 0, which leaves nothing out, and page frame {hex(frames[0])} of RAM is "
                "not in the dump: it was made of another dump that does not have the page, or the page was lost.",
            )
        if self._map is None:
            return
        scale = max(1, self._memory.page_size // self._dump.page_size)
        excluded = look_at_excluded(
            self._map,
            sorted({frame // scale for frame in frames}),
            in_parts=self._dump.without_memory_map,
        )
        if excluded.kernels:
            raise Flaw(
                "incomplete",
                f"{len(excluded.kernels)} of {excluded.seen} pages that were left out, and were looked up, are in use "
                f"by the kernel itself; the first is page frame {hex(excluded.kernels[0])}. The makedumpfile that "
                "wrote the dump does not know this kernel, or they were lost.",
            )
        self._seen.append(f"and {excluded.seen} pages that are not there may be left out")

    def _memory_map(self) -> MemoryMap | None:
        """The kernel's list of its RAM, None if it cannot be followed in this dump."""
        if (
            not MemoryMap.is_described(self._info)
            or self._memory.tables is None
            or self._dump.zeros_are_absent
        ):
            return None
        try:
            return MemoryMap(self._memory, self._info)
        except Flaw:
            return None

    def _is_others(self, frame: int) -> bool:
        """Whether the kernel's list of its RAM says that a page is not the kernel's own."""
        if self._map is None:
            return False
        try:
            return self._map.use(frame * self._dump.page_size // self._memory.page_size) == "others"
        except Flaw:
            return False

    def _has(self, address: int, what: str) -> bool:
        """Whether an address leads to memory. Raise Absent if that is the kernel's, and not in the dump."""
        if not self._memory.layout.is_kernel(address):
            return False
        try:
            self._require_physical(self._memory.frame(address) * self._memory.page_size)
        except KernelFlaw:
            return False
        except Absent as absent:
            if not absent.is_ram or self._is_others(absent.frame):
                return False
            raise Absent(
                absent.frame,
                is_ram=True,
                sentence=f"The dump does not have {what} at {hex(address)} (page frame {hex(absent.frame)}), which no "
                "dump level leaves out.",
            ) from None
        return True

    def _require_physical(self, physical: int) -> None:
        frame = physical // self._dump.page_size
        if not self._dump.has_page(frame):
            raise Absent(frame, is_ram=self._dump.is_ram(frame))

    @staticmethod
    def _canonical(address: int) -> int:
        """An address with the bits above the top table's as the kernel has them."""
        return address | (-1 << address.bit_length()) & (1 << 64) - 1 if address else address


__all__ = ("CURRENT", "SYMBOLS", "KernelState")
