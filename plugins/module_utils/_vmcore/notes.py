# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""ELF notes: the state of each CPU, and VMCOREINFO.

include/uapi/linux/elf.h: namesz, descsz and type (4 bytes each), the name, the description; both of
these padded to 4 bytes. A device dump of a driver (NT_VMCOREDD) can be a note of many MiB.
"""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import ByOrder
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_NOTE = ByOrder("III")
_ALIGN = 4
_CPU = (b"CORE", 1)  # NT_PRSTATUS
_VMCOREINFO = (b"VMCOREINFO", 0)
_BUILD_ID = (b"GNU", 3)  # NT_GNU_BUILD_ID
_MAX_NOTES = 1 << 20
# The kernel's VMCOREINFO_BYTES is one page.
_MAX_VMCOREINFO = 1 << 16
# struct elf_prstatus is below 512 bytes on all machines.
_MAX_PRSTATUS = 1 << 12
_MAX_NAME = 1 << 8
# Who writes cores that are not kdump's, by a note that only they have.
_ORIGINS = {
    (b"QEMU", 0): "QEMU's",
    (b"CORE", 3): "the core of a process",  # NT_PRPSINFO
    (b"Xen", 0x1000001): "of a machine under Xen",  # XEN_ELFNOTE_CRASH_INFO
    (b"VMCOREINFO_XEN", 0): "of a machine under Xen",
}
_XEN_CPU = b"Xen"

# read(place, size): so many bytes of the notes, or fewer at their end
_Read = t.Callable[[int, int], bytes]


class Note(t.NamedTuple):
    """One note, and where its description is."""

    name: bytes
    kind: int
    start: int
    size: int


def notes(data: bytes, order: Order | None = None) -> t.Iterator[Note]:
    """All notes. Raise a Flaw where they do not fill their place. The byte order is this host's, if not given."""
    native: Order = "<" if sys.byteorder == "little" else ">"
    return _walk(lambda at, size: data[at : at + size], len(data), order or native)


def _walk(read: _Read, end: int, order: Order) -> t.Iterator[Note]:
    at = 0
    for _number in range(_MAX_NOTES):
        head = read(at, _NOTE.size)
        if not any(head) and not 0 < len(head) < _ALIGN:
            # What is behind the last note is padding.
            return
        if len(head) < _NOTE.size:
            raise Flaw("damaged", f"There is no note at byte {at} of the ELF notes.")
        name_size, size, kind = _NOTE[order].unpack(head)
        name_at = at + _NOTE.size
        start = name_at + _padded(name_size)
        if start + size > end:
            raise Flaw("damaged", f"A note of {size} bytes does not fit in the ELF notes.")
        name = read(name_at, min(name_size, _MAX_NAME)).rstrip(b"\0")
        yield Note(name, kind, start, size)
        at = start + _padded(size)
        if at >= end:
            return


class Notes:
    """The notes of a dump, which lie in some ranges of it: (offset, size)."""

    def __init__(self, storage: Storage, ranges: t.Sequence[tuple[int, int]], order: Order) -> None:
        self._storage = storage
        self._ranges = ranges
        self._order = order
        self._found: list[Note] | None = None

    def all(self) -> list[Note]:
        """Every note; its start is its place in the dump."""
        if self._found is None:
            self._found = [note for place in self._ranges for note in self._in(*place)]
        return self._found

    @property
    def end(self) -> int:
        """Where the last note ends in the dump, without what is padding behind all of them."""
        return max((note.start + _padded(note.size) for note in self.all()), default=0)

    def vmcoreinfo(self) -> bytes | None:
        """The text of VMCOREINFO, None if there is no such note."""
        note = self.find_vmcoreinfo()
        if note is None:
            return None
        if note.size > _MAX_VMCOREINFO:
            raise Flaw(
                "unsupported", f"VMCOREINFO has {note.size} bytes, more than can be read here."
            )
        return self._storage.read("VMCOREINFO", note.start, note.size)

    def find_vmcoreinfo(self) -> Note | None:
        return next((note for note in self.all() if (note.name, note.kind) == _VMCOREINFO), None)

    def registers(self) -> list[bytes]:
        """The struct elf_prstatus of each CPU that left its state, in the order of the CPUs."""
        return [
            self._storage.read("the notes", note.start, min(note.size, _MAX_PRSTATUS))
            for note in self.all()
            if (note.name, note.kind) == _CPU
        ]

    def origin(self) -> str:
        """Whose such notes are."""
        for note in self.all():
            if (note.name, note.kind) in _ORIGINS:
                return _ORIGINS[note.name, note.kind]
            if note.name == _XEN_CPU:
                return "of a machine under Xen"
        return "another program's"

    def _in(self, offset: int, size: int) -> t.Iterator[Note]:
        def read(at: int, count: int) -> bytes:
            return self._storage.read("the notes", offset + at, max(0, min(count, size - at)))

        self._storage.require("the notes", offset, size)
        for note in _walk(read, size, self._order):
            yield note._replace(start=offset + note.start)


def build_id(data: bytes) -> str | None:
    """The build id in the notes of a kernel, /sys/kernel/notes, in hexadecimal."""
    note = next((note for note in notes(data) if (note.name, note.kind) == _BUILD_ID), None)
    return data[note.start : note.start + note.size].hex() if note else None


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


__all__ = ("Note", "Notes", "build_id", "notes")
