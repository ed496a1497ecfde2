# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where kdump-tools saves to."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target, split_host

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

# What kdump-config takes when the configuration leaves it out or empty.
DIRECTORY = "/var/crash"
KEY = "/root/.ssh/kdump_id_rsa"


def targets(values: Mapping[str, str]) -> list[Target]:
    """Return where the settings have dumps go.

    kdump-config, savecore: FTP if it is set, then SSH if it is set, then NFS if it is set; the directory on the host
    without any of them. Each that is set gets a dump.
    """
    path = values.get("KDUMP_COREDIR") or DIRECTORY
    found = []
    if values.get("FTP"):
        # kdump_save_core_to_ftp(): without a colon the root of the server.
        server, directory = split_host(values["FTP"])
        found.append(
            Target(
                "ftp",
                directory or "/",
                server=server,
                user=values.get("FTP_USER") or None,
                port=_port(values.get("FTP_PORT")),
            )
        )
    if values.get("SSH"):
        user, _at, server = values["SSH"].rpartition("@")
        key = values.get("SSH_KEY") or KEY
        found.append(Target("ssh", path, server=server, user=user or None, key=key))
    if values.get("NFS"):
        server, export = split_host(values["NFS"])
        # The export is mounted on the directory and gets the dumps.
        found.append(Target("nfs", "/", server=server, export=export))
    return found or [Target("local", path)]


def _port(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


__all__ = ("DIRECTORY", "KEY", "targets")
