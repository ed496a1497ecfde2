# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The reset plan: which PCIe ports the capture kernel resets, which it leaves alone, and why.

Decided once, from facts, where it can be previewed. The capture kernel executes what is written here and
decides nothing. Pure functions: the same facts and exclusions give the same plan and the same digest.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address, sort_key

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]
    Rule = Mapping[str, t.Any]

VERSION = 1
METHOD = "reset_subordinate"

# Why a port is reset or left alone. endpoints_only is the one reason to reset.
REASONS: dict[str, str] = {
    "endpoints_only": "Only endpoints are below.",
    "no_children": "Nothing is below.",
    "link_down": "No function below answers, the link is down.",
    "legacy_pci": "Conventional PCI is below.",
    "not_endpoint": "A switch or bridge is below: its own downstream ports are reset.",
    "excluded": "Excluded by the rule {rule}.",
    "display": "A display controller is below.",
    "memory": "A memory device is below, it may hold what is to be dumped.",
    "built_in_driver": "The driver {driver} is built in and binds before the reset.",
    "no_reset_method": "This kernel has no reset_subordinate for the port.",
}

# PCI Express Base Specification, 7.5.3.2 PCI Express Capabilities Register, Device/Port Type.
_ENDPOINTS = frozenset({"endpoint", "legacy_endpoint"})
_CONVENTIONAL = frozenset({None, "pcie_to_pci_bridge", "pci_to_pcie_bridge"})

# A rule matches a function below the port by these, and the port itself by "port".
_FUNCTION_KEYS = ("address", "vendor", "device", "class", "driver")
_MATCH_KEYS = frozenset({"port", *_FUNCTION_KEYS})
_RULE_KEYS = frozenset({"name", "match", "reason"})

# What identifies a function in the capture kernel, with the digits each takes.
_IDENTITY = (("vendor", 4), ("device", 4), ("class", 6))

_TEXT_HEADER = (
    "# vmcore.kdump reset plan: written by pcie_reset_helper,"
    " read by the reset helper in the capture kernel."
)
_TEXT_KEYS = ("version", "host", "kernel", "digest")


