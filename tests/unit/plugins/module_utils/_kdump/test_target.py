# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import edit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import (
    Server,
    Target,
    bracketed,
    server_of,
    split_host,
)

BY_NAME = {family.name: family for family in FAMILIES}
KEY = "/root/.ssh/kdump_id_rsa"


@pytest.mark.parametrize(
    ("family", "texts", "expected"),
    [
        ("debian", [""], [Target("local", "/var/crash")]),
        ("debian", ["KDUMP_COREDIR=/srv\n"], [Target("local", "/srv")]),
        # The export is what is mounted on KDUMP_COREDIR.
        ("debian", ["KDUMP_COREDIR=/srv\nNFS=vault:/dumps\n"],
         [Target("nfs", "/", server="vault", export="/dumps")]),
        ("debian", ["NFS=[2001:db8::1]:/dumps\n"],
         [Target("nfs", "/", server="2001:db8::1", export="/dumps")]),
        ("debian", ["SSH=kdump@vault\n"],
         [Target("ssh", "/var/crash", server="vault", user="kdump", key=KEY)]),
        ("debian", ["FTP=vault:/in\n"], [Target("ftp", "/in", server="vault")]),
        ("debian", ["FTP=vault\nFTP_USER=u\nFTP_PORT=2121\n"],
         [Target("ftp", "/", server="vault", user="u", port=2121)]),
        # kdump-config, savecore: FTP, then SSH, then NFS, whatever else is set.
        ("debian", ["SSH=kdump@vault\nSSH_KEY=/k\nNFS=x:/y\n"],
         [Target("ssh", "/var/crash", server="vault", user="kdump", key="/k"),
          Target("nfs", "/", server="x", export="/y")]),
        ("debian", ["NFS=x:/y\nSSH=kdump@vault\nFTP=z:/in\n"],
         [Target("ftp", "/in", server="z"),
          Target("ssh", "/var/crash", server="vault", user="kdump", key=KEY),
          Target("nfs", "/", server="x", export="/y")]),
        ("kdump-utils", ["", ""], [Target("local", "/var/crash")]),
        ("kdump-utils", ["nfs vault:/dumps\npath /a\n", ""],
         [Target("nfs", "/a", server="vault", export="/dumps")]),
        ("kdump-utils", ["nfs [2001:db8::1]:/dumps\n", ""],
         [Target("nfs", "/var/crash", server="2001:db8::1", export="/dumps")]),
        ("kdump-utils", ["ssh kdump@vault\nsshkey /k\n", ""],
         [Target("ssh", "/var/crash", server="vault", user="kdump", key="/k")]),
        ("kdump-utils", ["ssh kdump@2001:db8::1\n", ""],
         [Target("ssh", "/var/crash", server="2001:db8::1", user="kdump", key=KEY)]),
        ("kdump-utils", ["raw /dev/x\n", ""], [Target("raw", "/", device="/dev/x")]),
        ("kdump-utils", ["xfs UUID=1\npath /a\n", ""],
         [Target("filesystem", "/a", device="UUID=1", fstype="xfs")]),
        ("suse", [""], [Target("local", "/var/crash")]),
        ("suse", ["KDUMP_SAVEDIR=file:///srv\n"], [Target("local", "/srv")]),
        ("suse", ["KDUMP_SAVEDIR='/var/crash nfs://vault/dumps'\n"],
         [Target("local", "/var/crash"), Target("nfs", "/", server="vault", export="/dumps")]),
        ("suse", ["KDUMP_SAVEDIR=nfs://vault/dumps/a\n"],
         [Target("nfs", "/", server="vault", export="/dumps/a")]),
        ("suse", ["KDUMP_SAVEDIR=nfs://h:2049/srv\n"],
         [Target("nfs", "/", server="h", export="/srv", port=2049)]),
        ("suse", ["KDUMP_SAVEDIR=ssh://root@h:2222/srv\n"],
         [Target("ssh", "/srv", server="h", user="root", port=2222)]),
        ("suse", ["KDUMP_SAVEDIR=ssh://root@[2001:db8::1]:2222/srv\n"],
         [Target("ssh", "/srv", server="2001:db8::1", user="root", port=2222)]),
        ("suse", ["KDUMP_SAVEDIR=ssh://kdump:secret@vault/a\nKDUMP_SSH_IDENTITY='one two'\n"],
         [Target("ssh", "/a", server="vault", user="kdump", key="/root/.ssh/one")]),
        ("suse", ["KDUMP_SAVEDIR=cifs://u@vault/share\n"],
         [Target("cifs", "/share", server="vault", user="u")]),
        ("suse", ["KDUMP_SAVEDIR=SMB://vault/share\n"], [Target("cifs", "/share", server="vault")]),
        ("suse", ["KDUMP_SAVEDIR=scp://u@vault/a\n"],
         [Target("sftp", "/a", server="vault", user="u")]),
    ],
)  # fmt: skip
def test_the_targets_of_a_configuration(
    family: str, texts: list[str], expected: list[Target]
) -> None:
    chosen = BY_NAME[family]
    assert chosen.targets(dict(zip(chosen.configuration.paths, texts))) == expected


@pytest.mark.parametrize("family", sorted(BY_NAME))
def test_what_is_configured_is_what_is_read(family: str) -> None:
    wanted = {"type": "ssh", "server": "vault", "user": "kdump", "key": "/root/.ssh/k"}
    chosen = BY_NAME[family]
    found = edit(chosen.configuration, {}, {"target": wanted, "dump_path": "/srv"}, EditContext())
    assert chosen.targets(found.after) == [
        Target("ssh", "/srv", server="vault", user="kdump", key="/root/.ssh/k")
    ]


@pytest.mark.parametrize(
    ("text", "host", "rest"),
    [
        ("vault:/dumps", "vault", "/dumps"),
        ("vault:22", "vault", "22"),
        ("vault", "vault", ""),
        ("[2001:db8::1]:/dumps", "2001:db8::1", "/dumps"),
        ("[2001:db8::1]", "2001:db8::1", ""),
        ("2001:db8::1", "2001:db8::1", ""),
        ("2001:db8::1:/dumps", "2001:db8::1", "/dumps"),
        ("[fe80::1%eth0]:22", "fe80::1%eth0", "22"),
    ],
)
def test_a_host_and_what_is_behind_its_colon(text: str, host: str, rest: str) -> None:
    assert split_host(text) == (host, rest)


def test_only_an_address_of_ipv6_has_brackets() -> None:
    assert [bracketed(host) for host in ("vault", "192.0.2.1", "2001:db8::1")] == [
        "vault",
        "192.0.2.1",
        "[2001:db8::1]",
    ]


def test_how_a_server_is_reached() -> None:
    assert server_of(Target("local", "/srv")) is None
    ftp = server_of(Target("ftp", "/", server="vault"))
    assert ftp == Server("vault", 21)
    ssh = server_of(Target("ssh", "/", server="vault", key="/k", port=2222))
    assert ssh == Server("vault", 2222, PurePosixPath("/usr/bin/ssh"), PurePosixPath("/k"))
