# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""File trees of hosts, to be read instead of the one the tests run on."""

from __future__ import annotations

import os
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
    build(root, tree)
    # All of one age: which was written last says nothing about the host.
    for path in tree:
        os.utime(root / path, (0, 0), follow_symlinks=False)
    return root


def pack(root: Path) -> str:
    """Describe a tree, such as playbooks/capture.yml makes, in the format that unpack() reads."""
    lines = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            lines.append(f"{name}\tlink\t{_escaped(str(path.readlink()))}")
        elif path.is_file():
            lines.append(f"{name}\t{_described(path.read_bytes())}")
        elif not any(path.iterdir()):
            lines.append(f"{name}\tdirectory")
    return "\n".join(lines) + "\n"


def _described(content: bytes) -> str:
    if not content:
        return "empty"
    if content.isascii() and b"\0" not in content:
        return f"text\t{_escaped(content.decode('ascii'))}"
    digits = content.rstrip(b"\0")
    zeros = len(content) - len(digits)
    return f"hex\t{digits.hex()}" + (f"+{zeros}" if zeros else "")


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def _content(kind: str, content: str) -> bytes | str | None:
    if kind == "hex":
        # "8680d310+4092": four bytes, and 4092 zeros.
        digits, _plus, zeros = content.partition("+")
        return bytes.fromhex(digits) + bytes(int(zeros or 0))
    text = content.encode("ascii").decode("unicode_escape")
    return {"text": text, "empty": "", "link": Link(text), "directory": None}[kind]


def config_space(
    *,
    header: int = 0,
    command: int = 0x0406,
    secondary: int = 0,
    capabilities: Mapping[int, bytes] | None = None,
    extended: Mapping[int, bytes] | None = None,
    pointer: int | None = None,
    size: int = 256,
) -> bytes:
    """Compose a configuration space, which has 4096 bytes if C(extended) is given.

    C(capabilities) and C(extended) ones go to the given offsets as they are, with their own pointers;
    the list starts at C(pointer), or at the first of them.
    """
    space = bytearray(4096)
    space[0x00:0x04] = bytes.fromhex("8680d310")
    space[0x04:0x06] = command.to_bytes(2, "little")
    space[0x0E] = header
    if header & 0x7F == 1:
        space[0x19] = secondary
    for offset, capability in {**(capabilities or {}), **(extended or {})}.items():
        space[offset : offset + len(capability)] = capability
    if pointer is None and capabilities:
        pointer = min(capabilities)
    if pointer is not None:
        space[0x06] |= 0x10
        space[0x14 if header & 0x7F == 2 else 0x34] = pointer
    return bytes(space[: size if extended is None else 4096])


def express(
    port_type: int,
    *,
    next_pointer: int = 0,
    device_capabilities: int = 0,
    device_control: int = 0,
    device_status: int = 0,
    link_capabilities: int = 0,
    link_status: int = 0x0011,
    slot_capabilities: int | None = None,
    slot_status: int = 0,
) -> bytes:
    """Compose a PCI Express capability, version 2, with a slot if it is given capabilities."""
    slot = slot_capabilities is not None
    return bytes((0x10, next_pointer)) + b"".join(
        value.to_bytes(size, "little")
        for value, size in (
            (slot << 8 | port_type << 4 | 2, 2),
            (device_capabilities, 4),
            (device_control, 2),
            (device_status, 2),
            (link_capabilities, 4),
            (0, 2),
            (link_status, 2),
            *(((slot_capabilities or 0, 4), (0, 2), (slot_status, 2)) if slot else ()),
        )
    )


def extended_capability(identifier: int, body: bytes = b"", *, next_pointer: int = 0) -> bytes:
    """Compose an extended capability, version 1."""
    return (next_pointer << 20 | 1 << 16 | identifier).to_bytes(4, "little") + body


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
