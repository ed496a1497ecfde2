# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a family of distributions is: the one interface to its kdump. Nothing else asks which one it is."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path, PurePosixPath

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings


class Family(t.Protocol):
    """How one family of distributions configures, builds and loads its capture kernel."""

    name: str
    service: str
    generator: str
    # The file on the host that puts the reset helper into this family's images.
    hook: PurePosixPath
    # The file that a shell reads whenever the capture kernel is loaded, which can have it loaded with the quiesce
    # stage. None: the stage is not built for this family.
    quiesce_settings: PurePosixPath | None

    def present(self, root: Path) -> bool:
        """Say whether this family's kdump is installed below C(root)."""

    def config(self, root: Path) -> dict[str, str]:
        """Return the configuration as written."""

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel."""

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory that dumps are saved in."""

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs of a kernel again."""

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the capture kernel again."""

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return the file that is written when the configuration is put to use, None without such a file."""

    def settings(self, root: Path) -> Settings:
        """Return what the configuration says that decides whether the host is ready."""

    def loaded(self, root: Path) -> list[str]:
        """Return the words of the command that loaded the capture kernel, as far as it is recorded."""

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the C(kdump) facts of M(vmcore.kdump.platform_facts)."""


__all__ = ("Family",)
