# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where a host's kdump is configured to save dumps, in the same words for every family."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian import (
    config as debian,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils import (
    config as kdump_utils,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    FILE_SYSTEMS,
    parse_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse import (
    config as suse,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import PurePosixPath

_DIRECTORY = "/var/crash"
_KEY = "/root/.ssh/kdump_id_rsa"


class Target(t.NamedTuple):
    """A dump target; what its type does not have is None."""

    type: str  # local, filesystem, raw, nfs, ssh, or what no test is known for
    path: str  # the directory that gets the dumps: on the host, the server, or the device
    server: str | None = None
    export: str | None = None
    user: str | None = None
    key: str | None = None  # None: those that ssh tries by itself
    device: str | None = None
    fstype: str | None = None


def configured_target(family: str, texts: Mapping[PurePosixPath, str]) -> Target:
    """Return the target that a family's files name."""
    return {"debian": _debian, "kdump-utils": _kdump_utils, "suse": _suse}[family](texts)


def _debian(texts: Mapping[PurePosixPath, str]) -> Target:
    """kdump-config savecore: FTP before SSH, and the local directory without any."""
    values = parse_assignments(texts.get(debian.CONFIG, ""))
    path = values.get("KDUMP_COREDIR") or _DIRECTORY
    if values.get("FTP"):
        return Target("ftp", path, server=values["FTP"].partition(":")[0])
    if values.get("SSH"):
        user, _at, server = values["SSH"].rpartition("@")
        return Target(
            "ssh", path, server=server, user=user or None, key=values.get("SSH_KEY") or _KEY
        )
    if values.get("NFS"):
        server, export = _split_export(values["NFS"])
        # The export is mounted on the directory and gets the dumps.
        return Target("nfs", "/", server=server, export=export)
    return Target("local", path)


def _kdump_utils(texts: Mapping[PurePosixPath, str]) -> Target:
    values = parse_conf(texts.get(kdump_utils.CONFIG, ""))
    path = values.get("path") or _DIRECTORY
    if "ssh" in values:
        user, _at, server = values["ssh"].rpartition("@")
        return Target("ssh", path, server=server, user=user, key=values.get("sshkey") or _KEY)
    if "nfs" in values:
        server, export = _split_export(values["nfs"])
        return Target("nfs", path, server=server, export=export)
    if "raw" in values:
        return Target("raw", "/", device=values["raw"])
    fstype = next((each for each in FILE_SYSTEMS if each in values), None)
    if fstype:
        return Target("filesystem", path, device=values[fstype], fstype=fstype)
    return Target("local", path)


def _suse(texts: Mapping[PurePosixPath, str]) -> Target:
    values = parse_assignments(texts.get(suse.CONFIG, ""))
    url = values.get("KDUMP_SAVEDIR") or _DIRECTORY
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "file":
        return Target("local", rest if separator else url)
    authority, _slash, path = rest.partition("/")
    user, _at, server = authority.rpartition("@")
    if scheme == "nfs":
        return Target("nfs", "/", server=server, export=f"/{path}")
    if scheme == "ssh":
        name = (values.get("KDUMP_SSH_IDENTITY") or "").split()
        return Target("ssh", f"/{path}", server=server, user=user.partition(":")[0] or None,
                      key=f"/root/.ssh/{name[0]}" if name else None)  # fmt: skip
    return Target(scheme, f"/{path}", server=server)


def _split_export(value: str) -> tuple[str, str]:
    """Return server and directory of C(host:/export), C([2001:db8::1]:/export)."""
    server, _colon, export = value.partition(":/")
    return server, f"/{export}"


__all__ = ("Target", "configured_target")
