# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""VMCOREINFO: what a kernel says about itself for those who read its memory later."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw


class VmcoreInfo:
    """The KEY=value lines (kernel/vmcore_info.c, Documentation/admin-guide/kdump/vmcoreinfo.rst).

    OSRELEASE=6.12.107+deb13-amd64
    SYMBOL(prb)=ffffffff9c2a3ec0        hexadecimal
    OFFSET(prb_desc.state_var)=0        decimal, as all below
    SIZE(printk_info)=88
    NUMBER(phys_base)=-1048576
    NUMBER(kimage_voffset)=0xffff800040000000    some are hexadecimal, and say so
    CRASHTIME=1795342260                seconds since the epoch
    """

    def __init__(self, text: bytes) -> None:
        lines = text.rstrip(b"\0").decode("ascii", "backslashreplace").split("\n")
        self._values = dict(line.split("=", 1) for line in lines if "=" in line)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str) -> str | None:
        return self._values.get(key)

    def number(self, key: str, default: int | None = None) -> int:
        """A decimal value. Raise a Flaw if it is missing without a default, or is not a number."""
        return self._integer(key, 10, default)

    def hexadecimal(self, key: str, default: int | None = None) -> int:
        """The same for a value that is hexadecimal without saying so."""
        return self._integer(key, 16, default)

    def symbols(self) -> dict[str, int]:
        """The address of each SYMBOL(name) that is a number."""
        found = {}
        for key in self._values:
            if key.startswith("SYMBOL(") and key.endswith(")"):
                try:
                    found[key[7:-1]] = int(self._values[key], 16)
                except ValueError:
                    continue
        return found

    def address(self, symbol: str) -> int:
        return self._integer(f"SYMBOL({symbol})", 16, None)

    def field(self, name: str, size: int, within: int) -> int:
        """The OFFSET(name) of a field of this size in a structure or array of within bytes."""
        return self.bounded(f"OFFSET({name})", 0, within - size)

    def optional_field(self, name: str, size: int, within: int) -> int | None:
        """The same for a field that only some kernels have."""
        return self.field(name, size, within) if f"OFFSET({name})" in self else None

    def size(self, name: str, minimum: int, maximum: int) -> int:
        """The SIZE(name) of a structure."""
        return self.bounded(f"SIZE({name})", minimum, maximum)

    def bounded(self, key: str, minimum: int, maximum: int) -> int:
        """A decimal value in these bounds. Raise a Flaw if it is missing or is anything else.

        A later kernel may have what is out of bounds here: that is no contradiction in the dump.
        """
        value = self._integer(key, 10, None)
        if not minimum <= value <= maximum:
            raise Flaw(
                "unsupported",
                f"VMCOREINFO says {key}={value}, which is not from {minimum} to {maximum}.",
            )
        return value

    def _integer(self, key: str, base: t.Literal[10, 16], default: int | None) -> int:
        value = self._values.get(key)
        if value is None:
            if default is None:
                raise Flaw(
                    "unsupported",
                    f"VMCOREINFO does not have {key}: this kernel describes itself in another way.",
                )
            return default
        try:
            return int(value, 16 if value.startswith("0x") else base)
        except ValueError as exc:
            raise Flaw("unsupported", f"VMCOREINFO says {key}={value[:40]}, not a number.") from exc


__all__ = ("VmcoreInfo",)
