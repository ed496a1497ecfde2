# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tarball, installed where nothing else is, with the oldest and the newest ansible-core."""

from __future__ import annotations

import json
import tarfile
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.tests.package.conftest import Environment

# What a person or Galaxy reads, beside the parts that work.
READ = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "LICENSES",
    "MAINTAINERS",
    "README.md",
    "REUSE.toml",
    "SECURITY.md",
    "changelogs",
    "docs",
}
# Without the one that needs awx.awx: test_awx.py runs it.
PLAYBOOKS = sorted(
    {path.stem for path in (Path(__file__).parents[2] / "playbooks").glob("*.yml")} - {"awx_setup"}
)


def test_nothing_of_the_workshop_is_in_the_tarball(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        found = {name.split("/")[0] for name in archive.getnames()}
    assert {"meta", "playbooks", "plugins", "roles", "README.md", "LICENSES"} <= found
    # CHANGELOG.md appears with the release.
    assert found <= {"FILES.json", "MANIFEST.json", "meta", "playbooks", "plugins", "roles", *READ}


def test_it_has_no_dependencies(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        manifest = archive.extractfile("MANIFEST.json")
        assert manifest
        assert json.load(manifest)["collection_info"]["dependencies"] == {}


def test_localhost_is_assessed(environment: Environment) -> None:
    done = environment.run(
        "ansible-playbook", "vmcore.kdump.assess", "-i", "localhost,", "-c", "local", "-e", "assess_root=/"
    )  # fmt: skip
    assert "ports reset (plan " in done.stdout
    assert "changed=0    unreachable=0    failed=0" in done.stdout
    assert "DEPRECATION" not in done.stderr
    assert "WARNING" not in done.stderr.replace(
        "[WARNING]: Host 'localhost' is using the discovered", ""
    )


def test_captured_host_is_assessed(environment: Environment, captured: Path) -> None:
    done = environment.run(
        "ansible-playbook", "vmcore.kdump.assess", "-i", "db01,", "-c", "local", "-e", f"assess_root={captured}"
    )  # fmt: skip
    assert "downstream port" in done.stdout
    assert "RESET  Only endpoints are below." in done.stdout


def test_playbooks_are_found_by_their_names(environment: Environment) -> None:
    names = [f"vmcore.kdump.{playbook}" for playbook in PLAYBOOKS]
    done = environment.run("ansible-playbook", *names, "-i", "db01,", "--syntax-check")
    assert not done.stderr
    found = [line for line in done.stdout.splitlines() if line.startswith("playbook: ")]
    assert len(found) == len(names)


def test_documentation_is_found(environment: Environment) -> None:
    names = environment.run("ansible-doc", "--list", "--json", "vmcore.kdump").stdout
    listed = json.loads(names)
    found = json.loads(environment.run("ansible-doc", "--json", *listed).stdout)
    assert "vmcore.kdump.crash_test" in found
    assert set(found) == set(listed)


def test_confirmation_is_needed_where_only_the_tarball_is(environment: Environment) -> None:
    done = environment.run(
        "ansible-playbook", "vmcore.kdump.crash_test", "-i", "localhost,", "-c", "local",
        "-e", "ansible_become=false", check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "this would crash the controller" in done.stdout
