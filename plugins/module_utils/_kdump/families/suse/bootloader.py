# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""crashkernel= with kdumptool."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bls import next_options
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Default,
    LoaderEdit,
    arguments_of,
    next_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    MIB,
    crashkernel_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import service_enabled
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence


_GRUB = ("", "grub2", "grub2-efi")
# Each kernel has an entry of the Boot Loader Specification.
_ENTRIES = ("grub2-bls", "systemd-boot")
_SERVICE = "kdump-commandline.service"


class Kdumptool:
    """SUSE: KDUMP_CRASHKERNEL in /etc/sysconfig/kdump, kdumptool commandline."""

    name = "kdumptool"
    title = "kdumptool (SUSE)"
    systemd_boot = True  # with sdbootutil, which pbl calls

    command = PurePosixPath("/usr/sbin/kdumptool")
    settings = PurePosixPath("/etc/sysconfig/kdump")
    bootloader = PurePosixPath("/etc/sysconfig/bootloader")
    config = PurePosixPath("/boot/grub2/grub.cfg")
    command_line = PurePosixPath("/etc/kernel/cmdline")

    def present(self, root: Path) -> bool:
        # A script since version 2; before, it could not change the command line.
        scripted = b"commandline" in (read_bytes(inside(root, self.command)) or b"")
        loader = self._loader(root)
        grub = loader in _GRUB and is_file(inside(root, self.config))
        return scripted and is_file(inside(root, self.settings)) and (grub or loader in _ENTRIES)

    def configured(self, host: BootHost) -> list[list[str]]:
        """Return what is booted next, what entries of new kernels get, and what the service puts back at boot."""
        kept = self._kept(host)
        return [*self._menu(host.root), *([] if kept is None else [kept])]

    def _menu(self, root: Path) -> list[list[str]]:
        if self._loader(root) not in _ENTRIES:
            return [next_words(root, self.config)]
        new = read_text(inside(root, self.command_line))
        return [
            crashkernel_words(next_options(root)),
            *([] if new is None else [crashkernel_words(new.split())]),
        ]

    def _loader(self, root: Path) -> str:
        settings = parse_assignments(read_text(inside(root, self.bootloader)) or "")
        return settings.get("LOADER_TYPE", "")

    def _kept(self, host: BootHost) -> list[str] | None:
        """Return what kdump-commandline.service has the next boot but one with: kdumptool commandline -c -U."""
        values = parse_assignments(read_text(inside(host.root, self.settings)) or "")
        update = values.get("KDUMP_UPDATE_BOOTLOADER") or "true"
        if not service_enabled(host.root, _SERVICE) or update != "true":
            return None
        named = (values.get("KDUMP_CRASHKERNEL") or "auto").split()
        if named == ["auto"]:
            default = self.default(host)
            return None if default is None else default.words
        return crashkernel_words(named)

    def default(self, host: BootHost) -> Default | None:
        """Return what C(kdumptool calibrate) says, in MiB a line: C(Low: 72), C(High: 256)."""
        status, output = host.run(["kdumptool", "calibrate"])
        found = dict(re.findall(r"^(Low|High):\s*(\d+)$", output, re.MULTILINE))
        if status != 0 or set(found) != {"Low", "High"}:
            return None
        low, high = int(found["Low"]), int(found["High"])
        pair = [f"{low}M,low"] * bool(low) + [f"{high}M,high"]
        words = pair if high else [f"{low}M"]
        return Default(words, (low + high) * MIB, "'kdumptool calibrate'")

    def reset_by_updates(
        self, host: BootHost, words: Sequence[str], default: Default | None
    ) -> bool:
        del host, words, default  # what is put back at boot is among what is configured
        return False

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> LoaderEdit:
        if not words:
            removal = [["kdumptool", "commandline", "-d"]]
            if self._kept(host) is None:
                return LoaderEdit(removal)
            return LoaderEdit(
                removal, self.settings, self._with(host, "KDUMP_UPDATE_BOOTLOADER", "false")
            )
        # With 'auto' it calibrates again whenever it is asked.
        automatic = default is not None and list(words) == default.words
        value = "auto" if automatic else arguments_of(words)
        content = self._with(host, "KDUMP_CRASHKERNEL", value)
        return LoaderEdit([["kdumptool", "commandline", "-u"]], self.settings, content)

    def _with(self, host: BootHost, name: str, value: str) -> bytes:
        before = (read_bytes(inside(host.root, self.settings)) or b"").decode(
            "utf-8", "surrogateescape"
        )
        after = assign(before, {name: value}, str(self.settings))
        return after.encode("utf-8", "surrogateescape")


__all__ = ("Kdumptool",)
