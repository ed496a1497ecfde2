# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The report as a short text in Markdown, for a chat."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import stages
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import VERDICTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_ROWS = 20
_GROUPS = 10
_NAMES = 5
_LENGTH = 300
# What CommonMark and its common extensions take for markup. Entities are understood by those chats, too, that take no
# backslash and turn <...> into a link or a call to everybody.
_MARKUP = re.compile(r"([\\`*_{}\[\]|~#$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# What is turned into a message to somebody or into a link wherever it stands: a zero-width space keeps it from that.
_LINKS = re.compile(r"@(?=\S)|:(?=//)|\bwww(?=\.)", re.IGNORECASE)
_URGENT = ("failed", "inconclusive", "stale")
_WORDS = {"untested": "not tested"}


def render(report: Data) -> str:
    """Return headline, numbers, the hosts that need somebody, and the rate of crashes that left a dump."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Data) -> Iterator[str]:
    summary = report["summary"]
    yield f"**{summary['verdicts']['passed']} of {summary['hosts']} hosts take a proven crash dump**"
    yield ""
    counts = [
        f"{VERDICTS[verdict][0]} {number} {_WORDS.get(verdict, verdict)}"
        for verdict, number in summary["verdicts"].items()
        if number
    ]
    if counts:
        yield ", ".join(counts)
        yield ""
    for rate in summary["crashes"]:
        if rate["crashes"]:
            yield f"- {rate['dumps']} of {rate['crashes']} crashes {rate['name']} left a dump"
    if summary["refusals"]:
        words = ", ".join(f"{each['hosts']} {plain(each['name'])}" for each in summary["refusals"])
        yield f"- refused, and not crashed: {words}"
    if report["as_of"] is not None:
        yield f"- as of {stages.date(report['as_of'])}"
    yield from _steps(report["steps"])
    yield from _unplanned(report["unplanned"])
    urgent = [host for host in report["hosts"] if host["verdict"] in _URGENT]
    if not urgent:
        return
    yield from ("", "| host | verdict | reached | why |", "| --- | --- | --- | --- |")
    for host in urgent[:_ROWS]:
        cells = (host["name"], host["verdict"], host["test"]["stage"], host["headline"])
        yield f"| {' | '.join(map(plain, cells))} |"
    if len(urgent) > _ROWS:
        yield from ("", f"{len(urgent) - _ROWS} more are in the report.")


def _steps(steps: list[Data]) -> Iterator[str]:
    """What to do next: a numbered list with the commands."""
    if steps:
        yield from ("", "What to do next:", "")
    for number, step in enumerate(steps, 1):
        yield f"{number}. {plain(step['title'])}. {plain(step['advice'])} `{step['command']}`"


def _unplanned(unplanned: Data) -> Iterator[str]:
    """The crashes that nobody planned: a line a signature, the most frequent first."""
    if not unplanned["total"]:
        return
    title = (
        "1 unplanned crash"
        if unplanned["total"] == 1
        else f"{unplanned['total']} unplanned crashes"
    )
    yield from ("", f"{title}:", "")
    for group in unplanned["groups"][:_GROUPS]:
        hosts = ", ".join(host["name"] for host in group["hosts"][:_NAMES])
        more = f" and {len(group['hosts']) - _NAMES} more" if len(group["hosts"]) > _NAMES else ""
        told = f"{group['words']} ({group['reason']}) on {hosts}{more}."
        yield f"- {group['crashes']} times: {plain(' '.join((told, group['suggests'], group['not_seen'])))}"
    if len(unplanned["groups"]) > _GROUPS:
        yield f"- {len(unplanned['groups']) - _GROUPS} other signatures are in the report."


def plain(words: str) -> str:
    """Return text that is shown as it is, on one line."""
    line = " ".join(words.split())
    if len(line) > _LENGTH:
        line = f"{line[: _LENGTH - 1]}…"
    marked = _MARKUP.sub(r"\\\1", _LINKS.sub("\\g<0>\u200b", line))
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], marked) or " "


__all__ = ("plain", "render")
