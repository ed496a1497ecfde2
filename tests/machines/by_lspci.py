# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of configuration spaces against what lspci of pciutils says of the same bytes."""

from __future__ import annotations

import re
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build, pci_function
from machines.lspci import TYPES

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Spaces = t.Mapping[str, bytes]
Said = dict[str, t.Any]

_HEAD = re.compile(r"((?:[0-9a-f]{4,}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) ", re.IGNORECASE)
_ROW = re.compile(r"([0-9a-f]{2,3}): ((?:[0-9a-f]{2} ?)+)$", re.IGNORECASE)
_ROOT_BUS = "pci{}"
_MOST_DEEP = 32

# Capabilities of one function: what lspci prints, and the value of a fact. Groups are the value.
_LINES: tuple[tuple[str, str, t.Callable[[re.Match[str]], t.Any]], ...] = (
    ("bus_master", r"^\tControl: .*BusMaster([+-])", lambda found: found[1] == "+"),
    ("port_type", r"^\tCapabilities: \[\w+\] Express \(v\d\) ([^(,]+?)(?: \(|,)",
     lambda found: TYPES.get(found[1])),
    ("flr", r"\bFLReset([+-])", lambda found: found[1] == "+"),
    ("max_payload", r"^\t\t\tMaxPayload (\d+) bytes, MaxReadReq", lambda found: int(found[1])),
    ("transactions_pending", r"^\t\tDevSta:.*TransPend([+-])", lambda found: found[1] == "+"),
    ("max_speed", r"^\t\tLnkCap:\t.*Speed ([\d.]+)GT/s", lambda found: float(found[1])),
    ("max_width", r"^\t\tLnkCap:\t.*Width x(\d+)", lambda found: int(found[1])),
    ("speed", r"^\t\tLnkSta:\tSpeed ([\d.]+)GT/s", lambda found: float(found[1])),
    ("width", r"^\t\tLnkSta:\t.*Width x(\d+)", lambda found: int(found[1])),
    ("active_reporting", r"\bLLActRep([+-])", lambda found: found[1] == "+"),
    ("active", r"\bDLActive([+-])", lambda found: found[1] == "+"),
    ("hotplug", r"^\t\tSltCap:.*HotPlug([+-])", lambda found: found[1] == "+"),
    ("presence", r"^\t\tSltSta:.*PresDet([+-])", lambda found: found[1] == "+"),
    ("msi", r"^\tCapabilities: \[\w+\] MSI: Enable([+-])", lambda found: found[1] == "+"),
    ("msix", r"^\tCapabilities: \[\w+\] MSI-X: Enable([+-])", lambda found: found[1] == "+"),
    ("power_state", r"^\t\tStatus: (D[0-3]) ", lambda found: {"D3": "D3hot"}.get(found[1], found[1])),
    ("sriov_total", r"Initial VFs: \d+, Total VFs: (\d+)", lambda found: int(found[1])),
    ("dpc", r"^\tCapabilities: \[\w+ v\d+\] (Downstream Port Containment)", bool),
    ("acs", r"^\tCapabilities: \[\w+ v\d+\] (Access Control Services)", bool),
    ("aer", r"^\tCapabilities: \[\w+ v\d+\] (Advanced Error Reporting)", bool),
    ("ats", r"^\tCapabilities: \[\w+ v\d+\] (Address Translation Service)", bool),
)  # fmt: skip
_PATTERNS = tuple((name, re.compile(pattern, re.M), value) for name, pattern, value in _LINES)
_SECONDARY = re.compile(r"^\tBus: primary=\w+, secondary=(\w+)", re.MULTILINE)


def read_dump(text: str) -> dict[str, bytes]:
    """Return the configuration spaces of an output of C(lspci -x), C(-xxx) or C(-xxxx), by their addresses."""
    spaces: dict[str, bytearray] = {}
    space: bytearray | None = None
    for line in text.splitlines():
        head, row = _HEAD.match(line), _ROW.match(line.strip())
        if head:
            address = head[1].lower() if head[1].count(":") == 2 else f"0000:{head[1].lower()}"
            space = spaces.setdefault(address, bytearray())
        elif row and space is not None and int(row[1], 16) == len(space):
            space += bytes.fromhex(row[2])
    return {address: bytes(space) for address, space in spaces.items() if len(space) >= 64}


def read_tree(root: Path) -> dict[str, bytes]:
    """Return the configuration spaces of a tree with a sysfs."""
    places = sorted((root / "sys/bus/pci/devices").glob("*/config"))
    return {place.parent.name: data for place in places if len(data := place.read_bytes()) >= 64}


