# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The PCI Express tree of a host as a picture: boxes and lines with their places, to be drawn by a template.

Root buses are at the left, what is below a bridge is to the right of it. Functions of one device share a box, and so do
the devices of the chipset and the ports with nothing below, which nobody decides about.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_ROW = 46
_HEIGHT = 36
_GAP = 34
_MARGIN = 4
# Width of a box, and how many characters its second line holds, by kind.
_WIDTHS = {"bus": (92, 12), "port": (190, 28), "switch": (140, 20), "device": (252, 35)}
# What happened to a port: a word for it, and a mark for those who do not see its colour.
OUTCOMES = {
    "failed": ("did not come back", "✕"),
    "timeout": ("no answer in time", "✕"),
    "left": ("planned, but left alone in the crash", "!"),
    "reset": ("reset in the crash", "✓"),
    "planned": ("to be reset, not seen in a crash", "○"),
    "leave": ("left alone by the plan", "\N{EN DASH}"),
    "unknown": ("not decided", "?"),
}
_PORTS = ("root_port", "downstream_port")


class _Node:
    """A box. Its column follows from its depth, its row from what is to the right of it."""

    def __init__(self, kind: str, title: str, label: str, outcome: str | None = None) -> None:
        self.kind = kind
        self.title = title
        self.label = label
        self.outcome = outcome
        self.below: list[_Node] = []
        self.left = 0
        self.middle = 0.0


def picture(
    functions: Iterable[Data], decisions: Mapping[str, Data], outcomes: Mapping[str, str]
) -> Data:
    """Return C(width), C(height), C(boxes) and C(lines).

    C(functions) are the facts' functions, C(decisions) the ports of the plan and C(outcomes) what happened to them,
    both by address. Functions that nothing leads to are not drawn.
    """
    by_parent: dict[tuple[str, str], list[Data]] = {}
    known = {function["address"] for function in functions}
    for function in functions:
        if function["physical_function"] is None:
            parent = function["parent"]
            key = ("function", parent) if parent in known else ("bus", _root_bus(function))
            by_parent.setdefault(key, []).append(function)
    roots = []
    for key in sorted(key for key in by_parent if key[0] == "bus"):
        node = _Node("bus", key[1], "root bus")
        roots.append(node)
        todo = [(node, key)]
        while todo:
            above, below = todo.pop()
            bridges = [each for each in by_parent.get(below, ()) if each["header"] == "bridge"]
            occupied = [each for each in bridges if ("function", each["address"]) in by_parent]
            for each in occupied:
                child = _bridge(each, decisions, outcomes)
                above.below.append(child)
                todo.append((child, ("function", each["address"])))
            others = [each for each in by_parent.get(below, ()) if each["header"] != "bridge"]
            above.below += _devices(others, chipset=below[0] == "bus")
            above.below += _empty(bridges, by_parent)
    return _placed(roots)


def port_outcome(decision: Data | None, result: str | None) -> str:
    """Return the key of OUTCOMES for a port: what happened in a crash counts before what was planned."""
    if result in OUTCOMES:
        return str(result)
    if decision is None:
        return "unknown"
    return "planned" if decision["decision"] == "reset" else "leave"


def _root_bus(function: Data) -> str:
    return function["root_bus"] or function["address"].rpartition(":")[0] or "unknown"


def _bridge(each: Data, decisions: Mapping[str, Data], outcomes: Mapping[str, str]) -> _Node:
    kind = (each["port_type"] or "PCI bridge").replace("_", " ")
    if each["port_type"] not in _PORTS:
        return _Node("switch", each["address"], kind)
    outcome = port_outcome(decisions.get(each["address"]), outcomes.get(each["address"]))
    slot = f", slot {each['slot']}" if each["slot"] else ""
    return _Node("port", each["address"], f"{kind}{slot}", outcome)


