# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.family import Suse
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

KERNEL = "6.4.0-150600.23.42-default"


@pytest.fixture(name="host")
def ready_host(tmp_path: Path) -> Path:
    """Return the tree of a host that is ready to dump."""
    return build(
        tmp_path,
        {
            "etc/sysconfig/kdump": 'KDUMP_SAVEDIR="/var/crash"\nKDUMP_COMMANDLINE=""\n'
            'KDUMP_COMMANDLINE_APPEND="iommu=pt"\n',
            "etc/systemd/system/multi-user.target.wants/kdump.service": Link(
                "/usr/lib/kdump.service"
            ),
            "proc/cmdline": "root=UUID=1 splash=silent crashkernel=256M quiet iommu=pt\n",
            "sys/kernel/kexec_crash_size": "268435456\n",
            "sys/kernel/kexec_crash_loaded": "1\n",
            "usr/sbin/mkdumprd": "",
            "var/crash": None,
            "var/lib/kdump/initrd": "",
            "var/lib/kdump/kernel": Link("/boot/vmlinux"),
            "boot/vmlinux": "",
        },
    )


def test_host_that_is_ready(host: Path) -> None:
    facts = Suse().facts(host, KERNEL)
    assert facts["problems"] == []
    assert facts["family"] == "suse"
    assert facts["service"] == {"name": "kdump.service", "enabled": True}
    assert facts["image"] == {
        "kernel": "/boot/vmlinux",
        "initramfs": "/var/lib/kdump/initrd",
        "generator": "dracut",
    }
    words = facts["capture_command_line"].split()
    assert words[:3] == ["quiet", "iommu=pt", "sysrq=yes"]
    assert words[-1] == "iommu=pt"
    assert "crashkernel=256M" not in words
    assert facts["target"].pop("free_bytes") > 0
    assert facts["target"] == {"type": "local", "path": "/var/crash"}


@pytest.mark.parametrize(
    ("savedir", "kind", "path"),
    [
        ("", "local", "/var/crash"),
        ("/dumps", "local", "/dumps"),
        ("file:///dumps", "local", "/dumps"),
        ("/dumps nfs://a/b", "local", "/dumps"),
        ("nfs://backup/export/dumps", "nfs", "/export/dumps"),
        ("ssh://kdump@backup/dumps", "ssh", "/dumps"),
        ("cifs://backup", "cifs", "/"),
    ],
)
def test_target(host: Path, savedir: str, kind: str, path: str) -> None:
    build(host, {"etc/sysconfig/kdump": f'KDUMP_SAVEDIR="{savedir}"\n'})
    facts = Suse().facts(host, KERNEL)
    assert (facts["target"]["type"], facts["target"]["path"]) == (kind, path)


def test_own_command_line(host: Path) -> None:
    build(host, {"etc/sysconfig/kdump": 'KDUMP_COMMANDLINE="root=kdump iommu=off"\n'})
    assert Suse().facts(host, KERNEL)["capture_command_line"] == "root=kdump iommu=off"


def test_no_capture_command_line_while_nothing_is_loaded(host: Path) -> None:
    facts = Suse().facts(build(host, {"sys/kernel/kexec_crash_loaded": "0\n"}), KERNEL)
    assert facts["capture_command_line"] is None
    assert [problem["code"] for problem in facts["problems"]] == ["not_armed"]


def test_missing_image_says_what_to_do(host: Path) -> None:
    (host / "var/lib/kdump/initrd").unlink()
    (problem,) = Suse().facts(host, KERNEL)["problems"]
    assert problem["message"] == (
        "The kdump initramfs /var/lib/kdump/initrd does not exist: run 'mkdumprd -f',"
        " then 'systemctl restart kdump.service'."
    )


def test_image_of_older_versions(host: Path) -> None:
    (host / "var/lib/kdump/initrd").unlink()
    build(host, {f"boot/initrd-{KERNEL}-kdump": ""})
    assert Suse().facts(host, KERNEL)["image"]["initramfs"] == f"/boot/initrd-{KERNEL}-kdump"


@pytest.mark.parametrize(
    ("built", "loaded", "codes"),
    [(1, 2, []), (2, 1, ["image_not_loaded"]), (2, None, [])],
)
def test_image_that_was_built_after_the_capture_kernel_was_loaded(
    host: Path, built: int, loaded: int | None, codes: list[str]
) -> None:
    os.utime(host / "var/lib/kdump/initrd", (built, built))
    if loaded is not None:
        build(host, {"run/udev/rules.d/70-kdump.rules": ""})
        os.utime(host / "run/udev/rules.d/70-kdump.rules", (loaded, loaded))
    facts = Suse().facts(host, KERNEL)
    assert [problem["code"] for problem in facts["problems"]] == codes


def test_commands(host: Path) -> None:
    family = Suse()
    assert family.image(host, KERNEL) == PurePosixPath("/var/lib/kdump/initrd")
    assert family.rebuild_commands(host, KERNEL) == [["mkdumprd", "-f"]]
    assert family.rearm_commands() == [["systemctl", "restart", "kdump.service"]]
