# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""ELF notes: the state of each CPU, and VMCOREINFO.

include/uapi/linux/elf.h: namesz, descsz and type (4 bytes each), the name, the description; both of
these padded to 4 bytes.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw

_NOTE = struct.Struct("<III")
_ALIGN = 4
_CPU = (b"CORE", 1)  # NT_PRSTATUS
_VMCOREINFO = (b"VMCOREINFO", 0)
_BUILD_ID = (b"GNU", 3)  # NT_GNU_BUILD_ID
_MAX_NOTES = 1 << 20


class Note(t.NamedTuple):
    """One note, and where its description is."""

    name: bytes
    kind: int
    start: int
    size: int


def notes(data: bytes) -> t.Iterator[Note]:
    """All notes. Raise a Flaw where they do not fill their place."""
    at = 0
    for _number in range(_MAX_NOTES):
        if at >= len(data):
            return
        if at + _NOTE.size > len(data) or not any(data[at : at + _NOTE.size]):
            raise Flaw("damaged", f"There is no note at byte {at} of the ELF notes.")
        name_size, size, kind = _NOTE.unpack_from(data, at)
        name_at = at + _NOTE.size
        start = name_at + _padded(name_size)
        at = start + _padded(size)
        if start + size > len(data):
            raise Flaw("damaged", f"A note of {size} bytes does not fit in the ELF notes.")
        yield Note(data[name_at : name_at + name_size].rstrip(b"\0"), kind, start, size)


def count_cpus(data: bytes) -> int:
    return sum((note.name, note.kind) == _CPU for note in notes(data))


def find_vmcoreinfo(data: bytes) -> Note | None:
    return _find(data, _VMCOREINFO)


def build_id(data: bytes) -> str | None:
    """The build id in the notes of a kernel, /sys/kernel/notes, in hexadecimal."""
    note = _find(data, _BUILD_ID)
    return data[note.start : note.start + note.size].hex() if note else None


def _find(data: bytes, which: tuple[bytes, int]) -> Note | None:
    return next((note for note in notes(data) if (note.name, note.kind) == which), None)


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


__all__ = ("Note", "build_id", "count_cpus", "find_vmcoreinfo", "notes")
