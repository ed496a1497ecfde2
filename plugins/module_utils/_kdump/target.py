# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where dumps go: the one shape that every family's files are read into, see C(targets()) of a family."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath


class Target(t.NamedTuple):
    """A dump target; what its type does not have is None."""

    type: str  # local, filesystem, raw, nfs, ssh, or what no test is known for: ftp, sftp, cifs
    path: str  # the directory that gets the dumps: on the host, the server, or the device
    server: str | None = None  # a name or an address, of IPv6 without brackets
    export: str | None = None
    user: str | None = None
    key: str | None = None  # None: those that ssh tries by itself
    device: str | None = None
    fstype: str | None = None
    port: int | None = None  # None: the usual one

    @property
    def url(self) -> str:
        """Return the target as a sentence names it."""
        return f"{self.type}://{self.server}" if self.server else self.path

    @property
    def share(self) -> str:
        """Return what nfs(5) mounts: C(server:/export), C([2001:db8::1]:/export)."""
        return f"{bracketed(self.server or '')}:{self.export}"


class Server(t.NamedTuple):
    """What it takes to reach the server of a target."""

    host: str
    port: int
    client: PurePosixPath | None = None  # the program that it takes
    key: PurePosixPath | None = None  # and the private key


# By the type of the target: the port of the server, and the program that it takes.
_SERVERS: dict[str, tuple[int, str | None]] = {
    "nfs": (2049, "/sbin/mount.nfs"),
    "cifs": (445, "/sbin/mount.cifs"),
    "ssh": (22, "/usr/bin/ssh"),
    "sftp": (22, "/usr/bin/ssh"),
    "ftp": (21, None),
}


def server_of(target: Target) -> Server | None:
    """Return how a target's server is reached, None for a target on the host."""
    if target.server is None or target.type not in _SERVERS:
        return None
    port, client = _SERVERS[target.type]
    return Server(
        target.server,
        target.port or port,
        PurePosixPath(client) if client else None,
        PurePosixPath(target.key) if target.key else None,
    )


def split_host(text: str) -> tuple[str, str]:
    """Return the host, and what is behind its colon, of C(host:/path), C(host:22), C([2001:db8::1]:/path).

    An address of IPv6 without brackets has nothing behind it, unless that is a path.
    """
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else ""
    if text.count(":") > 1:
        host, slash, rest = text.partition(":/")
        return host, slash[1:] + rest
    host, _colon, rest = text.partition(":")
    return host, rest


def bare(host: str) -> str:
    """Return a host as it is written where nothing follows it: an address of IPv6 has no brackets."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bracketed(host: str) -> str:
    """Return a host as it is written where something follows it behind a colon."""
    host = bare(host)
    return f"[{host}]" if ":" in host else host


__all__ = ("Server", "Target", "bare", "bracketed", "server_of", "split_host")
