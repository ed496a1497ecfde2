# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that the scripts say they need are those that images get and that they are tested with."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import SETPCI
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import TOOLS as PROVEN
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import (
    OWN_TOOLS,
    SCRIPTS,
    TOOLS,
)


def needed(script: str) -> set[str]:
    """Return what the script names: # Needs head (GNU's), od, sleep, mkdir and mv."""
    found = re.search(r"^# Needs ([^.]+)\.", (SCRIPTS / script).read_text(), re.MULTILINE)
    assert found
    return set(re.findall(r"[a-z]+", re.sub(r"\([^)]*\)|\band\b", "", found[1])))


def test_helper_is_tested_with_what_it_needs() -> None:
    assert needed("pcie-reset") == {*OWN_TOOLS, *TOOLS}


@pytest.mark.parametrize(
    ("script", "tools"),
    [
        ("initramfs-tools-hook", r"tools='([^']+)'"),
        ("dracut-module-setup.sh", r"tools=\(([^)]+)\)"),
    ],
)
def test_images_get_what_the_scripts_need(script: str, tools: str) -> None:
    found = re.search(tools, (SCRIPTS / script).read_text())
    assert found
    own = set(found[1].split())
    assert own == set(OWN_TOOLS)
    assert own == {PurePath(path).name for path in PROVEN}
    for name in ("pcie-reset", "guard", "secondary-bus-reset"):
        assert needed(name) <= {*own, *TOOLS, PurePath(SETPCI).name}
