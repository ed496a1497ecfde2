# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Exclusions: rules, as data, that leave PCIe functions alone or have them reset.

Every rule is checked before any is used: one that was meant to protect a device and never matches is worse than none.
"""

from __future__ import annotations

import fnmatch
import importlib
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]

# What C(platform) may name: the keys of the fact platform.dmi.
DMI_KEYS = (
    "bios_version",
    "board_name",
    "board_vendor",
    "product_family",
    "product_name",
    "sys_vendor",
)

# What a pattern is compared with, in the order of how closely it says what is meant. The closest of a rule's
# patterns is its rank.
_RANKS: dict[str, int] = {
    "address": 3,
    "port": 3,
    "slot": 3,
    "device": 2,
    "subsystem": 2,
    "class": 1,
    "driver": 1,
    "expression": 1,
    "vendor": 1,
    "platform": 0,
}
_FUNCTION_KEYS = ("address", "class", "device", "driver", "subsystem", "vendor")
_RULE_KEYS = ("decision", "match", "name", "reason", "source")
_DECISIONS = ("leave", "reset")

# The characters that may stand at each place of what a pattern is compared with.
_DIGIT = "0123456789abcdef"
_ADDRESSES = tuple(
    [*[_DIGIT] * digits, ":", _DIGIT, _DIGIT, ":", "01", _DIGIT, ".", "01234567"]
    for digits in range(4, 9)
)
_SHAPES: dict[str, tuple[str, Sequence[Sequence[str]]]] = {
    "address": ("an address such as 0000:3a:00.0", _ADDRESSES),
    "port": ("an address such as 0000:3a:00.0", _ADDRESSES),
    "vendor": ("four hexadecimal digits", ([_DIGIT] * 4,)),
    "device": ("four hexadecimal digits", ([_DIGIT] * 4,)),
    "class": ("six hexadecimal digits", ([_DIGIT] * 6,)),
    "subsystem": (
        "vendor:device, twice four hexadecimal digits",
        ([*[_DIGIT] * 4, ":", *[_DIGIT] * 4],),
    ),
}

# One piece of a shell pattern: a set of characters, or one character.
_PIECE = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)


class Exclusion(t.NamedTuple):
    """A rule that was checked."""

    name: str
    match: Mapping[str, t.Any]
    decision: str
    reason: str
    specificity: tuple[int, int]
    search: Callable[[t.Any], t.Any] | None  # the compiled expression

    @property
    def text(self) -> str:
        """Return the name and, where there is one, the reason."""
        reason = self.reason.strip().rstrip(".")
        return f"{self.name}: {reason}" if reason else self.name


def read_exclusions(exclusions: Iterable[t.Any]) -> list[Exclusion]:
    """Check rules and return them in the same order.

    A rule is C({"name": str, "match": {key: pattern}, "decision": "leave"|"reset", "reason": str, "source": str}),
    of which name and match are required. Raises KdumpError that names the first rule that is wrong, and how.
    """
    rules: list[Exclusion] = []
    names: set[str] = set()
    for number, rule in enumerate(exclusions, start=1):
        checked = _checked(rule, number)
        if checked.name in names:
            raise KdumpError(
                f"Exclusion {checked.name!r} exists twice: the plan refers to rules by name, give each its own."
            )
        names.add(checked.name)
        rules.append(checked)
    return rules


def deciding_rules(
    rules: Sequence[Exclusion], dmi: Mapping[str, t.Any], port: Port, below: Sequence[Function]
) -> dict[str, Exclusion]:
    """Return, by address, the rule that decides about each function below a port; functions without one are left out.

    Of the rules that match, the most specific one decides, and of equally specific ones the last. A rule is as specific
    as the closest of its patterns: a place (address, port, slot) is closer than a model (device, subsystem), a model
    than a kind (vendor, class, driver, expression), a kind than a platform. Then the number of patterns counts. The
    pattern C(*) does not count.
    """
    usable = [
        rule for rule in rules if _matches_platform(rule, dmi) and _matches_port(rule, port, below)
    ]
    found: dict[str, Exclusion] = {}
    for function in below:
        matching = [rule for rule in usable if _matches_function(rule, port, function)]
        if matching:
            # sorted() is stable: of equals the last one is the later one.
            found[function["address"]] = sorted(matching, key=lambda rule: rule.specificity)[-1]
    return found


def places_of_rules(
    rules: Sequence[Exclusion],
    dmi: Mapping[str, t.Any],
    ports: Sequence[tuple[Port, Sequence[Function]]],
) -> list[str]:
    """Return a sentence for each rule for this platform that names a place which is none, or not only one.

    A place that matches no function is mistyped, most likely. A slot's name may be that of several: firmware numbers
    slots for each board, and some number all of them alike. C(ports) are the ports of the host, each with the functions
    below.
    """
    sentences = []
    for rule in sorted(rules, key=lambda each: each.name):
        if rule.specificity[0] != _RANKS["address"] or not _matches_platform(rule, dmi):
            continue
        hit = [
            port["address"]
            for port, below in ports
            if _matches_port(rule, port, below)
            and any(
                _matches_function(rule, port, function)
                for function in below
                if rule.match.keys().isdisjoint({"slot"}) or function["address"] in port["children"]
            )
        ]
        if not hit:
            sentences.append(f"The rule {rule.name} names a place that this host does not have.")
        elif len(hit) > 1 and not set(rule.match.get("slot", "*")) & set("*?["):
            sentences.append(
                f"The rule {rule.name} is for the slot {rule.match['slot']}, which is that of {len(hit)} ports,"
                f" {', '.join(hit)}: it decides about all of them. Name the port instead if only one is meant."
            )
    return sentences


def _matches_platform(rule: Exclusion, dmi: Mapping[str, t.Any]) -> bool:
    return all(_glob(dmi.get(key), glob) for key, glob in rule.match.get("platform", {}).items())


def _matches_port(rule: Exclusion, port: Port, below: Sequence[Function]) -> bool:
    if "port" in rule.match and not _glob(port["address"], rule.match["port"]):
        return False
    return rule.search is None or _is_true(rule, rule.search, {**port, "functions": list(below)})


def _matches_function(rule: Exclusion, port: Port, function: Function) -> bool:
    if "slot" in rule.match and not any(
        _glob(each.get("slot"), rule.match["slot"]) for each in (port, function)
    ):
        return False
    # An address may be the port's own: what it means is what is below.
    if "address" in rule.match and _glob(port["address"], rule.match["address"]):
        keys = tuple(key for key in _FUNCTION_KEYS if key != "address")
    else:
        keys = _FUNCTION_KEYS
    return all(_glob(_value(function, key), rule.match[key]) for key in keys if key in rule.match)


def _value(function: Function, key: str) -> str | None:
    if key != "subsystem":
        return t.cast("str | None", function[key])
    return f"{function.get('subsystem_vendor')}:{function.get('subsystem_device')}"


def _glob(value: t.Any, pattern: str) -> bool:
    """Match without regard to case: a rule may spell an identity as a data sheet does."""
    return value is not None and fnmatch.fnmatchcase(str(value).lower(), pattern.lower())


def _is_true(rule: Exclusion, search: Callable[[t.Any], t.Any], port: Port) -> bool:
    """Evaluate a rule's expression over a port; JMESPath's idea of truth, in which 0 is true."""
    try:
        result = search(_plain(port))
    except ValueError as exc:
        raise KdumpError(
            f"Exclusion {rule.name!r} has an expression that fails for the port {port['address']}: {_one_line(exc)}."
        ) from None
    return not (result is None or result is False or result in ("", [], {}))


def _plain(value: t.Any) -> t.Any:
    """Return plain copies: JMESPath asks for the names of types, and Ansible has its own."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))


