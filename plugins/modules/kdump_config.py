#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kdump_config
short_description: Configure kdump in the distribution's own files
version_added: 0.2.0
description:
  - Edits C(/etc/default/kdump-tools) on Debian and Ubuntu, C(/etc/kdump.conf) and C(/etc/sysconfig/kdump) on Fedora,
    Red Hat Enterprise Linux and what is like them, and C(/etc/sysconfig/kdump) on SUSE.
  - The files are edited in place. Comments, the order of the lines, and settings that the task does not name stay as
    they are. A setting that has its value already stays as it is written.
  - An option that is left out is left as the host has it. An option that the host's kdump does not have is refused with
    what that kdump offers instead.
  - The module refuses settings that kdump itself would refuse, for example two dump targets, before it writes anything.
  - Writes the files and nothing else. RV(rebuild) and RV(rearm) say what has to follow.
options:
  dump_path:
    description:
      - The directory below which every dump gets a directory of its own.
      - On the host itself for a O(target) of type V(local), on the server for V(ssh), below the root of what is mounted
        for V(filesystem) and V(nfs).
      - kdump-tools saves to the root of an NFS export. There the option is the directory that it mounts the export on.
    type: str
  target:
    description:
      - Where dumps go. Replaces the target that the host has.
    type: dict
    suboptions:
      type:
        description:
          - V(local) is a directory in the host's own mounted file systems.
          - V(filesystem) is a file system that kdump mounts for the dump, on O(target.device), and V(raw) a partition
            without one. Both are kdump-utils' only.
          - V(nfs) is O(target.export) of O(target.server).
          - V(ssh) is O(target.user) at O(target.server).
        type: str
        choices: [local, filesystem, raw, nfs, ssh]
        required: true
      device:
        description:
          - A path below C(/dev) that does not change from boot to boot, or C(LABEL=) or C(UUID=) for a file system.
        type: str
      fstype:
        description:
          - The type of the file system on O(target.device).
        type: str
      server:
        description:
          - The host name or the address of the server.
        type: str
      export:
        description:
          - The directory that the NFS server exports.
        type: str
      user:
        description:
          - The user who takes the dump on the SSH server.
        type: str
      key:
        description:
          - The private key for the SSH server. kdump takes C(/root/.ssh/kdump_id_rsa) otherwise.
        type: str
  compression:
    description:
      - How makedumpfile compresses the pages of a dump. All other arguments of makedumpfile stay.
    type: str
    choices: [none, zlib, lzo, snappy, zstd]
  dump_level:
    description:
      - Which pages makedumpfile leaves out, from V(0) for none to V(31) for all that it can tell.
    type: int
  command_line_append:
    description:
      - Arguments for the capture kernel, besides those that kdump gives it by itself, which are kept.
      - An argument takes the place of the one with the same name.
    type: list
    elements: str
  command_line_remove:
    description:
      - Names of arguments that the capture kernel must not get.
    type: list
    elements: str
  keep:
    description:
      - How many dumps are kept on the host, V(0) for all of them. kdump-utils keeps all.
    type: int
  failure_action:
    description:
      - What the capture kernel does when the dump cannot be saved.
    type: str
    choices: [reboot, halt, poweroff, shell, dump_to_rootfs]
  final_action:
    description:
      - What the capture kernel does when the dump is saved.
    type: str
    choices: [reboot, halt, poweroff]
  capture_log:
    description:
      - Where the last lines of a capture kernel stay that dies before it saves the dump, so that the next boot finds
        them without a serial console. A panic of the capture kernel writes some KiB to the board's flash, and nothing
        else does.
      - V(pstore) lets firmware keep them. With an ACPI ERST there is nothing to set up. With UEFI variables the capture
        kernel gets C(efi_pstore.pstore_disable=0). Where C(efi_pstore) is a module, the kdump initramfs loads it early.
        On a machine with neither, nothing changes, and RV(capture_log) says why.
      - V(none) takes away what V(pstore) set up.
    type: str
    choices: [none, pstore]
    version_added: 0.3.0
  pre_script:
    description:
      - An executable that runs before the dump is saved.
    type: str
  post_script:
    description:
      - An executable that runs after the dump was saved.
    type: str
  extra_modules:
    description:
      - Kernel modules that the kdump initramfs needs besides. The list replaces the present one.
    type: list
    elements: str
  extra_binaries:
    description:
      - Programs that the kdump initramfs needs besides. The list replaces the present one.
    type: list
    elements: str
  backup:
    description:
      - Whether a file that changes is kept beside the new one, with the time in its name.
    type: bool
    default: false
  settings:
    description:
      - Anything else, by the name that it has in the distribution's file. V(null) takes a setting away.
      - What has C(PASS), C(SECRET), C(TOKEN) or C(CREDENTIAL) in its name, and the password of a URL, is neither shown
        nor logged. Set C(no_log) on a task that gives another secret here.
      - With kdump-utils, names in upper case are those of C(/etc/sysconfig/kdump), others those of C(/etc/kdump.conf).
    type: dict
    default: {}
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
    details:
      - Also on a host without kdump, where the module otherwise fails. It tells what it would add to the files then.
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - vmcore.kdump authors (@vmcore-kdump)
seealso:
  - module: vmcore.kdump.platform_facts
