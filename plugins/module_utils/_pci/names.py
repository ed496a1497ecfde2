# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Names of PCI vendors and devices, from the pci.ids that the host has."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    read_bytes,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable
    from pathlib import Path

# Debian and SUSE, Fedora and its kin.
FILES = (PurePosixPath("/usr/share/misc/pci.ids"), PurePosixPath("/usr/share/hwdata/pci.ids"))
# The file has 1.5 MiB; something else in its place is not read for ever.
_LIMIT = 16 << 20
# What comes behind the vendors: "C 00  Unclassified device"
_CLASSES = b"C "


def device_names(
    root: Path, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str] | None:
    """Return a name for each pair of vendor and device identifiers; None if the host has no pci.ids.

    A known vendor's unknown device is called C(Intel Corporation Device 0d57), as lspci does. A
    device of an unknown vendor has no name.
    """
    content = _content(root)
    if content is None:
        return None
    pairs = set(wanted)
    found = _read(content, pairs)
    names = {}
    for vendor, device in pairs:
        if (vendor, "") in found:
            name = found.get((vendor, device), f"Device {device}")
            names[vendor, device] = f"{found[vendor, '']} {name}"
    return names


def _content(root: Path) -> bytes | None:
    for file in FILES:
        path = resolve(root, file)
        content = None if path is None else read_bytes(inside(root, path), _LIMIT)
        if content is not None:
            return content
    return None


def _read(content: bytes, pairs: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Go through the lines once and keep what is asked for; a vendor's own name has the device "".

    8086  Intel Corporation
    <tab>10d3  82574L Gigabit Network Connection
    <tab><tab>103c 1785  NC112i 1-port Ethernet Server Adapter
    """
    wanted: dict[bytes, set[bytes]] = {}
    for vendor, device in pairs:
        wanted.setdefault(vendor.encode(), set()).add(device.encode())
    found: dict[tuple[str, str], str] = {}
    current = ""
    devices: set[bytes] | None = None
    for line in content.splitlines():
        if line[:1] == b"\t":
            if devices and line[1:5] in devices and line[5:7] == b"  ":
                found.setdefault((current, line[1:5].decode()), _text(line[7:]))
        elif line[4:6] == b"  ":
            devices = wanted.get(line[:4])
            if devices:
                current = line[:4].decode()
                found.setdefault((current, ""), _text(line[6:]))
        elif line[:2] == _CLASSES:
            break
    return found


def _text(name: bytes) -> str:
    return name.decode("utf-8", errors="replace").strip()


__all__ = ("FILES", "device_names")
