# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the built package share: an environment that has the tarball and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

CHECKOUT = Path(__file__).parents[2]
# Without these four a collection is no collection; without all others it must work.
PARTS = {"meta", "playbooks", "plugins", "roles"}
_TOOLS = Path(sys.executable).parent
# The ansible-core that the collection asks for at least, and the newest for the Pythons of this machine.
ANSIBLES = {"oldest": CHECKOUT / ".venv/oldest/bin", "newest": _TOOLS}


class Environment:
    """A home directory with the installed tarball. Nothing of the caller's environment is in it."""

    def __init__(self, home: Path, programs: Path) -> None:
        self.home = home
        self.programs = programs
        self.collection = home / ".ansible/collections/ansible_collections/vmcore/kdump"

    def run(
        self, *command: str | Path, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.home,
            env={
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
                "ANSIBLE_NOCOLOR": "1",
                "HOME": str(self.home),
                "LC_ALL": "C.UTF-8",
                "PATH": os.pathsep.join([str(self.programs), str(_TOOLS), os.defpath]),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done


@pytest.fixture(name="tarball", scope="session")
def tarball_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what is tracked or new, the way a release is built."""
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, source / name)
    output = tmp_path_factory.mktemp("built")
    subprocess.run(
        [_TOOLS / "ansible-galaxy", "collection", "build", source, "--output-path", output],
        env={**os.environ, "ANSIBLE_HOME": str(output / "home")},
        capture_output=True,
        check=True,
    )
    (tarball,) = output.glob("vmcore-kdump-*.tar.gz")
    return tarball


@pytest.fixture(name="environment", scope="session", params=sorted(ANSIBLES))
def environment_fixture(
    request: pytest.FixtureRequest, tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """Install the tarball, offline, and keep only the parts that a collection has to have."""
    name: str = request.param
    environment = Environment(tmp_path_factory.mktemp(name), ANSIBLES[name])
    environment.run("ansible-galaxy", "collection", "install", "--offline", tarball)
    for path in environment.collection.iterdir():
        if path.is_dir() and path.name not in PARTS:
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    return environment


@pytest.fixture(name="captured", scope="session")
def captured_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tree of a host that was captured once: three levels of switches, SR-IOV."""
    return unpack("rich", tmp_path_factory.mktemp("captured"))
