# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import LOADS
from ansible_collections.vmcore.kdump.tests.unit.lab import quiesce_console
from lab import dumps
from lab.dumps import Look
from lab.errors import LabError
from lab.experiments import crashes
from lab.experiments.crashes import Crash, cpus_of_round
from lab.plays import Plays

GOOD = Look("complete", 171000, 728, same_log=True)
RECORD: dict[str, Any] = {
    "verdict": "passed",
    "why": "It is whole.",
    "trigger": {"panic_cpu": 1},
    "stages": [
        {"name": "armed", "after": None},
        *({"name": name, "after": 2.0} for name in ("panicked", "capture kernel", "reset done")),
        *({"name": name, "after": 30.25} for name in ("dump started", "dump complete")),
        {"name": "normal kernel", "after": None},
        {"name": "verified", "after": 9.0},
    ],
}


def test_every_cpu_is_crashed_on_each_host() -> None:
    rounds = [cpus_of_round(number, ["a", "b"], 2) for number in range(3)]
    assert rounds == [{"a": 0, "b": 1}, {"a": 1, "b": 0}, {"a": 0, "b": 1}]


def test_every_load_is_among_the_rounds() -> None:
    assert {load for loads in crashes._LOADS for load in loads} == set(LOADS)


def test_a_crash_counts_only_when_the_second_look_agrees() -> None:
    crash = Crash(1, "a", 1, (), RECORD, GOOD)
    assert crash.is_verified
    assert not crash._replace(dump=None).is_verified
    assert not crash._replace(dump=GOOD._replace(same_log=False)).is_verified
    assert not crash._replace(dump=GOOD._replace(verdict="damaged")).is_verified
    assert not crash._replace(record={**RECORD, "verdict": "inconclusive"}).is_verified
    assert not crash._replace(disorder="A driver came before the IOMMU.").is_verified


def test_a_row_has_the_seconds_of_each_stage() -> None:
    row = crashes._row(Crash(1, "a", 1, ("disk", "network"), RECORD, GOOD))
    assert len(row) == len(crashes.EXPERIMENT.columns)
    assert " | ".join(row) == (
        "1 | a | disk and network | 1 | 1 | 2.0 | 2.0 | 2.0 | 30.2 | 30.2 | - | 9.0 | passed"
        " | complete: 171000 pages; log equal (728 lines) | -"
    )


def test_a_crash_in_another_order_is_named() -> None:
    crash = Crash(2, "a", 1, (), RECORD, GOOD, disorder="A driver came before the IOMMU.")
    assert crashes._row(crash)[-1] == "NOT IN ORDER"
    assert not crash.is_verified


def test_the_order_is_looked_for_from_where_the_round_began(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_text(f"{quiesce_console.CONSOLE}the next round\n")
    host: Any = SimpleNamespace(
        console=console, addresses=lambda: {"port-disk": quiesce_console.DISK}
    )
    crash = Crash(1, "a", 1, (), {**RECORD, **quiesce_console.RECORD}, GOOD)
    assert crashes._with_order(crash, host, 0).order.startswith("2 ports reset by 18.7 s")
    later = crashes._with_order(crash, host, len(quiesce_console.CONSOLE))
    assert later.disorder == "The console shows no panic that two kernels follow."


def test_the_log_is_compared_with_the_one_of_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ssh(command: str, **_options: float) -> str:
        asked.append(command)
        return "[    0.0] a\\xffffffe2b\n"

    def verify(_path: Path, **how: Any) -> dict[str, Any]:
        assert how == {"full": True, "log": True}
        log = r"[    0.0] a\xe2b"
        return {"verdict": "complete", "pages": {"sampled": 9}, "log_lines": 1, "log": log}

    monkeypatch.setattr(dumps, "_copy", lambda *_arguments: None)
    monkeypatch.setattr(dumps, "verify", verify)
    host: Any = SimpleNamespace(ssh=ssh)
    seen = dumps.look(host, {"vmcore": {"path": "/var/crash/a b"}})
    assert seen == Look("complete", 9, 1, same_log=True)
    assert "dump='/var/crash/a b'" in asked[0]


def test_a_play_has_all_its_machines_and_only_its_own_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.plays.RESULTS", tmp_path)
    ran: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> Any:
        ran.append(command)
        (tmp_path / "two-1.json").write_text('{"verdict": "passed"}')
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    hosts: list[Any] = [
        SimpleNamespace(
            name=name,
            directory=tmp_path,
            inventory=lambda name=name: {"all": {"hosts": {name: {"ansible_port": 1}}}},
        )
        for name in ("one", "two")
    ]
    (tmp_path / "one-0.json").write_text("{}")
    plays = Plays(*hosts)
    assert plays.variables["crash_test_confirm"] == ["one", "two"]
    assert (tmp_path / "inventory.yml").read_text().count("ansible_port") == 2
    plays._played = (tmp_path / "one-0.json").stat().st_mtime + 1
    with pytest.raises(LabError, match="one left no record"):
        plays.record()
    assert plays.play("crashes.yml", more=1) == 0
    assert ran[0][3].endswith("/playbooks/crashes.yml")
    assert Path(ran[0][3]).exists()
    assert plays.record(hosts[1])[1] == {"verdict": "passed"}
