# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import (
    SHELLS,
    TOOLS,
    CaptureKernel,
)


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[t.cast(str, request.param)]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH directory with nothing but TOOLS."""
    directory = tmp_path / "tools"
    directory.mkdir()
    for name in TOOLS:
        (directory / name).symlink_to(t.cast(str, shutil.which(name)))
    return directory


@pytest.fixture
def kernel(tmp_path: Path, shell: list[str], tools: Path) -> Iterator[CaptureKernel]:
    machine = CaptureKernel(tmp_path, shell, tools)
    yield machine
    machine.close()
