# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Resolves what systemd starts in an image, and in which order, as far as the image alone decides it.

Sources: systemd.unit(5) for the directories and their precedence, drop-ins, .wants/ and .requires/, masks and the
meaning of Before= and After=; systemd.service(5), systemd.socket(5), systemd.path(5), systemd.timer(5) and
systemd.target(5) for the implicit and default dependencies of each kind; bootup(7) for the initrd's target.
Units that generators make at boot are not in an image and are not seen. systemd.unit= on the kernel's command line
does not count in an initrd, rd.systemd.unit= would (systemd(1)).
"""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import DEV_NULL, FileLine

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Container, Iterable, Iterator

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree

# systemd.unit(5), "System Unit Search Path": of what an image can contain. The first one wins.
DIRECTORIES = (
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
)

# src/core/main.c, do_queue_default_job(): with an initrd-release file it is the first, and the second otherwise.
INITRD_TARGET = "initrd.target"
DEFAULT_TARGET = "default.target"
_INITRD_RELEASE = ("etc/initrd-release", "usr/lib/initrd-release")

# Dependencies that start the unit they name, and those whose unit has to be started for the unit itself to start.
_PULLS = ("Requires", "BindsTo", "Wants", "Upholds")
_NEEDS = ("Requires", "BindsTo", "Requisite")
_LINK_DIRECTORIES = (("Wants", "wants"), ("Requires", "requires"), ("Upholds", "upholds"))

# What has no need of a file: systemd makes these units itself, or a generator does.
_WITHOUT_FILE = (".device", ".scope", ".slice", ".mount", ".swap")

# Units of these kinds start another one when something happens; the section that says which, and the key.
_TRIGGERS = {"socket": ("Socket", "Service"), "path": ("Path", "Unit"), "timer": ("Timer", "Unit")}
# Unless DefaultDependencies=no they are before this target.
_TRIGGER_TARGETS = {"socket": "sockets.target", "path": "paths.target", "timer": "timers.target"}

_JOURNAL = "systemd-journald.socket"

_COMMANDS = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost")
_FALSE = frozenset({"no", "n", "false", "f", "off", "0"})


class Setting(t.NamedTuple):
    """One assignment in a unit file or drop-in, and where it is."""

    section: str
    key: str
    value: str
    line: FileLine


class Unit(t.NamedTuple):
    """A unit with everything that is said about it: its file, its drop-ins, and the links in its directories."""

    name: str
    path: str
    settings: tuple[Setting, ...]
    links: tuple[tuple[str, str, str], ...]  # (Wants or Requires, unit, evidence)

    @property
    def kind(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def default_dependencies(self) -> bool:
        setting = self.last("Unit", "DefaultDependencies")
        return setting is None or setting.value.lower() not in _FALSE

    def last(self, section: str, key: str) -> Setting | None:
        """Return the assignment that counts for something that has one value."""
        found = [each for each in self.settings if (each.section, each.key) == (section, key)]
        return found[-1] if found and found[-1].value else None

    def items(self, section: str, key: str) -> list[Setting]:
        """Return the assignments that count for a list: an empty one drops those before it."""
        found: list[Setting] = []
        for each in self.settings:
            if (each.section, each.key) == (section, key):
                found = [*found, each] if each.value else []
        return found

    def names(self, *keys: str) -> Iterator[tuple[str, str]]:
        """Yield the units that dependencies name, with evidence.

        An empty assignment drops nothing: dependencies can be added in drop-ins, and not removed
        (systemd.unit(5), Example 2, "Overriding vendor settings").
        """
        for each in self.settings:
            if each.section == "Unit" and each.key in keys:
                for name in each.value.split():
                    yield name.strip("\"'"), str(each.line)
        for key, name, evidence in self.links:
            if key in keys:
                yield name, evidence

    def commands(self) -> list[Setting]:
        """Return what a service runs until it counts as started."""
        return [each for key in _COMMANDS for each in self.items("Service", key)]


class Units:
    """The unit files of an image."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        places = [tree.resolve(directory) for directory in DIRECTORIES]
        self._directories = [place for place in dict.fromkeys(places) if place]
        self._names = {place: frozenset(tree.names(place)) for place in self._directories}
        self._loaded: dict[str, Unit | None] = {}
        self._aliases: dict[str, set[str]] = {}
        for name in set().union(*self._names.values()):
            self._aliases.setdefault(self.canonical(name), set()).add(name)

    def _find(self, name: str) -> str | None:
        """Return the path of the file or link that counts for a name."""
        place = next((each for each in self._directories if name in self._names[each]), None)
        return None if place is None else f"{place}/{name}"

    def canonical(self, name: str) -> str:
        """Return the unit that a name is an alias of: the name of what the link points to.

        A link to a unit of another kind, or to a file outside of the unit directories, makes no alias.
        """
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            path = self._file(name)
            target = None if path is None else self._tree.link(path)
            other = posixpath.basename(target or name)
            if posixpath.splitext(other)[1] != posixpath.splitext(name)[1]:
                break
            if other.partition("@")[2].startswith("."):  # a template's alias keeps the instance
                other = other.replace("@.", f"@{name.partition('@')[2].rpartition('.')[0]}.", 1)
            if self._file(other) is None:
                break
            name = other
        return name

    def masked(self, name: str) -> bool:
        """Say whether a unit must not be started: its file is a link to /dev/null, or empty."""
        path = self._file(self.canonical(name))
        return path is not None and self._is_mask(path)

    def _is_mask(self, path: str) -> bool:
        if self._tree.resolve(path) == DEV_NULL:
            return True
        entry = self._tree.file(path)
        return entry is not None and not entry.data

    def _file(self, name: str) -> str | None:
        """Return the path of a unit's file, which can be that of its template."""
        template = _template(name)
        return self._find(name) or (self._find(template) if template else None)

    def load(self, name: str) -> Unit | None:
        """Return a unit, None if it is masked or has no file."""
        name = self.canonical(name)
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Unit | None:
        path = self._file(name)
        if path is None or self._is_mask(path) or self._tree.file(path) is None:
            return None
        names = sorted(self._aliases.get(name, set()) | {name})
        instance = name.partition("@")[2].rpartition(".")[0]
        settings = [
            setting._replace(value=setting.value.replace("%i", instance).replace("%I", instance))
            for file in (path, *self._drop_ins(names))
            for setting in self._parse(file)
        ]
        links = [
            (key, link.rpartition("/")[2], self._shown(link))
            for key, kind in _LINK_DIRECTORIES
            for link in self._winning([f"{each}.{kind}" for each in _with_templates(names)])
        ]
        return Unit(name, self._tree.resolve(path) or path, tuple(settings), tuple(links))

    def _shown(self, link: str) -> str:
        target = self._tree.link(link)
        return link if target is None else f"{link} -> {target}"

    def _drop_ins(self, names: list[str]) -> list[str]:
        """Return the drop-ins of a unit in the order in which they are read: by name, wherever they are."""
        kind = names[0].rpartition(".")[2]
        directories = [f"{each}.d" for each in _with_templates(names)]
        for name in names:  # foo-bar.service is also configured in foo-.service.d
            stem = name.rpartition(".")[0]
            cut = [match.end() for match in re.finditer("-", stem)]
            directories += [f"{stem[:end]}.{kind}.d" for end in reversed(cut)]
        found = self._winning([*directories, f"{kind}.d"])
        return sorted(
            (path for path in found if path.endswith(".conf")),
            key=lambda path: path.rpartition("/")[2],
        )

    def _winning(self, directories: list[str]) -> list[str]:
        """Return what is in directories of one purpose: of several with one name the first, unless masked."""
        found: dict[str, str] = {}
        for place in self._directories:
            for directory in directories:
                if directory in self._names[place]:
                    for name in self._tree.names(f"{place}/{directory}"):
                        found.setdefault(name, f"{place}/{directory}/{name}")
        return [found[name] for name in sorted(found) if not self._masks_link(found[name])]

    def _masks_link(self, path: str) -> bool:
        return self._tree.link(path) is not None and self._tree.resolve(path) == DEV_NULL

    def _parse(self, path: str) -> Iterator[Setting]:
        """Yield the assignments of a file in the format of systemd.syntax(7)."""
        where = self._tree.resolve(path) or path
        section, pending, begin = "", "", 0
        for number, raw in enumerate(self._tree.text(path).splitlines(), start=1):
            text = raw.strip()
            if text.startswith(("#", ";")):
                continue
            begin = begin if pending else number
            if raw.endswith("\\"):
                pending += f"{raw[:-1].strip()} "
                continue
            text, pending = (pending + text).strip(), ""
            if text.startswith("["):
                section = text.strip("[]")
            elif "=" in text:
                key, _equals, value = text.partition("=")
                line = FileLine(self._tree.prefix + where, begin, text)
                yield Setting(section, key.strip(), value.strip(), line)


