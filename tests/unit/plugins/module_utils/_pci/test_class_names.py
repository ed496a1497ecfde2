# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.class_names import class_name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("020000", "Ethernet controller"),
        ("0c0330", "Universal Serial Bus controller"),
        ("060400", "PCI-to-PCI bridge"),
        ("027f00", "Network controller"),
        ("ffff00", "Device that fits no defined class"),
        ("7f0000", "Device of a reserved class"),
    ],
)
def test_name_of_the_sub_class_else_of_the_base_class(code: str, name: str) -> None:
    assert class_name(code) == name
