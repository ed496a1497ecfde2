# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edit generated files for shells, and let bash read them before and after: C(python -m fuzz shell [FILES])."""

from __future__ import annotations

import typing as t

from hypothesis import HealthCheck, Phase, given, settings

from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._kdump.config.test_present import (
    OPTIONS,
    only_what_was_asked_changes,
    renamed,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._kdump.config.test_shell import (
    FILES,
)

_FILES = 5000


def run(count: int = _FILES) -> None:
    """Try so many files. Raises AssertionError, with the file, for one of which something got lost."""

    @settings(
        deadline=None,
        max_examples=count,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(FILES.map(renamed), OPTIONS)
    def edited(text: str, options: dict[str, t.Any]) -> None:
        only_what_was_asked_changes(text, options)

    edited()
    print(f"fuzz: {count} files for shells, and nothing got lost")
