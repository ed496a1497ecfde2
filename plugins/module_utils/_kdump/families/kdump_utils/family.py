# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump-utils, the kdump of Fedora and Red Hat Enterprise Linux."""

from __future__ import annotations

import os
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import DRACUT_HOOK
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.dracut import (
    facts_of,
    sysconfig,
    without,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    parse_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import (
    Server,
    Settings,
    host_and_path,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

CONFIG = PurePosixPath("/etc/kdump.conf")
COMMAND = PurePosixPath("/usr/bin/kdumpctl")

_DEFAULT_PATH = "/var/crash"

# kdump.conf(5): where dumps go. A file system is named by its type, the value is its device; path is
# then below its root.
_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "minix", "virtiofs"})
_REMOTE_TARGETS = frozenset({"nfs", "ssh", "raw"})

_DEFAULT_KEY = "/root/.ssh/kdump_id_rsa"

# kdump-lib.sh, prepare_cmdline(): what never gets into the capture kernel.
_REMOVED = ("crashkernel", "panic_on_warn", "root", "rd.lvm.lv", "rd.luks.uuid", "BOOT_IMAGE")


class KdumpUtils:
    """kdump-utils: /etc/kdump.conf, kdumpctl, dracut."""

    name = "kdump-utils"
    service = "kdump.service"
    generator = "dracut"
    hook = DRACUT_HOOK
    quiesce_settings: PurePosixPath | None = None

    def present(self, root: Path) -> bool:
        """Say whether kdump-utils is installed."""
        return all(is_file(inside(root, path)) for path in (CONFIG, COMMAND))

    def config(self, root: Path) -> dict[str, str]:
        """Return /etc/kdump.conf, one C(key value) a line; the last one of a key wins."""
        return parse_conf(read_text(inside(root, CONFIG)) or "")

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel: the one that kdumpctl builds and loads.

        kdump-lib.sh, prepare_kdump_bootinfo(): beside the normal initramfs, and in /var/lib/kdump where
        there is none or /boot cannot be written.
        """
        boot, own = self._images(root, kernel)
        normal = inside(root, boot.with_name(boot.name.replace("kdump.img", ".img")))
        return boot if exists(normal) and os.access(normal.parent, os.W_OK) else own

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory below which one directory a dump is made, on the dump's file system."""
        return PurePosixPath(self.config(root).get("path") or _DEFAULT_PATH)

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs of the running kernel again."""
        del root, kernel  # kdumpctl takes it from its configuration
        return [["kdumpctl", "rebuild"]]

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the present kdump initramfs in place of what is loaded."""
        return [["kdumpctl", "restart"]]

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return the image, which kdumpctl builds again when /etc/kdump.conf is newer."""
        return self.image(root, kernel)

    def settings(self, root: Path) -> Settings:
        """Return what /etc/kdump.conf says that decides whether the host is ready."""
        config = self.config(root)
        server = None
        if "nfs" in config:
            host, _path = host_and_path(config["nfs"])
            server = Server(host, 2049, PurePosixPath("/sbin/mount.nfs"))
        elif "ssh" in config:
            host = config["ssh"].rpartition("@")[2]
            key = PurePosixPath(config.get("sshkey") or _DEFAULT_KEY)
            server = Server(host, 22, PurePosixPath("/usr/bin/ssh"), key)
        collector = config.get("core_collector", "makedumpfile").split()[:1]
        return Settings(
            units=(self.service,),
            # kdumpctl, check_files_modified(), unless it is told not to look.
            inputs=() if config.get("force_no_rebuild") == "1" else (CONFIG,),
            collector=(collector or ["makedumpfile"])[0],
            server=server,
            device=next((config[key] for key in sorted(_FILE_SYSTEMS & config.keys())), None),
            without_makedumpfile=f"set 'core_collector cp' in {CONFIG}, and run 'kdumpctl restart': the dump is then"
            " all of the memory",
        )

    def loaded(self, root: Path) -> list[str]:
        """Return nothing: this family keeps no record of what it loaded."""
        del root
        return []

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the kdump facts, shaped as in C(base_facts)."""
        return facts_of(
            self,
            root,
            kernel,
            images=[self.image(root, kernel), *self._images(root, kernel)],
            kernels=[PurePosixPath(f"/boot/vmlinuz-{kernel}")],
            target=self._target(root),
            capture_command_line=self._capture_command_line(root),
        )

    def _images(self, root: Path, kernel: str) -> tuple[PurePosixPath, PurePosixPath]:
        version = sysconfig(root).get("KDUMP_KERNELVER") or kernel
        name = f"initramfs-{version}kdump.img"
        return PurePosixPath("/boot") / name, PurePosixPath("/var/lib/kdump") / name

    def _target(self, root: Path) -> str:
        keys = self.config(root).keys()
        remote = sorted(_REMOTE_TARGETS & keys)
        if remote:
            return remote[0]
        return "filesystem" if _FILE_SYSTEMS & keys else "local"

    def _capture_command_line(self, root: Path) -> str:
        """Return what kdump-lib.sh, prepare_cmdline() makes of /etc/sysconfig/kdump.

        Without what it finds out by itself: disable_cpu_apicid= and what the architecture needs.
        """
        config = sysconfig(root)
        line = config.get("KDUMP_COMMANDLINE") or read_text(root / "proc/cmdline") or ""
        removed = [*_REMOVED, *config.get("KDUMP_COMMANDLINE_REMOVE", "").split()]
        return " ".join(
            [*without(line, removed), *config.get("KDUMP_COMMANDLINE_APPEND", "").split()]
        )


__all__ = ("KdumpUtils",)
