# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this lookup is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
name: _play_hosts
short_description: Private, the hosts of a play, of which there is at least one
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The playbooks of the collection have this in C(hosts). Leave it to them.
  - Ansible calls a play without hosts a success. An empty group, an inventory that could not be filled, or a limit that
    leaves nobody would look like a fleet in which all is well.
options:
  _terms:
    description: The pattern of the play's hosts.
    type: str
    required: true
"""

EXAMPLES = r"""
# The playbooks of the collection are the only ones to use it.
"""

RETURN = r"""
_raw:
  description: The pattern as it is, when it matches a host.
  type: list
  elements: str
"""

import typing as t

from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Fails when a pattern matches no host of the inventory within the limit of the run."""

    def run(
        self, terms: list[str], variables: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[str]:
        """Return the pattern."""
        known = variables or {}
        limit = known.get("ansible_limit")
        # A playbook is checked without any inventory.
        if not context.CLIARGS.get("syntax") and not self._matched(terms, known, limit):
            within = f" within --limit {limit}" if limit else ""
            raise AnsibleLookupError(
                f"No host matches {','.join(map(str, terms))}{within}: nothing was done. Look at the inventory"
                f"{', the limit' if limit else ''} and kdump_hosts."
            )
        return terms

    def _matched(
        self, terms: list[str], variables: t.Mapping[str, t.Any], limit: str | None
    ) -> list[t.Any]:
        manager = InventoryManager(self._loader, parse=False)
        for group, hosts in (variables.get("groups") or {}).items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
        manager.subset(limit)
        found: list[t.Any] = manager.get_hosts(pattern=list(map(str, terms)))
        return found
