# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories as Ansible reads them, for plugins that ask theirs."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager


def hostvars(
    path: Path, groups: t.Mapping[str, t.Any], extra_vars: t.Mapping[str, t.Any] | None = None
) -> HostVars:
    """Return the variables of an inventory's hosts; C(groups) is what its YAML would have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(groups))
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(path)])
    variables = VariableManager(loader=loader, inventory=inventory)
    variables._extra_vars = dict(extra_vars or {})
    return HostVars(inventory, variables, loader)
