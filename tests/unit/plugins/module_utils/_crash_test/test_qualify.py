# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.qualify import qualification
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import finished_record
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import (
    deciding_rules,
    read_exclusions,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    EVIDENCE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

DMI = {"sys_vendor": "QEMU", "product_name": "Standard PC [Q35]", "bios_version": "1"}
PLATFORM = {"hostname": "db01", "dmi": DMI}


def record(
    *, reset: bool, dump: bool = True, stage: str | None = None, **changes: t.Any
) -> dict[str, t.Any]:
    helper = {
        "installed": reset,
        "digest": RESET["digest"] if reset else None,
        "stage": stage or ("initramfs" if reset else None),
    }
    arguments: dict[str, t.Any] = {
        "vmcore": VMCORE if dump else None,
        "reset": RESET if reset else None,
        "capture": CAPTURE,
        "evidence": [EVIDENCE],
        "normal": NORMAL,
        "now": 1100.0,
        **changes,
    }
    return finished_record({**STATE, "platform": PLATFORM, "helper": helper}, **arguments)


def reset_that_failed() -> dict[str, t.Any]:
    report = copy.deepcopy(RESET)
    report["ports"][0]["result"] = "failed"
    report["ports"][0]["functions"][0]["returned"] = False
    return report


GOOD, GOOD_RESET = record(reset=False), record(reset=True)
BAD, BAD_RESET = record(reset=False, dump=False), record(reset=True, dump=False)
QUIESCED = record(reset=True, stage="quiesce")
BAD_QUIESCED = record(reset=True, stage="quiesce", dump=False)


@pytest.mark.parametrize(
    ("records", "code", "sentence"),
    [
        ([GOOD, GOOD_RESET], "reset_harmless", "1 of 1 crashes with the reset in the initramfs left a dump, 1 of 1"),
        ([BAD, GOOD_RESET], "reset_helps", "The reset saves dumps"),
        ([GOOD, BAD, GOOD_RESET, GOOD_RESET], "reset_helps", "2 of 2 crashes with the reset in the initramfs"),
        ([GOOD, GOOD, GOOD_RESET, BAD_RESET], "reset_harms", "The reset costs dumps"),
        ([BAD, BAD_RESET], "no_difference", "See the causes"),
        ([GOOD, GOOD], "not_compared", "both without and with"),
        ([GOOD_RESET], "not_compared", "both without and with"),
    ],
)  # fmt: skip
def test_the_shares_of_crashes_that_left_a_dump_are_compared(
    records: list[dict[str, t.Any]], code: str, sentence: str
) -> None:
    conclusion = qualification(records)["conclusion"]
    assert conclusion["code"] == code
    assert sentence in conclusion["sentence"]


@pytest.mark.parametrize(
    ("records", "stage", "code", "sentence"),
    [
        ([BAD, BAD_RESET, QUIESCED], "quiesce", "reset_helps",
         "quiesce stage left a dump, 0 of 1 without it. 0 of 1 crashes with the reset in the initramfs left a dump."),
        ([GOOD, GOOD_RESET, QUIESCED], "initramfs", "reset_harmless",
         "1 of 1 crashes with the reset in the quiesce stage left a dump."),
        ([GOOD, GOOD_RESET, BAD_QUIESCED], "initramfs", "reset_harmless",
         "0 of 1 crashes with the reset in the quiesce stage left a dump."),
        ([GOOD, BAD_RESET, GOOD_RESET, QUIESCED, QUIESCED], "quiesce", "reset_harmless", "2 of 2"),
        ([GOOD, BAD_RESET, BAD_QUIESCED], "initramfs", "reset_harms", "The reset costs dumps"),
        ([BAD, QUIESCED], "quiesce", "reset_helps", "in the quiesce stage left a dump, 0 of 1 without it."),
    ],
)  # fmt: skip
def test_three_ways_are_compared(
    records: list[dict[str, t.Any]], stage: str, code: str, sentence: str
) -> None:
    found = qualification(records)
    assert (found["pcie_reset_stage"], found["conclusion"]["code"]) == (stage, code)
    assert sentence in found["conclusion"]["sentence"]
    crashes = [found[way]["crashes"] for way in ("without", "with", "quiesce")]
    assert sum(crashes) == len(records)
    assert crashes[2] == sum(each["helper"]["stage"] == "quiesce" for each in records)


def slower(seconds: int, *, stage: str | None = None) -> dict[str, t.Any]:
    capture = {**CAPTURE, "dump_complete": CAPTURE["dump_complete"] + seconds}
    return record(reset=stage is not None, stage=stage, capture=capture)


def test_the_conclusion_says_what_each_way_costs() -> None:
    records = [slower(0), slower(2), slower(3, stage="initramfs"), slower(10, stage="quiesce")]
    assert qualification(records)["conclusion"]["sentence"].endswith(
        "Median from panic to complete dump: 58 s without the reset, 60 s with it in the initramfs,"
        " 67 s with it in the quiesce stage."
    )


def test_a_way_without_a_dump_has_no_time_and_one_alone_is_no_comparison() -> None:
    sentence = qualification([BAD, GOOD_RESET])["conclusion"]["sentence"]
    assert "Median" not in sentence
    rules = qualification([GOOD, slower(1), BAD_RESET])["pcie_reset_exclusions"]
    assert "Median" not in rules[0]["reason"]


def test_a_record_that_does_not_know_stages_is_of_the_initramfs() -> None:
    old = {**GOOD_RESET, "helper": {"installed": True, "digest": RESET["digest"]}}
    assert qualification([GOOD, old])["with"]["crashes"] == 1


@pytest.mark.parametrize(
    "records", [[GOOD, GOOD_RESET], [BAD, GOOD_RESET], [BAD, BAD_RESET], [GOOD]]
)
def test_a_reset_that_costs_nothing_needs_no_exclusion(records: list[dict[str, t.Any]]) -> None:
    assert qualification(records)["pcie_reset_exclusions"] == []


def test_a_function_that_did_not_come_back_is_proposed_for_this_platform() -> None:
    bad = record(reset=True)
    bad["reset"] = reset_that_failed()
    found = qualification([GOOD, GOOD_RESET, bad])
    (rule,) = found["pcie_reset_exclusions"]
    assert found["conclusion"]["code"] == "reset_amiss"
    assert rule["reason"] == "It did not come back from the reset in 1 of 2 crashes"
    assert rule["source"] == f"crash tests {STATE['run_id']}"
    function = {
        "address": "0000:01:00.0",
        "vendor": "8086",
        "device": "10d3",
        "class": "020000",
        "driver": None,
    }
    port = {"address": "0000:00:02.0"}
    rules = read_exclusions([rule])
    assert deciding_rules(rules, DMI, port, [function])
    assert not deciding_rules(rules, {**DMI, "product_name": "Standard PC Q"}, port, [function])
    assert not deciding_rules(rules, DMI, port, [{**function, "device": "ffff"}])


def test_a_reset_that_costs_dumps_without_a_culprit_excludes_the_platform() -> None:
    (rule,) = qualification([GOOD, BAD_RESET])["pcie_reset_exclusions"]
    assert rule["match"]["port"] == "*"
    assert "1 of 1 without it" in rule["reason"]
    read_exclusions([rule])


def test_a_host_that_had_to_be_recovered_counts_as_one_without_a_dump() -> None:
    recovered = record(reset=True, recovery={"method": "redfish"})
    assert qualification([GOOD, recovered])["with"]["dumps"] == 0


def test_the_evidence_is_attached() -> None:
    found = qualification([GOOD, GOOD_RESET, GOOD_RESET])
    assert found["with"]["ports"] == {"0000:00:02.0": {"reset": 2}, "0000:04:00.0": {"left": 2}}
    assert found["with"]["evidence"] == {"dmar_fault": 2}
    assert found["with"]["seconds"]["panicked to dump complete"] == {
        "median": 57.0,
        "longest": 57.0,
    }
    assert found["without"]["tests"][0]["run_id"] == STATE["run_id"]
    assert (found["platform"]["dmi"], found["kernel"]) == (DMI, STATE["kernel"])


def test_records_of_several_hosts_are_not_mixed() -> None:
    with pytest.raises(KdumpError, match=r"not of db01\.example\.com, db02"):
        qualification([GOOD, {**GOOD, "host": "db02"}])
    with pytest.raises(KdumpError, match="not of none"):
        qualification([])


def with_sbr(**changes: t.Any) -> dict[str, t.Any]:
    report = copy.deepcopy(RESET)
    report["ports"][0].update(method="sbr", **changes)
    return {**GOOD_RESET, "reset": report}


# Of a kernel without reset_subordinate, with one port that has no method, and not locked down.
PLAN = {
    "ports": [
        {"address": "0000:00:1c.0", "decision": "leave", "reason": "no_reset_method"},
        {"address": "0000:00:1d.0", "decision": "reset", "reason": "reset"},
    ],
    "dma": {"levers": [{"lever": "sbr", "words": "the policy sbr", "gain": 2}]},
}


def test_the_register_sequence_that_did_no_harm_is_qualified_and_proposed() -> None:
    found = qualification([BAD, with_sbr()], PLAN)
    assert found["pcie_reset_policy"] == {"sbr": "fallback"}
    assert found["to_qualify"] == {}
    assert "this platform is qualified with it" in found["conclusion"]["sentence"]


@pytest.mark.parametrize(
    "records",
    [
        # What was not tried is not qualified, nor what did harm, nor without a comparison.
        [GOOD, GOOD_RESET],
        [GOOD, GOOD, with_sbr(), {**with_sbr(), "vmcore": None}],
        [GOOD, with_sbr(), with_sbr(result="failed", error="not_back")],
        [with_sbr()],
    ],
    ids=["not tried", "harm", "not back", "not compared"],
)
def test_the_register_sequence_is_not_qualified_by_anything_else(
    records: list[dict[str, t.Any]],
) -> None:
    assert qualification(records)["pcie_reset_policy"] == {}


def test_ports_that_nothing_resets_are_a_reason_to_qualify_the_register_sequence() -> None:
    found = qualification([GOOD, GOOD_RESET], PLAN)
    assert found["to_qualify"] == {"sbr": "fallback"}
    assert "1 port left because neither this kernel" in found["conclusion"]["sentence"]
    assert "2 more functions would be silent" in found["conclusion"]["sentence"]


@pytest.mark.parametrize(
    "plan",
    [
        None,
        # Locked down, or allowed already: no lever.
        {**PLAN, "dma": {"levers": []}},
        # Left for a hot-plug slot, by a kernel that has reset_subordinate.
        {**PLAN, "ports": [{"address": "0000:00:1c.0", "decision": "leave", "reason": "hotplug"}]},
    ],
    ids=["no plan", "no lever", "has a method"],
)
def test_where_the_register_sequence_cannot_help_it_is_not_proposed(
    plan: dict[str, t.Any] | None,
) -> None:
    found = qualification([GOOD, GOOD_RESET], plan)
    assert (found["pcie_reset_policy"], found["to_qualify"]) == ({}, {})
    assert "sbr" not in found["conclusion"]["sentence"]


def test_what_harmed_is_not_proposed_again() -> None:
    found = qualification([GOOD, {**with_sbr(), "vmcore": None}], PLAN)
    assert (found["pcie_reset_policy"], found["to_qualify"]) == ({}, {})
