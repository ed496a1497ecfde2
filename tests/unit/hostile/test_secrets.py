# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A marker is given as a password, and looked for in all that others can see: argv of every process, output, files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.modules import platform_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

MARKER = "Zq7-marker-5Xw"
ROLES = Path(platform_facts.__file__).parents[2] / "roles"


class Watched(t.NamedTuple):
    status: int
    output: str
    arguments: set[str]  # of each process that was there meanwhile


def watched(directory: Path, tasks: str, *arguments: str) -> Watched:
    """Run tasks on this machine at the highest verbosity that shows what is run, and watch all processes."""
    (directory / "play.yml").write_text(
        f"- hosts: localhost\n  gather_facts: false\n  vars:\n    marker: {MARKER}\n  tasks:\n{tasks}"
    )
    (directory / "bin").mkdir(exist_ok=True)
    seen: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    seen.add((process / "cmdline").read_bytes().decode("utf-8", "replace"))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local",
             "-vvvv", "--diff", *arguments, str(directory / "play.yml")],
            env={
                "PATH": f"{directory}/bin:{os.environ['PATH']}",
                "LANG": "C.UTF-8",
                "HOME": str(directory),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_COLLECTIONS_PATH": str(Path(platform_facts.__file__).parents[5]),
                "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            },
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
    finally:
        done.set()
        thread.join()
    return Watched(ran.returncode, ran.stdout + ran.stderr, seen)


def held(directory: Path, ran: Watched) -> None:
    assert MARKER not in ran.output
    assert [line for line in ran.arguments if MARKER in line] == []
    with_marker = {
        path.name for path in directory.rglob("*") if path.is_file() and MARKER in text(path)
    }
    assert with_marker <= {"play.yml", "ipmitool.input"}


def text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def test_password_of_a_management_controller(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin/ipmitool"
    # Gets the password where ipmitool -f looks for it, and stays long enough for ps.
    tool.write_text(
        "#!/bin/sh\n"
        f"while [ $# -gt 0 ]; do [ $1 != -f ] || head -n 1 $2 > {tmp_path}/ipmitool.input; shift; done\n"
        "sleep 1; echo '1 | 11/28/2026 | Power Supply | Failure'\n"
    )
    tool.chmod(0o755)
    lines = (ROLES / "crash_test/tasks/recover_ipmi.yml").read_text().partition("---\n")[2]
    tasks = lines[: lines.index("- name: Reset the host")] + (
        '- ansible.builtin.debug:\n    msg: "{{ crash_test_sel }}"\n'
    )
    variables = ["-e", "crash_test_bmc_host=bmc crash_test_bmc_user=admin"]
    ran = watched(
        tmp_path,
        "".join(f"    {line}\n" for line in tasks.splitlines()).replace(
            "crash_test_bmc_password", "marker"
        ),
        *variables,
    )
    assert ran.status == 0, ran.output
    assert "Power Supply" in ran.output
    assert text(tmp_path / "ipmitool.input").strip() == MARKER
    held(tmp_path, ran)


def test_passwords_in_the_configuration_of_kdump(tmp_path: Path) -> None:
    settings = (
        "{FTP_PASSWORD: '{{ marker }}', URL: 'ftp://user:{{ marker }}@dumps/path',"
        " kdump_token: '{{ marker }}', OTHER: '1'}"
    )
    ran = watched(
        tmp_path,
        f"    - vmcore.kdump.kdump_config:\n        settings: {settings}\n      ignore_errors: true\n",
        "--check",
    )
    assert '"OTHER": "1"' in ran.output
    held(tmp_path, ran)


@pytest.mark.parametrize(
    "tree",
    [
        {
            "usr/sbin/kdump-config": "",
            "etc/default/kdump-tools": f"USE_KDUMP=1\nFTP=dumps\nFTP_USER=u\nFTP_PASSWORD={MARKER}\n",
        },
        {
            "usr/sbin/mkdumprd": "",
            "etc/sysconfig/kdump": f'KDUMP_SAVEDIR="ftp://user:{MARKER}@dumps/path"\n'
            f'KDUMP_SMTP_PASSWORD="{MARKER}"\n',
        },
        {
            "usr/bin/kdumpctl": "",
            "etc/kdump.conf": f"nfs dumps:/x\nextra_bins /usr/bin/curl -u user:{MARKER}\n",
            "etc/sysconfig/kdump": "",
        },
    ],
    ids=["debian", "suse", "kdump-utils"],
)
def test_facts_have_no_password(tmp_path: Path, tree: dict[str, str]) -> None:
    root = build(tmp_path, {"sys/kernel/kexec_crash_loaded": "0\n", "proc/cmdline": "ro\n", **tree})
    facts = platform_facts.gather(root, platform_facts.SUBSETS)
    assert facts["kdump"]["family"]
    assert MARKER not in str(facts)
