# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The report as JUnit XML: a suite a host, a case a check."""

from __future__ import annotations

import time
import typing as t
from xml.etree import ElementTree

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

# A case: class, name, how it ended (passed, failure, skipped), its message, further text.
Case = tuple[str, str, str, str, str]


def render(report: Data) -> str:
    """Return the document. What could not be looked at is skipped, whatever is no success is a failure."""
    root = ElementTree.Element("testsuites", {"name": "vmcore.kdump"})
    # Jenkins' schema (its xUnit plugin's junit-10.xsd) knows no total of what was skipped.
    totals = {"tests": 0, "failures": 0}
    for host in report["hosts"]:
        suite = _suite(root, host)
        for key in totals:
            totals[key] += int(suite.get(key, "0"))
    root.attrib.update({key: str(number) for key, number in totals.items()} | {"errors": "0"})
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _suite(root: ElementTree.Element, host: Data) -> ElementTree.Element:
    cases = list(_cases(host))
    ends = [end for _kind, _name, end, _message, _text in cases]
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": host["name"],
            "tests": str(len(cases)),
            "failures": str(ends.count("failure")),
            "errors": "0",
            "skipped": str(ends.count("skipped")),
        },
    )
    test = host["test"]
    if test and test["finished_at"] is not None:
        moment = time.gmtime(test["finished_at"])
        suite.set("timestamp", time.strftime("%Y-%m-%dT%H:%M:%S", moment))
    if test and test["timeline"]:
        suite.set("time", f"{test['timeline']['seconds']:.3f}")
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("platform", "kernel"):
        ElementTree.SubElement(properties, "property", {"name": name, "value": host[name]})
    for kind, name, end, message, text in cases:
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": f"{host['name']}.{kind}", "name": name}
        )
        if end == "failure":
            problem = ElementTree.SubElement(case, end, {"message": message, "type": kind})
            problem.text = text or None
        elif end == "skipped":
            ElementTree.SubElement(case, end, {"message": message})
    return suite


def _cases(host: Data) -> Iterator[Case]:
    test = host["test"]
    for problem in host["problems"]:
        end = "failure" if problem["severity"] == "error" else "skipped"
        yield "kdump", problem["code"] or "problem", end, problem["message"], ""
    if host["refusal"]:
        yield "crash", "refused", "skipped", host["refusal"]["why"], ""
    if test is None:
        yield "crash", "verdict", "skipped", host["why"], ""
        return
    for check in test["preflight"]:
        yield _check("preflight", check)
    for port in host["ports"]:
        if port["outcome"] in ("reset", "failed", "timeout", "left"):
            end = "passed" if port["outcome"] == "reset" else "failure"
            yield "reset", port["address"], end, f"{port['word']}: {port['how']}", ""
    for cell in test["cells"]:
        end = {"failed": "failure", "done": "passed"}.get(cell["state"], "skipped")
        yield "stage", cell["name"], end, f"The stage was not reached: {cell['name']}.", ""
    for check in (test["dump"] or {"checks": []})["checks"]:
        yield _check("dump", check)
    end = "passed" if host["verdict"] == "passed" else "failure"
    why = host["headline"] if host["verdict"] == "stale" else host["why"]
    lines = "\n".join(line["text"] for line in test["evidence"] if line["severity"] != "info")
    yield "crash", "verdict", end, f"{host['verdict']}: {why}", lines


def _check(kind: str, check: Data) -> Case:
    end = {"ok": "passed", "failed": "failure"}.get(check["status"], "skipped")
    return kind, check["name"], end, check["detail"], ""


__all__ = ("render",)
