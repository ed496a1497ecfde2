# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where SUSE's kdump saves to."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target, split_host

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

DIRECTORY = "/var/crash"
_KEYS = "/root/.ssh"

# kdump-read-config.sh: the schemes that have another name.
_SCHEMES = {"scp": "sftp", "smb": "cifs"}


def targets(values: Mapping[str, str]) -> list[Target]:
    """Return where KDUMP_SAVEDIR has dumps go: a path, or a URL such as C(ssh://user:password@host:22/path).

    Before version 2 there may be several, with white space between them, each of which gets a dump.
    """
    urls = (values.get("KDUMP_SAVEDIR") or "").split() or [DIRECTORY]
    names = (values.get("KDUMP_SSH_IDENTITY") or "").split()
    return [_target(url, f"{_KEYS}/{names[0]}" if names else None) for url in urls]


def _target(url: str, key: str | None) -> Target:
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme == "file":
        return Target("local", f"/{(rest if separator else url).lstrip('/')}")
    scheme = _SCHEMES.get(scheme, scheme)
    authority, _slash, path = rest.partition("/")
    # kdump-save: the user ends at the first @, and the password begins at the first colon before it.
    before, at, behind = authority.partition("@")
    user = before.partition(":")[0] if at else ""
    server, port = split_host(behind if at else authority)
    target = Target(
        scheme,
        f"/{path}",
        server=server,
        user=user or None,
        port=int(port) if port.isdecimal() else None,
    )
    if scheme == "nfs":
        return target._replace(path="/", export=f"/{path}")
    return target._replace(key=key) if scheme in ("ssh", "sftp") else target


__all__ = ("DIRECTORY", "targets")
