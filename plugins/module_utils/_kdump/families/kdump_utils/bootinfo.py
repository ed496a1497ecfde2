# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which kernel and which initramfs kdumpctl takes: kdump-lib.sh, prepare_kdump_bootinfo()."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
    names,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_DIRECTORIES = "/boot /boot/efi /efi /"
_OWN = PurePosixPath("/var/lib/kdump")
# systemd-stub(7): the image that was booted, in UTF-16 behind four bytes, with backslashes.
_STUB = "sys/firmware/efi/efivars/StubImageIdentifier-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_DEBUG = re.compile(r"[+|-]debug$")
_BOOT_IMAGE = re.compile(r"^BOOT_IMAGE=(?:\([^)]*\))?(\S+)")


class BootInfo(t.NamedTuple):
    """What is loaded as the capture kernel, whether it is there or not."""

    version: str
    kernel: PurePosixPath | None  # None: no such kernel is found
    normal: (
        PurePosixPath | None
    )  # the initramfs of the same kernel; None for a unified kernel image
    image: PurePosixPath


def bootinfo(root: Path, running: str, values: Mapping[str, str]) -> BootInfo:
    """Return what kdumpctl takes.

    Args:
        root: the host's root directory.
        running: the release of the running kernel.
        values: of /etc/sysconfig/kdump.
    """
    version = values.get("KDUMP_KERNELVER") or _version(root, running)
    kernel = next(
        (path for path in _kernels(root, version, values) if is_file(inside(root, path))), None
    )
    boot = kernel.parent if kernel else PurePosixPath("/boot")
    beside = (boot / f"initramfs-{version}.img", boot / "initrd")
    normal = next((path for path in beside if is_file(inside(root, path))), None)
    if normal is None or not os.access(inside(root, boot), os.W_OK):
        return BootInfo(version, kernel, normal, _OWN / f"initramfs-{version}kdump.img")
    name = (
        normal.name[: -len(".img")] + "kdump.img"
        if normal.suffix == ".img"
        else f"{normal.name}kdump"
    )
    return BootInfo(version, kernel, normal, boot / name)


def _version(root: Path, running: str) -> str:
    """_get_kdump_kernel_version(): a debug kernel takes more memory, the plain one of the same version is preferred."""
    plain = _DEBUG.sub("", running)
    return plain if is_file(inside(root, f"/usr/lib/modules/{plain}/modules.dep")) else running


def _kernels(root: Path, version: str, values: Mapping[str, str]) -> Iterator[PurePosixPath]:
    """prepare_kdump_kernel(): the places in which a kernel is looked for, in that order."""
    directories = (values.get("KDUMP_BOOTDIR") or _DIRECTORIES).split()
    if exists(root / "run/ostree-booted"):
        trees = [f"/boot/ostree/{name}" for name in names(inside(root, "/boot/ostree"))]
        directories = [*trees, *directories]
    machine = read_text(root / "etc/machine-id") or ""
    name = values.get("KDUMP_IMG") or "vmlinuz"
    images = [
        f"{name}-{version}{values.get('KDUMP_IMG_EXT', '')}",
        f"{machine}/{version}/{name}",
        _stub(root) or f"EFI/Linux/{machine}-{version}.efi",
    ]
    booted = _BOOT_IMAGE.match(read_text(root / "proc/cmdline") or "")
    if booted and booted[1].endswith(version):
        images = [booted[1], *images]
    for directory in directories:
        for image in images:
            yield PurePosixPath(directory) / image.lstrip("/")


def _stub(root: Path) -> str | None:
    raw = read_bytes(root / _STUB) or b""
    return raw[4:].decode("utf-16-le", "replace").strip("\0 ").replace("\\", "/") or None


__all__ = ("BootInfo", "bootinfo")
