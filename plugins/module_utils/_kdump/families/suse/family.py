# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump, the package of SUSE Linux Enterprise and openSUSE."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    DRACUT,
    DRACUT_HOOK,
    EVERY_HOST,
    in_image,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import undecided
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.dracut import (
    SYSCONFIG,
    facts_of,
    sysconfig,
    without,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.bootloader import (
    Kdumptool,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.config import (
    CONFIG,
    SuseConfig,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.targets import (
    targets,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.traces import TRACES
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Captured
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    modified,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target

COMMAND = PurePosixPath("/usr/sbin/mkdumprd")
IMAGES = PurePosixPath("/var/lib/kdump")

# load.sh copies it there whenever it has loaded the capture kernel.
LOADED = PurePosixPath("/run/udev/rules.d/70-kdump.rules")

# The URL's password, which ssh is given instead.
_PASSWORD = re.compile(r"://[^/@:]*:[^/@]+@")

# kdump-read-config.sh, KDUMP_FREE_DISK_SIZE.
_KEPT_FREE = 64

# What the capture kernel does not get of the running kernel's command line, and gets besides, while
# KDUMP_COMMANDLINE is empty.
_REMOVED = ("root", "resume", "crashkernel", "splash", "mem", "BOOT_IMAGE")
_ADDED = (
    "sysrq=yes reset_devices acpi_no_memhotplug cgroup_disable=memory nokaslr numa=off irqpoll"
    " root=kdump rootflags=bind rd.udev.children-max=8"
)


class Suse:
    """kdump: /etc/sysconfig/kdump, mkdumprd, dracut."""

    name = "suse"
    title = "kdump (SUSE)"
    distributions: tuple[str, ...] = ("suse", "opensuse", "sles", "sle-micro", "sl-micro")
    service = "kdump.service"
    generator = "dracut"
    hook = DRACUT_HOOK
    quiesce_settings: PurePosixPath | None = None
    parts: tuple[str, ...] = (*EVERY_HOST, *DRACUT, "dracut-kdump-save.conf")
    saves_from_image = True
    configuration = SuseConfig()
    bootloaders = (Kdumptool(),)
    traces = TRACES
    captured = Captured(
        texts=tuple(map(in_image, SuseConfig.paths)),
        present=(
            in_image(COMMAND),
            "usr/sbin/kdump*",
            "usr/lib/kdump/*",
            "usr/lib/dracut/modules.d/*kdump*/*.sh",
            "usr/lib/systemd/system/kdump*",
            "var/lib/kdump/initr*",
            "var/lib/kdump/vmlinu*",
        ),
        units=(
            "etc/systemd/system/*.wants/*kdump*",
            "etc/systemd/system/*.requires/*kdump*",
            # These are masks.
            "etc/systemd/system/kdump*.service",
        ),
    )

    def present(self, root: Path) -> bool:
        """Say whether kdump is installed."""
        return all(is_file(inside(root, path)) for path in (SYSCONFIG, COMMAND))

    def config(self, root: Path) -> dict[str, str]:
        """Return the assignments in /etc/sysconfig/kdump; the last one of a name wins."""
        return sysconfig(root)

    def targets(self, texts: Mapping[PurePosixPath, str]) -> list[Target]:
        """Return every target that KDUMP_SAVEDIR names."""
        return targets(parse_assignments(texts.get(CONFIG, "")))

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs: whatever the kernel, and beside the kernel before version 2."""
        images = (IMAGES / "initrd", PurePosixPath(f"/boot/initrd-{kernel}-kdump"))
        return next((found for path in images if (found := resolve(root, path))), images[0])

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory of KDUMP_SAVEDIR, a path or a URL: file:///var/crash, nfs://host/path."""
        first = targets(self.config(root))[0]
        return PurePosixPath(first.export or first.path)

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs again, changed configuration or not."""
        del root, kernel
        return [["mkdumprd", "-f"]]

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the present kdump initramfs in place of what is loaded."""
        return [["systemctl", "restart", self.service]]

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return what load.sh copies when it has loaded the capture kernel."""
        del root, kernel
        return LOADED

    def settings(self, root: Path) -> Settings:
        """Return what /etc/sysconfig/kdump says that decides whether the host is ready."""
        config = self.config(root)
        text = read_text(inside(root, CONFIG)) or ""
        form = config.get("KDUMP_DUMPFORMAT")
        free = config.get("KDUMP_FREE_DISK_SIZE", "")
        transfer = config.get("KDUMP_TRANSFER")
        return Settings(
            units=(self.service,),
            inputs=(SYSCONFIG,),
            saves_nothing=f"KDUMP_DUMPFORMAT=none in {SYSCONFIG}"
            if form == "none" and not transfer
            else None,
            not_told=undecided(text, SuseConfig.decides),
            # kdump-save: by default 64 MiB, and only in a directory of the host.
            keeps_free=(int(free) if free.isdecimal() else _KEPT_FREE) << 20,
            # A command of the operator that does all the work.
            collector="KDUMP_TRANSFER" if transfer else "cp" if form == "raw" else "makedumpfile",
            targets=tuple(_with_key(root, each, config) for each in targets(config)),
            # The package has no sender of its own; a script of the operator may be one.
            tells_cluster=None if config.get("KDUMP_PRESCRIPT") else False,
            panics=True,  # load.sh appends panic=1
            without_makedumpfile=f"set KDUMP_DUMPFORMAT=raw in {SYSCONFIG}, and run 'systemctl restart {self.service}':"
            " the dump is then all of the memory",
        )

    def loaded(self, root: Path) -> list[str]:
        """Return nothing: this family keeps no record of what it loaded."""
        del root
        return []

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the kdump facts, shaped as in C(base_facts)."""
        image = self.image(root, kernel)
        built, loaded = modified(inside(root, image)), modified(inside(root, LOADED))
        return facts_of(
            self,
            root,
            kernel,
            images=[image],
            kernels=[IMAGES / "kernel", PurePosixPath(f"/boot/vmlinuz-{kernel}")],
            target=targets(self.config(root))[0].type,
            capture_command_line=self._capture_command_line(root),
            makes_directory=True,  # mkdumprd, get_mount()
            stale=built is not None and loaded is not None and built > loaded,
        )

    def _capture_command_line(self, root: Path) -> str:
        config = self.config(root)
        line = config.get("KDUMP_COMMANDLINE")
        if not line:
            kept = without(read_text(root / "proc/cmdline") or "", _REMOVED)
            line = " ".join([*kept, _ADDED])
        return f"{line} {config.get('KDUMP_COMMANDLINE_APPEND', '')}".strip()


def _with_key(root: Path, target: Target, config: Mapping[str, str]) -> Target:
    """Return a target with the key that goes into the image: dracut/module-setup.sh, kdump_init_ssh().

    Of those that are named, and by default of ssh's own, each that exists. Without any, the last one is missed, but
    not where the URL has a password.
    """
    if target.type not in ("ssh", "sftp") or _PASSWORD.search(config.get("KDUMP_SAVEDIR", "")):
        return target
    names = (config.get("KDUMP_SSH_IDENTITY") or "id_rsa id_dsa id_ecdsa id_ed25519").split()
    keys = [f"/root/.ssh/{name}" for name in names]
    there = (key for key in keys if is_file(inside(root, key)))
    return target._replace(key=next(there, keys[-1]))


__all__ = ("Suse",)
