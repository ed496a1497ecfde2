# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths that kdump-lib.sh, prepare_kdump_bootinfo(), comes to."""

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.bootinfo import (
    bootinfo,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

KERNEL = "6.12.0-55.el10.x86_64"
MACHINE = "0123456789abcdef0123456789abcdef"
STUB = "sys/firmware/efi/efivars/StubImageIdentifier-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
OSTREE = f"boot/ostree/fedora-{'a' * 8}"


@pytest.mark.parametrize(
    ("tree", "values", "kernel", "image"),
    [
        ({f"boot/vmlinuz-{KERNEL}": "", f"boot/initramfs-{KERNEL}.img": ""}, {},
         f"boot/vmlinuz-{KERNEL}", f"boot/initramfs-{KERNEL}kdump.img"),
        # Nothing to name it after.
        ({f"boot/vmlinuz-{KERNEL}": ""}, {},
         f"boot/vmlinuz-{KERNEL}", f"var/lib/kdump/initramfs-{KERNEL}kdump.img"),
        # A directory a kernel, Boot Loader Specification type 1.
        ({f"boot/{MACHINE}/{KERNEL}/vmlinuz": "", f"boot/{MACHINE}/{KERNEL}/initrd": ""}, {},
         f"boot/{MACHINE}/{KERNEL}/vmlinuz", f"boot/{MACHINE}/{KERNEL}/initrdkdump"),
        # A unified kernel image, of which systemd-stub says the name.
        ({"boot/efi/EFI/Linux/own.efi": "", STUB: b"\6\0\0\0" + "\\EFI\\Linux\\own.efi\0".encode("utf-16-le")}, {},
         "boot/efi/EFI/Linux/own.efi", f"var/lib/kdump/initramfs-{KERNEL}kdump.img"),
        ({f"efi/EFI/Linux/{MACHINE}-{KERNEL}.efi": ""}, {},
         f"efi/EFI/Linux/{MACHINE}-{KERNEL}.efi", f"var/lib/kdump/initramfs-{KERNEL}kdump.img"),
        # OSTree
        ({"run/ostree-booted": "", f"{OSTREE}/vmlinuz-{KERNEL}": "", f"{OSTREE}/initramfs-{KERNEL}.img": ""}, {},
         f"{OSTREE}/vmlinuz-{KERNEL}", f"{OSTREE}/initramfs-{KERNEL}kdump.img"),
        # What the operator says.
        ({"srv/boot/Image-6.1.gz": "", "srv/boot/initramfs-6.1.img": ""},
         {"KDUMP_BOOTDIR": "/srv/boot", "KDUMP_IMG": "Image", "KDUMP_IMG_EXT": ".gz", "KDUMP_KERNELVER": "6.1"},
         "srv/boot/Image-6.1.gz", "srv/boot/initramfs-6.1kdump.img"),
        # What was booted, wherever GRUB found it.
        ({"proc/cmdline": f"BOOT_IMAGE=(hd0,gpt2)/other/vmlinuz-{KERNEL} ro\n", f"boot/other/vmlinuz-{KERNEL}": "",
          f"boot/vmlinuz-{KERNEL}": "", f"boot/other/initramfs-{KERNEL}.img": ""}, {},
         f"boot/other/vmlinuz-{KERNEL}", f"boot/other/initramfs-{KERNEL}kdump.img"),
        ({}, {}, None, f"var/lib/kdump/initramfs-{KERNEL}kdump.img"),
    ],
)  # fmt: skip
def test_what_is_loaded(
    tmp_path: Path, tree: dict[str, t.Any], values: dict[str, str], kernel: str | None, image: str
) -> None:
    root = build(tmp_path, {"etc/machine-id": f"{MACHINE}\n", **tree})
    found = bootinfo(root, KERNEL, values)
    assert found.kernel == (None if kernel is None else PurePosixPath("/", kernel))
    assert found.image == PurePosixPath("/", image)


@pytest.mark.parametrize("debug", ["+debug", "-debug"])
def test_a_debug_kernel_takes_the_plain_one(tmp_path: Path, debug: str) -> None:
    modules = {f"usr/lib/modules/{KERNEL}/modules.dep": ""}
    assert bootinfo(build(tmp_path / "a", modules), KERNEL + debug, {}).version == KERNEL
    assert bootinfo(build(tmp_path / "b", {"x": ""}), KERNEL + debug, {}).version == KERNEL + debug
