# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import (
    ram_bytes,
    running_build_id,
)


def test_memory_that_a_balloon_took_is_dumped_all_the_same(tmp_path: Path) -> None:
    assert ram_bytes(tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/iomem").write_text(
        "00001000-00000fff : Reserved\n00100000-3fffffff : System RAM\n  01000000-01ffffff : Kernel code\n"
        "  30000000-37ffffff : Crash kernel\n100000000-13fffffff : System RAM (virtio_mem)\n"
    )
    assert ram_bytes(tmp_path) == (1 << 30) - (1 << 20) - (128 << 20) + (1 << 30)


def test_addresses_that_are_hidden_are_no_memory(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/iomem").write_text("00000000-00000000 : System RAM\n" * 3)
    assert ram_bytes(tmp_path) is None


def test_the_build_id_is_the_one_that_the_kernel_says(tmp_path: Path) -> None:
    assert running_build_id(tmp_path) is None
    notes = tmp_path / "sys/kernel/notes"
    notes.parent.mkdir(parents=True)
    notes.write_bytes(struct.pack("<III4s4s", 4, 4, 3, b"GNU", bytes.fromhex("0123abcd")))
    assert running_build_id(tmp_path) == "0123abcd"
    notes.write_bytes(b"garbage, and more of it")
    assert running_build_id(tmp_path) is None
