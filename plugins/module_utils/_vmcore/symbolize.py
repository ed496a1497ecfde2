# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The call trace of the crash with files and lines, by drgn and the debug information of the crashed kernel.

Neither is needed for anything else. Without one of them, the sentence says what lacks and how to get it.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.tools import (
    debug_kernel,
    last_words,
    python_of,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.tools import Run, Which

# What drgn reads; it wants a file, and no part of one.
_READ = ("kdump-compressed", "ELF", "flattened")
_NO_DRGN, _NO_SYMBOLS = 3, 4
_MOST = 64
# Prints [[function, whether it was inlined, file, line], ...], the innermost first.
_SCRIPT = f"""
import json, sys
try:
    import drgn
except ImportError:
    sys.exit({_NO_DRGN})
program = drgn.Program()
program.set_core_dump(sys.argv[1])
try:
    program.load_debug_info([sys.argv[2]])
    program.type("struct task_struct")
except (LookupError, drgn.MissingDebugInfoError):
    sys.exit({_NO_SYMBOLS})
frames = []
for frame in program.crashed_thread().stack_trace():
    try:
        file, line, _column = frame.source()
    except LookupError:
        file, line = None, None
    frames.append([frame.name, frame.is_inline, file, line or None])
print(json.dumps(frames[:{_MOST}]))
"""


def symbolize(
    dump: t.Mapping[str, t.Any], vmlinux: str | None, run: Run, which: Which, python: str
) -> dict[str, t.Any]:
    """The call trace of the CPU that crashed, C({"detail": sentence, "vmlinux": path|None, "frames": [...]|None}).

    Args:
        dump: the verdict on the dump, as verify() returns it.
        vmlinux: the crashed kernel with its debug information; None for where distributions put it.
        run: runs a command.
        which: finds a program.
        python: the Python that is asked for drgn if no program of that name says which one has it.

    A frame is C({"function", "inlined", "file", "line"}); file and line are None where nothing says them.
    """
    release = dump["crash"]["release"]
    found = vmlinux or debug_kernel(release)

    def without(detail: str) -> dict[str, t.Any]:
        return {"detail": detail, "vmlinux": found, "frames": None}

    if not dump["format"].startswith(_READ):
        return without(
            f"drgn does not read the format {dump['format']}: unpack or join the dump first."
        )
    if release is None:
        return without(
            "Of which kernel the dump is could not be read, so its debug information cannot be named."
        )
    if found is None or not Path(found).is_file():
        where = f"{found} is not there" if found else "it is not where distributions put it"
        return without(
            f"The debug information of the kernel {release} is needed, and {where}: install the package that has it "
            "(linux-image-...-dbg, kernel-debuginfo), or name its vmlinux."
        )
    status, output = run([python_of(which("drgn"), python), "-c", _SCRIPT, dump["path"], found], "")
    if status == _NO_DRGN:
        return without(
            "drgn is not installed on this host: install the package drgn, or python3-drgn."
        )
    if status == _NO_SYMBOLS:
        build = dump["crash"]["build_id"]
        return without(
            f"{found} is not the debug information of this kernel, {release}"
            + (f" with the build id {build}." if build else ".")
        )
    frames = _frames(output) if status == 0 else None
    if frames is None:
        return without(f"drgn ended with {status}: {last_words(output)}")
    named = sum(frame["file"] is not None for frame in frames)
    return {
        "detail": f"drgn names the file and line of {named} of {len(frames)} functions of the trace.",
        "vmlinux": found,
        "frames": frames,
    }


def _frames(output: str) -> list[dict[str, t.Any]] | None:
    try:
        return [
            {"function": function, "inlined": inlined, "file": file, "line": line}
            for function, inlined, file, line in json.loads(output.strip().splitlines()[-1])
        ]
    except (ValueError, TypeError, IndexError):
        return None


__all__ = ("symbolize",)
