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


class Identity(t.NamedTuple):
    """What a dump says about its crash. What could not be read is None."""

    run_ids: tuple[str, ...] | None = None  # in the order of the log
    host: str | None = None
    kernel: str | None = None
    machine: str | None = None
    crash_time: int | None = None  # seconds since the epoch


def identity_checks(expect: Expectation, found: Identity) -> list[Check]:
    """One check for each thing that is expected: run_id, host, kernel, machine, crash_time."""
    checks = []
    if expect.run_id is not None:
        checks.append(check("run_id", partial(_run_id, expect.run_id, found.run_ids)))
    for name, what, wanted, value in (
        ("host", "host name", expect.host, found.host),
        ("kernel", "kernel release", expect.kernel, found.kernel),
        ("machine", "machine", expect.machine, found.machine),
    ):
        if wanted is not None:
            checks.append(check(name, partial(_name, what, wanted, value)))
    if expect.since is not None or expect.until is not None:
        checks.append(check("crash_time", partial(_crash_time, expect, found.crash_time)))
    return checks


def _run_id(wanted: str, found: tuple[str, ...] | None) -> str:
    if found is None:
        raise Flaw("unsupported", "The run id is not known, because the log cannot be read.")
    if not found:
        raise Flaw("not_this_crash", f"No run id is in the kernel's log, where {wanted} should be.")
    # A test that was armed and did not crash leaves its run id to the next crash of that kernel.
    if found[-1] != wanted:
        raise Flaw(
            "not_this_crash", f"The last run id in the kernel's log is {found[-1]}, not {wanted}."
        )
    return f"The run id {wanted} is in the kernel's log."


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


__all__ = ("Expectation", "Identity", "identity_checks")
