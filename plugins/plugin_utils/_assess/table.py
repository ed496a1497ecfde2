# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Many assessed hosts as a table, a line a host."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean, columns

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Row = dict[str, t.Any]

_HEAD = ("host", "ready", "stage", "DMA left", "first problem")
_UNASKED: Row = {"ready": "-", "stage": "-", "dma": "-", "problem": "The host was not assessed."}
_SEVERITIES = ("error", "warning")
_WIDTH = 100  # of the last column


def row(facts: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> Row:
    """Return what the table has of a host.

    C({"ready": "yes" | "no" | "?", "severity": "error" | "warning" | None, "problem": str, "stage": str,
    "dma": "2 of 12"}). C(?) means that nobody could look for every problem. C(dma) is how many of the functions that
    can do DMA keep running until their driver loads, with C(+?) when the plan does not know of all.
    """
    kdump = facts.get("kdump") or {}
    problems = sorted(
        kdump.get("problems") or (),
        key=lambda problem: problem.get("severity") == "warning",
    )
    first = problems[0] if problems else None
    severity = first and ("warning" if first.get("severity") == "warning" else "error")
    unknown = kdump.get("problems") is None or bool(kdump.get("not_known"))
    return {
        "ready": "no" if severity == "error" else "?" if unknown else "yes",
        "severity": severity,
        "problem": first["message"] if first else "",
        "stage": plan["stage"],
        "dma": _left(plan["dma"]),
    }


def _left(dma: Mapping[str, int]) -> str:
    unknown = "+?" if dma["unknown"] else ""
    return f"{dma['running']}{unknown} of {dma['functions']}"


def render(rows: Mapping[str, t.Any]) -> str:
    """Return the table: hosts that are not ready first, and below it how many are.

    C(rows) are the results of row() by the name of the host. Anything else, for instance None of a host that did not
    answer, is a host that was not assessed.
    """
    known = {name: each if _is_row(each) else _UNASKED for name, each in rows.items()}
    order = ("no", "-", "?", "yes")
    names = sorted(known, key=lambda name: (order.index(known[name]["ready"]), name))
    cells = [_HEAD, *(tuple(_cells(name, known[name])) for name in names)]
    counts = {answer: sum(each["ready"] == answer for each in known.values()) for answer in order}
    return "\n".join([*columns(cells), "", _sum(counts, len(known))])


def _is_row(value: t.Any) -> bool:
    return isinstance(value, dict) and value.get("ready") in ("no", "?", "yes")


def _cells(name: str, values: Row) -> Iterator[str]:
    yield _line(name)
    for key in ("ready", "stage", "dma"):
        yield _line(values.get(key))
    problem = _line(values.get("problem"))
    yield f"{problem[: _WIDTH - 1]}…" if len(problem) > _WIDTH else problem


def _line(value: t.Any) -> str:
    return " ".join(clean(str(value or "")).split())


def _sum(counts: Mapping[str, int], total: int) -> str:
    words = [
        f"{counts['yes']} of {total} hosts are ready to take a dump",
        *([f"{counts['no']} are not"] if counts["no"] else []),
        *([f"{counts['?']} could not be checked in full"] if counts["?"] else []),
        *([f"{counts['-']} were not assessed"] if counts["-"] else []),
    ]
    return ", ".join(words) + "."


__all__ = ("render", "row")
