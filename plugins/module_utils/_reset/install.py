# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Decides what the reset helper consists of on a host, and what of it differs. Reads, never writes."""

from __future__ import annotations

import os
import stat
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import order
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.debian import RESET_HOOK
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import HELPER, PLAN
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import (
    parse_plan_text,
    plan_digest,
    plan_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import Path

UNIT = "pcie-reset-report.service"
UNITS = PurePosixPath("/etc/systemd/system")

# The collection's own files: where they go, and their permissions.
SHIPPED: dict[str, tuple[PurePosixPath, int]] = {
    "pcie-reset": (HELPER, 0o755),
    "store-report": (HELPER.with_name("store-report"), 0o755),
    "init-top": (HELPER.with_name("init-top"), 0o755),
    "initramfs-tools-hook": (RESET_HOOK, 0o755),
    UNIT: (UNITS / UNIT, 0o644),
}
# What systemctl enable makes of the unit's WantedBy=.
ENABLED = UNITS / "kdump-tools-dump.service.wants" / UNIT

# Removed when nothing else is in them.
DIRECTORIES = (HELPER.parent, PLAN.parent, ENABLED.parent)


class Item(t.NamedTuple):
    """A file: its content and permissions. A symbolic link: its target, and no permissions."""

    content: bytes
    mode: int | None


# What is, or is to be, at a path. None: nothing.
State = dict[PurePosixPath, t.Optional[Item]]


def wanted_present(files: Mapping[str, str], plan: Mapping[str, t.Any]) -> State:
    """Return what has to be where on a host that resets by C(plan).

    C(files) are the collection's own files, name in SHIPPED -> text. Raises KdumpError for other names and for
    a plan that is not one.
    """
    if set(files) != set(SHIPPED):
        wrong = ", ".join(sorted(set(files) ^ set(SHIPPED)))
        raise KdumpError(
            f"The helper does not consist of these files ({wrong}): leave the option files to the action plugin."
        )
    state: State = {
        path: Item(files[name].encode("utf-8"), mode) for name, (path, mode) in SHIPPED.items()
    }
    state[PLAN] = Item(_checked_plan_text(plan).encode("utf-8"), 0o644)
    state[ENABLED] = Item(bytes(UNITS / UNIT), None)
    return state


def wanted_absent() -> State:
    """Return what has to be where on a host without the helper: nothing anywhere."""
    return dict.fromkeys((*(path for path, _mode in SHIPPED.values()), PLAN, ENABLED))


def found(root: Path, paths: t.Iterable[PurePosixPath]) -> State:
    """Return what is at these paths. Raises KdumpError where something is in the way."""
    return {path: _read(inside(root, path)) for path in paths}


def differing(wanted: State, present: State) -> list[PurePosixPath]:
    """Return the paths that are not as wanted."""
    return [path for path in sorted(wanted) if wanted[path] != present[path]]


def expected_in_image(wanted: State) -> dict[str, bytes]:
    """Return what the built image has to contain, for C(order.prove_present)."""
    sources = {
        order.HELPER: HELPER,
        order.SCRIPT: SHIPPED["init-top"][0],
        order.PLAN: PLAN,
    }
    items = {name: wanted[path] for name, path in sources.items()}
    return {name: item.content for name, item in items.items() if item is not None}


def text_diff(before: State, after: State) -> list[dict[str, str]]:
    """Return Ansible's diff of every path that differs."""
    return [
        {
            "before_header": f"{path}{_mode_text(before[path])}",
            "after_header": f"{path}{_mode_text(after[path])}",
            "before": _text(before[path]),
            "after": _text(after[path]),
        }
        for path in differing(after, before)
    ]


def _checked_plan_text(plan: Mapping[str, t.Any]) -> str:
    """Return the plan as the file that the helper reads. Nothing but a plan gets into the capture kernel."""
    try:
        text = plan_text(plan)
        if plan["digest"] != plan_digest(plan["ports"]):
            raise KdumpError(
                "The plan was changed after it was made, its digest does not match: make exclusions for the filter"
                " vmcore.kdump.reset_plan instead."
            )
    except (KeyError, TypeError, AttributeError):
        raise KdumpError(
            "The plan is not one: pass what the filter vmcore.kdump.reset_plan returns."
        ) from None
    parse_plan_text(text)
    return text


def _read(path: Path) -> Item | None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(mode):
        return Item(os.fsencode(path.readlink()), None)
    if stat.S_ISREG(mode):
        return Item(path.read_bytes(), stat.S_IMODE(mode))
    raise KdumpError(f"{path} is neither a file nor a link and is in the way: remove it.")


def _mode_text(item: Item | None) -> str:
    if item is None:
        return " (absent)"
    return " (link)" if item.mode is None else f" (mode {item.mode:04o})"


def _text(item: Item | None) -> str:
    return "" if item is None else item.content.decode("utf-8", "replace")


__all__ = (
    "DIRECTORIES",
    "ENABLED",
    "SHIPPED",
    "Item",
    "State",
    "differing",
    "expected_in_image",
    "found",
    "text_diff",
    "wanted_absent",
    "wanted_present",
)
