# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.plays import Plays, why_of


@pytest.fixture(name="plays")
def _plays(tmp_path: Path) -> Plays:
    """The controller in the machine's place, with a real ansible."""
    hosts = {"guest": {"ansible_connection": "local"}}
    host: Any = types.SimpleNamespace(
        name="guest", directory=tmp_path, inventory=lambda: {"all": {"hosts": hosts}}
    )
    return Plays(host)


def test_what_a_module_returns_is_there(plays: Plays) -> None:
    assert "pcie" in plays.module("platform_facts", gather_subset=["pcie"])["ansible_facts"]


def test_a_module_that_fails_is_an_error_with_its_sentence(plays: Plays) -> None:
    with pytest.raises(
        LabError, match=r"platform_facts on guest: The root /nowhere does not exist"
    ):
        plays.module("platform_facts", root="/nowhere")


def test_a_record_says_why_and_what_the_cause_is() -> None:
    assert why_of({"why": "No dump.", "cause": None}) == "No dump."
    assert why_of({"why": "No dump.", "cause": {"sentence": "No disk."}}) == "No dump. No disk."
