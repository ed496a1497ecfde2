# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""One edit of a host's kdump configuration: what the files become, and what has to follow."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import (
    CaptureLog,
    ModuleList,
)
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
    # The file that an image has its first modules from, where it counts.
    modules: ModuleList | None = None

    def removes(self, path: PurePosixPath) -> bool:
        """Say whether a file without content is none: it is wholly ours."""
        return self.modules is not None and self.modules.own and path == self.modules.path

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
    log = CaptureLog(options.get("capture_log"), host.store)
    wanted = log.options(options)
    before = {path: texts.get(path, "") for path in config.paths}
    require_sound(wanted, host)
    after = config.edit(before, wanted, host)
    again = config.edit(after, wanted, host)
    if again != after:
        raise KdumpError(
            "These options contradict each other, each run would change the files again: look at what is appended and"
            " removed."
        )
    rebuild, rearm = config.follows(before, after)
    if log.wanted is None:
        return Edit(before, after, rebuild, rearm)
    modules = config.first_modules
    listed = texts.get(modules.path, "")
    named = log.modules(listed, modules)
    return Edit(
        {**before, modules.path: listed},
        {**after, modules.path: named},
        rebuild or named != listed,
        rearm or named != listed,
        modules,
    )


def files_of(config: Config, options: Mapping[str, t.Any]) -> list[PurePosixPath]:
    """Return the files that edit() needs, the one that says where dumps go first."""
    modules = [config.first_modules.path] if options.get("capture_log") else []
    return [*config.paths, *modules]


__all__ = ("Edit", "edit", "files_of")
