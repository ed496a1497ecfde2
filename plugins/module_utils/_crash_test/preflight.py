# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What must hold on a host before it may be crashed."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import RESUME_HINT

if t.TYPE_CHECKING:
    from collections.abc import Mapping

Check = dict[str, str]

# makedumpfile --mem-usage /proc/kcore, one line a kind of page:
#   TYPE            PAGES                   EXCLUDABLE      DESCRIPTION
#   ZERO            32213                   yes             Pages filled with zero
#   KERN_DATA       41233                   no              Dumpable kernel data
#   page size:              4096
_KERNEL_DATA = re.compile(r"^KERN_DATA\s+(\d+)\s+no\b", re.MULTILINE)
_PAGE_SIZE = re.compile(r"^page size:\s+(\d+)", re.MULTILINE)


def expected_dump_bytes(mem_usage: str) -> int | None:
    """Upper bound of a dump at level 31 in bytes: kernel data, not compressed.

    Takes what C(makedumpfile --mem-usage /proc/kcore) printed; None when that is no such table.
    """
    pages, size = _KERNEL_DATA.search(mem_usage), _PAGE_SIZE.search(mem_usage)
    return int(pages[1]) * int(size[1]) if pages and size else None


def preflight(
    facts: Mapping[str, t.Any],
    state: Mapping[str, t.Any] | None,
    mem_usage: str | None,
    image_proof: Mapping[str, t.Any] | None,
    root: Path = Path("/"),
) -> list[Check]:
    """Check a host; it may be crashed when no check has the status C(failed).

    Args:
        facts: the facts of M(vmcore.kdump.platform_facts).
        state: the state of the last crash test on this host, None without one.
        mem_usage: what makedumpfile says of the running kernel, None when it failed on it.
        image_proof: what the kdump initramfs proves of the installed helper (_initramfs/order.py),
            None when no helper is installed.
        root: where /proc is looked for.

    Returns:
        C([{"name", "status": "ok"|"failed", "detail": sentence}]).
    """
    kdump = facts["kdump"]
    errors = [problem for problem in kdump["problems"] if _blocks(problem)]
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
    checks.append(_sysrq(root))
    checks.append(_unfinished(state))
    checks.append(_dump_target(kdump["target"]))
    checks += _dump_space(kdump["target"], mem_usage)
    return checks


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


def _sysrq(root: Path) -> Check:
    """The sysctl kernel.sysrq restricts the keyboard only; root may always write to the trigger."""
    there = (root / "proc/sysrq-trigger").exists()
    return _check(
        "sysrq",
        there,
        "/proc/sysrq-trigger exists."
        if there
        else "This kernel has no /proc/sysrq-trigger (CONFIG_MAGIC_SYSRQ): it cannot be crashed so.",
    )


def _unfinished(state: Mapping[str, t.Any] | None) -> Check:
    if state is None or state.get("stage") == "finished":
        return _check("no_unfinished_test", True, "No other crash test is under way.")
    return _check(
        "no_unfinished_test",
        False,
        f"The crash test {state.get('run_id')} of this host was not finished. {RESUME_HINT}",
    )


def _dump_target(target: Mapping[str, t.Any]) -> Check:
    local = target["type"] == "local"
    return _check(
        "dump_target",
        local,
        f"Dumps are saved in {target['path']} on the host."
        if local
        else f"Dumps leave the host ({target['type']}): a crash test judges dumps that are saved on the host.",
    )


def _dump_space(target: Mapping[str, t.Any], mem_usage: str | None) -> list[Check]:
    if mem_usage is None:
        return [
            _check(
                "makedumpfile_reads_kernel",
                False,
                "makedumpfile --mem-usage /proc/kcore failed: it could not write a dump of this kernel;"
                " install a newer makedumpfile.",
            )
        ]
    needed = expected_dump_bytes(mem_usage)
    readable = _check(
        "makedumpfile_reads_kernel",
        needed is not None,
        "makedumpfile reads the running kernel."
        if needed is not None
        else "makedumpfile --mem-usage /proc/kcore did not count the kernel's pages.",
    )
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


__all__ = ("expected_dump_bytes", "preflight")
