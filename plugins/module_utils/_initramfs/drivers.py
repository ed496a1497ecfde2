# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Says which scripts and commands of an image may load a driver of a PCI device.

A script is judged by its words, and errs on one side: what is not known to load none may load one. A program that is
no script is judged by its name and by whether it uses libkmod; one with its own way to load modules is not seen.

Not counted are modules that the image's own modules.alias has no pci: alias for, neither themselves nor what they
depend on: no PCI device can be bound by them (dm_mod, loop, overlay, squashfs, configfs). For the same reason the few
modules that systemd itself loads before its first unit do not matter (src/core/kmod-setup.c: autofs4, dmi-sysfs,
virtio_rng, vsock and the like).
"""

from __future__ import annotations

import posixpath
import re
import shlex
import typing as t
from functools import cached_property

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import FileLine, Tree

# A script that has none of these words loads nothing by itself; the last two run a directory of dracut's scripts.
# modprobe.d is a directory.
_LOADS = re.compile(
    r"\b(?:modprobe(?!\.d\b)|insmod|udevd|udevadm|systemd-modules-load|source_hook|source_all)\b"
)
# A command with nothing but names: modprobe -b -q loop overlay
_MODPROBE = re.compile(
    r"(?:^|(?<=[\s;&|({`/]))modprobe((?:\s+-[\w-]+)*)((?:\s+(?!\d)\w[\w-]*)+)\s*(?=$|[;&|)}`<>]|\d[<>])"
)

# Programs whose only work is to load drivers, or to have them loaded.
_LOADERS = frozenset({"modprobe", "insmod", "udevd", "systemd-udevd", "systemd-modules-load"})
# udevadm(8): these commands make udevd handle no device. trigger does.
_UDEVADM_PASSIVE = frozenset(
    {"cat", "control", "hwdb", "info", "lock", "monitor", "settle", "test", "verify", "wait"}
)
# kmod(8): these commands load no module. kmod-static-nodes.service runs "kmod static-nodes".
_KMOD_PASSIVE = frozenset({"static-nodes", "list", "help"})

_SEARCH_PATH = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
# The library that everything which loads modules by itself uses: a needed library, or one that is opened.
_LIBRARY = b"libkmod.so"
_SHELLS = frozenset({"sh", "bash", "dash", "ash"})


class Drivers:
    """What loads drivers in a tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    @cached_property
    def _modules(self) -> dict[str, list[str]]:
        """The directories with modules, one for each kernel, and the modules in them.

        Others are beside them: 03modsign of dracut makes C(lib/modules/keys).
        """
        places = (self._tree.resolve(place) for place in ("usr/lib/modules", "lib/modules"))
        found = {
            f"{place}/{release}": [
                path
                for path in self._tree.below(f"{place}/{release}")
                if ".ko" in posixpath.basename(path)
            ]
            for place in dict.fromkeys(each for each in places if each)
            for release in self._tree.names(place)
        }
        return {
            directory: paths
            for directory, paths in found.items()
            if paths or self._tree.file(f"{directory}/modules.dep")
        }

    @cached_property
    def _listed(self) -> bool:
        """Whether the image says which devices its modules are for."""
        return bool(self._modules) and all(
            self._tree.file(f"{release}/{name}")
            for release in self._modules
            for name in ("modules.alias", "modules.dep")
        )

    @cached_property
    def _aliases(self) -> dict[str, set[str]]:
        """Alias -> modules: C(alias fs-ext4 ext4). All that is for PCI devices is under C(pci:)."""
        found: dict[str, set[str]] = {}
        for release in self._modules:
            for line in self._tree.text(f"{release}/modules.alias").splitlines():
                words = line.split()
                if len(words) == 3 and words[0] == "alias":
                    alias = "pci:" if words[1].startswith("pci:") else _normal(words[1])
                    found.setdefault(alias, set()).add(_normal(words[2]))
        return found

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        """Module -> what is loaded with it, as modules.dep and modules.softdep have it.

        kernel/drivers/net/e1000e.ko.xz: kernel/drivers/ptp/ptp.ko.xz
        softdep btrfs pre: crc32c xor
        """
        found: dict[str, set[str]] = {}
        for release in self._modules:
            for line in self._tree.text(f"{release}/modules.dep").splitlines():
                module, _colon, needs = line.partition(":")
                found.setdefault(_module(module), set()).update(map(_module, needs.split()))
            for line in self._tree.text(f"{release}/modules.softdep").splitlines():
                words = [word for word in line.split() if word not in {"pre:", "post:"}]
                if words[:1] == ["softdep"] and len(words) > 1:
                    found.setdefault(_normal(words[1]), set()).update(map(_normal, words[2:]))
        return found

    @cached_property
    def _configured(self) -> set[str]:
        """Every word of modprobe's configuration, which can make one module mean others."""
        names = {
            _normal(word)
            for directory in ("etc/modprobe.d", "run/modprobe.d", "usr/lib/modprobe.d")
            for path in self._tree.below(directory)
            for line in self._tree.lines(path)
            if not line.text.startswith(("blacklist", "options"))
            for word in line.text.split()[1:2]
        }
        return names - {""}

    def modules(self) -> list[dict[str, t.Any]]:
        """Return every kernel module of the tree, see the module C(initramfs_info) for the shape."""
        pci = self._aliases.get("pci:", set())
        return [
            {
                "name": _module(path),
                "kernel": posixpath.basename(release),
                "pci": _module(path) in pci if self._listed else None,
            }
            for release, paths in self._modules.items()
            for path in paths
        ]

    def _may_bind(self, name: str) -> bool:
        """Say whether loading a module, given by a name or an alias, may load a driver of a PCI device."""
        if not self._listed or _normal(name) in self._configured:
            return True
        pending, seen = [_normal(name)], set()
        while pending:
            module = pending.pop()
            if module in self._aliases.get("pci:", ()):
                return True
            if module not in seen:
                seen.add(module)
                pending += self._needs.get(module, ())
                pending += self._aliases.get(module, ())
        return False

    def _text_loads(self, text: str) -> bool:
        if self._listed and not self._aliases.get("pci:"):
            return "udev" in text and bool(_LOADS.search(text))  # nothing that could be loaded
        harmless = _MODPROBE.sub(
            lambda match: match[0] if any(map(self._may_bind, match[2].split())) else "", text
        )
        return bool(_LOADS.search(harmless))

    def in_line(self, line: FileLine) -> bool:
        """Say whether a line of a script may load drivers."""
        return self._text_loads(line.text)

    def in_script(self, path: str) -> FileLine | None:
        """Return the first line of a script that may load drivers."""
        return next(filter(self.in_line, self._tree.lines(path)), None)

    def in_command(self, command: str) -> str | None:
        """Return what may load drivers when a unit runs a command line: the command, or a line of its script."""
        try:
            words = shlex.split(command.lstrip("-@:+!|"))
        except ValueError:
            words = command.split()
        if not words:
            return None
        name = posixpath.basename(words[0])
        if name in _SHELLS and "-c" in words:
            return command if self._text_loads(" ".join(words[1:])) else None
        if name == "modprobe":
            return command if self._text_loads(" ".join(["modprobe", *words[1:]])) else None
        if name in {"udevadm", "kmod"}:
            passive = _UDEVADM_PASSIVE if name == "udevadm" else _KMOD_PASSIVE
            verb = next((word for word in words[1:] if not word.startswith("-")), "")
            return None if verb in passive else command
        if name in _LOADERS:
            return command
        scripts = [word for word in words[1:2] if name in _SHELLS] or [words[0]]
        return self._in_program(scripts[0])

    def _in_program(self, program: str) -> str | None:
        paths = [program] if "/" in program else [f"{place}/{program}" for place in _SEARCH_PATH]
        path = next((each for each in paths if self._tree.file(each)), None)
        if path is None:
            return None
        content = self._tree.data(path)
        if content.startswith(b"#!"):
            line = self.in_script(path)
            return None if line is None else str(line)
        return f"{self._tree.resolve(path)} uses libkmod" if _LIBRARY in content else None


def _normal(name: str) -> str:
    """modprobe takes - and _ for the same."""
    return name.replace("-", "_")


def _module(path: str) -> str:
    return _normal(posixpath.basename(path).partition(".ko")[0])


__all__ = ("Drivers",)
