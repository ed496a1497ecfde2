# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the two families that build their kdump initramfs with dracut have in common."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import (
    base_facts,
    free_bytes,
    helper_codes,
    helper_state,
    may_hang,
    running_watchdogs,
    service_enabled,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_directory,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family

SYSCONFIG = PurePosixPath("/etc/sysconfig/kdump")


def sysconfig(root: Path) -> dict[str, str]:
    """Return the assignments in /etc/sysconfig/kdump, which a shell sources."""
    return parse_assignments(read_text(inside(root, SYSCONFIG)) or "")


def facts_of(
    family: Family,
    root: Path,
    kernel: str,
    *,
    images: Iterable[PurePosixPath],
    kernels: Iterable[PurePosixPath],
    target: str,
    capture_command_line: str | None,
    stale: bool = False,
    makes_directory: bool = False,
) -> dict[str, t.Any]:
    """Return the kdump facts, shaped as in C(base_facts); the first path that exists is the image.

    Neither family keeps a record of what it loaded: the capture command line is what the
    configuration gives. C(stale) says that another image than the present one is loaded, as far as
    the family knows. C(makes_directory): the family makes the dump directory where it is missing.
    """
    facts = base_facts(root, kernel)
    directory = family.dump_directory(root)
    facts.update(
        family=family.name,
        service={"name": family.service, "enabled": service_enabled(root, family.service)},
        image={
            "kernel": _first(root, kernels),
            "initramfs": _first(root, images),
            "generator": family.generator,
        },
        capture_command_line=capture_command_line if facts["armed"] else None,
        target={
            "type": target,
            "path": str(directory),
            "free_bytes": free_bytes(root, directory) if target == "local" else None,
        },
        helper=helper_state(root, family.hook),
    )
    words = {
        "image": str(family.image(root, kernel)),
        "directory": str(directory),
        "service": family.service,
        "rebuild": " && ".join(map(shlex.join, family.rebuild_commands(root, kernel))),
        "watchdogs": ", ".join(running_watchdogs(facts)),
        "rearm": " && ".join(map(shlex.join, family.rearm_commands())),
    }
    facts["problems"] = [
        problem(code, **words)
        for code in _problem_codes(root, facts, None if makes_directory else directory, stale)
    ]
    return facts


def without(command_line: str, removed: Sequence[str]) -> list[str]:
    """Return a command line's arguments except those with these names, with or without a value."""
    return [word for word in command_line.split() if word.partition("=")[0] not in removed]


def _first(root: Path, paths: Iterable[PurePosixPath]) -> str | None:
    return next((str(found) for path in paths if (found := resolve(root, path))), None)


def _problem_codes(
    root: Path, facts: dict[str, t.Any], directory: PurePosixPath | None, stale: bool
) -> list[str]:
    if facts["is_capture_kernel"]:
        return ["is_capture_kernel"]
    checks = (
        ("no_reservation", not facts["crash_size"]),
        ("no_image", facts["image"]["initramfs"] is None),
        ("not_armed", bool(facts["crash_size"]) and not facts["armed"]),
        ("image_not_loaded", facts["armed"] and stale),
        (
            "dump_directory_missing",
            facts["target"]["type"] == "local"
            and directory is not None
            and not may_hang(root, directory)
            and not is_directory(inside(root, directory)),
        ),
        ("service_disabled", facts["service"]["enabled"] is False),
        ("watchdog_active", bool(running_watchdogs(facts))),
    )
    return [code for code, applies in checks if applies] + helper_codes(facts["helper"])


__all__ = ("SYSCONFIG", "facts_of", "sysconfig", "without")
