# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the readiness timer: what assess runs, in one file that is always the same."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.plugin_utils import _readiness


def test_the_same_code_is_the_same_file() -> None:
    first = _readiness.program()
    _readiness.program.cache_clear()
    assert _readiness.program() == first
    assert len(first) < 200_000


def test_it_has_what_it_imports_and_nothing_of_ansible() -> None:
    names = zipfile.ZipFile(io.BytesIO(_readiness.program())).namelist()
    assert any(name.endswith("_kdump/families/suse/targets.py") for name in names)
    assert not [
        name
        for name in names
        if name.endswith(("_module.py", "_pci/names.py", "plugins/modules.py"))
    ]


def test_it_runs_without_ansible(tmp_path: Path) -> None:
    program = tmp_path / "readiness.pyz"
    program.write_bytes(_readiness.program())
    # As the timer does, but for what is written.
    script = (
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "found = runpy.run_path(sys.argv[1], run_name='readiness')\n"
        "from pathlib import Path\n"
        "print(found['look'](Path('/'))['state'])\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'ansible'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(program)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    state, imported = done.stdout.splitlines()
    assert state in ("not_ready", "stale", "unproven", "proven")
    assert imported == "[]"
