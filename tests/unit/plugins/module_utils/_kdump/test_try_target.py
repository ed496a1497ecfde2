# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.try_target import (
    SpaceLeft,
    lacking_in_image,
    try_targets,
)


def try_target(target: Target, run: t.Any) -> SpaceLeft:
    (trial,) = try_targets([target], run)
    assert trial.free is not None
    return SpaceLeft(trial.free)


NFS = Target("nfs", "/", server="vault", export="/dumps")


def no_command(command: list[str]) -> tuple[int, str]:
    raise AssertionError(command)


def test_a_directory_takes_a_file_and_keeps_none(tmp_path: Path) -> None:
    state = os.statvfs(tmp_path)
    space = try_target(Target("local", str(tmp_path)), no_command)
    assert 0 < space.free <= state.f_blocks * state.f_frsize
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_missing_or_takes_nothing(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match="does not exist: create it"):
        try_target(Target("local", str(tmp_path / "missing")), no_command)
    with pytest.raises(KdumpError, match="The dump directory /proc takes no file"):
        try_target(Target("local", "/proc"), no_command)


def ssh_target(path: Path) -> Target:
    return Target("ssh", str(path), server="vault", user="kdump", key="/k")


def test_an_ssh_server_runs_a_script_that_leaves_nothing(tmp_path: Path) -> None:
    asked = []

    def run(command: list[str]) -> tuple[int, str]:
        asked.append(command)
        done = subprocess.run(
            ["sh", "-c", command[-1]], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    place = tmp_path / "a b'c"
    assert try_target(ssh_target(place), run).free > 0
    assert list(place.iterdir()) == []
    (command,) = asked
    assert command[:3] == ["timeout", "60", "ssh"]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes"} <= set(command)
    assert command[-4:-1] == ["-i", "/k", "kdump@vault"]
    with pytest.raises(
        KdumpError, match=r"kdump@vault took no file in /proc/x: .*Look at the server"
    ):
        try_target(ssh_target(Path("/proc/x")), run)


@pytest.mark.parametrize(
    ("output", "cure"),
    [
        ("Host key verification failed.\n", "pin its host key"),
        ("kdump@vault: Permission denied (publickey).\n", "allow /k.pub in its authorized_keys"),
        ("Warning: Identity file /k not accessible: No such file.\nfailed\n", "make the key"),
        ("ssh: connect to host vault port 22: Connection refused\n", "Look at the server"),
        ("", "It gives no reason"),
    ],
)
def test_an_ssh_server_that_refuses(output: str, cure: str) -> None:
    with pytest.raises(KdumpError, match=cure):
        try_target(ssh_target(Path("/srv")), lambda _command: (255, output))


def test_an_nfs_export_is_mounted_for_the_test_only() -> None:
    mounted: list[Path] = []

    def run(command: list[str]) -> tuple[int, str]:
        if "mount" in command:
            assert command[-2] == "vault:/dumps"
            mounted.append(Path(command[-1]))
        else:
            assert command == ["umount", str(mounted[0])]
        return 0, ""

    assert try_target(NFS, run).free > 0
    assert not mounted[0].exists()
    mounted.clear()
    with pytest.raises(KdumpError, match="NFS export vault:/dumps/a does not exist"):
        try_target(NFS._replace(path="/a"), run)
    assert not mounted[0].exists()


def test_an_nfs_server_that_does_not_answer() -> None:
    with pytest.raises(KdumpError, match=r"vault:/dumps cannot be mounted: mount\.nfs: timed out"):
        try_target(NFS, lambda _command: (32, "mount.nfs: timed out\n"))


def test_a_partition_is_opened_only(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    with pytest.raises(KdumpError, match="is no block device"):
        try_target(Target("raw", "/", device=str(file)), no_command)
    assert file.read_text() == "content"
    with pytest.raises(KdumpError, match="cannot be written to: No such file"):
        try_target(Target("raw", "/", device=str(tmp_path / "missing")), no_command)


@pytest.mark.parametrize("kind", ["ftp", "sftp", "cifs"])
def test_a_target_without_a_test_is_said_and_no_failure(kind: str) -> None:
    (trial,) = try_targets([Target(kind, "/in", server="vault")], no_command)
    assert trial.free is None
    assert trial.untested == (
        f"Dumps go to {kind}://vault/in, and no test of {kind} targets is known: prove with a crash test that they"
        " arrive."
    )


def test_every_target_is_tested(tmp_path: Path) -> None:
    targets = [Target("ftp", "/", server="vault"), Target("local", str(tmp_path))]
    assert [trial.free is None for trial in try_targets(targets, no_command)] == [True, False]
    with pytest.raises(KdumpError, match="/missing does not exist"):
        try_targets([*targets, Target("local", "/missing")], no_command)


def test_a_server_with_a_port_and_an_address_of_ipv6() -> None:
    commands: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str]:
        commands.append(command)
        return (32, "") if "mount" in command else (255, "")

    with pytest.raises(KdumpError):
        try_target(NFS._replace(server="2001:db8::1", port=2050), run)
    with pytest.raises(KdumpError):
        try_target(ssh_target(Path("/srv"))._replace(server="2001:db8::1", port=2222), run)
    assert commands[0][-2] == "[2001:db8::1]:/dumps"
    assert commands[0][commands[0].index("-o") + 1].endswith(",port=2050")
    assert "kdump@2001:db8::1" in commands[1]
    assert commands[1][commands[1].index("-p") + 1] == "2222"


@pytest.mark.parametrize(
    ("target", "paths", "lacking"),
    [
        (NFS, ["usr/sbin/mount.nfs"], []),
        (NFS, ["usr/bin/mount"], ["mount.nfs"]),
        (ssh_target(Path("/srv")), ["usr/bin/ssh", "k"], []),
        (ssh_target(Path("/srv")), ["usr/bin/openssh"], ["ssh", "k"]),
        (Target("local", "/srv"), [], []),
    ],
)
def test_what_an_image_lacks(target: Target, paths: list[str], lacking: list[str]) -> None:
    assert lacking_in_image(target, paths) == lacking
