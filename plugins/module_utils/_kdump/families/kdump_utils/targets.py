# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where kdump-utils saves to."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    FILE_SYSTEMS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target, split_host

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

_MOUNT = re.compile(r"""--mount[ =]["']?([^"']+)""")

# kdump.conf(5)
DIRECTORY = "/var/crash"
KEY = "/root/.ssh/kdump_id_rsa"


def targets(values: Mapping[str, str]) -> list[Target]:
    """Return the target that the options of kdump.conf name; kdumpctl refuses a file with two.

    A file system is named by its type, the value is its device; C(path) is then below its root.
    """
    path = values.get("path") or DIRECTORY
    if "ssh" in values:
        user, _at, server = values["ssh"].rpartition("@")
        return [Target("ssh", path, server=server, user=user, key=values.get("sshkey") or KEY)]
    if "nfs" in values:
        server, export = split_host(values["nfs"])
        return [Target("nfs", path, server=server, export=export)]
    if "raw" in values:
        return [Target("raw", "/", device=values["raw"])]
    fstype = next((each for each in FILE_SYSTEMS if each in values), None)
    if fstype:
        return [Target("filesystem", path, device=values[fstype], fstype=fstype)]
    mount = _MOUNT.search(values.get("dracut_args", ""))
    if mount:
        words = [*mount[1].split(), "", "", ""]
        return [_mounted(path, device=words[0], fstype=words[2])]
    return [Target("local", path)]


def _mounted(path: str, *, device: str, fstype: str) -> Target:
    """kdump-lib.sh, get_dracut_args_target(): C(--mount "device place type options"); dumps go below path there."""
    if fstype.startswith("nfs"):
        server, export = split_host(device)
        return Target("nfs", path, server=server, export=export)
    return Target("filesystem", path, device=device, fstype=fstype or None)


__all__ = ("DIRECTORY", "KEY", "targets")
