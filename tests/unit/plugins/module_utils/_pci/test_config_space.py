# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._pci import config_space as cs
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    config_space,
    express,
    extended_capability,
)

REPORTS_LINK = 1 << 20
LINK_ACTIVE = 1 << 13

# What is known of a function whose capability lists end as they should and name none of these.
ABSENT = dict.fromkeys(("aer", "acs", "ari", "ats", "pri", "pasid", "cxl"), False)


def with_extended(*extended: bytes) -> cs.ConfigSpace:
    """Decode an endpoint with extended capabilities, 80 bytes apart."""
    placed = {}
    for number, capability in enumerate(extended):
        last = number == len(extended) - 1
        pointer = 0 if last else 0x150 + 0x50 * number
        head = int.from_bytes(capability[:4], "little") | pointer << 20
        placed[0x100 + 0x50 * number] = head.to_bytes(4, "little") + capability[4:]
    return cs.decode(config_space(capabilities={0x40: express(0)}, extended=placed))


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
        (
            REPORTS_LINK | 0x84,
            0x1043 | LINK_ACTIVE,
            {
                "speed": "8.0 GT/s",
                "width": 4,
                "max_speed": "16.0 GT/s",
                "max_width": 8,
                "active": True,
            },
        ),
        (
            REPORTS_LINK | 0x11,
            0x0011,
            {
                "speed": "2.5 GT/s",
                "width": 1,
                "max_speed": "2.5 GT/s",
                "max_width": 1,
                "active": False,
            },
        ),
        (
            0x0206,
            0x0104 | LINK_ACTIVE,
            {
                "speed": "16.0 GT/s",
                "width": 16,
                "max_speed": "64.0 GT/s",
                "max_width": 32,
                "active": None,
            },
        ),
        (
            REPORTS_LINK,
            0x0000,
            {"speed": None, "width": 0, "max_speed": None, "max_width": 0, "active": False},
        ),
        (
            0x0085,
            0x0085,
            {
                "speed": "32.0 GT/s",
                "width": 8,
                "max_speed": "32.0 GT/s",
                "max_width": 8,
                "active": None,
            },
        ),
    ],
)
def test_link(capabilities: int, status: int, link: dict[str, t.Any]) -> None:
    capability = express(4, link_capabilities=capabilities, link_status=status)
    assert cs.decode(config_space(header=1, capabilities={0x40: capability})).link == {
        **link,
        "active_reporting": link["active"] is not None,
    }


@pytest.mark.parametrize(
    ("control", "payload"), [(0x0000, 128), (0x2830, 256), (0x00A0, 4096), (0x00C0, None)]
)
def test_max_payload(control: int, payload: int | None) -> None:
    space = config_space(capabilities={0x40: express(0, device_control=control)})
    assert cs.decode(space).max_payload == payload


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("port_type", [0, 1, 4, 6, 9])
def test_device_capabilities_and_status(port_type: int, flag: bool) -> None:
    capability = express(port_type, device_capabilities=flag << 28, device_status=flag << 5)
    decoded = cs.decode(config_space(capabilities={0x40: capability}))
    assert decoded.transactions_pending is flag
    assert decoded.flr == (flag if port_type in (0, 1, 9) else None)


@pytest.mark.parametrize(
    ("port_type", "slot", "status", "expected"),
    [
        pytest.param(4, 0x60 | 40 << 19, 0x40, (True, True, 40, True), id="surprise"),
        pytest.param(6, 0x40 | 8191 << 19, 0x08, (True, False, 8191, False), id="empty"),
        pytest.param(4, 0x00, 0x40, (False, False, None, True), id="no hot-plug, no number"),
        pytest.param(4, None, 0x00, (False, False, None, None), id="no slot"),
        pytest.param(0, 0x60, 0x40, (None, None, None, None), id="an endpoint has none"),
        pytest.param(5, 0x60, 0x40, (None, None, None, None), id="an upstream port has none"),
    ],
)
def test_slot(
    port_type: int, slot: int | None, status: int, expected: tuple[bool | int | None, ...]
) -> None:
    capability = express(port_type, slot_capabilities=slot, slot_status=status)
    decoded = cs.decode(config_space(capabilities={0x40: capability}))
    assert (decoded.hotplug, decoded.surprise, decoded.slot_number, decoded.presence) == expected


