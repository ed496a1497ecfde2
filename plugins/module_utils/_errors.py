# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The one exception that the logic of this collection raises."""

from __future__ import annotations


class KdumpError(Exception):
    """One sentence for the operator that names the object and what to do about it."""


__all__ = ("KdumpError",)