"""

EXAMPLES = r"""
---
- name: Save dumps to a file system of their own, compressed fast, the last three of them
  vmcore.kdump.kdump_config:
    dump_path: /srv/crash
    compression: lzo
    dump_level: 31
    keep: 3

- name: Save dumps to an NFS server
  vmcore.kdump.kdump_config:
    target:
      type: nfs
      server: vault.example.com
      export: /srv/dumps

- name: Save dumps over SSH
  vmcore.kdump.kdump_config:
    target:
      type: ssh
      server: vault.example.com
      user: kdump
      key: /root/.ssh/kdump_id_ed25519
    dump_path: /srv/dumps

- name: Give the capture kernel two processors
  vmcore.kdump.kdump_config:
    command_line_append: [nr_cpus=2]

- name: Let firmware keep the log of a capture kernel that dies
  vmcore.kdump.kdump_config:
    capture_log: pstore

- name: Let kdump-utils leave the reserved memory as it is
  vmcore.kdump.kdump_config:
    settings:
      auto_reset_crashkernel: false
"""

RETURN = r"""
family:
  description: The kdump of the host, V(debian), V(kdump-utils) or V(suse).
  returned: success
  type: str
  sample: debian
files:
  description: The files that were written, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/default/kdump-tools]
backup_files:
  description: Where the files that changed are kept as they were.
  returned: success and O(backup=true)
  type: list
  elements: str
  sample: [/etc/default/kdump-tools.4242.2026-11-28@23:15:07~]
capture_log:
  description:
    - What can keep the log of a capture kernel that dies (C(capture), null for nothing), whether there is room for
      another log (C(room), null if that is not known), and a sentence (C(why)).
    - As C(kdump.pstore) of M(vmcore.kdump.platform_facts).
  returned: success and O(capture_log)
  type: dict
  sample: {"capture": "efi_pstore", "room": true, "why": "UEFI variables can keep crash records."}
rebuild:
  description:
    - Whether the kdump initramfs has to be built again, for what was changed now or after it was built.
  returned: success
  type: bool
  sample: false
rearm:
  description:
    - Whether the capture kernel has to be loaded again, for what was changed now or after it was loaded.
  returned: success
  type: bool
  sample: true
rebuild_commands:
  description: The commands that build the kdump initramfs, each with its arguments. Empty on a host without kdump.
  returned: success
  type: list
  elements: list
  sample: [[/etc/kernel/postinst.d/kdump-tools, 6.12.107+deb13-amd64]]