def _devices(functions: list[Data], *, chipset: bool) -> list[_Node]:
    """Return a box a device; what is on a root bus has no port above it and shares one."""
    if chipset:
        names = "functions of the chipset" if len(functions) > 1 else "function of the chipset"
        kinds = ", ".join(dict.fromkeys(each["class_name"] for each in functions))
        return [_Node("device", f"{len(functions)} {names}", kinds)] if functions else []
    devices: dict[str, list[Data]] = {}
    for each in functions:
        devices.setdefault(each["address"].rpartition(".")[0], []).append(each)
    nodes = []
    for members in devices.values():
        first = members[0]
        more = f" +{len(members) - 1}" if len(members) > 1 else ""
        driver = f" · {first['driver']}" if first["driver"] else ""
        name = (
            _short(first["name"]) or first["class_name"] or f"{first['vendor']}:{first['device']}"
        )
        nodes.append(_Node("device", f"{first['address']}{more}{driver}", name))
    return nodes


def _short(name: str | None) -> str:
    """Names of vendors are long and say little: keep the device."""
    return re.sub(
        r"^.*?\b(Corporation|Inc\.|Ltd\.|Co\.|Limited|GmbH|Technologies|LSI)\s+", "", name or ""
    )


def _empty(bridges: list[Data], by_parent: Mapping[tuple[str, str], t.Any]) -> list[_Node]:
    counts = Counter(
        (each["port_type"] or "PCI bridge").replace("_", " ")
        for each in bridges
        if ("function", each["address"]) not in by_parent
    )
    return [
        _Node("empty", f"{number} {kind}{'s' if number > 1 else ''}", "nothing below")
        for kind, number in counts.items()
    ]


def _placed(roots: list[_Node]) -> Data:
    order: list[tuple[_Node, _Node | None]] = []
    todo: list[tuple[_Node, _Node | None]] = [(root, None) for root in reversed(roots)]
    while todo:
        node, above = todo.pop()
        order.append((node, above))
        node.left = _MARGIN if above is None else above.left + _width(above)[0] + _GAP
        todo += [(child, node) for child in reversed(node.below)]
    row = 0
    for node, _above in order:
        if not node.below:
            node.middle = _MARGIN + row * _ROW + _HEIGHT / 2
            row += 1
    for node, _above in reversed(order):
        if node.below:
            node.middle = (node.below[0].middle + node.below[-1].middle) / 2
    boxes = [_box(node) for node, _above in order]
    return {
        "width": max((box["x"] + box["width"] for box in boxes), default=0) + _MARGIN,
        "height": row * _ROW + 2 * _MARGIN,
        "boxes": boxes,
        "lines": [_line(above, node) for node, above in order if above],
    }


def _width(node: _Node) -> tuple[int, int]:
    return _WIDTHS.get(node.kind, _WIDTHS["port"])


def _box(node: _Node) -> Data:
    width, characters = _width(node)
    word, mark = OUTCOMES[node.outcome] if node.outcome else ("", "")
    return {
        "kind": node.kind,
        "outcome": node.outcome or "",
        "word": word,
        "mark": mark,
        "x": node.left,
        "y": round(node.middle - _HEIGHT / 2, 1),
        "width": width,
        "height": _HEIGHT,
        "title": _cut(node.title, characters),
        "label": _cut(node.label, characters),
    }


def _cut(words: str, characters: int) -> str:
    words = " ".join(words.split())
    return words if len(words) <= characters else f"{words[: characters - 1].rstrip()}…"


def _line(above: _Node, node: _Node) -> str:
    """A curve from the right edge of one box to the left edge of the other, as an SVG path."""
    start, end = above.left + _width(above)[0], node.left
    turn = (start + end) / 2
    return f"M{start} {above.middle:g}C{turn:g} {above.middle:g} {turn:g} {node.middle:g} {end} {node.middle:g}"


__all__ = ("OUTCOMES", "picture", "port_outcome")
