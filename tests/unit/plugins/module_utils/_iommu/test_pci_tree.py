# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _sysfs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import (
    PciTree,
    from_rid,
    pci_tree,
    rid,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    build,
    config_space,
    pci_function,
    unpack,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._iommu.tables import (
    large_tree,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable


def test_tree_of_a_real_machine(tmp_path: Path) -> None:
    tree = pci_tree(unpack("q35-vtd", tmp_path))
    assert tree.parents["0000:00:04.0"] is None
    assert tree.parents["0000:05:00.0"] == "0000:04:00.0"
    assert tree.walk(0, 0, [(4, 0), (0, 0), (1, 0), (0, 0)]) == "0000:06:00.0"
    assert tree.walk(0, 0, [(0x1F, 2), (0, 0)]) is None
    assert tree.below("0000:03:00.0") == [
        "0000:03:00.0",
        "0000:04:00.0",
        "0000:04:01.0",
        "0000:05:00.0",
        "0000:06:00.0",
    ]


def test_entries_that_are_no_links_or_lead_nowhere(tmp_path: Path) -> None:
    root = build(
        tmp_path, {"sys/bus/pci/devices/0000:01:00.0": None, "sys/bus/pci/devices/x": None}
    )
    tree = pci_tree(root)
    assert tree.parents == {"0000:01:00.0": None}
    assert tree.walk(0, 1, [(0, 0), (0, 0)]) is None


def test_tree_that_goes_in_circles() -> None:
    a, b = "0000:00:01.0", "0000:01:00.0"
    tree = PciTree({a: b, b: a}, {a: 1, b: 0}.get)
    assert tree.below(a) == [a, b]
    assert tree.below("0000:09:00.0") == []


@pytest.mark.parametrize("address", ["0000:00:00.0", "0000:80:1f.7", "0001:ff:01.3"])
def test_requester_id(address: str) -> None:
    assert from_rid(int(address[:4]), rid(address)) == address


def test_work_is_done_once_per_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables ask as often as they have entries, up to some ten thousand times."""
    tree = large_tree()
    resolved: list[str] = []

    def count(address: str) -> int:
        resolved.append(address)
        return rid(address)

    monkeypatch.setattr(f"{PciTree.__module__}.rid", count)
    climbed: list[str] = []
    climb = PciTree._up

    def count_climb(self: PciTree, address: str) -> Iterable[str]:
        climbed.append(address)
        return climb(self, address)

    monkeypatch.setattr(PciTree, "_up", count_climb)
    for _time in range(10):
        assert len(tree.between(0, 0, 0xFFFF)) == 1000
        assert tree.between(0, 0x0100, 0x0101) == ["0000:01:00.0", "0000:01:00.1"]
        assert tree.between(1, 0, 0xFFFF) == []
        assert len(tree.below("0000:00:00.0")) == 50
    assert sorted(resolved) == sorted(climbed) == sorted(tree.parents)


def test_configuration_space_is_read_once_and_only_of_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = build(
        tmp_path,
        pci_function("pci0000:00/0000:00:02.0", config=config_space(header=1, secondary=1)),
    )
    tree = pci_tree(root)
    read: list[str] = []

    def count(path: Path, limit: int) -> bytes | None:
        read.append(path.parent.name)
        return _sysfs.read_bytes(path, limit)

    monkeypatch.setattr(f"{PciTree.__module__}.read_bytes", count)
    for _time in range(3):
        assert tree.walk(0, 0, [(2, 0), (0, 0)]) == "0000:01:00.0"
        assert tree.walk(0, 0, [(9, 0), (0, 0)]) is None
    assert read == ["0000:00:02.0"]