class SystemdBoot:
    """What is started when systemd is the /init of an image, and in which order."""

    def __init__(self, tree: Tree) -> None:
        self.units = Units(tree)
        initrd = any(tree.file(path) for path in _INITRD_RELEASE) and self.units.load(INITRD_TARGET)
        self.start = INITRD_TARGET if initrd else self.units.canonical(DEFAULT_TARGET)
        # Unit -> (what pulls it in, evidence): the transaction, whose jobs are all queued at once.
        self.pulled = self._closure(())
        # Unit -> its trigger: may be started later. An order between jobs holds for them, too.
        self.triggered: dict[str, str] = {}
        self._add_triggered()
        self._edges: dict[str, dict[str, str]] = {}
        for unit in self.all_units():
            for first, second, evidence in self._orders(unit):
                self._edges.setdefault(first, {}).setdefault(second, evidence)
        self.cycles = _cycles({name: set(self._edges.get(name, ())) for name in self.pulled})
        self._unreliable = self._dropped()

    def unit(self, name: str) -> Unit | None:
        """Return a unit that may be started."""
        name = self.units.canonical(name)
        return self.units.load(name) if name in self.pulled or name in self.triggered else None

    def all_units(self) -> list[Unit]:
        """Return every unit that may be started, sorted by name."""
        loaded = (self.units.load(name) for name in sorted({*self.pulled, *self.triggered}))
        return [unit for unit in loaded if unit is not None]

    def _closure(self, without: Container[str]) -> dict[str, tuple[str, str]]:
        """Return what the start pulls in, directly or not, if some units are left out."""
        found: dict[str, tuple[str, str]] = {}
        pending = [(self.start, "", "")]
        while pending:
            name, by, evidence = pending.pop(0)
            unit = self.units.load(name)
            if unit is None or unit.name in found or unit.name in without:
                continue
            found[unit.name] = (by, evidence)
            pending += [(each, unit.name, line) for each, line in unit.names(*_PULLS)]
            pending += [(each, unit.name, line) for each, line in _default_needs(unit)]
        return found

    def _add_triggered(self) -> None:
        pending = self.all_units()
        while pending:
            unit = pending.pop()
            for name in (*_triggers(unit), *(each for each, _line in unit.names(*_PULLS))):
                other = self.units.load(name)
                if other is not None and other.name not in {*self.pulled, *self.triggered}:
                    self.triggered[other.name] = unit.name
                    pending.append(other)

    def _orders(self, unit: Unit) -> Iterator[tuple[str, str, str]]:
        """Yield what a unit says about the order: (first, second, evidence)."""
        for other, evidence in unit.names("Before"):
            yield unit.name, self.units.canonical(other), evidence
        for other, evidence in unit.names("After"):
            yield self.units.canonical(other), unit.name, evidence
        for other in _triggers(unit):
            evidence = f"{unit.path}: a {unit.kind} is before its unit"
            yield unit.name, self.units.canonical(other), evidence
        if unit.kind == "service" and _logs_to_journal(unit):
            evidence = f"{unit.path}: a service that logs to the journal is after its socket"
            yield _JOURNAL, unit.name, evidence
        if unit.default_dependencies:
            yield from self._default_orders(unit)

    def _default_orders(self, unit: Unit) -> Iterator[tuple[str, str, str]]:
        evidence = f"{unit.path}: default dependencies of a {unit.kind}"
        if unit.kind in {"service", "socket", "path", "timer"}:
            yield "sysinit.target", unit.name, evidence
        if unit.kind == "service":
            yield "basic.target", unit.name, evidence
        if unit.kind in _TRIGGER_TARGETS:
            yield unit.name, _TRIGGER_TARGETS[unit.kind], evidence
        if unit.kind != "target":
            return
        for name, line in unit.names(*_PULLS):
            other = self.units.load(name)
            if (
                other is not None
                and other.default_dependencies
                and not self._names(unit, "Before", other)
                and not self._names(other, "After", unit)
            ):
                yield other.name, unit.name, line

    def _names(self, unit: Unit, key: str, other: Unit) -> bool:
        return other.name in (self.units.canonical(name) for name, _line in unit.names(key))

    def _dropped(self) -> dict[str, str]:
        """Return the units of the transaction that systemd may leave out, with the reason."""
        found = {
            name: f"it is part of an ordering cycle, {' -> '.join(cycle)}, which systemd breaks by leaving a unit out"
            for name, cycle in self.cycles.items()
        }
        started = [unit for unit in self.all_units() if unit.name in self.pulled]
        for unit in started:
            for other, line in unit.names("Conflicts"):
                other = self.units.canonical(other)
                if other in self.pulled:
                    found.setdefault(unit.name, f"it conflicts with {other} ({line})")
                    found.setdefault(other, f"it conflicts with {unit.name} ({line})")
        before = -1
        while len(found) != before:  # what needs, or is pulled in by, what is left out
            before = len(found)
            for unit in started:
                reason = self._lacks(unit, found)
                if reason is not None:
                    found.setdefault(unit.name, reason)
            certain = self._closure(found)
            for name in self.pulled:
                if name not in certain:
                    found.setdefault(name, "everything that wants it may be left out")
        return found

    def _lacks(self, unit: Unit, dropped: Container[str]) -> str | None:
        for other, line in unit.names(*_NEEDS):
            other = self.units.canonical(other)
            if other in dropped or (other not in self.pulled and not other.endswith(_WITHOUT_FILE)):
                return f"it needs {other}, which is not started ({line})"
        return None

    def not_started(self, name: str) -> str | None:
        """Return why it is not certain that a unit is started with the others, None if it is."""
        if self.units.masked(name):
            return "it is masked"
        if self.units.load(name) is None:
            return "the image has no such unit"
        if self.units.canonical(name) not in self.pulled:
            return f"nothing that {self.start} starts wants it"
        return self._unreliable.get(self.units.canonical(name))

    def why_started(self, name: str) -> list[str]:
        """Return the chain of dependencies from the start to a unit of the transaction."""
        chain: list[str] = []
        name = self.units.canonical(name)
        while self.pulled.get(name, ("", ""))[0]:
            name, evidence = self.pulled[name]
            chain.insert(0, evidence)
        return chain

    def before(self, first: str, second: str) -> list[str] | None:
        """Return the evidence that a unit is started, and done, before another one begins. None: there is none.

        An order is between two jobs. So what is between two units counts only if it is certain to be started.
        """
        first, second = self.units.canonical(first), self.units.canonical(second)
        paths: dict[str, list[str]] = {first: []}
        pending = [first]
        while pending:
            name = pending.pop(0)
            if name != first and (name not in self.pulled or name in self._unreliable):
                continue
            for other, evidence in self._edges.get(name, {}).items():
                if other == second:
                    return [*paths[name], evidence]
                if other not in paths:
                    paths[other] = [*paths[name], evidence]
                    pending.append(other)
        return None

    def after(self, name: str) -> list[str]:
        """Return the units that may be started and that a unit waits for directly."""
        known = {*self.pulled, *self.triggered}
        return sorted(each for each in known if name in self._edges.get(each, ()))

    def predecessors(self, name: str) -> list[str]:
        """Return every unit, also of those that are not started, that a unit waits for."""
        found: set[str] = set()
        pending = [self.units.canonical(name)]
        while pending:
            name = pending.pop()
            direct = {first for first, after in self._edges.items() if name in after} - found
            found |= direct
            pending += direct & set(self.pulled)
        return sorted(found)


