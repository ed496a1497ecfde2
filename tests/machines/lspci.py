# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``lspci -nn`` prints of a machine, with ``-vv``, or with ``lspci -t`` before.

    -+-[0000:00]-+-08.0-[01]--
     |           \\-11.0-[03]----00.0
    00:11.0 PCI bridge [0604]: HiSilicon PCIe Root Port with Gen4 [19e5:a120] (rev 21) (prog-if 00 [Normal decode])
            Control: I/O+ Mem+ BusMaster+ SpecCycle-
            Bus: primary=00, secondary=03, subordinate=03, sec-latency=0
            Capabilities: [40] Express (v2) Root Port (Slot+), MSI 00
            Kernel driver in use: pcieport

``-vv`` tells which bus is below a bridge and what type a function has. Without it the tree tells the bus, and the place
in the tree the type: then a bridge is taken for a port.
"""

from __future__ import annotations

import re
from pathlib import Path

from machines.machine import Function
from machines.place import set_types

_LINE = re.compile(
    r"(?:(?P<domain>[0-9a-f]{4,8}):)?(?P<place>[0-9a-f]{2}:[01][0-9a-f]\.[0-7]) .*?\[(?P<code>[0-9a-f]{4})\]: .*"
    r"\[(?P<identity>[0-9a-f]{4}:[0-9a-f]{4})\](?P<rest>.*)"
)
_INTERFACE = re.compile(r"prog-if ([0-9a-f]{2})")
_ROOT = re.compile(r"\[(?P<domain>[0-9a-f]{4,8}):(?P<bus>[0-9a-f]{2})\]")
_BRANCH = re.compile(
    r"(?P<place>[01][0-9a-f]\.[0-7])(?:-\[(?P<bus>[0-9a-f]{2})(?:-[0-9a-f]{2})?\])?"
)
# What lspci calls the Device/Port Types.
TYPES = {
    "Endpoint": "endpoint",
    "Legacy Endpoint": "legacy_endpoint",
    "Root Port": "root_port",
    "Upstream Port": "upstream_port",
    "Downstream Port": "downstream_port",
    "PCI-Express to PCI/PCI-X Bridge": "pcie_to_pci_bridge",
    "PCI/PCI-X to PCI-Express Bridge": "pci_to_pcie_bridge",
    "Root Complex Integrated Endpoint": "rc_integrated_endpoint",
    "Root Complex Event Collector": "rc_event_collector",
}
# What a line of the details says: pattern, and the word of a function with its value.
_DETAILS = (
    (re.compile(r"Control: .*BusMaster\+"), "master", None),
    (re.compile(r"Bus: primary=\w+, secondary=(\w\w)"), "bus", str),
    (re.compile(r"Express (?:\(v\d\) )?([A-Z][\w/ -]+?)(?: \(|, )"), "type", TYPES.get),
    (re.compile(r"FLReset\+"), "flr", None),
    (re.compile(r"LnkSta:.* Width x(\d+)"), "width", int),
    (re.compile(r"SltCap:.* HotPlug\+"), "hotplug", None),
    (re.compile(r"SltCap:.* Surprise\+"), "surprise", None),
    (re.compile(r"Slot #(\d+)"), "slot", int),
    (re.compile(r"SltSta:.* PresDet\+"), "present", None),
    (re.compile(r"Total VFs: (\d+)"), "vfs", int),
    (re.compile(r"Kernel driver in use: (\S+)"), "driver", str),
    (re.compile(r"^\s+Subsystem: .*\[(\w{4}:\w{4})\]$"), "sub", str),
)


def read(export: Path) -> tuple[list[Function], dict[str, str]]:
    """Return the functions. No root bus is told to be below a function."""
    text = export.read_text(encoding="utf-8", errors="replace")
    functions: dict[str, Function] = {}
    function = None
    for line in text.splitlines():
        found = _LINE.match(line)
        if found:
            function = _function(found)
            functions[function.address] = function
        elif function is not None and line[:1] in ("\t", " "):
            _detail(function, line)
    for address, bus in _buses(text.splitlines()).items():
        if address in functions:
            functions[address].bus = functions[address].bus or bus
            functions[address].bridge = True
    if not any(each.type for each in functions.values()):
        set_types(list(functions.values()), lambda each: each.bridge)
    return list(functions.values()), {}


def _function(found: re.Match[str]) -> Function:
    interface = _INTERFACE.search(found["rest"])
    return Function(
        address=f"{found['domain'] or '0000'}:{found['place']}",
        identity=found["identity"],
        code=found["code"] + (interface[1] if interface else "00"),
        bridge=found["code"] == "0604",
    )


def _detail(function: Function, line: str) -> None:
    for pattern, word, value in _DETAILS:
        found = pattern.search(line)
        if found:
            setattr(function, word, value(found[1]) if value else True)


def _buses(lines: list[str]) -> dict[str, str]:
    """Return the bus below each bridge of a tree.

    What stands to the right of a bus is on it: in its line, and in the lines below until something stands to its left.
    """
    below: dict[str, str] = {}
    domain, open_buses = "0000", []
    for line in lines:
        if _LINE.match(line):
            break
        root = _ROOT.search(line)
        start = 0
        if root:
            domain, start = root["domain"], root.end()
            open_buses = [(root.start(), root["bus"])]
        for branch in _BRANCH.finditer(line, start):
            open_buses = [each for each in open_buses if each[0] < branch.start()]
            if open_buses and branch["bus"]:
                below[f"{domain}:{open_buses[-1][1]}:{branch['place']}"] = branch["bus"]
                open_buses.append((branch.start("bus"), branch["bus"]))
    return below


__all__ = ("read",)
