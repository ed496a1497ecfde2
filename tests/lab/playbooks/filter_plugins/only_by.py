# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of which some ports are reset by one method and nothing else, to see what that does by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import plan_digest


def only_by(plan: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Return the plan with this method alone for each port that has it; other ports keep theirs."""
    ports = [
        {**port, "methods": [method]} if method in port["methods"] else port
        for port in plan["ports"]
    ]
    return {**plan, "ports": ports, "digest": plan_digest(ports)}


class FilterModule:
    """Jinja2 filter of the lab."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"only_by": only_by}
