# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The one interface to what puts crashkernel= on the command line of the next boot. Each family has one of its own."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    crashkernel_words,
    reserved_by,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.grub import next_command_line
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Sequence
    from pathlib import Path, PurePosixPath


class BootHost(t.NamedTuple):
    """The host and what may be done to it."""

    root: Path
    memory: int | None  # bytes
    run: Callable[[list[str]], tuple[int, str]]  # a command -> its exit status and standard output
    write: Callable[[Path, bytes, int], None]  # replaces a file as a whole: path, content, mode


class LoaderEdit(t.NamedTuple):
    """What brings values of crashkernel= to the next boot: a file, and the commands after it."""

    commands: list[list[str]]
    path: PurePosixPath | None = None
    content: bytes | None = None  # None removes the file


class Default(t.NamedTuple):
    """What the distribution itself would reserve on this host."""

    words: list[str]
    size: int
    says: str  # who says so


class Bootloader(t.Protocol):
    """How one family of distributions configures its kernels' command lines."""

    name: str
    # As a sentence names it, with its distributions.
    title: str
    # Whether it sets the entries of systemd-boot as well.
    systemd_boot: bool

    def present(self, root: Path) -> bool:
        """Say whether the host below C(root) is configured like that."""

    def configured(self, host: BootHost) -> list[list[str]]:
        """Return the values of crashkernel= of each entry that is looked at, the next boot's first."""

    def default(self, host: BootHost) -> Default | None:
        """Return what the distribution's own tool would reserve, None where it has no opinion."""

    def reset_by_updates(
        self, host: BootHost, words: Sequence[str], default: Default | None
    ) -> bool:
        """Say whether the next update of a package sets other values than these."""

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> LoaderEdit:
        """Return what sets these values; no values take away what this bootloader's edits set."""


def next_words(root: Path, config: PurePosixPath) -> list[str]:
    text = read_text(inside(root, config)) or ""
    environment = read_text(inside(root, config.with_name("grubenv"))) or ""
    return crashkernel_words(next_command_line(text, environment))


def default_of(words: list[str], memory: int | None, says: str) -> Default | None:
    size = reserved_by(words, memory)
    return Default(words, size, says) if words and size else None


def arguments_of(words: Sequence[str]) -> str:
    return " ".join(f"crashkernel={word}" for word in words)


__all__ = (
    "BootHost",
    "Bootloader",
    "Default",
    "LoaderEdit",
    "arguments_of",
    "default_of",
    "next_words",
)
