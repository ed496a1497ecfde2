# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the readiness timer runs on a host, with the distribution's own Python: readiness.pyz [TEXTFILE_DIRECTORY]."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import load
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import live_host
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.watch import STATE, read_state
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._readiness.install import METRICS
from ansible_collections.vmcore.kdump.plugins.module_utils._readiness.standing import (
    installed_kernels,
    metrics,
    standing,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._run import NOT_FOUND
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside, read_text

ROOT = Path("/")
_ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8"}


def run(command: list[str]) -> tuple[int, str]:
    """Run a command as the modules do: see C(_run.py)."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=_ENVIRONMENT,
        )
    except FileNotFoundError:
        return NOT_FOUND, f"The host has no {command[0]}."
    except OSError as exc:
        return NOT_FOUND, f"{command[0]} cannot be run: {exc.strerror or exc}."
    if done.returncode == 0:
        return 0, done.stdout
    return done.returncode, f"{done.stdout}\n{done.stderr}".strip()


def write(path: Path, content: str) -> None:
    """Replace a file at once, readable by all."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.new")
    partial.write_text(content, encoding="utf-8")
    partial.chmod(0o644)
    partial.replace(path)


def look(root: Path) -> dict[str, t.Any]:
    """Return what is to be noted of the host now."""
    try:
        test = (load() or {}).get("record")
    except KdumpError:
        test = None  # assess and the crash test say what is wrong with that file
    facts = {"kdump": kdump_facts(root, live_host(run)), "platform": platform_facts(root)}
    return standing(
        facts,
        test,
        read_state(root),
        installed_kernels(root),
        boot_id=read_text(root / "proc/sys/kernel/random/boot_id"),
        now=int(time.time()),
    )


def main(arguments: list[str]) -> int:
    state = look(ROOT)
    write(inside(ROOT, STATE), json.dumps(state, indent=1, sort_keys=True) + "\n")
    for directory in arguments:
        write(Path(directory) / METRICS, metrics(state))
    sys.stdout.write(f"{state['state']}, {len(state['problems'])} problems\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
