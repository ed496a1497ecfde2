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
    EditContext,
    require_sound,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Config


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
    config: Config,
    texts: Mapping[PurePosixPath, str],
    options: Mapping[str, t.Any],
    host: EditContext,
) -> Edit:
    """Return what the options make of a family's files. An option that is missing or None is left as it is.

    Raises KdumpError for a value that cannot be, for what this family does not have, and for files
    that the family itself would refuse.
    """
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


__all__ = ("Edit", "edit")
