# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Debian host made of files, whose commands do what kdump-tools does."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import SHIPPED
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import SCRIPT, TOOLS
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import Host
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, function
from ansible_collections.vmcore.kdump.tests.unit.facts import host as facts_of
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build
from ansible_collections.vmcore.kdump.tests.unit.images import (
    FILE,
    PROGRAM,
    File,
    image,
    unpack_foreign,
)

KERNEL = "6.12.107+deb13-amd64"
IMAGE = f"var/lib/kdump/initrd.img-{KERNEL}"
HOOK = "etc/initramfs-tools/hooks/pcie-reset"

BUILD = f"/etc/kernel/postinst.d/kdump-tools {KERNEL}"
UNLOAD = "kdump-config unload"
LOAD = "kdump-config load"

FILES = {name: f"#!/bin/sh\n# {name}\n" for name in SHIPPED}
PLAN = make_plan(facts_of(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0")))
OTHER_PLAN = make_plan(facts_of(bridge("0000:00:03.0"), function("0000:01:00.0", "0000:00:03.0")))


class DebianHost:
    """What is on the host, what was run, and which commands fail."""

    def __init__(self, root: Path) -> None:
        self.root = build(
            root,
            {
                "etc/default/kdump-tools": "USE_KDUMP=1\n",
                "etc/initramfs-tools/hooks/other": "",
                "usr/sbin/kdump-config": "",
                "usr/local/lib/other": None,
                "etc/systemd/system/other.service": "",
                "var/crash": None,
                "proc/cmdline": "root=/dev/vda1 crashkernel=256M\n",
                "sys/kernel/kexec_crash_size": "268435456\n",
                "sys/kernel/kexec_crash_loaded": "1\n",
                IMAGE: b"",
            },
        )
        self.commands: list[str] = []
        self.failing: dict[str, str] = {}
        self.order = ["00-pcie-reset", "udev"]
        self.image_path = self.root / IMAGE
        self._build()
        self.loaded: bytes | None = self.image_path.read_bytes()

    @property
    def host(self) -> Host:
        return Host(self.root, KERNEL, Debian(), self._run, self._write, unpack_foreign)

    def has(self, path: str) -> bool:
        """Say whether there is a file at an absolute path of the host."""
        return (self.root / path.lstrip("/")).is_file()

    def unload(self) -> None:
        self.loaded = None
        (self.root / "sys/kernel/kexec_crash_loaded").write_text("0\n")

    def snapshot(self) -> dict[str, t.Any]:
        """Return everything but /sys: paths, contents, permissions, and what is loaded."""
        found: dict[str, t.Any] = {"loaded": self.loaded}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if path.is_symlink():
                found[name] = str(path.readlink())
            elif path.is_file() and not name.startswith("sys/"):
                found[name] = (path.stat().st_mode, path.read_bytes())
            elif path.is_dir():
                found[name] = None
        return found

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    def _run(self, argv: list[str]) -> tuple[int, str]:
        command = " ".join(argv)
        self.commands.append(command)
        if command == BUILD:
            self.image_path.unlink(missing_ok=True)  # as the builder does, before it begins
        if command == UNLOAD:
            self.unload()
        if command in self.failing:
            return 1, self.failing[command]
        if command == BUILD:
            self._build()
        if command == LOAD:
            self.loaded = self.image_path.read_bytes()
            (self.root / "sys/kernel/kexec_crash_loaded").write_text("1\n")
        return 0, "done\n"

    def _build(self) -> None:
        files: list[File] = [
            ("init", PROGRAM, b"run_scripts /scripts/init-top\nload_modules\n"),
            ("scripts/init-top/udev", PROGRAM, b"udevadm trigger\n"),
        ]
        names = ["udev"]
        if (self.root / HOOK).exists():
            names = self.order
            files += [(name, PROGRAM, b"\x7fELF") for name in TOOLS]
            for path, mode in (
                ("usr/local/lib/pcie-reset/pcie-reset", PROGRAM),
                ("usr/local/lib/pcie-reset/guard", PROGRAM),
                ("usr/local/lib/pcie-reset/secondary-bus-reset", PROGRAM),
                ("usr/local/lib/pcie-reset/lib.sh", FILE),
                ("usr/local/lib/pcie-reset/local-apic", PROGRAM),
                ("etc/pcie-reset/plan", FILE),
            ):
                files.append((path, mode, (self.root / path).read_bytes()))
            script = (self.root / "usr/local/lib/pcie-reset/init-top").read_bytes()
            files.append((SCRIPT, PROGRAM, script))
        order = "".join(f'/scripts/init-top/{name} "$@"\n' for name in names)
        files.append(("scripts/init-top/ORDER", FILE, order.encode()))
        self.image_path.write_bytes(image(("cpio", []), ("zstd", files)))
