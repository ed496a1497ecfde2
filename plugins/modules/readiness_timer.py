#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: readiness_timer
short_description: Have a host check every day whether it can take a crash dump
version_added: 0.3.0
description:
  - Installs a program on the host with a timer of systemd, which runs the program a minute after each boot and once a
    day, and a path unit, which runs it after a kernel was installed or removed, on all distributions.
  - The program is the code of M(vmcore.kdump.platform_facts) in one file, so that the host says of itself what an
    assessment would say. It needs Python 3.9 and nothing else.
  - It compares the host with its last crash test, and writes C(/var/lib/vmcore-kdump-readiness/state.json), for
    M(vmcore.kdump.platform_facts) and for C(/usr/local/lib/vmcore-kdump/check_kdump), a plugin for Nagios and its
    relatives, and metrics for the textfile collector of node_exporter.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
  check_mode:
    support: full
  diff_mode:
    support: partial
    details:
      - Of units and the plugin. Of the program it says that it differs.
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the timer is there. V(absent) removes all files of it, what it noted, and its metrics.
    type: str
    choices: [present, absent]
    default: present
  textfile_directory:
    description:
      - The directory of node_exporter's textfile collector, which gets C(vmcore_kdump_host.prom). Empty for no metrics.
      - By default it is C(/var/lib/prometheus/node-exporter) where that exists, the directory of Debian's package.
      - With O(state=absent) it is where the metrics are that are removed.
    type: str
  program:
    description: The program in base64. It is filled in.
    type: str
  check:
    description: The plugin for Nagios. It is filled in.
    type: str
seealso:
  - module: vmcore.kdump.platform_facts
"""

EXAMPLES = r"""
---
- name: Have the host watch itself
  vmcore.kdump.readiness_timer:

- name: Remove every trace of that
  vmcore.kdump.readiness_timer:
    state: absent
"""

RETURN = r"""
files:
  description: The files that were written or removed.
  returned: success
  type: list
  elements: str
  sample: [/usr/local/lib/vmcore-kdump/readiness.pyz]
enabled:
  description: Whether timer and path unit are enabled and run.
  returned: success
  type: bool
  sample: true
"""

import base64
import sys
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._module import (
    run_module,
    runner,
    writer,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._readiness.install import (
    DIRECTORIES,
    PROGRAM,
    SERVICE,
    TRIGGERS,
    Change,
    changes,
    removals,
    textfile_directory,
    wanted,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.vmcore.kdump.plugins.module_utils._run import Run

ROOT = Path("/")


def manage(module: AnsibleModule) -> dict[str, t.Any]:
    """Bring the timer into the state that is asked for."""
    run = runner(module)
    if not (ROOT / "run/systemd/system").is_dir():
        raise KdumpError("systemd does not run this host: the timer cannot be installed.")
    directory = textfile_directory(ROOT, module.params["textfile_directory"])
    present = module.params["state"] == "present"
    if present:
        program = base64.b64decode(module.params["program"] or "")
        todo = changes(
            ROOT, wanted(program, module.params["check"] or "", sys.executable, directory)
        )
    else:
        todo = removals(ROOT, directory)
    enabled = runs(run)
    result = {
        "changed": bool(todo) or enabled != present,
        "files": [str(change.path) for change in todo],
        "enabled": present,
        "diff": [difference(change) for change in todo],
    }
    if not module.check_mode and result["changed"]:
        install(module, run, todo) if present else uninstall(run, todo, enabled=enabled)
    return result


def runs(run: Run) -> bool:
    """Say whether both triggers are enabled and active."""
    return all(
        run(["systemctl", verb, "--quiet", *TRIGGERS])[0] == 0
        for verb in ("is-enabled", "is-active")
    )


def install(module: AnsibleModule, run: Run, todo: list[Change]) -> None:
    """Write the files, have systemd read them, and check the host for the first time."""
    write = writer(module)
    for change in todo:
        path = inside(ROOT, change.path)
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write(path, change.after or b"", change.mode)
    must(run, ["systemctl", "daemon-reload"])
    must(run, ["systemctl", "enable", *TRIGGERS])
    must(run, ["systemctl", "restart", *TRIGGERS])
    must(run, ["systemctl", "start", SERVICE])


def uninstall(run: Run, todo: list[Change], *, enabled: bool) -> None:
    """Stop the units and remove the files, and the directories that are left empty."""
    if enabled or any(str(change.path).endswith(TRIGGERS) for change in todo):
        must(run, ["systemctl", "disable", "--now", *TRIGGERS])
        must(run, ["systemctl", "stop", SERVICE])
    for change in todo:
        inside(ROOT, change.path).unlink(missing_ok=True)
    # What the service wrote after the list was made.
    for change in removals(ROOT, None):
        inside(ROOT, change.path).unlink(missing_ok=True)
    for directory in DIRECTORIES:
        path = inside(ROOT, directory)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    must(run, ["systemctl", "daemon-reload"])


def must(run: Run, command: list[str]) -> None:
    """Run a command that has to succeed."""
    status, output = run(command)
    if status:
        raise KdumpError(f"'{' '.join(command)}' ended with {status}: {output.strip()[-500:]}")


def difference(change: Change) -> dict[str, str]:
    """Return the difference of a file for people; the program is no text."""
    told = {"before_header": str(change.path), "after_header": str(change.path)}
    for side, content in (("before", change.before), ("after", change.after)):
        if content is None:
            told[side] = ""
        elif change.path == PROGRAM:
            told[side] = f"a program of {len(content)} bytes\n"
        else:
            told[side] = content.decode("utf-8", "replace")
    return told


def main() -> None:
    run_module(
        manage,
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "textfile_directory": {"type": "str"},
            "program": {"type": "str"},
            "check": {"type": "str"},
        },
        only_root_can="install the readiness timer",
    )


if __name__ == "__main__":
    main()
