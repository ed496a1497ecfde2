# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import (
    bus_of,
    is_address,
    sort_key,
)


@pytest.mark.parametrize("name", ["0000:00:00.0", "0000:ff:1f.7", "10000:e0:06.0", "ffff:00:02.1"])
def test_address(name: str) -> None:
    assert is_address(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "00:02.0",
        "0000:00:02",
        "0000:00:02.8",
        "0000:00:20.0",
        "0000:0A:00.0",
        "0000:00:02.0:pcie001",
        "0000:00:02.0\n",
        "pci0000:00",
    ],
)
def test_no_address(name: str) -> None:
    assert not is_address(name)
    with pytest.raises(ValueError, match="is not a PCI address"):
        sort_key(name)


def test_order_is_that_of_numbers() -> None:
    ordered = ["0000:00:02.0", "0000:00:02.1", "0000:0a:00.0", "ffff:00:00.0", "10000:00:00.0"]
    assert sorted(set(ordered), key=sort_key) == ordered


def test_bus() -> None:
    assert bus_of("10000:e0:06.0") == "10000:e0"