rearm_commands:
  description: The commands that load the capture kernel again, each with its arguments. Empty on a host without kdump.
  returned: success
  type: list
  elements: list
  sample: [[kdump-config, unload], [kdump-config, load]]
"""

import contextlib
import os
import re
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import Edit, edit, files_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.pstore import pstore_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    detect,
    expected,
    no_family,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner, writer
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside, modified, read_text

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Mapping

    from ansible.module_utils.basic import AnsibleModule
    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Pstore

ROOT = Path("/")

# Names of settings whose values are nobody's business.
SECRET = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL", re.IGNORECASE)
# KDUMP_SMTP_PASSWORD="...", FTP_PASSWORD=..., and the one in a URL: ftp://user:...@host/path
PASSWORD = re.compile(
    rf"((?:{SECRET.pattern})\w*=|://[^\s:/@\"']*:)(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s@\"']+)",
    re.IGNORECASE,
)
HIDDEN = "********"


def read(path: PurePosixPath) -> str:
    """Return a file as it is, whatever its bytes are; nothing for one that is not there."""
    with contextlib.suppress(FileNotFoundError):
        return inside(ROOT, path).read_bytes().decode("utf-8", "surrogateescape")
    return ""


def make_edit(
    module: AnsibleModule, family: Family | None, store: Pstore | None
) -> tuple[Family, Edit]:
    """Return the host's family, or the one that it would have, and what is to become of its files."""
    chosen = family or expected(ROOT)
    if chosen is None or (family is None and not module.check_mode):
        raise KdumpError(no_family()["message"])
    config = chosen.configuration
    host = EditContext(
        program=(read_text(inside(ROOT, config.program)) or "") if config.program else "",
        command_line=read_text(ROOT / "proc/cmdline") or "",
        # In check mode the script may be what an earlier task would have installed.
        is_executable=lambda path: module.check_mode or os.access(path, os.X_OK),
        ask=runner(module),
        store=store,
    )
    texts = {path: read(path) for path in files_of(config, module.params)}
    return chosen, edit(config, texts, module.params, host)


def shown(text: str) -> str:
    """Return a file as a diff may show it: without passwords, and in bytes that every terminal takes."""
    hidden = PASSWORD.sub(lambda match: f"{match[1]}{HIDDEN}", text)
    return hidden.encode("utf-8", "replace").decode()


def make_diff(found: Edit) -> list[dict[str, str]]:
    """Return the diff of each file that changes."""
    return [
        {
            "before_header": str(path) if found.before[path] else f"{path} (absent)",
            "after_header": str(path),
            "before": shown(found.before[path]),
            "after": shown(found.after[path]),
        }
        for path in found.changed
    ]


def write_all(module: AnsibleModule, found: Edit) -> None:
    """Write what changes; the files together are one configuration, and none of them stays alone."""
    replace = writer(module)

    def write(path: PurePosixPath, text: str) -> None:
        if not text and found.removes(path):
            inside(ROOT, path).unlink(missing_ok=True)
            return
        replace(inside(ROOT, path), text.encode("utf-8", "surrogateescape"), None)

    written: list[PurePosixPath] = []
    try:
        for path in found.changed:
            write(path, found.after[path])
            written.append(path)
    except (OSError, SystemExit):  # the module ends when a file cannot be written
        for path in written:
            write(path, found.before[path])
        raise


def is_behind(record: PurePosixPath, files: Iterable[PurePosixPath]) -> bool:
    """Say whether a file was changed after what was made from it: an earlier run ended in between."""
    made = modified(inside(ROOT, record))
    return made is not None and any((modified(inside(ROOT, path)) or 0) > made for path in files)


