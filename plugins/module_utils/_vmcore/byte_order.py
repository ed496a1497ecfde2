# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The same structure in both byte orders: a dump is in that of the machine that crashed."""

from __future__ import annotations

import struct
import typing as t

# As the module struct calls them.
Order = t.Literal["<", ">"]
BYTE_ORDERS: dict[Order, str] = {"<": "little", ">": "big"}


class ByOrder:
    """One struct.Struct for each byte order; their size is the same."""

    def __init__(self, layout: str) -> None:
        self._structs = {order: struct.Struct(order + layout) for order in BYTE_ORDERS}
        self.size = self._structs["<"].size

    def __getitem__(self, order: Order) -> struct.Struct:
        return self._structs[order]


UINT = ByOrder("I")
USHORT = ByOrder("H")
ULONG = ByOrder("Q")

__all__ = ("BYTE_ORDERS", "UINT", "ULONG", "USHORT", "ByOrder", "Order")
