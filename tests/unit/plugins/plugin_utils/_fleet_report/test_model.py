# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import itertools
import json
import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    html,
    junit,
    markdown,
    model,
    prometheus,
    shape,
    stages,
    tree,
)
from ansible_collections.vmcore.kdump.tests.unit import fleet
from ansible_collections.vmcore.kdump.tests.unit.plugins.plugin_utils._fleet_report.hostile import (
    anything,
)

Data = dict[str, t.Any]


def results(
    *records: Data,
    assessments: tuple[Data, ...] = (),
    ignored: tuple[str, ...] = (),
    refusals: tuple[Data, ...] = (),
) -> files.Results:
    return files.Results(
        [shape.record(each) for each in records],
        [shape.assessment(each) for each in assessments],
        list(records),
        list(ignored),
        [shape.refusal(each) for each in refusals],
        [],
    )


def only(*records: Data, assessments: tuple[Data, ...] = ()) -> Data:
    """The one host of a report."""
    (host,) = model.build(results(*records, assessments=assessments))["hosts"]
    return t.cast("Data", host)


def test_a_refusal_counts_until_a_test_comes_after_it() -> None:
    record = {**fleet.record("passed"), "stored_at": 1000.0}
    said = {"host": record["host"], "reason": "window", "why": "Its window is closed."}

    def shown(refused_at: float, reason: str = "window") -> Data:
        refusal = {**said, "refused_at": refused_at, "reason": reason}
        return model.build(results(record, refusals=(refusal,)))

    (host,) = shown(1001.0)["hosts"]
    assert (host["verdict"], host["refusal"]["why"]) == ("passed", "Its window is closed.")
    assert [each["name"] for each in shown(1001.0)["summary"]["refusals"]] == ["window"]
    assert shown(999.0)["hosts"][0]["refusal"] is None
    assert shown(1001.0, "no such reason")["hosts"][0]["refusal"] is None


def test_every_format_says_that_a_host_was_refused() -> None:
    refusal = {"host": "db09", "refused_at": 1001.0, "reason": "window", "why": "It is <closed>."}
    report = model.build(results(refusals=(refusal,)))
    assert "It is &lt;closed&gt;." in html.render(report)
    assert "Refused, and not crashed" in html.render(report)
    assert '<skipped message="It is &lt;closed&gt;." />' in junit.render(report)
    assert 'crash_test_refused{host="db09",reason="window"} 1' in prometheus.render(report)
    assert "- refused, and not crashed: 1 window" in markdown.render(report)


def states(name: str, **changes: t.Any) -> str:
    """A letter for each stage of the matrix."""
    record = shape.record({**fleet.record(name), **changes})
    letters = {"done": "D", "failed": "F", "doubt": "?", "pending": "P", "after": "A", "none": "-"}
    return "".join(letters[cell["state"]] for cell in stages.cells(record))


def test_matrix_shows_how_far_a_crash_got() -> None:
    assert states("passed") == "DDDDDDDD"
    assert states("inconclusive") == "DDDDDDD?"
    assert states("cancelled") == "DP------"
    # It was power-cycled: the normal kernel came, but not by itself.
    assert states("no-return") == "DDF---A-"


def test_a_crash_without_the_helper_is_not_blamed_for_its_missing_reset() -> None:
    untimed = [{**stage, "time": None} for stage in fleet.record("passed")["stages"]]
    helper = {"installed": False, "digest": None}
    assert states("passed", stages=untimed, reset=None, helper=helper) == "DDD-DDDD"
    assert states("passed", stages=untimed, reset=None) == "DDDFDDDD"


def test_timeline_goes_from_the_panic_to_the_normal_kernel() -> None:
    line = stages.timeline(shape.record(fleet.record("passed")))
    assert line is not None
    assert [phase["name"] for phase in line["phases"]] == [
        "jump", "capture kernel starts", "PCIe reset", "devices and file systems", "dump", "reboot",
    ]  # fmt: skip
    assert sum(phase["seconds"] for phase in line["phases"]) == pytest.approx(line["seconds"])
    assert sum(phase["width"] for phase in line["phases"]) == pytest.approx(1000, abs=1)
    assert line["from_panic"]


def test_timeline_does_not_call_silence_a_reboot() -> None:
    line = stages.timeline(shape.record(fleet.record("no-return")))
    assert line is not None
    assert [phase["name"] for phase in line["phases"]] == ["nothing known"]
    assert not line["from_panic"]


def test_clocks_that_go_backwards_make_no_negative_phase() -> None:
    record = fleet.record("passed")
    for stage, seconds in zip(record["stages"], (50, 40, 30, 45, 20, 60, 55, 10), strict=True):
        stage["time"] = 1795350000 + seconds
    line = stages.timeline(shape.record(record))
    assert line is not None
    assert all(phase["width"] >= 0 and phase["seconds"] >= 0 for phase in line["phases"])


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.4, "42 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_are_for_people(seconds: float | None, shown: str) -> None:
    assert stages.duration(seconds) == shown


