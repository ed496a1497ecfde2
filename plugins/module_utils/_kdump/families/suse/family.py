# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump, the package of SUSE Linux Enterprise and openSUSE."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import DRACUT_HOOK
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.dracut import (
    SYSCONFIG,
    facts_of,
    sysconfig,
    without,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import (
    Server,
    Settings,
    host_and_path,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    modified,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

COMMAND = PurePosixPath("/usr/sbin/mkdumprd")
IMAGES = PurePosixPath("/var/lib/kdump")

# load.sh copies it there whenever it has loaded the capture kernel.
LOADED = PurePosixPath("/run/udev/rules.d/70-kdump.rules")

_DEFAULT_SAVEDIR = "/var/crash"

# By the scheme of KDUMP_SAVEDIR: the port of the server, and the program that it takes.
_SERVERS = {
    "nfs": (2049, "/sbin/mount.nfs"),
    "cifs": (445, "/sbin/mount.cifs"),
    "ssh": (22, "/usr/bin/ssh"),
    "sftp": (22, "/usr/bin/ssh"),
    "ftp": (21, None),
}

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
    service = "kdump.service"
    generator = "dracut"
    hook = DRACUT_HOOK
    quiesce_settings: PurePosixPath | None = None

    def present(self, root: Path) -> bool:
        """Say whether kdump is installed."""
        return all(is_file(inside(root, path)) for path in (SYSCONFIG, COMMAND))

    def config(self, root: Path) -> dict[str, str]:
        """Return the assignments in /etc/sysconfig/kdump; the last one of a name wins."""
        return sysconfig(root)

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs: whatever the kernel, and beside the kernel before version 2."""
        images = (IMAGES / "initrd", PurePosixPath(f"/boot/initrd-{kernel}-kdump"))
        return next((found for path in images if (found := resolve(root, path))), images[0])

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory of KDUMP_SAVEDIR, a path or a URL: file:///var/crash, nfs://host/path."""
        url = self._savedir(root)
        scheme, separator, rest = url.partition("://")
        if not separator:
            return PurePosixPath(url)
        return PurePosixPath(
            "/" + (rest if scheme == "file" else rest.partition("/")[2]).lstrip("/")
        )

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
        raw = config.get("KDUMP_DUMPFORMAT") == "raw"
        return Settings(
            units=(self.service,),
            inputs=(SYSCONFIG,),
            collector="cp" if raw else "makedumpfile",
            server=self._server(root),
            panics=True,  # load.sh appends panic=1
            without_makedumpfile=f"set KDUMP_DUMPFORMAT=raw in {SYSCONFIG}, and run 'systemctl restart {self.service}':"
            " the dump is then all of the memory",
        )

    def _server(self, root: Path) -> Server | None:
        scheme, _separator, rest = self._savedir(root).partition("://")
        if scheme not in _SERVERS:
            return None
        port, client = _SERVERS[scheme]
        host, own_port = host_and_path(rest.partition("/")[0])
        return Server(
            host,
            int(own_port) if own_port.isdecimal() else port,
            PurePosixPath(client) if client else None,
        )

    def loaded(self, root: Path) -> list[str]:
        """Return nothing: this family keeps no record of what it loaded."""
        del root
        return []

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the kdump facts, shaped as in C(base_facts)."""
        scheme, separator, _rest = self._savedir(root).partition("://")
        image = self.image(root, kernel)
        built, loaded = modified(inside(root, image)), modified(inside(root, LOADED))
        return facts_of(
            self,
            root,
            kernel,
            images=[image],
            kernels=[IMAGES / "kernel", PurePosixPath(f"/boot/vmlinuz-{kernel}")],
            target=scheme if separator and scheme != "file" else "local",
            capture_command_line=self._capture_command_line(root),
            stale=built is not None and loaded is not None and built > loaded,
        )

    def _savedir(self, root: Path) -> str:
        """Return the first directory; older versions take several, separated by white space."""
        return next(iter((self.config(root).get("KDUMP_SAVEDIR") or "").split()), _DEFAULT_SAVEDIR)

    def _capture_command_line(self, root: Path) -> str:
        config = self.config(root)
        line = config.get("KDUMP_COMMANDLINE")
        if not line:
            kept = without(read_text(root / "proc/cmdline") or "", _REMOVED)
            line = " ".join([*kept, _ADDED])
        return f"{line} {config.get('KDUMP_COMMANDLINE_APPEND', '')}".strip()


__all__ = ("Suse",)
