# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
# Note that it is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _crash_test_outcomes
short_description: Private, says what the crash tests of a run came to
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The playbooks C(crash_test) and C(verify) end with this. Leave it to them.
  - It lists the hosts that did not pass, those that were refused above all, and fails when no host was tested.
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
options:
  hosts:
    description: The hosts of the run.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
# The playbooks of the collection are the only ones to use it.
"""

RETURN = r""" # """