def test_last_record_is_the_verdict_and_the_others_are_history() -> None:
    before, after = fleet.record("passed"), {**fleet.record("no-return"), "host": "demo"}
    after["finished_at"] = before["finished_at"] + 1
    host = only(after, before)
    assert host["verdict"] == "failed"
    assert [past["verdict"] for past in host["history"]] == ["passed"]


def test_a_test_that_was_cancelled_takes_nothing_back() -> None:
    before, after = fleet.record("passed"), {**fleet.record("cancelled"), "host": "demo"}
    after["finished_at"] = before["finished_at"] + 1
    host = only(before, after)
    assert host["verdict"] == "passed"
    assert [past["verdict"] for past in host["history"]] == ["inconclusive"]
    assert only(after)["verdict"] == "inconclusive"


def test_hosts_that_were_not_tested_have_their_problems() -> None:
    kept = fleet.assessment("db02", 0, "sys/kernel/kexec_crash_loaded")
    host = only(assessments=(kept,))
    assert host["verdict"] == "untested"
    assert [problem["code"] for problem in host["problems"]] == ["not_armed"]
    assert host["why"] == host["problems"][0]["message"]
    report = model.build(results(assessments=(kept,)), ["db03"])
    assert [(problem["name"], problem["hosts"]) for problem in report["summary"]["problems"]] == [
        ("not_armed", 1)
    ]
    assert [host["name"] for host in report["hosts"]] == ["db02", "db03"]
    assert "neither assessed nor crashed" in report["hosts"][1]["why"]


def test_rate_counts_crashes_only() -> None:
    going = {**fleet.record("cancelled"), "stage": "panicked"}
    without = {**fleet.record("no-return"), "helper": {"installed": False, "digest": None}}
    records = (
        fleet.record("passed"),
        fleet.record("cancelled"),
        going,
        without,
        fleet.record("no-return"),
    )
    rates = model.build(results(*records))["summary"]["crashes"]
    assert [(rate["crashes"], rate["dumps"]) for rate in rates] == [(1, 0), (2, 1)]


def test_failures_are_counted_by_stage_and_cause() -> None:
    report = model.build(results(*({**fleet.failed("oom"), "host": name} for name in ("a", "b"))))
    assert [(cause["name"], cause["hosts"]) for cause in report["summary"]["causes"]] == [
        ("out_of_memory", 2)
    ]
    assert sum(stage["hosts"] for stage in report["summary"]["stages"]) == 2


def test_ports_that_did_not_come_back_are_first_and_red() -> None:
    record = fleet.record("passed")
    record["reset"]["ports"][1].update(result="failed")
    record["reset"]["ports"][1]["functions"][0]["returned"] = False
    host = only(record, assessments=(fleet.assessment(record["host"], 0),))
    assert [port["outcome"] for port in host["ports"]][:3] == ["failed", "reset", "reset"]
    assert host["ports"][0]["address"] == record["reset"]["ports"][1]["address"]
    boxes = [box for box in host["picture"]["boxes"] if box["outcome"] == "failed"]
    assert [box["title"] for box in boxes] == [host["ports"][0]["address"]]
    assert "did not come back" in html.render(model.build(results(record)))


def test_every_format_tells_what_keeps_running() -> None:
    """The same number as the plan has, of a host that nobody has crashed."""
    assessment = fleet.assessment("db01", 0)
    dma = assessment["plan"]["dma"]
    assert dma["functions"] == dma["silent"] + dma["running"]
    assert dma["silent"]
    report = model.build(results(assessments=(assessment,)))
    (host,) = report["hosts"]
    sentence = (
        f"{dma['silent']} of {dma['functions']} functions silent before drivers load,"
        f" {dma['running']} keep running"
    )
    assert host["dma"]["sentence"] == sentence
    assert sentence in html.render(report)
    for state in ("silent", "running", "unknown"):
        sample = f'vmcore_kdump_dma_functions{{host="db01",state="{state}"}} {dma[state]}'
        assert sample in prometheus.render(report).splitlines()


def test_a_host_that_was_not_assessed_has_no_number() -> None:
    report = model.build(results(fleet.record("passed")))
    assert report["hosts"][0]["dma"] is None
    assert "dma_functions" not in prometheus.render(report)


