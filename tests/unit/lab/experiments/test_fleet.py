# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    model,
    prometheus,
)
from ansible_collections.vmcore.kdump.tests.unit import fleet as fleets
from lab.errors import LabError
from lab.experiments import fleet
from lab.experiments.crash_faults import FAULTS


def down(*times: float | None) -> dict[str, Any]:
    return {"stages": [{"time": time} for time in (1.0, *times, 999.0)]}


def test_hosts_are_down_together_from_the_last_panic_to_the_first_return() -> None:
    assert fleet.overlap(down(100.0, 300.0), down(110.0, 250.0)) == 140
    assert fleet.overlap(down(100.0, 300.0), down(310.0, 450.0)) == -10


def test_a_panic_that_was_not_seen_was_before_what_was_seen() -> None:
    assert fleet.overlap(down(None, 120.0, 300.0), down(110.0, 130.0, 250.0)) == 130


def test_the_verdicts_are_those_of_the_metrics(tmp_path: Path) -> None:
    names = fleets.write(tmp_path, 12)
    made = model.build(files.read(tmp_path), names)
    verdicts = {host["name"]: host["verdict"] for host in made["hosts"]}
    assert {"passed", "failed"} < set(verdicts.values())
    assert fleet.metric_verdicts(prometheus.render(made)) == verdicts


def test_what_goes_wrong_is_without_a_dump_and_without_help() -> None:
    for name in (fleet._ALONE, fleet._TOGETHER):
        assert FAULTS[name].expected.verdict == "failed"
        assert not FAULTS[name].variables


def test_what_is_not_as_expected_is_an_error() -> None:
    with pytest.raises(LabError, match=r"records: 2, not 3\."):
        fleet._expect("records", 2, 3)
