# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a host stands, by its facts, its last crash test and what was noted before."""

from __future__ import annotations

import typing as t
from pathlib import Path
from types import MappingProxyType

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._readiness.standing import (
    installed_kernels,
    metrics,
    standing,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

Data = dict[str, t.Any]

KDUMP: Data = {
    "kernel_release": "6.12", "crash_size": 1 << 28, "capture_command_line": "a", "image": {"fingerprint": "1-2"},
    "target": {"type": "local", "path": "/var/crash"}, "core_collector": "makedumpfile", "problems": [],
    "helper": {"installed": True, "digest": "d"},
}  # fmt: skip
PLATFORM: Data = {"dmi": {"bios_version": "1.0"}}
RECORD: Data = {
    "run_id": "r1", "verdict": "passed", "finished_at": 1795341073.5, "kernel": {"before": "6.12"},
    "helper": {"installed": True, "digest": "d"}, "kdump": dict(KDUMP), "platform": PLATFORM,
}  # fmt: skip
ERROR = {"code": "not_armed", "severity": "error", "message": "No capture kernel is loaded."}
WARNING = {"code": "sysrq_off", "severity": "warning", "message": "kernel.sysrq is 0."}


def stand(
    test: t.Mapping[str, t.Any] | None = MappingProxyType(RECORD),
    before: Data | None = None,
    kernels: t.Sequence[str] = ("6.12",),
    problems: t.Sequence[Data] = (),
    **changes: t.Any,
) -> Data:
    facts = {"kdump": {**KDUMP, "problems": list(problems), **changes}, "platform": PLATFORM}
    return standing(facts, test and dict(test), before, kernels, boot_id="b1", now=1795350000)


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        ({}, "proven"),
        ({"problems": [WARNING]}, "proven"),
        ({"problems": [WARNING, ERROR]}, "not_ready"),
        ({"test": None}, "unproven"),
        ({"test": {**RECORD, "verdict": "failed"}}, "unproven"),
        ({"test": {**RECORD, "verdict": "inconclusive"}}, "unproven"),
        ({"test": {"verdict": "passed"}}, "proven"),  # a record that knows nothing contradicts nothing
        ({"kernel_release": "6.13"}, "stale"),
        ({"crash_size": 1}, "stale"),
        ({"image": {"fingerprint": "9-9"}}, "stale"),
        ({"helper": {"installed": False, "digest": None}}, "stale"),
        ({"kernel_release": "6.13", "problems": [ERROR]}, "not_ready"),
    ],
)  # fmt: skip
def test_where_a_host_stands(arguments: Data, state: str) -> None:
    noted = stand(**arguments)
    assert noted["state"] == state
    assert bool(noted["changes"]) == (
        "stale" in (state, stand(**{**arguments, "problems": []})["state"])
    )


def test_the_kernel_that_was_crashed_is_named() -> None:
    (sentence,) = stand(kernel_release="6.13")["changes"]
    assert sentence == "The host runs the kernel 6.13 now. The test crashed 6.12."


def test_kernels_are_new_that_came_after_the_proof_was_first_seen() -> None:
    first = stand(kernels=["6.11", "6.12"])
    assert first["new_kernels"] == []
    second = stand(before=first, kernels=["6.12", "6.13"])
    assert second["new_kernels"] == ["6.13"]
    assert stand(before=second, kernels=["6.12", "6.13"])["new_kernels"] == ["6.13"]
    # Another test proves what is there then.
    again = stand({**RECORD, "run_id": "r2"}, second, ["6.12", "6.13"])
    assert again["new_kernels"] == []


@pytest.mark.parametrize(
    "before", [{}, {"proof": 5}, {"proof": {"run_id": "r1"}, "kernels_of_proof": "x"}]
)
def test_a_note_of_another_shape_is_none(before: Data) -> None:
    assert stand(before=before, kernels=["6.13"])["new_kernels"] == []


def test_without_a_proof_no_kernel_is_new() -> None:
    assert stand(None, stand(), ["6.13"])["new_kernels"] == []


def test_what_the_timer_itself_told_is_not_told_twice() -> None:
    own = {"code": "kernel_not_proven", "severity": "warning", "message": "x"}
    assert stand(problems=[own, WARNING])["problems"] == [WARNING]


def test_installed_kernels_have_modules(tmp_path: Path) -> None:
    files = {
        "lib/modules/6.12/modules.builtin": "",
        "lib/modules/6.11/modules.dep": "",
        "lib/modules/x": "",
    }
    assert installed_kernels(build(tmp_path, files)) == ["6.12"]


def test_metrics() -> None:
    text = metrics(stand(problems=[ERROR, WARNING, WARNING]))
    assert text.splitlines() == [
        "# HELP vmcore_kdump_host_state Where the host stands, 1 for the state that applies.",
        "# TYPE vmcore_kdump_host_state gauge",
        'vmcore_kdump_host_state{state="not_ready"} 1',
        'vmcore_kdump_host_state{state="stale"} 0',
        'vmcore_kdump_host_state{state="unproven"} 0',
        'vmcore_kdump_host_state{state="proven"} 0',
        "# HELP vmcore_kdump_host_problems What keeps the host from taking a dump or makes it doubtful.",
        "# TYPE vmcore_kdump_host_problems gauge",
        'vmcore_kdump_host_problems{severity="error"} 1',
        'vmcore_kdump_host_problems{severity="warning"} 2',
        "# HELP vmcore_kdump_host_new_kernels Kernels that were installed after the proof.",
        "# TYPE vmcore_kdump_host_new_kernels gauge",
        "vmcore_kdump_host_new_kernels 0",
        "# HELP vmcore_kdump_host_checked_timestamp_seconds When the host was checked.",
        "# TYPE vmcore_kdump_host_checked_timestamp_seconds gauge",
        "vmcore_kdump_host_checked_timestamp_seconds 1795350000",
        "# HELP vmcore_kdump_host_proof_timestamp_seconds When the crash test ended that is the proof.",
        "# TYPE vmcore_kdump_host_proof_timestamp_seconds gauge",
        "vmcore_kdump_host_proof_timestamp_seconds 1795341073.5",
    ]
    assert "proof_timestamp" not in metrics(stand(None))
