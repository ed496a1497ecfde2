# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reset_plan
short_description: Decide which PCI Express ports the capture kernel resets
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Decides for every root port and switch downstream port whether the capture kernel resets what is
    below it, and why or why not.
  - The same facts and exclusions always give the same plan. M(vmcore.kdump.pcie_reset_helper)
    installs what this filter shows.
positional: exclusions
options:
  _input:
    description:
      - The facts that M(vmcore.kdump.platform_facts) returned. C(ansible_facts) as a whole may be
        used.
    type: dict
    required: true
  exclusions:
    description:
      - Rules that keep ports from being reset.
      - A rule applies to a port if all its patterns match one function below the port, at any
        depth. The first rule that applies is named in the plan.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the rule.
        type: str
        required: true
      match:
        description:
          - Shell patterns by what they are compared with, without regard to case.
          - O(exclusions[].match.port) is compared with the port itself.
        type: dict
        required: true
        suboptions:
          address:
            description: Pattern for the address of a function.
            type: str
          vendor:
            description: Pattern for the vendor identifier, four hexadecimal digits. Quote it.
            type: str
          device:
            description: Pattern for the device identifier, four hexadecimal digits. Quote it.
            type: str
          class:
            description: Pattern for the class, six hexadecimal digits. Quote it.
            type: str
          driver:
            description: Pattern for the name of the bound driver.
            type: str
          port:
            description: Pattern for the address of the port.
            type: str
      reason:
        description: Why the rule exists. It is shown beside its name.
        type: str
seealso:
  - module: vmcore.kdump.platform_facts
  - plugin: vmcore.kdump.reset_tree
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at PCI Express
  vmcore.kdump.platform_facts:

- name: Decide what to reset, without the storage controllers of one vendor and without one slot
  ansible.builtin.set_fact:
    reset_plan: "{{ ansible_facts | vmcore.kdump.reset_plan(exclusions) }}"
  vars:
    exclusions:
      - name: raid-controllers
        match:
          vendor: "1000"
          class: "0104*"
        reason: The firmware takes longer to start than the capture kernel waits.
      - name: fpga-slot
        match:
          port: "0000:3a:00.0"

- name: Show the ports that stay as they are
  ansible.builtin.debug:
    msg: "{{ item.address }}: {{ item.sentence }}"
  loop: "{{ reset_plan.ports | selectattr('decision', 'eq', 'leave') }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    version:
      description: Version of this structure.
      type: int
      sample: 1
    host:
      description: Name of the host that the facts came from.
      type: str
      sample: db01.example.com
    kernel:
      description: Release of the kernel that the facts came from.
      type: str
      sample: 6.12.107+deb13-amd64
    digest:
      description: SHA-256 of what is decided. Hosts with equal devices and exclusions have equal
        digests.
      type: str
      sample: 59ed3f73ff259305cecfcb31735c227b9c14e692a353a4ba2526ba7b4b3a088b
    ports:
      description: Every root port and switch downstream port, sorted by address.
      type: list
      elements: dict
      contains:
        address:
          description: Address of the port.
          type: str
          sample: "0000:00:02.0"
        decision:
          description: V(reset) or V(leave).
          type: str
          sample: reset
        reason:
          description:
            - The first of these that applies.
            - V(no_children), nothing is below.
            - V(link_down), no function below answers.
            - V(legacy_pci), conventional PCI is below.
            - V(not_endpoint), a switch or bridge is below, whose own downstream ports are reset.
            - V(excluded), a rule applies.
            - V(display), a display controller is below.
            - V(memory), a memory device is below, which may hold memory of the crashed kernel.
            - V(built_in_driver), the driver of a function below is built into the kernel and binds
              before the reset.
            - V(no_reset_method), the kernel has no C(reset_subordinate) for the port.
            - V(endpoints_only), only endpoints are below. This is the only one that goes with the
              decision V(reset).
          type: str
          sample: endpoints_only
        sentence:
          description: The reason in words.
          type: str
          sample: Only endpoints are below.
        method:
          description: How the port is reset. It is V(null) if it is left alone.
          type: str
          sample: reset_subordinate
        rule:
          description: Name of the rule if the reason is V(excluded).
          type: str
          sample:
        children:
          description: The functions directly below, as the capture kernel must find them.
          type: list
          elements: dict
          sample:
            - address: "0000:01:00.0"
              vendor: "8086"
              device: "10d3"
              class: "020000"
    summary:
      description: Number of ports by decision.
      type: dict
      sample:
        reset: 2
        leave: 3
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping, Sequence


def reset_plan(
    facts: Mapping[str, t.Any], exclusions: Sequence[Mapping[str, t.Any]] = ()
) -> dict[str, t.Any]:
    """Return the reset plan."""
    try:
        return make_plan(facts, exclusions)
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"reset_plan": reset_plan}
