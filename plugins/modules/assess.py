#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: assess
short_description: Tell what a crash would do on a host
version_added: 0.2.0
description:
  - Gathers the facts of the host with M(vmcore.kdump.platform_facts), plans the reset as
    P(vmcore.kdump.reset_plan#filter) does, and shows both as P(vmcore.kdump.assessment#filter) does, in one task.
    That is what the playbook C(assess) does.
  - The facts are not set, so that nothing has to be kept in memory for each host.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
  platform:
    platforms: linux
options:
  root:
    description:
      - The directory with the captured tree of a host, instead of the root of the running one. With a local connection
        also the archive that M(vmcore.kdump.capture_tree) made.
    type: path
    default: /
  exclusions:
    description:
      - As O(vmcore.kdump.reset_plan#filter:exclusions).
    type: list
    elements: dict
    default: []
  exclusions_directory:
    description:
      - Directory on the controller with more of them, which come before O(exclusions). The files C(*.yml) are read in
        the order of their names, each is a list of rules.
    type: path
  policy:
    description:
      - As O(vmcore.kdump.reset_plan#filter:policy).
    type: dict
    default: {}
  stage:
    description:
      - As O(vmcore.kdump.reset_plan#filter:stage).
    type: str
    choices: [initramfs, quiesce]
    default: initramfs
    version_added: 0.3.0
  brief:
    description:
      - Whether the host's tree is left out of what is printed. It is in RV(msg) all the same.
    type: bool
    default: false
    version_added: 0.3.0
  fail_on:
    description:
      - Fail when the host has a kdump problem that is at least so severe. By default no problem fails the task.
    type: str
    choices: [error, warning]
    version_added: 0.3.0
  directory:
    description:
      - Directory on the controller to keep facts and plan in, one JSON a host, which the next assessment replaces.
        M(vmcore.kdump.fleet_report) reads it.
      - In check mode nothing is written.
    type: path
seealso:
  - module: vmcore.kdump.assess_table
  - module: vmcore.kdump.fleet_report
  - module: vmcore.kdump.platform_facts
"""

EXAMPLES = r"""
---
- name: Look at the host, and keep what is found for the report
  vmcore.kdump.assess:
    directory: results
"""

RETURN = r"""
msg:
  description:
    - The tree with the decision for each port, the IOMMU, and the problems of kdump. The task prints the same lines,
      whatever the callback.
  returned: success
  type: str
  sample: |-
    db01.example.com, kernel 6.12.107+deb13-amd64: 1 of 2 ports reset (plan 59ed3f73ff25)
row:
  description: What M(vmcore.kdump.assess_table) has of the host.
  returned: success
  type: dict
  version_added: 0.3.0
  contains:
    ready:
      description: V(yes), V(no), or V(?) when not every problem could be looked for.
      type: str
    severity:
      description: That of the worst problem, V(error) or V(warning), V(null) without a problem.
      type: str
    problem:
      description: The first problem, errors first.
      type: str
    stage:
      description: The stage that the plan is for.
      type: str
    dma:
      description:
        - How many of the functions that can do DMA keep running until their driver loads. C(+?) means that the plan
          does not know of all.
      type: str
  sample: {ready: "yes", severity: null, problem: "", stage: initramfs, dma: 4 of 7}
path:
  description: The file with facts and plan.
  returned: with O(directory), outside of check mode
  type: str
  sample: /home/op/results/db01.example.com-facts.json
"""
