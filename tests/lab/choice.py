# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command of the lab is to do, by the names that it was given."""

from __future__ import annotations

from collections.abc import Iterable

from lab.errors import LabError


def chosen(kind: str, asked: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names that were asked for, all that there are if none was.

    Raises:
        LabError: one of them is none.
    """
    asked, known = list(asked), list(known)
    for name in asked:
        if name not in known:
            raise LabError(f"There is no {kind} {name}; choose of: {', '.join(known)}.")
    return asked or known
