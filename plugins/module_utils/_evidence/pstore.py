# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Crash records: what kernels that died left to firmware, in files whose layout changed with kernels and systemd.

A kernel writes the end of its log in parts, the last lines first: each begins with C(Panic#1 Part1), and part 1 is the
end of the log (fs/pstore/platform.c, pstore_dump()). A part is a file of /sys/fs/pstore, or a UEFI variable::

    dmesg-erst-7598765432100000001   ACPI ERST: a number that grows by one from part to part; its upper half is the time
                                     of the kernel's first record (drivers/firmware/efi/cper.c, cper_next_record_id())
    dmesg-efi_pstore-176380000102001 the time, two digits for the part, three for the count, which is that of "Panic#1"
                                     (drivers/firmware/efi/efi-pstore.c, generic_id())
    dmesg-efi-176380000102001        the same of a kernel before commit 893c5f1de620 (2022)
    dmesg-efi-176380000102001.enc.z  the kernel could not unpack it
    dump-type0-2-1-1763800001-C-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0
                                     the variable itself, in /sys/firmware/efi/efivars; C: packed, D: not

systemd-pstore moves them at the next boot, below /var/lib/systemd/pstore, and joins them to a file beside the parts
(src/pstore/pstore.c, process_dmesg_files(), changed in the end of 2022)::

    1763800001/001/dmesg.txt         UEFI: time and count; the time may change from part to part
    7598765432100000003/dmesg.txt    ERST: the highest number of the parts
    176380000/dmesg.txt              before: the number without its last six digits; C(dmesg-efi-...:) before each part
    dmesg-efi_pstore-176380000102001 left as it is: what is packed, and what that systemd does not know

So a crash is put together from what its parts say of themselves, wherever they lie.
"""

from __future__ import annotations

import itertools
import re
import typing as t
import zlib

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# fs/pstore/platform.c, kmsg_dump_reason_str(): Restart and Halt before Linux 5.8, Shutdown since.
_REASON = r"(?:Panic|Oops|Emergency|Shutdown|Restart|Halt|Poweroff|Unknown)"
_HEAD = re.compile(rf"^({_REASON})#(\d{{1,9}}) Part(\d{{1,5}})$\n?", re.MULTILINE)
# What systemd-pstore put before each part.
_NAME_LINE = re.compile(r"^dmesg-[a-z_]+-\d+:$\n?", re.MULTILINE)
_BEGIN = re.compile(rf"\s*(?:dmesg-[a-z_]+-\d+:\s+)?{_REASON}#\d+ Part\d+\s".encode())
_FILE = re.compile(r"(?:^|/)dmesg-(?P<backend>[a-z_]+)-(?P<number>\d{1,20})(?P<packed>\.enc\.z)?$")
_VARIABLE = re.compile(
    r"(?:^|/)dump-type0-(?P<part>\d{1,2})-(?P<count>\d{1,3})-(?P<time>\d{1,12})(?:-(?P<packed>[CD]))?"
    r"-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0$"
)
# What systemd-pstore joins parts to.
JOINED = "dmesg.txt"
_EFI, _ERST = "efi", "erst"
# drivers/firmware/efi/cper.c: from the year 2038 on another shift, with the highest bit set.
_LATE = 1 << 63
# include/linux/efi.h: what a file of efivarfs has before the variable.
_ATTRIBUTES = 4
# What is kept of a record is 10 KiB, unless somebody gave the kernel another pstore.kmsg_bytes=.
_MOST_UNPACKED = 256 << 10
# A few crashes in a file that was joined.
_MOST_PARTS = 500
# Old kernels pack with a zlib header, newer ones without; what lzo, lz4 and zstd packed is not unpacked here.
_WINDOWS = (15, -15)

# Between two parts of a crash: firmware takes some tens of milliseconds for a variable.
_SECONDS_BETWEEN_PARTS = 60
# From the panic of a kernel to that of its capture kernel, which may have written at a dump for long.
_SECONDS_OF_A_CRASH = 6 * 3600


class RecordFile(t.NamedTuple):
    """A file of crash records."""

    name: str
    content: bytes

    @property
    def place(self) -> RecordName | None:
        """Which part it is of what; None for what somebody joined."""
        return _place(self.name)

    @property
    def identity(self) -> str:
        """What it is called wherever it lies: a UEFI variable and the file that pstore makes of it are one."""
        place = self.place
        return f"{place.backend}-{place.number}" if place else self.name

    @property
    def written(self) -> int | None:
        """As of its place."""
        return self.place.written if self.place else None

    @property
    def text(self) -> str:
        """What is in it, unpacked; nothing for what cannot be unpacked."""
        place = self.place
        content = self.content[_ATTRIBUTES:] if place and place.is_variable else self.content
        if place and place.is_packed:
            content = _unpacked(content)
        return content.decode("utf-8", "replace")


class RecordName(t.NamedTuple):
    """What the name of a part says."""

    backend: str
    number: int  # as of a file of pstore; it grows with what is written
    is_variable: bool
    is_packed: bool

    @property
    def written(self) -> int | None:
        """When it was written, in seconds since the epoch by the machine's clock; of an ERST the kernel's first one."""
        if self.backend == _EFI:
            return self.number // 100_000
        if self.backend != _ERST:
            return None
        return (self.number - _LATE) >> 24 if self.number >= _LATE else self.number >> 32


class RecordPart(t.NamedTuple):
    """A stretch of a log."""

    record: RecordFile
    reason: str
    ordinal: int  # among the crashes of its kernel that were written
    part: int
    text: str

    @property
    def crash(self) -> tuple[str, str, int]:
        """What it has in common with the other parts of its crash."""
        place = self.record.place
        return place.backend if place else "", self.reason, self.ordinal

    @property
    def content(self) -> tuple[str, int, int, str]:
        """What it is, wherever it lies."""
        return self[1:]


class CrashRecord(t.NamedTuple):
    """The end of the log of one kernel."""

    name: str  # of a file that it comes from
    written: int | None  # as of RecordName
    text: str


def is_record(name: str) -> bool:
    """Say whether a file is a part of a crash record, by its name."""
    return _place(name) is not None


def begins_record(content: bytes) -> bool:
    """Say whether a file has crash records, by how it begins."""
    return _BEGIN.match(content) is not None


def joined(records: Iterable[RecordFile]) -> list[CrashRecord]:
    """Return what kernels left, the oldest first as far as that is known.

    What is there twice counts once. Nothing is said of parts that lack: a record has the end of a log only.
    """
    given = list({record.identity: record for record in records}.values())
    in_parts = sorted(
        (record for record in given if record.place),
        key=lambda record: record.place or (),
        reverse=True,
    )
    # Their directories have the time or the number.
    whole = sorted((record for record in given if not record.place), reverse=True)
    crashes = _crashes(in_parts)
    known = {part.content for crash in crashes for part in crash}
    for crash in _crashes(whole):
        contents = {part.content for part in crash}
        if not contents <= known:
            crashes.append(crash)
            known |= contents
    found = [_log(crash) for crash in crashes]
    # Somebody cut the head off.
    found += [
        CrashRecord(record.name, record.written, record.text)
        for record in given
        if record.text.strip() and not any(_parts(record))
    ]
    return sorted(found, key=lambda crash: crash.written or 0)


def of_last_crash(found: list[CrashRecord]) -> list[CrashRecord]:
    """Return those of the last crash: what was written long before the last one is of another."""
    last = max((each.written for each in found if each.written is not None), default=None)
    if last is None:
        return found
    return [
        each for each in found if each.written is None or last - each.written <= _SECONDS_OF_A_CRASH
    ]


def _place(name: str) -> RecordName | None:
    variable = _VARIABLE.search(name)
    if variable:
        number = (int(variable["time"]) * 100 + int(variable["part"])) * 1000
        return RecordName(_EFI, number + int(variable["count"]), True, variable["packed"] == "C")
    file = _FILE.search(name)
    if file is None:
        return None
    backend = _EFI if file["backend"] == "efi_pstore" else file["backend"]
    return RecordName(backend, int(file["number"]), False, file["packed"] is not None)


def _unpacked(content: bytes) -> bytes:
    """What was packed; nothing if it is packed in another way, which may look like this one for some bytes."""
    unpacked = (_inflated(content, window) for window in _WINDOWS)
    return next((each for each in unpacked if begins_record(each)), b"")


def _inflated(content: bytes, window: int) -> bytes:
    try:
        return zlib.decompressobj(window).decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return b""


def _parts(record: RecordFile) -> Iterator[RecordPart]:
    """The parts in a file, in its order."""
    text = _NAME_LINE.sub("", record.text)
    heads = list(itertools.islice(_HEAD.finditer(text), _MOST_PARTS))
    for head, after in itertools.zip_longest(heads, heads[1:]):
        reason, ordinal, part = head.groups()
        body = text[head.end() : after.start() if after else len(text)]
        yield RecordPart(record, reason, int(ordinal), int(part), body.strip("\n"))


def _crashes(records: list[RecordFile]) -> list[list[RecordPart]]:
    """Put together what was written in one go, from files in the reverse order of what they are called.

    Their parts have falling numbers then: C(Panic#1 Part3), 2, 1. An oops may have its own between them.
    """
    crashes: list[list[RecordPart]] = []
    under_way: dict[tuple[str, str, int], list[RecordPart]] = {}
    for part in itertools.chain.from_iterable(map(_parts, records)):
        crash = under_way.get(part.crash)
        if crash is None or not _goes_on(crash[-1], part):
            crash = under_way[part.crash] = []
            crashes.append(crash)
        crash.append(part)
    return crashes


def _goes_on(last: RecordPart, part: RecordPart) -> bool:
    """Whether a part of the same reason and count is of the same crash."""
    later, earlier = last.record.written or 0, part.record.written or 0
    return part.part < last.part and later - earlier <= _SECONDS_BETWEEN_PARTS


def _log(crash: list[RecordPart]) -> CrashRecord:
    last = crash[-1].record
    return CrashRecord(last.name, last.written, "".join(f"{part.text}\n" for part in crash))


__all__ = (
    "JOINED", "CrashRecord", "RecordFile", "begins_record", "is_record", "joined", "of_last_crash",
)  # fmt: skip
