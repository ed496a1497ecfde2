# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.family import (
    KdumpUtils,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

KERNEL = "5.14.0-503.el9.x86_64"
IMAGE = f"boot/initramfs-{KERNEL}kdump.img"
SYSCONFIG = """\
KDUMP_KERNELVER=""
KDUMP_COMMANDLINE=""
KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz quiet"
KDUMP_COMMANDLINE_APPEND="irqpoll nr_cpus=1 reset_devices pcie_ports=compat"
"""


@pytest.fixture(name="host")
def ready_host(tmp_path: Path) -> Path:
    """Return the tree of a host that is ready to dump."""
    return build(
        tmp_path,
        {
            "boot/vmlinuz-" + KERNEL: "",
            IMAGE: "",
            f"boot/initramfs-{KERNEL}.img": "",
            "etc/kdump.conf": "auto_reset_crashkernel yes\npath /var/crash\n"
            "core_collector makedumpfile -l --message-level 7 -d 31\n",
            "etc/sysconfig/kdump": SYSCONFIG,
            "etc/systemd/system/multi-user.target.wants/kdump.service": Link(
                "/usr/lib/kdump.service"
            ),
            "proc/cmdline": f"BOOT_IMAGE=(hd0,gpt2)/vmlinuz-{KERNEL} root=/dev/mapper/r ro"
            " crashkernel=256M intel_iommu=on quiet\n",
            "sys/kernel/kexec_crash_size": "268435456\n",
            "sys/kernel/kexec_crash_loaded": "1\n",
            "usr/bin/kdumpctl": "",
            "var/crash": None,
        },
    )


def test_host_that_is_ready(host: Path) -> None:
    facts = KdumpUtils().facts(host, KERNEL)
    assert facts["problems"] == []
    assert facts["family"] == "kdump-utils"
    assert facts["service"] == {"name": "kdump.service", "enabled": True}
    assert facts["image"] == {
        "kernel": f"/boot/vmlinuz-{KERNEL}",
        "initramfs": f"/{IMAGE}",
        "generator": "dracut",
    }
    assert facts["capture_command_line"] == (
        "ro intel_iommu=on irqpoll nr_cpus=1 reset_devices pcie_ports=compat"
    )
    assert facts["target"].pop("free_bytes") > 0
    assert facts["target"] == {"type": "local", "path": "/var/crash"}
    assert facts["helper"] == {"installed": False, "digest": None, "stale": None, "stage": None}


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("path /srv\n", {"path": "/srv"}),
        ("#path /srv\n  path /other # comment\n", {"path": "/other"}),
        ("nfs a:/one\nnfs b:/two\n", {"nfs": "b:/two"}),
        ("force_rebuild\n\n", {"force_rebuild": ""}),
        ("core_collector makedumpfile -l -d 31\n", {"core_collector": "makedumpfile -l -d 31"}),
    ],
)
def test_config(tmp_path: Path, text: str, config: dict[str, str]) -> None:
    assert KdumpUtils().config(build(tmp_path, {"etc/kdump.conf": text})) == config


@pytest.mark.parametrize(
    ("config", "kind", "path"),
    [
        ("", "local", "/var/crash"),
        ("path /dumps\n", "local", "/dumps"),
        ("nfs backup:/export\n", "nfs", "/var/crash"),
        ("ssh kdump@backup\npath /dumps\n", "ssh", "/dumps"),
        ("raw /dev/vg/dump\n", "raw", "/var/crash"),
        ("xfs /dev/vg/dump\npath /\n", "filesystem", "/"),
    ],
)
def test_target(host: Path, config: str, kind: str, path: str) -> None:
    facts = KdumpUtils().facts(build(host, {"etc/kdump.conf": config}), KERNEL)
    assert (facts["target"]["type"], facts["target"]["path"]) == (kind, path)
    assert (facts["target"]["free_bytes"] is None) == (kind != "local")


@pytest.mark.parametrize(
    ("tree", "codes"),
    [
        (
            {"sys/kernel/kexec_crash_size": "0\n", "sys/kernel/kexec_crash_loaded": "0\n"},
            ["no_reservation"],
        ),
        ({"sys/kernel/kexec_crash_loaded": "0\n"}, ["not_armed"]),
        ({"sys/class/watchdog/watchdog0/state": "active\n"}, ["watchdog_active"]),
        ({"etc/kdump.conf": "path /srv/crash\n"}, ["dump_directory_missing"]),
        ({"etc/kdump.conf": "nfs a:/b\npath /srv/crash\n"}, []),
        ({"proc/vmcore": "", "sys/kernel/kexec_crash_size": "0\n"}, ["is_capture_kernel"]),
    ],
)
def test_problems(host: Path, tree: dict[str, str], codes: list[str]) -> None:
    facts = KdumpUtils().facts(build(host, tree), KERNEL)
    assert [problem["code"] for problem in facts["problems"]] == codes


def test_missing_image_says_what_to_do(host: Path) -> None:
    (host / IMAGE).unlink()
    (problem,) = KdumpUtils().facts(host, KERNEL)["problems"]
    assert problem["message"] == (
        f"The kdump initramfs /{IMAGE} does not exist: run 'kdumpctl rebuild', then 'kdumpctl restart'."
    )


def test_image_where_boot_cannot_be_written(host: Path) -> None:
    (host / IMAGE).unlink()
    build(host, {f"var/lib/kdump/initramfs-{KERNEL}kdump.img": ""})
    assert KdumpUtils().facts(host, KERNEL)["image"]["initramfs"] == (
        f"/var/lib/kdump/initramfs-{KERNEL}kdump.img"
    )


def test_own_command_line(host: Path) -> None:
    build(host, {"etc/sysconfig/kdump": 'KDUMP_COMMANDLINE="root=/dev/x ro iommu=off"\n'})
    assert KdumpUtils().facts(host, KERNEL)["capture_command_line"] == "ro iommu=off"


@pytest.mark.parametrize(
    ("tree", "image"),
    [
        ({f"boot/initramfs-{KERNEL}.img": ""}, IMAGE),
        ({}, f"var/lib/kdump/initramfs-{KERNEL}kdump.img"),
        (
            {"etc/sysconfig/kdump": "KDUMP_KERNELVER=6.1\n", "boot/initramfs-6.1.img": ""},
            "boot/initramfs-6.1kdump.img",
        ),
    ],
)
def test_image_is_beside_the_normal_one_or_in_kdumps_directory(
    tmp_path: Path, tree: dict[str, str], image: str
) -> None:
    assert KdumpUtils().image(build(tmp_path, tree), KERNEL) == PurePosixPath(f"/{image}")


def test_helper_that_is_installed(host: Path) -> None:
    build(
        host,
        {
            "usr/local/lib/pcie-reset/pcie-reset": "",
            "usr/lib/dracut/modules.d/50pcie-reset/module-setup.sh": "",
        },
    )
    facts = KdumpUtils().facts(host, KERNEL)
    assert facts["helper"] == {
        "installed": True,
        "digest": None,
        "stale": None,
        "stage": "initramfs",
    }
    assert [problem["code"] for problem in facts["problems"]] == ["plan_missing"]


def test_commands(host: Path) -> None:
    family = KdumpUtils()
    assert family.rebuild_commands(host, KERNEL) == [["kdumpctl", "rebuild"]]
    assert family.rearm_commands() == [["kdumpctl", "restart"]]
