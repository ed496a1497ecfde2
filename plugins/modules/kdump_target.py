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
  - Tests the dump target that the host's kdump is configured with, as a dump would use it. The module reaches the
    target, and writes, reads back and removes a file there. It compares the free space with the expected size of a
    dump.
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
  description: The configured target, the first of several. What its type does not have is V(null).
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
    port: null
targets:
  description:
    - Every place that gets a dump, in this order. kdump-tools saves to a server of each kind that is configured.
  returned: success
  type: list
  elements: dict
  contains:
    type:
      description:
        - V(local), V(filesystem), V(raw), V(nfs), V(ssh), or V(ftp), V(sftp) and V(cifs), which are not tested.
      type: str
      returned: always
    path:
      description: The directory that gets the dumps, on the host, the server, or the device.
      type: str
      returned: always
    server:
      description: The server, an address of IPv6 without brackets.
      type: str
      returned: always
    port:
      description: The port of the server, V(null) for the usual one.
      type: int
      returned: always
    export:
      description: The directory that an NFS server exports.
      type: str
      returned: always
    user:
      description: Who logs in.
      type: str
      returned: always
    key:
      description: The private key.
      type: str
      returned: always
    device:
      description: The device of a file system or of raw dumps.
      type: str
      returned: always
    fstype:
      description: The type of the file system.
      type: str
      returned: always
    tested:
      description: Whether it was tested.
      type: bool
      returned: always
    untested:
      description: Why nobody tested it, in a sentence.
      type: str
      returned: always
    free_bytes:
      description: What it has left for root, or the size of a raw partition. V(null) if it was not tested.
      type: int
      returned: always
tested:
  description:
    - Whether all targets were tested, which check mode does not. There is a warning for each that no test is known for.
  returned: success
  type: bool
  sample: true
free_bytes:
  description:
    - What the first target has left for root, or the size of a raw partition. V(null) if it was not tested.
  returned: success
  type: int
  sample: 107374182400
expected_bytes:
  description:
    - What a dump at level 31 may take before compression, by makedumpfile, or by C(/proc/meminfo) where makedumpfile
      does not tell.
    - V(null) if neither does.
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
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import (
    expected_dump_bytes,
    free_memory,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import ask, largest
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import detect, no_family
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.try_target import (
    Trial,
    lacking_in_image,
    try_targets,
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

_SECONDS = "60"


def require_in_image(module: AnsibleModule, family: Family, target: Target) -> None:
    """Raise KdumpError if the kdump initramfs has to reach the target and lacks something for that."""
    if not family.saves_from_image:
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
        raise KdumpError(no_family()["message"])
    texts = {path: read_text(inside(ROOT, path)) or "" for path in family.configuration.paths}
    targets = family.targets(texts)

    if module.check_mode:
        return result([Trial(target) for target in targets], expected_dump_bytes(ROOT))
    expected = _expected(module)
    trials = try_targets(targets, runner(module))
    for trial in trials:
        if trial.untested:
            module.warn(trial.untested)
        else:
            require_in_image(module, family, trial.target)
        if expected is not None and trial.free is not None and trial.free < expected:
            module.warn(
                f"The dump target {trial.target.url} has {trial.free >> 20} MiB left, a dump may take"
                f" {expected >> 20} MiB: make room."
            )
    return result(trials, expected)


def _expected(module: AnsibleModule) -> int | None:
    """Return what a dump may take: makedumpfile knows which pages it leaves out."""
    told = ask(lambda command: runner(module)(["timeout", _SECONDS, *command]))
    size = largest(told, free_memory(ROOT))
    return expected_dump_bytes(ROOT) if size is None else size


def result(trials: list[Trial], expected: int | None) -> dict[str, t.Any]:
    """Return the module's result."""
    shown = [
        {
            **trial.target._asdict(),
            "tested": trial.free is not None,
            "untested": trial.untested,
            "free_bytes": trial.free,
        }
        for trial in trials
    ]
    return {
        "changed": False,
        "target": trials[0].target._asdict(),
        "targets": shown,
        "tested": all(each["tested"] for each in shown),
        "free_bytes": shown[0]["free_bytes"],
        "expected_bytes": expected,
    }


def main() -> None:
    run_module(
        examine,
        argument_spec={},
        only_root_can="test the dump target",
    )


if __name__ == "__main__":
    main()
