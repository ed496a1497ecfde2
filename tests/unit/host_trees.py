# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File trees of hosts, to be read instead of the one the tests run on."""

from __future__ import annotations

import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_DATA = Path(__file__).parent / "data"


class Link(str):
    """Where a symbolic link points to."""


def build(root: Path, tree: Mapping[str, bytes | str | None]) -> Path:
    """Make files below C(root): text, bytes, Link, or None for a directory."""
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        elif isinstance(content, Link):
            path.symlink_to(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.write_bytes(content)
    return root


def unpack(name: str, root: Path) -> Path:
    """Make the tree of a real host from data/<name>.txt, which tells what host it was."""
    tree: dict[str, bytes | str | None] = {}
    for line in (_DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            path, kind, *content = line.split("\t")
            tree[path] = _content(kind, "".join(content))
    return build(root, tree)


def _content(kind: str, content: str) -> bytes | str | None:
    if kind == "hex":
        return bytes.fromhex(content)
    text = content.encode("ascii").decode("unicode_escape")
    return {"text": text, "empty": "", "link": Link(text), "directory": None}[kind]


def config_space(
    *,
    header: int = 0,
    command: int = 0x0406,
    secondary: int = 0,
    capabilities: Mapping[int, bytes] | None = None,
    pointer: int | None = None,
    size: int = 256,
) -> bytes:
    """Compose a configuration space.

    C(capabilities) go to the given offsets as they are, with their own pointers; the list starts at
    C(pointer), or at the first of them.
    """
    space = bytearray(256)
    space[0x00:0x04] = bytes.fromhex("8680d310")
    space[0x04:0x06] = command.to_bytes(2, "little")
    space[0x0E] = header
    if header & 0x7F == 1:
        space[0x19] = secondary
    for offset, capability in (capabilities or {}).items():
        space[offset : offset + len(capability)] = capability
    if pointer is None and capabilities:
        pointer = min(capabilities)
    if pointer is not None:
        space[0x06] |= 0x10
        space[0x14 if header & 0x7F == 2 else 0x34] = pointer
    return bytes(space[:size])


def express(
    port_type: int, *, next_pointer: int = 0, link_capabilities: int = 0, link_status: int = 0x0011
) -> bytes:
    """Compose a PCI Express capability, version 2."""
    return (
        bytes((0x10, next_pointer))
        + (port_type << 4 | 2).to_bytes(2, "little")
        + bytes(8)
        + link_capabilities.to_bytes(4, "little")
        + bytes(2)
        + link_status.to_bytes(2, "little")
    )


def pci_function(
    path: str,
    *,
    ids: str = "8086:10d3",
    pci_class: str = "020000",
    config: bytes | None = None,
    driver: str | None = None,
    **files: str,
) -> dict[str, bytes | str | None]:
    """Describe a function for build(); C(path) is its own, C(pci0000:00/0000:00:02.0/0000:01:00.0)."""
    vendor, _colon, device = ids.partition(":")
    address = path.rpartition("/")[2]
    directory = f"sys/devices/{path}"
    tree: dict[str, bytes | str | None] = {
        f"sys/bus/pci/devices/{address}": Link(f"../../../devices/{path}"),
        f"{directory}/vendor": f"0x{vendor}\n",
        f"{directory}/device": f"0x{device}\n",
        f"{directory}/class": f"0x{pci_class}\n",
        **{f"{directory}/{name}": content for name, content in files.items()},
    }
    if config is not None:
        tree[f"{directory}/config"] = config
    if driver is not None:
        up = "../" * (directory.count("/"))
        tree[f"{directory}/driver"] = Link(f"{up}bus/pci/drivers/{driver}")
    return tree
