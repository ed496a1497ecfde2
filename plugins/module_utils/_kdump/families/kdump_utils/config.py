# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The configuration of kdump-utils: /etc/kdump.conf, and /etc/sysconfig/kdump for the capture command line."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import DRACUT
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
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils import (
    kdump_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import bare, bracketed

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

CONFIG = PurePosixPath("/etc/kdump.conf")
SYSCONFIG = PurePosixPath("/etc/sysconfig/kdump")

_COLLECTOR = "makedumpfile -l --message-level 7 -d 31"
_APPEND, _REMOVE = "KDUMP_COMMANDLINE_APPEND", "KDUMP_COMMANDLINE_REMOVE"

_GOVERNED = {
    "path": ("dump_path",),
    "sshkey": ("target",),
    "core_collector": ("compression", "dump_level"),
    "failure_action": ("failure_action",),
    "default": ("failure_action",),
    "final_action": ("final_action",),
    "kdump_pre": ("pre_script",),
    "kdump_post": ("post_script",),
    "extra_bins": ("extra_binaries",),
    "extra_modules": ("extra_modules",),
    _APPEND: ("capture_log", "command_line_append", "command_line_remove"),
    _REMOVE: ("command_line_remove",),
    **dict.fromkeys(sorted(kdump_conf.TARGETS), ("target",)),
}
_NUMBERS = {"yes": "1", "no": "0"}
_REFUSED = {
    "keep": "kdump-utils removes no dump: have systemd-tmpfiles age the dump directory, or a post_script remove them."
}


class KdumpUtilsConfig:
    """/etc/kdump.conf and /etc/sysconfig/kdump."""

    paths = (CONFIG, SYSCONFIG)
    program: PurePosixPath | None = PurePosixPath("/usr/bin/kdumpctl")
    first_modules = DRACUT
    # Settings that facts and problems rest on.
    decides = frozenset({*_GOVERNED, "KDUMP_COMMANDLINE", "KDUMP_KERNELVER"})

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: EditContext
    ) -> dict[PurePosixPath, str]:
        """Return the files as the options want them. Raises KdumpError for what kdumpctl would refuse."""
        refuse(options, _REFUSED)
        present = kdump_conf.parse_conf(texts[CONFIG])
        _require_reachable(options.get("target"), host)
        typed: dict[str, str | None] = {
            **_target(options),
            **_actions(options, present, host.program),
            **_image(options),
        }
        known = present_values(
            texts[SYSCONFIG], str(SYSCONFIG), defaults=built_in(host.program), ask=host.ask
        )
        known.require(governed_by(options, _GOVERNED))
        wanted = merge_settings({**typed, **_command_line(options, known.values)},
                                options, _GOVERNED, _text)  # fmt: skip
        # kdump.conf has lower-case options, the file for shells has upper-case ones.
        options_of_conf = {
            name: _NUMBERS.get(value or "", value) if name in kdump_conf.NUMBERED else value
            for name, value in wanted.items()
            if name not in _upper(wanted)
        }
        conf = kdump_conf.change(texts[CONFIG], options_of_conf)
        collector = _collector(options, kdump_conf.parse_conf(conf))
        if collector:
            conf = kdump_conf.change(conf, {"core_collector": collector})
        kdump_conf.require_valid(conf, _known(host.program))
        return {
            CONFIG: conf,
            SYSCONFIG: assign(texts[SYSCONFIG], _upper(wanted), str(SYSCONFIG), known.values),
        }

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        """Return whether the image has to be rebuilt, and whether the capture kernel has to be loaded again."""
        conf = kdump_conf.parse_conf(before[CONFIG]) != kdump_conf.parse_conf(after[CONFIG])
        shell = read_values(before[SYSCONFIG]) != read_values(after[SYSCONFIG])
        return conf, conf or shell


def _known(program: str) -> set[str]:
    """Return the words of kdumpctl's parse_config(), the options that it takes among them."""
    body = re.search(r"^parse_config\(\).*?^\}", program, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"[a-z][a-z0-9_]+", body[0] if body else ""))


def _upper(wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: value for name, value in wanted.items() if name.isupper()}


