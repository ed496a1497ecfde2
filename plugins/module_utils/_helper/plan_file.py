# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The plan as the flat file that the helper in the capture kernel reads, one line a port."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

VERSION = 2

# How a port can be reset, in order of preference: see docs/reference/reset-helper.md.
METHODS = ("reset_subordinate", "bus", "sbr", "flr")

_TEXT_HEADER = (
    "# vmcore.kdump reset plan: written by pcie_reset_helper,"
    " read by the reset helper in the capture kernel."
)
_TEXT_KEYS = ("version", "host", "kernel", "digest")


def plan_text(plan: Mapping[str, t.Any]) -> str:
    """Return the plan as the flat file that a POSIX shell reads, one line a port."""
    lines = [_TEXT_HEADER, *(f"{key} {plan[key]}" for key in _TEXT_KEYS)]
    lines += [
        f"# leave {port['address']} {port['reason']}"
        for port in plan["ports"]
        if port["decision"] == "leave"
    ]
    lines += [
        " ".join(
            [
                "port",
                port["address"],
                ",".join(port["methods"]),
                *map(_child_text, port["children"]),
            ]
        )
        for port in plan["ports"]
        if port["decision"] == "reset"
    ]
    return "\n".join(lines) + "\n"


def parse_plan_text(text: str) -> dict[str, t.Any]:
    """Read a plan file back: C({"version", "host", "kernel", "digest", "ports"}).

    The ports are those to be reset, each C({"address", "methods", "children"}) as in the plan that
    was written. Raises KdumpError for a file that is not a plan of this version.
    """
    values: dict[str, str] = {}
    ports: list[dict[str, t.Any]] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        methods = words[2].split(",") if len(words) > 3 else []
        if words[0] == "port" and methods and set(methods) <= set(METHODS) and is_address(words[1]):
            children = [_parse_child(word) for word in words[3:]]
            ports.append({"address": words[1], "methods": methods, "children": children})
        elif words[0] in _TEXT_KEYS and len(words) == 2:
            values[words[0]] = words[1]
        else:
            raise KdumpError(
                f"The reset plan has the line {line!r}, which is none: write the plan again."
            )
    if values.get("version") != str(VERSION) or len(values) != len(_TEXT_KEYS):
        raise KdumpError(
            f"The file is no reset plan of version {VERSION} with {', '.join(_TEXT_KEYS)}: write the plan again."
        )
    return {**values, "version": VERSION, "ports": ports}


def _child_text(child: Mapping[str, str]) -> str:
    return f"{child['address']}={child['vendor']}:{child['device']}:{child['class']}"


def _parse_child(word: str) -> dict[str, str]:
    """Read C(0000:01:00.0=8086:10d3:020000)."""
    address, _equals, identity = word.partition("=")
    match = re.fullmatch(r"([0-9a-f]{4}):([0-9a-f]{4}):([0-9a-f]{6})", identity)
    if match is None or not is_address(address):
        raise KdumpError(
            f"The reset plan names a function as {word!r}, which is none: write the plan again."
        )
    return {"address": address, "vendor": match[1], "device": match[2], "class": match[3]}


__all__ = ("METHODS", "VERSION", "parse_plan_text", "plan_text")
