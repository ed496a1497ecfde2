# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.slots import Slots
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build


def system_slot(
    *strings: str,
    number: int = 1,
    segment: int = 0,
    bus: int = 0x3B,
    device_function: int = 0,
    kind: int = 9,
    length: int = 0x11,
) -> bytes:
    """Compose a System Slots structure of SMBIOS 2.6: PCIe x16, in use, slot 3."""
    fields = bytes((kind, length, 0x09, 0x00, number, 0xAA, 0x0D, 0x04, 0x04, 3, 0, 0x0C, 0x01))
    place = segment.to_bytes(2, "little") + bytes((bus, device_function))
    return fields + place + b"".join(f"{each}\0".encode() for each in strings) + b"\0"


def slots(tmp_path: Path, raw: bytes, **kernel: str) -> Slots:
    """Make a host with one system slot, and with what the kernel calls slots."""
    return Slots(
        build(
            tmp_path,
            {
                "sys/firmware/dmi/entries/9-0/raw": raw,
                "sys/firmware/dmi/entries/41-0/raw": system_slot("not this", kind=41),
                **{f"sys/bus/pci/slots/{name}/address": place for name, place in kernel.items()},
            },
        )
    )


def test_designation_is_of_the_device_with_all_its_functions(tmp_path: Path) -> None:
    known = slots(tmp_path, system_slot("PCIe Slot 3"))
    assert known.of_device("0000:3b:00.0") == "PCIe Slot 3"
    assert known.of_device("0000:3b:00.1") == "PCIe Slot 3"
    assert known.of_device("0000:3b:01.0") is None
    assert known.designation("0000:3b:00.1") is None


def test_name_of_the_kernel_goes_before(tmp_path: Path) -> None:
    known = slots(tmp_path, system_slot("PCIe Slot 3"), J5="0000:3b:00\n")
    assert known.of_device("0000:3b:00.0") == "J5"
    assert known.of_bus("0000:3b") == "J5"


@pytest.mark.parametrize(
    ("raw", "address", "name"),
    [
        (system_slot("A", "B ", number=2), "0000:3b:00.0", "B"),
        (system_slot("A", segment=1, device_function=0x19), "0001:3b:03.1", "A"),
        pytest.param(system_slot("A", segment=0xFFFF), "ffff:3b:00.0", None, id="no segment"),
        pytest.param(system_slot("A", bus=0xFF), "0000:ff:00.0", None, id="no bus"),
        pytest.param(system_slot("A", device_function=0xFF), "0000:3b:1f.7", None, id="no device"),
        pytest.param(system_slot("A", number=0), "0000:3b:00.0", None, id="no name"),
        pytest.param(system_slot("A", number=9), "0000:3b:00.0", None, id="no such string"),
        pytest.param(system_slot("A", kind=8), "0000:3b:00.0", None, id="another structure"),
        pytest.param(system_slot("A", length=0x0D), "0000:3b:00.0", None, id="SMBIOS 2.5"),
        pytest.param(system_slot("A")[:16], "0000:3b:00.0", None, id="cut"),
    ],
)
def test_designation(tmp_path: Path, raw: bytes, address: str, name: str | None) -> None:
    assert slots(tmp_path, raw).designation(address) == name


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_any_structure(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    known = slots(tmp_path_factory.mktemp("root"), b"\x09" + raw)
    assert known.of_bus("0000:3b") is None


@pytest.mark.parametrize(("number", "name"), [(7, "7"), (8, None), (None, None)])
def test_number_that_another_slot_has_for_a_name_is_none(
    tmp_path: Path, number: int | None, name: str | None
) -> None:
    known = Slots(build(tmp_path, {"sys/bus/pci/slots/8/address": "0000:0d:03\n"}))
    assert known.of_number(number) == name
