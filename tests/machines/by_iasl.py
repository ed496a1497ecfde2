# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decoded tables DMAR and IVRS against what iasl of ACPICA says of the same bytes."""

from __future__ import annotations

import itertools
import re
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import memory
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.dmar import decode_dmar
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.ivrs import decode_ivrs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree, from_rid

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    # A structure, and what it names: ("unit", "fed90000", "segment 0").
    Row = tuple[str, ...]
    Fields = list[tuple[str, str]]

SIGNATURES = ("DMAR", "IVRS")
_TABLES = "sys/firmware/acpi/tables"
# acpidump: "DMAR @ 0x00000000...", then rows "    0000: 44 4D 41 52 ...  DMAR".
_DUMPED = re.compile(rf"^({'|'.join(SIGNATURES)}) @ .*\n((?:\s+[0-9A-F]+: .*\n?)+)", re.MULTILINE)
_DUMPED_ROW = re.compile(r"\s+[0-9A-F]+: ((?:[0-9A-F]{2} ){1,16})")
# iasl -d: "[034h 0052   1]                        Flags : 00", ... "Subtable Type : 0000 [Hardware Unit Definition]".
_FIELD = re.compile(r"\[[0-9A-F]{3,}h \d+ +\w+\] +([^:]+?) : ?(.*)$")
_UNKNOWN = re.compile(r"^\*\*\*\* (.+)$", re.MULTILINE)
# Nothing is below any bridge: a path of several steps leads nowhere on both sides.
_NO_TREE = PciTree({}, lambda _address: None)


def read_dump(path: Path) -> list[bytes]:
    """Return the tables in the output of acpidump, in a table by itself, or in a tree of a host."""
    if path.is_dir():
        places = [path / _TABLES / name for name in SIGNATURES]
        return [place.read_bytes() for place in places if place.exists()]
    content = path.read_bytes()
    if content[:4].decode("latin-1") in SIGNATURES and b" @ " not in content[:8]:
        return [content]
    return list(_dumped(content.decode("latin-1")))


def _dumped(text: str) -> Iterator[bytes]:
    for _name, rows in _DUMPED.findall(text):
        table = b"".join(bytes.fromhex(row) for row in _DUMPED_ROW.findall(rows))
        if len(table) == int.from_bytes(table[4:8], "little"):
            yield table


def differences(table: bytes) -> Iterator[str]:
    """Yield a sentence for each structure that one of both does not have."""
    ours, theirs = by_facts(table), by_iasl(table)
    for row in sorted(set(ours) | set(theirs)):
        if ours.count(row) != theirs.count(row):
            yield f"{' '.join(row)}: {ours.count(row)} times, and iasl says {theirs.count(row)}"


def by_facts(table: bytes) -> list[Row]:
    """Return what the collection decodes."""
    if table[:4] == b"DMAR":
        return list(_dmar_facts(decode_dmar(table, _NO_TREE)))
    return list(_ivrs_facts(decode_ivrs(table, _NO_TREE)))


