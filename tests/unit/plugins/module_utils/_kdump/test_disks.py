# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.disks import dump_functions
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

ROOT = "26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro"
VIRTIO = "sys/devices/pci0000:00/0000:00:03.0/0000:02:00.0/virtio0/block/vda"
NVME = "sys/devices/pci0000:00/0000:00:04.0/0000:05:00.0/nvme/nvme0/nvme0n1"
SECOND_NVME = "sys/devices/pci0000:00/0000:00:05.0/0000:06:00.0/nvme/nvme1/nvme1n1"
MAPPED = "sys/devices/virtual/block/dm-0"

DISKS = {
    f"{VIRTIO}/size": "1\n",
    f"{NVME}/nvme0n1p1/size": "1\n",
    f"{SECOND_NVME}/size": "1\n",
    "sys/devices/virtual/block/loop0/size": "1\n",
}


def tree(root: Path, mounts: list[str], links: dict[str, str]) -> Path:
    build(root, {**DISKS, "proc/self/mountinfo": "\n".join(mounts) + "\n"})
    for link, target in links.items():
        path = root / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(root / target, path.parent))  # as the kernel makes them
    return root


@pytest.mark.parametrize(
    ("mounts", "links", "functions"),
    [
        # As in the lab's guest.
        ([ROOT], {"sys/dev/block/254:0": VIRTIO}, ["0000:02:00.0"]),
        # A file system of its own, on a partition; another one with a similar name beside it.
        (
            [
                ROOT,
                "30 26 259:1 / /var/crash rw - xfs /dev/nvme0n1p1 rw",
                "31 26 254:0 / /var/crash2 rw - xfs /dev/vda rw",
            ],
            {"sys/dev/block/254:0": VIRTIO, "sys/dev/block/259:1": f"{NVME}/nvme0n1p1"},
            ["0000:05:00.0"],
        ),
        # Mounted over: what came last is what is there.
        (
            [ROOT, ROOT.replace("254:0", "259:1")],
            {"sys/dev/block/254:0": VIRTIO, "sys/dev/block/259:1": f"{NVME}/nvme0n1p1"},
            ["0000:05:00.0"],
        ),
        # Btrfs: the number is the file system's, the source is the disk.
        (
            ["26 1 0:23 /@ / rw - btrfs /dev/nvme0n1p1 rw"],
            {"sys/class/block/nvme0n1p1": f"{NVME}/nvme0n1p1"},
            ["0000:05:00.0"],
        ),
        # A mirror: the dump goes through both.
        (
            [ROOT.replace("254:0", "253:0")],
            {
                "sys/dev/block/253:0": MAPPED,
                f"{MAPPED}/slaves/nvme0n1p1": f"{NVME}/nvme0n1p1",
                f"{MAPPED}/slaves/nvme1n1": SECOND_NVME,
            },
            ["0000:05:00.0", "0000:06:00.0"],
        ),
        # Half of a mirror is on something that hangs on no PCI function: half an answer is none.
        (
            [ROOT.replace("254:0", "253:0")],
            {
                "sys/dev/block/253:0": MAPPED,
                f"{MAPPED}/slaves/nvme0n1p1": f"{NVME}/nvme0n1p1",
                f"{MAPPED}/slaves/loop0": "sys/devices/virtual/block/loop0",
            },
            None,
        ),
        ([ROOT], {}, None),
        (["26 1 0:23 / / rw - nfs4 server:/crash rw"], {}, None),
        (["nonsense", ""], {}, None),
    ],
)
def test_functions_below_the_dump_directory(
    tmp_path: Path, mounts: list[str], links: dict[str, str], functions: list[str] | None
) -> None:
    (tmp_path / MAPPED).mkdir(parents=True)
    root = tree(tmp_path, mounts, links)
    assert dump_functions(root, PurePosixPath("/var/crash")) == functions


def test_blanks_in_a_mount_point(tmp_path: Path) -> None:
    mounts = [ROOT, "30 26 259:1 / /my\\040dumps rw - xfs /dev/nvme0n1p1 rw"]
    root = tree(tmp_path, mounts, {"sys/dev/block/259:1": f"{NVME}/nvme0n1p1"})
    assert dump_functions(root, PurePosixPath("/my dumps/crash")) == ["0000:05:00.0"]


def test_a_stack_that_leads_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / MAPPED).mkdir(parents=True)
    links = {"sys/dev/block/254:0": MAPPED, f"{MAPPED}/slaves/dm-0": MAPPED}
    assert dump_functions(tree(tmp_path, [ROOT], links), PurePosixPath("/var/crash")) is None


def test_a_captured_tree_without_mounts_does_not_tell(tmp_path: Path) -> None:
    assert dump_functions(tmp_path, PurePosixPath("/var/crash")) is None
