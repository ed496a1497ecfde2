# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What crashes of one host without the reset, and with it in each of its stages, say about its platform."""

from __future__ import annotations

import re
import statistics
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import STAGES

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Mapping, Sequence

    Record = Mapping[str, t.Any]

_PLATFORM_KEYS = ("sys_vendor", "product_name")
# From which stage to which the time is compared.
_SPANS = (
    ("panicked", "dump complete"),
    ("capture kernel", "reset done"),
    ("panicked", "normal kernel"),
)
_DUMP = "panicked to dump complete"
# Conclusions that qualify what was tried.
_PASSED = ("reset_helps", "reset_harmless")
# The method, and its policy; the reason of a port that no method resets (_reset/decide.py).
_SBR = "sbr"
_NOTHING_RESETS = "no_reset_method"
# The phases of a result, in the order in which crashes are compared.
_WAYS = {
    "without": "without the reset",
    "with": "with it in the initramfs",
    "quiesce": "with it in the quiesce stage",
}


def qualification(
    records: Sequence[Record], plan: Mapping[str, t.Any] | None = None
) -> dict[str, t.Any]:
    """Compare crash tests and propose exclusions.

    Args:
        records: result records of one host. Those of a host with an installed helper are the ones with the reset, in
            the stage that the capture kernel was loaded with.
        plan: what reset_plan made for this host, for what it leaves alone; None if it is not known.

    Returns:
        C({"host", "platform", "kernel", "iommu", "conclusion": {"code", "sentence"}, "pcie_reset_stage",
        "pcie_reset_policy": {"sbr": "fallback"} or {}, "to_qualify": {"sbr": "fallback"} or {},
        "pcie_reset_exclusions": [rule], "without": phase, "with": phase, "quiesce": phase}). C(pcie_reset_policy) is
        what these crashes qualified, C(to_qualify) what may be tried in crashes to come. A phase has C(crashes),
        C(dumps), C(seconds), C(ports), C(evidence) and C(tests); C(with) is that of the reset in the initramfs. No
        rule is a proposal, too: the platform needs none.

    Raises:
        KdumpError: there are no records, or they are of several hosts.
    """
    hosts = sorted({record["host"] for record in records})
    if len(hosts) != 1:
        raise KdumpError(
            f"A qualification needs the records of one host, not of {', '.join(hosts) or 'none'}."
        )
    first = records[0]
    without = [record for record in records if not record["helper"]["installed"]]
    with_reset = [record for record in records if record["helper"]["installed"]]
    stages = {
        stage: [record for record in with_reset if _stage(record) == stage] for stage in STAGES
    }
    stage = _better_stage(stages)
    rules = _port_rules(first, with_reset)
    code, sentence = _conclusion(without, stages[stage], len(rules), stage)
    others = [other for other in STAGES if other != stage and stages[other]]
    sentence = " ".join((sentence, *(f"{_counts(stages[other], other)}." for other in others)))
    if code == "reset_harms" and not rules:
        rules = [_platform_rule(first, sentence, with_reset)]
    policy, qualified = _qualified(code, stages[stage])
    untried, advice = ({}, "") if policy else _to_qualify(plan, with_reset)
    phases = {
        "without": _phase(without),
        "with": _phase(stages["initramfs"]),
        "quiesce": _phase(stages["quiesce"]),
    }
    # The file that the playbook writes has this order: what is to be done, then what it rests on.
    return {
        "host": hosts[0],
        "conclusion": {
            "code": code,
            "sentence": f"{sentence}{_times(phases)}{qualified}{advice}",
        },
        "pcie_reset_stage": stage,
        "pcie_reset_policy": policy,
        "to_qualify": untried,
        "pcie_reset_exclusions": rules,
        "platform": first["platform"],
        "kernel": first["kernel"]["before"],
        "iommu": first["iommu"],
        **phases,
    }


