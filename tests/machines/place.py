# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of functions, where an export does not tell them: from their place in the tree."""

from __future__ import annotations

from collections.abc import Callable

from machines.machine import Function

_PORTS = ("root_port", "downstream_port")


def set_types(functions: list[Function], is_port: Callable[[Function], bool]) -> None:
    """Give each function its type.

    A port on a root bus is a root port, one below a port the upstream port of a switch, whose other ports are below.
    Functions directly below a port are endpoints. Those on a root bus are no PCI Express devices, as far as anybody
    knows.
    """
    above: dict[str | None, Function] = {
        each.secondary: each for each in functions if each.secondary
    }
    for function in sorted(functions, key=lambda each: _depth(each, above)):
        _set_type(function, above.get(_bus(function)), port=is_port(function))


def _bus(function: Function) -> str:
    return function.address.rpartition(":")[0]


def _depth(function: Function, above: dict[str | None, Function]) -> int:
    parent = above.get(_bus(function))
    return 0 if parent is None else 1 + _depth(parent, above)


def _set_type(function: Function, above: Function | None, *, port: bool) -> None:
    if above is None:
        function.type = "root_port" if port else None
    elif port:
        function.type = "upstream_port" if above.type in _PORTS else "downstream_port"
    elif function.bridge:
        function.type = "pcie_to_pci_bridge" if above.type in _PORTS else None
    elif above.type in _PORTS or above.type == "upstream_port":
        function.type = "endpoint"


__all__ = ("set_types",)
