# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.vmcore.kdump.plugins.action.assess import ActionModule as Assess
from ansible_collections.vmcore.kdump.plugins.action.fleet_report import ActionModule
from ansible_collections.vmcore.kdump.tests.unit import fleet

Data = dict[str, t.Any]


def run(arguments: Data, *, check_mode: bool = False, diff: bool = False) -> Data:
    task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, diff=diff)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    return action.run(task_vars={})


@pytest.fixture(name="source")
def fixture_source(tmp_path: Path) -> Path:
    fleet.write(tmp_path / "results", 6)
    return tmp_path / "results"


def test_report_is_written_once(source: Path) -> None:
    first = run({"results_directory": str(source), "hosts": ["never.seen"]})
    assert first["changed"]
    files = {name: Path(path).read_bytes() for name, path in first["files"].items()}
    assert [name for name in sorted(files) if not name.startswith("limit-")] == [
        "junit.xml",
        "report.html",
        "report.json",
        "summary.md",
        "vmcore_kdump.prom",
    ]
    assert b"never.seen" in files["report.html"]
    assert files["limit-unknown"] == b"never.seen\n"
    assert f"@{source}/report/limit-unknown" in first["msg"]
    again = run({"results_directory": str(source), "hosts": ["never.seen"]})
    assert not again["changed"]
    assert {name: Path(path).read_bytes() for name, path in again["files"].items()} == files


def test_json_has_the_records_as_they_are(source: Path) -> None:
    written = run({"results_directory": str(source)})
    content = json.loads(Path(written["files"]["report.json"]).read_text("ascii"))
    records = [json.loads(path.read_text()) for path in sorted(source.glob("*.json"))]
    assert content["records"] == [record for record in records if "run_id" in record]
    assert content["summary"]["hosts"] == len(content["hosts"]) == written["summary"]["hosts"] == 6


def test_check_mode_writes_nothing(source: Path) -> None:
    result = run({"results_directory": str(source)}, check_mode=True, diff=True)
    assert result["changed"]
    assert not (source / "report").exists()
    assert result["diff"]["before"] == ""
    assert result["diff"]["after"] == result["msg"]
    run({"results_directory": str(source)})
    again = run({"results_directory": str(source)}, check_mode=True, diff=True)
    assert not again["changed"]
    assert "diff" not in again


def test_slices_have_variables_of_their_own(source: Path, tmp_path: Path) -> None:
    whole = run({"results_directory": str(source)})["stats"]
    (tmp_path / "slice").mkdir()
    for path in source.glob("node001*.json"):
        (tmp_path / "slice" / path.name).write_bytes(path.read_bytes())
    part = run({"results_directory": str(tmp_path / "slice")})["stats"]
    assert not set(whole) & set(part)
    assert all(key.isidentifier() for key in (*whole, *part))
    (values,) = part.values()
    assert list(values["hosts"]) == ["node001.example.com"]
    assert values["hosts"]["node001.example.com"]["verdict"] == "passed"


def test_files_that_were_spoiled_are_replaced(source: Path) -> None:
    files = run({"results_directory": str(source)})["files"]
    Path(files["summary.md"]).write_bytes(b"\xff\xfe")
    Path(files["junit.xml"]).unlink()
    assert run({"results_directory": str(source)})["changed"]
    assert Path(files["summary.md"]).read_text().startswith("**")


def test_report_does_not_go_among_the_records(source: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="choose another directory"):
        run({"results_directory": str(source), "directory": str(source)})


def test_missing_results_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="cannot be read: No such file"):
        run({"results_directory": str(tmp_path / "nowhere")})


# The action assess writes what the report reads.


