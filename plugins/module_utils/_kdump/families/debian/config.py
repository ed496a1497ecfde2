# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The configuration of kdump-tools: /etc/default/kdump-tools, which a shell and systemd read."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    sourced,
    with_lines,
    without_lines,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import (
    DRACUT,
    INITRAMFS_TOOLS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import (
    EditContext,
    governed_by,
    makedumpfile_arguments,
    merge_settings,
    refuse,
    with_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import (
    present_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    read_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import bare, bracketed

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

CONFIG = PurePosixPath("/etc/default/kdump-tools")

# kdump-config has its defaults in lines like C(KDUMP_CMDLINE_APPEND=${KDUMP_CMDLINE_APPEND:="reset_devices ..."});
# these are those of 1.8.1 and 1.10.7, for a host that does not have it yet.
_DEFAULTS = {
    "KDUMP_COREDIR": "/var/crash",
    "MAKEDUMP_ARGS": "-F -c -d 31",
    "KDUMP_CMDLINE_APPEND": "reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb",
}
_REMOTE = ("NFS", "SSH", "FTP")
# Without it the capture kernel boots the whole host and saves nothing.
_SAVES = "systemd.unit"

# The service runs the command as it is, without a shell around it (init.d/kdump-tools).
_FAILURE = {"reboot": "reboot -f", "halt": "halt -f", "poweroff": "poweroff -f"}

_GOVERNED = {
    "KDUMP_COREDIR": ("dump_path",),
    "NFS": ("target",),
    "SSH": ("target",),
    "FTP": ("target",),
    "MAKEDUMP_ARGS": ("compression", "dump_level"),
    "KDUMP_CMDLINE_APPEND": ("capture_log", "command_line_append", "command_line_remove"),
    "KDUMP_NUM_DUMPS": ("keep",),
    "KDUMP_FAIL_CMD": ("failure_action",),
}
_REFUSED = {
    "pre_script": "kdump-tools runs no script of its own; a systemd unit ordered before"
    " kdump-tools-dump.service, and wanted by it, runs in the capture kernel.",
    "post_script": "kdump-tools runs no script of its own and reboots once the dump is saved; a systemd unit that the"
    " next boot runs can do the work.",
    "extra_modules": "kdump-tools boots the root file system in the capture kernel, where every module is; those that"
    " are needed to reach it belong in /etc/initramfs-tools/modules.",
    "extra_binaries": "kdump-tools boots the root file system in the capture kernel, where every program is.",
}
_TARGETS_REFUSED = {
    "raw": "kdump-tools writes no raw dumps: use local, nfs or ssh.",
    "filesystem": "kdump-tools saves to a directory of the mounted system: put the file system into /etc/fstab, use the"
    " type local, and name a directory on it with dump_path.",
}


class DebianConfig:
    """/etc/default/kdump-tools."""

    paths = (CONFIG,)
    program: PurePosixPath | None = PurePosixPath("/usr/sbin/kdump-config")
    first_modules = INITRAMFS_TOOLS
    # Settings that facts and problems rest on.
    decides = frozenset({*_GOVERNED, "USE_KDUMP", "KDUMP_KERNEL", "KDUMP_INITRD", "KDUMP_CMDLINE"})

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: EditContext
    ) -> dict[PurePosixPath, str]:
        """Return the files as the options want them. Raises KdumpError for what kdump-tools cannot do."""
        text = texts[CONFIG]
        refuse(options, _REFUSED)
        known = present_values(without_lines(text), str(CONFIG), shell="sh", ask=host.ask)
        known.require(governed_by(options, _GOVERNED))
        present = self._effective(known.values, host)
        typed = {
            **_target(options, present),
            **_dump(options, present),
            **_command_line(options, present, host),
            **_afterwards(options, present),
        }
        wanted = merge_settings(typed, options, _GOVERNED, _text)
        wanted.setdefault("USE_KDUMP", "1")
        # What our lines source sees the settings before it, and a setting behind it would undo its own.
        after = assign(without_lines(text), wanted, str(CONFIG), known.values)
        _require_one_target({**known.values, **wanted}, options)
        return {CONFIG: with_lines(after, sourced(text))}

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        """Return whether the image has to be rebuilt, and whether the capture kernel has to be loaded again."""
        # Most is read in the capture kernel, from the root file system. What is loaded is told by
        # the record of the load being newer than the file.
        changed = read_values(before[CONFIG]) != read_values(after[CONFIG])
        return False, changed

    def _effective(self, known: Mapping[str, str], host: EditContext) -> dict[str, str]:
        """Return what kdump-config works with, defaults filled in: an empty setting is none."""
        values = dict(_DEFAULTS)
        for name in _DEFAULTS:
            found = re.search(
                rf'^{name}=\$\{{{name}:="?([^"}}\n]*)"?\}}', host.program, re.MULTILINE
            )
            if found:
                values[name] = found[1]
        values.update({name: value for name, value in known.items() if value})
        return values


class DracutDebianConfig(DebianConfig):
    """The same for an image that dracut made."""

    first_modules = DRACUT


def _target(options: Mapping[str, t.Any], present: Mapping[str, str]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    if options.get("dump_path"):
        wanted["KDUMP_COREDIR"] = options["dump_path"]
    target = options.get("target")
    if not target:
        return wanted
    kind = target["type"]
    if kind in _TARGETS_REFUSED:
        raise KdumpError(f"target: {_TARGETS_REFUSED[kind]}")
    wanted.update({name: None for name in _REMOTE if name.lower() != kind and present.get(name)})
    if kind == "nfs":
        wanted["NFS"] = f"{bracketed(target['server'])}:{target['export']}"
    if kind == "ssh":
        wanted["SSH"] = f"{target['user']}@{bare(target['server'])}"
        if target.get("key"):
            wanted["SSH_KEY"] = target["key"]
    return wanted


def _dump(options: Mapping[str, t.Any], present: Mapping[str, str]) -> dict[str, str | None]:
    compression, level = options.get("compression"), options.get("dump_level")
    if compression is None and level is None:
        return {}
    arguments = makedumpfile_arguments(present["MAKEDUMP_ARGS"], compression, level)
    # What the default is need not be written.
    return {} if arguments == present["MAKEDUMP_ARGS"] else {"MAKEDUMP_ARGS": arguments}


def _command_line(
    options: Mapping[str, t.Any], present: Mapping[str, str], host: EditContext
) -> dict[str, str | None]:
    append = options.get("command_line_append") or []
    remove = [word.partition("=")[0] for word in options.get("command_line_remove") or []]
    if _SAVES in remove:
        raise KdumpError(
            f"command_line_remove: without {_SAVES}= the capture kernel of kdump-tools saves no dump."
        )
    taken = present.get("KDUMP_CMDLINE") or host.command_line
    inherited = [name for name in remove if name in {w.partition("=")[0] for w in taken.split()}]
    if inherited and not present.get("KDUMP_CMDLINE"):
        raise KdumpError(
            f"command_line_remove: {inherited[0]} is on the running kernel's command line, which kdump-tools takes as"
            " it is; give the whole line as KDUMP_CMDLINE in settings."
        )
    dropped = [*remove, *(options.get("command_line_drop") or ())]
    line = with_words(present["KDUMP_CMDLINE_APPEND"], append, dropped)
    return {} if line == present["KDUMP_CMDLINE_APPEND"] else {"KDUMP_CMDLINE_APPEND": line}


def _afterwards(options: Mapping[str, t.Any], present: Mapping[str, str]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    keep, failure = options.get("keep"), options.get("failure_action")
    if keep is not None and keep != int(_number(present.get("KDUMP_NUM_DUMPS"))):
        wanted["KDUMP_NUM_DUMPS"] = str(keep)
    if failure is not None:
        if failure not in _FAILURE:
            raise KdumpError(
                f"failure_action: kdump-tools runs a command without a terminal, {failure} is none of those:"
                f" use {', '.join(_FAILURE)}."
            )
        if (present.get("KDUMP_FAIL_CMD") or _FAILURE["reboot"]) != _FAILURE[failure]:
            wanted["KDUMP_FAIL_CMD"] = _FAILURE[failure]
    if options.get("final_action") not in (None, "reboot"):
        raise KdumpError(
            "final_action: kdump-tools always reboots once the dump is saved: use reboot."
        )
    return wanted


def _number(text: str | None) -> str:
    return text if text and text.isdecimal() else "0"


def _text(value: t.Any) -> str | None:
    if isinstance(value, bool):
        return "1" if value else "0"
    return None if value is None else str(value)


def _require_one_target(values: Mapping[str, str | None], options: Mapping[str, t.Any]) -> None:
    """Raise KdumpError for two remote targets, each of which kdump-config would try, and for what only one lacks."""
    remote = [name for name in _REMOTE if values.get(name)]
    if len(remote) > 1:
        raise KdumpError(
            f"{CONFIG} has {' and '.join(remote)}: keep one of them, or set target, which clears the others."
        )
    if remote and options.get("keep"):
        raise KdumpError(
            f"keep: kdump-tools counts dumps on the host itself, not on the {remote[0]} server: leave keep out."
        )


__all__ = ("CONFIG", "DebianConfig", "DracutDebianConfig")
