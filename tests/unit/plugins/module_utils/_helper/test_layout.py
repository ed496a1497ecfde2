# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._helper import layout, quiesce

SOURCES = Path(__file__).parents[5] / "plugins/plugin_utils/pcie_reset"
KNOWN = {
    layout.LIBRARY,
    layout.LIBRARY / "bin",  # the programs that are copied into an image
    layout.PLAN,
    quiesce.IMAGE.parent,
    *quiesce.MADE,
    *(path for path, _mode in layout.SHIPPED.values()),
}
_PATH = re.compile(
    r"/(?:usr/local/lib|etc|var/lib|usr/lib/dracut/modules\.d)/(?:50)?pcie-reset(?:/[\w./-]*\w)?"
)


def test_everything_that_is_shipped_has_a_place() -> None:
    assert {path.name for path in SOURCES.iterdir()} == set(layout.SHIPPED)


@pytest.mark.parametrize("name", sorted(layout.SHIPPED))
def test_what_is_shipped_names_no_other_path(name: str) -> None:
    named = {PurePosixPath(path) for path in _PATH.findall((SOURCES / name).read_text())}
    assert named <= KNOWN


def test_an_image_has_a_file_at_its_path_on_the_host() -> None:
    assert layout.in_image(layout.PLAN) == "etc/pcie-reset/plan"
