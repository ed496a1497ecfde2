# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a capture kernel needs for UEFI variables to keep its last lines: an argument, and a module that comes early.

Every other backend of pstore is built into the kernel and takes nothing. A module is there only where the image has it
and loads it before the death, so it goes to where the family's image has modules from that are loaded first.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.pstore import EFI

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Pstore

NONE, PSTORE = "none", "pstore"

# drivers/firmware/efi/efi-pstore.c: CONFIG_EFI_VARS_PSTORE_DEFAULT_DISABLE, as Fedora and SUSE build it.
_PARAMETER = "efi_pstore.pstore_disable"
ARGUMENT = f"{_PARAMETER}=0"

_MARK = "# vmcore.kdump, capture_log: keeps the log of a capture kernel that dies"
_OURS = re.compile(rf"^{re.escape(_MARK)}\n{EFI}\n?", re.MULTILINE)
_LISTED = re.compile(rf"^\s*{EFI}\b", re.MULTILINE)


class ModuleList(t.NamedTuple):
    """The file that an image has its first modules from."""

    path: PurePosixPath
    # The whole file is ours; otherwise it is the administrator's, and a line of it is.
    own: bool

    def with_module(self, text: str) -> str:
        """Return the file with the module."""
        if self.own:
            # dracut.conf(5): added to the image, and loaded before udev loads others.
            return f'{_MARK}\nforce_drivers+=" {EFI} "\n'
        if _LISTED.search(text):
            return text
        ended = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{ended}{_MARK}\n{EFI}\n"

    def without_module(self, text: str) -> str:
        """Return the file as it was before; nothing is left of one that is ours."""
        return "" if self.own else _OURS.sub("", text)


# initramfs-tools(7): modules that are loaded at boot, a line each, in this order, before the scripts of init-premount.
# A comment has a line of its own: what stands behind a name are arguments.
INITRAMFS_TOOLS = ModuleList(PurePosixPath("/etc/initramfs-tools/modules"), own=False)
DRACUT = ModuleList(PurePosixPath("/etc/dracut.conf.d/90-vmcore-kdump-capture-log.conf"), own=True)


class CaptureLog(t.NamedTuple):
    """What is wanted of the capture kernel's log."""

    wanted: str | None  # NONE, PSTORE; None: it stays as it is
    store: Pstore | None

    @property
    def is_set_up(self) -> bool:
        """Whether an argument is needed."""
        return self.wanted == PSTORE and self.store is not None and self.store["capture"] == EFI

    @property
    def needs_module(self) -> bool:
        """Whether a module is needed."""
        efi = self.store["efi"] if self.store else None
        return self.is_set_up and efi is not None and efi["driver"] == "module"

    def options(self, given: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the options in the families' words: an argument more, or the argument dropped where it was added."""
        if self.is_set_up:
            append = [*(given.get("command_line_append") or ()), ARGUMENT]
            return {**given, "command_line_append": append}
        if self.wanted == NONE:
            return {**given, "command_line_drop": [_PARAMETER]}
        return {name: value for name, value in given.items() if name != "capture_log"}

    def modules(self, before: str, modules: ModuleList) -> str:
        """Return the list of modules."""
        if self.wanted == NONE:
            return modules.without_module(before)
        return modules.with_module(before) if self.needs_module else before


__all__ = ("ARGUMENT", "DRACUT", "INITRAMFS_TOOLS", "NONE", "PSTORE", "CaptureLog", "ModuleList")
