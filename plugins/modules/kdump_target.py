#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kdump_target
short_description: Test the place that dumps are saved in
version_added: 0.2.0
description:
  - Tests the dump target that the host's kdump is configured with, as a dump would use it. It is reached, a file is
    written there, read back and removed, and the space that is left is compared with what a dump is expected to take.
  - An NFS export is mounted for the test, in a directory of its own. An SSH server is logged into with kdump's key,
    without any question, because nobody answers one in the capture kernel. A raw partition is opened and not written
    to.
  - If the kdump initramfs saves the dump itself, it is looked into for what it needs to reach the target.
  - Fails if a dump could not be saved, and says what to do. Too little space by estimate is a warning.
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode nothing is reached and nothing is written. The configured target is returned.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state. The file that it writes is gone in the end.
  idempotent:
    support: full
author:
  - vmcore.kdump authors (@vmcore-kdump)
seealso:
  - module: vmcore.kdump.kdump_config
  - module: vmcore.kdump.vmcore_info
"""

EXAMPLES = r"""
---
- name: See that a dump could be saved
  vmcore.kdump.kdump_target:
"""

RETURN = r"""
target:
  description: The configured target. What its type does not have is V(null).
  returned: success
  type: dict
  sample:
    type: nfs
    path: /
    server: vault.example.com
    export: /srv/dumps
    user: null
    key: null
    device: null
    fstype: null
tested:
  description: Whether the target was tested, which check mode does not.
  returned: success
  type: bool
  sample: true
free_bytes:
  description: What the target has left for root, or the size of a raw partition. V(null) if it was not tested.
  returned: success
  type: int
  sample: 107374182400
expected_bytes:
  description:
    - What a dump at level 31 takes before compression, by C(/proc/meminfo), V(null) if that does not tell.
  returned: success
  type: int
  sample: 402653184
"""

import os
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import read_image
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import CONFIGS
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import expected_dump_bytes
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import detect
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.targets import (
    Target,
    configured_target,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.try_target import (
    lacking_in_image,
    try_target,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")


def require_in_image(module: AnsibleModule, family: Family, target: Target) -> None:
    """Raise KdumpError if the kdump initramfs has to reach the target and lacks something for that."""
    if family.name == "debian" or target.type not in ("nfs", "ssh"):
        return
    image: PurePosixPath = family.image(ROOT, os.uname().release)
    content = read_bytes(inside(ROOT, image), limit=1 << 30)
    if content is None:
        return
    lacking = lacking_in_image(
        target, read_image(content, with_programs(runner(module), Path(module.tmpdir)))
    )
    if lacking:
        raise KdumpError(
            f"The kdump initramfs {image} has no {' and no '.join(lacking)}, which it needs to reach the target: build"
            " it again."
        )


def examine(module: AnsibleModule) -> dict[str, t.Any]:
    """Test the target and return the module's result."""
    family = detect(ROOT)
    if family is None:
        raise KdumpError(problem("no_family")["message"])
    texts = {path: read_text(inside(ROOT, path)) or "" for path in CONFIGS[family.name].paths}
    target = configured_target(family.name, texts)

    expected = expected_dump_bytes(ROOT)
    result: dict[str, t.Any] = {
        "changed": False,
        "target": target._asdict(),
        "tested": not module.check_mode,
        "free_bytes": None,
        "expected_bytes": expected,
    }
    if module.check_mode:
        return result
    free = try_target(target, runner(module)).free
    require_in_image(module, family, target)
    if expected is not None and free < expected:
        module.warn(
            f"The dump target has {free >> 20} MiB left, a dump may take {expected >> 20} MiB: make room."
        )
    return {**result, "free_bytes": free}


def main() -> None:
    run_module(
        examine,
        argument_spec={},
        only_root_can="test the dump target",
    )


if __name__ == "__main__":
    main()
