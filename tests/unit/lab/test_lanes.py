# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import parse_plan_text
from lab import cli, faults, image, lanes, machine
from lab.faults import FAULTS
from lab.lanes import LANES, Result
from lab.ports import plan_of

IMAGES = Path(image.__file__).parent / "images"
PROFILES = Path(machine.__file__).parent / "profiles"


@pytest.mark.parametrize("name", LANES)
def test_every_lane_has_its_image_and_its_profile(name: str) -> None:
    lane = LANES[name]
    recipe = yaml.safe_load((IMAGES / f"{lane.image}.yml").read_text())
    assert recipe.get("checkout") == lane.needs
    assert (PROFILES / f"{lane.profile}.yml").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_profile_and_breaks_one_thing(name: str) -> None:
    fault = FAULTS[name]
    devices = yaml.safe_load((PROFILES / f"{fault.profile}.yml").read_text())["devices"]
    ids = {device.get("id") for device in devices}
    assert fault.vanishes is None or {fault.vanishes, f"port-{fault.vanishes}"} <= ids
    assert sum(map(bool, (fault.helper, fault.before, fault.vanishes))) == 1


@pytest.mark.parametrize("command", ["lanes", "faults"])
def test_an_unknown_name_is_answered_with_the_known_ones(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "nothing"]) == 1
    assert "nothing; choose of: " in capsys.readouterr().err


def test_a_table_names_what_did_not_pass() -> None:
    results = [
        Result("one", "6.12", "proven", "3 of 3 in 1.4 s (bus)", "complete", "passed", "Fine."),
        Result("two", why="The playbook configure failed on lane-two."),
    ]
    assert lanes.table(results).splitlines()[2:] == [
        "| one | 6.12 | proven | 3 of 3 in 1.4 s (bus) | complete | passed |",
        "| two | - | - | - | - | failed |",
        "two: The playbook configure failed on lane-two.",
    ]


def test_a_fault_shows_what_the_record_says() -> None:
    result = faults.Result("off", "pcie_reset=off", "complete", "inconclusive", "No report.")
    assert faults.table([result]).splitlines()[-1] == (
        "| off | pcie_reset=off | complete | inconclusive | No report. |"
    )


def test_the_plan_for_the_ports_is_one() -> None:
    plan = parse_plan_text(plan_of({"0000:00:08.0": "0000:03:00.0"}))
    assert [port["address"] for port in plan["ports"]] == ["0000:00:08.0"]
