# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The variables of linux-system-roles/kdump, as those of this collection's role kdump."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    AUTO,
    check_value,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import split_host

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    Given = Mapping[str, t.Any]

# Those with another name and the same meaning.
RENAMED = {"kdump_path": "kdump_dump_directory", "kdump_system_action": "kdump_failure_action"}
# Those that are lines of kdump.conf, and what a family without that file has instead.
# Options of kdump.conf, each with what to use where there is no such file.
CONF = {
    "kdump_core_collector": ("core_collector", "use kdump_compression and kdump_dump_level"),
    "kdump_dracut_args": ("dracut_args", "leave it out, its kdump initramfs is not made with them"),
    "kdump_auto_reset_crashkernel": (
        "auto_reset_crashkernel",
        "leave it out, nothing resets the value there",
    ),
    "kdump_fence_kdump_nodes": (
        "fence_kdump_nodes",
        "run fence_kdump_send by a script or a unit of your own",
    ),
    "kdump_fence_kdump_args": (
        "fence_kdump_args",
        "run fence_kdump_send by a script or a unit of your own",
    ),
}
# Of these, what this role has no option for.
_SETTINGS = ("kdump_core_collector",)
# Those that say what a target is.
_OF_TARGET = {"kdump_ssh_user": "user", "kdump_ssh_server": "server", "kdump_sshkey": "key"}

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Taken(t.NamedTuple):
    """The variables of this role, and a sentence for each that was given by another name."""

    variables: dict[str, t.Any]
    notes: list[str]


def take(given: Given, *, conf: bool) -> Taken:
    """Return what the role works with.

    Args:
        given: variables of both roles by their names; None for one that is not set.
        conf: whether the host's kdump has a kdump.conf.

    Raises:
        KdumpError: a variable has no meaning here, contradicts the one that has its meaning, or asks for memory in
            words that the kernel does not understand.
    """
    there = {name: value for name, value in given.items() if value is not None}
    # Before anything is done on the host: the module that reserves the memory comes after packages and files.
    if there.get("kdump_crashkernel", AUTO) != AUTO:
        check_value(str(there["kdump_crashkernel"]))
    taken: dict[str, t.Any] = {"kdump_settings": dict(there.get("kdump_settings") or {})}
    notes: list[str] = []
    for name, ours in RENAMED.items():
        value = _one_of(there, name, ours)
        if value is not None:
            taken[ours] = value
        if name in there:
            notes.append(f"{name} is {ours} here.")
    for name, (setting, instead) in CONF.items():
        if name not in there:
            continue
        if not conf:
            raise KdumpError(
                f"{name} is a line of kdump.conf, which this host's kdump does not have: {instead}."
            )
        value = there[name]
        value = " ".join(value) if isinstance(value, list) else value
        if taken["kdump_settings"].get(setting, value) != value:
            raise KdumpError(
                f"{name} and {setting} in kdump_settings contradict each other: give one of them."
            )
        taken["kdump_settings"][setting] = value
        if name in _SETTINGS:
            notes.append(f"{name} is {setting} in kdump_settings here.")
    target = _target(there, notes)
    return Taken({**taken, "kdump_target": target} if target else taken, notes)


def _one_of(there: Given, name: str, ours: str) -> t.Any:
    if {name, ours} <= there.keys() and there[name] != there[ours]:
        raise KdumpError(f"{name} and {ours} contradict each other: give {ours} alone.")
    return there.get(ours, there.get(name))


def _target(there: Given, notes: list[str]) -> dict[str, t.Any] | None:
    """Return the target in this role's shape; theirs has a type and a C(location)."""
    given = there.get("kdump_target")
    if not given:
        return None
    target = {name: value for name, value in given.items() if value is not None}
    kind, location = target.get("type", "local"), target.pop("location", None)
    named = {
        part: there[name] for name, part in _OF_TARGET.items() if name in there and kind == "ssh"
    }
    notes += [
        f"{name} is {part} of kdump_target here."
        for name, part in _OF_TARGET.items()
        if part in named
    ]
    if location is None:
        return {**named, **target}
    notes.append("location of kdump_target is device, server and export, or user and server here.")
    if kind == "ssh":
        user, _at, server = location.rpartition("@")
        return {**named, "type": kind, "server": server, **({"user": user} if user else {})}
    if kind.startswith("nfs"):
        server, export = split_host(location)
        return {"type": "nfs", "server": server, "export": export}
    device = f"UUID={location}" if _UUID.fullmatch(location) else location
    if kind == "raw":
        return {"type": kind, "device": device}
    return {"type": "filesystem", "device": device, "fstype": kind}


__all__ = ("CONF", "RENAMED", "Taken", "take")
