# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from lab.tap import seen

_MTU_PAYLOAD = 1448


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A dump whose second half is a hole."""
    path = tmp_path / "dump"
    path.write_bytes(random.Random(1).randbytes(400_000))
    os.truncate(path, 800_000)
    return path


def _frames(path: Path, content: bytes) -> Path:
    """What QEMU's filter-dump writes: each packet has a header, so that a dump is not in one piece."""
    packets = (
        content[begin : begin + _MTU_PAYLOAD] for begin in range(0, len(content), _MTU_PAYLOAD)
    )
    path.write_bytes(bytes(24) + b"".join(bytes(16 + 54) + packet for packet in packets))
    return path


def test_a_dump_that_crosses_the_network_as_it_is_is_seen(tmp_path: Path, dump: Path) -> None:
    found = seen(_frames(tmp_path / "net0.pcap", dump.read_bytes()), dump)
    assert found.pieces == 50, "nothing is looked for in holes"
    assert 40 <= found.found <= 50, "but for pieces that begin in one frame and end in the next"


def test_a_dump_that_is_encrypted_on_its_way_is_not(tmp_path: Path, dump: Path) -> None:
    cipher = random.Random(2).randbytes(800_000)
    assert str(seen(_frames(tmp_path / "net0.pcap", cipher), dump)) == "0 of 50"