@pytest.mark.parametrize(("control", "state"), list(enumerate(["D0", "D1", "D2", "D3hot"])))
def test_power_state(control: int, state: str) -> None:
    capability = bytes((0x01, 0, 3, 0, 0xFC | control, 0))
    assert cs.decode(config_space(capabilities={0x40: capability})).power_state == state


@pytest.mark.parametrize(
    ("name", "capability", "enabled"),
    [
        ("msi", b"\x05\x00\x81\x00", True),
        ("msi", b"\x05\x00\x80\x80", False),
        ("msix", b"\x11\x00\x04\x80", True),
        ("msix", b"\x11\x00\xff\x7f", False),
    ],
)
def test_message_signaled_interrupts(name: str, capability: bytes, enabled: bool) -> None:
    decoded = cs.decode(config_space(capabilities={0x40: capability}))
    assert decoded.capabilities == (name,)
    assert {"msi": decoded.msi, "msix": decoded.msix} == {
        "msi": None,
        "msix": None,
        name: {"enabled": enabled},
    }


@pytest.mark.parametrize(
    ("identifier", "name"),
    [(0x07, "pcix"), (0x0C, "shpc"), (0x13, "af"), (0x14, "ea")],
)
def test_capability_that_is_only_named(identifier: int, name: str) -> None:
    assert cs.decode(config_space(capabilities={0x40: bytes((identifier, 0))})).capabilities == (
        name,
    )


@pytest.mark.parametrize(
    ("identifier", "name"),
    [(0x01, "aer"), (0x0D, "acs"), (0x0E, "ari"), (0x0F, "ats"), (0x13, "pri"), (0x1B, "pasid")],
)
def test_extended_capability_is_there(identifier: int, name: str) -> None:
    decoded = with_extended(extended_capability(0x19), extended_capability(identifier))
    assert decoded.capabilities == ("express", name)
    assert {key: getattr(decoded, key) for key in ABSENT} == {**ABSENT, name: True}
    assert decoded.notes == ()


@pytest.mark.parametrize(("identifier", "name"), [(0x15, "resizable_bar"), (0x2E, "doe")])
def test_extended_capability_that_is_only_named(identifier: int, name: str) -> None:
    decoded = with_extended(extended_capability(identifier))
    assert decoded.capabilities == ("express", name)
    assert {key: getattr(decoded, key) for key in ABSENT} == ABSENT


@pytest.mark.parametrize(
    ("control", "status", "dpc"),
    [
        (0x0001, 0x1F00, {"trigger_enabled": True, "status": False}),
        (0x0002, 0x1F01, {"trigger_enabled": True, "status": True}),
        (0xFFFC, 0xFFFE, {"trigger_enabled": False, "status": False}),
    ],
)
def test_downstream_port_containment(control: int, status: int, dpc: cs.Containment) -> None:
    body = b"\xe0\x10" + control.to_bytes(2, "little") + status.to_bytes(2, "little")
    assert with_extended(extended_capability(0x1D, body)).dpc == dpc


@pytest.mark.parametrize(
    ("control", "enabled"),
    [pytest.param(0x19, 3, id="enabled"), pytest.param(0x18, 0, id="a number alone is none")],
)
def test_virtual_functions(control: int, enabled: int) -> None:
    body = bytes(4) + bytes((control, 0, 0, 0, 8, 0, 8, 0, 3, 0))
    decoded = with_extended(extended_capability(0x10, body))
    assert decoded.sriov == {"total": 8, "enabled": enabled}


def designated(vendor: int, identifier: int, control: int = 0) -> bytes:
    """Compose a DVSEC; the CXL one for ports has its control at c."""
    body = (vendor, 0x10 << 4, identifier, 0, control)
    return extended_capability(0x23, b"".join(value.to_bytes(2, "little") for value in body))


@pytest.mark.parametrize(
    ("extended", "cxl", "masked"),
    [
        pytest.param([designated(0x1E98, 0)], True, None, id="device"),
        pytest.param([designated(0x1E98, 3, 0xFFFE)], True, True, id="port that ignores the reset"),
        pytest.param(
            [designated(0x1E98, 8), designated(0x1E98, 3, 1)], True, False, id="port that does not"
        ),
        pytest.param([designated(0x8086, 3, 1)], False, None, id="of another vendor"),
    ],
)
def test_compute_express_link(extended: list[bytes], cxl: bool, masked: bool | None) -> None:
    decoded = with_extended(*extended)
    assert (decoded.cxl, decoded.sbr_masked) == (cxl, masked)
    assert decoded.capabilities == ("express", *(["cxl"] if cxl else []))


