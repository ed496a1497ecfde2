# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.config_space import (
    _read,
    read_config,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import decode
from ansible_collections.vmcore.kdump.tests.unit.host_trees import config_space, express

SERIAL = bytes.fromhex("a1b2c3d4e5f60718")


def extended(*capabilities: tuple[int, int, int, bytes]) -> bytes:
    """Compose an extended configuration space; each capability is (offset, id, next, content)."""
    space = bytearray(config_space(capabilities={0x40: express(0)}).ljust(4096, b"\x00"))
    for offset, identifier, following, content in capabilities:
        header = (following << 20 | 1 << 16 | identifier).to_bytes(4, "little")
        space[offset : offset + 4 + len(content)] = header + content
    return bytes(space)


AER_AND_SERIAL = extended(
    (0x100, 0x0001, 0x160, b"\x11" * 44),
    (0x160, 0x0003, 0x200, SERIAL),
    (0x200, 0x000D, 0, b"\x22"),
)


def captured(space: bytes, tmp_path: Path, *, identifying: bool = False) -> bytes:
    path = tmp_path / "config"
    path.write_bytes(space)
    found = read_config(path, identifying=identifying)
    assert found is not None
    return found


def test_serial_number_becomes_zero_and_nothing_else(tmp_path: Path) -> None:
    assert captured(AER_AND_SERIAL, tmp_path) == AER_AND_SERIAL.replace(SERIAL, bytes(8))
    assert captured(AER_AND_SERIAL, tmp_path, identifying=True) == AER_AND_SERIAL


def test_vpd_that_was_read_last(tmp_path: Path) -> None:
    space = config_space(capabilities={0x40: b"\x01\x50", 0x50: b"\x03\x00\x04\x80SN12"})
    assert captured(space, tmp_path) == space.replace(b"SN12", bytes(4))


def test_no_register_outside_the_capabilities_is_read() -> None:
    space = bytearray(AER_AND_SERIAL)
    touched: set[int] = set()

    def read(offset: int, count: int) -> bytes:
        touched.update(range(offset, offset + count))
        return bytes(space[offset : offset + count])

    _read(read, 4096, False)
    assert max(touched) < 0x300
    assert not touched & set(range(0x80, 0x100))
    assert not touched & set(range(0x164, 0x200))


@pytest.mark.parametrize(
    "space",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(config_space(size=64), id="header only"),
        pytest.param(config_space(capabilities={0x40: express(4)}, size=64), id="unprivileged"),
        pytest.param(config_space(capabilities={0x40: express(4)}), id="conventional"),
        pytest.param(extended(), id="no extended capability"),
        pytest.param(extended((0x100, 0x0001, 0x100, SERIAL)), id="loop"),
        pytest.param(extended((0x100, 0x0001, 0x080, SERIAL)), id="pointer to the other list"),
        pytest.param(extended((0x100, 0x0001, 0xFFC, b""), (0xFFC, 0x0003, 0, b"")), id="cut off"),
    ],
)  # fmt: skip
def test_space_without_secrets_stays_as_it_is(space: bytes, tmp_path: Path) -> None:
    assert captured(space, tmp_path) == space


def test_dead_device_keeps_its_ones(tmp_path: Path) -> None:
    assert captured(b"\xff" * 4096, tmp_path) == b"\xff" * 64


def test_no_file(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config") is None


@given(st.binary(min_size=64, max_size=512))
def test_any_bytes_are_decoded_alike(space: bytes) -> None:
    found = _read(lambda offset, count: space[offset : offset + count], len(space), False)
    assert decode(found).header == decode(space).header
    assert decode(found).port_type == decode(space).port_type
