#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _new_crashes
short_description: Private, what crashes left on a host that are not known yet
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The action plugin of M(vmcore.kdump.collect) runs this on the host. Leave it to that one.
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
options:
  path:
    description: As O(vmcore.kdump.collect#module:path).
    type: path
  known:
    description: The identities of what need not be read again.
    type: list
    elements: str
    default: []
  most:
    description: How many crashes to return at most.
    type: int
    default: 5
"""

EXAMPLES = r"""
# The action plugin of vmcore.kdump.collect is the only one to use it.
"""

RETURN = r"""
directory:
  description: The directory that was searched.
  returned: success
  type: str
kernel:
  description: The release of the kernel that runs now.
  returned: success
  type: str
dmi:
  description: What the firmware says about the machine.
  returned: success
  type: dict
architecture:
  description: The machine's architecture.
  returned: success
  type: str
identities:
  description: The identities of all crashes that are there.
  returned: success
  type: list
  elements: str
crashes:
  description: The new ones, the newest first.
  returned: success
  type: list
  elements: dict
left:
  description: How many more there are.
  returned: success
  type: int
"""

import typing as t
from functools import partial
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_text
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes import (
    dump_directory,
    news,
    refuse_while_dumping,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.crashes import (
        Crashes,
        NewCrash,
    )

ROOT = Path("/")


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the crashes that are not known yet."""
    params = module.params
    refuse_while_dumping(ROOT)
    directory = Path(params["path"]) if params["path"] else dump_directory(ROOT)
    crashes: list[NewCrash] = []
    identities: list[str] = []
    left = 0
    # Before its first crash a host has no such directory. What was named has to be there.
    if params["path"] or directory.is_dir():
        crashes, identities, left = news(
            directory, frozenset(params["known"]), params["most"], partial(verify, log=True)
        )
    platform = platform_facts(ROOT)
    answer: Crashes = {
        "directory": str(directory),
        "kernel": read_text(ROOT / "proc/sys/kernel/osrelease"),
        "dmi": platform["dmi"],
        "architecture": platform["architecture"],
        "identities": identities,
        "crashes": crashes,
        "left": left,
    }
    return {"changed": False, **answer}


def main() -> None:
    run_module(
        look,
        argument_spec={
            "path": {"type": "path"},
            "known": {"type": "list", "elements": "str", "default": []},
            "most": {"type": "int", "default": 5},
        },
        only_root_can="read crash dumps",
    )


if __name__ == "__main__":
    main()
