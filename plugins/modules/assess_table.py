#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: assess_table
short_description: Print the assessed hosts of a play as one table
version_added: 0.3.0
description:
  - Prints a line for each host that M(vmcore.kdump.assess) assessed in the play, the hosts that are not ready first.
    The last line says how many hosts are ready. The playbook C(assess) ends with this task.
  - It runs on the controller and asks no host. A host without a result is in the table as not assessed, for instance a
    host that did not answer.
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
    description: It runs on the controller.
    support: N/A
    platforms: posix
options:
  hosts:
    description:
      - The hosts of the table.
    type: list
    elements: str
    required: true
  register:
    description:
      - The variable that the task with M(vmcore.kdump.assess) registered.
    type: str
    required: true
seealso:
  - module: vmcore.kdump.assess
"""

EXAMPLES = r"""
---
- name: Look at the host
  vmcore.kdump.assess:
    brief: true
  register: assessed

- name: Show all hosts in a table
  vmcore.kdump.assess_table:
    hosts: "{{ ansible_play_hosts_all }}"
    register: assessed
  run_once: true
"""

RETURN = r"""
msg:
  description: The table.
  returned: success
  type: str
  sample: 9 of 12 hosts are ready to take a dump, 3 are not.
rows:
  description: RV(vmcore.kdump.assess#module:row) of each host by its name, V(null) of a host that was not assessed.
  returned: success
  type: dict
  sample:
    db01.example.com: {ready: "yes", severity: null, problem: "", stage: initramfs, dma: 4 of 7}
"""
