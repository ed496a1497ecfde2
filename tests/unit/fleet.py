# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet for reports: real records (data/records) and the facts of real trees, under the names of many hosts.

What differs between hosts is taken from somewhere real as well: the causes from consoles in data/evidence, the problems
from trees that lack something. Names, times, run identifiers and platforms are made up, and so are how often what
happens, and which crashes are without the reset: the rates of such a report mean nothing.
"""

from __future__ import annotations

import copy
import functools
import json
import tempfile
import typing as t
import uuid
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import explanation
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.console import ConsoleReader
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.modules.platform_facts import SUBSETS, gather
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.consoles import (
    console,
)

Data = dict[str, t.Any]

_RECORDS = Path(__file__).parent / "data" / "records"
_DAY = 86400
_MODELS = (
    ("Example Inc.", "Server 9 R2", "q35-vtd"),
    ("Example Inc.", "Storage 24", "rich"),
    ("Sample Systems", "SX-400", "q35-vtd"),
)
# What becomes of the hosts, over and over: mostly well. A console names a failure.
_FATES = ("passed", "dracut", "passed", "untested", "oom", "passed", "inconclusive", "not-armed-yet", "passed",
          "no-return", "dracut", "passed", "disk-full", "passed", "unknown", "passed", "passed", "cancelled",
          "image-truncated", "passed", "stale")  # fmt: skip
# By fate, and whether the host is an odd one.
_REFUSED = {
    ("untested", 1): ("protected", "{host} is never crashed: it is in crash_test_protected."),
    ("stale", 0): (
        "window",
        "{host} was not crashed: The maintenance window Sun 02:00-05:00 is closed: it is Tue 23:20 UTC by UTC.",
    ),
    ("not-armed-yet", 1): (
        "not_ready",
        "{host} was not crashed: No capture kernel is loaded: a crash would leave no dump.",
    ),
}


def record(name: str) -> Data:
    """A record that a crash test in the lab left."""
    found: Data = json.loads((_RECORDS / f"{name}.json").read_text("utf-8"))
    return found


@functools.cache
def facts(tree: str, *missing: str) -> Data:
    """The facts of a real tree; C(missing) files are taken out of it before."""
    with tempfile.TemporaryDirectory() as directory:
        root = unpack(tree, Path(directory))
        for name in missing:
            (root / name).write_text("0\n")
        return gather(root, SUBSETS)


def failed(name: str) -> Data:
    """The record of a crash whose console is data/evidence/NAME.txt and that left no dump."""
    text = console(name)
    reader = ConsoleReader()
    reader.feed(text.encode())
    lost = record("no-return")
    lost.update(
        recovery=None,
        why="The host came back without a new dump.",
        stage=reader.stage or "armed",
    )
    if lost["stage"] in ("normal kernel", "dump complete"):
        lost["stage"] = "dump started"
    known: Data = {
        "returned": True,
        "boot_changed": True,
        "dump": None,
        "files": [],
        "free_bytes": 1 << 30,
    }
    lost.update(
        explanation(classify([{"source": "console", "text": text, "name": "console"}], known))
    )
    return lost


def assessment(host: str, model: int, *missing: str, at: float = 1795350000.0) -> Data:
    """What the playbook assess keeps of a host."""
    vendor, product, tree = _MODELS[model % len(_MODELS)]
    found = copy.deepcopy(facts(tree, *missing))
    found["platform"]["hostname"] = host
    found["platform"]["dmi"].update(sys_vendor=vendor, product_name=product)
    return {"version": 1, "host": host, "assessed_at": at, "facts": found, "plan": make_plan(found)}


def results(count: int) -> tuple[list[Data], list[Data], list[str]]:
    """Return records, assessments, and the names of all hosts, one of which nothing is known of."""
    records, assessments, names = [], [], []
    for number in range(count):
        host, fate = f"node{number + 1:03}.example.com", _FATES[number % len(_FATES)]
        names.append(host)
        if fate == "unknown":
            continue
        armed = "sys/kernel/kexec_crash_loaded" if fate == "not-armed-yet" else ""
        kept = assessment(host, number, *filter(None, [armed]))
        assessments.append(kept)
        if fate in ("untested", "not-armed-yet"):
            continue
        for test, again in enumerate(("no-return", fate) if number % 4 == 0 else (fate,)):
            known = (_RECORDS / f"{again}.json").exists()
            one = copy.deepcopy(
                _record("passed" if again == "stale" else again)
                if known or again == "stale"
                else _failed(again)
            )
            run = uuid.uuid5(uuid.NAMESPACE_DNS, f"{test}.{host}")
            one.update(host=host, hostname=host.partition(".")[0], run_id=str(run))
            one["platform"] = kept["facts"]["platform"]
            if number % 3 == 0:
                _without_reset(one)
            _later(one, number * 400 + test * _DAY)
            records.append(one)
        if fate == "stale":  # it was updated after its test
            kept["assessed_at"] = records[-1]["finished_at"] + _DAY
            kept["facts"]["kdump"]["kernel_release"] = "6.12.200+deb13-amd64"
    return records, assessments, names


def refusals(names: list[str]) -> list[Data]:
    """Return why some of the hosts that were not tested, or whose proof is stale, were not crashed."""
    found = []
    for number, host in enumerate(names):
        reason = _REFUSED.get((_FATES[number % len(_FATES)], number % 2))
        if reason:
            code, why = reason
            found.append(
                {
                    "version": 1,
                    "host": host,
                    "refused_at": 1795950000.0,
                    "reason": code,
                    "why": why.format(host=host),
                }
            )
    return found


_record = functools.cache(record)
_failed = functools.cache(failed)


def _without_reset(one: Data) -> None:
    one.update(helper={"installed": False, "digest": None}, reset=None)
    for stage in one["stages"]:
        if stage["name"] == "reset done":
            stage.update(time=None, after=None, source=None)


def _later(one: Data, seconds: float) -> None:
    one["finished_at"] += seconds
    for stage in one["stages"]:
        if stage["time"] is not None:
            stage["time"] += seconds


def write(directory: Path, count: int) -> list[str]:
    """Make a results directory; return the names of the hosts that belong to it."""
    records, assessments, names = results(count)
    directory.mkdir(parents=True, exist_ok=True)
    for one in records:
        (directory / f"{one['host']}-{one['run_id']}.json").write_text(json.dumps(one))
    for one in refusals(names):
        (directory / f"{one['host']}-refusal.json").write_text(json.dumps(one))
    for one in assessments:
        (directory / f"{one['host']}-facts.json").write_text(json.dumps(one))
    return names