def _checked(rule: t.Any, number: int) -> Exclusion:
    """Return a rule, or raise a KdumpError that names it and its mistake."""
    name = rule.get("name") if isinstance(rule, dict) else None
    label = f"Exclusion {name!r}" if name else f"Exclusion number {number}"
    mistake = _mistake_in_rule(rule) or _mistake_in_match(rule.get("match"))
    if mistake:
        raise KdumpError(f"{label} {mistake}")
    match = rule["match"]
    return Exclusion(
        name=rule["name"],
        match=match,
        decision=rule.get("decision", "leave"),
        reason=rule.get("reason") or "",
        specificity=_specificity(match),
        search=_compiled(match["expression"], label) if "expression" in match else None,
    )


def _mistake_in_rule(rule: t.Any) -> str | None:
    if not isinstance(rule, dict):
        return "is not a dictionary with name, match and reason."
    if not isinstance(rule.get("name"), str) or not rule["name"]:
        return "has no name: give it one, the plan refers to it."
    unknown = sorted(str(key) for key in set(rule) - set(_RULE_KEYS))
    if unknown:
        return f"has the unknown key {unknown[0]}: it may have {', '.join(_RULE_KEYS)}."
    if rule.get("decision", "leave") not in _DECISIONS:
        return f"has the decision {rule['decision']!r}: it may be {' or '.join(_DECISIONS)}."
    for key in ("reason", "source"):
        if not isinstance(rule.get(key) or "", str):
            return f"has a {key} that is no text."
    return None


