# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The host that is looked at, with what was measured once for all checks."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    MIB,
    Needs,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import (
    Answer,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import (
    Mount,
    mount_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import server_of

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Server, Target

# How long a question to a target may take.
TARGET_SECONDS = 3

Problems = list[dict[str, str]]


class DumpSpace(t.NamedTuple):
    """What the file system of the dump directory says, or why it says nothing."""

    free: int | None = None  # bytes
    reason: str | None = None


class Measures(t.NamedTuple):
    """What several checks compare. It is asked once, before them."""

    needs: Needs
    recommended: int | None  # bytes to reserve
    # What makedumpfile says of the running kernel; None when nobody asked.
    makedumpfile: Answer | None
    expected: int | None  # bytes of a dump before compression
    # Of a directory on a server; None when nobody asked.
    directory: DumpSpace | None
    free: int | None  # bytes in the dump directory


class Look(t.NamedTuple):
    """The host that is looked at."""

    root: Path
    family: Family
    settings: Settings
    facts: Mapping[str, t.Any]
    live: Live | None
    mounts: list[Mount] | None
    measures: Measures

    @property
    def directory(self) -> PurePosixPath:
        return PurePosixPath(self.facts["target"]["path"])

    @property
    def local(self) -> bool:
        return bool(self.facts["target"]["type"] == "local")

    @property
    def mount(self) -> Mount | None:
        return mount_of(self.mounts or (), self.directory)

    @property
    def device(self) -> str | None:
        """The device of a file system that dumps go to by its name."""
        found = (each.device for each in self.settings.targets if each.type == "filesystem")
        return next(found, None)

    @property
    def servers(self) -> list[tuple[Target, Server]]:
        """The targets that are on servers, and how each is reached."""
        reached = ((target, server_of(target)) for target in self.settings.targets)
        return [(target, server) for target, server in reached if server is not None]

    def problem(self, code: str, **words: str) -> Problems:
        kernel = self.facts["kernel_release"]
        return [
            problem(
                code,
                **{
                    "service": self.family.service,
                    "rearm": commands(self.family.rearm_commands()),
                    "rebuild": commands(self.family.rebuild_commands(self.root, kernel)),
                    "image": self.facts["image"]["initramfs"] or "",
                    "directory": str(self.directory),
                    "target": str(self.directory),
                    **words,
                },
            )
        ]


def commands(commands: list[list[str]]) -> str:
    return " && ".join(map(shlex.join, commands))


def in_mib(value: int) -> str:
    return str(value // MIB)


__all__ = ("TARGET_SECONDS", "DumpSpace", "Look", "Measures", "Problems", "in_mib")
