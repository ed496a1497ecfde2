# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""crashkernel= with update-grub."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Default,
    LoaderEdit,
    arguments_of,
    default_of,
    next_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence


class UpdateGrub:
    """Debian and Ubuntu: drop-ins in /etc/default/grub.d, update-grub."""

    name = "GRUB with update-grub"
    title = "update-grub (Debian, Ubuntu)"
    systemd_boot = False

    command = PurePosixPath("/usr/sbin/update-grub")
    directory = PurePosixPath("/etc/default/grub.d")
    config = PurePosixPath("/boot/grub/grub.cfg")
    # Behind kdump-tools.cfg, the package's own.
    drop_in = directory / "zz-vmcore-kdump.cfg"
    package = directory / "kdump-tools.cfg"

    def present(self, root: Path) -> bool:
        return is_file(inside(root, self.command)) and is_file(inside(root, self.config))

    def configured(self, host: BootHost) -> list[list[str]]:
        return [next_words(host.root, self.config)]

    def default(self, host: BootHost) -> Default | None:
        """Return what the package's drop-in says: C(... crashkernel=512M-:192M")."""
        text = read_text(inside(host.root, self.package)) or ""
        words = re.findall(r"crashkernel=([^\s\"']+)", text)
        return default_of(words[-1:], host.memory, f"{self.package}")

    def reset_by_updates(
        self, host: BootHost, words: Sequence[str], default: Default | None
    ) -> bool:
        del host, words, default  # its drop-in is read each time that update-grub runs
        return False

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> LoaderEdit:
        """Return a drop-in that takes away every other crashkernel=: without suffix one hides a C(,high)."""
        del host, default
        commands = [[self.command.name]]
        if not words:
            return LoaderEdit(commands, self.drop_in, None)
        lines = [
            "# Set by the Ansible module vmcore.kdump.crashkernel, which replaces this file. It takes the place of",
            "# every other crashkernel= in /etc/default/grub and /etc/default/grub.d.",
            *(
                f"{variable}=$(printf '%s' \"${variable}\" | sed -E 's/(^|[[:space:]])crashkernel=[^[:space:]]*//g')"
                for variable in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
            ),
            f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT {arguments_of(words)}"',
        ]
        return LoaderEdit(commands, self.drop_in, "\n".join([*lines, ""]).encode())


__all__ = ("UpdateGrub",)
