#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: capture_tree
short_description: Capture what the facts of a host are read from
version_added: 0.1.0
description:
  - Puts the files that M(vmcore.kdump.platform_facts) reads on a host into one archive on the controller.
    That archive can be analysed elsewhere, without the host.
  - Serial numbers, MAC addresses, network addresses, UUIDs and the name of the host are left out unless they
    are asked for. Only files that are known to be needed get in.
  - It writes nothing on the host. Unpack the archive into an empty directory, and give that directory to the
    option O(vmcore.kdump.platform_facts#module:root).
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which saves the archive.
    support: full
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details:
      - Counters of interrupts and free memory are captured as well, an archive always differs.
  platform:
    platforms: linux
options:
  dest:
    description:
      - The file on the controller to save the archive in, a tar file compressed with gzip. It is replaced.
      - A relative path is relative to the directory in which Ansible was started.
    type: path
    required: true
  identifying:
    description:
      - Leave in what tells which host it is. This is its name, the UUIDs and addresses in command lines and
        configuration files, and the Device Serial Numbers of PCI functions.
      - Configuration files come without lines of comment in any case, and they and command lines without passwords.
        These are the passwords in URLs, and the values of what is called C(PASS), C(PW), C(SECRET), C(TOKEN) or
        C(set_credential), also as a part of a name. The C(vpd) files, serial numbers of the machine, and MAC
        addresses in C(net) directories are never captured.
    type: bool
    default: false
notes:
  - Root must run it. The kernel shows others only the header of a PCI function's configuration space.
  - Of the configuration space of every function the header is read (64 bytes), and of each capability what lies
    before the next one, at most 64 bytes, or 256 bytes of an extended capability. Between them nothing is
    read, because there are devices that hang when undefined registers are read; the archive has zeros there.
  - Unless O(identifying=true), the content of the Vital Product Data and Device Serial Number capabilities is not
    read either.
seealso:
  - module: vmcore.kdump.platform_facts
"""

EXAMPLES = r"""
---
- name: Capture the host
  vmcore.kdump.capture_tree:
    dest: "captures/{{ inventory_hostname }}.tar.gz"
"""

RETURN = r"""
dest:
  description: The archive on the controller.
  returned: success
  type: str
  sample: /home/op/captures/db01.tar.gz
size:
  description: Bytes in the archive.
  returned: success
  type: int
  sample: 41317
functions:
  description: Number of PCI functions in the archive.
  returned: success
  type: int
  sample: 15
"""

import base64
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.tree import archive, capture
from ansible_collections.vmcore.kdump.plugins.module_utils._module import is_root, run_module

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")

WARNING = (
    "Only root can read all of the PCI configuration space, the firmware's tables and kdump's files: what is missing in"
    " the tree is missing in what is made of it. Capture it again with become."
)


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """Capture the tree and return the module's result, with the archive for the action plugin."""
    if not is_root():
        module.warn(WARNING)
    entries = capture(ROOT, identifying=module.params["identifying"])
    data = archive(entries)
    return {
        "changed": True,
        "dest": module.params["dest"],
        "size": len(data),
        "functions": sum(path.startswith("sys/bus/pci/devices/") for path in entries),
        # The action plugin takes it out and saves it.
        "archive": base64.b64encode(data).decode("ascii"),
    }


def main() -> None:
    run_module(
        look,
        argument_spec={
            "dest": {"type": "path", "required": True},
            "identifying": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
