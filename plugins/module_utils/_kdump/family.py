# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a family of distributions is: the one interface to its kdump. Nothing else asks which one it is.

A family is a folder in C(families/), with a class that has what is named here, and a row in C(registry.py). Everything
that differs from family to family is read from there: what is installed, edited, captured, and looked for in logs.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import Bootloader
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import ModuleList
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import (
        EditContext,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import Traces


class Config(t.Protocol):
    """How one family is configured. Texts in, texts out."""

    @property
    def paths(self) -> Sequence[PurePosixPath]:
        """Return the files, the one that says where dumps go first."""

    @property
    def program(self) -> PurePosixPath | None:
        """Return the program that knows what the files may have, None without one."""

    @property
    def first_modules(self) -> ModuleList:
        """Return the file that its image has the modules from that are loaded before all others."""

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: EditContext
    ) -> dict[PurePosixPath, str]:
        """Return the files as the options want them."""

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        """Return whether the image has to be rebuilt, and whether the capture kernel has to be loaded again."""


class Captured(t.NamedTuple):
    """What a captured tree has of a family's files, as paths below the root with C(*) for any name in a directory."""

    texts: tuple[str, ...]  # what people write
    present: tuple[str, ...]  # what is there, and how old it is: programs and images
    units: tuple[str, ...]  # links of systemd
    # What the family writes into the dump directory when the capture kernel is loaded, None for nothing.
    record: str | None = None


class Family(t.Protocol):
    """How one family of distributions configures, builds and loads its capture kernel."""

    name: str
    # As a sentence names it, with its distributions.
    title: str
    # Words of ID and ID_LIKE in /etc/os-release, os-release(5).
    distributions: tuple[str, ...]
    service: str
    generator: str
    # The file on the host that puts the reset helper into this family's images.
    hook: PurePosixPath
    # The file that a shell reads whenever the capture kernel is loaded, which can have it loaded with arguments of the
    # reset helper, and with the quiesce stage. None: neither is built for this family.
    quiesce_settings: PurePosixPath | None

    # What of the helper's files a host gets, by their names in C(_helper/layout.py).
    parts: tuple[str, ...]
    # Whether the image saves the dump itself; otherwise it boots the root file system, which does.
    saves_from_image: bool
    captured: Captured
    traces: Traces

    @property
    def configuration(self) -> Config:
        """Return how the family's files are edited."""

    @property
    def bootloaders(self) -> Sequence[Bootloader]:
        """Return what its distributions configure their kernels' command lines with, the first that is there counts."""

    def present(self, root: Path) -> bool:
        """Say whether this family's kdump is installed below C(root)."""

    def config(self, root: Path) -> dict[str, str]:
        """Return the configuration as written."""

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel."""

    def targets(self, texts: Mapping[PurePosixPath, str]) -> list[Target]:
        """Return where the files of C(configuration) have dumps go: all places that get one, in this order."""

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


__all__ = ("Captured", "Config", "Family")