def by_iasl(table: bytes) -> list[Row]:
    """Return what iasl says.

    Raises:
        ValueError: it ends at what it does not know: C(Unknown DMAR subtable type 0x5), of iasl before 2021.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "table.dat")
        file.write_bytes(table)
        subprocess.run(["iasl", "-d", file.name], cwd=directory, capture_output=True, check=False)
        said = file.with_suffix(".dsl")
        text = said.read_text("latin-1") if said.exists() else "**** iasl does not know this table"
    if unknown := _UNKNOWN.search(text):
        raise ValueError(unknown[1])
    fields = list(_fields(text))
    rows = _dmar_said if table[:4] == b"DMAR" else _ivrs_said
    return list(itertools.chain.from_iterable(map(rows, _structures(fields, table[:4] == b"IVRS"))))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found:
            # iasl of 2025 calls an entry of IVRS as it calls a structure.
            name = "Entry Type" if "Device Entry" in found[2] else found[1]
            yield name, found[2].strip()


def _structures(fields: Fields, only_highest: bool) -> list[Fields]:
    """Cut what iasl says before each structure; of IVRS only the type of unit that the kernel takes."""
    structures: list[Fields] = []
    for name, value in fields:
        if name == "Subtable Type":
            structures.append([])
        if structures:
            structures[-1].append((name, value))
    if not only_highest:
        return structures
    units = [_number(each[0][1]) for each in structures if "Hardware" in each[0][1]]
    return [each for each in structures if _number(each[0][1]) == max(units, default=0)]


_SCOPES = {1: "endpoint", 2: "bridge", 3: "ioapic", 4: "hpet", 5: "namespace"}


def _dmar_facts(found: dict[str, t.Any]) -> Iterator[Row]:
    for unit in found["units"]:
        yield ("unit", unit["address"], f"segment {unit['segment']}", f"all {int(unit['all'])}")
    for each in found["reserved"]:
        yield ("reserved", each["start"], each["end"])
    for each in found["affinity"]:
        yield ("affinity", each["address"], str(each["node"]))
    for key in ("units", "reserved", "ats", "soc_ats", "integrated"):
        for scope in itertools.chain.from_iterable(each["scopes"] for each in found[key]):
            yield ("scope", scope["type"], str(scope["id"]), str(scope["address"]))


def _dmar_said(fields: Fields) -> Iterator[Row]:
    first = dict(reversed(fields))
    segment = _number(first.get("PCI Segment Number", "0"))
    if "Register Base Address" in first:
        base = _memory(first["Register Base Address"])
        yield ("unit", base, f"segment {segment}", f"all {_number(first['Flags']) & 1}")
    if "End Address (limit)" in first:
        yield ("reserved", _memory(first["Base Address"]), _memory(first["End Address (limit)"]))
    if "Proximity Domain" in first:
        yield ("affinity", _memory(first["Base Address"]), str(_number(first["Proximity Domain"])))
    for scope in _cut(fields, "Device Scope Type"):
        steps = [
            tuple(int(part, 16) for part in value.split(","))
            for name, value in scope
            if name == "PCI Path"
        ]
        known = dict(reversed(scope))
        address = _NO_TREE.walk(
            segment, _number(known["PCI Bus Number"]), t.cast("Iterable[tuple[int, int]]", steps)
        )
        kind = _SCOPES.get(_number(known["Device Scope Type"]), "unknown")
        yield ("scope", kind, str(_number(known["Enumeration ID"])), str(address))


_SPECIALS = {1: "ioapic", 2: "hpet"}
_FUNCTIONS, _RANGES, _ALIAS, _END, _SPECIAL = (0x02, 0x46), (0x03, 0x43, 0x47), 0x42, 0x04, 0x48


def _ivrs_facts(found: dict[str, t.Any]) -> Iterator[Row]:
    for unit in found["units"]:
        yield ("unit", unit["address"], f"segment {unit['segment']}", str(unit["device"]))
        for scope in unit["scopes"]:
            if scope["type"] not in ("all", "namespace"):
                yield (
                    "scope",
                    scope["type"],
                    *(
                        str(scope[key])
                        for key in ("id", "address", "last", "alias")
                        if key in scope
                    ),
                )


def _ivrs_said(fields: Fields) -> Iterator[Row]:
    first = dict(reversed(fields))
    segment = _number(first["PCI Segment Group"])
    yield (
        "unit",
        _memory(first["Base Address"]),
        f"segment {segment}",
        _function(segment, first["DeviceId"]),
    )
    begun: list[str] = []
    for entry in _cut(fields, "Entry Type"):
        known = dict(reversed(entry))
        kind, device = _number(known["Entry Type"]), _function(segment, known.get("Device ID", "0"))
        alias = [
            _function(segment, known[name]) for name in ("Source Used Device ID",) if name in known
        ]
        if kind in _FUNCTIONS:
            yield ("scope", "function", device)
        elif kind == _ALIAS:
            yield ("scope", "alias", device, *alias)
        elif kind in _RANGES:
            begun = [device, *alias]
        elif kind == _END and begun:
            yield ("scope", "range", begun[0], device, *begun[1:])
            begun = []
        elif kind == _SPECIAL:
            special = _SPECIALS.get(_number(known["Variety"]), "unknown")
            yield ("scope", special, str(_number(known["Handle"])), *alias)


def _cut(fields: Fields, name: str) -> list[Fields]:
    """Cut fields before each one of a name; what is before the first is left out."""
    parts: list[Fields] = []
    for field in fields:
        if field[0] == name:
            parts.append([])
        if parts:
            parts[-1].append(field)
    return parts


def _number(text: str) -> int:
    """Return a number as iasl writes it: C(0000 [Hardware Unit Definition])."""
    return int(text.split(" ")[0], 16)


def _memory(text: str) -> str:
    return memory(_number(text))


def _function(segment: int, device: str) -> str:
    return str(from_rid(segment, _number(device)))
