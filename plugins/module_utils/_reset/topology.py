# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where each function is: what is below a port, and what is above a function."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import sort_key
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import is_thunderbolt

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Mapping

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]


class Topology(t.NamedTuple):
    """The functions and ports of a host, in order of their addresses, each function with those below it."""

    functions: Mapping[str, Function]
    ports: list[Port]
    directly_below: Mapping[str, list[Function]]
    # Upstream ports of Thunderbolt and USB4 controllers, ports with one directly below, and bridges that belong to one.
    thunderbolt: frozenset[str]

    def children(self, port: Port) -> list[Function]:
        """Return the physical functions directly below a port."""
        below = [self.functions[child] for child in port["children"]]
        return in_order(each for each in below if not each.get("physical_function"))

    def below(self, address: str) -> list[Function]:
        """Return everything below a port, at any depth."""
        found: list[Function] = []
        todo, seen = [address], {address}
        while todo:
            for function in self.directly_below.get(todo.pop(), []):
                if function["address"] not in seen:
                    seen.add(function["address"])
                    found.append(function)
                    todo.append(function["address"])
        return in_order(found)

    def above(self, address: str) -> list[Function]:
        """Return a function and the bridges that it is below, from the inside out."""
        found: list[Function] = []
        here = self.functions.get(address)
        while here is not None and here not in found:
            found.append(here)
            here = self.functions.get(str(here["parent"]))
        return found


def read_topology(facts: Facts) -> Topology:
    """Return what the facts tell of places. Raises KdumpError as topology() does."""
    functions, ports = topology(facts)
    below: dict[str, list[Function]] = {}
    for function in functions.values():
        if function["parent"] is not None:
            below.setdefault(function["parent"], []).append(function)
    found = [each for each in functions.values() if is_thunderbolt(each)]
    above = [functions.get(str(each["parent"])) for each in found]
    switches = {
        str(port["parent"]) if port["port_type"] == "downstream_port" else port["address"]
        for port in above
        if port
    }
    bridges = {each["address"] for each in found if each["header"] == "bridge"}
    return Topology(functions, ports, below, frozenset(switches | bridges))


def topology(facts: Facts) -> tuple[dict[str, Function], list[Port]]:
    """Return the functions of the facts by address and the ports, both in order of their addresses.

    Raises KdumpError for facts that are not those of M(vmcore.kdump.platform_facts).
    """
    try:
        functions = {each["address"]: each for each in in_order(facts["pcie"]["functions"])}
        ports = in_order(facts["pcie"]["ports"])
    except (KeyError, TypeError):
        raise KdumpError(
            "The facts hold no pcie.functions and pcie.ports: gather them with vmcore.kdump.platform_facts first."
        ) from None
    for port in ports:
        unknown = set(port["children"]) - set(functions)
        if unknown:
            raise KdumpError(
                f"The facts put {', '.join(sorted(unknown))} below {port['address']} and do not describe it:"
                " gather them again."
            )
    return functions, ports


def in_order(found: Iterable[Mapping[str, t.Any]]) -> list[Mapping[str, t.Any]]:
    """Sort functions or ports by address."""
    try:
        return sorted(found, key=lambda each: sort_key(each["address"]))
    except ValueError as exc:
        raise KdumpError(
            f"The facts name a PCI function wrongly, {exc}: gather them again."
        ) from None


__all__ = ("Topology", "in_order", "read_topology", "topology")