def assess(
    monkeypatch: pytest.MonkeyPatch, arguments: Data, answer: Data, *, check_mode: bool = False
) -> tuple[Data, list[Data]]:
    calls: list[Data] = []

    def execute(_self: Assess, **call: t.Any) -> Data:
        calls.append(call)
        return dict(answer)

    monkeypatch.setattr(Assess, "_execute_module", execute)
    task = MagicMock(args=arguments, async_val=0, check_mode=check_mode, diff=False)
    action = Assess(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    return action.run(task_vars={"inventory_hostname": "db/01"}), calls


ANSWER: Data = {"ansible_facts": fleet.facts("q35-vtd"), "changed": False, "warnings": ["careful"]}


def test_one_call_tells_what_a_crash_would_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = {"directory": str(tmp_path), "root": "/captured"}
    result, calls = assess(monkeypatch, arguments, ANSWER)
    assert [(call["module_name"], call["module_args"]) for call in calls] == [
        ("vmcore.kdump.platform_facts", {"root": "/captured"})
    ]
    assert "3 of 5 ports reset" in result["msg"]
    assert result["warnings"] == ["careful"]
    assert "ansible_facts" not in result
    assert result["path"] == str(tmp_path / "db%2F01-facts.json")
    kept = json.loads(Path(result["path"]).read_text())
    assert kept["facts"] == ANSWER["ansible_facts"]
    assert run({"results_directory": str(tmp_path)})["summary"]["hosts"] == 1


def test_nothing_is_kept_unasked_or_in_check_mode(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "path" not in assess(monkeypatch, {}, ANSWER)[0]
    arguments = {"directory": str(tmp_path / "new")}
    assert "path" not in assess(monkeypatch, arguments, ANSWER, check_mode=True)[0]
    assert not (tmp_path / "new").exists()


def test_rules_of_files_come_before_those_of_the_operator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rule = "- name: {name}\n  match: {{driver: e1000e}}\n  decision: {decision}\n"
    (tmp_path / "b.yml").write_text(rule.format(name="second", decision="reset"))
    (tmp_path / "a.yml").write_text(rule.format(name="first", decision="leave"))
    (tmp_path / "c.yml").write_text("---\n")
    arguments: Data = {"exclusions_directory": str(tmp_path)}
    shown = assess(monkeypatch, arguments, ANSWER)[0]["msg"]
    assert "the rule second" in shown
    assert "3 of 5 ports reset" in shown
    arguments["exclusions"] = [
        {"name": "mine", "match": {"driver": "e1000e"}, "reason": "It is mine."}
    ]
    assert "2 of 5 ports reset" in assess(monkeypatch, arguments, ANSWER)[0]["msg"]


@pytest.mark.parametrize("content", ["{", "1", "name: x"])
def test_file_without_rules_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    (tmp_path / "wrong.yml").write_text(content)
    with pytest.raises(AnsibleActionFail, match=r"wrong\.yml"):
        assess(monkeypatch, {"exclusions_directory": str(tmp_path)}, ANSWER)


def test_the_plan_is_for_the_stage_that_configure_installs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = assess(monkeypatch, {"stage": "quiesce"}, ANSWER)[0]
    assert shown["row"]["stage"] == "quiesce"
    assert "The plan is for: quiesce." in shown["msg"]
    with pytest.raises(AnsibleActionFail, match="quiese"):
        assess(monkeypatch, {"stage": "quiese"}, ANSWER)


def test_lines_are_printed_whatever_the_callback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assess(monkeypatch, {}, ANSWER)
    assert "\nroot bus 0000:00\n" in capsys.readouterr().out
    assess(monkeypatch, {"brief": True}, ANSWER)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("severity", "fail_on", "failed"),
    [
        ("error", None, False), ("error", "error", True), ("error", "warning", True),
        ("warning", "error", False), ("warning", "warning", True), (None, "warning", False),
    ],
)  # fmt: skip
def test_a_problem_fails_the_task_when_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, severity: str | None, fail_on: str | None, failed: bool
) -> None:
    facts = fleet.facts("q35-vtd")
    problems = [{"code": "x", "severity": severity, "message": "It is so."}] if severity else []
    answer = {"ansible_facts": {**facts, "kdump": {**facts["kdump"], "problems": problems}}}
    result, _calls = assess(monkeypatch, {"fail_on": fail_on} if fail_on else {}, answer)
    assert result.get("failed", False) is failed
    assert "row" in result
    assert not failed or result["msg"].startswith("It is so.")


def test_a_first_contact_that_fails_says_what_the_module_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Interpreter discovery leaves a fact in every result, also in that of a module that failed.
    found = {"discovered_interpreter_python": "/usr/bin/python3"}
    answer = {"ansible_facts": found, "failed": True, "msg": "/nowhere is no directory."}
    result, _calls = assess(monkeypatch, {}, answer)
    assert result["failed"]
    assert result["msg"] == "/nowhere is no directory."


def test_a_host_that_cannot_be_read_fails_as_the_module_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result, _calls = assess(monkeypatch, {}, {"failed": True, "msg": "no such root"})
    assert result["failed"]
    assert result["msg"] == "no such root"
