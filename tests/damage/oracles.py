# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The standard tools, asked about a dump: drgn, crash and makedumpfile.

- drgn, with the kernel's debug information: the log, every task, every module, the trace of the CPU that panicked.
- crash, with the same: the tasks, that trace, the log.
- makedumpfile: the log, of a flattened stream after ``-R``, of the parts of a split dump after ``--reassemble``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

_DRGN = """
import sys
import drgn
from drgn.helpers.linux import for_each_module, for_each_task, get_dmesg
program = drgn.Program()
program.set_core_dump(sys.argv[1])
program.load_debug_info([sys.argv[2]])
lines = len(get_dmesg(program).splitlines())
tasks, modules = sum(1 for _ in for_each_task(program)), sum(1 for _ in for_each_module(program))
trace = [frame.name for frame in program.crashed_thread().stack_trace()]
if "panic" not in trace:
    raise SystemExit(f"no panic in {trace}")
print(f"opens: {lines} lines, {tasks} tasks, {modules} modules, trace")
"""
_CRASH = b"ps -S\nbt\nlog\nquit\n"
_CRASH_SAYS = re.compile(
    r"^.*(?:error|cannot|excluded|not a supported|incomplete|truncated|do not match).*$",
    re.I | re.M,
)
_MAKEDUMPFILE_SAYS = re.compile(r"^(?!makedumpfile (?:Failed|Completed)|Copying|\s*$).*$", re.M)
_SECONDS = 900
_LONGEST = 90


class Answer(NamedTuple):
    """What a tool made of a dump."""

    said: str
    opened: bool | None  # None if the tool does not read such a file


NOT_ASKED = Answer("-", None)


def drgn(python: str, vmlinux: Path, parts: list[Path]) -> Answer:
    """Let drgn open a dump. It does not read the parts of a split one."""
    if len(parts) > 1:
        return NOT_ASKED
    command = [python, "-c", _DRGN, str(parts[0]), str(vmlinux)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return Answer(result.stdout.strip(), True)
    return Answer(_short(result.stderr.strip().splitlines()[-1]), False)


def crash(program: str, vmlinux: Path, parts: list[Path]) -> Answer:
    """Let crash open a dump, or all parts of it."""
    command = [program, "-s", "--no_scroll", "--no_modules", str(vmlinux), *map(str, parts)]
    result = subprocess.run(
        command, input=_CRASH, capture_output=True, check=False, timeout=_SECONDS, start_new_session=True
    )  # fmt: skip
    output = (result.stdout + result.stderr).decode(errors="replace")
    complaint = _CRASH_SAYS.search(re.sub(r"^\[ *\d+\.\d+\].*$", "", output, flags=re.M))
    if result.returncode == 0 and " panic at " in output and complaint is None:
        return Answer("opens", True)
    return Answer(_short(complaint[0] if complaint else f"ends with {result.returncode}"), False)


def makedumpfile(program: str, parts: list[Path], *, is_flattened: bool) -> Answer:
    """Let makedumpfile read the log of a dump, put together before if it has to be."""
    with tempfile.TemporaryDirectory(dir=parts[0].parent) as directory:
        whole, log = Path(directory) / "whole", Path(directory) / "log"
        dump = parts[0]
        if is_flattened and len(parts) == 1:
            with dump.open("rb") as stream:
                result = subprocess.run(
                    [program, "-R", str(whole)], stdin=stream, capture_output=True, check=False
                )
            if result.returncode:
                return _complaint(result.stderr + result.stdout)
            dump = whole
        elif len(parts) > 1:
            command = [program, "--reassemble", *map(str, parts), str(whole)]
            result = subprocess.run(command, capture_output=True, check=False)
            if result.returncode:
                return _complaint(result.stderr + result.stdout)
            dump = whole
        command = [program, "-f", "--dump-dmesg", str(dump), str(log)]
        result = subprocess.run(command, capture_output=True, check=False)
        if result.returncode:
            return _complaint(result.stderr + result.stdout)
        return Answer(f"reads {log.read_bytes().count(10)} lines", True)


def _complaint(output: bytes) -> Answer:
    said = _MAKEDUMPFILE_SAYS.findall(output.decode(errors="replace"))
    return Answer(_short(said[0] if said else "failed"), False)


def _short(text: str) -> str:
    return re.sub(r"/\S+/", "", text).replace("|", "/").strip()[:_LONGEST]
