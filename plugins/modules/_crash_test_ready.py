#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
# Note that it is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _crash_test_ready
short_description: Private, looks before a crash for what is needed after it
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The role P(vmcore.kdump.crash_test#role) begins with this. Leave it to that one.
  - It looks at the controller, in check mode as well, and asks no host.
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
options:
  recovery:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_recovery).
    type: str
  bmc_host:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_bmc_host).
    type: str
  bmc_user:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_bmc_user).
    type: str
  bmc_password:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_bmc_password).
    type: str
  dump_host:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_dump_host).
    type: str
  dump_path:
    description: As O(vmcore.kdump.crash_test#role:main:crash_test_dump_path).
    type: path
"""

EXAMPLES = r"""
# The role vmcore.kdump.crash_test is the only one to use it.
"""

RETURN = r""" # """
