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
from ansible_collections.vmcore.kdump.plugins.module_utils._helper import quiesce
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    ENABLED,
    IMAGE_UNIT,
    LIBRARY,
    MODULE,
    PLAN,
    QUIESCE,
    SCRIPT,
    SHIPPED,
    UNIT,
    UNITS,
    in_image,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import (
    parse_plan_text,
    plan_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import with_quiesce
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import plan_digest
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside, is_file

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family

# What of that is in every image, and where. It is below the same path as on the host.
_IN_EVERY_IMAGE = ("pcie-reset", "secondary-bus-reset", "guard", "lib.sh", "local-apic.hex")
# What is in some images, and where: that depends on what else is in the image.
_IN_SOME_IMAGES = {
    "usr/lib/systemd/system/kdump-save.service.d/pcie-reset.conf": "dracut-kdump-save.conf",
    "var/lib/dracut/hooks/cmdline/00-pcie-reset.sh": "dracut-hook.sh",
    "usr/lib/dracut/hooks/cmdline/00-pcie-reset.sh": "dracut-hook.sh",
    in_image(LIBRARY / "store-report"): "store-report",
}

# Where pciutils puts it.
_SETPCI = ("/usr/bin/setpci", "/usr/sbin/setpci", "/bin/setpci", "/sbin/setpci")

# Removed when nothing else is in them.
DIRECTORIES = (LIBRARY, PLAN.parent, MODULE, ENABLED.parent, quiesce.IMAGE.parent)


class Item(t.NamedTuple):
    """A file: its content and permissions. A symbolic link: its target, and no permissions."""

    content: bytes
    mode: int | None


# What is, or is to be, at a path. None: nothing.
State = dict[PurePosixPath, t.Optional[Item]]


def wanted_present(
    files: Mapping[str, str], plan: Mapping[str, t.Any], family: Family, stage: str = "initramfs"
) -> State:
    """Return what has to be where on a host that resets by C(plan): what its family needs, and nothing else.

    C(files) are the collection's own files, name in SHIPPED -> text. C(stage) is where the reset is done. Raises
    KdumpError for other names, for a plan that is not one or is for another stage, and for a stage that the family
    does not have.
    """
    if set(files) != set(SHIPPED):
        wrong = ", ".join(sorted(set(files) ^ set(SHIPPED)))
        raise KdumpError(
            f"The helper does not consist of these files ({wrong}): leave the option files to the action plugin."
        )
    needed = family.parts
    if stage == "quiesce":
        if family.quiesce_settings is None:
            raise KdumpError(
                f"The quiesce stage is built for {with_quiesce()}, and not for {family.name}: leave the stage at"
                " initramfs."
            )
        needed = (*needed, *QUIESCE)
    if plan.get("stage", "initramfs") != stage:
        raise KdumpError(
            f"The plan is for the stage {plan.get('stage', 'initramfs')} and is to be installed for {stage}: make it"
            " for that stage."
        )
    state = wanted_absent()
    for name in needed:
        path, mode = SHIPPED[name]
        text = files[name]
        state[path] = Item(program(text) if name.endswith(".hex") else text.encode("utf-8"), mode)
    state[PLAN] = Item(_checked_plan_text(plan).encode("utf-8"), 0o644)
    if UNIT in needed:
        state[ENABLED] = Item(bytes(UNITS / UNIT), None)
    return state


def program(text: str) -> bytes:
    """Return a program that is shipped in hexadecimal, with comments behind a #."""
    return bytes.fromhex(" ".join(line.partition("#")[0] for line in text.splitlines()))


def wants_quiesce(wanted: State) -> bool:
    """Say whether the reset is to be done by the quiesce stage."""
    return wanted[quiesce.SETTINGS] is not None


def wanted_settings(wanted: State, present: Item | None) -> Item | None:
    """Return the settings from which the capture kernel is loaded as the helper needs it."""
    if present is None or present.mode is None:  # a link's target is not the settings
        if present is not None and wants_quiesce(wanted):
            raise KdumpError(
                "The settings of kdump are a symbolic link, in which the quiesce stage has no place: put a file there."
            )
        return present
    scripts = [path for path in (quiesce.ARGUMENTS, quiesce.SETTINGS) if wanted[path] is not None]
    text = present.content.decode("utf-8", "surrogateescape")
    content = quiesce.with_lines(text, scripts).encode("utf-8", "surrogateescape")
    return present._replace(content=content)


def expected_in_quiesce(wanted: State) -> dict[str, bytes]:
    """Return what of the helper the image of the quiesce stage has to contain, path in it -> content."""
    sources = {in_image(SHIPPED[name][0]): SHIPPED[name][0] for name in _IN_EVERY_IMAGE}
    sources["init"] = SHIPPED["quiesce-init"][0]
    sources[in_image(PLAN)] = PLAN
    items = {name: wanted[path] for name, path in sources.items()}
    return {name: item.content for name, item in items.items() if item is not None}


def planned_functions(wanted: State) -> list[str]:
    """Return the addresses of the functions that the plan resets."""
    plan = wanted[PLAN]
    if plan is None:
        return []
    ports = parse_plan_text(plan.content.decode("utf-8"))["ports"]
    return [child["address"] for port in ports for child in port["children"]]


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
    """Return what the built image has to contain, for C(prove_present). Nothing without the helper."""
    sources = {in_image(SHIPPED[name][0]): SHIPPED[name][0] for name in _IN_EVERY_IMAGE}
    sources[in_image(PLAN)] = PLAN
    sources[SCRIPT] = SHIPPED["init-top"][0]
    sources[IMAGE_UNIT] = SHIPPED["pcie-reset.service"][0]
    items = {name: wanted[path] for name, path in sources.items()}
    return {name: item.content for name, item in items.items() if item is not None}


def lacking_in_image(wanted: State, files: Mapping[str, Entry]) -> str | None:
    """Return what of an image with the helper is not the present file, in a sentence, None if all is."""
    for path, name in _IN_SOME_IMAGES.items():
        item = wanted[SHIPPED[name][0]]
        if item is not None and path in files and files[path].data != item.content:
            return f"/{path} in the image differs from the one to be installed."
    return None


def needs_setpci(wanted: State) -> bool:
    """Say whether the plan may reset a port through its registers."""
    plan = wanted[PLAN]
    if plan is None:
        return False
    ports = parse_plan_text(plan.content.decode("utf-8"))["ports"]
    return any("sbr" in port["methods"] for port in ports)


def require_tools(root: Path, wanted: State) -> None:
    """Raise KdumpError when a program that the image needs is not installed on the host."""
    if needs_setpci(wanted) and not any(is_file(inside(root, path)) for path in _SETPCI):
        raise KdumpError(
            "The plan resets ports by sbr, and the setpci for that is not installed: install pciutils, or set the"
            " policy sbr to never."
        )


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
    if item is None:
        return ""
    if b"\0" in item.content:
        return f"a program of {len(item.content)} bytes\n"
    return item.content.decode("utf-8", "replace")


__all__ = (
    "DIRECTORIES",
    "Item",
    "State",
    "differing",
    "expected_in_image",
    "expected_in_quiesce",
    "found",
    "lacking_in_image",
    "needs_setpci",
    "planned_functions",
    "program",
    "require_tools",
    "text_diff",
    "wanted_absent",
    "wanted_present",
    "wanted_settings",
    "wants_quiesce",
)
