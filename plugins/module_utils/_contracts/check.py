# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Holds a value against a contract: what another machine sent may be valid JSON and have any shape.

A number has bounds, a text and a list have a length: what is larger is no fact of a host, whatever it says.
"""

from __future__ import annotations

import functools
import re
import types
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterator

# More than any log line, path or command line that is passed on (COMMAND_LINE_SIZE is 4096 at most).
_CHARACTERS = 1 << 16
# More functions, ports or lines than any host has: a PCI domain has 65536 functions.
_ENTRIES = 1 << 17
# Of 64 bits. JSON has no limit, and a time of 1e300 seconds is in no calendar.
_NUMBER = 1 << 64
_NEWEST_TIME = 253402300799  # 9999-12-31 23:59:59 UTC: the last that a calendar has
_LONG_TEXT = 1 << 20
# X | None is another type than Optional[X] from Python 3.10 on.
_UNIONS = (t.Union, getattr(types, "UnionType", t.Union))
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Rule(t.NamedTuple):
    """What a contract asks of a value beyond its type, as C(Annotated[str, Rule("a UUID", ...)])."""

    name: str
    holds: Callable[[t.Any], bool]


def _is_time(value: t.Any) -> bool:
    return _fits(value, float) and 0 <= value <= _NEWEST_TIME


def _is_count(value: t.Any) -> bool:
    return _fits(value, int) and value >= 0


def _is_path(value: t.Any) -> bool:
    return _fits(value, str) and value.startswith("/") and "\0" not in value


def _is_uuid(value: t.Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_long_text(value: t.Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONG_TEXT


# As the kernel and uuid4() write it.
Uuid = t.Annotated[str, Rule("a UUID", _is_uuid)]
AbsolutePath = t.Annotated[str, Rule("an absolute path", _is_path)]
# Seconds since the epoch.
Time = t.Annotated[float, Rule("a time", _is_time)]
Count = t.Annotated[int, Rule("a whole number from 0 on", _is_count)]
# A log, or what a program printed.
LongText = t.Annotated[str, Rule(f"a text of up to {_LONG_TEXT} characters", _is_long_text)]


def misfits(value: t.Any, contract: t.Any, where: str) -> Iterator[str]:
    """Yield one phrase for each thing that does not fit: C(capture.json: boot_epoch is a text).

    Args:
        value: decoded JSON.
        contract: a type of this package, as C(CaptureReport), or a part of one, as C(list[Problem]).
        where: what the value is called in the phrases.

    Keys that the contract does not have may be there: another version of the collection wrote them.
    """
    origin = t.get_origin(contract)
    if contract is t.Any:
        return
    if origin is t.Annotated:
        rule: Rule = contract.__metadata__[0]
        if not rule.holds(value):
            yield f"{where} is {_named(value)}, not {rule.name}"
        return
    if hasattr(contract, "__required_keys__"):
        yield from _dictionary(value, contract, where)
    elif origin in _UNIONS:
        yield from _union(value, contract, where)
    elif origin is t.Literal:
        if value not in t.get_args(contract) or isinstance(value, (list, dict)):
            yield f"{where} is none of {', '.join(map(str, t.get_args(contract)))}"
    elif origin is list:
        yield from _list(value, contract, where)
    elif origin is dict:
        yield from _mapping(value, contract, where)
    elif not _fits(value, contract):
        yield f"{where} is {_named(value)}, not {_NAMES[contract]}"


def misfit(value: t.Any, contract: t.Any, where: str) -> str | None:
    """Return the first of misfits(), None when all fits."""
    return next(misfits(value, contract, where), None)


def fits(value: t.Any, contract: t.Any) -> bool:
    """Say whether a value has the shape of a contract."""
    return misfit(value, contract, "") is None


def _dictionary(value: t.Any, contract: t.Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {_named(value)}, not a dictionary"
        return
    for key in sorted(contract.__required_keys__ - value.keys()):
        yield f"{where} has no {key}"
    for key, part in _annotations(contract).items():
        if key in value:
            yield from misfits(
                value[key], part, f"{where}: {key}" if ": " not in where else f"{where}.{key}"
            )


def _union(value: t.Any, contract: t.Any, where: str) -> Iterator[str]:
    parts = [part for part in t.get_args(contract) if part is not type(None)]
    if value is None and len(parts) < len(t.get_args(contract)):
        return
    if any(fits(value, part) for part in parts[1:]):
        return
    yield from misfits(value, parts[0], where)


def _list(value: t.Any, contract: t.Any, where: str) -> Iterator[str]:
    if not isinstance(value, list) or len(value) > _ENTRIES:
        yield f"{where} is {_named(value)}, not a list of up to {_ENTRIES}"
        return
    for index, each in enumerate(value):
        yield from misfits(each, t.get_args(contract)[0], f"{where}[{index}]")


def _mapping(value: t.Any, contract: t.Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict) or len(value) > _ENTRIES:
        yield f"{where} is {_named(value)}, not a dictionary"
        return
    for key, each in value.items():
        yield from misfits(each, t.get_args(contract)[1], f"{where}[{key!r:.64}]")


def _fits(value: t.Any, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str) and len(value) <= _CHARACTERS
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and abs(value) <= _NUMBER
    # Neither NaN nor an infinity is between them, and an integer of any size is compared as it is.
    return isinstance(value, (int, float)) and -_NUMBER <= value <= _NUMBER


_NAMES = {str: "a text of up to 65536 characters", bool: "true or false", int: "a whole number of 64 bits",
          float: "a number of 64 bits"}  # fmt: skip


def _named(value: t.Any) -> str:
    kinds = (
        (bool, "a truth value"),
        (str, "a text"),
        ((int, float), "a number"),
        (list, "a list"),
        (dict, "a dictionary"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


@functools.cache
def _annotations(contract: t.Any) -> dict[str, t.Any]:
    return t.get_type_hints(contract, include_extras=True)


__all__ = (
    "AbsolutePath",
    "Count",
    "LongText",
    "Rule",
    "Time",
    "Uuid",
    "fits",
    "misfit",
    "misfits",
)
