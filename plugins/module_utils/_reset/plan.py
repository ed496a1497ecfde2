# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The reset plan: which PCIe ports the capture kernel resets, which it leaves alone, and why.

Decided once, from facts, where it can be previewed. The capture kernel executes what is written here and
decides nothing. Pure functions: the same facts, exclusions and policy give the same plan and the same digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import VERSION
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import sort_key
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import (
    deciding_rules,
    read_exclusions,
    rules_without_a_place,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import (
    concern_of_function,
    concern_of_port,
    read_policy,
    situation,
    takes_reset_for_removal,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import Exclusion
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import Situation

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]

# Why a port is reset or left alone. The last two are the reasons to reset.
REASONS: dict[str, str] = {
    # What cannot be reset, or not by this port. No rule overrides these.
    "no_children": "Nothing is below.",
    "link_down": "No function below answers, the link is down.",
    "unreadable": "A function below cannot be read to tell what it is.",
    "legacy_pci": "Conventional PCI is below.",
    "not_endpoint": "A switch or bridge is below: its own downstream ports are reset.",
    # A rule, and then policy, which a rule with the decision reset overrides.
    "excluded": "Excluded by the rule {rule}.",
    "display": "A display controller is below.",
    "memory": "A memory device is below, it may hold what is to be dumped.",
    "bmc": "The management controller (BMC) is below.",
    "fabric": "A bridge into a fabric is below, others would lose their link.",
    "cxl": "CXL is below: a reset may take away memory that is to be dumped.",
    "cxl_port": "The port is able to do CXL: whether memory below is in use is not known.",
    "external": "What is below can be unplugged, or is outside of the machine.",
    "console": "The serial port below may be the console.",
    "dump_target": "The dump is written through a function below, and the policy is to leave it.",
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


def make_plan(
    facts: Facts,
    exclusions: Iterable[Mapping[str, t.Any]] = (),
    policy: Mapping[str, str] | None = None,
    stage: str = "initramfs",
) -> dict[str, t.Any]:
    """Decide for every root port and switch downstream port whether the capture kernel resets it.

    C(facts) are the facts of M(vmcore.kdump.platform_facts); C(exclusions) are rules as in
    read_exclusions(), C(policy) sets what read_policy() knows. C(stage) is where the reset is done: in the initramfs,
    or before it in the quiesce stage, where no driver is bound, built in or not.

    A port is reset if all functions below may be. Each function is decided by the rule that
    deciding_rules() finds for it, and by policy where there is none: a rule that resets one function
    does not reset a sibling that another rule leaves alone.

    Returns C({"version": 2, "host": str, "kernel": str, "stage": str, "digest": str, "policy": {...},
    "notes": [sentence], "ports": [{"address", "decision": "reset"|"leave", "reason", "sentence",
    "methods": [one of METHODS], "rule": str|None, "children": [{"address", "vendor", "device", "class"}]}],
    "summary": {"reset": int, "leave": int}}). Raises KdumpError for facts without C(pcie), for a
    malformed address or identity in them, for a malformed rule, for a malformed policy and for an unknown stage.
    """
    if stage not in STAGES:
        raise KdumpError(f"There is no stage {stage!r}: it may be {' or '.join(STAGES)}.")
    rules = read_exclusions(exclusions)
    settings = read_policy(policy or {})
    functions, ports = topology(facts)
    host, notes = situation(facts, settings)
    dmi = (facts.get("platform") or {}).get("dmi") or {}
    below = _below(functions)
    decided = []
    for port in ports:
        below_it = [functions[child] for child in port["children"]]
        children = _in_order(each for each in below_it if not each.get("physical_function"))
        reason, words, rule = _reason(
            port,
            functions.get(port["address"]),
            children,
            _in_order(below(port["address"])),
            rules,
            dmi,
            host,
            binds_early=stage == "initramfs",
        )
        methods = _methods(port, children, host, by_rule=rule is not None)
        decided.append(_entry(port, children, reason, words, rule, methods))
    notes += [
        f"The rule {name} names a place that this host does not have."
        for name in rules_without_a_place(
            rules, dmi, [(port, below(port["address"])) for port in ports]
        )
    ]
    decisions = [port["decision"] for port in decided]
    return {
        "version": VERSION,
        "host": _word(facts, "platform", "hostname"),
        "kernel": _word(facts, "kdump", "kernel_release"),
        "stage": stage,
        "digest": plan_digest(decided),
        "policy": settings,
        "notes": notes,
        "ports": decided,
        "summary": {decision: decisions.count(decision) for decision in ("reset", "leave")},
    }


def plan_digest(ports: Sequence[Port]) -> str:
    """Return the SHA-256 (hex) of what a plan decides.

    Host and kernel are left out, so that equal hosts have equal digests, and so is the sentence, which is
    derived from the reason: rewording it must not rebuild every initramfs of a fleet.
    """
    decided = [{key: value for key, value in port.items() if key != "sentence"} for port in ports]
    canonical = json.dumps(
        {"version": VERSION, "ports": decided}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _reason(
    port: Port,
    bridge: Function | None,
    children: Sequence[Function],
    below: Sequence[Function],
    rules: Sequence[Exclusion],
    dmi: Mapping[str, t.Any],
    host: Situation,
    binds_early: bool,
) -> tuple[str, Mapping[str, str], Exclusion | None]:
    """Return the first reason that applies, the words of its sentence, and the rule that decided.

    Virtual functions are not children: the capture kernel switches SR-IOV off when it finds it on
    (drivers/pci/iov.c, sriov_init()), and what it does not have cannot speak against a reset. Rules
    match them all the same.
    """
    reason = _unresettable(children)
    if reason:
        return reason, {}, None
    deciding = deciding_rules(rules, dmi, port, below)
    for each in below:
        rule = deciding.get(each["address"])
        if rule and rule.decision == "leave":
            return "excluded", {"rule": rule.text}, rule
    # A virtual function can keep its port from being reset, and cannot have it reset.
    chosen = [deciding[each["address"]] for each in children if each["address"] in deciding]
    for child in children:
        concern = None if child["address"] in deciding else concern_of_function(child, host)
        if concern:
            return concern.code, concern.words, None
    methods = _methods(port, children, host, by_rule=bool(chosen))
    concern = None if chosen else concern_of_port(port, bridge, host, methods)
    if concern:
        return concern.code, concern.words, None
    maker = host.driver_made_buses.get(str(bridge.get("root_bus"))) if bridge else None
    if maker:
        return "driver_made", {"function": maker}, None
    if port.get("sbr_masked"):
        return "sbr_masked", {}, None
    drivers = sorted(
        child["driver"] for child in children if child["driver"] and child["driver_built_in"]
    )
    if drivers and binds_early:
        return "built_in_driver", {"driver": drivers[0]}, None
    if not methods:
        return "no_reset_method", {}, None
    if chosen:
        return "included", {"rule": chosen[0].text}, chosen[0]
    return "endpoints_only", {}, None


def _methods(port: Port, children: Sequence[Function], host: Situation, by_rule: bool) -> list[str]:
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


def _unresettable(children: Sequence[Function]) -> str | None:
    """Return why what is below cannot be reset by this port, whatever a rule says."""
    checks = (
        ("no_children", not children),
        # Not Data Link Layer Link Active: a port may deny a link whose functions answer (QEMU's root
        # ports do), and whether they come back is what a reset is judged by.
        ("link_down", not any(child["header"] for child in children)),
        ("unreadable", any(_is_unreadable(child) for child in children)),
        ("legacy_pci", any(child["port_type"] in _CONVENTIONAL for child in children)),
        ("not_endpoint", any(child["port_type"] not in _ENDPOINTS for child in children)),
    )
    return next((code for code, applies in checks if applies), None)


def _is_unreadable(function: Function) -> bool:
    """No PCI Express capability was seen, and its absence was not either: all ones, a damaged list, no privilege."""
    return function["port_type"] is None and bool(
        function["header"] is None or function.get("notes")
    )


def _entry(
    port: Port,
    children: Iterable[Function],
    reason: str,
    words: Mapping[str, str],
    rule: Exclusion | None,
    methods: list[str],
) -> dict[str, t.Any]:
    """Return the plan's entry of one port."""
    reset = reason in RESETTING
    return {
        "address": port["address"],
        "decision": "reset" if reset else "leave",
        "reason": reason,
        "sentence": REASONS[reason].format(**words),
        "methods": methods if reset else [],
        "rule": rule.name if rule else None,
        "children": [_identity(child) for child in children],
    }


def topology(facts: Facts) -> tuple[dict[str, Function], list[Port]]:
    """Return the functions of the facts by address and the ports, both in order of their addresses.

    Raises KdumpError for facts that are not those of M(vmcore.kdump.platform_facts).
    """
    try:
        functions = {each["address"]: each for each in _in_order(facts["pcie"]["functions"])}
        ports = _in_order(facts["pcie"]["ports"])
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


def _below(functions: Mapping[str, Function]) -> Callable[[str], list[Function]]:
    """Return a function that lists everything below a port, at any depth."""
    by_parent: dict[str | None, list[Function]] = {}
    for function in functions.values():
        by_parent.setdefault(function["parent"], []).append(function)

    def below(address: str) -> list[Function]:
        found: list[Function] = []
        todo, seen = [address], {address}
        while todo:
            for function in by_parent.get(todo.pop(), []):
                if function["address"] not in seen:
                    seen.add(function["address"])
                    found.append(function)
                    todo.append(function["address"])
        return found

    return below


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


def _in_order(found: Iterable[Mapping[str, t.Any]]) -> list[Mapping[str, t.Any]]:
    """Sort functions or ports by address."""
    try:
        return sorted(found, key=lambda each: sort_key(each["address"]))
    except ValueError as exc:
        raise KdumpError(
            f"The facts name a PCI function wrongly, {exc}: gather them again."
        ) from None


def _word(facts: Facts, section: str, key: str) -> str:
    """Return a fact as one word for the plan file."""
    return "_".join(str((facts.get(section) or {}).get(key) or "unknown").split())


__all__ = (
    "REASONS",
    "RESETTING",
    "make_plan",
    "plan_digest",
    "topology",
)
