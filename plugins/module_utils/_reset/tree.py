# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The PCI Express tree of a host with the decision for each port, as text for people."""

from __future__ import annotations

import textwrap
import typing as t
from collections import Counter

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import bus_of
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exposure import (
    is_unknown_bridge,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.topology import topology

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Plan = Mapping[str, t.Any]

_WIDTH = 120
_INDENT = "  "
_DECISIONS = {"reset": "RESET", "leave": "leave"}


def reset_tree(facts: Facts, plan: Plan) -> str:
    """Draw the tree: root buses at the left, what is below a port indented, and RESET or leave at each port.

    C(facts) are the facts of M(vmcore.kdump.platform_facts), C(plan) what make_plan() made of them. Virtual
    functions are counted at their physical function: the capture kernel starts without them. Raises
    KdumpError when the plan was made from other facts.
    """
    functions, ports = topology(facts)
    decisions = {port["address"]: port for port in plan["ports"]}
    missing = [port["address"] for port in ports if port["address"] not in decisions]
    if missing:
        raise KdumpError(
            f"The plan does not mention the port {missing[0]}: make it from the same facts."
        )
    virtual = Counter(function.get("physical_function") for function in functions.values())
    slots = {each["address"]: each.get("slot") for each in [*functions.values(), *ports]}
    rows = list(_walk(functions))
    column = max(
        (
            len(_left(depth, function, slots))
            for depth, function in rows
            if function["address"] in decisions
        ),
        default=0,
    )
    lines = [_title(plan, sum(map(is_unknown_bridge, functions.values())))]
    root_bus = None
    for depth, function in rows:
        if depth == 1 and bus_of(function["address"]) != root_bus:
            root_bus = bus_of(function["address"])
            lines += ["", f"root bus {root_bus}"]
        decision = decisions.get(function["address"])
        if decision is None:
            lines.append(
                f"{_left(depth, function, slots)}"
                f"  {_describe(function, virtual[function['address']], decisions.get(function['parent']))}"
            )
        else:
            lines += _decision(_left(depth, function, slots).ljust(column), decision)
        lines += [f"{_INDENT * (depth + 1)}note: {note}" for note in function["notes"]]
    platform = facts.get("platform") or {}
    notes = [
        *(facts["pcie"].get("notes") or ()),
        *(platform.get("notes") or ()),
        *(plan.get("notes") or ()),
    ]
    lines += [""] if notes else []
    for note in notes:
        lines += textwrap.wrap(f"note: {note}", _WIDTH, subsequent_indent=_INDENT)
    return "\n".join(lines) + "\n"


def _title(plan: Plan, unknown: int) -> str:
    total = sum(plan["summary"].values())
    on_chip = plan.get("reset_on_chip") or 0
    counted = f", {on_chip} of them on chip" if on_chip else ""
    bridges = f", {unknown} bridges of unknown kind" if unknown else ""
    return (
        f"{plan['host']}, kernel {plan['kernel']}: {plan['summary']['reset']} of {total} ports reset{counted}{bridges}"
        f" (plan {plan['digest'][:12]})"
    )


def _walk(functions: Mapping[str, Function]) -> Iterator[tuple[int, Function]]:
    """Yield each physical function with its depth, every bridge followed by what is below it."""
    below: dict[str | None, list[Function]] = {}
    for function in functions.values():
        if function.get("physical_function") is None:
            parent = function["parent"] if function["parent"] in functions else None
            below.setdefault(parent, []).append(function)
    todo = [(1, function) for function in reversed(below.get(None, []))]
    while todo:
        depth, function = todo.pop()
        yield depth, function
        todo += [(depth + 1, child) for child in reversed(below.get(function["address"], []))]


def _left(depth: int, function: Function, slots: Mapping[str | None, str | None]) -> str:
    """Return the indented address, for a bridge what it is, and the slot unless it is that of the port above."""
    kind = ""
    if function["header"] == "bridge":
        unknown = is_unknown_bridge(function)
        named = "bridge of unknown kind" if unknown else "conventional PCI bridge"
        kind = (function["port_type"] or named).replace("_", " ")
    slot = slots[function["address"]]
    if slot == slots.get(function["parent"]):
        slot = None
    words = ", ".join(filter(None, (kind, f"slot {slot}" if slot else "")))
    return f"{_INDENT * depth}{function['address']}  {words}".rstrip()


def _describe(function: Function, virtual: int, above: Mapping[str, t.Any] | None) -> str:
    """Return C(8086:10d3 Ethernet controller: 82574L Gigabit Network Connection (e1000e)), the name if it is known.

    C(above) is the plan's entry of the port above. What it resets is shown as it was: without a driver, no Bus Master.
    """
    name = f": {function['name']}" if function.get("name") else ""
    words = [function["driver"]]
    if above and above["decision"] == "reset":
        words = [
            function["driver"] or "no driver",
            "no Bus Master" if function.get("bus_master") is False else None,
        ]
    driver = f" ({', '.join(filter(None, words))})" if any(words) else ""
    count = f", {virtual} virtual functions" if virtual else ""
    return (
        f"{function['vendor']}:{function['device']} {function['class_name']}{name}{driver}{count}"
    )


def _decision(left: str, port: Mapping[str, t.Any]) -> list[str]:
    """Return a port's line; a long sentence goes on below itself."""
    start = f"{left}  {_DECISIONS[port['decision']]}  {'on chip: ' if port.get('on_chip') else ''}"
    return textwrap.wrap(
        port["sentence"],
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
    )


__all__ = ("reset_tree",)