def _mistake_in_match(match: t.Any) -> str | None:
    if not isinstance(match, dict) or not match:
        return f"matches nothing: give match one of {', '.join(sorted(_RANKS))}."
    unknown = sorted(str(key) for key in set(match) - set(_RANKS))
    if unknown:
        return f"matches by the unknown key {unknown[0]}: it may use {', '.join(sorted(_RANKS))}."
    if "platform" in match:
        platform = match["platform"]
        if not isinstance(platform, dict) or not platform or set(platform) - set(DMI_KEYS):
            return f"has a platform that is no dictionary of {', '.join(DMI_KEYS)}."
    patterns = {key: value for key, value in match.items() if key != "platform"}
    for key, pattern in [*patterns.items(), *match.get("platform", {}).items()]:
        if not isinstance(pattern, str) or not pattern.strip():
            return f"has a {key} that is no string: quote it, as in vendor: '8086'."
    for key, (description, shapes) in _SHAPES.items():
        if key in match and not any(_fits(match[key].lower(), shape) for shape in shapes):
            return f"can never match: its {key} {match[key]!r} is no pattern for {description}."
    if re.search(r"[\s/]", match.get("driver", "")):
        return f"can never match: its driver {match['driver']!r} is no pattern for the name of a driver."
    return None


def _fits(pattern: str, shape: Sequence[str]) -> bool:
    """Say whether some text of a shape, a string of allowed characters for each place, matches a pattern."""
    places = {0}
    for piece in _PIECE.findall(pattern):
        if piece == "*":
            places = set(range(min(places), len(shape) + 1))
        else:
            places = {
                place + 1
                for place in places
                if place < len(shape) and any(fnmatch.fnmatchcase(c, piece) for c in shape[place])
            }
        if not places:
            return False
    return len(shape) in places


def _specificity(match: Mapping[str, t.Any]) -> tuple[int, int]:
    """Return how closely a rule says what it means, see deciding_rules()."""
    counted = [key for key, pattern in match.items() if key == "platform" or set(pattern) != {"*"}]
    return max((_RANKS[key] for key in counted), default=0), len(counted)


def _compiled(expression: str, label: str) -> Callable[[t.Any], t.Any]:
    """Compile a JMESPath expression. The library is looked for only when a rule needs it."""
    try:
        jmespath = importlib.import_module("jmespath")
    except ImportError:
        raise KdumpError(
            f"{label} has an expression, for which the controller needs the Python library jmespath: install it"
            " beside ansible-core, or match by other keys."
        ) from None
    try:
        return t.cast("Callable[[t.Any], t.Any]", jmespath.compile(expression).search)
    except ValueError as exc:  # jmespath.exceptions.JMESPathError is one
        raise KdumpError(
            f"{label} has an expression that is not JMESPath: {_one_line(exc)}."
        ) from None


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split()).rstrip(".")


__all__ = (
    "DMI_KEYS",
    "Exclusion",
    "deciding_rules",
    "places_of_rules",
    "read_exclusions",
)
