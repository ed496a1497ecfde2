# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts made of files whose kdump image dracut makes, with commands that do what those of each family do."""

from __future__ import annotations

import stat
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import TOOLS, UNIT
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    DebianDracut,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.family import (
    KdumpUtils,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.family import Suse
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import Host
from ansible_collections.vmcore.kdump.tests.unit.debian_host import KERNEL, DebianHost
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build
from ansible_collections.vmcore.kdump.tests.unit.images import (
    FILE,
    PROGRAM,
    File,
    image,
    unpack_foreign,
)

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family

MODULE = "usr/lib/dracut/modules.d/50pcie-reset"
LINK = stat.S_IFLNK | 0o777
UNITS = "usr/lib/systemd/system"

# What makes a unit one that udev and the reset can be ordered by.
TARGET = b"[Unit]\nDefaultDependencies=no\n"


class Place(t.NamedTuple):
    """What is special about a family's hosts."""

    family: Family
    tree: dict[str, t.Any]
    image: str
    build: str
    load: tuple[str, ...]


_DRACUT_IMAGE = "var/lib/kdump/initrd-dracut.img"

PLACES = {
    "debian": Place(
        DebianDracut(),
        {
            "etc/default/kdump-tools": f"KDUMP_INITRD=/{_DRACUT_IMAGE}\n",
            "usr/sbin/kdump-config": "",
            "usr/bin/dracut": "",
        },
        _DRACUT_IMAGE,
        f"dracut --kver {KERNEL} --rebuild /{_DRACUT_IMAGE}",
        ("kdump-config unload", "kdump-config load"),
    ),
    "kdump-utils": Place(
        KdumpUtils(),
        {"etc/kdump.conf": "", "usr/bin/kdumpctl": "", f"boot/initramfs-{KERNEL}.img": "normal"},
        f"boot/initramfs-{KERNEL}kdump.img",
        "kdumpctl rebuild",
        ("kdumpctl restart",),
    ),
    "suse": Place(
        Suse(),
        {"etc/sysconfig/kdump": "", "usr/sbin/mkdumprd": ""},
        "var/lib/kdump/initrd",
        "mkdumprd -f",
        ("systemctl restart kdump.service",),
    ),
}


class DracutHost(DebianHost):
    """A host of one of PLACES: what was run, and which commands fail."""

    def __init__(self, root: Path, place: Place) -> None:
        self.place = place
        self.root = build(
            root,
            {
                "usr/lib/dracut/modules.d/99base/module-setup.sh": "",
                "usr/local/lib/other": None,
                "etc/systemd/system/other.service": "",
                "var/crash": None,
                "proc/cmdline": "root=/dev/vda1 crashkernel=256M\n",
                "sys/kernel/kexec_crash_size": "268435456\n",
                "sys/kernel/kexec_crash_loaded": "1\n",
                place.image: b"",
                **place.tree,
            },
        )
        self.commands: list[str] = []
        self.failing: dict[str, str] = {}
        self.image_path = self.root / place.image
        self.build_image()
        self.loaded: bytes | None = self.image_path.read_bytes()

    @property
    def host(self) -> Host:
        return Host(self.root, KERNEL, self.place.family, self.run, self._write, unpack_foreign)

    def run(self, argv: list[str]) -> tuple[int, str]:
        command = " ".join(argv)
        self.commands.append(command)
        if command == self.place.load[0]:
            self.unload()
        if command in self.failing:
            if command == self.place.build:
                self.image_path.write_bytes(b"half of an image")
            return 1, self.failing[command]
        if command == self.place.build:
            self.build_image()
        if command == self.place.load[-1]:
            self.loaded = self.image_path.read_bytes()
            (self.root / "sys/kernel/kexec_crash_loaded").write_text("1\n")
        return 0, "done\n"

    def build_image(self) -> None:
        """Build the image as the family's command does, with whatever module is there."""
        files: list[File] = [
            ("init", LINK, b"usr/lib/systemd/systemd"),
            ("usr/lib/systemd/systemd", PROGRAM, b"\x7fELF"),
            ("lib/dracut/hooks/initqueue/settle.sh", PROGRAM, b""),
            (f"{UNITS}/default.target", LINK, b"sysinit.target"),
            (f"{UNITS}/sysinit.target", FILE, TARGET),
            (
                f"{UNITS}/systemd-udevd.service",
                FILE,
                TARGET + b"[Service]\nExecStart=/usr/lib/systemd/systemd-udevd\n",
            ),
            (
                f"{UNITS}/sysinit.target.wants/systemd-udevd.service",
                LINK,
                b"../systemd-udevd.service",
            ),
        ]
        if (self.root / MODULE).exists():
            files += [(name, PROGRAM, b"\x7fELF") for name in TOOLS]
            library = self.root / "usr/local/lib/pcie-reset"
            for path in sorted(library.iterdir()):
                files.append((str(path.relative_to(self.root)), PROGRAM, path.read_bytes()))
            files += [
                ("etc/pcie-reset/plan", FILE, (self.root / "etc/pcie-reset/plan").read_bytes()),
                (UNIT, FILE, (self.root / MODULE / "pcie-reset.service").read_bytes()),
                (
                    f"{UNITS}/sysinit.target.wants/pcie-reset.service",
                    LINK,
                    b"../pcie-reset.service",
                ),
            ]
        self.image_path.write_bytes(image(("zstd", files)))


def shipped_files() -> dict[str, str]:
    """Return the collection's own files: of dracut's unit, the text is what is proven."""
    return {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS.iterdir()}
