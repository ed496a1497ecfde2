# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The crashes that nobody planned: equal signatures together, and what they suggest.

A suggestion is no proof: it says where to look first. What one host alone shows again and again is in that host, what
one model shows is in its firmware or its devices, and what many models show is in the kernel that they have in common.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import (
    UNKNOWN_PLATFORM,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_FUNCTIONS = 8
_LINES = 12
# Kinds that name the hardware by themselves.
_HARDWARE = ("machine_check", "serror")
_BY_HAND = "sysrq"


def unplanned(collected: Iterable[Data], hosts: Sequence[Data]) -> Data:
    """Return C(total), C(hosts) with one, C(groups) of equal crashes, the most frequent first, C(counts), C(repeated).

    C(collected) is what M(vmcore.kdump.collect) knows of each host, C(hosts) are those of the report, whose anchors are
    linked. C(repeated) are hosts that crashed in different ways.
    """
    known = {host["name"]: host for host in hosts}
    crashes = [
        {**crash, "host": of_host["host"], "of_host": of_host}
        for of_host in collected
        for crash in of_host["crashes"]
        if crash["origin"] == "unplanned"
    ]
    groups: dict[str, list[Data]] = {}
    for crash in crashes:
        groups.setdefault(crash["signature"] or f"none:{crash['id']}", []).append(crash)
    by_host: dict[str, list[Data]] = {}
    for crash in crashes:
        by_host.setdefault(crash["host"], []).append(crash)
    shown = [_group(members, known) for members in groups.values()]
    shown.sort(key=lambda group: (-group["crashes"], -(group["last"] or 0), group["id"]))
    return {
        "total": len(crashes),
        "hosts": len(by_host),
        "counts": {name: len(members) for name, members in sorted(by_host.items())},
        "last": {name: _last(members) for name, members in sorted(by_host.items())},
        "groups": shown,
        "repeated": [
            {
                **_member(name, known),
                "crashes": len(members),
                "signatures": len({each["signature"] for each in members}),
            }
            for name, members in sorted(by_host.items())
            if len({each["signature"] for each in members if each["kind"] != _BY_HAND}) > 1
        ],
    }


def _group(members: list[Data], known: dict[str, Data]) -> Data:
    """Return what equal crashes have in common."""
    members = sorted(members, key=lambda crash: (crash["crash_time"] or 0, crash["id"]))
    newest = members[-1]
    names = sorted({crash["host"] for crash in members})
    models = sorted({known[name]["platform"] for name in names} - {UNKNOWN_PLATFORM})
    return {
        "id": newest["signature"] or newest["id"],
        "signature": newest["signature"],
        "kind": newest["kind"],
        "words": newest["words"] or "Why the kernel crashed is not known",
        "reason": newest["reason"] or newest["why"],
        "functions": newest["functions"][:_FUNCTIONS],
        "last_lines": newest["last_lines"][-_LINES:],
        "crashes": len(members),
        "first": next((crash["crash_time"] for crash in members if crash["crash_time"]), None),
        "last": _last(members),
        "hosts": [
            {**_member(name, known), "crashes": sum(crash["host"] == name for crash in members)}
            for name in names
        ],
        "models": models,
        "kernels": sorted({crash["release"] for crash in members if crash["release"]}),
        "dumps": _dumps(members),
        "suggests": _suggests(newest["kind"], members, names, models, known),
        "not_seen": _not_seen(members),
    }


def _last(members: Iterable[Data]) -> float | None:
    return max((crash["crash_time"] for crash in members if crash["crash_time"]), default=None)


def _member(name: str, known: dict[str, Data]) -> Data:
    return {"name": name, "anchor": known[name]["anchor"]}


def _dumps(members: Iterable[Data]) -> list[str]:
    """Say of each crash's dump where it is, or why there is none to look at."""
    return [
        f"{crash['host']}: {crash['path']}, {crash['verdict'].replace('_', ' ')}"
        f"{', removed since' if crash['present'] is False else ''}"
        for crash in members
    ]


def _suggests(
    kind: str,
    members: Sequence[Data],
    names: Sequence[str],
    models: Sequence[str],
    known: dict[str, Data],
) -> str:
    """Say where to look first, in one sentence; "" where nothing can be said."""
    if kind == _BY_HAND:
        return "Somebody asked for these crashes outside of a crash test."
    if kind in _HARDWARE:
        return "The hardware reported the error itself: look into the event log of the management controller."
    if len(members) < 2:
        return ""
    if len(names) == 1:
        alike = sum(host["platform"] == known[names[0]]["platform"] for host in known.values())
        others = f", and none of the {alike - 1} other hosts of its model" if alike > 1 else ""
        return f"Only {names[0]} crashed so, {len(members)} times{others}: that points to its hardware."
    if len(models) == 1:
        fleet = {host["platform"] for host in known.values()}
        if len(fleet) > 1:
            return f"Only hosts of one model crashed so ({models[0]}): that points to its firmware or a device of it."
        return ""
    if len(models) > 1:
        return f"Hosts of {len(models)} models crashed so: that points to the kernel."
    return ""


def _not_seen(members: Sequence[Data]) -> str:
    """Say that the hosts that crashed so run another kernel now, and did not crash so since; "" if that is not known.

    Only what a host answered after its crash counts: the kernel that it ran when its crashes were collected last.
    """
    of_hosts = {crash["host"]: crash["of_host"] for crash in members}
    crashed = {crash["release"] for crash in members}
    kernels = {of_host["kernel"] for of_host in of_hosts.values()}
    if None in crashed or "" in kernels or not kernels or crashed & kernels:
        return ""
    return f"Not seen since the kernel {', '.join(sorted(kernels))}."


__all__ = ("unplanned",)
