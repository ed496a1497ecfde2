# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a family's configuration says that decides whether its host is ready."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import PurePosixPath


class Server(t.NamedTuple):
    """Where a dump goes that leaves the host."""

    host: str
    port: int
    client: PurePosixPath | None = None  # the program that it takes
    key: PurePosixPath | None = None  # and the private key


class Settings(t.NamedTuple):
    """What a family's configuration says."""

    # The units that must not be masked: the first one loads the capture kernel.
    units: tuple[str, ...]
    # What the kdump initramfs is built from, besides the kernel.
    inputs: tuple[PurePosixPath, ...] = ()
    # What is read when the capture kernel is loaded, and what is written then.
    loaded: tuple[PurePosixPath, PurePosixPath] | None = None
    # The setting that keeps the service from loading anything.
    off: str | None = None
    collector: str = "makedumpfile"
    server: Server | None = None
    # A device that must be mounted because dumps go to it.
    device: str | None = None
    # What the capture kernel will be given, as far as the configuration tells before it is loaded.
    command_line: str | None = None
    # Whether the family gives its capture kernel panic= in any case.
    panics: bool = False
    # How its operator saves a dump without makedumpfile.
    without_makedumpfile: str = ""


def host_and_path(text: str) -> tuple[str, str]:
    """Return host and path of C(user@host:/path), C([2001:db8::1]:/path) and C(host), without the user."""
    host, _colon, path = text.partition(":")
    at = text.rpartition("@")[2]
    if at.startswith("["):
        host, _bracket, path = at[1:].partition("]")
        path = path.lstrip(":")
    return host.rpartition("@")[2], path


__all__ = ("Server", "Settings", "host_and_path")
