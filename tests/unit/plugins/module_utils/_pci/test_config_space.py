# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._pci import config_space as cs
from ansible_collections.vmcore.kdump.tests.unit.host_trees import config_space, express

REPORTS_LINK = 1 << 20
LINK_ACTIVE = 1 << 13


@pytest.mark.parametrize(
    ("header", "name"),
    [(0, "endpoint"), (1, "bridge"), (2, "cardbus"), (0x80, "endpoint"), (0x81, "bridge")],
)
def test_header_is_the_layout_without_the_multi_function_bit(header: int, name: str) -> None:
    assert cs.decode(config_space(header=header)).header == name


def test_unknown_header_says_nothing_else() -> None:
    decoded = cs.decode(config_space(header=0x7E, capabilities={0x40: express(0)}))
    assert decoded == cs.ConfigSpace(bus_master=True)


@pytest.mark.parametrize(("command", "master"), [(0x0406, True), (0x0402, False)])
def test_bus_master(command: int, master: bool) -> None:
    assert cs.decode(config_space(command=command)).bus_master is master


@pytest.mark.parametrize(
    ("header", "secondary", "expected"), [(1, 0x2A, 0x2A), (1, 0, None), (0, 0x2A, None)]
)
def test_secondary_bus_of_bridges_alone(header: int, secondary: int, expected: int | None) -> None:
    space = bytearray(config_space(header=header))
    space[0x19] = secondary
    assert cs.decode(bytes(space)).secondary == expected


@pytest.mark.parametrize(
    ("value", "port_type"),
    [
        (0, "endpoint"),
        (1, "legacy_endpoint"),
        (4, "root_port"),
        (5, "upstream_port"),
        (6, "downstream_port"),
        (7, "pcie_to_pci_bridge"),
        (8, "pci_to_pcie_bridge"),
        (9, "rc_integrated_endpoint"),
        (10, "rc_event_collector"),
    ],
)
def test_port_type(value: int, port_type: str) -> None:
    decoded = cs.decode(config_space(capabilities={0x40: express(value)}))
    assert decoded.port_type == port_type
    assert (decoded.link is None) == port_type.startswith("rc_")
    assert decoded.notes == ()


@pytest.mark.parametrize("value", [2, 3, 11, 15])
def test_reserved_port_type(value: int) -> None:
    decoded = cs.decode(config_space(capabilities={0x40: express(value)}))
    assert (decoded.port_type, decoded.link) == (None, None)
    assert decoded.notes == (
        f"The PCI Express capability has the reserved Device/Port Type {value}.",
    )


def test_capability_is_found_at_the_end_of_the_list() -> None:
    space = config_space(
        header=1,
        pointer=0x83,  # both low bits are reserved
        capabilities={0x80: b"\x01\x52", 0x50: b"\x05\xe8", 0xE8: express(6)},
    )
    assert cs.decode(space).port_type == "downstream_port"


def test_cardbus_has_its_pointer_elsewhere() -> None:
    assert (
        cs.decode(config_space(header=2, capabilities={0x40: express(0)})).port_type == "endpoint"
    )


@pytest.mark.parametrize(
    ("capabilities", "status", "link"),
    [
        (REPORTS_LINK, 0x1043 | LINK_ACTIVE, {"speed": "8.0 GT/s", "width": 4, "active": True}),
        (REPORTS_LINK, 0x0011, {"speed": "2.5 GT/s", "width": 1, "active": False}),
        (0, 0x0104 | LINK_ACTIVE, {"speed": "16.0 GT/s", "width": 16, "active": None}),
        (REPORTS_LINK, 0x0000, {"speed": None, "width": 0, "active": False}),
        (0, 0x0085, {"speed": "32.0 GT/s", "width": 8, "active": None}),
    ],
)
def test_link(capabilities: int, status: int, link: cs.Link) -> None:
    capability = express(4, link_capabilities=capabilities, link_status=status)
    assert cs.decode(config_space(header=1, capabilities={0x40: capability})).link == link


def test_conventional_pci_is_no_fault() -> None:
    assert cs.decode(config_space(capabilities={0x40: b"\x01\x00"})) == cs.ConfigSpace(
        header="endpoint", bus_master=True
    )


@pytest.mark.parametrize("config", [None, b"", b"\x86\x80", bytes(63)])
def test_unreadable(config: bytes | None) -> None:
    assert cs.decode(config) == cs.ConfigSpace(notes=(cs.NOTE_UNREADABLE,))


@pytest.mark.parametrize("size", [64, 256])
def test_dead_device(size: int) -> None:
    assert cs.decode(b"\xff" * size) == cs.ConfigSpace(notes=(cs.NOTE_DEAD,))


def test_virtual_function_is_alive_though_its_identifiers_are_all_ones() -> None:
    space = b"\xff\xff\xff\xff" + config_space(capabilities={0x40: express(0)})[4:]
    assert cs.decode(space).port_type == "endpoint"


def test_header_alone_for_lack_of_privilege() -> None:
    space = config_space(header=1, secondary=3, capabilities={0x40: express(4)}, size=64)
    assert cs.decode(space) == cs.ConfigSpace(
        header="bridge", bus_master=True, secondary=3, notes=(cs.NOTE_UNPRIVILEGED,)
    )


@pytest.mark.parametrize(
    ("pointer", "capabilities"),
    [
        pytest.param(0x50, {0x50: b"\x01\x50"}, id="loop of one"),
        pytest.param(0x50, {0x50: b"\x01\x60", 0x60: b"\x05\x50"}, id="loop of two"),
        pytest.param(0x3C, {}, id="pointer into the header"),
        pytest.param(0x50, {0x50: b"\x01\x08"}, id="next pointer into the header"),
        pytest.param(0x50, {0x50: b"\xff\xff", 0xFC: b"\xff\xff"}, id="all ones behind the header"),
        pytest.param(0xF0, {0xF0: express(4)[:16]}, id="capability beyond the end"),
    ],
)
def test_malformed_list(pointer: int, capabilities: dict[int, bytes]) -> None:
    decoded = cs.decode(config_space(pointer=pointer, capabilities=capabilities))
    assert decoded == cs.ConfigSpace(header="endpoint", bus_master=True, notes=(cs.NOTE_MALFORMED,))


@given(st.binary(max_size=300))
@example(b"\x10" * 256)
def test_any_bytes_decode(config: bytes) -> None:
    check(cs.decode(config))


@given(st.binary(min_size=256, max_size=256), st.integers(0, 2), st.integers(0, 255))
def test_any_capability_list_decodes(config: bytes, header: int, pointer: int) -> None:
    space = bytearray(config)
    space[0x06] |= 0x10
    space[0x0E] = header
    space[0x34] = space[0x14] = pointer
    check(cs.decode(bytes(space)))


def check(decoded: cs.ConfigSpace) -> None:
    assert decoded.header in (None, "endpoint", "bridge", "cardbus")
    assert len(decoded.notes) <= 1
    if decoded.link is not None:
        assert decoded.port_type is not None
        assert 0 <= decoded.link["width"] < 64
