# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The configuration of SUSE's kdump: /etc/sysconfig/kdump, which a shell reads."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import DRACUT
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import (
    EditContext,
    governed_by,
    merge_settings,
    refuse,
    scripts,
    with_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import (
    present_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    read_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import bracketed

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

CONFIG = PurePosixPath("/etc/sysconfig/kdump")

# kdump(5), KDUMP_DUMPFORMAT.
_FORMATS = {"none": "ELF", "zlib": "compressed", "lzo": "lzo", "snappy": "snappy", "zstd": "zstd"}
_KEYS = "/root/.ssh"
_APPEND, _PROGRAMS = "KDUMP_COMMANDLINE_APPEND", "KDUMP_REQUIRED_PROGRAMS"
_DEFAULTS = {"KDUMP_SAVEDIR": "/var/crash", "KDUMP_DUMPFORMAT": "compressed", "KDUMP_DUMPLEVEL": "31",
             "KDUMP_KEEP_OLD_DUMPS": "0", "KDUMP_CONTINUE_ON_ERROR": "true",
             "KDUMP_IMMEDIATE_REBOOT": "true"}  # fmt: skip

# What is read when the capture kernel is loaded; the rest goes into its image.
_LOADED = frozenset(
    {"KDUMP_COMMANDLINE", _APPEND, "KDUMP_CPUS", "KEXEC_OPTIONS", "KDUMP_AUTO_RESIZE"}
)

_GOVERNED = {
    "KDUMP_SAVEDIR": ("dump_path", "target"),
    "KDUMP_SSH_IDENTITY": ("target",),
    "KDUMP_DUMPFORMAT": ("compression",),
    "KDUMP_DUMPLEVEL": ("dump_level",),
    _APPEND: ("capture_log", "command_line_append", "command_line_remove"),
    "KDUMP_KEEP_OLD_DUMPS": ("keep",),
    "KDUMP_CONTINUE_ON_ERROR": ("failure_action",),
    "KDUMP_IMMEDIATE_REBOOT": ("final_action",),
    "KDUMP_PRESCRIPT": ("pre_script",),
    "KDUMP_POSTSCRIPT": ("post_script",),
    _PROGRAMS: ("extra_binaries", "pre_script", "post_script"),
}
_REFUSED = {
    "extra_modules": "SUSE's kdump has no list of modules: name them as add_drivers in a file of /etc/dracut.conf.d,"
    " which its image is built with."
}
_TARGETS_REFUSED = {
    "raw": "SUSE's kdump writes no raw dumps: use local, nfs or ssh.",
    "filesystem": "SUSE's kdump mounts what is in /etc/fstab: put the file system there, use the type local, and name a"
    " directory on it with dump_path.",
}


class SuseConfig:
    """/etc/sysconfig/kdump."""

    paths = (CONFIG,)
    program: PurePosixPath | None = None
    first_modules = DRACUT
    # Settings that facts and problems rest on.
    decides = frozenset({*_GOVERNED, "KDUMP_COMMANDLINE", "KDUMP_TRANSFER", "KDUMP_FREE_DISK_SIZE"})

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: EditContext
    ) -> dict[PurePosixPath, str]:
        """Return the files as the options want them. Raises KdumpError for what SUSE's kdump cannot do."""
        refuse(options, _REFUSED)
        known = present_values(texts[CONFIG], str(CONFIG), ask=host.ask)
        known.require(governed_by(options, _GOVERNED))
        values = {
            **_DEFAULTS,
            **{name: value for name, value in known.values.items() if value},
        }
        typed = {
            **_target(options, values),
            **_dump(options, values),
            **_command_line(options, values, host),
            **_programs(options, values),
        }
        changed = {name: value for name, value in typed.items() if value != values.get(name, "")}
        wanted = merge_settings(changed, options, _GOVERNED, _text)
        return {CONFIG: assign(texts[CONFIG], wanted, str(CONFIG), known.values)}

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        """Return whether the image has to be rebuilt, and whether the capture kernel has to be loaded again."""
        old, new = (_told(texts[CONFIG]) for texts in (before, after))
        changed = {name for name in {*old, *new} if old.get(name, "") != new.get(name, "")}
        return bool(changed - _LOADED), bool(changed)


def _told(text: str) -> dict[str, str]:
    """Return the values of a file; of one that only a shell can tell the line that sets it."""
    known, unknown, _opaque = read_values(text)
    return {**known, **unknown}


def _target(options: Mapping[str, t.Any], values: Mapping[str, str]) -> dict[str, str]:
    """Return KDUMP_SAVEDIR: a path, C(nfs://server/export/path) or C(ssh://user@server/path)."""
    path, target = options.get("dump_path"), options.get("target")
    if not target:
        return {"KDUMP_SAVEDIR": _with_path(values["KDUMP_SAVEDIR"], path)} if path else {}
    kind = target["type"]
    if kind in _TARGETS_REFUSED:
        raise KdumpError(f"target: {_TARGETS_REFUSED[kind]}")
    if kind == "local":
        present = values["KDUMP_SAVEDIR"]
        here = present if present.startswith(("/", "file:")) else _DEFAULTS["KDUMP_SAVEDIR"]
        return {"KDUMP_SAVEDIR": path or here}
    if kind == "nfs":
        export = target["export"].rstrip("/") + (path or "")
        return {"KDUMP_SAVEDIR": f"nfs://{bracketed(target['server'])}{export or '/'}"}
    if ":" in target["server"]:
        # kdump-save takes what is before the first colon for the name that it waits for, and mkdumprd looks for the
        # host's key by the address in brackets.
        raise KdumpError(
            f"target: SUSE's kdump reaches no address of IPv6 over ssh: give the server's name for {target['server']}."
        )
    if "@" in target["user"]:
        raise KdumpError(
            f"target: SUSE's kdump ends the user at the first @, and {target['user']} has an @: give the user's short"
            " name, or DOMAIN\\user."
        )
    wanted = {
        "KDUMP_SAVEDIR": f"ssh://{target['user']}@{target['server']}{path or _DEFAULTS['KDUMP_SAVEDIR']}"
    }
    if target.get("key"):
        # dracut/module-setup.sh, kdump_init_ssh(): names of files in there.
        directory, _slash, name = target["key"].rpartition("/")
        if directory != _KEYS:
            raise KdumpError(f"target: SUSE's kdump takes keys from {_KEYS}: put {name} there.")
        wanted["KDUMP_SSH_IDENTITY"] = name
    return wanted


def _with_path(savedir: str, path: str) -> str:
    scheme, separator, rest = savedir.partition("://")
    if not separator or scheme == "file":
        return path
    return f"{scheme}://{rest.partition('/')[0]}{path}"


def _dump(options: Mapping[str, t.Any], values: Mapping[str, str]) -> dict[str, str]:
    wanted: dict[str, str] = {}
    if options.get("compression") is not None:
        wanted["KDUMP_DUMPFORMAT"] = _FORMATS[options["compression"]]
    if options.get("dump_level") is not None:
        wanted["KDUMP_DUMPLEVEL"] = str(options["dump_level"])
    keep = options.get("keep")
    if keep is not None:
        # It counts before the new dump is saved; -1 is none, 0 is all.
        wanted["KDUMP_KEEP_OLD_DUMPS"] = str({0: 0, 1: -1}.get(keep, keep - 1))
    failure = options.get("failure_action")
    if failure is not None:
        if failure not in ("reboot", "shell"):
            raise KdumpError(f"failure_action: SUSE's kdump has no {failure}: use reboot or shell.")
        wanted["KDUMP_CONTINUE_ON_ERROR"] = "true" if failure == "reboot" else "false"
    if options.get("final_action") is not None:
        if options["final_action"] != "reboot":
            raise KdumpError(
                f"final_action: SUSE's kdump has no {options['final_action']}: use reboot, or KDUMP_IMMEDIATE_REBOOT:"
                " false in settings for a shell."
            )
        wanted["KDUMP_IMMEDIATE_REBOOT"] = "true"
    return {name: value for name, value in wanted.items() if value != values.get(name)}


def _command_line(
    options: Mapping[str, t.Any], values: Mapping[str, str], host: EditContext
) -> dict[str, str]:
    remove = [word.partition("=")[0] for word in options.get("command_line_remove") or []]
    running = {word.partition("=")[0] for word in host.command_line.split()}
    inherited = sorted(running & set(remove))
    if inherited and not values.get("KDUMP_COMMANDLINE"):
        raise KdumpError(
            f"command_line_remove: {inherited[0]} is on the running kernel's command line, which SUSE's kdump takes"
            " over; give the whole line as KDUMP_COMMANDLINE in settings."
        )
    append = options.get("command_line_append") or []
    dropped = [*remove, *(options.get("command_line_drop") or ())]
    return {_APPEND: with_words(values.get(_APPEND, ""), append, dropped)}


def _programs(options: Mapping[str, t.Any], values: Mapping[str, str]) -> dict[str, str]:
    """Return the scripts, and the list of programs, which has to have them, too."""
    named = {
        "KDUMP_PRESCRIPT": options.get("pre_script"),
        "KDUMP_POSTSCRIPT": options.get("post_script"),
    }
    wanted = {name: value for name, value in named.items() if value is not None}
    binaries = options.get("extra_binaries")
    programs = values.get(_PROGRAMS, "").split() if binaries is None else list(binaries)
    if wanted or binaries is not None:
        programs += [path for path in scripts(options) if path not in programs]
        wanted[_PROGRAMS] = " ".join(programs)
    return wanted


def _text(value: t.Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


__all__ = ("CONFIG", "SuseConfig")
