# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.vmcore.kdump.plugins.filter.unknown_variables import FilterModule

ROLES = Path(__file__).resolve().parents[4] / "roles"
NAMES = ("crash_test", "fleet_report", "kdump", "pcie_reset")
SPECS: dict[str, t.Any] = {
    "argument_specs": {
        "main": {"options": {"crash_test_confirm": {}, "crash_test_delay": {}}},
        "other": {},
    }
}

find = FilterModule().filters()["unknown_variables"]


def test_a_slip_is_named_with_the_nearest_name() -> None:
    assert find(
        ["crash_test_confrim", "crash_test_delay", "crash_test_x"], SPECS, own=["crash_test_x"]
    ) == [
        "crash_test_confrim is not read by anything here: crash_test_confirm is the nearest name that is."
    ]


def load(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("role", NAMES)
def test_what_a_role_sets_or_reads_is_known(role: str) -> None:
    """A name of the role's own that is missing in the list would be refused, or warned of."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROLES / role).rglob("*.yml")
        if path.parent.name in ("tasks", "vars", "defaults")
    )
    variables = load(ROLES / role / "vars/main.yml")
    used = set(re.findall(rf"(?<![.\w'\"-]){role}_[a-z0-9_]+", text))
    specs = load(ROLES / role / "meta/argument_specs.yml")
    assert find(used | set(variables), specs, own=variables[f"{role}_own"]) == []


@pytest.mark.parametrize("role", NAMES)
def test_a_name_that_nothing_sets_is_not_called_known(role: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROLES / role).rglob("*.yml"))
    for name in load(ROLES / role / "vars/main.yml")[f"{role}_own"]:
        assert len(re.findall(rf"\b{name}\b", text)) > 1, name
