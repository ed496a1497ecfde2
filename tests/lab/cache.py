# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made once for all checkouts: guest images, and programs that are unpacked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def directory() -> Path:
    """Where it is kept between runs, outside any checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vmcore-kdump-lab"


def digest(files: Iterable[Path]) -> str:
    """What a thing is known by: it is made again when one of these has another name or content."""
    content = hashlib.sha256()
    for file in files:
        content.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return content.hexdigest()[:16]
