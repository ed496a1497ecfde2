# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes images like those of dracut: the least that systemd, or dracut's own /init, needs to have the same order.

The unit files and scripts have the names and the dependencies of the real ones, and nothing else of them.
"""

from __future__ import annotations

import stat
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import (
    COMMON,
    HELPER,
    PLAN,
    TOOLS,
    UNIT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry
from ansible_collections.vmcore.kdump.tests.unit.images import File

if t.TYPE_CHECKING:
    from collections.abc import Iterable

LINK = stat.S_IFLNK | 0o777
PROGRAM = stat.S_IFREG | 0o755
UNITS = "usr/lib/systemd/system"
RELEASE = "6.12.107+deb13-amd64"

OURS = """\
[Unit]
DefaultDependencies=no
ConditionPathExists=/proc/vmcore
After=systemd-journald.socket
Before=dracut-cmdline.service dracut-pre-udev.service
Before=systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service

[Service]
Type=oneshot
ExecStart=-/usr/local/lib/pcie-reset/pcie-reset /etc/pcie-reset/plan
"""
EXPECTED = {
    HELPER: b"#!/bin/sh\necho helper\n",
    COMMON: b"# common\n",
    PLAN: b"version 2\ndigest 9f2c\nport 0000:00:02.0 reset_subordinate 0000:01:00.0=8086:10d3:020000\n",
    UNIT: OURS.encode(),
}


def service(command: str, **unit: str) -> str:
    """Return a service without default dependencies that runs a command."""
    lines = [f"{key}={value}" for key, value in unit.items()]
    return "\n".join(
        [
            "[Unit]",
            "DefaultDependencies=no",
            *lines,
            "[Service]",
            "Type=oneshot",
            f"ExecStart={command}",
            "",
        ]
    )


_UNIT_FILES = {
    "initrd.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\n",
    "basic.target": "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n",
    "sysinit.target": "[Unit]\n",
    "systemd-journald.socket": "[Unit]\nDefaultDependencies=no\n",
    "systemd-udevd.service": service("/usr/lib/systemd/systemd-udevd", Before="sysinit.target"),
    "systemd-udev-trigger.service": service(
        "-udevadm trigger --type=all --action=add", After="systemd-udevd.service"
    ),
    "systemd-modules-load.service": service(
        "/usr/lib/systemd/systemd-modules-load", Before="sysinit.target"
    ),
    "kmod-static-nodes.service": service("/bin/kmod static-nodes --format=tmpfiles"),
    "modprobe@.service": service("-/sbin/modprobe -abq %i"),
    "dracut-cmdline.service": service(
        "-/bin/dracut-cmdline", Before="dracut-pre-udev.service", After="systemd-journald.socket"
    ),
    "dracut-pre-udev.service": service("-/bin/dracut-pre-udev", Before="systemd-udevd.service"),
    "dracut-initqueue.service": service(
        "-/bin/dracut-initqueue", After="systemd-udev-trigger.service"
    ),
}
_WANTS = {
    "sysinit.target": (
        "systemd-udevd.service",
        "systemd-udev-trigger.service",
        "systemd-modules-load.service",
        "kmod-static-nodes.service",
        "modprobe@dm_mod.service",
        "pcie-reset.service",
    ),
    "initrd.target": (
        "dracut-cmdline.service",
        "dracut-pre-udev.service",
        "dracut-initqueue.service",
    ),
}
_HELPER: list[File] = [
    (HELPER, PROGRAM, EXPECTED[HELPER]),
    (COMMON, PROGRAM, EXPECTED[COMMON]),
    (PLAN, PROGRAM, EXPECTED[PLAN]),
    *((tool, PROGRAM, b"\x7fELF") for tool in TOOLS),
]
_COMMON: list[File] = [
    ("lib", LINK, b"usr/lib"),
    ("bin", LINK, b"usr/bin"),
    ("etc/initrd-release", PROGRAM, b"NAME=dracut\n"),
    ("usr/lib/dracut/modules.txt", PROGRAM, b"base\n"),
    (
        f"usr/lib/modules/{RELEASE}/modules.alias",
        PROGRAM,
        (
            b"# Aliases extracted from modules themselves.\nalias pci:v00008086d*sv*sd*bc*sc*i* e1000e\n"
            b"alias fs-ext4 ext4\n"
        ),
    ),
    (
        f"usr/lib/modules/{RELEASE}/modules.dep",
        PROGRAM,
        (
            b"kernel/drivers/net/e1000e.ko.xz: kernel/drivers/ptp/ptp.ko.xz\nkernel/drivers/md/dm-mod.ko.xz:\n"
            b"kernel/fs/nvme-thing.ko.xz: kernel/drivers/net/e1000e.ko.xz\n"
        ),
    ),
    (f"usr/lib/modules/{RELEASE}/kernel/drivers/net/e1000e.ko.xz", PROGRAM, b"\xfd7zXZ\0"),
    (f"usr/lib/modules/{RELEASE}/kernel/drivers/md/dm-mod.ko.xz", PROGRAM, b"\xfd7zXZ\0"),
]


def systemd_files() -> list[File]:
    """Return the files of an image whose /init is systemd, with the helper."""
    units = {**_UNIT_FILES, "pcie-reset.service": OURS}
    return [
        ("init", LINK, b"/usr/lib/systemd/systemd"),
        ("usr/lib/systemd/systemd", PROGRAM, b"\x7fELF"),
        *_COMMON,
        *_HELPER,
        *((f"{UNITS}/{name}", PROGRAM, text.encode()) for name, text in units.items()),
        *(
            (f"{UNITS}/{target}.wants/{name}", LINK, f"../{name}".encode())
            for target, names in _WANTS.items()
            for name in names
        ),
        *(
            (f"usr/bin/dracut-{name}", PROGRAM, f"#!/bin/sh\nsource_hook {name}\n".encode())
            for name in ("cmdline", "pre-udev", "initqueue")
        ),
    ]


INIT = """\
#!/bin/sh
. /lib/dracut-lib.sh
kmod static-nodes --format=tmpfiles
source_hook cmdline
source_hook pre-udev
"$systemdutildir"/systemd-udevd --daemon --resolve-names=never
source_hook pre-trigger
udevadm control --reload > /dev/null 2>&1 || :
udevadm trigger --type=devices --action=add > /dev/null 2>&1
"""
HOOKS = "usr/lib/dracut/hooks"
HOOK = f"{HOOKS}/cmdline/00-pcie-reset.sh"


def script_files() -> list[File]:
    """Return the files of an image whose /init is dracut's own, with the helper."""
    return [
        ("init", PROGRAM, INIT.encode()),
        *_COMMON,
        *_HELPER,
        (HOOK, PROGRAM, f"#!/bin/sh\n/{HELPER} /{PLAN}\n".encode()),
        (f"{HOOKS}/cmdline/01-parse-kernel.sh", PROGRAM, b'#!/bin/sh\nmodprobe "$p"\n'),
        (f"{HOOKS}/pre-udev/50-dm.sh", PROGRAM, b"#!/bin/sh\nmodprobe dm_mod\n"),
    ]


def as_entries(files: Iterable[File]) -> dict[str, Entry]:
    """Return files as read_image() does."""
    return {name: Entry(name, mode, memoryview(content)) for name, mode, content in files}
