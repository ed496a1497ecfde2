# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The decision for each port, and the reason for it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import deciding_rules
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import (
    ON_CHIP_FUNCTIONS,
    ON_CHIP_PORTS,
    model,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import (
    concern_of_function,
    concern_of_port,
    takes_reset_for_removal,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import Exclusion
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import HostTraits
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.topology import Topology

    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]
    Dmi = Mapping[str, t.Any]

# Why a port is reset or left alone. The last two are the reasons to reset.
REASONS: dict[str, str] = {
    # What cannot be reset, or not by this port. No rule overrides these.
    "no_children": "Nothing is below.",
    "link_down": "No function below answers, the link is down.",
    "unreadable": "A function below cannot be read to tell what it is.",
    "legacy_pci": "Conventional PCI is below.",
    "beside_switch": "A switch is below, and beside its upstream port {functions}, which no port resets alone.",
    "not_endpoint": "A switch or bridge is below: its own downstream ports are reset.",
    # A rule, and then policy, which a rule with the decision reset overrides.
    "excluded": "Excluded by the rule {rule}.",
    "display": "A display controller is below.",
    "accelerator": "An accelerator ({name}) is below: it is left until a crash test of this platform shows that it"
    " survives a reset, and a rule says so.",
    "memory": "A memory device is below, it may hold what is to be dumped.",
    "bmc": "The management controller (BMC) is below: {name}.",
    "switch_management": "The management endpoint of a switch ({name}) is below: a reset gains nothing, and what it"
    " does to the switch is not known.",
    "fabric": "A bridge into a fabric is below, others would lose their link.",
    "cxl": "CXL is below: a reset may take away memory that is to be dumped.",
    "cxl_port": "The port is able to do CXL: whether memory below is in use is not known.",
    "external": "What is below can be unplugged, or is outside of the machine.",
    "console": "The serial port below may be the console.",
    "dump_target": "The dump is written through a function below, and the policy is to leave it.",
    "target_driver": "The dump is written through {address}, and its driver {driver} deals with a running controller"
    " itself ({source}).",
    "no_bus_reset": "A bus reset harms {identity}: {why}.",
    "kernel_resets": "The kernel of {architecture} resets devices itself where that is needed.",
    "hotplug": "A hot-plug port: the kernel {kernel} takes the reset for a removal.",
    # What a reset at this moment would do harm to, or cannot be done with. No rule overrides these.
    "driver_made": "It does not exist before the driver of {function}, which resets it itself.",
    "sbr_masked": "The port ignores a bus reset while it does CXL.",
    "built_in_driver": "The driver {driver} is built in and binds before the reset.",
    "no_reset_method": "This kernel resets neither the port nor what is below, and policy allows nothing else.",
    "included": "Reset by the rule {rule}.",
    "endpoints_only": "Only endpoints are below.",
}
RESETTING = frozenset({"included", "endpoints_only"})

# PCI Express Base Specification, 7.5.3.2 PCI Express Capabilities Register, Device/Port Type.
_ENDPOINTS = frozenset({"endpoint", "legacy_endpoint"})
_CONVENTIONAL = frozenset({None, "pcie_to_pci_bridge", "pci_to_pcie_bridge"})

# What identifies a function in the capture kernel, with the digits each takes.
_IDENTITY = (("vendor", 4), ("device", 4), ("class", 6))


class Case(t.NamedTuple):
    """What is decided on, beside the host's traits: the same for all ports."""

    topology: Topology
    rules: Sequence[Exclusion]
    dmi: Dmi
    binds_early: bool  # built-in drivers bind before the reset


class _Decision(t.NamedTuple):
    """A reason, the words of its sentence, and the rule that decided."""

    reason: str
    words: Mapping[str, str] = {}
    rule: Exclusion | None = None


def decide(case: Case, host: HostTraits) -> list[dict[str, t.Any]]:
    """Return the plan's entries of all ports, in order of their addresses."""
    return [_entry(port, case, host) for port in case.topology.ports]


def _entry(port: Port, case: Case, host: HostTraits) -> dict[str, t.Any]:
    """Return the plan's entry of one port."""
    children = case.topology.children(port)
    above = case.topology.above(port["address"])
    reason, words, rule = _reason(port, above, children, case, host)
    reset = reason in RESETTING
    return {
        "address": port["address"],
        "decision": "reset" if reset else "leave",
        "reason": reason,
        "sentence": REASONS[reason].format(**words),
        "methods": _methods(port, children, host, by_rule=rule is not None) if reset else [],
        "rule": rule.name if rule else None,
        "children": [_identity(child) for child in children],
        "on_chip": _is_on_chip(above, children),
        "bus_master": _any([child.get("bus_master") for child in children]),
        "drivers": sorted({child["driver"] for child in children if child["driver"]}),
    }


def _is_on_chip(above: Sequence[Function], children: Sequence[Function]) -> bool:
    """Say whether a port's link never leaves the processor or the chipset: by the port, or by all that is below."""
    if above and model(ON_CHIP_PORTS, above[0]):
        return True
    return bool(children) and all(model(ON_CHIP_FUNCTIONS, each) for each in children)


def _any(values: Sequence[bool | None]) -> bool | None:
    """Say whether one of them is true; not known counts unless one is."""
    return True if True in values else None if None in values else False


def _reason(
    port: Port,
    above: Sequence[Function],
    children: Sequence[Function],
    case: Case,
    host: HostTraits,
) -> _Decision:
    """Return the first reason that applies.

    Virtual functions are not children: the capture kernel switches SR-IOV off when it finds it on
    (drivers/pci/iov.c, sriov_init()), and what it does not have cannot speak against a reset. Rules
    match them all the same.
    """
    found = _unresettable(children)
    if found:
        return found
    below = case.topology.below(port["address"])
    deciding = deciding_rules(case.rules, case.dmi, port, below)
    for each in below:
        rule = deciding.get(each["address"])
        if rule and rule.decision == "leave":
            return _Decision("excluded", {"rule": rule.text}, rule)
    # A virtual function can keep its port from being reset, and cannot have it reset.
    chosen = [deciding[each["address"]] for each in children if each["address"] in deciding]
    for child in children:
        concern = None if child["address"] in deciding else concern_of_function(child, host)
        if concern:
            return _Decision(concern.code, concern.words)
    methods = _methods(port, children, host, by_rule=bool(chosen))
    thunderbolt = any(bridge["address"] in case.topology.thunderbolt for bridge in above)
    concern = None if chosen else concern_of_port(port, above, host, methods, thunderbolt)
    if concern:
        return _Decision(concern.code, concern.words)
    return (
        _impossible(port, above, children, case, host)
        or (None if methods else _Decision("no_reset_method"))
        or (
            _Decision("included", {"rule": chosen[0].text}, chosen[0])
            if chosen
            else _Decision("endpoints_only")
        )
    )


def _impossible(
    port: Port,
    above: Sequence[Function],
    children: Sequence[Function],
    case: Case,
    host: HostTraits,
) -> _Decision | None:
    """Return why a reset at this moment would do harm, or nothing, whatever a rule says."""
    maker = host.driver_made_buses.get(str(above[0].get("root_bus"))) if above else None
    if maker:
        return _Decision("driver_made", {"function": maker})
    if port.get("sbr_masked"):
        return _Decision("sbr_masked")
    drivers = sorted(
        child["driver"] for child in children if child["driver"] and child["driver_built_in"]
    )
    if drivers and case.binds_early:
        return _Decision("built_in_driver", {"driver": drivers[0]})
    return None


def _methods(
    port: Port, children: Sequence[Function], host: HostTraits, by_rule: bool
) -> list[str]:
    """Return the methods by which a port may be reset, in order of preference.

    Where pciehp takes reset_subordinate for a removal, only a rule brings it back, and last of the kernel's methods:
    what C(bus) does is announced to pciehp (drivers/pci/pci.c, pci_dev_reset_slot_function()).
    """
    removes = takes_reset_for_removal(port, host)
    possible = (
        ("reset_subordinate", port["reset_subordinate"] and not removes),
        # drivers/pci/pci.c, pci_parent_bus_reset(): only for a function that is alone on its bus.
        ("bus", len(children) == 1 and "bus" in (children[0].get("reset_methods") or ())),
        ("reset_subordinate", port["reset_subordinate"] and removes and by_rule),
        ("sbr", host.sbr),
        ("flr", host.flr and all(_has_flr(child) for child in children)),
    )
    return [method for method, applies in possible if applies]


def _has_flr(function: Function) -> bool:
    """Say whether the kernel resets a function by FLR. Before 5.15 it names no methods, and takes FLR first."""
    named = function.get("reset_methods")
    return "flr" in named if named else bool(function.get("flr"))


def _unresettable(children: Sequence[Function]) -> _Decision | None:
    """Return why what is below cannot be reset by this port, whatever a rule says."""
    beside = [
        child["address"]
        for child in children
        if child["port_type"] in _ENDPOINTS
        and any(each["port_type"] == "upstream_port" for each in children)
    ]
    checks = (
        ("no_children", not children),
        # Not Data Link Layer Link Active: a port may deny a link whose functions answer (QEMU's root
        # ports do), and whether they come back is what a reset is judged by.
        ("link_down", not any(child["header"] for child in children)),
        ("unreadable", any(_is_unreadable(child) for child in children)),
        ("legacy_pci", any(child["port_type"] in _CONVENTIONAL for child in children)),
        ("beside_switch", bool(beside)),
        ("not_endpoint", any(child["port_type"] not in _ENDPOINTS for child in children)),
    )
    found = next((code for code, applies in checks if applies), None)
    return _Decision(found, {"functions": ", ".join(beside)}) if found else None


def _is_unreadable(function: Function) -> bool:
    """No PCI Express capability was seen, and its absence was not either: all ones, a damaged list, no privilege."""
    return function["port_type"] is None and bool(
        function["header"] is None or function.get("notes")
    )


def _identity(function: Function) -> dict[str, str]:
    """Return address, vendor, device and class of a function, checked: they go into a file a shell reads."""
    identity = {key: function[key] for key in ("address", *(key for key, _digits in _IDENTITY))}
    for key, digits in _IDENTITY:
        if not re.fullmatch(f"[0-9a-f]{{{digits}}}", identity[key]):
            raise KdumpError(
                f"The {key} {identity[key]!r} of {identity['address']} is not {digits} lower-case hexadecimal digits:"
                " gather the facts again."
            )
    return identity


__all__ = ("REASONS", "RESETTING", "Case", "decide")
