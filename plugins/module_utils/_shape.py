# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether data has the shape that it has to have: one way to ask, wherever data crosses a border.

What another machine, another kernel or another release wrote is JSON at best. A shape is a function of a value and the
value's name that yields a sentence about each thing that does not fit.
"""

from __future__ import annotations

import math
import re
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterator, Mapping

    Shape = Callable[[t.Any, str], Iterator[str]]

_LARGEST = 1 << 62
_NEWEST_TIME = 253402300799  # 9999-12-31 23:59:59 UTC: the last that a calendar has
_MANY = 100_000
_LONG = 1 << 20
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def misfit(value: t.Any, shape: Shape, name: str = "it") -> str | None:
    """Return the first thing that does not fit, such as C(ports[0].seconds is not a number); None when all fits."""
    return next(shape(value, name), None)


def text(value: t.Any, name: str) -> Iterator[str]:
    """Text of at most a mebibyte."""
    if not isinstance(value, str):
        yield f"{name} is not a text"
    elif len(value) > _LONG:
        yield f"{name} is longer than {_LONG} characters"


def uuid(value: t.Any, name: str) -> Iterator[str]:
    """A UUID as the kernel and uuid4() write it."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        yield f"{name} is not a UUID"


def path(value: t.Any, name: str) -> Iterator[str]:
    """An absolute path."""
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        yield f"{name} is not an absolute path"


def number(value: t.Any, name: str) -> Iterator[str]:
    """A number that can be calculated with. JSON has infinities in Python, and bool is an int there."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or abs(value) > _LARGEST
    ):
        yield f"{name} is not a number"


def whole(value: t.Any, name: str) -> Iterator[str]:
    """A whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        yield f"{name} is not a whole number"


def moment(value: t.Any, name: str) -> Iterator[str]:
    """Seconds since the epoch that a calendar has."""
    if any(number(value, name)) or not 0 <= value <= _NEWEST_TIME:
        yield f"{name} is not a time"


def flag(value: t.Any, name: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield f"{name} is neither true nor false"


def mapping(value: t.Any, name: str) -> Iterator[str]:
    """An object, whatever is in it."""
    if not isinstance(value, dict):
        yield f"{name} is not an object"


def choice(*values: str) -> Shape:
    """One of some words."""

    def fits(value: t.Any, name: str) -> Iterator[str]:
        if not isinstance(value, str) or value not in values:
            yield f"{name} is none of {', '.join(values)}"

    return fits


def maybe(shape: Shape) -> Shape:
    """The shape, or null."""

    def fits(value: t.Any, name: str) -> Iterator[str]:
        if value is not None:
            yield from shape(value, name)

    return fits


def each(shape: Shape) -> Shape:
    """A list of the shape."""

    def fits(value: t.Any, name: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{name} is not a list"
        elif len(value) > _MANY:
            yield f"{name} has more than {_MANY} entries"
        else:
            for index, entry in enumerate(value):
                yield from shape(entry, f"{name}[{index}]")

    return fits


def values(shape: Shape) -> Shape:
    """An object with any keys, whose values have the shape."""

    def fits(value: t.Any, name: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{name} is not an object"
        else:
            for key, entry in value.items():
                yield from shape(entry, f"{name}[{key!r}]")

    return fits


def keys(needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these keys; C(optional) ones may be missing or null. More keys are no fault."""

    def fits(value: t.Any, name: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{name} is not an object"
            return
        for key, shape in needed.items():
            if key in value:
                yield from shape(value[key], f"{name}.{key}")
            else:
                yield f"{name}.{key} is missing"
        for key, shape in (optional or {}).items():
            if value.get(key) is not None:
                yield from shape(value[key], f"{name}.{key}")

    return fits


__all__ = (
    "choice",
    "each",
    "flag",
    "keys",
    "mapping",
    "maybe",
    "misfit",
    "moment",
    "number",
    "path",
    "text",
    "uuid",
    "values",
    "whole",
)
