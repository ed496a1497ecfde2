# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What all ACPI tables have in common: the header, the checksum, structures that tell their own length.

Decoders take the bytes of /sys/firmware/acpi/tables/<name>. A table that is none raises KdumpError; a
structure inside that does not fit ends the decoding there and leaves a note, because what came before
it is still true. Nothing is read outside the table, and every step forward is at least one byte.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator

# Real tables have some hundred bytes, those of the largest servers some ten thousand.
LIMIT = 1 << 18
_REGIONS = 256
_NOTES = 32
_MORE = "More is wrong, it is left out."

# ACPI Specification, 5.2.6 System Description Table Header: signature, length, revision, checksum,
# OEM ID, OEM table ID, OEM revision, creator ID, creator revision.
HEADER_SIZE = 36
_HEADER = struct.Struct("<4sIBB")


class Table(t.NamedTuple):
    """The bytes of one table, its revision, and sentences on what is wrong in it."""

    name: str
    data: bytes
    revision: int
    notes: list[str]

    def unpack(self, format_: str, offset: int) -> tuple[t.Any, ...]:
        """Read fields, little endian. Raises KdumpError when they lie outside."""
        reader = struct.Struct(f"<{format_}")
        if offset < 0 or offset + reader.size > len(self.data):
            raise KdumpError(
                f"The ACPI table {self.name} is damaged: its {len(self.data)} bytes end before"
                f" the fields at {offset}; look for a firmware update."
            )
        return reader.unpack_from(self.data, offset)

    def number(self, format_: str, offset: int) -> int:
        """Read one field, little endian."""
        return int(self.unpack(format_, offset)[0])

    def text(self, offset: int, end: int) -> str:
        """Read a string that ends with a zero byte, or at C(end)."""
        content = self.data[offset:end].partition(b"\0")[0]
        return content.decode("ascii", errors="replace").strip()

    def note(self, sentence: str) -> None:
        """Keep a sentence, once; not more of them than somebody reads."""
        if len(self.notes) > _NOTES or sentence in self.notes:
            return
        self.notes.append(sentence if len(self.notes) < _NOTES else _MORE)

    def full(self, regions: t.Sized) -> bool:
        """Say whether no other region of reserved memory is decoded, and note that.

        Each is returned with its devices: a table of thousands that are for every device would
        make facts of a hundred megabytes.
        """
        if len(regions) < _REGIONS:
            return False
        self.note(
            f"There are more than {_REGIONS} regions of reserved memory, the rest is left out."
        )
        return True


def open_table(name: str, data: bytes, fixed: int) -> Table:
    """Check the header of a table with C(fixed) bytes before its first structure.

    Raises KdumpError for bytes that are no such table.
    """
    if len(data) < fixed or len(data) > LIMIT:
        raise KdumpError(
            f"The ACPI table {name} has {len(data)} bytes instead of {fixed} to {LIMIT}:"
            " capture it again or look for a firmware update."
        )
    signature, length, revision, _checksum = _HEADER.unpack_from(data)
    if signature != name.encode("ascii"):
        raise KdumpError(f"The ACPI table {name} does not begin with its name: capture it again.")
    if not fixed <= length <= len(data):
        raise KdumpError(
            f"The ACPI table {name} says it has {length} bytes, there are {len(data)}:"
            " capture it again or look for a firmware update."
        )
    table = Table(name, data[:length], revision, [])
    if sum(table.data) & 0xFF:
        table.note("The checksum is wrong.")
    return table


def structures(
    table: Table, offset: int, end: int, format_: str, smallest: int
) -> Iterator[tuple[int, int, int]]:
    """Yield C((type, offset, end)) of the structures between two offsets.

    C(format_) reads type and length where a structure begins. One that is shorter than
    C(smallest), or goes beyond C(end), ends the walk with a note.
    """
    size = struct.calcsize(f"<{format_}")
    while offset + size <= end:
        kind, length = table.unpack(format_, offset)
        if length < max(smallest, size) or offset + length > end:
            break
        yield kind, offset, offset + length
        offset += length
    if offset < end:
        table.note(f"The structure at {offset} does not fit, what follows it is not decoded.")


def bits(value: int, names: t.Mapping[int, str]) -> dict[str, bool]:
    """Return which of the named bits are set."""
    return {name: bool(value >> bit & 1) for bit, name in names.items()}


def memory(value: int) -> str:
    """Return a memory address as the drivers print it in /sys/class/iommu: hexadecimal, no 0x."""
    return f"{value:x}"


__all__ = ("HEADER_SIZE", "LIMIT", "Table", "bits", "memory", "open_table", "structures")
