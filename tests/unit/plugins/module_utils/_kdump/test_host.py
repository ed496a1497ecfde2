# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import host
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan, plan_text
from ansible_collections.vmcore.kdump.tests.unit import facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

HOOK = PurePosixPath("/etc/initramfs-tools/hooks/pcie-reset")
HELPER_FILE = str(host.HELPER)[1:]
HOOK_FILE = str(HOOK)[1:]
PLAN_FILE = str(host.PLAN)[1:]
PLAN = make_plan(facts.host())


@pytest.mark.parametrize(
    ("tree", "installed", "digest"),
    [
        ({}, False, None),
        ({HELPER_FILE: "", PLAN_FILE: plan_text(PLAN)}, False, PLAN["digest"]),
        ({HELPER_FILE: "", HOOK_FILE: ""}, True, None),
        ({HELPER_FILE: "", HOOK_FILE: "", PLAN_FILE: plan_text(PLAN)}, True, PLAN["digest"]),
        ({HELPER_FILE: "", HOOK_FILE: "", PLAN_FILE: "digest of something else\n"}, True, None),
    ],
)
def test_helper(tmp_path: Path, tree: dict[str, str], installed: bool, digest: str | None) -> None:
    assert host.helper_state(build(tmp_path, tree), HOOK) == {
        "installed": installed,
        "digest": digest,
    }


def test_free_bytes_are_those_of_the_nearest_directory_that_exists(tmp_path: Path) -> None:
    build(tmp_path, {"var": None})
    free = host.free_bytes(tmp_path, PurePosixPath("/var/crash/not/yet"))
    assert free is not None
    assert free > 0


def test_every_problem_is_a_sentence() -> None:
    words = dict.fromkeys(("image", "rebuild", "rearm", "service", "directory"), "x")
    for code in host.PROBLEMS:
        message = host.problem(code, **words)["message"]
        assert message.endswith(".")
        assert "{" not in message
