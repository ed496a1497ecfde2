# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: assessment
short_description: Say what a crash would do on a host
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Describes a host for people. The tree of P(vmcore.kdump.reset_tree#filter) comes first, then what
    the IOMMU does now and what the capture kernel will do with it, then the problems of kdump.
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
  - plugin: vmcore.kdump.reset_plan
    plugin_type: filter
  - plugin: vmcore.kdump.reset_tree
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at PCI Express, IOMMU and kdump
  vmcore.kdump.platform_facts:

- name: Show what a crash would do
  ansible.builtin.debug:
    msg: "{{ ansible_facts | vmcore.kdump.assessment(plan) }}"
  vars:
    plan: "{{ ansible_facts | vmcore.kdump.reset_plan }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample:
    - "db01.example.com, kernel 6.12.107+deb13-amd64: 1 of 1 ports reset (plan 59ed3f73ff25)"
    - ""
    - root bus 0000:00
    - "  0000:00:02.0  root port  RESET  Only endpoints are below."
    - "    0000:01:00.0  8086:10d3 Ethernet controller (e1000e)"
    - ""
    - IOMMU
    - "  This kernel: Intel VT-d, 1 unit, translation is on, default domain DMA-FQ, interrupt remapping is on."
    - ""
    - kdump
    - "  kdump is ready."
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset import assessment as text

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping


def assessment(facts: Mapping[str, t.Any], plan: Mapping[str, t.Any]) -> list[str]:
    """Return the lines."""
    try:
        return text.assessment(facts, plan)
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"assessment": assessment}
