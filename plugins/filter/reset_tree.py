# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reset_tree
short_description: Draw the PCI Express tree with the decision for each port
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Draws a host's PCI functions as a tree, for people. Each port shows whether the capture kernel
    resets it, and why or why not. Names and slots are shown where the facts have them. What the
    facts and the plan could not tell comes last.
positional: plan
options:
  _input:
    description:
      - The facts that M(vmcore.kdump.platform_facts) returned. C(ansible_facts) as a whole may be
        used.
    type: dict
    required: true
  plan:
    description:
      - The plan that P(vmcore.kdump.reset_plan#filter) made from the same facts.
    type: dict
    required: true
seealso:
  - module: vmcore.kdump.platform_facts
  - plugin: vmcore.kdump.assessment
    plugin_type: filter
  - plugin: vmcore.kdump.reset_plan
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at PCI Express
  vmcore.kdump.platform_facts:

- name: Show what would be reset after a panic, and why the rest would not
  ansible.builtin.debug:
    msg: "{{ (ansible_facts | vmcore.kdump.reset_tree(plan)).splitlines() }}"
  vars:
    plan: "{{ ansible_facts | vmcore.kdump.reset_plan }}"
"""

RETURN = r"""
_value:
  description: The tree, plain ASCII as far as the names in it are. Lines end with a newline.
  type: str
  sample: |
    db01.example.com, kernel 6.12.107+deb13-amd64: 1 of 2 ports reset (plan 59ed3f73ff25)

    root bus 0000:00
      0000:00:00.0  8086:29c0 Host bridge
      0000:00:02.0  root port, slot 1  RESET  Only endpoints are below.
        0000:01:00.0  8086:10d3 Ethernet controller: 82574L Gigabit Network Connection (e1000e)
      0000:00:03.0  root port, slot 2  leave  The driver virtio-pci is built in and binds before the reset.
        0000:02:00.0  1af4:1042 SCSI controller (virtio-pci)
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset import tree

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping


def reset_tree(facts: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> str:
    """Return the tree."""
    try:
        return tree.reset_tree(facts, plan)
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"reset_tree": reset_tree}