def _default_needs(unit: Unit) -> list[tuple[str, str]]:
    """Return what a unit with default dependencies requires."""
    if unit.kind in {"service", "socket", "path", "timer"} and unit.default_dependencies:
        return [("sysinit.target", f"{unit.path}: default dependencies of a {unit.kind}")]
    return []


def _logs_to_journal(unit: Unit) -> bool:
    """systemd.exec(5), "Implicit Dependencies". The journal is the default for both streams."""
    streams = (unit.last("Service", key) for key in ("StandardOutput", "StandardError"))
    values = [None if stream is None else stream.value for stream in streams]
    if values[1] in {None, "inherit"}:
        values[1] = values[0]
    return unit.name != "systemd-journald.service" and any(
        value is None or value.startswith(("journal", "kmsg", "syslog")) for value in values
    )


def _triggers(unit: Unit) -> list[str]:
    """Return the units that a socket, path, timer or automount starts when something happens."""
    stem = unit.name.rpartition(".")[0]
    if unit.kind == "automount":
        return [f"{stem}.mount"]
    if unit.kind not in _TRIGGERS:
        return []
    setting = unit.last(*_TRIGGERS[unit.kind])
    if setting is not None:
        return [setting.value]
    accept = unit.last("Socket", "Accept")
    if accept is not None and accept.value.lower() not in _FALSE:
        return [f"{stem}@0.service"]
    return [f"{stem}.service"]


