# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is booted next from entries of the Boot Loader Specification, by systemd-boot or by GRUB of openSUSE."""

from __future__ import annotations

import fnmatch
import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    names,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

# Where the partition with the entries is mounted: file-hierarchy(7), bootctl(1).
_PLACES = ("/boot/efi", "/efi", "/boot")
_VARIABLES = "sys/firmware/efi/efivars"
_VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

# A boot counter at the end of a name: C(fedora-6.9+3-1.conf).
_COUNTER = re.compile(r"\+[0-9]+(-[0-9]+)?$")


class BootEntry(t.NamedTuple):
    """An entry: its name without C(.conf), and what counts for the order."""

    name: str
    sort_key: str
    version: str
    options: list[str]


def next_options(root: Path) -> list[str]:
    """Return the words of the command line of the entry that is booted next.

    UAPI.1 Boot Loader Specification, a file each in loader/entries: C(title openSUSE), C(options quiet splash).
    systemd-boot(7): the variables LoaderEntryOneShot and LoaderEntryDefault, then C(default) of loader.conf, then the
    first entry by its order.

    Raises:
        KdumpError: there is no such entry.
    """
    for place in _PLACES:
        entries = _entries(root, PurePosixPath(place))
        if entries:
            return _chosen(root, PurePosixPath(place), entries).options
    raise KdumpError(
        f"There is no entry to boot in loader/entries of {', '.join(_PLACES)}: look at 'bootctl list'."
    )


def _chosen(root: Path, place: PurePosixPath, entries: list[BootEntry]) -> BootEntry:
    settings = read_text(inside(root, place / "loader/loader.conf")) or ""
    defaults = [line.split(None, 1)[1].strip() for line in settings.splitlines()
                if line.startswith("default") and len(line.split(None, 1)) == 2]  # fmt: skip
    wanted = [
        _variable(root, "LoaderEntryOneShot"),
        _variable(root, "LoaderEntryDefault"),
        *defaults[-1:],
    ]
    for pattern in filter(None, wanted):
        name = pattern[: -len(".conf")] if pattern.endswith(".conf") else pattern
        found = [entry for entry in entries if fnmatch.fnmatchcase(entry.name, name)]
        if found:
            return found[0]
    return entries[0]


def _entries(root: Path, place: PurePosixPath) -> list[BootEntry]:
    """Return the entries that boot Linux, those with a sort-key first, and of one key the newest version first."""
    directory = inside(root, place / "loader/entries")
    files = [name for name in names(directory) if name.endswith(".conf")]
    found = [_entry(name[: -len(".conf")], read_text(directory / name) or "") for name in files]
    entries = [entry for entry in found if entry is not None]
    entries.sort(key=lambda entry: _version(entry.version or entry.name), reverse=True)
    return sorted(entries, key=lambda entry: (not entry.sort_key, entry.sort_key))


def _entry(name: str, text: str) -> BootEntry | None:
    lines = [line.split(None, 1) for line in text.splitlines() if not line.lstrip().startswith("#")]
    fields = [(words[0], words[1].strip()) for words in lines if len(words) == 2]
    values = dict(fields)
    if not {"linux", "efi"} & values.keys():
        return None
    options = [word for key, value in fields if key == "options" for word in value.split()]
    return BootEntry(
        _COUNTER.sub("", name), values.get("sort-key", ""), values.get("version", ""), options
    )


def _version(text: str) -> list[tuple[int, int, str]]:
    """Return what compares as versions do: numbers by their value, and before letters."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _variable(root: Path, name: str) -> str:
    """An EFI variable: four bytes of attributes, then UTF-16."""
    raw = read_bytes(root / _VARIABLES / f"{name}-{_VENDOR}") or b""
    return raw[4:].decode("utf-16-le", "replace").strip("\0 ")


__all__ = ("next_options",)
