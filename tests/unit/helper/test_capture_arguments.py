# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the end of the settings adds to the capture kernel's command line, in the shells that source them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS

# kdump-tools 1.10.3: what it appends where the settings say nothing, and its own line, as in the file.
KDUMP_CONFIG = """\
. {settings}
KDUMP_CMDLINE_APPEND=${{KDUMP_CMDLINE_APPEND:="reset_devices nr_cpus=1"}}
echo "$KDUMP_CMDLINE_APPEND"
"""


def run(root: Path, name: str, text: str, settings: str, machine: str = "x86_64") -> str:
    uname = root / "uname"
    uname.write_text(f"#!/bin/sh\necho {machine}\n")
    uname.chmod(0o755)
    path = root / "settings"
    path.write_text(
        f"{settings}[ ! -r {SCRIPTS}/capture-arguments ] || . {SCRIPTS}/capture-arguments\n"
    )
    script = root / name
    script.write_text(text.format(settings=path))
    done = subprocess.run(
        ["sh", "-u", str(script)],
        env={"PATH": f"{root}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("", "reset_devices nr_cpus=1 iomem=relaxed"),
        ("KDUMP_CMDLINE_APPEND='mine'\n", "mine iomem=relaxed"),
    ],
)
def test_kdump_tools_keeps_what_it_appends_itself(
    tmp_path: Path, settings: str, expected: str
) -> None:
    assert run(tmp_path, "kdump-config", KDUMP_CONFIG, settings) == expected


def test_other_readers_of_the_settings_and_other_architectures_see_nothing(tmp_path: Path) -> None:
    settings = 'KDUMP_CMDLINE_APPEND="mine"\n'
    assert run(tmp_path, "savecore", KDUMP_CONFIG, settings) == "mine"
    assert run(tmp_path, "kdump-config", KDUMP_CONFIG, settings, machine="aarch64") == "mine"
