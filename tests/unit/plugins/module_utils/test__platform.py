# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._platform import (
    architecture,
    platform_facts,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build, unpack


def test_real_machine(tmp_path: Path) -> None:
    assert platform_facts(unpack("q35-vtd", tmp_path)) == {
        "hostname": "lab",
        "architecture": "x86_64",
        "memory_bytes": 726368 * 1024,
        "cpus": 1,
        "console": None,
        "dmi": {
            "sys_vendor": "QEMU",
            "product_name": "Standard PC (Q35 + ICH9, 2009)",
            "product_version": None,
            "product_family": None,
            "product_sku": None,
            "board_vendor": None,
            "board_name": None,
            "board_version": None,
            "chassis_vendor": None,
            "chassis_type": None,
            "bios_vendor": None,
            "bios_version": "1.16.2-debian-1.16.2-1",
            "bios_release": None,
            "bios_date": None,
        },
        "notes": [],
    }


def test_nothing_known(tmp_path: Path) -> None:
    facts = dict(platform_facts(tmp_path))
    dmi, notes = facts.pop("dmi"), facts.pop("notes")
    assert isinstance(dmi, dict)
    assert set(dmi.values()) == {None}
    assert isinstance(notes, list)
    assert notes[0].startswith("The architecture is not known")
    assert set(facts.values()) == {None}


def spcr(device: int, bus: int = 0, slot: int = 0x16, function: int = 3, segment: int = 0) -> bytes:
    """Compose Microsoft's Serial Port Console Redirection Table, as long as its second revision is."""
    table = bytearray(80)
    table[:4] = b"SPCR"
    table[64:66] = device.to_bytes(2, "little")
    table[68:71] = bytes((bus, slot, function))
    table[75] = segment
    return bytes(table)


@pytest.mark.parametrize(
    ("table", "console"),
    [
        (spcr(0xFFFF), {"source": "SPCR", "function": None}),
        (spcr(0xA13D), {"source": "SPCR", "function": "0000:00:16.3"}),
        (spcr(0xA13D, bus=0x3A, segment=1), {"source": "SPCR", "function": "0001:3a:16.3"}),
        (spcr(0xA13D, slot=0xFF), {"source": "SPCR", "function": None}),
        (spcr(0xA13D)[:75], None),
        (b"", None),
        (b"XXXX" + bytes(76), None),
    ],
)
def test_console_of_the_firmware(tmp_path: Path, table: bytes, console: object) -> None:
    build(tmp_path, {"sys/firmware/acpi/tables/SPCR": table})
    assert platform_facts(tmp_path)["console"] == console


@pytest.mark.parametrize(
    ("online", "cpus"),
    [
        ("0\n", 1),
        ("0-63\n", 64),
        ("0-3,8,10-11\n", 7),
        ("", None),
        ("9" * 5000, None),
        (f"0-{'9' * 5000}", None),
        ("0-3,\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_processors(tmp_path: Path, online: str, cpus: int | None) -> None:
    root = build(tmp_path, {"sys/devices/system/cpu/online": online})
    assert platform_facts(root)["cpus"] == cpus


@pytest.mark.parametrize(
    ("digits", "memory"),
    [("726368", 726368 << 10), ("9" * 5000, None), ("\N{SUPERSCRIPT TWO}", None)],
)
def test_memory(tmp_path: Path, digits: str, memory: int | None) -> None:
    root = build(tmp_path, {"proc/meminfo": f"MemTotal:   {digits} kB\n"})
    assert platform_facts(root)["memory_bytes"] == memory


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"arch": "aarch64\n", "osrelease": "6.12.107+deb13-amd64\n"}, "aarch64"),
        ({"osrelease": "5.14.0-503.el9.x86_64\n"}, "x86_64"),
        ({"osrelease": "5.10.0-35-amd64\n"}, "x86_64"),
        ({"osrelease": "5.10.0-35-cloud-arm64\n"}, "aarch64"),
        ({"osrelease": "5.15.0-91-generic\n"}, None),
        ({}, None),
    ],
)
def test_architecture(tmp_path: Path, tree: dict[str, str], expected: str | None) -> None:
    root = build(tmp_path, {f"proc/sys/kernel/{name}": text for name, text in tree.items()})
    assert architecture(root) == expected
