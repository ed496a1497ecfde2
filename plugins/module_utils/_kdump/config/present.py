# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The values that a file for shells has now, as far as they are known, and asked of a shell where they are not."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    quote,
    read_values,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Collection, Mapping, Sequence

    # A command and its input -> exit status and output.
    Ask = Callable[[list[str], str], tuple[int, str]]

_SECONDS = 10
_BEGIN, _END = "values begin", "values end"


class Present(t.NamedTuple):
    """What the names of a file have."""

    values: dict[str, str]
    # Of those that are not known the line that sets them.
    unknown: dict[str, str]
    what: str

    def require(self, names: Collection[str]) -> None:
        """Raise KdumpError, with the line, for the first of these names that is not known."""
        for name in names:
            if name in self.unknown:
                raise KdumpError(
                    f"What {name} is in {self.what} only a shell can tell, by '{self.unknown[name]}': write it as plain"
                    " text first, or give the whole value in settings."
                )


def present_values(
    text: str,
    what: str,
    *,
    defaults: Mapping[str, str] | None = None,
    shell: str = "bash",
    ask: Ask | None = None,
) -> Present:
    """Return what a shell has after it read a file, of which C(text) is the content.

    Nothing is run where the text alone tells. Otherwise the shell that the family reads the file with is asked, with
    the values that the family's own program has before that; without C(ask) that is not known.
    """
    before = dict(defaults or {})
    known, unknown, opaque = read_values(text, before, bash=shell == "bash")
    if not unknown and opaque is None:
        return Present(known, {}, what)
    names = sorted({*known, *unknown})
    told = None if ask is None else _asked(text, before, names, shell, ask)
    if told is not None:
        return Present(told, {}, what)
    if opaque is not None:
        unknown = {**dict.fromkeys(names, opaque), **unknown}
    return Present({name: known[name] for name in known if name not in unknown}, unknown, what)


def undecided(
    text: str,
    names: Collection[str],
    defaults: Mapping[str, str] | None = None,
    *,
    bash: bool = True,
) -> dict[str, str]:
    """Return those of these names that only a shell can tell, with the line that sets each."""
    unknown = read_values(text, defaults, bash=bash).unknown
    return {name: unknown[name] for name in sorted(names) if name in unknown}


def _asked(
    text: str, defaults: Mapping[str, str], names: Sequence[str], shell: str, ask: Ask
) -> dict[str, str] | None:
    """Return what a shell says, None when it does not get to the end of the file."""
    head = "".join(f"{name}={quote(value)}\n" for name, value in defaults.items())
    # A name that is not set is left out, which an empty value is not.
    tail = "".join(f'[ -z "${{{name}+x}}" ] || printf "{name}=%s\\0" "${name}"\n' for name in names)
    script = f'{head}{text}\nprintf "\\0{_BEGIN}\\0"\n{tail}printf "{_END}\\0"\n'
    status, output = ask(["timeout", str(_SECONDS), shell, "-s"], script)
    words = output.split("\0")
    if status != 0 or _BEGIN not in words or _END not in words:
        return None
    said = words[words.index(_BEGIN) + 1 : words.index(_END)]
    return {name: value for name, _equals, value in (word.partition("=") for word in said)}


__all__ = ("Present", "present_values", "undecided")
