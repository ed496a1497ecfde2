# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Files on the controller. Results may lie on a volume that several controllers share."""

from __future__ import annotations

import contextlib
import os
import secrets
import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path


def save(path: Path, content: bytes) -> None:
    """Replace a file at once, so that nobody sees half of it. Its permissions are those that the umask leaves.

    The partial file has a name that nobody else has: the process ids of two controllers may be the same.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


__all__ = ("save",)
