# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""From records and facts to what a report says, whatever format it is in."""

from __future__ import annotations

import typing as t
import urllib.parse

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    crashes,
    stages,
    steps,
    tree,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.proof import (
    FOR_EVER,
    Age,
    changes,
    days_old,
    doubts,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.summary import summary
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import (
    UNKNOWN_PLATFORM,
    VERDICTS,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import REASONS
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import Results
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_SEVERITIES = ("error", "warning", "info")
_EVIDENCE_LINES = 40
_IOMMUS = {
    "vtd": "Intel VT-d",
    "amdvi": "AMD-Vi",
    "smmuv3": "Arm SMMUv3",
    "none": "no IOMMU",
    "unknown": "not known",
}
_TABLES = {
    "kept": "keeps the translation tables of the crashed kernel",
    "aborted": "aborts the DMA of running devices",
    "none": "translates no DMA of running devices",
}


def build(
    results: Results,
    expected: Iterable[str] = (),
    age: Age = FOR_EVER,
    directory: str = "results/report",
    results_url: str = "..",
) -> Data:
    """Return the report: C(hosts), worst first, a C(summary) of them, C(steps) to go next, and C(unplanned) crashes.

    C(expected) are names of hosts that belong to it even if nothing is known of them, C(age) says which proofs are too
    old, C(directory) is where the report is written, C(results_url) leads from there to the results. The report depends
    on nothing else, so that it is the same until a proof becomes too old.
    """
    expected = frozenset(expected)
    tests: dict[str, list[Data]] = {}
    for record in results.records:
        tests.setdefault(record["host"], []).append(record)
    facts: dict[str, Data] = {}
    for assessment in sorted(results.assessments, key=lambda each: each["assessed_at"] or 0):
        facts[assessment["host"]] = assessment
    refusals = {each["host"]: each for each in results.refusals}
    collected = {each["host"]: each for each in results.collected}
    names = sorted({*tests, *facts, *refusals, *collected, *expected})
    hosts = [
        {
            **_host(
                f"host-{number}",
                name,
                tests.get(name, []),
                facts.get(name),
                age,
                collected.get(name),
            ),
            "refusal": _refusal(refusals.get(name), tests.get(name, [])),
        }
        for number, name in enumerate(names, 1)
    ]
    order = list(VERDICTS)
    hosts.sort(key=lambda host: (order.index(host["verdict"]), host["rank"], host["name"]))
    moments = [
        *(record["finished_at"] for record in results.records),
        *(each["assessed_at"] for each in results.assessments),
        *(each["refused_at"] for each in results.refusals),
        *(crash["collected_at"] for each in results.collected for crash in each["crashes"]),
    ]
    return {
        "as_of": max((moment for moment in moments if moment is not None), default=None),
        "hosts": hosts,
        "ignored": results.ignored,
        "results_url": results_url,
        "steps": steps.next_steps(hosts, directory),
        "summary": summary(hosts, results.records),
        "unplanned": crashes.unplanned(results.collected, hosts),
    }


def _crashes(collected: Data | None) -> list[Data]:
    """Return the crashes of a host that nobody planned, the newest first."""
    found = [
        crash
        for crash in (collected or {"crashes": []})["crashes"]
        if crash["origin"] == "unplanned"
    ]
    return list(reversed(found))


def _host(
    anchor: str,
    name: str,
    records: list[Data],
    assessment: Data | None,
    age: Age,
    collected: Data | None,
) -> Data:
    records = sorted(records, key=lambda record: (record["finished_at"] or 0, record["run_id"]))
    # A test that was cancelled, or has just begun, takes nothing back.
    telling = [
        record
        for record in records
        if (record["verdict"], record["stage"]) != ("inconclusive", "armed")
    ]
    latest = next(reversed(telling or records), None)
    facts = assessment["facts"] if assessment else None
    problems = _problems(facts)
    about = latest or facts or collected or {}
    host = {
        "anchor": anchor,
        "name": name,
        "platform": _platform(about),
        "kernel": _kernel(latest, facts),
        "firmware": _firmware(facts or about),
        "age": days_old(latest, age) if latest else None,
        "iommu": _iommu((facts or about).get("iommu")),
        "problems": problems,
        "assessed_at": assessment["assessed_at"] if assessment else None,
        "test": _test(latest) if latest else None,
        "history": [_past(record) for record in reversed(records) if record is not latest],
        "ports": _ports(latest, assessment),
        "picture": _picture(latest, assessment),
        "drift": _drift(latest, assessment, problems, age),
        "notes": (assessment["plan"] or {}).get("notes", []) if assessment else [],
        "dma": _dma(assessment),
        "crashes": _crashes(collected),
    }
    if latest:
        stale = latest["verdict"] == "passed" and bool(host["drift"])
        return {
            **host,
            "verdict": "stale" if stale else latest["verdict"],
            "why": latest["why"],
            "headline": host["drift"][0] if stale else _headline(latest),
            "rank": STAGES.index(latest["stage"]) if latest["stage"] in STAGES else -1,
        }
    return {**host, "verdict": "untested", **_readiness(facts, problems)}


def _refusal(refusal: Data | None, records: list[Data]) -> Data | None:
    """Return why a host was not crashed when it was last to be; None when a test came later."""
    if refusal is None or refusal["reason"] not in REASONS:
        return None
    times = [record["stored_at"] or record["finished_at"] or 0 for record in records]
    later = any(moment > (refusal["refused_at"] or 0) for moment in times)
    return None if later else {**refusal, "words": REASONS[refusal["reason"]]}


def _readiness(facts: Data | None, problems: list[Data]) -> Data:
    """Return what can be said of a host that was never crashed."""
    errors = [problem for problem in problems if problem["severity"] == "error"]
    if facts is None:
        why = "Nothing is known of it: it was neither assessed nor crashed."
    elif errors:
        why = errors[0]["message"]
    elif facts["kdump"]["problems"] is None:
        why = "What keeps it from taking a dump was not looked at."
    elif problems:
        why = f"It is ready to take a dump, with a warning: {problems[0]['message']}"
    else:
        why = "It is ready to take a dump. No crash has proven it."
    rank = 0 if errors else 1 if facts is None else 2 if problems else 3
    return {"why": why, "headline": why, "rank": rank}


def _problems(facts: Data | None) -> list[Data]:
    problems = (facts["kdump"]["problems"] if facts else None) or []
    shown = [
        {**problem, "severity": "warning" if problem["severity"] == "warning" else "error"}
        for problem in problems
    ]
    return sorted(shown, key=lambda problem: _SEVERITIES.index(problem["severity"]))


def _headline(record: Data) -> str:
    cause = record["cause"]
    return t.cast("str", cause["sentence"] if cause and cause["sentence"] else record["why"])


def _drift(
    latest: Data | None, assessment: Data | None, problems: list[Data], age: Age
) -> list[str]:
    """Say what is not any more as it was when the host was crashed: a proof is of what was there."""
    if latest is None:
        return []
    if latest["verdict"] == "passed":
        return doubts(latest, assessment, problems, age)
    return changes(latest, assessment)


def _platform(about: Data) -> str:
    dmi = (about.get("platform") or {}).get("dmi") or {}
    named = " ".join(filter(None, (dmi.get("sys_vendor"), dmi.get("product_name")))).strip()
    return named or (about.get("platform") or {}).get("architecture") or UNKNOWN_PLATFORM


def _firmware(about: Data) -> str:
    version: str = ((about.get("platform") or {}).get("dmi") or {}).get("bios_version") or ""
    return version


def _kernel(latest: Data | None, facts: Data | None) -> str:
    known = (facts["kdump"]["kernel_release"] if facts else None) or ""
    return latest["kernel"]["after"] or latest["kernel"]["before"] if latest else known


def _iommu(iommu: Data | None) -> Data:
    if not iommu:
        return {"name": "not known", "sentence": "", "warnings": []}
    name = _IOMMUS.get(iommu["kind"], iommu["kind"] or "not known")
    if (
        iommu["kind"] in _IOMMUS
        and iommu["kind"] not in ("none", "unknown")
        and iommu["translation"] is False
    ):
        name = f"{name}, translation off"
    capture = iommu["capture_kernel"]
    does = _TABLES.get(capture["tables"] or "")
    sentence = f"The capture kernel {does}. {capture['why']}".strip() if does else capture["why"]
    return {"name": name, "sentence": sentence, "warnings": capture["warnings"]}


def _test(record: Data) -> Data:
    reset = record["reset"]
    return {
        **{key: record[key] for key in ("run_id", "finished_at", "stage", "cause", "recovery")},
        "helper": record["helper"]["installed"],
        "returned": record["boot_id"]["after"] is not None,
        "file": clean(record.get("file") or record["run_id"]),
        # As parts of an address: whatever is in a name is text there.
        "record_url": _quoted(record.get("file")),
        "dump_url": _quoted(
            record.get("copied") and record["file"].removesuffix(".json") + ".dump"
        ),
        "requested_by": record["trigger"]["requested_by"],
        "load": record["trigger"]["load"],
        "cells": stages.cells(record),
        "timeline": stages.timeline(record),
        "preflight": record["preflight"],
        "reset": reset and {"uptime_end": reset["uptime_end"], **reset["summary"]},
        "dump": record["vmcore"],
        "evidence": _evidence(record["evidence"]),
        "evidence_hidden": max(0, len(record["evidence"]) - _EVIDENCE_LINES),
    }


def _quoted(name: str | None) -> str | None:
    return urllib.parse.quote(name, safe="", errors="surrogateescape") if name else None


def _evidence(lines: list[Data]) -> list[Data]:
    """Return the lines that matter most, in the order of the log within each severity."""
    known = [
        {**line, "severity": line["severity"] if line["severity"] in _SEVERITIES else "info"}
        for line in lines
    ]
    return sorted(known, key=lambda line: _SEVERITIES.index(line["severity"]))[:_EVIDENCE_LINES]


def _past(record: Data) -> Data:
    return {
        **{key: record[key] for key in ("run_id", "finished_at", "verdict", "why", "stage")},
        "helper": record["helper"]["installed"],
    }


def _dma(assessment: Data | None) -> Data | None:
    """Return what the plan makes of the functions that can do DMA, C(None) if that is not known."""
    dma = ((assessment["plan"] if assessment else None) or {}).get("dma")
    if not dma:
        return None
    unknown = f", {dma['unknown']} not known" if dma["unknown"] else ""
    return {
        **{key: dma[key] for key in ("functions", "silent", "running", "unknown")},
        "sentence": f"{dma['silent']} of {dma['functions']} functions silent before drivers load,"
        f" {dma['running']} keep running{unknown}",
        "groups": [f"{len(group['functions'])}: {group['words']}" for group in dma["groups"]],
        "levers": [f"+{lever['gain']} with {lever['words']}" for lever in dma["levers"]],
    }


def _ports(latest: Data | None, assessment: Data | None) -> list[Data]:
    """Return every port with what was decided about it and what happened to it, those with a fault first."""
    plan = (assessment["plan"] if assessment else None) or {"ports": []}
    decided = {port["address"]: port for port in plan["ports"]}
    reset = (latest["reset"] if latest else None) or {"ports": []}
    happened = {port["address"]: port for port in reset["ports"]}
    ports = []
    for address in sorted({*decided, *happened}):
        decision, result = decided.get(address), happened.get(address)
        outcome = tree.port_outcome(decision, result["result"] if result else None)
        word, mark = tree.OUTCOMES[outcome]
        ports.append(
            {
                "address": address,
                "outcome": outcome,
                "word": word,
                "mark": mark,
                "decision": decision["decision"] if decision else "reset",
                "sentence": decision["sentence"] if decision else "",
                "seconds": result["seconds"] if result else None,
                "how": _how(result),
                "functions": result["functions"] if result else [],
            }
        )
    order = list(tree.OUTCOMES)
    return sorted(ports, key=lambda port: order.index(port["outcome"]))


def _how(result: Data | None) -> str:
    if result is None:
        return ""
    words = (result["reason"] or result["method"], result["error"])
    return ", ".join(word.replace("_", " ") for word in words if word and word != "none")


def _picture(latest: Data | None, assessment: Data | None) -> Data | None:
    """Return the tree; of a host that was not assessed only the ports of the reset are known."""
    reset = (latest["reset"] if latest else None) or {"ports": []}
    outcomes = {port["address"]: port["result"] for port in reset["ports"]}
    if assessment and assessment["facts"]["pcie"]["functions"]:
        plan = assessment["plan"] or {"ports": []}
        slots = {port["address"]: port["slot"] for port in assessment["facts"]["pcie"]["ports"]}
        functions = [
            {**each, "slot": slots.get(each["address"]) or each["slot"]}
            for each in assessment["facts"]["pcie"]["functions"]
        ]
        decisions = {port["address"]: port for port in plan["ports"]}
        return {"whole": True, **tree.picture(functions, decisions, outcomes)}
    if not outcomes:
        return None
    return {"whole": False, **tree.picture(_reset_functions(reset["ports"]), {}, outcomes)}


def _reset_functions(ports: list[Data]) -> list[Data]:
    nothing = dict.fromkeys(
        ("name", "slot", "driver", "physical_function", "root_bus", "class_name")
    )
    bridges = [
        {**nothing, "address": port["address"], "header": "bridge", "port_type": "root_port", "parent": None}
        for port in ports
    ]  # fmt: skip
    return bridges + [
        {**nothing, "address": function["address"], "header": "endpoint", "port_type": None,
         "parent": port["address"], "vendor": function["identity"].partition(":")[0],
         "device": function["identity"].partition(":")[2]}
        for port in ports
        for function in port["functions"]
    ]  # fmt: skip


__all__ = ("build",)
