# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bits that stand for page frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.bits import popcount, within


@given(st.binary(max_size=64) | st.sampled_from([bytes(64), b"\xff" * 64, b"\xff\0" * 32]))
def test_the_ones_are_counted(data: bytes) -> None:
    assert popcount(data) == sum(bin(byte).count("1") for byte in data)


@given(
    st.binary(min_size=1, max_size=16),
    st.integers(0, 100),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_only_the_bits_of_a_range_are_left(data: bytes, first: int, start: int, end: int) -> None:
    found = within(data, first, start, end)
    assert len(found) == len(data)
    for index in range(len(data) * 8):
        bit = data[index // 8] >> index % 8 & 1
        expected = bit if start <= first + index < end else 0
        assert found[index // 8] >> index % 8 & 1 == expected
