# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the hosts of a report have in common, in numbers."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import stages
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import VERDICTS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_MONTHS = 12
_GROUPS = (("Platforms", "platform"), ("Kernels", "kernel"), ("Firmware", "firmware"))


def summary(hosts: Sequence[Data], records: Sequence[Data]) -> Data:
    """Return the numbers of a fleet: verdicts, what groups of hosts have in common, rates, causes, problems."""
    tested = [host for host in hosts if host["test"]]
    failed = [host for host in tested if host["verdict"] == "failed"]
    return {
        "hosts": len(hosts),
        "tested": len(tested),
        "verdicts": _counted(hosts),
        "groups": [
            {"title": title, "rows": _rows(hosts, key)}
            for title, key in _GROUPS
            if _rows(hosts, key)
        ],
        "months": _months(records),
        "crashes": [
            _rate(records, installed=False, name="without the reset"),
            _rate(records, installed=True, name="with the reset"),
        ],
        "stages": _ranked(_missed(host) for host in failed),
        "causes": _causes(tested),
        "refusals": _refusals(hosts),
        "problems": _common_problems(hosts),
        "records": len(records),
    }


def _counted(hosts: Iterable[Data]) -> dict[str, int]:
    counts = Counter(host["verdict"] for host in hosts)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _rows(hosts: Sequence[Data], key: str) -> list[Data]:
    """Count the verdicts of the hosts that have the same platform, kernel or firmware, most hosts first."""
    groups: dict[str, list[Data]] = {}
    for host in hosts:
        if host[key]:
            groups.setdefault(host[key], []).append(host)
    return [
        {"name": name, "hosts": len(members), "verdicts": _counted(members)}
        for name, members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    ]


def _months(records: Iterable[Data]) -> list[Data]:
    """Count crashes and dumps by the month in which the test ended, the last twelve months that have any."""
    months: dict[str, list[Data]] = {}
    for record in filter(_is_crash, records):
        if record["finished_at"] is not None:
            months.setdefault(stages.date(record["finished_at"])[:7], []).append(record)
    return [
        {"name": name, "crashes": len(crashes), "dumps": sum(map(has_dump, crashes))}
        for name, crashes in sorted(months.items())[-_MONTHS:]
    ]


def _rate(records: Iterable[Data], *, installed: bool, name: str) -> Data:
    """Count crashes of all times, with the helper or without."""
    crashes = [
        record
        for record in filter(_is_crash, records)
        if (record["helper"]["installed"] is True) == installed
    ]
    return {"name": name, "crashes": len(crashes), "dumps": sum(map(has_dump, crashes))}


def _is_crash(record: Data) -> bool:
    """Say whether a test crashed its host. A test that was ended before, or that goes on, did not."""
    over = record["boot_id"]["after"] is not None or record["verdict"] == "failed"
    return record["stage"] != "armed" and over


def has_dump(record: Data) -> bool:
    """Say whether a crash left a whole dump of itself, and the host came back without help."""
    vmcore = record["vmcore"]
    return bool(vmcore) and vmcore["verdict"] == "complete" and record["recovery"] is None


def _missed(host: Data) -> str:
    """Return the stage that a host did not reach, as the matrix has it."""
    failed = [cell["name"] for cell in host["test"]["cells"] if cell["state"] == "failed"]
    return failed[-1] if failed else "verified"


def _ranked(names: Iterable[str]) -> list[Data]:
    counts = Counter(names)
    return [
        {"name": name, "hosts": number}
        for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _causes(tested: Iterable[Data]) -> list[Data]:
    sentences: dict[str, str] = {}
    members: dict[str, list[Data]] = {}
    for host in tested:
        cause = host["test"]["cause"]
        if cause and host["verdict"] not in ("passed", "stale"):
            code = cause["code"] or "unknown"
            sentences.setdefault(code, cause["sentence"])
            members.setdefault(code, []).append({"name": host["name"], "anchor": host["anchor"]})
    return [
        {"name": code, "sentence": sentences[code], "hosts": len(found), "members": found}
        for code, found in sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _refusals(hosts: Iterable[Data]) -> list[Data]:
    """Group the hosts that were not crashed when they were last to be by the reason, most hosts first."""
    members: dict[str, list[Data]] = {}
    words: dict[str, str] = {}
    for host in hosts:
        if host["refusal"]:
            words[host["refusal"]["reason"]] = host["refusal"]["words"]
            members.setdefault(host["refusal"]["reason"], []).append(
                {"name": host["name"], "anchor": host["anchor"]}
            )
    return [
        {"name": code, "words": words[code], "hosts": len(found), "members": found}
        for code, found in sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _common_problems(hosts: Iterable[Data]) -> list[Data]:
    """Return the problems of hosts that were not tested, the most common ones first."""
    messages: dict[str, Data] = {}
    codes = []
    for host in hosts:
        if host["test"]:
            continue
        for problem in {problem["code"]: problem for problem in host["problems"]}.values():
            codes.append(problem["code"])
            messages.setdefault(problem["code"], problem)
    return [
        {**each, "message": messages[each["name"]]["message"], "severity": messages[each["name"]]["severity"]}
        for each in _ranked(codes)
    ]  # fmt: skip


__all__ = ("has_dump", "summary")
