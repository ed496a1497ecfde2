# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XXH32 against what xxhsum -H0 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.xxhash import XxHash32, xxh32


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (b"", 0x02CC5D05),
        (b"abc", 0x32D153FF),
        (b"Nobody inspects the spammish repetition", 0xE2293B2F),
        (bytes(range(256)) * 64, 0xBF2A02FD),
    ],
)
def test_checksum(data: bytes, checksum: int) -> None:
    assert xxh32(data) == checksum


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_pieces_make_no_difference(pieces: list[bytes]) -> None:
    checksum = XxHash32()
    for piece in pieces:
        checksum.update(piece)
    assert checksum.digest() == xxh32(b"".join(pieces))
