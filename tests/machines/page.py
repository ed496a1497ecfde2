# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/evidence/platforms.md: what is decided on each machine of tests/unit/data/machines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import (
    NOTE_NO_NAMES,
    pcie_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from machines import machine

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "platforms.md"

Facts = dict[str, Any]
Plan = dict[str, Any]

_HEAD = """\
<!--
Copyright (c) 2026, the vmcore.kdump authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Real machines, and what the plan makes of them

`make platforms` writes this page, and a unit test compares it. It shows what is decided without any rule and policy, on
machines as public exports of their hardware have them. Nobody has crashed these machines with this collection: the page
says what would be reset, not what comes back.

The exports are from other systems and have no registers, so some things are assumed. The kernel is that of Debian 13,
with both reset files. Where an export has no Device/Port Type, the place in the tree tells it; where it has no Bus
Master, a function with a driver has it on. FreeBSD's exports do not say which of its slots Linux would drive.

Facts come from registers. `make compare` decodes the 41 dumps of pciutils' own tests (172 functions) and the trees of
these machines as the collection does, and asks lspci. There was one difference (lspci 3.9.0, 2026-11-29): the facts do
not name the bus below a CardBus bridge. The same command decodes ACPI tables and asks iasl. Of 308 tables DMAR and 114
IVRS of public outputs of acpidump (linuxhw/ACPI, 655 files) it compared all but six, with 3,700 units, reserved ranges
and scopes, and found no difference (iasl 20250404). Those six have a block that no iasl knows. Public tables IORT were
not found.

*DMA*: functions that can do DMA. *Silent*: before drivers load. *Running*: the others, and *?* those below a bridge
that could not be read. *Storage, network*: silent ones of those. *Reset*: ports, and how many of them are on chip. *All
hot-plug*: silent if every port were an occupied hot-plug slot.
"""


def facts_of(found: machine.Machine) -> Facts:
    """Return the facts of a machine's tree, for which kdump is not known."""
    with tempfile.TemporaryDirectory() as directory:
        root = machine.unpack(found, Path(directory))
        return {
            "pcie": pcie_facts(root),
            "platform": platform_facts(root),
            "kdump": {"kernel_release": machine.RELEASE},
        }


def all_hotplug(facts: Facts) -> Facts:
    """Return the facts with every port an occupied hot-plug slot."""
    ports = [{**port, "hotplug": True, "presence": True} for port in facts["pcie"]["ports"]]
    return {**facts, "pcie": {**facts["pcie"], "ports": ports}}


def render() -> str:
    """Return the page."""
    rows, sections = [], []
    totals: dict[str, int] = {}
    for path in sorted(machine.DATA.glob("*.txt")):
        found = machine.read(path)
        facts = facts_of(found)
        plan = make_plan(facts)
        hotplug = make_plan(all_hotplug(facts))["dma"]["silent"]
        rows.append(_row(found, plan, hotplug))
        sections += _section(found, facts, plan)
        for key, value in {**plan["dma"], "hotplug": hotplug}.items():
            if isinstance(value, int):
                totals[key] = totals.get(key, 0) + value
    lines = [
        _HEAD,
        "| machine | kinds | DMA | silent | running | storage, network | reset | all hot-plug |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        (
            f"| all | | {totals['functions']} | {totals['silent']} | {totals['running']} and {totals['unknown']} ? |"
            f" {totals['silent_storage_network']} of {totals['storage_network']} | | {totals['hotplug']} |"
        ),
        *sections,
    ]
    return "\n".join(lines) + "\n"


def _row(found: machine.Machine, plan: Plan, hotplug: int) -> str:
    dma = plan["dma"]
    chip = f" ({plan['reset_on_chip']} on chip)" if plan["reset_on_chip"] else ""
    unknown = f" and {dma['unknown']} ?" if dma["unknown"] else ""
    cells = (
        f"[{found.title}](#{_anchor(found.title)})",
        ", ".join(found.kinds),
        dma["functions"],
        dma["silent"],
        f"{dma['running']}{unknown}",
        f"{dma['silent_storage_network']} of {dma['storage_network']}",
        f"{plan['summary']['reset']} of {sum(plan['summary'].values())}{chip}",
        hotplug,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def _section(found: machine.Machine, facts: Facts, plan: Plan) -> list[str]:
    functions = {each["address"]: each for each in facts["pcie"]["functions"]}
    left = [
        port for port in plan["ports"]
        if port["decision"] == "leave" and port["reason"] not in ("no_children", "not_endpoint")
    ]  # fmt: skip
    lines = ["", f"## {found.title}", "", f"Source: {found.source}.", ""]
    lines += [f"- {note}" for note in facts["pcie"]["notes"] if note != NOTE_NO_NAMES]
    lines += [
        f"- running: {len(group['functions'])}, {group['words']}" for group in plan["dma"]["groups"]
    ]
    lines += [
        f"- {lever['gain']} more silent with {lever['words']}" for lever in plan["dma"]["levers"]
    ]
    ports = [port for port in plan["ports"] if port["decision"] == "reset"]
    for title, entries in (("reset", ports), ("left", left)):
        if entries:
            lines += ["", f"| {title} | endpoints | reason |", "|---|---|---|"]
            lines += [_entry(port, functions) for port in entries]
    return lines


def _entry(port: Plan, functions: Facts) -> str:
    below = [functions[child["address"]] for child in port["children"]]
    endpoints = "<br>".join(
        f"{each['address']} {each['vendor']}:{each['device']} {each['class']} {each['class_name'] or ''}".rstrip()
        + f" ({each['driver'] or 'no driver'}{'' if each['bus_master'] else ', no Bus Master'})"
        for each in below
    )
    reason = f"on chip, {port['reason']}" if port["on_chip"] else port["reason"]
    return f"| {port['address']} | {endpoints} | {reason} |"


def write() -> None:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}.")


__all__ = ("PAGE", "all_hotplug", "facts_of", "render", "write")
