# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What to do next with a fleet, most urgent first, each step with a command to copy."""

from __future__ import annotations

import shlex
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

_CRASH = "ansible-playbook vmcore.kdump.crash_test --limit {limit} --check"


class StepKind(t.NamedTuple):
    """A step, and the hosts that it is for."""

    name: str  # also the name of the file with the hosts, for --limit
    applies: Callable[[Data], bool]
    one: str
    many: str
    advice: str
    command: str


def _is_unfinished(host: Data) -> bool:
    """The host did not come back yet as far as the record knows: a test that a run began and did not end."""
    test = host["test"]
    return bool(test) and host["verdict"] == "inconclusive" and not test["returned"]


def _has_error(host: Data) -> bool:
    return any(problem["severity"] == "error" for problem in host["problems"])


def _is_refused(host: Data) -> bool:
    return bool(host["refusal"]) and not _is_protected(host)


def _is_protected(host: Data) -> bool:
    return bool(host["refusal"]) and host["refusal"]["reason"] in ("protected", "own_machine")


# ansible.inventory.manager, split_host_pattern() and InventoryManager._match_one_pattern().
_PATTERNS = ("", "all", "ungrouped")
_PATTERN_CHARACTERS = frozenset("*?[]!&,:~@ \t\r\n")

# A host is in the first row that applies to it. Nobody is asked to crash a host that is protected.
_KINDS = (
    StepKind(
        "unfinished", _is_unfinished,
        "1 crash test is not finished", "{} crash tests are not finished",
        "The host may be back and may have its dump. This crashes nothing:",
        "ansible-playbook vmcore.kdump.verify --limit {limit}",
    ),
    StepKind(
        "not_ready", lambda host: host["verdict"] in ("stale", "untested") and _has_error(host),
        "1 host is not ready to take a dump", "{} hosts are not ready to take a dump",
        "Preview what the playbook configure would change, then run it without --check:",
        "ansible-playbook vmcore.kdump.configure --limit {limit} --check --diff",
    ),
    StepKind(
        "failed", lambda host: host["verdict"] == "failed",
        "1 host failed its last crash test", "{} hosts failed their last crash test",
        "Remove the cause that the host's card names. Then check the host and get the token for its next crash:",
        _CRASH,
    ),
    StepKind(
        "doubtful", lambda host: host["verdict"] == "inconclusive",
        "1 crash test has no clear verdict", "{} crash tests have no clear verdict",
        "The host's card says what was not as planned. Then check the host and get the token for its next crash:",
        _CRASH,
    ),
    StepKind(
        "refused", lambda host: _is_refused(host) and host["verdict"] in ("stale", "untested"),
        "1 host was refused and not crashed", "{} hosts were refused and not crashed",
        "The host's card says why. Change that, or wait for its window. Then check the hosts and get the token:",
        _CRASH,
    ),
    StepKind(
        "stale", lambda host: host["verdict"] == "stale" and not _is_protected(host),
        "The proof of 1 host is stale", "The proofs of {} hosts are stale",
        "Check the hosts and get the token for their next crash:",
        _CRASH,
    ),
    StepKind(
        "unknown", lambda host: host["verdict"] == "untested" and host["assessed_at"] is None,
        "Nothing is known of 1 host", "Nothing is known of {} hosts",
        "Assess them. This changes nothing:",
        "ansible-playbook vmcore.kdump.assess --limit {limit}",
    ),
    StepKind(
        "untested", lambda host: host["verdict"] == "untested" and not _is_protected(host),
        "1 host is ready and was never crashed", "{} hosts are ready and were never crashed",
        "Check them and get the token for their first crash:",
        _CRASH,
    ),
)  # fmt: skip


def next_steps(hosts: Iterable[Data], directory: str) -> list[Data]:
    """Return C([{"name", "title", "advice", "command", "hosts": [{"name", "anchor"}]}]), without steps for no host.

    C(directory) is that of the report, where C(limit_files()) are.
    """
    members: dict[str, list[Data]] = {}
    for host in hosts:
        kind = next((kind for kind in _KINDS if kind.applies(host)), None)
        if kind:
            members.setdefault(kind.name, []).append(host)
    return [
        {
            "name": kind.name,
            "title": kind.one if len(found) == 1 else kind.many.format(len(found)),
            "advice": kind.advice,
            "command": kind.command.format(limit=shlex.quote(f"@{directory}/limit-{kind.name}")),
            "hosts": [{"name": host["name"], "anchor": host["anchor"]} for host in found],
        }
        for kind in _KINDS
        if (found := members.get(kind.name))
    ]


def limit_files(steps: Iterable[Data], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield name and content of a file for each kind of step, for C(ansible-playbook --limit @FILE).

    Only the hosts in C(known), those of the inventory, are in them, and no name that a pattern would take for more than
    a host (C(all), C(!db01), C(web*)): a file in the results directory is no reason to work on other hosts. Without
    hosts the content is empty.
    """
    hosts = {step["name"]: [host["name"] for host in step["hosts"]] for step in steps}
    for kind in _KINDS:
        names = [name for name in hosts.get(kind.name, ()) if name in known and _is_plain(name)]
        yield f"limit-{kind.name}", "".join(f"{name}\n" for name in names)


def _is_plain(name: str) -> bool:
    return _is_ipv6(name) or (name not in _PATTERNS and not set(name) & _PATTERN_CHARACTERS)


def _is_ipv6(name: str) -> bool:
    return name.count(":") > 1 and not set(name.lower()) - set("0123456789abcdef:.")


__all__ = ("limit_files", "next_steps")