def test_capabilities_come_in_the_order_of_the_lists_and_the_first_of_two_counts() -> None:
    space = config_space(
        capabilities={
            0x40: b"\x11\x50\x00\x80",
            0x50: b"\x11\x60\x00\x00",
            0x60: express(0, next_pointer=0x80),
            0x80: b"\x09\x90",
            0x90: b"\x01\x00\x00\x00\x00\x00",
        },
        extended={0x100: extended_capability(0x0D)},
    )
    decoded = cs.decode(space)
    assert decoded.capabilities == ("msix", "express", "pm", "acs")
    assert decoded.msix == {"enabled": True}


def test_empty_extended_list() -> None:
    decoded = cs.decode(config_space(capabilities={0x40: express(0)}, extended={}))
    assert (decoded.extended, decoded.aer, decoded.notes) == (True, False, ())


@pytest.mark.parametrize("size", [256, 258])
def test_extended_space_that_cannot_be_read_leaves_open_what_is_there(size: int) -> None:
    decoded = cs.decode(config_space(capabilities={0x40: express(0)}, size=size))
    assert decoded.extended is False
    assert {getattr(decoded, key) for key in ABSENT} == {None}
    assert decoded.notes == ()


def test_nothing_is_read_that_no_capability_has() -> None:
    space = config_space(
        capabilities={0x40: express(4, next_pointer=0x80), 0x80: b"\x09\x00"},
        extended={
            0x100: extended_capability(0x03, next_pointer=0x200),
            0x200: designated(0x15B3, 3),
        },
    )
    reads: list[tuple[int, int]] = []

    def read(offset: int, size: int) -> bytes:
        reads.append((offset, size))
        return space[offset : offset + size]

    cs.decode_window(read)
    assert reads == [
        *((0, 64), (0x40, 2), (0x40, 0x14), (0x80, 2)),
        *((0x100, 4), (0x200, 4), (0x204, 6)),
    ]


def test_conventional_pci_is_no_fault() -> None:
    decoded = cs.decode(config_space(capabilities={0x40: b"\x03\x00"}))
    known = cs.ConfigSpace(header="endpoint", bus_master=True)
    assert decoded._asdict() == {**known._asdict(), **ABSENT}


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


MALFORMED = "The capability list is malformed, what follows in it is not known: {}."


@pytest.mark.parametrize(
    ("pointer", "capabilities", "fault"),
    [
        pytest.param(0x50, {0x50: b"\x01\x50"}, "a pointer leads back to 0x50", id="loop of one"),
        pytest.param(
            0x50,
            {0x50: b"\x09\x60", 0x60: b"\x09\x50"},
            "a pointer leads back to 0x50",
            id="loop of two",
        ),
        pytest.param(0x3C, {}, "a pointer leads to 0x3c", id="pointer into the header"),
        pytest.param(
            0x50, {0x50: b"\x09\x08"}, "a pointer leads to 0x8", id="next pointer into the header"
        ),
        pytest.param(
            0x50,
            {0x50: b"\xff\xff"},
            "the entry at 0x50 reads as all ones",
            id="all ones behind the header",
        ),
        pytest.param(
            0xF0,
            {0xF0: express(4)[:16]},
            "the entry at 0xf0 ends behind 0x100",
            id="capability beyond the end",
        ),
    ],
)
def test_malformed_list(pointer: int, capabilities: dict[int, bytes], fault: str) -> None:
    decoded = cs.decode(config_space(pointer=pointer, capabilities=capabilities))
    assert decoded.notes == (MALFORMED.format(fault),)
    assert (decoded.header, decoded.port_type, decoded.aer) == ("endpoint", None, None)


def test_what_comes_before_the_fault_counts() -> None:
    space = config_space(
        capabilities={0x40: express(6, next_pointer=0x60), 0x60: b"\x11\x40\x00\x80"},
        extended={0x100: extended_capability(0x01)},
    )
    decoded = cs.decode(space)
    assert (decoded.port_type, decoded.msix, decoded.aer) == (
        "downstream_port",
        {"enabled": True},
        True,
    )
    assert decoded.notes == (MALFORMED.format("a pointer leads back to 0x40"),)


