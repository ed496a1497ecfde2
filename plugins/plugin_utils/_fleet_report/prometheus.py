# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The report for the textfile collector of Prometheus' node_exporter."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.verdicts import VERDICTS

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

Sample = tuple[t.Mapping[str, str], float]

# In the order in which they are written: name, type, help.
_METRICS = (
    ("hosts", "gauge", "Hosts by what their last crash test proves; stale: it passed, and the host has changed since."),
    ("host_info", "gauge", "What a host is."),
    ("report_timestamp_seconds", "gauge", "When the newest record or assessment of the report was made."),
    ("crashes", "gauge", "Crashes on record, with and without the reset helper."),
    ("crashes_with_dump", "gauge", "Crashes that left a whole dump and whose host came back by itself."),
    ("crash_test_verdict", "gauge", "What the last crash test of a host proves, 1 for the verdict that applies."),
    ("crash_test_refused", "gauge", "Why a host was not crashed when it was last to be, 1 for the reason."),
    ("crash_test_finished_timestamp_seconds", "gauge", "When the last crash test of a host ended."),
    ("crash_test_stage_seconds", "gauge", "How long a stage took since the one before it."),
    ("crash_test_recovery_seconds", "gauge", "From the panic to the normal kernel."),
    ("dump_size_bytes", "gauge", "Size of the dump of the last crash test."),
    ("reset_ports", "gauge", "Ports of the reset plan by what happened to them in the last crash test."),
    ("reset_seconds", "gauge", "How long the reset of all ports took."),
    ("dma_functions", "gauge", "Functions that can do DMA by what the reset plan makes of them before drivers load."),
    ("problems", "gauge", "What keeps a host from taking a dump or makes it doubtful, when it was assessed."),
    ("assessed_timestamp_seconds", "gauge", "When a host was assessed."),
    ("unplanned_crashes", "gauge", "Crashes of a host that nobody planned, as far as they were collected."),
    ("unplanned_crash_timestamp_seconds", "gauge", "When the last of them was, by the host's clock."),
    ("unplanned_signature_hosts", "gauge", "Hosts that crashed in the same way."),
)  # fmt: skip


def render(report: Data) -> str:
    """Return the samples, each metric with its help and type."""
    samples: dict[str, list[Sample]] = {name: [] for name, _type, _help in _METRICS}
    for name, labels, value in _samples(report):
        if value is not None:
            samples[name].append((labels, value))
    lines = []
    for name, kind, text in _METRICS:
        if samples[name]:
            lines += [f"# HELP vmcore_kdump_{name} {text}", f"# TYPE vmcore_kdump_{name} {kind}"]
            lines += [
                f"vmcore_kdump_{name}{_labels(labels)} {value!r}" for labels, value in samples[name]
            ]
    return "".join(f"{line}\n" for line in lines)


def _samples(report: Data) -> Iterator[tuple[str, Mapping[str, str], float | None]]:
    yield "report_timestamp_seconds", {}, report["as_of"]
    for verdict, number in report["summary"]["verdicts"].items():
        yield "hosts", {"verdict": verdict}, number
    for rate, helper in zip(report["summary"]["crashes"], ("absent", "present"), strict=True):
        yield "crashes", {"helper": helper}, rate["crashes"]
        yield "crashes_with_dump", {"helper": helper}, rate["dumps"]
    for host in report["hosts"]:
        yield from _host(host)
    unplanned = report["unplanned"]
    for name, number in unplanned["counts"].items():
        yield "unplanned_crashes", {"host": name}, number
        yield "unplanned_crash_timestamp_seconds", {"host": name}, unplanned["last"][name]
    for group in unplanned["groups"]:
        if group["signature"]:
            labels = {"signature": group["signature"], "kind": group["kind"]}
            yield "unplanned_signature_hosts", labels, len(group["hosts"])


def _host(host: Data) -> Iterator[tuple[str, Mapping[str, str], float | None]]:
    name = {"host": host["name"]}
    about = {"platform": host["platform"], "kernel": host["kernel"], "iommu": host["iommu"]["name"]}
    yield "host_info", {**name, **about}, 1
    if host["assessed_at"] is not None:
        yield "assessed_timestamp_seconds", name, host["assessed_at"]
        for severity in ("error", "warning"):
            number = sum(problem["severity"] == severity for problem in host["problems"])
            yield "problems", {**name, "severity": severity}, number
    for state in ("silent", "running", "unknown") if host["dma"] else ():
        yield "dma_functions", {**name, "state": state}, host["dma"][state]
    for verdict in VERDICTS:
        yield "crash_test_verdict", {**name, "verdict": verdict}, int(host["verdict"] == verdict)
    if host["refusal"]:
        yield "crash_test_refused", {**name, "reason": host["refusal"]["reason"]}, 1
    test = host["test"]
    if test is None:
        return
    yield "crash_test_finished_timestamp_seconds", name, test["finished_at"]
    for cell in test["cells"]:
        yield "crash_test_stage_seconds", {**name, "stage": cell["name"]}, cell["seconds"]
    if test["timeline"] and test["timeline"]["from_panic"] and host["verdict"] == "passed":
        yield "crash_test_recovery_seconds", name, test["timeline"]["seconds"]
    if test["dump"]:
        yield "dump_size_bytes", name, test["dump"]["size"]
    if test["reset"]:
        for result in ("reset", "left", "failed", "timeout"):
            yield "reset_ports", {**name, "result": result}, test["reset"][result]
        yield "reset_seconds", name, test["reset"]["seconds"]


def _labels(labels: Mapping[str, str]) -> str:
    words = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{words}}}" if words else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


__all__ = ("render",)