def make_plan(facts: Facts, exclusions: Iterable[Mapping[str, t.Any]] = ()) -> dict[str, t.Any]:
    """Decide for every root port and switch downstream port whether the capture kernel resets it.

    C(facts) are the facts of M(vmcore.kdump.platform_facts); C(exclusions) are rules, each
    C({"name": str, "match": {key: glob}, "reason": str}) with the keys address, vendor, device,
    class, driver and port. All of a rule's patterns must match one function below the port, at any
    depth, and C(port) the port itself.

    Returns C({"version": 1, "host": str, "kernel": str, "digest": str, "ports": [{"address",
    "decision": "reset"|"leave", "reason", "sentence", "method": str|None, "rule": str|None,
    "children": [{"address", "vendor", "device", "class"}]}], "summary": {"reset": int,
    "leave": int}}). Raises KdumpError for facts without C(pcie), for a malformed address or
    identity in them and for a malformed rule.
    """
    rules = [_checked_rule(rule, number) for number, rule in enumerate(exclusions, start=1)]
    functions, ports = topology(facts)
    below = _below(functions)
    decided = [
        _decide(
            port, [functions[child] for child in port["children"]], below(port["address"]), rules
        )
        for port in ports
    ]
    decisions = [port["decision"] for port in decided]
    return {
        "version": VERSION,
        "host": _word(facts, "platform", "hostname"),
        "kernel": _word(facts, "kdump", "kernel_release"),
        "digest": plan_digest(decided),
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


def plan_text(plan: Mapping[str, t.Any]) -> str:
    """Return the plan as the flat file that a POSIX shell reads, one line a port."""
    lines = [_TEXT_HEADER, *(f"{key} {plan[key]}" for key in _TEXT_KEYS)]
    lines += [
        f"# leave {port['address']} {port['reason']}"
        for port in plan["ports"]
        if port["decision"] == "leave"
    ]
    lines += [
        " ".join(["port", port["address"], port["method"], *map(_child_text, port["children"])])
        for port in plan["ports"]
        if port["decision"] == "reset"
    ]
    return "\n".join(lines) + "\n"


def parse_plan_text(text: str) -> dict[str, t.Any]:
    """Read a plan file back: C({"version", "host", "kernel", "digest", "ports"}).

    The ports are those to be reset, each C({"address", "method", "children"}) as in the plan that
    was written. Raises KdumpError for a file that is not a plan of this version.
    """
    values: dict[str, str] = {}
    ports: list[dict[str, t.Any]] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "port" and len(words) > 3 and is_address(words[1]):
            children = [_parse_child(word) for word in words[3:]]
            ports.append({"address": words[1], "method": words[2], "children": children})
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


def _decide(
    port: Port,
    children: list[Function],
    below: list[Function],
    rules: Sequence[Rule],
) -> dict[str, t.Any]:
    """Return the plan's entry of one port: the first reason in this order that applies."""
    rule = next((rule for rule in rules if _matches(rule["match"], port, below)), None)
    built_in = sorted(
        child["driver"] for child in children if child["driver"] and child["driver_built_in"]
    )
    reason = next(
        code
        for code, applies in (
            ("no_children", not children),
            # Not Data Link Layer Link Active: a port may deny a link whose functions answer (QEMU's root
            # ports do), and whether they come back is what a reset is judged by.
            ("link_down", not any(child["header"] for child in children)),
            ("legacy_pci", any(child["port_type"] in _CONVENTIONAL for child in children)),
            ("not_endpoint", any(child["port_type"] not in _ENDPOINTS for child in children)),
            ("excluded", rule is not None),
            ("display", any(child["class"].startswith("03") for child in children)),
            ("memory", any(child["class"].startswith("05") for child in children)),
            ("built_in_driver", bool(built_in)),
            ("no_reset_method", not port["reset_subordinate"]),
            ("endpoints_only", True),
        )
        if applies
    )
    reset = reason == "endpoints_only"
    return {
        "address": port["address"],
        "decision": "reset" if reset else "leave",
        "reason": reason,
        "sentence": REASONS[reason].format(
            rule=_rule_text(rule) if rule else None, driver=built_in[0] if built_in else None
        ),
        "method": METHOD if reset else None,
        "rule": rule["name"] if rule and reason == "excluded" else None,
        "children": [_identity(child) for child in _in_order(children)],
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


def _matches(match: Mapping[str, str], port: Port, below: list[Function]) -> bool:
    """Say whether all keys of a rule match: C(port) the port, the others together one function below it."""
    if "port" in match and not _glob(port["address"], match["port"]):
        return False
    keys = [key for key in _FUNCTION_KEYS if key in match]
    return not keys or any(
        all(_glob(function[key], match[key]) for key in keys) for function in below
    )


def _glob(value: str | None, pattern: str) -> bool:
    """Match without regard to case: a rule may spell an identity as a data sheet does."""
    return value is not None and fnmatch.fnmatchcase(value.lower(), pattern.lower())


def _checked_rule(rule: t.Any, number: int) -> Rule:
    """Return an exclusion, or raise a KdumpError that names it and its mistake."""
    is_rule = isinstance(rule, dict)
    name = rule.get("name") if is_rule else None
    label = f"Exclusion {name!r}" if name else f"Exclusion number {number}"
    match = rule.get("match") if is_rule else None
    known = ", ".join(sorted(_MATCH_KEYS))
    for wrong, sentence in (
        (not is_rule, "is not a dictionary with name, match and reason."),
        (not isinstance(name, str) or not name, "has no name: give it one, the plan refers to it."),
        (
            is_rule and set(rule) - _RULE_KEYS,
            f"has an unknown key: it may have {', '.join(sorted(_RULE_KEYS))}.",
        ),
        (
            not isinstance(match, dict) or not match,
            f"matches nothing: give match one of {known}.",
        ),
        (
            isinstance(match, dict) and set(match) - _MATCH_KEYS,
            f"matches by an unknown key: it may use {known}.",
        ),
        (
            isinstance(match, dict)
            and not all(isinstance(glob, str) and glob for glob in match.values()),
            "has a pattern that is no string: quote it, as in vendor: '8086'.",
        ),
    ):
        if wrong:
            raise KdumpError(f"{label} {sentence}")
    return t.cast("Rule", rule)


def _rule_text(rule: Rule) -> str:
    """Return the name of a rule and, where it gives one, its reason."""
    reason = str(rule.get("reason") or "").strip().rstrip(".")
    return f"{rule['name']}: {reason}" if reason else str(rule["name"])


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


__all__ = (
    "METHOD",
    "REASONS",
    "VERSION",
    "make_plan",
    "parse_plan_text",
    "plan_digest",
    "plan_text",
    "topology",
)
