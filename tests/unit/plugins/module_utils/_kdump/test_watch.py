# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of the readiness timer, whatever is in its file."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.watch import (
    is_late,
    new_kernels,
    read_state,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

NOTED = '{"version": 1, "boot_id": "b1", "new_kernels": ["6.13", 7]}'
HOST: dict[str, t.Any] = {
    "etc/systemd/system/vmcore-kdump-readiness.timer": "",
    "proc/uptime": "7200.00 100.00\n",
    "proc/sys/kernel/random/boot_id": "b1\n",
}
STATE = "var/lib/vmcore-kdump-readiness/state.json"


@pytest.mark.parametrize("content", ["", "{", "[]", "1", '{"version": 2}', "[" * 100_000])
def test_what_is_no_state_is_none(tmp_path: Path, content: str) -> None:
    root = build(tmp_path, {STATE: content})
    assert read_state(root) is None
    assert new_kernels(root) == []


def test_new_kernels_are_names(tmp_path: Path) -> None:
    assert new_kernels(build(tmp_path, {STATE: NOTED})) == ["6.13"]
    assert new_kernels(build(tmp_path / "other", {STATE: '{"version": 1, "new_kernels": 5}'})) == []


@pytest.mark.parametrize(
    ("changes", "late"),
    [
        ({STATE: NOTED}, False),
        ({STATE: NOTED, "proc/sys/kernel/random/boot_id": "b2\n"}, True),
        ({}, True),  # it never ran
        ({"proc/uptime": "600.00 100.00\n"}, False),  # it has time
        ({"proc/uptime": ""}, False),
    ],
)
def test_a_timer_that_did_not_run_in_this_boot_is_late(
    tmp_path: Path, changes: dict[str, str], late: bool
) -> None:
    assert is_late(build(tmp_path, {**HOST, **changes})) is late


def test_a_host_without_the_timer_is_not_late(tmp_path: Path) -> None:
    without = {name: content for name, content in HOST.items() if not name.startswith("etc")}
    assert not is_late(build(tmp_path, without))