def differences(spaces: Spaces) -> Iterator[str]:
    """Yield a sentence for each fact that is not what lspci says."""
    if not spaces:
        return
    said, known = by_lspci(spaces), by_facts(spaces)
    for address in sorted(said.keys() | known.keys()):
        ours, theirs = known.get(address, {}), said.get(address, {})
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield f"{address} {key}: {ours.get(key)!r}, and lspci says {theirs.get(key)!r}"


def by_lspci(spaces: Spaces) -> dict[str, Said]:
    """Return what lspci says of each function."""
    with tempfile.NamedTemporaryFile("w", suffix=".lspci") as file:
        for address, space in spaces.items():
            file.write(f"{address} \n")
            for place in range(0, len(space) & ~15, 16):
                file.write(f"{place:02x}: {space[place : place + 16].hex(' ')}\n")
            file.write("\n")
        file.flush()
        command = ["lspci", "-D", "-n", "-vvv", "-F", file.name]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {block.split(" ", 1)[0]: _of_block(block) for block in output.strip().split("\n\n")}


def _of_block(block: str) -> Said:
    head = re.match(r"\S+ (\w{4}): (\w{4}):(\w{4})", block)
    if head is None:
        raise ValueError(f"lspci says nothing of a class: {block.splitlines()[0]}")
    said: Said = {"class": head[1], "vendor": head[2], "device": head[3]}
    for name, pattern, value in _PATTERNS:
        found = pattern.search(block)
        if found:
            said[name] = value(found)
    found = _SECONDARY.search(block)
    if found and found[1] != "00":  # nobody gave it a bus
        said["secondary"] = f"{block.partition(':')[0]}:{found[1]}"
    if said.get("port_type") not in ("root_port", "downstream_port"):
        said.pop("presence", None)
        said.pop("hotplug", None)
    return _comparable(said)


def _comparable(said: Said) -> Said:
    """Take out what one of both leaves out by design."""
    if said.get("port_type") not in ("endpoint", "legacy_endpoint", "rc_integrated_endpoint"):
        said.pop("flr", None)
    # Of a link that does not report it, lspci prints the bit, which means nothing.
    if not said.get("active_reporting"):
        said.pop("active", None)
    return {key: value for key, value in said.items() if value not in (None, False, 0)}


def by_facts(spaces: Spaces) -> dict[str, Said]:
    """Return the facts of a tree with these configuration spaces, in the form of by_lspci()."""
    with tempfile.TemporaryDirectory() as directory:
        root = build(Path(directory), _tree(spaces))
        found = pcie_facts(root)
    presence = {port["address"]: port["presence"] for port in found["ports"]}
    return {
        each["address"]: _of_function(each, presence.get(each["address"]))
        for each in found["functions"]
    }


def _of_function(each: Mapping[str, t.Any], presence: bool | None) -> Said:
    link = each["link"] or {}
    said = {
        "class": each["class"][:4],
        **{key: each[key] for key in ("vendor", "device", "bus_master", "port_type", "flr", "max_payload",
                                      "transactions_pending", "hotplug", "power_state", "acs", "aer", "ats",
                                      "secondary")},
        **{key: _speed(link.get(key)) for key in ("speed", "max_speed")},
        **{key: link.get(key) for key in ("width", "max_width", "active_reporting", "active")},
        "presence": presence,
        "msi": bool(each["msi"] and each["msi"]["enabled"]),
        "msix": bool(each["msix"] and each["msix"]["enabled"]),
        "sriov_total": each["sriov"] and each["sriov"]["total"],
        "dpc": each["dpc"] is not None,
    }  # fmt: skip
    return _comparable(said)


def _speed(text: str | None) -> float | None:
    return float(text.split()[0]) if text else None


def _tree(spaces: Spaces) -> dict[str, bytes | str | None]:
    """Return a sysfs in which each function is below the bridge to its bus."""
    bridges = {
        f"{address.rpartition(':')[0].rpartition(':')[0]}:{space[0x19]:02x}": address
        for address, space in spaces.items()
        if space[0x0E] & 0x7F == 1 and space[0x19]
    }
    tree: dict[str, bytes | str | None] = {}
    for address, space in spaces.items():
        tree.update(
            pci_function(
                _path(address, bridges),
                ids=f"{space[1]:02x}{space[0]:02x}:{space[3]:02x}{space[2]:02x}",
                pci_class=f"{space[0x0B]:02x}{space[0x0A]:02x}{space[0x09]:02x}",
                config=space,
            )
        )
    return tree


def _path(address: str, bridges: Mapping[str, str]) -> str:
    path = [address]
    while (above := bridges.get(path[0].rpartition(":")[0])) and above not in path:
        path.insert(0, above)
        if len(path) > _MOST_DEEP:
            break
    return "/".join([_ROOT_BUS.format(path[0].rpartition(":")[0]), *path])
