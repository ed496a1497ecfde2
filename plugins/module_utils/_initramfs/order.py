# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Proves from a built image that the reset runs before anything that loads drivers.

What has to be proven follows from what the image is, not from the distribution: initramfs-tools runs scripts in
the order of its ORDER files, dracut with systemd in it runs units, dracut without it runs hooks from its own /init.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper import layout
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import in_image
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.drivers import Drivers
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import LOADER
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.systemd import SystemdBoot
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.systemd import (
        Setting,
        Unit,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import (
        FileLine,
        Files,
    )

HELPER = in_image(layout.HELPER)
# What all scripts of the helper source.
COMMON = in_image(layout.LIBRARY / "lib.sh")
PLAN = in_image(layout.PLAN)
TOOLS = tuple(in_image(layout.LIBRARY / "bin" / name) for name in ("head", "od", "sleep"))

# What runs the helper: an image has the one of its kind. A dracut image without systemd has a hook that names the
# helper, wherever this dracut has its hooks.
SCRIPT, UNIT = layout.SCRIPT, layout.IMAGE_UNIT

# The register sequence, and what it needs: in an image whose plan has the method sbr.
SEQUENCE = in_image(layout.LIBRARY / "secondary-bus-reset")
SETPCI = in_image(layout.LIBRARY / "bin/setpci")

# Everything of ours in an image is one of these or below one of these, or is named so wherever it is.
_OURS = (in_image(layout.LIBRARY), in_image(layout.PLAN.parent))
_OUR_NAME = re.compile(r"(?:^|/)(?:\d+-)?pcie-reset(?:$|[./])")

# Everything that is not a placement is in an image of every kind.
_PLACEMENTS = (SCRIPT, UNIT)

_STATEMENT = "The image resets PCIe devices before it loads drivers."
_ABSENT = "The image contains nothing of the PCIe reset."

# initramfs-tools
_ORDER = "scripts/init-top/ORDER"
_INIT = "init"
_UDEV = "scripts/init-top/udev"
_RUNS_INIT_TOP = re.compile(r"run_scripts\s+/scripts/init-top\b")
_LOADS_MODULES = re.compile(r"load_modules\b")
# hook-functions, cache_run_scripts(), writes two lines a script:
#     /scripts/init-top/udev "$@"
#     [ -e /conf/param.conf ] && . /conf/param.conf
_ORDER_SCRIPT = re.compile(r'/(scripts/\S+) "\$@"')
_ORDER_PARAMETERS = "[ -e /conf/param.conf ] && . /conf/param.conf"

# dracut. Since version 110 its hooks are in the second place.
HOOKS = ("usr/lib/dracut/hooks", "lib/dracut/hooks", "var/lib/dracut/hooks")
_RUNS_HOOKS = re.compile(r"source_hook\s+([\w-]+)")
_DRACUT = (
    "usr/lib/dracut",
    "lib/dracut",
    "var/lib/dracut",
    "usr/lib/dracut-lib.sh",
    "lib/dracut-lib.sh",
)

# Conditions of the unit that are true where the reset has to be done.
_TRUE_CONDITIONS = frozenset({("ConditionPathExists", "/proc/vmcore")})
# Commands that keep a service from starting when they fail.
_FIRST = ("ExecCondition", "ExecStartPre")
# systemd.generator(7)
_GENERATORS = tuple(
    f"{place}/systemd/system-generators"
    for place in ("run", "etc", "usr/local/lib", "usr/lib", "lib")
)


class _Proof(t.NamedTuple):
    statement: str
    before: list[str]
    evidence: list[str]


def generator(files: Files) -> str | None:
    """Return what made an image: C(initramfs-tools), C(dracut), or None for something else."""
    tree = Tree(files)
    if tree.file("scripts/functions") or tree.file("conf/initramfs.conf") or tree.file(_ORDER):
        return "initramfs-tools"
    if any(tree.resolve(path) for path in _DRACUT):
        return "dracut"
    return None


def runs_systemd(tree: Tree) -> bool:
    """Say whether the /init of an image is systemd."""
    init = tree.resolve(_INIT)
    return init is not None and init.rpartition("/")[2] == "systemd"


def prove_present(files: Files, expected: Mapping[str, bytes]) -> dict[str, t.Any]:
    """Prove that an image resets PCIe devices before it loads drivers.

    C(files) is the image, C(expected) what the files in it have to contain, by path. SCRIPT and
    UNIT are only looked for in images of their kind.
    Returns C({"proven": bool, "statement": str, "before": [what the reset runs before], "evidence": [line of the
    image], "why_not": str|None}). An image that proves nothing is a result, not an error.
    """
    try:
        proof = _prove(files, expected)
    except KdumpError as exc:
        return _result(_Proof(_STATEMENT, [], []), str(exc))
    return _result(proof, None)


def prove_absent(files: Files) -> dict[str, t.Any]:
    """Prove that no layer of an image has anything of the reset in it. Returns the same as C(prove_present)."""
    found = traces(files)
    return _result(
        _Proof(_ABSENT, [], []), f"The image contains {', '.join(found)}." if found else None
    )


def traces(files: Files) -> list[str]:
    """Return every path of an image that is ours, those of the loader around a nested image with C(LOADER)."""
    tree = Tree(files)
    named = {name for name in files if _is_ours(name[len(LOADER) * name.startswith(LOADER) :])}
    run = {path for paths in hooks(tree).values() for path in paths if _names_helper(tree, path)}
    return sorted(named | run)


def _is_ours(name: str) -> bool:
    return bool(_OUR_NAME.search(name)) or any(
        name == ours or name.startswith(f"{ours}/") for ours in _OURS
    )


def _result(proof: _Proof, why_not: str | None) -> dict[str, t.Any]:
    return {
        "proven": why_not is None,
        "statement": proof.statement,
        "before": proof.before,
        "evidence": proof.evidence,
        "why_not": why_not,
    }


def _prove(files: Files, expected: Mapping[str, bytes]) -> _Proof:
    tree = Tree(files)
    _check_content(tree, {path: expected[path] for path in expected if path not in _PLACEMENTS})
    kind = generator(files)
    if kind is None:
        raise KdumpError("The image is neither of initramfs-tools nor of dracut.")
    if kind == "initramfs-tools":
        return _prove_initramfs_tools(tree, expected)
    loader = _check_loader(files)
    proof = (_prove_systemd if runs_systemd(tree) else _prove_hooks)(tree, expected)
    return proof._replace(evidence=[*loader, *proof.evidence])


def _check_content(tree: Tree, expected: Mapping[str, bytes]) -> None:
    sequence = (SEQUENCE, SETPCI) if _plans_sequence(expected.get(PLAN, b"")) else ()
    for path in (*expected, HELPER, COMMON, PLAN, *TOOLS, *sequence):
        if tree.resolve(path) is None and tree.link(path) is None:
            raise KdumpError(f"The image does not contain /{path}.")
    for path, content in expected.items():
        program = path.startswith(f"{in_image(layout.LIBRARY)}/") and path != COMMON
        _check_file(tree, path, content, executable=program)


def _check_file(tree: Tree, path: str, content: bytes | None, *, executable: bool) -> None:
    entry = tree.file(path)
    if entry is None and tree.resolve(path) is None and tree.link(path) is None:
        raise KdumpError(f"The image does not contain /{path}.")
    if entry is None or tree.link(path) is not None:
        raise KdumpError(f"/{path} in the image is not a file.")
    if executable and not entry.mode & 0o111:
        raise KdumpError(f"/{path} in the image is not executable.")
    if content is not None and entry.data != content:
        digests = " and ".join(plan_digest(plan) or "none" for plan in (bytes(entry.data), content))
        detail = f" (digests {digests})" if path == PLAN else ""
        raise KdumpError(f"/{path} in the image differs from the one to be installed{detail}.")


def _plans_sequence(plan: bytes) -> bool:
    """Say whether a port of a plan may be reset with the register sequence: "port ADDRESS bus,sbr CHILD..."."""
    ports = (line.split() for line in plan.decode("utf-8", "replace").splitlines())
    return any(
        words[0] == "port" and "sbr" in words[2].split(",") for words in ports if len(words) > 2
    )


def _prove_initramfs_tools(tree: Tree, expected: Mapping[str, bytes]) -> _Proof:
    _check_file(tree, SCRIPT, expected.get(SCRIPT), executable=True)
    drivers = Drivers(tree)
    order, later = _check_order(tree, drivers)
    init = _check_init(tree, drivers)
    udev = " udev (starts systemd-udevd, triggers coldplug) and" if _UDEV in later else ""
    return _Proof(
        f"{SCRIPT} runs before{udev} load_modules",
        [*later, "load_modules"],
        [str(line) for line in (*order, *init)],
    )


def _check_order(tree: Tree, drivers: Drivers) -> tuple[list[FileLine], list[str]]:
    """Return the lines of ORDER that count as evidence, and the scripts that run after the reset."""
    lines = [line for line in tree.lines(_ORDER) if line.text != _ORDER_PARAMETERS]
    scripts = [_order_script(line) for line in lines]
    if SCRIPT not in scripts:
        raise KdumpError(f"{_ORDER} does not run {SCRIPT}.")
    ours = scripts.index(SCRIPT)
    for line, script in zip(lines[:ours], scripts):
        if script is None:
            raise KdumpError(f"{line} is before the reset and is not a script.")
        loads = drivers.in_script(script)
        if loads is not None:
            raise KdumpError(f"{script} runs before the reset and may load drivers: {loads}.")
    later = [
        (line, script)
        for line, script in zip(lines[ours + 1 :], scripts[ours + 1 :])
        if script is not None
    ]
    loading = [line for line, script in later if drivers.in_script(script)]
    return [*lines[: ours + 1], *loading], [script for _line, script in later]


def _order_script(line: FileLine) -> str | None:
    match = _ORDER_SCRIPT.fullmatch(line.text)
    return None if match is None else match[1]


def scripts(tree: Tree) -> dict[str, list[str]]:
    """Return the scripts of initramfs-tools in the order in which they are run, by the name of their directory."""
    return {
        stage: [
            match[1]
            for line in tree.lines(f"scripts/{stage}/ORDER")
            if (match := _ORDER_SCRIPT.fullmatch(line.text))
        ]
        for stage in tree.names("scripts")
        if tree.file(f"scripts/{stage}/ORDER")
    }


def _check_init(tree: Tree, drivers: Drivers) -> list[FileLine]:
    """Return the two lines of /init that run init-top and then load modules."""
    for name in (*tree.below("conf/conf.d"), "conf/initramfs.conf"):  # /init sources them first
        loads = drivers.in_script(name)
        if loads is not None:
            raise KdumpError(f"{loads} may load drivers before the reset.")
    runs: FileLine | None = None
    for line in tree.lines(_INIT):
        if runs is None and _RUNS_INIT_TOP.match(line.text):
            runs = line
        elif _LOADS_MODULES.match(line.text) or (runs is None and drivers.in_line(line)):
            if runs is None:
                raise KdumpError(f"{line} may load drivers before the reset.")
            return [runs, line]
    raise KdumpError("/init does not run scripts/init-top and then load_modules.")


def _check_loader(files: Files) -> list[str]:
    """Return the lines of a loader that make a nested image the root, nothing without one.

    The loader loads what it mounts the nested image with. It may load nothing else: it runs before the reset.
    """
    loader = Tree(files, LOADER)
    if loader.resolve(_INIT) is None:
        return []
    loads = Drivers(loader).in_script(_INIT)
    if loads is not None:
        raise KdumpError(
            f"The loader of the nested image may load drivers before the reset: {loads}."
        )
    return [str(line) for line in loader.lines(_INIT) if "switch_root" in line.text]


def _prove_hooks(tree: Tree, expected: Mapping[str, bytes]) -> _Proof:
    """Prove the order for a dracut image whose /init is dracut's own script.

    99base/init.sh runs the hooks of cmdline and of pre-udev, then starts udevd. A directory of hooks is run in the
    order of a glob (dracut-lib.sh, source_all()): C(for f in "/$_dir"/*.sh).
    """
    drivers, stages = Drivers(tree), hooks(tree)
    hook = next(
        (path for paths in stages.values() for path in paths if _names_helper(tree, path)), None
    )
    if hook is None:
        raise KdumpError(f"No hook of the image runs /{HELPER}.")
    _check_file(tree, hook, expected.get(hook), executable=False)
    evidence: list[str] = []
    for line in tree.lines(_INIT):
        runs = _RUNS_HOOKS.match(line.text)
        if runs is None:
            if drivers.in_line(line):
                raise KdumpError(f"{line} may load drivers before the reset.")
            continue
        evidence.append(str(line))
        for path in stages.get(runs[1], ()):
            if path == hook:
                return _after_hook(tree, drivers, line, hook, evidence)
            loads = drivers.in_script(path)
            if loads is not None:
                raise KdumpError(f"{path} runs before the reset and may load drivers: {loads}.")
    raise KdumpError(f"/init does not run {hook} before it starts udevd.")


def _names_helper(tree: Tree, path: str) -> bool:
    return any(HELPER in line.text for line in tree.lines(path))


def _after_hook(
    tree: Tree, drivers: Drivers, runs: FileLine, hook: str, evidence: list[str]
) -> _Proof:
    """Return the proof with what /init does after it ran the hook."""
    later = [
        line
        for line in tree.lines(_INIT)
        if line.number > runs.number and "udevadm info" not in line.text and drivers.in_line(line)
    ]
    udev = [line for line in later if re.search(r"udevd\b|udevadm trigger", line.text)]
    if not udev:
        raise KdumpError(f"/init does not start udevd after it ran {hook}.")
    return _Proof(
        f"{hook} runs before udevd is started and triggered",
        [line.text for line in udev],
        [*evidence, hook, *map(str, udev)],
    )


def hooks(tree: Tree) -> dict[str, list[str]]:
    """Return dracut's hooks in the order in which they are run, by the name of their directory."""
    found: dict[str, list[str]] = {}
    places = (tree.resolve(place) for place in HOOKS)
    for place in dict.fromkeys(each for each in places if each):
        for path in tree.below(place):
            stage, _slash, name = path[len(place) + 1 :].rpartition("/")
            if name.endswith(".sh"):
                found.setdefault(stage, []).append(path)
    return found


def _prove_systemd(tree: Tree, expected: Mapping[str, bytes]) -> _Proof:
    drivers, boot = Drivers(tree), SystemdBoot(tree)
    name = UNIT.rpartition("/")[2]
    unit, reason = boot.unit(name), boot.not_started(name)
    if unit is None or reason is not None:
        raise KdumpError(f"{name} is not certain to be started: {reason}.")
    _check_unit(tree, unit, expected.get(UNIT))
    generators = {path for place in _GENERATORS for path in tree.below(place)}
    for path in sorted(generators):  # systemd runs them before any unit
        loads = drivers.in_script(path)
        if loads is not None:
            raise KdumpError(f"{path} runs before the reset and may load drivers: {loads}.")
    loading = {
        each: line for each, line in loading_units(boot, drivers).items() if each != unit.name
    }
    edges = [line for each, loads in loading.items() for line in _edges(boot, unit, each, loads)]
    device = next((each for each in boot.predecessors(name) if each.endswith(".device")), None)
    if device is not None:
        raise KdumpError(f"{name} waits for {device}, which needs a driver.")
    if not loading:
        raise KdumpError("The image starts nothing that is known to load drivers.")
    runs = [str(setting.line) for setting in unit.commands()]
    return _Proof(
        f"{name} runs before {_listed(list(loading))}, which load drivers",
        list(loading),
        list(dict.fromkeys([*boot.why_started(name), *runs, *edges])),
    )


def loading_units(boot: SystemdBoot, drivers: Drivers) -> dict[str, str]:
    """Return the units that may be started and may load drivers, each with the command or line that does it."""
    found: dict[str, str] = {}
    for unit in boot.all_units():
        for setting in unit.commands():
            loads = drivers.in_command(setting.value)
            if loads is not None:
                found.setdefault(unit.name, f"{setting.line}" if loads == setting.value else loads)
    return found


def _edges(boot: SystemdBoot, unit: Unit, other: str, loads: str) -> list[str]:
    edges = boot.before(unit.name, other)
    if edges is not None:
        return edges
    if boot.before(other, unit.name) is not None:
        raise KdumpError(f"{other} runs before the reset and may load drivers: {loads}.")
    raise KdumpError(f"Nothing orders {unit.name} before {other}, which may load drivers: {loads}.")


def _check_unit(tree: Tree, unit: Unit, content: bytes | None) -> None:
    """Check that the unit runs the helper, and that systemd waits until the helper is done."""
    _check_file(tree, unit.path, content, executable=False)
    if not any(HELPER in setting.value for setting in unit.items("Service", "ExecStart")):
        raise KdumpError(f"{unit.name} does not run /{HELPER}.")
    kind = unit.last("Service", "Type")
    if kind is None or kind.value != "oneshot":
        raise KdumpError(
            f"{unit.name} is not Type=oneshot: nothing waits until the helper is done."
        )
    first = [setting for setting in unit.commands() if setting.key in _FIRST]
    condition = next(filter(_may_be_false, [*_conditions(unit), *first]), None)
    if condition is not None:
        raise KdumpError(f"{unit.name} may be skipped: {condition.line}.")


def _conditions(unit: Unit) -> list[Setting]:
    keys = dict.fromkeys(
        setting.key
        for setting in unit.settings
        if setting.section == "Unit" and setting.key.startswith(("Condition", "Assert"))
    )
    return [setting for key in keys for setting in unit.items("Unit", key)]


def _may_be_false(condition: Setting) -> bool:
    emergency_switch = condition.key == "ConditionKernelCommandLine" and condition.value.startswith(
        "!pcie_reset"
    )
    return (condition.key, condition.value) not in _TRUE_CONDITIONS and not emergency_switch


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plan_digest(plan: bytes) -> str | None:
    """Return what the line C(digest) of a plan says."""
    match = re.search(rb"^digest ([0-9a-f]+)$", plan, re.MULTILINE)
    return match[1].decode("ascii") if match else None


__all__ = (
    "COMMON",
    "HELPER",
    "PLAN",
    "SCRIPT",
    "SEQUENCE",
    "SETPCI",
    "TOOLS",
    "UNIT",
    "generator",
    "hooks",
    "loading_units",
    "plan_digest",
    "prove_absent",
    "prove_present",
    "runs_systemd",
    "scripts",
    "traces",
)
