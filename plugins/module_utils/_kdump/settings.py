# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a family's configuration says that decides whether its host is ready."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target


class Settings(t.NamedTuple):
    """What a family's configuration says."""

    # The units that must not be masked: the first one loads the capture kernel.
    units: tuple[str, ...]
    # What the kdump initramfs is built from, besides the kernel.
    inputs: tuple[PurePosixPath, ...] = ()
    # An initramfs of the normal kernel with a copy of the kdump initramfs, which is loaded at boot and stays loaded.
    early: PurePosixPath | None = None
    # What is read when the capture kernel is loaded, and what is written then.
    loaded: tuple[PurePosixPath, PurePosixPath] | None = None
    # The setting that keeps the service from loading anything.
    off: str | None = None
    # The setting by which no dump is saved, only its log.
    saves_nothing: str | None = None
    # Names of settings that count here and that only a shell can tell, with the line that sets each.
    not_told: Mapping[str, str] = {}
    # Bytes without which the family deletes a dump that it has just saved.
    keeps_free: int = 0
    # Whether the capture kernel tells a cluster that it dumps: fence_kdump_send. None: the configuration does not tell.
    tells_cluster: bool | None = False
    collector: str = "makedumpfile"
    # Where dumps go: every place that gets one, in this order.
    targets: tuple[Target, ...] = ()
    # What the capture kernel will be given, as far as the configuration tells before it is loaded.
    command_line: str | None = None
    # Whether the family gives its capture kernel panic= in any case.
    panics: bool = False
    # The command that tests it with a crash, and the file that has a word for how the last test ended.
    test: tuple[str, PurePosixPath] | None = None
    # How its operator has an encrypted device opened without anybody at the console, behind a sentence.
    opens_device: str = ""
    # How its operator saves a dump without makedumpfile.
    without_makedumpfile: str = ""


__all__ = ("Settings",)
