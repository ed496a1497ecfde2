# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    html,
    junit,
    markdown,
    model,
    prometheus,
    shape,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.proof import (
    DAY,
    FOR_EVER,
    Age,
)
from ansible_collections.vmcore.kdump.tests.unit import fleet

Data = dict[str, t.Any]

_KDUMP: Data = {
    "crash_size": 320 << 20,
    "capture_command_line": "root=/dev/vda reset_devices nr_cpus=1",
    "image": {"fingerprint": "aa"},
    "target": {"type": "local", "path": "/var/crash"},
    "core_collector": "makedumpfile",
}


def proven() -> tuple[Data, Data]:
    """A record that passed, and an assessment of the host as it was then, made later."""
    record = {**fleet.record("passed"), "kdump": copy.deepcopy(_KDUMP)}
    record["stored_at"] = record["finished_at"]
    kept = fleet.assessment(record["host"], 0, at=record["stored_at"] + 1)
    facts = kept["facts"]
    facts["kdump"] = {
        **facts["kdump"], **copy.deepcopy(_KDUMP), "kernel_release": record["kernel"]["before"], "problems": [],
        "helper": {"installed": True, "digest": record["helper"]["digest"]},
    }  # fmt: skip
    facts["platform"]["dmi"]["bios_version"] = record["platform"]["dmi"]["bios_version"]
    return record, kept


def host(record: Data, *kept: Data, age: Age = FOR_EVER) -> Data:
    results = files.Results(
        [shape.record(record)], [shape.assessment(each) for each in kept], [record], [], [], []
    )
    (found,) = model.build(results, (), age)["hosts"]
    return t.cast("Data", found)


def test_a_host_that_is_as_it_was_is_proven() -> None:
    record, kept = proven()
    found = host(record, kept)
    assert (found["verdict"], found["drift"]) == ("passed", [])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("kdump.kernel_release", "6.12.200", "The host runs the kernel 6.12.200 now."),
        ("kdump.helper.digest", "other", "is not the plan that was tested"),
        ("kdump.helper", {"installed": False, "digest": None}, "is not the plan that was tested"),
        ("kdump.crash_size", 256 << 20, "256 MiB are reserved for the capture kernel now. 320 MiB"),
        ("kdump.capture_command_line", "root=/dev/vda", "another command line"),
        ("kdump.image.fingerprint", "bb", "initramfs was built again"),
        ("kdump.target.type", "nfs", "nfs now, local at the test"),
        ("kdump.target.path", "/srv", "Dumps go to /srv now"),
        ("kdump.core_collector", "cp", "cp now, makedumpfile at the test"),
        ("platform.dmi.bios_version", "2.0", "The firmware is 2.0 now"),
    ],
)
def test_each_change_since_the_test_makes_the_proof_stale(
    path: str, value: t.Any, said: str
) -> None:
    record, kept = proven()
    *parents, last = path.split(".")
    place = kept["facts"]
    for key in parents:
        place = place[key]
    assert place[last] != value
    place[last] = value
    found = host(record, kept)
    assert found["verdict"] == "stale"
    assert said in found["headline"]
    # What is not known has not changed, on either side.
    place[last] = None
    assert host(record, kept)["verdict"] == "passed"


def test_a_record_from_before_it_kept_the_configuration_is_no_contradiction() -> None:
    record, kept = proven()
    del record["kdump"], record["stored_at"]
    assert host(record, kept)["verdict"] == "passed"


def test_a_host_that_cannot_dump_any_more_is_not_proven() -> None:
    record, kept = proven()
    kept["facts"]["kdump"]["problems"] = [
        {"code": "not_armed", "severity": "error", "message": "No capture kernel is loaded."}
    ]
    found = host(record, kept)
    assert found["verdict"] == "stale"
    assert found["headline"].endswith("not ready to take a dump now: No capture kernel is loaded.")
    kept["facts"]["kdump"]["problems"][0]["severity"] = "warning"
    assert host(record, kept)["verdict"] == "passed"


def test_an_assessment_from_before_the_test_says_nothing_of_its_proof() -> None:
    record, kept = proven()
    kept["facts"]["kdump"]["kernel_release"] = "6.12.1"
    kept["facts"]["kdump"]["problems"] = [
        {"code": "not_armed", "severity": "error", "message": "No capture kernel is loaded."}
    ]
    kept["assessed_at"] = record["stored_at"] - 1
    assert host(record, kept)["verdict"] == "passed"


def test_the_clock_of_the_host_does_not_decide_what_came_first() -> None:
    record, kept = proven()
    kept["facts"]["kdump"]["kernel_release"] = "6.12.200"
    record["finished_at"] += 10 * DAY  # the host's clock is ahead
    assert host(record, kept)["verdict"] == "stale"


@pytest.mark.parametrize(("days", "verdict"), [(89, "passed"), (91, "stale")])
def test_a_proof_counts_for_a_time(days: int, verdict: str) -> None:
    record, kept = proven()
    age = Age(record["stored_at"] + days * DAY, 90)
    found = host(record, kept, age=age)
    assert found["verdict"] == verdict
    assert found["age"] == days
    assert host(record, kept, age=Age(age.now, 0))["verdict"] == "passed"


def test_a_failure_stays_one_and_says_what_changed_since() -> None:
    record, kept = proven()
    record["verdict"] = "failed"
    kept["facts"]["kdump"]["kernel_release"] = "6.12.200"
    found = host(record, kept, age=Age(record["stored_at"] + 900 * DAY, 90))
    assert found["verdict"] == "failed"
    assert found["headline"] == record["why"]
    assert len(found["drift"]) == 1


def test_no_format_calls_a_stale_proof_a_proof() -> None:
    record, kept = proven()
    kept["facts"]["kdump"]["kernel_release"] = "6.12.200"
    report = model.build(
        files.Results([shape.record(record)], [shape.assessment(kept)], [record], [], [], [])
    )
    assert "0 of 1 host takes a proven crash dump" in html.render(report)
    assert "**0 of 1 hosts take a proven crash dump**" in markdown.render(report)
    assert '<failure message="stale: The host runs the kernel' in junit.render(report)
    assert 'verdict{host="demo",verdict="passed"} 0' in prometheus.render(report)
    assert 'vmcore_kdump_hosts{verdict="stale"} 1' in prometheus.render(report)
