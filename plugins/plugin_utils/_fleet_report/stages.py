# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The stages of a crash: how far each host got, and where the time went."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

# What goes on until a stage is reached: a word for it, and the kernel that is at work.
_PHASES = {
    "capture kernel": ("jump", "crashed"),
    "reset done": ("capture kernel starts, reset", "capture"),
    "dump started": ("devices and file systems", "capture"),
    "dump complete": ("dump", "dump"),
    "normal kernel": ("reboot", "reboot"),
}
# What a cell of the matrix says: a mark, and words for who does not know it.
CELLS = {
    "done": ("●", "reached"),
    "failed": ("✕", "not reached"),
    "doubt": ("?", "reached, with doubts"),
    "pending": ("…", "not seen yet"),
    "after": ("○", "came later, not by itself"),
    "none": ("·", "nothing"),
}


def cells(record: Data) -> list[Data]:
    """Return a cell for each stage: C(state) (see CELLS) and C(seconds) since the stage before, if known."""
    by_name = {stage["name"]: stage for stage in record["stages"]}
    reached = STAGES.index(record["stage"]) if record["stage"] in STAGES else -1
    row = []
    for index, name in enumerate(STAGES):
        stage = by_name.get(name) or {"time": None, "after": None}
        state = _state(record, index, reached, stage["time"] is not None)
        seconds = stage["after"] if state in ("done", "doubt") else None
        row.append({"name": name, "state": state, "seconds": seconds})
    return row


def _state(record: Data, index: int, reached: int, timed: bool) -> str:
    name = STAGES[index]
    if name == "verified" and index <= reached:
        return "done" if record["verdict"] == "passed" else "doubt"
    if name == "reset done" and index <= reached and not timed and record["reset"] is None:
        # Nothing says that there was a reset; without a helper there was none to expect.
        return "failed" if record["helper"]["installed"] else "none"
    if index <= reached:
        return "done"
    if timed and not (name == "verified" and record["verdict"] == "failed"):
        return "after"
    if index == reached + 1:
        return "failed" if record["verdict"] == "failed" else "pending"
    return "none"


def timeline(record: Data) -> Data | None:
    """Return C(phases) from the panic to the normal kernel, C(seconds) for all, and C(steps) with a clock for people.

    C(None) if fewer than two stages have a time. A phase has C(name), C(kind), C(seconds), and C(start) and C(width) in
    thousandths of the whole.
    """
    timed = [stage for stage in record["stages"] if stage["time"] is not None]
    if len(timed) < 2:
        return None
    begin = next(
        (stage["time"] for stage in timed if stage["name"] == "panicked"), timed[0]["time"]
    )
    spanned = [stage for stage in timed if stage["name"] != "verified" and stage["time"] >= begin]
    total = max((stage["time"] - begin for stage in spanned), default=0)
    phases = []
    last, before = "", begin
    for stage in spanned:
        if stage["name"] in _PHASES and stage["time"] > before and total > 0:
            name, kind = _PHASES[stage["name"]]
            if stage["name"] == "normal kernel" and last != "dump complete":
                name, kind = "nothing known", "silence"
            phases += _split(record, name, kind, before - begin, stage["time"] - begin, total)
        last, before = stage["name"], max(before, stage["time"])
    return {
        "from_panic": timed[0]["time"] != begin or timed[0]["name"] == "panicked",
        "seconds": total,
        "phases": phases,
        "steps": [
            {
                "name": stage["name"],
                "clock": clock(stage["time"]),
                "offset": stage["time"] - begin,
                "source": stage["source"] or "",
                "kind": _PHASES.get(stage["name"], ("", ""))[1],
            }
            for stage in timed
        ],
    }


def _split(
    record: Data, name: str, kind: str, start: float, end: float, total: float
) -> list[Data]:
    """Return the phase; the reset is shown by itself, at the end of its phase."""
    lasted = ((record["reset"] or {}).get("summary") or {}).get("seconds")
    if kind == "capture" and name.endswith("reset") and lasted and 0 < lasted < end - start:
        return [
            _phase("capture kernel starts", kind, start, end - lasted, total),
            _phase("PCIe reset", "reset", end - lasted, end, total),
        ]
    return [_phase(name, kind, start, end, total)]


def _phase(name: str, kind: str, start: float, end: float, total: float) -> Data:
    return {
        "name": name,
        "kind": kind,
        "seconds": end - start,
        "start": round(1000 * start / total, 1),
        "width": round(1000 * (end - start) / total, 1),
    }


def clock(moment: float | None) -> str:
    """Return a time for people, in UTC."""
    return "" if moment is None else time.strftime("%H:%M:%S", time.gmtime(moment))


def date(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def duration(seconds: float | None) -> str:
    """Return seconds for people: C(1.2 s), C(42 s), C(3 min 20 s), C(2 h 05 min)."""
    if seconds is None:
        return ""
    if abs(seconds) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


__all__ = ("CELLS", "cells", "clock", "date", "duration", "timeline")
