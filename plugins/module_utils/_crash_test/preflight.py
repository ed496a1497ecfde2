# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What must hold on a host before it may be crashed."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import RESUME_HINT
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.container import (
    container_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.window import (
    DAYS,
    is_open,
    parse_window,
)

if t.TYPE_CHECKING:
    import time
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import Answer

Check = dict[str, str]

# The problem of the facts, and the check of a crash test.
_MAKEDUMPFILE = "makedumpfile_fails"
_READS = "makedumpfile_reads_kernel"

# systemctl(1), is-system-running; nothing is printed where there is no systemd.
_SETTLED = ("running", "degraded", "")


class Moment(t.NamedTuple):
    """What a host is doing when it is to be crashed."""

    uptime: float  # seconds
    minimum_uptime: int
    system: str = ""  # what systemctl is-system-running printed
    pending: tuple[str, ...] = ()  # units of a crash that is scheduled


class Command(t.NamedTuple):
    """A command that the operator wants to succeed before the host may be crashed."""

    text: str
    status: int
    output: str


def preflight(
    facts: Mapping[str, t.Any],
    state: Mapping[str, t.Any] | None,
    dump: Answer | None,
    image_proof: Mapping[str, t.Any] | None,
    moment: Moment,
    root: Path = Path("/"),
    dump_host: str | None = None,
) -> list[Check]:
    """Check a host; it may be crashed when no check has the status C(failed).

    Args:
        facts: the facts of M(vmcore.kdump.platform_facts).
        state: the state of the last crash test on this host, None without one.
        dump: what makedumpfile says of the running kernel, None when another program saves the dump.
        image_proof: what the kdump initramfs proves of the installed helper (_initramfs/order.py),
            None when no helper is installed.
        moment: what the host is doing now.
        root: where /proc is looked for.
        dump_host: where the dump is judged, None for the host itself.

    Returns:
        C([{"name", "status": "ok"|"failed", "detail": sentence}]).
    """
    kdump = facts["kdump"]
    # What makedumpfile says was asked again, without a limit of time.
    errors = [
        problem
        for problem in kdump["problems"]
        if _blocks(problem) and (dump is None or problem["code"] != _MAKEDUMPFILE)
    ]
    checks = [_check(problem["code"], False, problem["message"]) for problem in errors] or [
        _check("kdump_ready", True, "kdump reports nothing that keeps the host from taking a dump.")
    ]
    reserved = kdump["crash_size"] >> 20
    checks.append(
        _check("armed", True, f"A capture kernel is loaded; {reserved} MiB are reserved for it.")
        if kdump["armed"]
        else _check("armed", False, "No capture kernel is loaded: a crash would leave no dump.")
    )
    if image_proof is not None:
        checks.append(_helper(image_proof))
    checks.append(_own_kernel(root))
    checks.append(_sysrq(root))
    checks.append(_unfinished(state))
    checks.append(_pending(moment))
    checks.append(_uptime(moment))
    checks.append(_settled(moment))
    checks.append(_dump_target(kdump["target"], dump_host))
    checks += _dump_space(kdump, dump)
    return checks


def window_check(texts: Sequence[str], time_zone: str, when: time.struct_time) -> Check:
    """Check that a moment is within one of the maintenance windows.

    Args:
        texts: the windows, see parse_window().
        time_zone: C(host) or C(utc), in which C(when) is given.
        when: the moment of the crash.

    Raises:
        KdumpError: a window is not understood.
    """
    clock = "the host's clock" if time_zone == "host" else "UTC"
    zone = f" {when.tm_zone}" if time_zone == "host" else ""
    now = f"it is {DAYS[when.tm_wday]} {when.tm_hour:02}:{when.tm_min:02}{zone} by {clock}"
    windows = " or ".join(texts)
    return (
        _check("window", True, f"The maintenance window {windows} is open: {now}.")
        if is_open([parse_window(text) for text in texts], when)
        else _check("window", False, f"The maintenance window {windows} is closed: {now}.")
    )


def command_checks(commands: Iterable[Command]) -> list[Check]:
    """Check that every command of the operator succeeded."""
    return [
        _check("command", True, f"'{command.text}' succeeded.")
        if command.status == 0
        else _check(
            "command", False, f"'{command.text}' returned {command.status}: {_last(command)}."
        )
        for command in commands
    ]


def _last(command: Command) -> str:
    lines = [line.strip() for line in command.output.splitlines() if line.strip()]
    return lines[-1][:200].rstrip(".") if lines else "it printed nothing"


def _blocks(problem: Mapping[str, str]) -> bool:
    """An error keeps a host from taking a dump. A plan that resets nothing makes the test worthless."""
    return problem["severity"] == "error" or problem["code"] in ("plan_missing", "plan_stale")


def _check(name: str, holds: bool, detail: str) -> Check:
    return {"name": name, "status": "ok" if holds else "failed", "detail": detail}


def _helper(proof: Mapping[str, t.Any]) -> Check:
    """Files on the disk do nothing: what counts is in the image that the capture kernel boots."""
    return _check(
        "helper_in_image",
        proof["proven"],
        f"In the kdump initramfs {proof['statement']}."
        if proof["proven"]
        else f"The reset helper is installed, and not in the kdump initramfs: {proof['why_not']}"
        " Run the role vmcore.kdump.pcie_reset again.",
    )


def _own_kernel(root: Path) -> Check:
    """A container sees the kernel of its host, and may even be allowed to crash it."""
    container = container_of(root)
    return _check(
        "own_kernel",
        container is None,
        "It is no container."
        if container is None
        else f"It is a container ({container}), and a container has no kernel of its own: crash its host.",
    )


def _sysrq(root: Path) -> Check:
    """The sysctl kernel.sysrq restricts the keyboard only; root may always write to the trigger."""
    trigger = root / "proc/sysrq-trigger"
    if not trigger.exists():
        return _check(
            "sysrq",
            False,
            "This kernel has no /proc/sysrq-trigger (CONFIG_MAGIC_SYSRQ): it cannot be crashed so.",
        )
    return (
        _check("sysrq", True, "/proc/sysrq-trigger exists and may be written to.")
        if os.access(trigger, os.W_OK)
        else _check("sysrq", False, "/proc/sysrq-trigger is read-only here: is this a container?")
    )


def _unfinished(state: Mapping[str, t.Any] | None) -> Check:
    if state is None or state["status"] == "finished":
        return _check("no_unfinished_test", True, "No other crash test is under way.")
    return _check(
        "no_unfinished_test",
        False,
        f"The crash test {state.get('run_id')} of this host was not finished. {RESUME_HINT}",
    )


def _pending(moment: Moment) -> Check:
    return (
        _check(
            "no_pending_crash",
            False,
            f"A crash of this host is scheduled ({', '.join(moment.pending)}): cancel it with the state cancelled.",
        )
        if moment.pending
        else _check("no_pending_crash", True, "No crash of this host is scheduled.")
    )


def _uptime(moment: Moment) -> Check:
    long_enough = moment.uptime >= moment.minimum_uptime
    return _check(
        "uptime",
        long_enough,
        f"The host is up for {moment.uptime:.0f} s"
        + ("." if long_enough else f", less than {moment.minimum_uptime} s: wait."),
    )


def _settled(moment: Moment) -> Check:
    settled = moment.system in _SETTLED
    return _check(
        "settled",
        settled,
        "No boot and no shutdown is under way."
        if settled
        else f"The system is '{moment.system}' (systemctl is-system-running): a boot or a shutdown is under way.",
    )


def _dump_target(target: Mapping[str, t.Any], dump_host: str | None) -> Check:
    kind, place = target["type"], target["path"]
    name = "dump_target"
    if kind is None:
        return _check(
            name,
            False,
            "Where this host saves dumps is not known: configure kdump (the playbook vmcore.kdump.configure does).",
        )
    if kind == "local" and dump_host is None:
        return _check(name, True, f"Dumps are saved in {place} on the host.")
    if kind == "local":
        return _check(
            name,
            False,
            f"Dumps are saved in {place} on the host, and were to be judged on {dump_host}: leave out"
            " crash_test_dump_host, or configure a target there.",
        )
    if dump_host is None:
        return _check(
            name,
            False,
            f"Dumps leave the host ({kind}): name the host and the directory where they arrive with"
            " crash_test_dump_host and crash_test_dump_path of the role.",
        )
    return _check(name, True, f"Dumps leave the host ({kind}) and are judged on {dump_host}.")


def _dump_space(kdump: Mapping[str, t.Any], dump: Answer | None) -> list[Check]:
    if not kdump["crash_size"]:
        return []  # makedumpfile says nothing without a reservation, which is missed before
    if dump is None:
        return [
            _check(_READS, True, f"{kdump['core_collector']} saves the dump, not makedumpfile.")
        ]
    if not dump.reads:
        told = [each["message"] for each in kdump["problems"] if each["code"] == _MAKEDUMPFILE]
        why = f"makedumpfile cannot read the running kernel ({dump.reason}): install a newer one."
        return [_check(_READS, False, told[0] if told else why)]
    readable = _check(_READS, True, "makedumpfile reads the running kernel.")
    target, needed = kdump["target"], dump.size
    free = target["free_bytes"]
    if needed is None or free is None:
        return [readable]
    enough = free >= needed
    return [
        readable,
        _check(
            "dump_space",
            enough,
            f"{free >> 20} MiB are free in {target['path']}, a dump at level 31 takes at most"
            f" {needed >> 20} MiB" + ("." if enough else ": make room."),
        ),
    ]


__all__ = (
    "Command",
    "Moment",
    "command_checks",
    "preflight",
    "window_check",
)
