# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI drivers as a host's sysfs has them."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path


def add_driver(root: Path, name: str, module: str | None, loaded: bool = False) -> Path:
    """Make the directory of a driver: of a built-in module, a loaded one, which has an initstate, or of none."""
    driver = root / "sys/bus/pci/drivers" / name
    driver.mkdir(parents=True)
    if module:
        place = root / "sys/module" / module
        place.mkdir(parents=True)
        (driver / "module").symlink_to(place)
        if loaded:
            (place / "initstate").write_text("live\n")
    return driver
