# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Proves from a built image that the reset runs before anything that loads drivers."""

from __future__ import annotations

import re
import stat
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry

    Files = Mapping[str, Entry]

HELPER = "usr/local/lib/pcie-reset/pcie-reset"
PLAN = "etc/pcie-reset/plan"
SCRIPT = "scripts/init-top/00-pcie-reset"
TOOLS = tuple(f"usr/local/lib/pcie-reset/bin/{name}" for name in ("od", "dd", "sleep"))
EXECUTABLE = (HELPER, SCRIPT)

# Everything of ours in an image is one of these or below one of these.
_OURS = ("usr/local/lib/pcie-reset", "etc/pcie-reset", SCRIPT)

_ORDER = "scripts/init-top/ORDER"
_INIT = "init"
_UDEV = "scripts/init-top/udev"

_LOADS_DRIVERS = re.compile(r"\b(?:modprobe|insmod|udevd|udevadm)\b")
_RUNS_INIT_TOP = re.compile(r"run_scripts\s+/scripts/init-top\b")
_LOADS_MODULES = re.compile(r"load_modules\b")
# hook-functions, cache_run_scripts(), writes two lines a script:
#     /scripts/init-top/udev "$@"
#     [ -e /conf/param.conf ] && . /conf/param.conf
_ORDER_SCRIPT = re.compile(r'/(scripts/init-top/\S+) "\$@"')
_ORDER_PARAMETERS = "[ -e /conf/param.conf ] && . /conf/param.conf"


class _Line(t.NamedTuple):
    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.text}"


def prove_present(files: Files, expected: Mapping[str, bytes]) -> dict[str, t.Any]:
    """Prove that an initramfs-tools image resets before it loads drivers.

    C(files) is the image, C(expected) what HELPER, SCRIPT and PLAN have to contain.
    Returns C({"proven": bool, "statement": str, "before": [what the reset runs before], "evidence": [line of the
    image], "why_not": str|None}). An image that proves nothing is a result, not an error.
    """
    try:
        _check_content(files, expected)
        order, later = _check_order(files)
        init = _check_init(files)
    except KdumpError as exc:
        return _result("The image resets PCIe devices before it loads drivers.", [], [], str(exc))
    udev = " udev (starts systemd-udevd, triggers coldplug) and" if _UDEV in later else ""
    return _result(
        f"{SCRIPT} runs before{udev} load_modules",
        [*later, "load_modules"],
        [str(line) for line in (*order, *init)],
        None,
    )


def prove_absent(files: Files) -> dict[str, t.Any]:
    """Prove that an image has nothing of the reset in it. Returns the same as C(prove_present)."""
    found = [
        name
        for name in sorted(files)
        if any(name == ours or name.startswith(f"{ours}/") for ours in _OURS)
    ]
    return _result(
        "The image contains nothing of the PCIe reset.",
        [],
        [],
        f"The image contains {', '.join(found)}." if found else None,
    )


def _result(
    statement: str, before: list[str], evidence: list[str], why_not: str | None
) -> dict[str, t.Any]:
    return {
        "proven": why_not is None,
        "statement": statement,
        "before": before,
        "evidence": evidence,
        "why_not": why_not,
    }


def _check_content(files: Files, expected: Mapping[str, bytes]) -> None:
    for path in (*expected, *TOOLS):
        if path not in files:
            raise KdumpError(f"The image does not contain /{path}.")
    for path, content in expected.items():
        entry = files[path]
        if not stat.S_ISREG(entry.mode):
            raise KdumpError(f"/{path} in the image is not a file.")
        if path in EXECUTABLE and not entry.mode & 0o111:
            raise KdumpError(f"/{path} in the image is not executable.")
        if entry.data != content:
            digests = " and ".join(map(_digest, (bytes(entry.data), content)))
            detail = f" (digests {digests})" if path == PLAN else ""
            raise KdumpError(f"/{path} in the image differs from the one to be installed{detail}.")


def _check_order(files: Files) -> tuple[list[_Line], list[str]]:
    """Return the lines of ORDER that count as evidence, and the scripts that run after the reset."""
    lines = [line for line in _lines(files, _ORDER) if line.text != _ORDER_PARAMETERS]
    scripts = [_order_script(line) for line in lines]
    if SCRIPT not in scripts:
        raise KdumpError(f"{_ORDER} does not run {SCRIPT}.")
    ours = scripts.index(SCRIPT)
    for line, script in zip(lines[:ours], scripts):
        if script is None:
            raise KdumpError(f"{line} is before the reset and is not a script.")
        loads = _loads_drivers(files, script)
        if loads is not None:
            raise KdumpError(f"{script} runs before the reset and may load drivers: {loads}.")
    later = [
        (line, script)
        for line, script in zip(lines[ours + 1 :], scripts[ours + 1 :])
        if script is not None
    ]
    loading = [line for line, script in later if _loads_drivers(files, script)]
    return [*lines[: ours + 1], *loading], [script for _line, script in later]


def _order_script(line: _Line) -> str | None:
    match = _ORDER_SCRIPT.fullmatch(line.text)
    return None if match is None else match[1]


def _check_init(files: Files) -> list[_Line]:
    """Return the two lines of /init that run init-top and then load modules."""
    before = [
        *(name for name in sorted(files) if name.startswith("conf/conf.d/")),
        "conf/initramfs.conf",
    ]
    for name in before:  # /init sources them first
        loads = _loads_drivers(files, name)
        if loads is not None:
            raise KdumpError(f"{loads} may load drivers before the reset.")
    runs: _Line | None = None
    for line in _lines(files, _INIT):
        if runs is None and _RUNS_INIT_TOP.match(line.text):
            runs = line
        elif _LOADS_MODULES.match(line.text) or (runs is None and _LOADS_DRIVERS.search(line.text)):
            if runs is None:
                raise KdumpError(f"{line} may load drivers before the reset.")
            return [runs, line]
    raise KdumpError("/init does not run scripts/init-top and then load_modules.")


def _loads_drivers(files: Files, path: str) -> _Line | None:
    """Return the first line of a script that may load drivers."""
    return next((line for line in _lines(files, path) if _LOADS_DRIVERS.search(line.text)), None)


def _lines(files: Files, path: str) -> Iterator[_Line]:
    """Yield the lines of a script that are neither empty nor a comment."""
    entry = files.get(path)
    text = "" if entry is None else bytes(entry.data).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield _Line(path, number, stripped)


def _digest(plan: bytes) -> str:
    match = re.search(rb"^digest ([0-9a-f]+)$", plan, re.MULTILINE)
    return match[1].decode("ascii") if match else "none"


__all__ = ("HELPER", "PLAN", "SCRIPT", "TOOLS", "prove_absent", "prove_present")