def follow(found: Edit, family: Family | None) -> dict[str, t.Any]:
    """Return what has to be run for the configuration to count."""
    if family is None:
        return {
            "rebuild": found.rebuild,
            "rearm": found.rearm,
            "rebuild_commands": [],
            "rearm_commands": [],
        }
    kernel, files = os.uname().release, list(found.before)
    record, image = family.record(ROOT, kernel), family.image(ROOT, kernel)
    behind = record is not None and is_behind(record, files[:1])
    lacks = found.modules is not None and is_behind(image, [found.modules.path])
    rebuild = found.rebuild or lacks or (behind and record == image)
    return {
        "rebuild": rebuild,
        "rearm": found.rearm or lacks or behind,
        "rebuild_commands": family.rebuild_commands(ROOT, kernel),
        "rearm_commands": family.rearm_commands(),
    }


def secrets(settings: Mapping[str, t.Any]) -> set[str]:
    """Return what must not be shown of the settings: passwords by their names, and those in URLs."""
    found = {str(value) for name, value in settings.items() if value and SECRET.search(name)}
    for value in settings.values():
        found.update(re.findall(r"://[^\s:/@\"']*:([^\s@/]+)@", str(value)))
    return found


def ensure(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the task asks for and return the module's result."""
    # The option as a whole is kept out of the log. Of what is returned only passwords are: 0 and 1 are settings too.
    module.no_log_values.clear()
    module.no_log_values.update(secrets(module.params["settings"]))
    family = detect(ROOT)
    # A capture kernel is the running kernel once more.
    store = pstore_facts(ROOT, os.uname().release) if module.params["capture_log"] else None
    chosen, found = make_edit(module, family, store)
    result: dict[str, t.Any] = {
        "changed": bool(found.changed),
        "family": chosen.name,
        "files": [str(path) for path in found.changed],
        **follow(found, family),
    }
    if store is not None:
        result["capture_log"] = {key: store[key] for key in ("capture", "room", "why")}
    if module._diff:
        result["diff"] = make_diff(found)
    if module.params["backup"]:
        result["backup_files"] = []
    if not module.check_mode:
        if module.params["backup"]:
            result["backup_files"] = keep(module, found)
        write_all(module, found)
    return result


def keep(module: AnsibleModule, found: Edit) -> list[str]:
    """Copy the files that change, as M(ansible.builtin.copy) does, and return where they are."""
    places = [str(inside(ROOT, path)) for path in found.changed]
    return [module.backup_local(place) for place in places if Path(place).exists()]


def main() -> None:
    run_module(
        ensure,
        argument_spec={
            "dump_path": {"type": "str"},
            "target": {
                "type": "dict",
                "options": {
                    "type": {
                        "type": "str",
                        "choices": ["local", "filesystem", "raw", "nfs", "ssh"],
                        "required": True,
                    },
                    "device": {"type": "str"},
                    "fstype": {"type": "str"},
                    "server": {"type": "str"},
                    "export": {"type": "str"},
                    "user": {"type": "str"},
                    "key": {"type": "str", "no_log": False},
                },
            },
            "compression": {
                "type": "str",
                "choices": ["none", "zlib", "lzo", "snappy", "zstd"],
            },
            "dump_level": {"type": "int"},
            "command_line_append": {"type": "list", "elements": "str"},
            "command_line_remove": {"type": "list", "elements": "str"},
            "keep": {"type": "int"},
            "failure_action": {
                "type": "str",
                "choices": ["reboot", "halt", "poweroff", "shell", "dump_to_rootfs"],
            },
            "final_action": {"type": "str", "choices": ["reboot", "halt", "poweroff"]},
            "capture_log": {"type": "str", "choices": ["none", "pstore"]},
            "pre_script": {"type": "str"},
            "post_script": {"type": "str"},
            "extra_modules": {"type": "list", "elements": "str"},
            "extra_binaries": {"type": "list", "elements": "str"},
            "backup": {"type": "bool", "default": False},
            "settings": {"type": "dict", "default": {}, "no_log": True},
        },
        only_root_can="configure kdump",
    )


if __name__ == "__main__":
    main()
