# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The consoles of crashes that were provoked in the lab: tests/unit/data/evidence."""

from __future__ import annotations

from pathlib import Path

_DATA = Path(__file__).parents[3] / "data" / "evidence"
CONSOLES = sorted(path.stem for path in _DATA.glob("*.txt"))


def raw_console(name: str) -> bytes:
    """What the serial line had, bytes as they were. The files have a sign for each carriage return."""
    return (
        (_DATA / f"{name}.txt")
        .read_bytes()
        .replace("\N{SYMBOL FOR CARRIAGE RETURN}".encode(), b"\r")
    )


def console(name: str) -> str:
    """The same as text."""
    return raw_console(name).decode("utf-8", "replace")
