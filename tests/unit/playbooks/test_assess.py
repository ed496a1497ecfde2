# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook assess with what people give it instead of a captured tree."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.tree import archive, capture
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack
from ansible_collections.vmcore.kdump.tests.unit.hostile.controller import Controller, Ran


def assess(controller: Controller, root: Path) -> Ran:
    return controller.play(
        "vmcore.kdump.assess",
        {"db01": {}},
        variables={
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "assess_root": str(root),
        },
    )


def test_an_archive_is_read_like_the_tree_in_it(tmp_path: Path) -> None:
    controller = Controller(tmp_path / "controller")
    packed = tmp_path / "db01.tar.gz"
    packed.write_bytes(archive(capture(unpack("q35-vtd", tmp_path / "tree"))))
    ran = assess(controller, packed)
    assert ran.status == 0, ran.output
    assert "RESET  Only endpoints are below." in ran.output
    assert list((controller.root / "tmp").iterdir()) == []


def test_a_file_that_is_no_archive_is_named(tmp_path: Path) -> None:
    controller = Controller(tmp_path / "controller")
    (tmp_path / "notes.txt").write_text("nothing of a host")
    ran = assess(controller, tmp_path / "notes.txt")
    assert ran.status == 2
    assert f"The archive {tmp_path / 'notes.txt'} is none of a captured tree" in ran.output