@pytest.mark.parametrize(
    ("extended", "fault"),
    [
        pytest.param(
            {0x100: extended_capability(0x0D, next_pointer=0x100)},
            "a pointer leads back to 0x100",
            id="loop of one",
        ),
        pytest.param(
            {
                0x100: extended_capability(0x0D, next_pointer=0x203),
                0x200: extended_capability(0x03, next_pointer=0x100),
            },
            "a pointer leads back to 0x100",
            id="loop of two",
        ),
        pytest.param(
            {0x100: extended_capability(0x0D, next_pointer=0x040)},
            "a pointer leads to 0x40",
            id="pointer into the first 256 bytes",
        ),
        pytest.param(
            {0x100: extended_capability(0x0D, next_pointer=0x200), 0x200: b"\xff" * 64},
            "the entry at 0x200 reads as all ones",
            id="all ones",
        ),
        pytest.param(
            {
                0x100: extended_capability(0x0D, next_pointer=0xFFC),
                0xFFC: extended_capability(0x10),
            },
            "the entry at 0xffc ends behind 0x1000",
            id="capability beyond the end",
        ),
    ],
)
def test_malformed_extended_list(extended: dict[int, bytes], fault: str) -> None:
    decoded = cs.decode(config_space(capabilities={0x40: express(0)}, extended=extended))
    assert decoded.notes == (MALFORMED.replace("The", "The extended").format(fault),)
    # What was seen is known, what was not is not.
    assert (decoded.port_type, decoded.acs, decoded.aer) == ("endpoint", True, None)


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"\x10" * 256)
def test_any_bytes_decode(config: bytes) -> None:
    check(config)


@settings(deadline=None)
@given(st.binary(min_size=256, max_size=256), st.integers(0, 2), st.integers(0, 255))
def test_any_capability_list_decodes(config: bytes, header: int, pointer: int) -> None:
    space = bytearray(config)
    space[0x06] |= 0x10
    space[0x0E] = header
    space[0x34] = space[0x14] = pointer
    check(bytes(space))


IDENTIFIERS = (0x01, 0x0D, 0x0F, 0x10, 0x1D, 0x23, 0x2E)
LONGEST = config_space(
    capabilities={
        0x40: express(0, next_pointer=0x54),
        **{0x54 + 4 * entry: bytes((0x09, 0x58 + 4 * entry)) for entry in range(42)},
    },
    extended={
        0x100 + 4 * entry: extended_capability(0x19, next_pointer=0x104 + 4 * entry)
        for entry in range(959)
    },
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 2047), st.tuples(st.sampled_from(IDENTIFIERS), st.integers(0, 4095))
    ),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 4096),
)
def test_any_extended_capability_list_decodes(
    entries: dict[int, tuple[int, int]], filling: bytes, size: int
) -> None:
    space = bytearray(config_space(capabilities={0x40: express(4)}, extended={}))
    space[0x100:] = filling * 240
    for place, (identifier, pointer) in {0: (0x01, 0x104), **entries}.items():
        start = 0x100 + 4 * (place % 960)
        space[start : start + 4] = extended_capability(identifier, next_pointer=pointer)[:4]
    check(bytes(space[:size]))
    check(bytes(space))


def test_the_longest_lists_are_read_to_their_ends() -> None:
    check(LONGEST)
    assert cs.decode(LONGEST).notes == ()


def check(config: bytes) -> None:
    """Decode, and look at what every result must be."""
    reads = 0

    def read(offset: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return config[offset : offset + size]

    decoded = cs.decode_window(read)
    # The header, and two reads at most of each of 48 and 960 entries; a DVSEC and a slot take a third.
    assert reads <= 1 + 3 * (48 + 960)
    assert decoded.header in (None, "endpoint", "bridge", "cardbus")
    assert len(decoded.notes) <= 3
    assert len(set(decoded.capabilities)) == len(decoded.capabilities)
    if decoded.link is not None:
        assert decoded.port_type is not None
        assert 0 <= decoded.link["width"] < 64
    if decoded.extended is None:
        assert "express" not in decoded.capabilities
