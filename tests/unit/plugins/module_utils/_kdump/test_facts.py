# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

KERNEL = "6.12.107+deb13-amd64"
IMAGE = f"var/lib/kdump/initrd.img-{KERNEL}"


@pytest.fixture(name="root")
def root_fixture(tmp_path: Path) -> Path:
    return build(
        tmp_path,
        {
            "etc/default/kdump-tools": "USE_KDUMP=1\n",
            "usr/sbin/kdump-config": "",
            "proc/sys/kernel/osrelease": f"{KERNEL}\n",
            "proc/cmdline": "root=/dev/vda1 crashkernel=256M\n",
            IMAGE: b"one",
        },
    )


def fingerprint(root: Path) -> t.Any:
    return kdump_facts(root)["image"]["fingerprint"]


def test_another_build_of_the_image_has_another_fingerprint(root: Path) -> None:
    first = fingerprint(root)
    assert fingerprint(root) == first
    changed = (root / IMAGE).stat().st_mtime_ns
    # The clock may have been set back between two builds.
    os.utime(root / IMAGE, ns=(changed - 1, changed - 1))
    assert fingerprint(root) != first
    (root / IMAGE).write_bytes(b"longer")
    os.utime(root / IMAGE, ns=(changed, changed))
    assert fingerprint(root) != first


def test_an_image_that_only_its_name_was_captured_of_has_none(root: Path) -> None:
    (root / IMAGE).write_bytes(b"")
    assert fingerprint(root) is None
    (root / IMAGE).unlink()
    assert fingerprint(root) is None
