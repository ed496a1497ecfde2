# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.role_variables import take

UUID = "12e3e25f-534e-4007-a40c-e7e080a933ad"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, {}),
        ({"kdump_path": "/srv"}, {"kdump_dump_directory": "/srv"}),
        ({"kdump_dump_directory": "/srv", "kdump_path": "/srv"}, {"kdump_dump_directory": "/srv"}),
        ({"kdump_system_action": "halt"}, {"kdump_failure_action": "halt"}),
        ({"kdump_core_collector": "makedumpfile -l"}, {"kdump_settings": {"core_collector": "makedumpfile -l"}}),
        ({"kdump_dracut_args": "--omit x", "kdump_settings": {"a": "b"}},
         {"kdump_settings": {"a": "b", "dracut_args": "--omit x"}}),
        ({"kdump_fence_kdump_nodes": ["n1", "n2"], "kdump_fence_kdump_args": "-i 5"},
         {"kdump_settings": {"fence_kdump_nodes": "n1 n2", "fence_kdump_args": "-i 5"}}),
        ({"kdump_auto_reset_crashkernel": False}, {"kdump_settings": {"auto_reset_crashkernel": False}}),
        # This role's own shape stays as it is.
        ({"kdump_target": {"type": "nfs", "server": "v", "export": "/e", "user": None}},
         {"kdump_target": {"type": "nfs", "server": "v", "export": "/e"}}),
        ({"kdump_target": {"type": "raw", "location": "/dev/sda1"}},
         {"kdump_target": {"type": "raw", "device": "/dev/sda1"}}),
        ({"kdump_target": {"type": "ext4", "location": UUID}},
         {"kdump_target": {"type": "filesystem", "device": f"UUID={UUID}", "fstype": "ext4"}}),
        ({"kdump_target": {"type": "xfs", "location": "LABEL=dumps"}},
         {"kdump_target": {"type": "filesystem", "device": "LABEL=dumps", "fstype": "xfs"}}),
        ({"kdump_target": {"type": "nfs", "location": "[2001:db8::1]:/srv/dumps"}},
         {"kdump_target": {"type": "nfs", "server": "2001:db8::1", "export": "/srv/dumps"}}),
        ({"kdump_target": {"type": "ssh", "location": "kdump@vault"}, "kdump_sshkey": "/k"},
         {"kdump_target": {"type": "ssh", "user": "kdump", "server": "vault", "key": "/k"}}),
        ({"kdump_target": {"type": "ssh"}, "kdump_ssh_user": "kdump", "kdump_ssh_server": "vault"},
         {"kdump_target": {"type": "ssh", "user": "kdump", "server": "vault"}}),
        # A key without a target over ssh is nobody's.
        ({"kdump_target": {"type": "local"}, "kdump_sshkey": "/k"}, {"kdump_target": {"type": "local"}}),
    ],
)  # fmt: skip
def test_what_maps_one_to_one_is_taken(given: dict[str, t.Any], taken: dict[str, t.Any]) -> None:
    found = take({"kdump_settings": {}, "kdump_path": None, **given}, conf=True)
    assert found.variables == {"kdump_settings": {}, **taken}


@pytest.mark.parametrize(
    ("given", "conf", "sentence"),
    [
        ({"kdump_core_collector": "x"}, False, "use kdump_compression and kdump_dump_level"),
        ({"kdump_dracut_args": "x"}, False, "which this host's kdump does not have"),
        ({"kdump_fence_kdump_nodes": ["n1"]}, False, "run fence_kdump_send by a script"),
        (
            {"kdump_path": "/a", "kdump_dump_directory": "/b"},
            True,
            "give kdump_dump_directory alone",
        ),
        (
            {"kdump_dracut_args": "x", "kdump_settings": {"dracut_args": "y"}},
            True,
            "contradict each other",
        ),
    ],
)
def test_what_has_no_meaning_here_is_refused(
    given: dict[str, t.Any], conf: bool, sentence: str
) -> None:
    with pytest.raises(KdumpError, match=sentence):
        take(given, conf=conf)


def test_each_name_of_the_other_role_is_said() -> None:
    given = {
        "kdump_path": "/srv",
        "kdump_target": {"type": "ssh", "location": "u@v"},
        "kdump_sshkey": "/k",
        "kdump_core_collector": "x",
    }
    notes = " ".join(take(given, conf=True).notes)
    assert all(
        name in notes for name in ("kdump_path", "location", "kdump_sshkey", "kdump_core_collector")
    )
    own = {
        "kdump_dump_directory": "/srv",
        "kdump_dracut_args": "x",
        "kdump_fence_kdump_nodes": ["a"],
    }
    assert take(own, conf=True).notes == []


@pytest.mark.parametrize("size", ["lots", "2", "512", "512MB", "1G-:lots", ""])
def test_memory_that_the_kernel_does_not_understand_is_refused_before_anything_is_done(
    size: str,
) -> None:
    with pytest.raises(KdumpError, match="crashkernel="):
        take({"kdump_crashkernel": size}, conf=True)


@pytest.mark.parametrize("size", ["auto", "512M", "2G-64G:256M,64G-:512M", "512M,high"])
def test_memory_is_no_variable_of_the_other_role(size: str) -> None:
    found = take({"kdump_crashkernel": size}, conf=True)
    assert (found.variables, found.notes) == ({"kdump_settings": {}}, [])
