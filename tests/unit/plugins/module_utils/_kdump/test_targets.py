# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import Host
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import CONFIGS, edit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.targets import (
    Target,
    configured_target,
)


@pytest.mark.parametrize(
    ("family", "texts", "expected"),
    [
        ("debian", [""], Target("local", "/var/crash")),
        ("debian", ["KDUMP_COREDIR=/srv\n"], Target("local", "/srv")),
        # The export is what is mounted on KDUMP_COREDIR.
        ("debian", ["KDUMP_COREDIR=/srv\nNFS=vault:/dumps\n"],
         Target("nfs", "/", server="vault", export="/dumps")),
        ("debian", ["NFS=[2001:db8::1]:/dumps\n"],
         Target("nfs", "/", server="[2001:db8::1]", export="/dumps")),
        ("debian", ["SSH=kdump@vault\n"],
         Target("ssh", "/var/crash", server="vault", user="kdump", key="/root/.ssh/kdump_id_rsa")),
        ("debian", ["SSH=kdump@vault\nSSH_KEY=/k\nNFS=x:/y\n"],
         Target("ssh", "/var/crash", server="vault", user="kdump", key="/k")),
        ("debian", ["FTP=vault:/in\n"], Target("ftp", "/var/crash", server="vault")),
        ("kdump-utils", ["", ""], Target("local", "/var/crash")),
        ("kdump-utils", ["nfs vault:/dumps\npath /a\n", ""],
         Target("nfs", "/a", server="vault", export="/dumps")),
        ("kdump-utils", ["ssh kdump@vault\nsshkey /k\n", ""],
         Target("ssh", "/var/crash", server="vault", user="kdump", key="/k")),
        ("kdump-utils", ["raw /dev/x\n", ""], Target("raw", "/", device="/dev/x")),
        ("kdump-utils", ["xfs UUID=1\npath /a\n", ""],
         Target("filesystem", "/a", device="UUID=1", fstype="xfs")),
        ("suse", [""], Target("local", "/var/crash")),
        ("suse", ["KDUMP_SAVEDIR=file:///srv\n"], Target("local", "/srv")),
        ("suse", ["KDUMP_SAVEDIR=nfs://vault/dumps/a\n"],
         Target("nfs", "/", server="vault", export="/dumps/a")),
        ("suse", ["KDUMP_SAVEDIR=ssh://kdump:secret@vault/a\nKDUMP_SSH_IDENTITY='one two'\n"],
         Target("ssh", "/a", server="vault", user="kdump", key="/root/.ssh/one")),
        ("suse", ["KDUMP_SAVEDIR=cifs://u@vault/share\n"], Target("cifs", "/share", server="vault")),
    ],
)  # fmt: skip
def test_the_target_of_a_configuration(family: str, texts: list[str], expected: Target) -> None:
    assert configured_target(family, dict(zip(CONFIGS[family].paths, texts))) == expected


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_what_is_configured_is_what_is_read(family: str) -> None:
    wanted = {"type": "ssh", "server": "vault", "user": "kdump", "key": "/root/.ssh/k"}
    found = edit(family, {}, {"target": wanted, "dump_path": "/srv"}, Host())
    assert configured_target(family, found.after) == Target(
        "ssh", "/srv", server="vault", user="kdump", key="/root/.ssh/k"
    )
