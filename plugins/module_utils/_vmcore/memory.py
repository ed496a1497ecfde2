# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The memory of a crashed kernel at the addresses that the kernel used, by its machine."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import (
    aarch64,
    ppc64,
    s390x,
    x86_64,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import (
    UINT,
    ULONG,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    KernelFlaw,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.paging import PageTables

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import Container
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.paging import Tables
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

# read_page(frame) returns the content of a page frame, or raises a Flaw.
ReadPage = t.Callable[[int], bytes]


class Layout(t.Protocol):
    """Where the kernel of a machine has its memory."""

    tables: Tables | None
    # An address that image() knows, to see whether the page tables are understood; None if they are the only way.
    probe: int | None

    def direct(self, address: int) -> int | None:
        """The physical address of what is mapped in one piece, None for all else."""

    def image(self, address: int) -> int | None:
        """The same for what the page tables map as well; for kernels whose tables cannot be followed."""

    def is_kernel(self, address: int) -> bool:
        """Whether an address is in the kernel's part of all addresses."""


class MachineMemory(t.NamedTuple):
    """How the memory of a machine's kernel is read."""

    order: Order
    layout: t.Callable[[VmcoreInfo, int, int | None], Layout]
    page_sizes: tuple[int, ...]
    stack_pointer: int  # where struct elf_prstatus has it
    stack_size: int  # at least


def _machine(order: Order, room: t.Any) -> MachineMemory:
    return MachineMemory(order, room.Layout, room.PAGE_SIZES, room.STACK_POINTER, room.STACK_SIZE)


MACHINES = {
    "aarch64": _machine("<", aarch64),
    "ppc64": _machine(">", ppc64),
    "ppc64le": _machine("<", ppc64),
    "s390x": _machine(">", s390x),
    "x86_64": _machine("<", x86_64),
}
ORDERS = {name: machine.order for name, machine in MACHINES.items()}


class Memory:
    """Memory at virtual addresses."""

    def __init__(
        self,
        machine: MachineMemory,
        layout: Layout,
        page_size: int,
        read_page: ReadPage,
        *,
        zeros_are_absent: bool = False,
    ) -> None:
        self.machine = machine
        self.order = machine.order
        self.layout = layout
        self.page_size = page_size
        self.zeros_are_absent = zeros_are_absent
        self._read_page = read_page
        self._frames: dict[int, int] = {}
        self._tables: PageTables | None = None
        self._tables_known = False

    @property
    def tables(self) -> PageTables | None:
        """The kernel's page tables, None if they cannot be followed."""
        if not self._tables_known:
            self._tables_known = True
            self._tables = self._find_tables()
        return self._tables

    def read(self, address: int, size: int, *, sparse: bool = False) -> bytes:
        """Exactly these bytes, or a Flaw.

        With C(sparse) a page that is not there is zeros, if the dump leaves pages of zeros out.
        """
        parts: list[bytes] = []
        while size > 0:
            start = address % self.page_size
            parts.append(self._page(address, sparse=sparse)[start : start + size])
            address += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)

    def _page(self, address: int, *, sparse: bool) -> bytes:
        try:
            return self._read_page(self.frame(address))
        except Absent as absent:
            if absent.is_ram and sparse and self.zeros_are_absent:
                return bytes(self.page_size)
            if absent.is_ram:
                raise
            raise KernelFlaw(
                f"The kernel's address {hex(address)} leads to page frame {hex(absent.frame)}, which is no RAM."
            ) from None

    def ulong(self, address: int) -> int:
        """A number of 8 bytes."""
        return int(ULONG[self.order].unpack(self.read(address, ULONG.size))[0])

    def uint(self, address: int) -> int:
        """A number of 4 bytes."""
        return int(UINT[self.order].unpack(self.read(address, UINT.size))[0])

    def frame(self, address: int) -> int:
        """The page frame at an address, remembered for each page. Raise a Flaw if the kernel has none there."""
        page = address // self.page_size
        if page not in self._frames:
            physical = self.layout.direct(address)
            if physical is None:
                physical = self._mapped(address)
            if physical is None:
                raise KernelFlaw(f"The kernel has no memory at its address {hex(address)}.")
            self._frames[page] = physical // self.page_size
        return self._frames[page]

    def read_physical(self, physical: int, size: int) -> bytes:
        """Memory at a physical address."""
        parts: list[bytes] = []
        while size > 0:
            start = physical % self.page_size
            parts.append(self._read_page(physical // self.page_size)[start : start + size])
            physical += len(parts[-1])
            size -= len(parts[-1])
        return b"".join(parts)

    def _mapped(self, address: int) -> int | None:
        tables = self.tables
        if tables is None:
            return self.layout.image(address)
        return tables.translate(address)

    def _find_tables(self) -> PageTables | None:
        """The page tables, if they map what is known as it is known."""
        layout = self.layout
        wanted = layout.tables
        if isinstance(layout, s390x.Layout):
            (entry,) = ULONG[">"].unpack(self.read_physical(layout.top, ULONG.size))
            wanted = layout.tables_of(layout.kind_of(entry))
        if wanted is None:
            return None
        tables = PageTables(wanted, self.read_physical)
        if layout.probe is None:
            return tables
        try:
            known = tables.translate(layout.probe) == layout.image(layout.probe)
        except Flaw:
            return None
        return tables if known else None


def memory_of(dump: Container, info: VmcoreInfo) -> Memory:
    """The memory in a dump. Its pages have the size that VMCOREINFO says."""
    machine = MACHINES[dump.machine]
    page_size = info.number("PAGESIZE")
    if page_size not in machine.page_sizes:
        raise Flaw(
            "unsupported", f"VMCOREINFO says pages of {page_size} bytes on an {dump.machine}."
        )
    layout = machine.layout(info, page_size, dump.phys_base)
    return Memory(
        machine,
        layout,
        page_size,
        _of_size(dump, page_size),
        zeros_are_absent=dump.zeros_are_absent,
    )


def _of_size(dump: Container, size: int) -> ReadPage:
    """A read_page for pages of this size from a dump that has others (ELF has always 4096)."""
    if size <= dump.page_size:
        shared = dump.page_size // size
        if shared == 1:
            return dump.read_page
        return lambda frame: dump.read_page(frame // shared)[frame % shared * size :][:size]
    count = size // dump.page_size

    def read_page(frame: int) -> bytes:
        return b"".join(map(dump.read_page, range(frame * count, (frame + 1) * count)))

    return read_page


__all__ = ("MACHINES", "ORDERS", "MachineMemory", "Memory", "memory_of")