def _template(name: str) -> str | None:
    """Return foo@.service for foo@bar.service, None for what is no instance."""
    stem, at, rest = name.partition("@")
    return f"{stem}@.{rest.rpartition('.')[2]}" if at and not rest.startswith(".") else None


def _with_templates(names: Iterable[str]) -> list[str]:
    return [each for name in names for each in (name, _template(name)) if each]


def _cycles(edges: dict[str, set[str]]) -> dict[str, list[str]]:
    """Return, for every unit that waits for itself, the shortest cycle through it.

    What waits for nothing, and what nothing waits for, is on no cycle and is taken away until nothing changes.
    """
    left = {name: after & set(edges) for name, after in edges.items()}
    while True:
        waited_for = {other for after in left.values() for other in after}
        gone = {name for name, after in left.items() if not after or name not in waited_for}
        if not gone:
            break
        left = {name: after - gone for name, after in left.items() if name not in gone}
    ways = {name: _way_back(left, name) for name in sorted(left)}
    return {name: way for name, way in ways.items() if way is not None}


def _way_back(edges: dict[str, set[str]], start: str) -> list[str] | None:
    """Return the shortest way from a unit to itself."""
    ways = {start: [start]}
    pending = [start]
    while pending:
        name = pending.pop(0)
        for other in sorted(edges[name]):
            if other == start:
                return [*ways[name], start]
            if other not in ways:
                ways[other] = [*ways[name], other]
                pending.append(other)
    return None


__all__ = ("SystemdBoot", "Unit", "Units")