@pytest.mark.parametrize("name", ["q35-vtd", "rich", "many-ports"])
def test_picture_has_every_port_once_and_nothing_on_top_of_anything(name: str) -> None:
    facts = shape.assessment({"facts": fleet.facts(name)})["facts"]
    functions = facts["pcie"]["functions"]
    drawn = tree.picture(functions, {}, {})
    parents = {each["parent"] for each in functions}
    occupied = {
        each["address"]
        for each in functions
        if each["port_type"] in ("root_port", "downstream_port") and each["address"] in parents
    }
    assert sorted(box["title"] for box in drawn["boxes"] if box["kind"] == "port") == sorted(
        occupied
    )
    places = sorted((box["x"], box["y"]) for box in drawn["boxes"])
    for (left, top), (right, bottom) in itertools.pairwise(places):
        assert left != right or bottom - top >= 36
    assert all(box["x"] + box["width"] <= drawn["width"] for box in drawn["boxes"])
    assert all(0 <= box["y"] <= drawn["height"] - box["height"] for box in drawn["boxes"])


def test_bridges_in_a_circle_end() -> None:
    nothing = dict.fromkeys(("name", "slot", "driver", "physical_function", "root_bus"), None)
    circle = [
        {
            **nothing,
            "address": address,
            "parent": parent,
            "header": "bridge",
            "port_type": "root_port",
        }
        for address, parent in (("0000:00:01.0", "0000:00:02.0"), ("0000:00:02.0", "0000:00:01.0"))
    ]
    assert tree.picture(circle, {}, {})["boxes"] == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    names = fleet.write(tmp_path, 12)
    pages = {
        render(model.build(files.read(tmp_path), reversed(names)))
        for render in (html.render, junit.render, markdown.render, prometheus.render)
        for _again in range(2)
    }
    assert len(pages) == 4


# Reading and writing


def test_files_of_other_kinds_are_named_and_left_alone(tmp_path: Path) -> None:
    contents = {
        "a.json": "{", "b.json": "[]", "c.json": '{"host": "x"}', "d.json": '{"x": NaN}', "e.json": "[" * 100000,
        ".f.json": "{", "g.yml": "{", "h.json": '{"host": 1, "run_id": "x", "verdict": "passed"}',
        "i.json": '{"host": "x", "run_id": "y", "verdict": "nice"}',
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "j.json").mkdir()
    found = files.read(tmp_path)
    assert found.records == found.assessments == []
    assert [sentence.split()[0] for sentence in found.ignored] == [
        "a.json", "b.json", "c.json", "d.json", "e.json", "h.json", "i.json", "j.json",
    ]  # fmt: skip


def test_directory_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match="nowhere cannot be read: No such file"):
        files.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "host", ["db01.example.com", "../../etc/x", ".hidden", "a/b", "ä\udc80", "..", "2001:db8::1"]
)
def test_no_name_of_a_host_leads_out_of_the_directory(host: str, tmp_path: Path) -> None:
    path = files.assessment_path(tmp_path, host)
    files.write(path, files.dumps({"host": host, "facts": {}}))
    assert path.parent == tmp_path
    assert len(files.read(tmp_path).assessments) == 1


def test_a_file_is_replaced_at_once_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    files.write(path, "one")
    files.write(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o644
    (tmp_path / "file").write_text("")
    with pytest.raises(KdumpError, match="cannot be written: "):
        files.write(tmp_path / "file" / "report.html", "one")
    path.unlink()
    path.mkdir()
    with pytest.raises(KdumpError, match="cannot be written"):
        files.write(path, "three")
    assert list(path.parent.iterdir()) == [path]


# Whatever is in a file


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_records_that_somebody_changed_make_a_report(data: st.DataObject) -> None:
    record = copy.deepcopy(fleet.record(data.draw(st.sampled_from(("passed", "no-return")))))
    kept = copy.deepcopy(fleet.assessment("demo", 0))
    for whole in (record, kept):
        for _change in range(data.draw(st.integers(0, 4))):
            _replace_somewhere(whole, data)
    record.update(run_id="run", host="demo", verdict="passed")
    report = model.build(results(record, assessments=(kept,)))
    for render in (html.render, junit.render, markdown.render, prometheus.render):
        render(report).encode()


def _replace_somewhere(value: t.Any, data: st.DataObject) -> None:
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(value[key], (dict, list)) and value[key] and data.draw(st.booleans()):
            value = value[key]
            continue
        value[key] = data.draw(anything)
        return


@given(anything)
def test_shapes_are_always_there(value: t.Any) -> None:
    for shaped in (shape.record(value), shape.assessment(value)):
        json.dumps(shaped, allow_nan=False).encode()
    assert shape.record(value).keys() == shape.record({}).keys()


def test_shape_of_a_real_record_keeps_what_is_shown() -> None:
    record = fleet.record("passed")
    shaped = shape.record(record)
    assert shaped["why"] == record["why"]
    assert shaped["stages"] == record["stages"]
    assert [port["address"] for port in shaped["reset"]["ports"]] == [
        port["address"] for port in record["reset"]["ports"]
    ]