def _target(options: Mapping[str, t.Any]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    if options.get("dump_path"):
        wanted["path"] = options["dump_path"]
    target = options.get("target")
    if not target:
        return wanted
    kind = target["type"]
    if kind == "local":
        return {**kdump_conf.target_options(None), **wanted}
    if kind == "filesystem" and target["fstype"] not in kdump_conf.FILE_SYSTEMS:
        raise KdumpError(
            f"target: kdump-utils knows no file system {target['fstype']}: use one of"
            f" {', '.join(kdump_conf.FILE_SYSTEMS)}, or nfs."
        )
    key, value = {
        "filesystem": (target.get("fstype"), target.get("device")),
        "raw": ("raw", target.get("device")),
        "nfs": ("nfs", f"{bracketed(target.get('server') or '')}:{target.get('export')}"),
        "ssh": ("ssh", f"{target.get('user')}@{_ssh_server(target)}"),
    }[kind]
    if kind == "ssh" and target.get("key"):
        wanted["sshkey"] = target["key"]
    return {**kdump_conf.target_options(key, value), **wanted}


def _ssh_server(target: Mapping[str, t.Any]) -> str:
    """kdumpctl, check_ssh_config(): the name has to be as C(ssh -G) prints it, which is in lower case."""
    return bare(target.get("server") or "").lower()


def _require_reachable(target: Mapping[str, t.Any] | None, host: EditContext) -> None:
    """Raise KdumpError for a server or a user that kdumpctl, check_ssh_config() would refuse."""
    if not target or target["type"] != "ssh":
        return
    user, server = target.get("user") or "", _ssh_server(target)
    if "@" in user:
        raise KdumpError(
            f"target: kdump-utils ends the user at the first @, and {user} has an @: give the user's short name, or"
            " DOMAIN\\user."
        )
    status, output = host.ask(["timeout", "10", "ssh", "-G", server], "") if host.ask else (1, "")
    said = dict(line.partition(" ")[::2] for line in output.splitlines()) if status == 0 else {}
    if said.get("hostname", server) != server:
        raise KdumpError(
            f"target: {server} is an alias in ssh_config, which kdump-utils does not take: give {said['hostname']}."
        )


def _actions(
    options: Mapping[str, t.Any], present: Mapping[str, str], program: str
) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    for name in ("failure_action", "final_action"):
        action = options.get(name)
        if action is not None and action != present.get(name, "reboot"):
            wanted[name] = action
    if program and "failure_action" not in program:
        return _old_actions(options, present)
    if options.get("failure_action") and "default" in present:
        wanted.update(failure_action=options["failure_action"], default=None)
    if wanted.get("final_action") and wanted["final_action"] not in kdump_conf.FINAL_ACTIONS:
        raise KdumpError(
            f"final_action: kdump-utils has no {wanted['final_action']}: use one of"
            f" {', '.join(kdump_conf.FINAL_ACTIONS)}."
        )
    return wanted


def _old_actions(options: Mapping[str, t.Any], present: Mapping[str, str]) -> dict[str, str | None]:
    """Of kexec-tools of Red Hat Enterprise Linux 7: the failure action has another name, and there is no final one."""
    if options.get("final_action") not in (None, "reboot"):
        raise KdumpError("final_action: the host's kdump has none, and reboots: use reboot.")
    action = options.get("failure_action")
    return {} if action in (None, present.get("default", "reboot")) else {"default": action}


def _image(options: Mapping[str, t.Any]) -> dict[str, str | None]:
    single = {"kdump_pre": options.get("pre_script"), "kdump_post": options.get("post_script")}
    lists = {
        "extra_bins": options.get("extra_binaries"),
        "extra_modules": options.get("extra_modules"),
    }
    return {
        **{name: value for name, value in single.items() if value is not None},
        **{name: " ".join(value) or None for name, value in lists.items() if value is not None},
    }


def _collector(options: Mapping[str, t.Any], conf: Mapping[str, str]) -> str | None:
    """Return the core collector where it has to change: with other options, or because of the target.

    mkdumprd, verify_core_collector(): to ssh and raw targets makedumpfile has to write flattened;
    the others are files, which it writes itself.
    """
    compression, level = options.get("compression"), options.get("dump_level")
    flattened = "ssh" in conf or "raw" in conf
    present = conf.get("core_collector")
    asked = compression is not None or level is not None
    if not asked and (present is None or not options.get("target")):
        return None
    program, _blank, arguments = (present or _COLLECTOR).partition(" ")
    if program.rpartition("/")[2] != "makedumpfile":
        if not asked:
            return None
        raise KdumpError(
            f"compression and dump_level are makedumpfile's, and core_collector is '{present}': set core_collector to"
            " null in settings first."
        )
    return f"{program} {makedumpfile_arguments(arguments, compression, level, flattened)}"


def built_in(program: str) -> dict[str, str]:
    """Return what kdumpctl has before it reads the file, a line each.

    C(KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug")
    """
    return dict(re.findall(r'^(KDUMP_[A-Z_]+)="([^"$`\\\n]*)"$', program, re.MULTILINE))


def _command_line(
    options: Mapping[str, t.Any], present: Mapping[str, str]
) -> dict[str, str | None]:
    """Return both lists. What is to be removed is taken out of what is appended, too: that comes later."""
    append = options.get("command_line_append") or []
    remove = [word.partition("=")[0] for word in options.get("command_line_remove") or []]
    dropped = [*remove, *(options.get("command_line_drop") or ())]
    appended = with_words(present.get(_APPEND, ""), append, dropped)
    removed = with_words(present.get(_REMOVE, ""), remove, ())
    return {
        name: value
        for name, value in ((_APPEND, appended), (_REMOVE, removed))
        if value != present.get(name, "")
    }


def _text(value: t.Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


__all__ = ("CONFIG", "SYSCONFIG", "KdumpUtilsConfig", "built_in")
