# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The report as one HTML file that needs nothing else and runs nothing."""

from __future__ import annotations

import functools
import json
import re
import typing as t
from pathlib import Path

import jinja2
import markupsafe

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import stages, tree
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import VERDICTS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

# Where the pages of the documentation are, of the newest release. A report opens none by itself.
_DOCS = "https://github.com/vmcore-kdump/vmcore.kdump/blob/main/docs"
_HERE = Path(__file__).parent
# So many hosts are shown with their details at once; longer lists of good news are folded.
_UNFOLDED = 3
_LONG = 25
# So many links to hosts stand beside what the hosts have in common.
_SHOWN = 6
_FOLDED = ("passed", "stale", "untested")
_PARTS = re.compile(r"(?<=[.-])")
_WORDS = {verdict: verdict for verdict in VERDICTS} | {"untested": "not tested"}
_TITLES = {
    "failed": ("1 host failed", "{} hosts failed"),
    "inconclusive": ("1 host without a clear verdict", "{} hosts without a clear verdict"),
    "stale": ("1 proof is stale", "{} proofs are stale"),
    "untested": ("1 host was not tested", "{} hosts were not tested"),
    "passed": ("1 host passed", "{} hosts passed"),
}


def render(report: Data) -> str:
    """Return the page."""
    hosts = report["hosts"]
    tested = [host for host in hosts if host["test"]]
    proven = [host for host in tested if host["verdict"] == "passed"]
    pictures, symbols = _pictures(hosts)
    return _environment().get_template("report.html.j2").render(
        **report,
        style=markupsafe.Markup((_HERE / "report.css").read_text("utf-8").partition("*/\n")[2]),
        verdicts=VERDICTS,
        words=_WORDS,
        stages=STAGES,
        cells=stages.CELLS,
        outcomes=tree.OUTCOMES,
        pictures=pictures,
        symbols=symbols,
        tested=tested,
        urgent=[host for host in tested if host["verdict"] != "passed"],
        index=sorted(hosts, key=lambda host: host["name"]),
        proven=proven,
        fold_proven=len(proven) > _LONG,
        groups=list(_groups(hosts)),
        unfolded=_UNFOLDED,
        shown=_SHOWN,
        parts=_parts,
        docs=_DOCS,
    )  # fmt: skip


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(_HERE),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        breakable=_breakable,
        date=stages.date,
        duration=stages.duration,
        mebibytes=_mebibytes,
        port_groups=_port_groups,
    )
    return environment


def _pictures(hosts: Iterable[Data]) -> tuple[dict[str, Data], dict[str, str]]:
    """Return each picture once, by a name, and the name for each host: a fleet has few kinds of machines."""
    names: dict[str, str] = {}
    pictures, symbols = {}, {}
    for host in hosts:
        if host["picture"]:
            drawn = json.dumps(host["picture"], sort_keys=True)
            name = names.setdefault(drawn, f"tree-{len(names) + 1}")
            pictures[name] = host["picture"]
            symbols[host["anchor"]] = name
    return pictures, symbols


def _groups(hosts: Iterable[Data]) -> Iterator[tuple[str, list[Data], bool]]:
    """Yield title, hosts, and whether they are folded, worst first."""
    for verdict, (one, many) in _TITLES.items():
        members = [host for host in hosts if host["verdict"] == verdict]
        if members:
            title = one if len(members) == 1 else many.format(len(members))
            yield title, members, len(members) > _LONG and verdict in _FOLDED


def _parts(counts: Mapping[str, int], total: int) -> Iterator[Data]:
    """Yield the parts of a bar in thousandths; good news at the left."""
    start = 0.0
    for verdict in reversed(VERDICTS):
        if counts[verdict]:
            width = 1000 * counts[verdict] / total
            yield {"verdict": verdict, "start": round(start, 1), "width": round(width, 1)}
            start += width


def _port_groups(ports: Iterable[Data]) -> list[Data]:
    """Return ports with the same fate and for the same reason together."""
    groups: dict[tuple[str, str], Data] = {}
    for port in ports:
        key = (port["outcome"], port["sentence"])
        groups.setdefault(key, {**port, "ports": []})["ports"].append(port)
    return list(groups.values())


def _breakable(name: str) -> markupsafe.Markup:
    """The name of a host, which may be broken after its dots and hyphens before it is broken anywhere."""
    return markupsafe.Markup("<wbr>").join(part for part in _PARTS.split(name) if part)


def _mebibytes(size: float | None) -> str:
    return "size not known" if size is None else f"{size / (1 << 20):.1f} MiB"


__all__ = ("render",)
