# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Addresses of the kernel's symbols, from the table that the kernel has of them for its own stack traces.

kernel/kallsyms.c and scripts/kallsyms.c; since Linux 6.0 VMCOREINFO says where the table is:

    kallsyms_num_syms        u32
    kallsyms_names           for each symbol, by address: how many bytes follow (one byte, or two of 7 bits each since
                             6.1, the lower one first with its highest bit set), then that many tokens
    kallsyms_token_table     a string for each of the 256 tokens
    kallsyms_token_index     u16 for each: where its string begins
    kallsyms_offsets         i32 for each symbol
    kallsyms_relative_base   what these are added to; if some of them are negative, that base minus 1 minus the offset
                             is the address, and those that are not negative are addresses (of CPUs' own variables)

The first character of a symbol's string is its type.
"""

from __future__ import annotations

import sys
import typing as t
from array import array

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import USHORT
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Absent,
    Flaw,
    KernelFlaw,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

_TOKENS = 256
_LONG = 0x80
_MAX_SYMBOLS = 1 << 21
_PIECE = 1 << 16
_MAX_NAMES = 1 << 26
_MAX_TABLE = 1 << 13
_NEEDED = (
    "kallsyms_num_syms",
    "kallsyms_names",
    "kallsyms_token_table",
    "kallsyms_token_index",
    "kallsyms_offsets",
    "kallsyms_relative_base",
)
_ULONG = (1 << 64) - 1
# A symbol that every VMCOREINFO has.
_PROBE = "init_uts_ns"


def has_symbols(info: VmcoreInfo) -> bool:
    """Whether the kernel says where its table is."""
    return all(f"SYMBOL({name})" in info for name in _NEEDED)


def known_symbols(memory: Memory, info: VmcoreInfo, wanted: t.Iterable[str]) -> dict[str, int]:
    """Those of these symbols that can be trusted: none if a kernel has another table than this file describes.

    The table must have a symbol where VMCOREINFO has it. Raise Absent if the dump does not have the table.
    """
    if not has_symbols(info):
        return {}
    try:
        found = find_symbols(memory, info, (*wanted, _PROBE))
        is_known = found.pop(_PROBE, None) == info.address(_PROBE)
    except Absent as absent:
        if absent.is_ram and not memory.zeros_are_absent:
            raise
        return {}
    except Flaw:
        return {}
    return found if is_known else {}


def find_symbols(memory: Memory, info: VmcoreInfo, wanted: t.Iterable[str]) -> dict[str, int]:
    """The addresses of those of these symbols that the kernel has. Raise a Flaw if the table contradicts itself."""
    count = memory.uint(info.address("kallsyms_num_syms"))
    if not 0 < count <= _MAX_SYMBOLS:
        raise KernelFlaw(f"The kernel's table of symbols says that it has {count}.")
    tokens = _tokens(memory, info)
    places = _places(memory, info, count, tokens, set(wanted))
    if not places:
        return {}
    start = info.address("kallsyms_offsets")
    offsets = array("i", memory.read(start, count * 4))
    if (memory.order == "<") != (sys.byteorder == "little"):
        offsets.byteswap()
    base = memory.ulong(info.address("kallsyms_relative_base"))
    has_absolute = min(offsets) < 0
    return {name: _address(offsets[index], base, has_absolute) for name, index in places.items()}


def _address(offset: int, base: int, has_absolute: bool) -> int:
    if not has_absolute:
        return base + offset & _ULONG
    return offset if offset >= 0 else base - 1 - offset & _ULONG


def _tokens(memory: Memory, info: VmcoreInfo) -> list[bytes]:
    layout = USHORT[memory.order]
    index = memory.read(info.address("kallsyms_token_index"), _TOKENS * layout.size)
    starts = [start for (start,) in layout.iter_unpack(index)]
    last = starts[-1]
    if sorted(starts) != starts or last > _MAX_TABLE:
        raise KernelFlaw("The kernel's table of symbols has tokens that are not in their order.")
    table = memory.read(info.address("kallsyms_token_table"), last + 1)
    while table[-1]:
        table += memory.read(info.address("kallsyms_token_table") + len(table), 1)
        if len(table) > last + _TOKENS:
            raise KernelFlaw("The kernel's table of symbols has a token that does not end.")
    return [table[start : table.index(b"\0", start)] for start in starts]


def _places(
    memory: Memory, info: VmcoreInfo, count: int, tokens: list[bytes], wanted: set[str]
) -> dict[str, int]:
    """The number of each symbol that is wanted."""
    names = {name.encode(): name for name in wanted}
    # A look at the last token leaves few strings to be put together.
    last = {
        number
        for number, token in enumerate(tokens)
        if token and any(name.endswith(token) or token.endswith(name) for name in names)
    }
    found: dict[str, int] = {}
    start = info.address("kallsyms_names")
    data, at, read = b"", 0, 0
    for index in range(count):
        if at + 2 > len(data) or at + 2 + (data[at] & 0x7F | data[at + 1] << 7) > len(data):
            # The table's end may be the end of the kernel's memory: read to the end of a page.
            size = _PIECE - (start + read) % memory.page_size
            if read > _MAX_NAMES:
                raise KernelFlaw("The kernel's table of symbols does not end.")
            data, at = data[at:] + _read_some(memory, start + read, size), 0
            read = read + size
        length, at = data[at], at + 1
        if length & _LONG:
            length, at = length & 0x7F | data[at] << 7, at + 1
        end = at + length
        if length == 0 or end > len(data):
            raise KernelFlaw(f"Symbol {index} of the kernel's table has no name.")
        if data[end - 1] in last:
            name = names.get(b"".join([tokens[token] for token in data[at:end]])[1:])
            if name is not None:
                found.setdefault(name, index)
                if len(found) == len(names):
                    break
        at = end
    return found


def _read_some(memory: Memory, address: int, size: int) -> bytes:
    """So many bytes, or those up to the page that the kernel does not have."""
    parts: list[bytes] = []
    end = address + size
    while address < end:
        try:
            parts.append(
                memory.read(
                    address, min(memory.page_size - address % memory.page_size, end - address)
                )
            )
        except KernelFlaw:
            break
        address += len(parts[-1])
    return b"".join(parts)


__all__ = ("find_symbols", "has_symbols", "known_symbols")
