# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.names import device_names
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

PCI_IDS = b"""#
# List of PCI ID's
#
8085  Somebody else
\t10d3  Not this one
8086  Intel Corporation
# A comment between devices
\t10d3  82574L Gigabit Network Connection
\t\t103c 1785  NC112i 1-port Ethernet Server Adapter
\t10d4  Caf\xe9
\tshort
1af4  Red Hat, Inc.
ffff  Illegal Vendor ID

C 02  Network controller
\t10d3  No device: a sub-class
"""


@pytest.mark.parametrize(
    ("vendor", "device", "name"),
    [
        ("8086", "10d3", "Intel Corporation 82574L Gigabit Network Connection"),
        ("8086", "10d4", "Intel Corporation Caf\N{REPLACEMENT CHARACTER}"),
        ("8086", "103c", "Intel Corporation Device 103c"),
        ("1af4", "1042", "Red Hat, Inc. Device 1042"),
        ("1234", "1111", None),
        ("ffff", "ffff", "Illegal Vendor ID Device ffff"),
    ],
)
def test_name(tmp_path: Path, vendor: str, device: str, name: str | None) -> None:
    build(tmp_path, {"usr/share/misc/pci.ids": PCI_IDS})
    names = device_names(tmp_path, [(vendor, device), ("8085", "10d3")])
    assert names is not None
    assert names.get((vendor, device)) == name
    assert names["8085", "10d3"] == "Somebody else Not this one"


@pytest.mark.parametrize(
    "tree",
    [
        {"usr/share/hwdata/pci.ids": PCI_IDS},
        {"usr/share/hwdata/pci.ids": PCI_IDS, "usr/share/misc/pci.ids": Link("/nowhere")},
        {"var/pci.ids": PCI_IDS, "usr/share/misc/pci.ids": Link("/var/pci.ids")},
    ],
)
def test_where_it_is(tmp_path: Path, tree: dict[str, bytes | str | None]) -> None:
    names = device_names(build(tmp_path, tree), [("8086", "10d3")])
    assert names == {("8086", "10d3"): "Intel Corporation 82574L Gigabit Network Connection"}


def test_host_without_pci_ids(tmp_path: Path) -> None:
    assert device_names(tmp_path, [("8086", "10d3")]) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    root = build(tmp_path_factory.mktemp("root"), {"usr/share/misc/pci.ids": content})
    names = device_names(root, [("8086", "10d3")])
    assert names is not None
    assert set(names) <= {("8086", "10d3")}
