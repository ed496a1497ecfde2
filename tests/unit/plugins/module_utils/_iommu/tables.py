# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ACPI tables: some that firmware made, and what it takes to compose others."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.acpi import LIMIT
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.pci_tree import PciTree

# Of the virtual machine in tests/unit/data/q35-vtd.txt: QEMU 7.2, q35, intel-iommu.
Q35_DMAR = bytes.fromhex(
    "444d41528800000001d1424f4348532042585043202020200100000042585043"
    "0100000026010000000000000000000000005800000000000000d9fe00000000"
    "0308000000ff0000010800000000000001080000000001000208000000000200"
    "020800000000030002080000000004000108000000001f000108000000001f02"
    "0108000000001f03"
)
# QEMU 7.2, q35, intel-iommu, pxb-pcie with bus 128.
PXB_DMAR = bytes.fromhex(
    "444d41528000000001f3424f4348532042585043202020200100000042585043"
    "0100000026010000000000000000000000005000000000000000d9fe00000000"
    "0308000000ff0000010800000000000001080000000001000108000000001f00"
    "0108000000001f020108000000001f0302080000008000000208000000800100"
)
# QEMU 7.2, q35, amd-iommu, two root ports, a switch below the second.
Q35_IVRS = bytes.fromhex(
    "495652538400000001da424f4348532042585043202020200100000042585043"
    "0100000000280000000000000000000010d15400080040000000d8fe00000000"
    "00000000440000000200000002080000021000000300010004ff010002180000"
    "02000200020003000300040004ff040002f8000002fa000002fb000048000000"
    "00a00001"
)

# A root port with an endpoint of two functions, and one with a switch and an endpoint below.
TREE = PciTree(
    {
        "0000:00:02.0": None,
        "0000:00:03.0": None,
        "0000:01:00.0": "0000:00:02.0",
        "0000:01:00.1": "0000:00:02.0",
        "0000:02:00.0": "0000:00:03.0",
        "0000:03:01.0": "0000:02:00.0",
        "0000:04:00.0": "0000:03:01.0",
        "0001:00:00.0": None,
    },
    {"0000:00:02.0": 1, "0000:00:03.0": 2, "0000:02:00.0": 3, "0000:03:01.0": 4}.get,
)


def pack(format_: str, *values: t.Any) -> bytes:
    return struct.pack(f"<{format_}", *values)


def table(name: str, content: bytes, *, revision: int = 1) -> bytes:
    """Compose a table with a header and a right checksum of what follows the header."""
    header = pack(
        "4sIBB6s8sI4sI", name.encode(), 36 + len(content), revision, 0, b"OEM", b"T", 1, b"C", 1
    )
    data = bytearray(header + content)
    data[9] = -sum(data) & 0xFF
    return bytes(data)


def dmar(*structures: bytes, width: int = 46, flags: int = 1) -> bytes:
    return table("DMAR", pack("BB10x", width - 1, flags) + b"".join(structures))


def remapping(kind: int, fields: bytes, *scopes: bytes) -> bytes:
    """Compose a structure of a DMAR table; C(fields) follow type and length."""
    body = fields + b"".join(scopes)
    return pack("HH", kind, 4 + len(body)) + body


def scope(kind: int, bus: int, *path: tuple[int, int], number: int = 0) -> bytes:
    steps = b"".join(bytes(step) for step in path)
    return pack("BBHBB", kind, 6 + len(steps), 0, number, bus) + steps


def ivrs(*blocks: bytes, info: int = 0x2801) -> bytes:
    return table("IVRS", pack("I8x", info) + b"".join(blocks), revision=2)


def ivhd(kind: int, *entries: bytes, device: int = 2, base: int = 0xFEB80000) -> bytes:
    body = b"".join(entries)
    size = 24 if kind == 0x10 else 40
    fixed = pack("BBHHHQHHI", kind, 0, size + len(body), device, 0x40, base, 0, 0, 0)
    return fixed.ljust(size, b"\0") + body


def ivmd(kind: int, first: int, last: int, start: int, size: int, *, flags: int = 7) -> bytes:
    return pack("BBHHHQQQ", kind, flags, 32, first, last, 0, start, size)


def node(kind: int, fields: bytes, *mappings: bytes) -> bytes:
    """Compose a node of an IORT table; C(fields) follow its header."""
    body = fields + b"".join(mappings)
    return pack("BHBIII", kind, 16 + len(body), 1, 0, len(mappings), 16 + len(fields)) + body


def mapping(first: int, count: int, output: int, target: int, *, single: bool = False) -> bytes:
    return pack("IIIII", first, count - 1, output, target, int(single))


def iort(*nodes: bytes) -> bytes:
    return table("IORT", pack("III", len(nodes), 48, 0) + b"".join(nodes))


def large_tree() -> PciTree:
    """Make a host of 1,000 functions: a root port for each 50 functions."""
    parents: dict[str, str | None] = {}
    for port in range(20):
        parents[f"0000:00:{port:02x}.0"] = None
    for port in range(20):
        for number in range(49):
            address = f"0000:{port + 1:02x}:{number >> 3:02x}.{number & 7}"
            parents[address] = f"0000:00:{port:02x}.0"
    return PciTree(parents, {f"0000:00:{port:02x}.0": port + 1 for port in range(20)}.get)


def fill(structure: bytes, used: int) -> list[bytes]:
    """Repeat a structure until a table with C(used) bytes before it has no room for another."""
    return [structure] * ((LIMIT - used) // len(structure))
