# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.drivers import Drivers
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree
from ansible_collections.vmcore.kdump.tests.unit.dracut_image import PROGRAM, RELEASE, as_entries
from ansible_collections.vmcore.kdump.tests.unit.images import File

MODULES = f"usr/lib/modules/{RELEASE}"
# e1000e is for PCI devices, and what depends on it or is loaded with it is as bad.
FILES: list[File] = [
    (
        f"{MODULES}/modules.alias",
        PROGRAM,
        b"# comment\nalias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\nalias fs-ext4 ext4\nalias net-x e1000e\n",
    ),
    (
        f"{MODULES}/modules.dep",
        PROGRAM,
        (
            b"kernel/drivers/e1000e.ko.xz: kernel/drivers/ptp.ko.xz\nkernel/on-top.ko: kernel/drivers/e1000e.ko.xz\n"
            b"kernel/dm-mod.ko.zst:\nkernel/soft.ko:\n"
        ),
    ),
    (f"{MODULES}/modules.softdep", PROGRAM, b"# comment\nsoftdep soft pre: on_top post: dm_mod\n"),
    (f"{MODULES}/kernel/drivers/e1000e.ko.xz", PROGRAM, b""),
    (f"{MODULES}/kernel/dm-mod.ko.zst", PROGRAM, b""),
    (
        "etc/modprobe.d/a.conf",
        PROGRAM,
        b"install trap /bin/load-everything\nblacklist dm_mod\noptions loop max_loop=8\n",
    ),
    ("usr/lib/modules/keys/vendor.x509", PROGRAM, b""),
    ("usr/bin/loading", PROGRAM, b"#!/bin/sh\n# modprobe\ninsmod /x.ko\n"),
    ("usr/bin/hooks", PROGRAM, b"#!/bin/sh\nsource_hook cmdline\n"),
    (
        "usr/bin/harmless",
        PROGRAM,
        b"#!/bin/sh\nmodprobe -q dm-mod 2> /dev/null\nls /etc/modprobe.d\n",
    ),
    ("usr/bin/binary", PROGRAM, b"\x7fELF modprobe"),
    ("usr/bin/kmod-user", PROGRAM, b"\x7fELF libc.so.6 libkmod.so.2"),
]


def drivers(*without: str) -> Drivers:
    return Drivers(Tree(as_entries(file for file in FILES if file[0] not in without)))


@pytest.mark.parametrize(
    "command",
    [
        "/usr/lib/systemd/systemd-udevd",
        "@/usr/lib/systemd/systemd-udevd systemd-udevd --daemon",
        "-udevadm trigger --type=all --action=add",
        "udevadm",
        "/usr/lib/systemd/systemd-modules-load",
        "modprobe e1000e",
        "-/sbin/modprobe -abq dm_mod e1000e",
        "modprobe on-top",
        "modprobe soft",
        "modprobe net-x",
        "modprobe trap",
        "modprobe -d /other dm_mod",
        "modprobe $NAME",
        "insmod /dm-mod.ko",
        "kmod load dm_mod",
        "/bin/sh -c 'modprobe e1000e'",
        "sh -c 'for i in $LIST; do modprobe $i; done'",
    ],
)
def test_command_that_may_load_a_pci_driver(command: str) -> None:
    assert drivers().in_command(command) == command


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("/usr/bin/loading", "usr/bin/loading:3: insmod /x.ko"),
        ("loading --now", "usr/bin/loading:3: insmod /x.ko"),
        ("/bin/sh /usr/bin/loading", "usr/bin/loading:3: insmod /x.ko"),
        ("-hooks", "usr/bin/hooks:2: source_hook cmdline"),
        ("/usr/bin/kmod-user --all", "usr/bin/kmod-user uses libkmod"),
        ("'unbalanced /usr/bin/loading", None),
    ],
)
def test_program_is_read(command: str, line: str | None) -> None:
    assert drivers().in_command(command) == line


@pytest.mark.parametrize(
    "command",
    [
        "",
        "/bin/kmod static-nodes --format=tmpfiles --output=/run/tmpfiles.d/static-nodes.conf",
        "udevadm settle --timeout=120",
        "udevadm info --cleanup-db",
        "modprobe dm-mod",
        "modprobe -abq dm_mod loop overlay",
        "modprobe ext4",
        "modprobe fs-ext4",
        "sh -c 'modprobe -q dm_mod || :'",
        "/bin/sh",
        "/usr/bin/harmless",
        "/usr/bin/binary",
        "/usr/bin/none",
        "systemctl start udevadm-like.service",
    ],
)
def test_command_that_loads_none(command: str) -> None:
    assert drivers().in_command(command) is None


@pytest.mark.parametrize("missing", [f"{MODULES}/modules.alias", f"{MODULES}/modules.dep"])
def test_without_its_lists_every_module_may_be_a_driver(missing: str) -> None:
    assert drivers(missing).in_command("modprobe dm_mod") == "modprobe dm_mod"


def test_modules_are_listed_with_what_they_are_for() -> None:
    assert drivers().modules() == [
        {"name": "dm_mod", "kernel": RELEASE, "pci": False},
        {"name": "e1000e", "kernel": RELEASE, "pci": True},
    ]
    assert {each["pci"] for each in drivers(f"{MODULES}/modules.alias").modules()} == {None}


def test_kernel_without_lists_spoils_those_of_another_one() -> None:
    other = ("usr/lib/modules/6.1.0/kernel/vendor.ko", PROGRAM, b"")
    assert Drivers(Tree(as_entries([*FILES, other]))).in_command("modprobe dm_mod") is not None