def _qualified(code: str, with_reset: Sequence[Record]) -> tuple[dict[str, str], str]:
    """The policy that these crashes were a qualification of, and a sentence that says so.

    Method sbr is off until then: it goes round the kernel's own list of devices that do not survive a bus reset.
    """
    ports = [
        port
        for record in with_reset
        for port in (record["reset"] or {"ports": []})["ports"]
        if port["method"] == _SBR
    ]
    back = [port for port in ports if port["result"] == "reset"]
    if code not in _PASSED or not back or len(back) < len(ports):
        return {}, ""
    addresses = _counted(len({port["address"] for port in back}), "port")
    return {_SBR: "fallback"}, (
        f" The register sequence (policy sbr: fallback) reset {addresses} in {len(with_reset)} crashes, and each"
        " function came back: this platform is qualified with it."
    )


def _to_qualify(
    plan: Mapping[str, t.Any] | None, with_reset: Sequence[Record]
) -> tuple[dict[str, str], str]:
    """What would reset ports that nothing else resets on this kernel, and a sentence that says how to try that."""
    tried = any(
        port["method"] == _SBR
        for record in with_reset
        for port in (record["reset"] or {"ports": []})["ports"]
    )
    # The plan knows whether the kernel is locked down, where the registers cannot be written.
    gains = [
        lever["gain"]
        for lever in (plan or {}).get("dma", {}).get("levers", ())
        if lever["lever"] == _SBR
    ]
    left = [port for port in (plan or {}).get("ports", ()) if port["reason"] == _NOTHING_RESETS]
    if tried or not gains or not left:
        return {}, ""
    ports, functions = _counted(len(left), "port"), _counted(gains[0], "more function")
    return {_SBR: "fallback"}, (
        f" {ports} left because neither this kernel nor the policy has a method; with the register sequence {functions}"
        " would be silent: qualify this platform again with pcie_reset_policy sbr: fallback."
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _times(phases: Mapping[str, Mapping[str, t.Any]]) -> str:
    """A sentence about what each way costs, nothing where there are not two to be compared."""
    medians = {way: phase["seconds"].get(_DUMP, {}).get("median") for way, phase in phases.items()}
    known = [
        f"{median:.0f} s {_WAYS[way]}" for way, median in medians.items() if median is not None
    ]
    return f" Median from panic to complete dump: {', '.join(known)}." if len(known) > 1 else ""


def _stage(record: Record) -> str:
    """Where the devices were reset. Records of before there was a choice do not say it."""
    return record["helper"].get("stage") or "initramfs"


def _better_stage(stages: Mapping[str, Sequence[Record]]) -> str:
    """The one with the larger share of dumps; the initramfs, which is one boot shorter, if they are equal."""
    crashes = {stage: len(records) for stage, records in stages.items()}
    dumps = {stage: sum(map(_has_dump, records)) for stage, records in stages.items()}
    if not crashes["quiesce"]:
        return "initramfs"
    # Compare shares without dividing.
    more = dumps["quiesce"] * crashes["initramfs"] > dumps["initramfs"] * crashes["quiesce"]
    return "quiesce" if more or not crashes["initramfs"] else "initramfs"


def _counts(records: Sequence[Record], stage: str) -> str:
    where = " in the quiesce stage" if stage == "quiesce" else " in the initramfs"
    return f"{sum(map(_has_dump, records))} of {len(records)} crashes with the reset{where} left a dump"


def _has_dump(record: Record) -> bool:
    """A dump that is whole and of this crash, on a host that came back by itself."""
    return bool(
        record["vmcore"] and record["vmcore"]["verdict"] == "complete" and not record["recovery"]
    )


def _conclusion(
    without: Sequence[Record], with_reset: Sequence[Record], suspects: int, stage: str
) -> tuple[str, str]:
    if not without or not with_reset:
        return (
            "not_compared",
            "Crashes both without and with the reset are needed for a comparison.",
        )
    dumps, plain = sum(map(_has_dump, with_reset)), sum(map(_has_dump, without))
    counts = f"{_counts(with_reset, stage)}, {plain} of {len(without)} without it"
    # Compare shares without dividing.
    difference = dumps * len(without) - plain * len(with_reset)
    if difference < 0:
        return "reset_harms", f"The reset costs dumps: {counts}."
    if suspects:
        return "reset_amiss", f"Functions did not come back from the reset: {counts}."
    if difference > 0:
        return "reset_helps", f"The reset saves dumps: {counts}."
    if dumps == len(with_reset):
        return "reset_harmless", f"The reset does no harm, and nothing here needed it: {counts}."
    return (
        "no_difference",
        f"The reset makes no difference: {counts}. See the causes of the failures.",
    )


def _port_rules(first: Record, with_reset: Sequence[Record]) -> list[dict[str, t.Any]]:
    """A rule for each function that did not come back from a reset."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in with_reset:
        for port in record["reset"]["ports"] if record["reset"] else ():
            for function in port["functions"]:
                if port["result"] in ("failed", "timeout") and not function["returned"]:
                    found.setdefault((function["address"], function["identity"]), []).append(record)
    rules = []
    for (address, identity), records in sorted(found.items()):
        vendor, device = identity.split(":")
        rules.append(
            {
                "name": f"qualify: {identity} at {address}",
                "match": {**_platform(first), "vendor": vendor, "device": device},
                "decision": "leave",
                "reason": f"It did not come back from the reset in {len(records)} of {len(with_reset)} crashes",
                "source": _source(records),
            }
        )
    return rules


def _platform_rule(first: Record, sentence: str, with_reset: Sequence[Record]) -> dict[str, t.Any]:
    return {
        "name": "qualify: the whole platform",
        "match": {**_platform(first), "port": "*"},
        "decision": "leave",
        "reason": sentence.rstrip("."),
        "source": _source(record for record in with_reset if not _has_dump(record)),
    }


def _platform(record: Record) -> dict[str, t.Any]:
    dmi = record["platform"].get("dmi") or {}
    # A rule's patterns are globs, and what firmware says may have their characters in it.
    known = {key: re.sub(r"([*?\[])", r"[\1]", dmi[key]) for key in _PLATFORM_KEYS if dmi.get(key)}
    return {"platform": known} if known else {}


def _source(records: Iterable[Record]) -> str:
    return f"crash tests {', '.join(record['run_id'] for record in records)}"


def _phase(records: Sequence[Record]) -> dict[str, t.Any]:
    return {
        "crashes": len(records),
        "dumps": sum(map(_has_dump, records)),
        "seconds": _seconds(records),
        "ports": _ports(records),
        "evidence": _evidence(records),
        "tests": [
            {
                "run_id": record["run_id"],
                "verdict": record["verdict"],
                "stage": record["stage"],
                "why": record["why"],
                "cause": record["cause"] and record["cause"]["code"],
            }
            for record in records
        ],
    }


def _seconds(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """The median and the longest time of each span that was timed."""
    result = {}
    for begin, end in _SPANS:
        times = []
        for record in records:
            known = {stage["name"]: stage["time"] for stage in record["stages"]}
            if known.get(begin) is not None and known.get(end) is not None:
                times.append(known[end] - known[begin])
        if times:
            result[f"{begin} to {end}"] = {
                "median": round(statistics.median(times), 1),
                "longest": round(max(times), 1),
            }
    return result


def _ports(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """How often each planned port had which result."""
    ports: dict[str, dict[str, int]] = {}
    for record in records:
        for port in record["reset"]["ports"] if record["reset"] else ():
            results = ports.setdefault(port["address"], {})
            results[port["result"]] = results.get(port["result"], 0) + 1
    return dict(sorted(ports.items()))


def _evidence(records: Sequence[Record]) -> dict[str, int]:
    """In how many crashes lines of a pattern were seen that are no good news."""
    counts: dict[str, int] = {}
    for record in records:
        for pattern in {
            line["pattern"] for line in record["evidence"] if line["severity"] != "info"
        }:
            counts[pattern] = counts.get(pattern, 0) + 1
    return dict(sorted(counts.items()))


__all__ = ("qualification",)
