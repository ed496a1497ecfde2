# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a dump is of the crash that is expected."""

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import (
    Expectation,
    Identity,
    identity_checks,
)

FOUND = Identity(
    run_ids=("first", "last"),
    host="db01",
    kernel="6.12.107+deb13-amd64",
    machine="x86_64",
    crash_time=1795341073,
    build_id="9c54",
    cpus=4,
    memory=1000 << 20,
    cma=0,
)
UNKNOWN = Identity()
CRASHED = "The kernel crashed at 1795341073 (2026-11-22 09:51:13 UTC)"


def test_nothing_expected_is_nothing_checked() -> None:
    assert identity_checks(Expectation(), FOUND) == []


@pytest.mark.parametrize(
    ("expect", "found", "name", "status", "detail"),
    [
        (
            Expectation(run_id="last"),
            FOUND,
            "run_id",
            "ok",
            "The run id last is in the kernel's log.",
        ),
        (
            Expectation(run_id="first"),
            FOUND,
            "run_id",
            "failed",
            "The last run id in the kernel's log is last, not first.",
        ),
        (
            Expectation(run_id="other"),
            FOUND._replace(run_ids=()),
            "run_id",
            "failed",
            "No run id is in the kernel's log, where other should be.",
        ),
        (
            Expectation(run_id="last"),
            UNKNOWN,
            "run_id",
            "unverified",
            "The run id is not known, because the log cannot be read.",
        ),
        (Expectation(host="db01"), FOUND, "host", "ok", "The host name is db01."),
        (Expectation(host="db02"), FOUND, "host", "failed", "The host name is db01, not db02."),
        (
            Expectation(host="db01.example.com"),
            FOUND,
            "host",
            "failed",
            "The host name is db01, not db01.example.com.",
        ),
        (Expectation(host="db01"), UNKNOWN, "host", "unverified", "The host name is not known."),
        (
            Expectation(kernel="6.12.107+deb13-amd64"),
            FOUND,
            "kernel",
            "ok",
            "The kernel release is 6.12.107+deb13-amd64.",
        ),
        (
            Expectation(kernel="6.1.0"),
            FOUND,
            "kernel",
            "failed",
            "The kernel release is 6.12.107+deb13-amd64, not 6.1.0.",
        ),
        (Expectation(machine="x86_64"), FOUND, "machine", "ok", "The machine is x86_64."),
        (
            Expectation(machine="aarch64"),
            FOUND,
            "machine",
            "failed",
            "The machine is x86_64, not aarch64.",
        ),
        (
            Expectation(build_id="9c54"),
            FOUND,
            "build_id",
            "ok",
            "The build id of the kernel is 9c54.",
        ),
        (
            Expectation(build_id="9c55"),
            FOUND,
            "build_id",
            "failed",
            "The build id of the kernel is 9c54, not 9c55.",
        ),
        (Expectation(cpus=4), FOUND, "cpus", "ok", "All 4 CPUs left their state."),
        (
            Expectation(cpus=8),
            FOUND,
            "cpus",
            "ok",
            "4 of 8 CPUs left their state; the others did not answer any more.",
        ),
        (
            Expectation(cpus=2),
            FOUND,
            "cpus",
            "failed",
            "4 CPUs left their state, but the host had 2.",
        ),
        (
            Expectation(cpus=2),
            UNKNOWN,
            "cpus",
            "unverified",
            "How many CPUs left their state is not known.",
        ),
        (
            Expectation(memory=960 << 20),
            FOUND,
            "memory",
            "ok",
            "The host had 1000 MiB of memory, which fits 960 MiB in use.",
        ),
        (
            Expectation(memory=2000 << 20),
            FOUND,
            "memory",
            "failed",
            "The host had 1000 MiB of memory, which does not fit 2000 MiB.",
        ),
        (
            Expectation(memory=300 << 20),
            FOUND,
            "memory",
            "failed",
            "The host had 1000 MiB of memory, which does not fit 300 MiB.",
        ),
        (
            Expectation(memory=1),
            UNKNOWN,
            "memory",
            "unverified",
            "How much memory the host had is not known.",
        ),
        (
            Expectation(since=1795341073.0),
            FOUND,
            "crash_time",
            "ok",
            f"{CRASHED}, in the expected time.",
        ),
        # The kernel notes 1795341073 for a crash at 1795341073.95, which is after 1795341073.9.
        (
            Expectation(since=1795341073.9),
            FOUND,
            "crash_time",
            "ok",
            f"{CRASHED}, in the expected time.",
        ),
        (
            Expectation(since=1795341074.0),
            FOUND,
            "crash_time",
            "failed",
            f"{CRASHED}, which is before 1795341074.0.",
        ),
        (
            Expectation(until=1795341073.0),
            FOUND,
            "crash_time",
            "ok",
            f"{CRASHED}, in the expected time.",
        ),
        (
            Expectation(since=0.0, until=1795341072.0),
            FOUND,
            "crash_time",
            "failed",
            f"{CRASHED}, which is after 1795341072.0.",
        ),
        (
            Expectation(until=float("inf")),
            UNKNOWN,
            "crash_time",
            "unverified",
            "The time of the crash is not known.",
        ),
    ],
)
def test_one_expectation_is_one_check(
    expect: Expectation, found: Identity, name: str, status: str, detail: str
) -> None:
    (check,) = identity_checks(expect, found)
    assert (check.name, check.status, check.detail) == (name, status, detail)


def test_all_expectations_are_all_checks() -> None:
    expect = Expectation("last", "db01", "6.12.107+deb13-amd64", "x86_64", 0.0, 2e9)
    checks = identity_checks(expect, FOUND)
    assert [check.name for check in checks] == ["run_id", "host", "kernel", "machine", "crash_time"]
    assert {check.verdict for check in checks} == {"complete"}
