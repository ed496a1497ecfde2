# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import time
from pathlib import Path

from lab.wire import FRAME, Traffic


def test_frames_come_paced_until_the_end_of_the_context(tmp_path: Path) -> None:
    wire = tmp_path / "wire0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nic:
        nic.bind(str(wire))
        nic.settimeout(10)
        with Traffic([wire], interval=0.01) as traffic:
            assert nic.recv(2048) == FRAME
            assert nic.recv(2048) == FRAME
        assert not traffic.is_alive()
    assert len(FRAME) == 60, "the shortest that Ethernet allows, without its checksum"


def test_a_machine_that_is_gone_ends_nothing_else(tmp_path: Path) -> None:
    with Traffic([tmp_path / "nobody"], interval=0.01) as traffic:
        while traffic.sent < 2:
            time.sleep(0.01)


def test_it_ends_by_itself() -> None:
    with Traffic([], interval=0.01, seconds=0.02) as traffic:
        traffic.join(10)
        assert not traffic.is_alive()
