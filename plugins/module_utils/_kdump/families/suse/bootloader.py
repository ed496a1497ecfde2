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

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Default,
    Edit,
    arguments_of,
    next_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    MIB,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence


class Kdumptool:
    """SUSE: KDUMP_CRASHKERNEL in /etc/sysconfig/kdump, kdumptool commandline."""

    name = "GRUB with kdumptool"
    title = "kdumptool with GRUB (SUSE)"

    command = PurePosixPath("/usr/sbin/kdumptool")
    settings = PurePosixPath("/etc/sysconfig/kdump")
    bootloader = PurePosixPath("/etc/sysconfig/bootloader")
    config = PurePosixPath("/boot/grub2/grub.cfg")

    def present(self, root: Path) -> bool:
        loader = parse_assignments(read_text(inside(root, self.bootloader)) or "").get(
            "LOADER_TYPE"
        )
        return (
            # A script since version 2; before, it could not change the command line.
            b"commandline" in (read_bytes(inside(root, self.command)) or b"")
            and is_file(inside(root, self.settings))
            and is_file(inside(root, self.config))
            and loader in (None, "", "grub2", "grub2-efi")
        )

    def configured(self, host: BootHost) -> list[list[str]]:
        return [next_words(host.root, self.config)]

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

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> Edit:
        if not words:
            return Edit([["kdumptool", "commandline", "-d"]])
        # With 'auto' it calibrates again whenever it is asked.
        automatic = default is not None and list(words) == default.words
        value = "auto" if automatic else arguments_of(words)
        before = (read_bytes(inside(host.root, self.settings)) or b"").decode(
            "utf-8", "surrogateescape"
        )
        after = assign(before, {"KDUMP_CRASHKERNEL": value}, str(self.settings))
        return Edit(
            [["kdumptool", "commandline", "-u"]],
            self.settings,
            after.encode("utf-8", "surrogateescape"),
        )


__all__ = ("Kdumptool",)
