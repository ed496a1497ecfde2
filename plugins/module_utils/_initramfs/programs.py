# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Decompresses what the standard library cannot, with the host's own programs."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import LIMIT

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Decompress

    Run = Callable[[list[str]], tuple[int, str]]

_COMMANDS: dict[str, tuple[str, ...]] = {
    "zstd": ("zstd", "-dqf", "{packed}", "-o", "{unpacked}"),
    "lz4": ("lz4", "-dqf", "{packed}", "{unpacked}"),
    "lzo": ("lzop", "-dqf", "{packed}", "-o", "{unpacked}"),
}


def with_programs(run: Run, directory: Path) -> Decompress:
    """Return a C(decompress) for C(read_image).

    C(run(argv)) runs a command and returns its exit status and output. The data goes through files in
    C(directory), which the caller removes: tens of megabytes are no business of a pipe that is read piece by piece.
    """

    def decompress(kind: str, data: bytes) -> bytes:
        packed, unpacked = directory / f"packed.{kind}", directory / "unpacked"
        packed.write_bytes(data)
        command = [word.format(packed=packed, unpacked=unpacked) for word in _COMMANDS[kind]]
        try:
            status, output = run(command)
            if status != 0:
                raise KdumpError(
                    f"The initramfs cannot be unpacked, '{command[0]}' returned {status}: {output.strip()}"
                )
            if unpacked.stat().st_size > LIMIT:
                raise KdumpError(
                    f"The initramfs unpacks to more than {LIMIT} bytes: build it again."
                )
            return unpacked.read_bytes()
        finally:
            for path in (packed, unpacked):
                path.unlink(missing_ok=True)

    return decompress


__all__ = ("with_programs",)
