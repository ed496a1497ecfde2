# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.plugin_utils._assess import table
from ansible_collections.vmcore.kdump.tests.unit import fleet


def row(*problems: tuple[str, str], not_known: tuple[str, ...] = ()) -> dict[str, t.Any]:
    facts = fleet.facts("q35-vtd")
    kdump = {
        **facts["kdump"],
        "problems": [
            {"code": "some", "severity": severity, "message": message}
            for severity, message in problems
        ],
        "not_known": list(not_known),
    }
    return table.row({**facts, "kdump": kdump}, make_plan(facts))


def test_a_host_without_problems_is_ready() -> None:
    assert row() == {
        "ready": "yes", "severity": None, "problem": "", "stage": "initramfs", "dma": "3 of 6",
    }  # fmt: skip


def test_an_error_comes_before_warnings() -> None:
    found = row(("warning", "A warning."), ("error", "An error."))
    assert (found["ready"], found["severity"], found["problem"]) == ("no", "error", "An error.")


def test_a_warning_is_no_error() -> None:
    found = row(("warning", "A warning."))
    assert (found["ready"], found["severity"], found["problem"]) == ("yes", "warning", "A warning.")


def test_what_nobody_could_look_at_is_not_health() -> None:
    assert row(not_known=("target_full",))["ready"] == "?"
    facts = fleet.facts("q35-vtd")
    assert table.row({"pcie": facts["pcie"]}, make_plan(facts))["ready"] == "?"


def test_hosts_that_are_not_ready_come_first() -> None:
    text = table.render(
        {"a": row(), "b": row(("error", "No capture kernel is loaded.")), "c": None}
    )
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["host", "b", "c", "a"]
    assert lines[1] == "b     no     initramfs  3 of 6    No capture kernel is loaded."
    assert lines[2].endswith("The host was not assessed.")
    assert lines[-1] == "1 of 3 hosts are ready to take a dump, 1 are not, 1 were not assessed."


@pytest.mark.parametrize("hostile", ["\x1b]52;c;eA==\x07x", "a\nb", "\u202eevil", "x" * 500])
def test_a_host_adds_neither_lines_nor_escapes(hostile: str) -> None:
    lines = table.render({"db01": row(("error", hostile))}).splitlines()
    assert len(lines) == 4
    assert "\x1b" not in lines[1]
    assert "\u202e" not in lines[1]
    assert len(lines[1]) < 160


@pytest.mark.parametrize("value", [None, {}, [], "x", {"ready": 1}, {"ready": "yes"}])
def test_a_result_of_another_shape_is_no_row(value: t.Any) -> None:
    assert "db01" in table.render({"db01": value})
