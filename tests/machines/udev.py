# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``udevadm info --export-db`` prints of a machine.

    P: /devices/pci0000:00/0000:00:01.1/0000:01:00.0
    E: DRIVER=nvme
    E: PCI_CLASS=10802
    E: PCI_ID=144D:A824
    E: PCI_SUBSYS_ID=144D:A801

Places, identities and drivers are as they were. There are no registers: a port's type is told by its place and by
pcieport, the driver of ports.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from machines.machine import Function
from machines.place import set_types

_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$")
_ROOT = re.compile(r"pci([0-9a-f]{4,8}:[0-9a-f]{2})$")


def read(export: Path) -> tuple[list[Function], dict[str, str]]:
    """Return the functions, and the root buses that are below functions."""
    functions: dict[str, Function] = {}
    places: dict[str, list[str]] = {}
    for block in export.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        values = dict(
            line[3:].partition("=")[::2] for line in block.splitlines() if line[:3] == "E: "
        )
        path = next((line[3:] for line in block.splitlines() if line[:3] == "P: "), "")
        parts = path.strip("/").split("/")
        if values.get("SUBSYSTEM") == "pci" and _ADDRESS.match(parts[-1]):
            functions[parts[-1]] = _function(parts[-1], values)
            places[parts[-1]] = parts
    root_buses = _below_functions(places)
    # An export may be cut: what is below a bridge that is not in it has no place.
    for address in [each for each in functions if not _is_placed(places[each], functions)]:
        del functions[address]
    parents = {
        address: places[address][-2] if _ADDRESS.match(places[address][-2]) else None
        for address in functions
    }
    for address, parent in parents.items():
        if parent is not None:
            functions[parent].bridge = True
            functions[parent].bus = address.split(":")[1]
    set_types(list(functions.values()), lambda each: each.driver == "pcieport")
    return list(functions.values()), root_buses


def _is_placed(parts: list[str], functions: dict[str, Function]) -> bool:
    return all(part in functions for part in parts if _ADDRESS.match(part))


def _function(address: str, values: dict[str, str]) -> Function:
    driver = values.get("DRIVER")
    code = values["PCI_CLASS"].lower().zfill(6)
    return Function(
        address=address,
        identity=values["PCI_ID"].lower(),
        code=code,
        bridge=code.startswith("0604"),
        sub=None
        if values.get("PCI_SUBSYS_ID", "0000:")[:4] == "0000"
        else values["PCI_SUBSYS_ID"].lower(),
        driver=driver,
        master=driver is not None,
    )


def _below_functions(places: dict[str, list[str]]) -> dict[str, str]:
    """Return the root buses that a driver made, as Intel VMD's does: bus -> function."""
    found = {}
    for parts in places.values():
        for above, part in itertools.pairwise(parts):
            root = _ROOT.match(part)
            if root and _ADDRESS.match(above):
                found[root[1]] = above
    return found


__all__ = ("read",)
