# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of /sys as hwloc's tests have them, with the configuration spaces as they were."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from machines.machine import Function


def read(export: Path) -> tuple[list[Function], dict[str, str]]:
    """Return the functions as the facts of the tree have them."""
    facts = pcie_facts(export)
    functions = []
    for each in facts["functions"]:
        link, port = each["link"] or {}, _port(facts, each["address"])
        functions.append(
            Function(
                address=each["address"],
                identity=f"{each['vendor']}:{each['device']}",
                code=each["class"],
                bridge=each["header"] == "bridge",
                sub=None
                if each["subsystem_vendor"] in ("0000", "ffff")
                else f"{each['subsystem_vendor']}:{each['subsystem_device']}",
                type=each["port_type"],
                bus=(each["secondary"] or "").rpartition(":")[2] or None,
                width=link.get("width"),
                slot=0 if port.get("presence") is not None else None,
                hotplug=bool(port.get("hotplug")),
                surprise=bool(port.get("surprise")),
                present=bool(port.get("presence")),
                flr=bool(each["flr"]),
                driver=each["driver"],
                master=bool(each["bus_master"]),
                vfs=(each["sriov"] or {}).get("total"),
                vf=each["physical_function"],
                cxl=bool(each["cxl"]),
                header=any("Only the start" in note for note in each["notes"]),
            )
        )
    return functions, {}


def _port(facts: dict[str, object], address: str) -> dict[str, object]:
    ports = facts["ports"]
    assert isinstance(ports, list)
    return next((port for port in ports if port["address"] == address), {})


__all__ = ("read",)
