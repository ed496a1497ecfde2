# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import order
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    ENABLED,
    SHIPPED,
    Item,
    State,
    differing,
    expected_in_image,
    found,
    text_diff,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan, plan_text
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, function, host
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

FILES = {name: f"text of {name}\n" for name in SHIPPED}
PLAN = make_plan(host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0")))
PLAN_PATH = PurePosixPath("/etc/pcie-reset/plan")

WANTED = {
    "/etc/initramfs-tools/hooks/pcie-reset": Item(b"text of initramfs-tools-hook\n", 0o755),
    "/etc/pcie-reset/plan": Item(plan_text(PLAN).encode(), 0o644),
    "/etc/systemd/system/kdump-tools-dump.service.wants/pcie-reset-report.service": Item(
        b"/etc/systemd/system/pcie-reset-report.service", None
    ),
    "/etc/systemd/system/pcie-reset-report.service": Item(
        b"text of pcie-reset-report.service\n", 0o644
    ),
    "/usr/local/lib/pcie-reset/init-top": Item(b"text of init-top\n", 0o755),
    "/usr/local/lib/pcie-reset/pcie-reset": Item(b"text of pcie-reset\n", 0o755),
    "/usr/local/lib/pcie-reset/store-report": Item(b"text of store-report\n", 0o755),
}


def named(state: State) -> dict[str, Item | None]:
    return {str(path): item for path, item in state.items()}


def test_what_a_host_with_the_helper_has() -> None:
    assert named(wanted_present(FILES, PLAN)) == WANTED


def test_what_a_host_without_the_helper_has() -> None:
    assert named(wanted_absent()) == dict.fromkeys(WANTED)


def test_what_the_image_has() -> None:
    assert expected_in_image(wanted_present(FILES, PLAN)) == {
        order.HELPER: b"text of pcie-reset\n",
        order.SCRIPT: b"text of init-top\n",
        order.PLAN: plan_text(PLAN).encode(),
    }
    assert expected_in_image(wanted_absent()) == {}


@pytest.mark.parametrize(
    ("files", "named_in_error"),
    [
        ({}, "init-top, initramfs-tools-hook, pcie-reset, pcie-reset-report.service, store-report"),
        ({**FILES, "init-bottom": ""}, "init-bottom"),
    ],
)
def test_files_come_from_the_collection(files: dict[str, str], named_in_error: str) -> None:
    with pytest.raises(KdumpError, match=f"\\({named_in_error}\\)"):
        wanted_present(files, PLAN)


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({}, "The plan is not one"),
        ({"ports": []}, "The plan is not one"),
        ({**PLAN, "ports": None}, "The plan is not one"),
        ({**PLAN, "ports": [{"decision": "reset"}]}, "The plan is not one"),
        ({**PLAN, "ports": []}, "The plan was changed after it was made"),
        ({**PLAN, "host": "a b"}, "which is none"),
        ({**PLAN, "host": "a\nport"}, "which is none"),
    ],
)
def test_only_a_plan_gets_into_the_capture_kernel(plan: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(KdumpError, match=sentence):
        wanted_present(FILES, plan)


def test_content_permissions_and_links_count(tmp_path: Path) -> None:
    build(
        tmp_path,
        {"same": "1", "content": "2", "mode": "1", "target": Link("/a"), "kind": Link("/a")},
    )
    (tmp_path / "mode").chmod(0o600)
    for name in ("same", "content"):
        (tmp_path / name).chmod(0o644)
    wanted: State = {
        PurePosixPath("/same"): Item(b"1", 0o644),
        PurePosixPath("/content"): Item(b"1", 0o644),
        PurePosixPath("/mode"): Item(b"1", 0o644),
        PurePosixPath("/missing"): Item(b"1", 0o644),
        PurePosixPath("/target"): Item(b"/b", None),
        PurePosixPath("/kind"): Item(b"/a", 0o644),
        PurePosixPath("/gone"): None,
    }
    present = found(tmp_path, wanted)
    assert [str(path) for path in differing(wanted, present)] == [
        "/content",
        "/kind",
        "/missing",
        "/mode",
        "/target",
    ]


def test_something_else_in_the_way_is_an_error(tmp_path: Path) -> None:
    build(tmp_path, {"etc/pcie-reset/plan": None})
    with pytest.raises(KdumpError, match="etc/pcie-reset/plan is neither a file nor a link"):
        found(tmp_path, [PLAN_PATH])


def test_diff_shows_texts_permissions_and_links() -> None:
    before: State = {PLAN_PATH: Item(b"old\n", 0o600), ENABLED: None}
    after: State = {PLAN_PATH: Item(b"new\n", 0o644), ENABLED: Item(b"/unit", None)}
    assert text_diff(before, after) == [
        {
            "before_header": "/etc/pcie-reset/plan (mode 0600)",
            "after_header": "/etc/pcie-reset/plan (mode 0644)",
            "before": "old\n",
            "after": "new\n",
        },
        {
            "before_header": f"{ENABLED} (absent)",
            "after_header": f"{ENABLED} (link)",
            "before": "",
            "after": "/unit",
        },
    ]
    assert text_diff(before, before) == []
