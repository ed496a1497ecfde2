# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from machines import by_lspci

from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    config_space,
    express,
    unpack,
)

# A root port with a slot, and an endpoint below.
PORT = config_space(
    header=1,
    secondary=1,
    capabilities={0x40: express(4, link_capabilities=0x100043, slot_capabilities=0x60)},
)
ENDPOINT = config_space(
    capabilities={0x40: express(0, device_capabilities=1 << 28, device_control=0x20)}
)
SPACES = {"0000:00:01.0": PORT, "0000:01:00.0": ENDPOINT}


def test_a_dump_is_read_with_and_without_domains() -> None:
    rows = "\n".join(
        f"{place:02x}: {ENDPOINT[place : place + 16].hex(' ')}" for place in range(0, 256, 16)
    )
    text = (
        f"01:00.0 Ethernet controller: Maker\n{rows}\n\n0001:02:00.0 Other\n{rows}\n\n03:00.0 No\n"
    )
    assert by_lspci.read_dump(text) == {"0000:01:00.0": ENDPOINT, "0001:02:00.0": ENDPOINT}


@pytest.mark.parametrize("name", ["many-ports", "q35-vtd", "rich"])
def test_the_facts_of_a_captured_tree_are_what_lspci_says(tmp_path: Path, name: str) -> None:
    spaces = by_lspci.read_tree(unpack(name, tmp_path))
    assert len(spaces) > 10
    assert list(by_lspci.differences(spaces)) == []


def test_much_is_compared() -> None:
    said = by_lspci.by_lspci(SPACES)
    assert said["0000:00:01.0"].keys() >= {
        "class", "vendor", "device", "bus_master", "port_type", "max_speed", "width", "hotplug", "secondary",
    }  # fmt: skip
    assert said["0000:01:00.0"].keys() >= {"flr", "max_payload", "speed"}


def test_a_difference_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    known = by_lspci.by_facts(SPACES)
    known["0000:01:00.0"]["max_payload"] = 512
    monkeypatch.setattr(by_lspci, "by_facts", lambda _spaces: known)
    assert list(by_lspci.differences(SPACES)) == [
        "0000:01:00.0 max_payload: 512, and lspci says 256"
    ]
