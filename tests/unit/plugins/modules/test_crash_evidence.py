# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.modules import crash_evidence
from evidence.cases import Case, cases

RETURNED = {"yes": True, "no": False}


class Module:
    """As much of a module as the work needs."""

    def __init__(self, logs: list[dict[str, t.Any]], **params: t.Any) -> None:
        self.params = {
            "run_id": None,
            "returned": None,
            "dump": None,
            "devices": None,
            "logs": logs,
            **params,
        }


def explained(logs: list[dict[str, t.Any]], **params: t.Any) -> dict[str, t.Any]:
    return crash_evidence.explain(t.cast(t.Any, Module(logs, **params)))


@pytest.mark.parametrize("case", cases()[::6], ids=[case.title for case in cases()[::6]])
def test_files_are_judged_as_what_is_in_them(case: Case, tmp_path: Path) -> None:
    logs = []
    for source, text in case.logs.items():
        (tmp_path / source).write_text(text)
        logs.append({"path": str(tmp_path / source), "source": source})
    given = {
        "returned": RETURNED.get(case.fields.get("returned", "")),
        "dump": case.fields.get("dump"),
    }
    result = explained(logs, **given)
    codes = [result[key] and result[key]["code"] for key in ("stage", "failed_stage", "cause")]
    assert tuple(codes) == case.answer


def test_a_tar_of_a_case_is_judged_as_its_files(tmp_path: Path) -> None:
    (case,) = (case for case in cases() if case.title == "PCI SERR in the event log")
    archive = tmp_path / "db01.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        for source, text in case.logs.items():
            (tmp_path / f"db01-{source}.log").write_text(text)
            tar.add(tmp_path / f"db01-{source}.log", f"logs/db01-{source}.log")
    result = explained([{"path": str(archive), "source": None}], returned=True, dump="none")
    assert result["cause"]["code"] == "pci_system_error"
    assert {segment["source"] for segment in result["segments"]} == {"console", "sel"}


def test_each_kernel_is_returned_with_its_first_and_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "db01.log"
    log.write_text("[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n")
    result = explained([{"path": str(log), "source": None}])
    assert result["segments"] == [
        {
            "kind": "crashed",
            "source": "console",
            "lines": 1,
            "first": "Kernel panic - not syncing: sysrq triggered crash",
            "last": "Kernel panic - not syncing: sysrq triggered crash",
        }
    ]


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match=r"no-such\.log cannot be read"):
        explained([{"path": str(tmp_path / "no-such.log"), "source": None}])
