# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Is a dump that of the crash that is expected?"""

from __future__ import annotations

import time
import typing as t
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw, check

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Check


class Expectation(t.NamedTuple):
    """What is known about a crash before its dump is read. What is None is not checked."""

    run_id: str | None = None  # that crash_test wrote to the kernel's log
    host: str | None = None  # uname -n
    kernel: str | None = None  # uname -r
    machine: str | None = None  # uname -m
    since: float | None = None  # seconds since the epoch, by the clock of the host
    until: float | None = None
    build_id: str | None = None  # of the kernel, in hexadecimal
    cpus: int | None = None  # that were online
    memory: int | None = None  # bytes: RAM without the capture kernel's, or MemTotal
    boot_id: str | None = None  # of the boot that crashed: /proc/sys/kernel/random/boot_id


class Identity(t.NamedTuple):
    """What a dump says about its crash. What could not be read is None."""

    run_ids: tuple[str, ...] | None = None  # in the order of the log
    host: str | None = None
    kernel: str | None = None
    machine: str | None = None
    crash_time: int | None = None  # seconds since the epoch
    build_id: str | None = None
    cpus: int | None = None  # that left their state
    memory: int | None = None  # bytes of RAM that the capture kernel did not have
    boot_id: str | None = None
    log_begins: float | None = (
        None  # seconds after the boot; more than 0 if the log's beginning was overwritten
    )
    cma: int | None = None  # bytes that the capture kernel had as CMA, which are not in the dump


# MemTotal is what is left of RAM after the kernel took its own, mostly below 2 %, and what is reserved.
_LEAST_MEMORY = 0.9
_MOST_MEMORY = 1.15
_RESERVED = 1 << 29


def identity_checks(expect: Expectation, found: Identity) -> list[Check]:
    """One check for each thing that is expected."""
    checks = []
    if expect.run_id is not None:
        checks.append(check("run_id", partial(_run_id, expect, found)))
    if expect.boot_id is not None:
        checks.append(check("boot_id", partial(_boot_id, expect, found)))
    for name, what, wanted, value in (
        ("host", "host name", expect.host, found.host),
        ("kernel", "kernel release", expect.kernel, found.kernel),
        ("machine", "machine", expect.machine, found.machine),
        ("build_id", "build id of the kernel", expect.build_id, found.build_id),
    ):
        if wanted is not None:
            checks.append(check(name, partial(_name, what, wanted, value)))
    if expect.since is not None or expect.until is not None:
        checks.append(check("crash_time", partial(_crash_time, expect, found.crash_time)))
    if expect.cpus is not None:
        checks.append(check("cpus", partial(_cpus, expect.cpus, found.cpus)))
    if expect.memory is not None:
        checks.append(check("memory", partial(_memory, expect.memory, found)))
    return checks


def _run_id(expect: Expectation, found: Identity) -> str:
    wanted = expect.run_id
    if found.run_ids:
        # A test that was armed and did not crash leaves its run id to the next crash of that kernel.
        if found.run_ids[-1] != wanted:
            raise Flaw(
                "not_this_crash",
                f"The last run id in the kernel's log is {found.run_ids[-1]}, not {wanted}.",
            )
        return f"The run id {wanted} is in the kernel's log."
    if found.run_ids is None:
        missing = "the log cannot be read"
    elif found.log_begins:
        missing = f"the log begins later, {found.log_begins:.0f} s after the boot"
    else:
        raise Flaw("not_this_crash", f"No run id is in the kernel's log, where {wanted} should be.")
    if expect.boot_id is not None and expect.boot_id == found.boot_id:
        return f"The run id is not known, because {missing}; the kernel's memory has the boot id of the test."
    raise Flaw("unsupported", f"The run id is not known, because {missing}.")


def _boot_id(expect: Expectation, found: Identity) -> str:
    if found.boot_id is None:
        if expect.run_id is not None and found.run_ids and found.run_ids[-1] == expect.run_id:
            return "This kernel does not say where its boot id is; the run id tells what it would."
        raise Flaw("unsupported", "The boot id is not known.")
    return _name("boot id", expect.boot_id or "", found.boot_id)


def _name(what: str, wanted: str, found: str | None) -> str:
    if found is None:
        raise Flaw("unsupported", f"The {what} is not known.")
    if found != wanted:
        raise Flaw("not_this_crash", f"The {what} is {found}, not {wanted}.")
    return f"The {what} is {wanted}."


def _crash_time(expect: Expectation, found: int | None) -> str:
    if found is None:
        raise Flaw("unsupported", "The time of the crash is not known.")
    crashed = time.strftime(
        f"The kernel crashed at {found} (%Y-%m-%d %H:%M:%S UTC)", time.gmtime(found)
    )
    # The kernel notes whole seconds, rounded down.
    if expect.since is not None and found + 1 <= expect.since:
        raise Flaw("not_this_crash", f"{crashed}, which is before {expect.since}.")
    if expect.until is not None and found > expect.until:
        raise Flaw("not_this_crash", f"{crashed}, which is after {expect.until}.")
    return f"{crashed}, in the expected time."


def _cpus(wanted: int, found: int | None) -> str:
    if found is None:
        raise Flaw("unsupported", "How many CPUs left their state is not known.")
    if found > wanted:
        raise Flaw("not_this_crash", f"{found} CPUs left their state, but the host had {wanted}.")
    if found < wanted:
        # They did not answer the interrupt that stops them, which happens in a crash.
        return f"{found} of {wanted} CPUs left their state; the others did not answer any more."
    return f"All {wanted} CPUs left their state."


def _memory(wanted: int, identity: Identity) -> str:
    found = identity.memory
    if found is None:
        raise Flaw("unsupported", "How much memory the host had is not known.")
    mib = f"{found >> 20} MiB"
    most = wanted * _MOST_MEMORY + _RESERVED
    if wanted * _LEAST_MEMORY <= found <= most:
        return f"The host had {mib} of memory, which fits {wanted >> 20} MiB in use."
    if found < wanted and identity.cma is None:
        raise Flaw(
            "unsupported",
            f"The dump is of {mib} of memory, and {wanted >> 20} MiB were in use; whether the capture kernel had the "
            "rest as CMA is not known, because the log does not have the command line any more.",
        )
    cma = identity.cma or 0
    if cma and wanted * _LEAST_MEMORY <= found + cma <= most + cma:
        return (
            f"The host had {mib} of memory and {cma >> 20} MiB that the capture kernel had as CMA, which fits "
            f"{wanted >> 20} MiB in use."
        )
    raise Flaw(
        "not_this_crash", f"The host had {mib} of memory, which does not fit {wanted >> 20} MiB."
    )


__all__ = ("Expectation", "Identity", "identity_checks")
