# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The files of an image as the tree that its /init sees, with symbolic links followed."""

from __future__ import annotations

import posixpath
import stat
import typing as t
from functools import cached_property

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import LOADER

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry

    Files = Mapping[str, Entry]

# What a link to it means does not depend on its being in the image.
DEV_NULL = "dev/null"

# include/linux/namei.h, MAXSYMLINKS
_MAX_LINKS = 40


class FileLine(t.NamedTuple):
    """One line of a file of an image. As text it is C(path:number: text)."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.text}"


class Tree:
    """The files of one layer of an image. Paths have no leading slash."""

    def __init__(self, files: Files, prefix: str = "") -> None:
        """Take the files of the system, or with a prefix C(LOADER) those of the loader around it."""
        self.prefix = prefix
        self._files = {
            name[len(prefix) :]: entry
            for name, entry in files.items()
            if name.startswith(LOADER) == bool(prefix) and name[len(prefix) :] != "."
        }

    @cached_property
    def _children(self) -> dict[str, set[str]]:
        """The names in every directory, also in those that the archive has no entry for."""
        children: dict[str, set[str]] = {"": set()}
        for path in self._files:
            name = path
            while name:
                parent, _slash, base = name.rpartition("/")
                known = parent in children
                children.setdefault(parent, set()).add(base)
                if known:
                    break
                name = parent
        return children

    def names(self, directory: str) -> list[str]:
        """Return the sorted names in a directory, none if it is not one."""
        resolved = self.resolve(directory)
        return [] if resolved is None else sorted(self._children.get(resolved, ()))

    def below(self, directory: str) -> list[str]:
        """Return the sorted paths of the regular files in a directory and below it."""
        resolved = self.resolve(directory)
        return sorted(
            path
            for path, entry in self._files.items()
            if resolved and path.startswith(f"{resolved}/") and stat.S_ISREG(entry.mode)
        )

    def link(self, path: str) -> str | None:
        """Return the target of a symbolic link as it is written, None for everything else."""
        parent = self.resolve(posixpath.dirname(path))
        entry = None if parent is None else self._files.get(posixpath.join(parent, _base(path)))
        if entry is None or not stat.S_ISLNK(entry.mode):
            return None
        return bytes(entry.data).decode("utf-8", "surrogateescape")

    def resolve(self, path: str) -> str | None:
        """Return the path without links in it, None if there is nothing."""
        pending = path.split("/")[::-1]
        found: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                del found[-1:]
                continue
            here = "/".join((*found, part))
            entry = self._files.get(here)
            if entry is not None and stat.S_ISLNK(entry.mode):
                links += 1
                if links > _MAX_LINKS:
                    return None
                target = bytes(entry.data).decode("utf-8", "surrogateescape")
                if target.startswith("/"):
                    found = []
                pending += target.split("/")[::-1]
                continue
            if entry is None and here not in self._children and not DEV_NULL.startswith(here):
                return None
            found.append(part)
        return "/".join(found)

    def file(self, path: str) -> Entry | None:
        """Return the regular file at a path."""
        resolved = self.resolve(path)
        entry = None if resolved is None else self._files.get(resolved)
        return entry if entry is not None and stat.S_ISREG(entry.mode) else None

    def data(self, path: str) -> bytes:
        """Return the content of a file, nothing if there is none."""
        entry = self.file(path)
        return b"" if entry is None else bytes(entry.data)

    def text(self, path: str) -> str:
        """Return the text of a file, nothing if there is none."""
        return self.data(path).decode("utf-8", "replace")

    def lines(self, path: str) -> Iterator[FileLine]:
        """Yield the lines of a script that are neither empty nor a comment."""
        where = self.prefix + (self.resolve(path) or path)
        for number, line in enumerate(self.text(path).splitlines(), start=1):
            stripped = line.strip()
            if stripped and not stripped.startswith("#"):
                yield FileLine(where, number, stripped)


def _base(path: str) -> str:
    return posixpath.basename(path)


__all__ = ("DEV_NULL", "FileLine", "Files", "Tree")
