# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation is YAML, for which managed hosts have no library: this is tested on the controller only."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

from ansible_collections.vmcore.kdump.plugins.modules import platform_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack


def test_documentation_names_what_is_returned(tmp_path: Path) -> None:
    facts = platform_facts.gather(unpack("q35-vtd", tmp_path), ["pcie"])
    documented = yaml.safe_load(platform_facts.RETURN)["ansible_facts"]["contains"]["pcie"]
    compare("pcie", documented, facts["pcie"])


def compare(name: str, documented: dict[str, t.Any], value: t.Any) -> None:
    """Make sure that the documentation of a value has its keys, at every depth, and no others."""
    assert isinstance(value, list) == (documented["type"] == "list"), name
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and "contains" in documented:
            assert set(each) == set(documented["contains"]), name
            for key, part in each.items():
                if part is not None:
                    compare(f"{name}.{key}", documented["contains"][key], part)
