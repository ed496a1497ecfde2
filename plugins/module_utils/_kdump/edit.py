# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""One edit of a host's kdump configuration: what the files become, and what has to follow."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import (
    Host,
    require_sound,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.config import (
    DebianConfig,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.config import (
    KdumpUtilsConfig,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.config import (
    SuseConfig,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath


class Config(t.Protocol):
    """How one family is configured. Texts in, texts out."""

    @property
    def paths(self) -> Sequence[PurePosixPath]:
        """Return the files, the one that says where dumps go first."""

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: Host
    ) -> dict[PurePosixPath, str]:
        """Return the files as the options want them."""

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        """Return whether the image has to be rebuilt, and whether the capture kernel has to be loaded again."""


CONFIGS: dict[str, Config] = {
    "debian": DebianConfig(),
    "kdump-utils": KdumpUtilsConfig(),
    "suse": SuseConfig(),
}


class Edit(t.NamedTuple):
    """The files of a family before and after; one that does not exist is empty."""

    before: dict[PurePosixPath, str]
    after: dict[PurePosixPath, str]
    rebuild: bool
    rearm: bool

    @property
    def changed(self) -> list[PurePosixPath]:
        """Return the files that are to be written."""
        return [path for path in self.before if self.before[path] != self.after[path]]


def edit(
    family: str,
    texts: Mapping[PurePosixPath, str],
    options: Mapping[str, t.Any],
    host: Host,
) -> Edit:
    """Return what the options make of a family's files. An option that is missing or None is left as it is.

    Raises KdumpError for a value that cannot be, for what this family does not have, and for files
    that the family itself would refuse.
    """
    config = CONFIGS[family]
    before = {path: texts.get(path, "") for path in config.paths}
    require_sound(options, host)
    after = config.edit(before, options, host)
    again = config.edit(after, options, host)
    if again != after:
        raise KdumpError(
            "These options contradict each other, each run would change the files again: look at what is appended and"
            " removed."
        )
    rebuild, rearm = config.follows(before, after)
    return Edit(before, after, rebuild, rearm)


__all__ = ("CONFIGS", "Config", "Edit", "edit")
