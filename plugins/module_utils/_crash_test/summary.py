# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A result record for people."""

from __future__ import annotations

import textwrap
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WIDTH = 110
_STATUS = {"ok": "ok  ", "failed": "FAIL", "unverified": "??  ", "noted": "note"}


def summary(record: Mapping[str, t.Any]) -> str:
    """The record as text: verdict, stages with times, ports, every check of the dump, evidence."""
    return "\n".join(" ".join(line.splitlines()) for line in _lines(record))


def _lines(record: Mapping[str, t.Any]) -> Iterator[str]:
    yield f"Crash test of {record['host']}: {record['verdict'].upper()}"
    yield from textwrap.wrap(
        record["why"], _WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False
    )
    yield f"  run id {record['run_id']}, reached: {record['stage']}"
    yield from _how(record["trigger"])
    if record["cause"]:
        yield from _cause(record["cause"])
    if record["recovery"]:
        yield f"  Recovered: {record['recovery']['method']}"
    yield from _stages(record["stages"])
    if record["reset"]:
        yield from _reset(record["reset"])
    if record["vmcore"]:
        yield from _vmcore(record["vmcore"], record.get("dump_host"))
    if record["evidence"]:
        yield "  Kernel logs"
        yield from _evidence(record["evidence"])


def _evidence(evidence: list[Mapping[str, t.Any]]) -> Iterator[str]:
    """Each kind of line once, whatever logs have it, and the first of those that are no good news."""
    shown = set()
    for item in evidence:
        key = (item["segment"], item["pattern"])
        if key in shown:
            continue
        shown.add(key)
        yield f"    {item['severity']:7}  {item['segment']}, {item['count']}x: {item['meaning']}"
        if item["severity"] != "info":
            yield f"             {item['text'].strip()}"


def _how(trigger: Mapping[str, t.Any]) -> Iterator[str]:
    cpu = "" if trigger["panic_cpu"] is None else f", panicked on CPU {trigger['panic_cpu']}"
    load = f", under load ({', '.join(trigger['load'])})" if trigger["load"] else ""
    yield f"  asked for by {trigger['requested_by']}{load}{cpu}"


def _cause(cause: Mapping[str, t.Any]) -> Iterator[str]:
    where = f", at the stage {cause['stage']}" if cause["stage"] else ""
    yield f"  Most likely cause ({cause['code']}{where})"
    yield from textwrap.wrap(
        cause["sentence"], _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False
    )  # fmt: skip


def _stages(stages: list[Mapping[str, t.Any]]) -> Iterator[str]:
    yield "  Stages (host's clock, UTC)"
    for stage in stages:
        if stage["time"] is None:
            yield f"    {'-':8}  {'':>9}  {stage['name']}"
            continue
        clock = time.strftime("%H:%M:%S", time.gmtime(stage["time"]))
        after = "" if stage["after"] is None else f"+{stage['after']:.1f} s"
        yield f"    {clock}  {after:>9}  {stage['name']}"


def _reset(reset: Mapping[str, t.Any]) -> Iterator[str]:
    counts = reset["summary"]
    yield (
        f"  PCIe reset: {counts['reset']} of {counts['planned']} planned ports in"
        f" {counts['seconds']:.2f} s, {reset['uptime_end']:.1f} s after the start of the capture kernel"
    )
    for port in reset["ports"]:
        how = port["reason"] or port["method"] or ""
        devices = ", ".join(
            f"{function['address']} {function['identity']}"
            f" {'is back' if function['returned'] else 'DID NOT COME BACK'}"
            f"{', bus master off' if function['bus_master_after'] is False else ''}"
            for function in port["functions"]
        )
        note = f", {port['error'].replace('_', ' ')}" if port["error"] else ""
        yield (
            f"    {port['address']}  {port['result']:7}  {port['seconds']:5.2f} s  {how}{note}"
            + (f"; {devices}" if port["result"] != "left" and devices else "")
        )


def _vmcore(vmcore: Mapping[str, t.Any], host: str | None) -> Iterator[str]:
    size = vmcore["size"] / (1 << 20)
    place = f"{host}:{vmcore['path']}" if host else vmcore["path"]
    yield f"  Dump {place}: {size:.1f} MiB, {vmcore['format']}: {vmcore['verdict']}"
    for check in vmcore["checks"]:
        yield f"    {_STATUS[check['status']]}  {check['name']}: {check['detail']}"


__all__ = ("summary",)
