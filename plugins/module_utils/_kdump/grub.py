# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What GRUB boots next, read from the grub.cfg that grub-mkconfig wrote."""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence

# The words that load a kernel for Linux: GRUB 2 on each platform and boot protocol.
_LINUX = ("linux", "linuxefi", "linux16")
_BLOCKS = ("menuentry", "submenu")

# 00_header:    set default="${saved_entry}"
_DEFAULT = re.compile(r"""^\s*set default=(?:"([^"]*)"|'([^']*)'|(\S*))\s*$""", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]+)\}?")


class MenuEntry:
    """An entry of the menu: with a command line, or with entries below it."""

    def __init__(self, title: str, identifier: str | None) -> None:
        self.title = title
        self.identifier = identifier
        self.entries: list[MenuEntry] = []
        self.command_line: list[str] | None = None

    def named(self, name: str) -> bool:
        return name in (self.title, self.identifier)


def next_command_line(config: str, environment: str) -> list[str]:
    """Return the words of the kernel command line that GRUB boots next.

    Args:
        config: the content of grub.cfg.
        environment: the content of grubenv, which remembers what C(grub-set-default) and
            C(grub-reboot) said.

    Raises:
        KdumpError: there is no such entry, or it boots no Linux.
    """
    menu = _menu(config)
    chosen = _entry(menu, _default(config, environment))
    if chosen is None or chosen.command_line is None:
        raise KdumpError(
            "In grub.cfg the entry that is booted by default is no Linux kernel's: look at GRUB_DEFAULT in"
            " /etc/default/grub and at 'grub-editenv list'."
        )
    return chosen.command_line


def _default(config: str, environment: str) -> str:
    """Return the name or number of the default entry; C(>) stands between a submenu and its entry."""
    variables = dict(
        line.partition("=")[::2] for line in environment.splitlines() if not line.startswith("#")
    )
    if variables.get("next_entry"):
        return variables["next_entry"]
    values = ["".join(groups) for groups in _DEFAULT.findall(config)]
    named = [value for value in values if "next_entry" not in value]
    return (
        _VARIABLE.sub(lambda match: variables.get(match[1], ""), named[-1] if named else "") or "0"
    )


def _entry(menu: Sequence[MenuEntry], path: str) -> MenuEntry | None:
    """Return the entry with a name or number; what GRUB cannot find is the first entry.

    A title may have the C(>) in it that separates a submenu from its entry.
    """
    whole = next((entry for entry in menu if entry.named(path)), None)
    if whole is not None:
        return _bootable(whole)
    name, _separator, rest = path.partition(">")
    if name.isdecimal() and int(name) < len(menu):
        found: MenuEntry | None = menu[int(name)]
    else:
        found = next((entry for entry in menu if entry.named(name)), None)
    if found is None:
        found = menu[0] if menu else None
    if found is not None and found.entries and rest:
        return _entry(found.entries, rest)
    return found and _bootable(found)


def _bootable(entry: MenuEntry) -> MenuEntry:
    """GRUB opens a submenu that is the default, and boots its first entry."""
    return _bootable(entry.entries[0]) if entry.entries else entry


def _menu(config: str) -> list[MenuEntry]:
    """Return the entries of grub.cfg.

    One begins like C(menuentry 'Debian GNU/Linux' --class os $menuentry_id_option 'gnulinux-simple-8c1e' {)
    """
    top = MenuEntry("", None)
    blocks: list[MenuEntry | None] = [top]
    for line in config.splitlines():
        words = _words(line)
        if not words:
            continue
        inside = next((block for block in reversed(blocks) if block is not None), top)
        if words[-1] == "{":
            block = _begin(words) if words[0] in _BLOCKS else None
            if block is not None:
                inside.entries.append(block)
            blocks.append(block)
        elif words == ["}"]:
            if len(blocks) > 1:
                blocks.pop()
        elif words[0] in _LINUX and inside is not top and inside.command_line is None:
            inside.command_line = words[2:]
    return top.entries


def _begin(words: list[str]) -> MenuEntry:
    identifiers = [
        words[place + 1]
        for place, word in enumerate(words[:-1])
        if word in ("$menuentry_id_option", "--id", "${menuentry_id_option}")
    ]
    return MenuEntry(words[1], identifiers[0] if identifiers else None)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=line.lstrip().startswith("#"))
    except ValueError:  # a quote that ends on another line, in a script
        return []


__all__ = ("next_command_line",)
