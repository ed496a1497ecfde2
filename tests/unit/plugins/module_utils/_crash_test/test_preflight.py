# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os
import re
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import (
    Command,
    Moment,
    command_checks,
    window_check,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import (
    preflight as preflight_at,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import Answer
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import (
    PROBLEMS,
    WARNINGS,
    problem,
)

NEEDED = 53067 * 4096
DUMP = Answer(reads=True, size=NEEDED)

PROOF = {"proven": True, "statement": "the reset runs before udev", "why_not": None}

READY: dict[str, t.Any] = {
    "kdump": {
        "armed": True,
        "crash_size": 256 << 20,
        "problems": [],
        "core_collector": "makedumpfile",
        "target": {"type": "local", "path": "/var/crash", "free_bytes": NEEDED},
    }
}


NOW = Moment(uptime=86400.0, minimum_uptime=60, system="running")


def preflight(
    facts: t.Any, state: t.Any, dump: Answer | None, proof: t.Any, root: Path, moment: Moment = NOW
) -> list[dict[str, str]]:
    return preflight_at(facts, state, dump, proof, moment, root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/sysrq-trigger").touch()
    return tmp_path


def failed(checks: list[dict[str, str]]) -> list[str]:
    return [check["name"] for check in checks if check["status"] == "failed"]


def test_a_ready_host_passes_every_check_and_each_says_why(root: Path) -> None:
    checks = preflight(READY, None, DUMP, PROOF, root)
    assert failed(checks) == []
    assert all(check["detail"].endswith(".") for check in checks)
    assert {check["name"] for check in checks} == {
        "kdump_ready", "armed", "helper_in_image", "sysrq", "no_unfinished_test", "dump_target",
        "no_pending_crash", "own_kernel", "uptime", "settled", "makedumpfile_reads_kernel", "dump_space",
    }  # fmt: skip


def test_a_host_without_a_capture_kernel_is_not_crashed(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"].update(armed=False)
    assert failed(preflight(facts, None, DUMP, PROOF, root)) == ["armed"]


def test_every_problem_of_kdump_is_a_failed_check_with_its_sentence(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["problems"] = [
        {"code": "no_image", "severity": "error", "message": "The image is gone: build it."},
        {"code": "watchdog_active", "severity": "warning", "message": "A watchdog runs."},
    ]
    checks = preflight(facts, None, DUMP, PROOF, root)
    assert failed(checks) == ["no_image"]
    assert checks[0]["detail"] == "The image is gone: build it."


@pytest.mark.parametrize("code", ["plan_missing", "plan_stale"])
def test_a_plan_that_resets_nothing_is_not_tested(root: Path, code: str) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["problems"] = [{"code": code, "severity": "warning", "message": "Plan anew."}]
    assert failed(preflight(facts, None, DUMP, PROOF, root)) == [code]


def test_a_helper_that_is_not_in_the_image_would_not_run(root: Path) -> None:
    proof = {"proven": False, "statement": "", "why_not": "The plan is another one."}
    checks = preflight(READY, None, DUMP, proof, root)
    assert failed(checks) == ["helper_in_image"]
    assert any("The plan is another one." in check["detail"] for check in checks)


def test_a_host_without_a_helper_needs_none(root: Path) -> None:
    checks = preflight(READY, None, DUMP, None, root)
    assert failed(checks) == []
    assert "helper_in_image" not in {check["name"] for check in checks}


def test_a_kernel_without_sysrq_is_not_crashed(root: Path) -> None:
    (root / "proc/sysrq-trigger").unlink()
    assert failed(preflight(READY, None, DUMP, PROOF, root)) == ["sysrq"]


def test_an_unfinished_test_keeps_the_next_one_from_starting(root: Path) -> None:
    state = {"status": "started", "run_id": "abc"}
    checks = preflight(READY, state, DUMP, PROOF, root)
    assert failed(checks) == ["no_unfinished_test"]
    assert any("abc" in check["detail"] for check in checks)
    assert failed(preflight(READY, {"status": "finished"}, DUMP, PROOF, root)) == []


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_without_a_dump_keeps_a_host_from_being_crashed(
    root: Path, code: str
) -> None:
    words = dict.fromkeys(re.findall(r"{(\w+)}", PROBLEMS[code]), "x")
    facts = copy.deepcopy(READY)
    facts["kdump"]["problems"] = [problem(code, **words)]
    no_dump = code not in WARNINGS or code in ("plan_missing", "plan_stale")
    # makedumpfile was asked again and has answered.
    dump = Answer(reads=False) if code == "makedumpfile_fails" else DUMP
    name = "makedumpfile_reads_kernel" if code == "makedumpfile_fails" else code
    checks = preflight(facts, None, dump, PROOF, root)
    assert failed(checks) == ([name] if no_dump else [])
    details = [check["detail"] for check in checks]
    assert (facts["kdump"]["problems"][0]["message"] in details) is no_dump


def test_a_kernel_that_makedumpfile_cannot_read_is_not_crashed(root: Path) -> None:
    dump = Answer(reads=False, reason="VA Bits 52 not supported")
    checks = preflight(READY, None, dump, PROOF, root)
    assert failed(checks) == ["makedumpfile_reads_kernel"]
    assert any("(VA Bits 52 not supported)" in check["detail"] for check in checks)


def test_makedumpfile_that_was_stopped_in_the_facts_has_the_last_word(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["problems"] = [problem("makedumpfile_fails", reason="x", way_out="y")]
    assert failed(preflight(facts, None, DUMP, PROOF, root)) == []


def test_makedumpfile_has_nothing_to_say_without_a_reservation(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"].update(crash_size=0, armed=False, problems=[problem("no_reservation")])
    dump = Answer(reads=False, reason="No memory is reserved for crashkernel!")
    assert failed(preflight(facts, None, dump, PROOF, root)) == ["no_reservation", "armed"]


def test_a_dump_that_another_program_saves(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"].update(core_collector="cp")
    checks = preflight(facts, None, None, PROOF, root)
    assert failed(checks) == []
    assert any("cp saves the dump" in check["detail"] for check in checks)


def test_one_byte_too_little_for_the_dump_is_too_little(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["target"]["free_bytes"] = NEEDED - 1
    assert failed(preflight(facts, None, DUMP, PROOF, root)) == ["dump_space"]


@pytest.mark.parametrize("kind", ["nfs", "ssh", "ftp"])
def test_a_dump_that_leaves_the_host_cannot_be_judged_there(root: Path, kind: str) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["target"].update(type=kind, free_bytes=None)
    assert failed(preflight(facts, None, DUMP, PROOF, root)) == ["dump_target"]
    assert failed(preflight_at(facts, None, DUMP, PROOF, NOW, root, "vault")) == []


def test_a_host_without_a_known_target_is_told_so(root: Path) -> None:
    facts = copy.deepcopy(READY)
    facts["kdump"]["target"].update(type=None, path=None, free_bytes=None)
    (check,) = [
        each for each in preflight(facts, None, DUMP, PROOF, root) if each["name"] == "dump_target"
    ]
    assert check["status"] == "failed"
    assert check["detail"].startswith("Where this host saves dumps is not known")


def test_a_dump_that_stays_on_the_host_is_not_judged_elsewhere(root: Path) -> None:
    checks = preflight_at(READY, None, DUMP, PROOF, NOW, root, "vault")
    assert failed(checks) == ["dump_target"]


@pytest.mark.parametrize(
    ("moment", "check"),
    [
        (NOW._replace(uptime=59.9), "uptime"),
        (NOW._replace(system="starting"), "settled"),
        (NOW._replace(system="stopping"), "settled"),
        (NOW._replace(system="maintenance"), "settled"),
        (NOW._replace(pending=("vmcore-kdump-crash-test.timer",)), "no_pending_crash"),
    ],
)
def test_a_host_that_is_busy_is_not_crashed(root: Path, moment: Moment, check: str) -> None:
    assert failed(preflight(READY, None, DUMP, PROOF, root, moment)) == [check]


@pytest.mark.parametrize("system", ["running", "degraded", ""])
def test_a_host_that_has_settled_or_has_no_systemd_may_be_crashed(root: Path, system: str) -> None:
    assert failed(preflight(READY, None, DUMP, PROOF, root, NOW._replace(system=system))) == []


def test_a_container_that_may_not_trigger_is_told_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_args: False)
    assert failed(preflight(READY, None, DUMP, PROOF, root)) == ["sysrq"]


def test_a_window_that_is_closed_says_which_clock_it_went_by() -> None:
    # 2026-11-22 is a Sunday.
    when = time.strptime("2026-11-22 14:05", "%Y-%m-%d %H:%M")
    check = window_check(["Mon-Fri 22:00-05:00"], "utc", when)
    assert check["status"] == "failed"
    assert check["detail"].endswith("is closed: it is Sun 14:05 by UTC.")
    assert window_check(["22:00-05:00", "Sun 14:00-15:00"], "host", when)["status"] == "ok"


def test_each_command_of_the_operator_is_a_check() -> None:
    checks = command_checks(
        [Command("true", 0, ""), Command("quorum", 2, "one\nno quorum.\n"), Command("false", 1, "")]
    )
    assert [check["status"] for check in checks] == ["ok", "failed", "failed"]
    assert checks[1]["detail"] == "'quorum' returned 2: no quorum."
    assert checks[2]["detail"] == "'false' returned 1: it printed nothing."
