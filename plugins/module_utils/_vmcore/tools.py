# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What other programs say of a dump, if the host has them.

None of them is needed. A program is asked about formats that it reads, and crash only with the debug
information that it needs. If it reads the dump, its check is ok; what it complains about makes its check
unverified, with its own last words, because each has kernels that it cannot read.
"""

from __future__ import annotations

import re
import typing as t
from functools import partial
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_bytes
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Check, Flaw, check

# run(argv, input) -> exit status and output
Run = t.Callable[[list[str], str], tuple[int, str]]
# The path of a program, None if the host does not have it.
Which = t.Callable[[str], t.Optional[str]]

# Where distributions put a kernel with debug information.
_VMLINUX = (
    "/usr/lib/debug/boot/vmlinux-{}",
    "/usr/lib/debug/lib/modules/{}/vmlinux",
    "/usr/lib/debug/boot/vmlinux-{}.debug",
    "/usr/lib/debug/usr/lib/modules/{}/vmlinux.debug",
)
_CRASH_COMMANDS = "sys\nbt\nquit\n"
_DRGN = (
    "import drgn, sys; program = drgn.Program(); program.set_core_dump(sys.argv[1]); "
    "print(program['UTS_RELEASE'].string_().decode())"
)
_LAST_WORDS = 160
# "#!/opt/drgn/bin/python3", or what pip writes for a long path: "#!/bin/sh", and "''''exec' /opt/.../python3 ..."
_INTERPRETER = re.compile(
    r"#!(?:(/\S*python[\d.]*)\n|/bin/sh\n''''exec' \"?(/[^\"\n]*?python[\d.]*)\"? )"
)
_SCRIPT_HEAD = 1024
_PLAIN = ("kdump-compressed", "ELF")


def tool_checks(
    path: Path, release: str | None, form: str, run: Run, which: Which, python: str
) -> list[Check]:
    """A check for each of makedumpfile, crash and drgn that the host has and that reads this format."""
    looks: dict[str, t.Callable[[str], str]] = {}
    if form.startswith(_PLAIN):
        looks["makedumpfile"] = partial(_makedumpfile, path, run)
    if form.startswith((*_PLAIN, "flattened")):
        vmlinux = debug_kernel(release)
        if vmlinux:
            looks["crash"] = partial(_crash, path, vmlinux, run)
        looks["drgn"] = partial(_drgn, path, release, python, run)
    programs = {name: which(name) for name in looks}
    return [
        check(name, partial(look, program))
        for name, look in looks.items()
        if (program := programs[name])
    ]


def _makedumpfile(path: Path, run: Run, program: str) -> str:
    """makedumpfile reads and decompresses every page, and writes nothing."""
    target = f"{path}.dry-run"
    status, output = run([program, "--dry-run", "-d", "31", str(path), target], "")
    if status:
        raise _cannot("makedumpfile --dry-run", status, output)
    return "makedumpfile --dry-run could read every page."


def debug_kernel(release: str | None) -> str | None:
    """The crashed kernel with its debug information, where distributions put it; None if it is not there."""
    if release is None or "/" in release:
        return None
    return next(
        (place for place in (each.format(release) for each in _VMLINUX) if Path(place).is_file()),
        None,
    )


def python_of(program: str | None, default: str) -> str:
    """The Python that runs a program, which can be one of its own environment; the default if it does not say."""
    start = (read_bytes(program, _SCRIPT_HEAD) if program else None) or b""
    found = _INTERPRETER.match(start.decode("utf-8", "replace"))
    return found[1] or found[2] if found else default


def _crash(path: Path, vmlinux: str, run: Run, program: str) -> str:
    status, output = run([program, "-s", vmlinux, str(path)], _CRASH_COMMANDS)
    if status or "PANIC:" not in output:
        raise _cannot("crash", status, output)
    if "[INCOMPLETE]" in output:
        raise Flaw("incomplete", "crash says that the dump is incomplete.")
    panic = output.split("PANIC:", 1)[1].splitlines()[0].strip()
    return f"crash could open the dump; it says PANIC: {panic}"


def _drgn(path: Path, release: str | None, python: str, run: Run, program: str) -> str:
    status, output = run([python_of(program, python), "-c", _DRGN, str(path)], "")
    if status:
        raise _cannot("drgn", status, output)
    found = output.strip()
    if found != release:
        raise Flaw("unsupported", f"drgn says that the kernel is {found}, not {release}.")
    return f"drgn could open the dump of the kernel {found}."


def _cannot(name: str, status: int, output: str) -> Flaw:
    return Flaw("unsupported", f"{name} ended with {status}: {last_words(output)}")


def last_words(output: str) -> str:
    """The last two lines that a program wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-2:])[-_LAST_WORDS:]


__all__ = ("Run", "Which", "debug_kernel", "last_words", "python_of", "tool_checks")
