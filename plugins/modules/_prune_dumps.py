#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _prune_dumps
short_description: Private, removes old crash dumps on their host
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The action plugin of M(vmcore.kdump.vmcore_prune) runs this on the host. Leave it to that one.
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description: As O(vmcore.kdump.vmcore_prune#module:path).
    type: path
  max_age:
    description: As O(vmcore.kdump.vmcore_prune#module:max_age).
    type: int
  max_count:
    description: As O(vmcore.kdump.vmcore_prune#module:max_count).
    type: int
  max_bytes:
    description: O(vmcore.kdump.vmcore_prune#module:max_size) in bytes.
    type: int
  keep_unreported:
    description: As O(vmcore.kdump.vmcore_prune#module:keep_unreported).
    type: bool
    default: true
  keep_signatures:
    description: As O(vmcore.kdump.vmcore_prune#module:keep_signatures).
    type: bool
    default: true
  reported:
    description: What the controller has, by the identity of the file, each with C(signature) and C(crash_time).
    type: dict
    default: {}
"""

EXAMPLES = r"""
# The action plugin of vmcore.kdump.vmcore_prune is the only one to use it.
"""

RETURN = r"""
directory:
  description: The dump directory.
  returned: success
  type: str
removed:
  description: As RV(vmcore.kdump.vmcore_prune#module:removed).
  returned: success
  type: list
  elements: dict
kept:
  description: As RV(vmcore.kdump.vmcore_prune#module:kept).
  returned: success
  type: list
  elements: dict
freed_bytes:
  description: As RV(vmcore.kdump.vmcore_prune#module:freed_bytes).
  returned: success
  type: int
"""

import time
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes import (
    dump_directory,
    refuse_while_dumping,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.retention import (
    Decision,
    Known,
    Rules,
    decide,
    open_directories,
    remove,
    survey,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")


def prune(module: AnsibleModule) -> dict[str, t.Any]:
    """Remove what may not stay, and return what became of each crash."""
    params = module.params
    refuse_while_dumping(ROOT)
    directory = Path(params["path"]) if params["path"] else dump_directory(ROOT)
    rules = Rules(
        params["max_age"],
        params["max_count"],
        params["max_bytes"],
        params["keep_unreported"],
        params["keep_signatures"],
    )
    known = {
        identity: Known(report.get("signature"), report.get("crash_time"))
        for identity, report in params["reported"].items()
    }
    # Before its first crash a host has no such directory. What was named has to be there.
    crashes = survey(directory) if params["path"] or directory.is_dir() else []
    busy = open_directories(directory) if crashes else set()
    decisions = decide(crashes, rules, known, busy, time.time())
    gone = [decision for decision in decisions if decision.remove]
    if not module.check_mode:
        for decision in gone:
            remove(directory, decision.left)
    result: dict[str, t.Any] = {
        "changed": bool(gone),
        "directory": str(directory),
        "removed": [shown(directory, decision) for decision in gone],
        "kept": [shown(directory, decision) for decision in decisions if not decision.remove],
        "freed_bytes": sum(decision.left.size for decision in gone),
    }
    if gone:
        result["diff"] = {
            "before_header": str(directory),
            "after_header": str(directory),
            "before": listing(decisions),
            "after": listing([decision for decision in decisions if not decision.remove]),
        }
    return result


def shown(directory: Path, decision: Decision) -> dict[str, t.Any]:
    """Return what the result has of a crash."""
    return {
        "path": str(directory / decision.left.directory),
        "size": decision.left.size,
        "why": decision.why,
    }


def listing(decisions: list[Decision]) -> str:
    """Return a line a crash."""
    return "".join(
        f"{decision.left.directory} {decision.left.size} bytes: {', '.join(decision.left.names)}\n"
        for decision in decisions
    )


def main() -> None:
    run_module(
        prune,
        argument_spec={
            "path": {"type": "path"},
            "max_age": {"type": "int"},
            "max_count": {"type": "int"},
            "max_bytes": {"type": "int"},
            "keep_unreported": {"type": "bool", "default": True},
            "keep_signatures": {"type": "bool", "default": True},
            "reported": {"type": "dict", "default": {}},
        },
        only_root_can="remove crash dumps",
    )


if __name__ == "__main__":
    main()
