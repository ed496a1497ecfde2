# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.container import (
    container_of,
)


def namespace(root: Path, inode: int) -> None:
    link = root / "proc/self/ns/pid"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"pid:[{inode}]")


def test_a_machine_is_no_container(tmp_path: Path) -> None:
    assert container_of(tmp_path) is None
    namespace(tmp_path, 4026531836)
    assert container_of(tmp_path) is None


@pytest.mark.parametrize("mark", ["run/systemd/container", ".dockerenv", "run/.containerenv"])
def test_a_container_manager_leaves_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / mark).touch()
    assert container_of(tmp_path) == f"/{mark}"


def test_a_container_without_a_mark_has_a_namespace_of_its_own(tmp_path: Path) -> None:
    namespace(tmp_path, 4026532585)
    assert container_of(tmp_path) == "/proc/self/ns/pid is pid:[4026532585]"
