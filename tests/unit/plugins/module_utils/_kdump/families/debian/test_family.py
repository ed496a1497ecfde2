# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
    DebianDracut,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import PANIC_TRIGGERS
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build, unpack

KERNEL = "6.12.107+deb13-amd64"
IMAGE = f"/var/lib/kdump/initrd.img-{KERNEL}"
CONFIG = "etc/default/kdump-tools"


@pytest.fixture(name="host")
def real_host(tmp_path: Path) -> Path:
    """Return the tree of a Debian 13 host that is ready to dump."""
    return unpack("q35-vtd", tmp_path)


def problems(root: Path) -> list[str]:
    return [problem["code"] for problem in Debian().facts(root, KERNEL)["problems"]]


@pytest.mark.parametrize(
    ("text", "assignments"),
    [
        ("KEY=value", {"KEY": "value"}),
        ('KEY="two words"\n', {"KEY": "two words"}),
        ("KEY='single $quotes'\n", {"KEY": "single $quotes"}),
        ("KEY=\n", {"KEY": ""}),
        ("KEY=first\nKEY=second\n", {"KEY": "second"}),
        ("# KEY=comment\n#KEY=comment\n", {}),
        ("KEY=value # comment\n", {"KEY": "value"}),
        ("KEY=a#b\n", {"KEY": "a#b"}),
        ("  export KEY=value\n", {"KEY": "value"}),
        ("A=1 B=2; C=3\n", {"A": "1", "B": "2", "C": "3"}),
        ('KEY="over\ntwo lines"\nNEXT=1\n', {"KEY": "over\ntwo lines", "NEXT": "1"}),
        ('KEY="con\\\ntinued"\n', {"KEY": "continued"}),
        ("KEY=con\\\ntinued \\\n NEXT=1\n", {"KEY": "continued", "NEXT": "1"}),
        ("KEY='not con\\\ntinued'\n", {"KEY": "not con\\\ntinued"}),
        ("# a comment \\\nKEY=is not continued\nNEXT=1\n", {"NEXT": "1"}),
        ('KEY="\\$x \\x"\\ y\n', {"KEY": "$x \\x y"}),
        ('KEY="a \\"quoted\\" word"\n', {"KEY": 'a "quoted" word'}),
        ('KEY=pre"fix"ed\n', {"KEY": "prefixed"}),
        ("KEY=value command --option\n", {}),
        ("[ -r /file ] && . /file\nKEY=value\n", {"KEY": "value"}),
        (
            "FAIL=\"echo 'failed'; /bin/bash; reboot -f\"\n",
            {"FAIL": "echo 'failed'; /bin/bash; reboot -f"},
        ),
        ('KEY="never closed\nNEXT=1\n', {"NEXT": "1"}),
        ("1KEY=value\nKEY value\n", {}),
    ],
)
def test_assignments(text: str, assignments: dict[str, str]) -> None:
    assert parse_assignments(text) == assignments


@given(st.text(alphabet="AB=\"'\\ \n#;&$x"))
def test_any_configuration_is_read(text: str) -> None:
    assert all(key.isidentifier() for key in parse_assignments(text))


def test_present(tmp_path: Path) -> None:
    build(tmp_path, {CONFIG: "USE_KDUMP=1\n"})
    assert not Debian().present(tmp_path), "a removed package leaves its configuration"
    build(tmp_path, {"usr/sbin/kdump-config": ""})
    assert Debian().present(tmp_path)


@pytest.mark.parametrize(
    ("config", "directory"),
    [
        ('KDUMP_COREDIR="/srv/crash"\n', "/srv/crash"),
        ("#KDUMP_COREDIR=/srv/crash\n", "/var/crash"),
        ("KDUMP_COREDIR=\n", "/var/crash"),
    ],
)
def test_dump_directory(tmp_path: Path, config: str, directory: str) -> None:
    assert Debian().dump_directory(build(tmp_path, {CONFIG: config})) == PurePosixPath(directory)


def test_commands() -> None:
    family = Debian()
    assert family.image(Path("/"), KERNEL) == PurePosixPath(IMAGE)
    assert family.rebuild_commands(Path("/"), KERNEL) == [
        ["/etc/kernel/postinst.d/kdump-tools", KERNEL]
    ]
    assert family.rearm_commands() == [["kdump-config", "unload"], ["kdump-config", "load"]]


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ("", IMAGE),
        ("KDUMP_INITRD=/var/lib/kdump/initrd.img\n", IMAGE),  # the package's link
        ("KDUMP_INITRD=/boot/initrd.img-5.10\n", "/boot/initrd.img-5.10"),
    ],
)
def test_image_that_is_loaded(tmp_path: Path, line: str, image: str) -> None:
    assert Debian().image(build(tmp_path, {CONFIG: line}), KERNEL) == PurePosixPath(image)


@pytest.mark.parametrize(
    ("config", "tree", "image"),
    [
        ("KDUMP_INITRD=/var/lib/kdump/initrd-dracut.img\n", {}, "/var/lib/kdump/initrd-dracut.img"),
        (
            "KDUMP_INITRD=/var/lib/kdump/initrd\n",
            {"var/lib/kdump/initrd": Link("other.img"), "var/lib/kdump/other.img": ""},
            "/var/lib/kdump/other.img",
        ),
        ("", {}, None),
        ("KDUMP_INITRD=/boot/initrd-kdump.img\n", {}, None),
        ("KDUMP_INITRD=/var/lib/kdump/initrd.img\n", {}, None),
        (
            "KDUMP_INITRD=/var/lib/kdump/initrd\n",
            {"var/lib/kdump/initrd": Link(f"initrd.img-{KERNEL}"), IMAGE[1:]: ""},
            None,
        ),
    ],
)
def test_image_that_dracut_made(
    tmp_path: Path, config: str, tree: dict[str, t.Any], image: str | None
) -> None:
    commands = {"usr/sbin/kdump-config": "", "usr/bin/dracut": ""}
    root = build(tmp_path, {CONFIG: config, **commands, **tree})
    family = DebianDracut()
    assert family.present(root) == (image is not None)
    if image is not None:
        facts = family.facts(root, KERNEL)
        assert (facts["family"], facts["image"]["generator"]) == ("debian", "dracut")
        assert str(family.image(root, KERNEL)) == image
        assert family.rebuild_commands(root, KERNEL) == [
            ["dracut", "--kver", KERNEL, "--rebuild", image]
        ]
        (root / "usr/bin/dracut").unlink()
        assert not family.present(root)


def test_image_is_built_for_the_kernel_that_is_loaded_with_it(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            CONFIG: "KDUMP_KERNEL=/var/lib/kdump/vmlinuz\nKDUMP_INITRD=/var/lib/kdump/d.img\n",
            "var/lib/kdump/vmlinuz": Link("/boot/vmlinuz-6.12.1-other"),
            "boot/vmlinuz-6.12.1-other": "",
        },
    )
    assert DebianDracut().rebuild_commands(root, KERNEL) == [
        ["dracut", "--kver", "6.12.1-other", "--rebuild", "/var/lib/kdump/d.img"]
    ]


def test_real_host_that_is_ready(host: Path) -> None:
    facts = Debian().facts(host, KERNEL)
    assert facts["target"].pop("free_bytes") > 0
    triggers = dict.fromkeys(PANIC_TRIGGERS)  # the tree has none of them
    assert facts == {
        "family": "debian",
        "distribution_family": None,  # what no single family knows
        "armed": True,
        "crash_size": 268435456,
        "service": {"name": "kdump-tools.service", "enabled": True},
        "kernel_release": KERNEL,
        "image": {
            "kernel": f"/boot/vmlinuz-{KERNEL}",
            "initramfs": IMAGE,
            "generator": "initramfs-tools",
        },
        "command_line": "root=/dev/vda ro console=ttyS0 intel_iommu=on crashkernel=256M panic=10 net.ifnames=1",
        "capture_command_line": "root=/dev/vda ro console=ttyS0 intel_iommu=on panic=10 net.ifnames=1"
        " reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb",
        "target": {"type": "local", "path": "/var/crash"},
        # The captured /proc/meminfo of this tree was cut after three lines.
        "expected_dump_bytes": None,
        "helper": {"installed": False, "digest": None, "stale": None, "stage": None},
        "watchdogs": [],
        "panic_triggers": triggers,
        "pstore": {
            "backend": None,
            "records": None,
            "erst": None,
            "efi": None,
            "capture": None,
            "room": None,
            "why": "Whether this kernel has pstore is not known: /sys/module/pstore was not captured, or the kernel is"
            " built without it.",
        },
        "is_capture_kernel": False,
        "recommended_crash_size": None,  # what no single family knows, see test_readiness.py
        "core_collector": None,
        "problems": [],
        "not_known": [],
    }


@pytest.mark.parametrize(
    ("tree", "codes"),
    [
        (
            {"sys/kernel/kexec_crash_size": "0\n", "sys/kernel/kexec_crash_loaded": "0\n"},
            ["no_reservation"],
        ),
        ({"sys/kernel/kexec_crash_loaded": "0\n"}, ["not_armed"]),
        ({CONFIG: "KDUMP_COREDIR=/srv/crash\n"}, ["dump_directory_missing"]),
        ({"proc/vmcore": "", "sys/kernel/kexec_crash_size": "0\n"}, ["is_capture_kernel"]),
        (
            {"var/crash/kexec_cmd": "kexec -p --initrd=/boot/initrd.img-other /boot/vmlinuz\n"},
            ["image_not_loaded"],
        ),
        (
            {"usr/local/lib/pcie-reset/pcie-reset": "", "etc/initramfs-tools/hooks/pcie-reset": ""},
            ["plan_missing"],
        ),
        ({"sys/class/watchdog/watchdog0/state": "active\n"}, ["watchdog_active"]),
        ({"sys/class/watchdog/watchdog0/state": "inactive\n"}, []),
    ],
)
def test_problems(host: Path, tree: dict[str, str], codes: list[str]) -> None:
    assert problems(build(host, tree)) == codes


def test_service_that_is_not_enabled(host: Path) -> None:
    (host / "etc/systemd/system/basic.target.wants/kdump-tools.service").unlink()
    assert problems(host) == ["service_disabled"]


def test_missing_image(host: Path) -> None:
    (host / IMAGE[1:]).unlink()
    assert Debian().facts(host, KERNEL)["problems"] == [
        {
            "code": "no_image",
            "severity": "error",
            "message": f"The kdump initramfs {IMAGE} does not exist: run '/etc/kernel/postinst.d/kdump-tools {KERNEL}',"
            " then 'kdump-config unload && kdump-config load'.",
        }
    ]


def test_image_that_was_built_after_it_was_loaded(host: Path) -> None:
    loaded = (host / "var/crash/kexec_cmd").stat().st_mtime
    os.utime(host / IMAGE[1:], (loaded + 1, loaded + 1))
    assert problems(host) == ["image_not_loaded"]


@pytest.mark.parametrize(
    ("record", "command_line"),
    [
        (
            'kexec -p --command-line="root=/dev/vda  reset_devices" /vmlinuz\n',
            "root=/dev/vda  reset_devices",
        ),
        (
            'kexec -p --command-line="dyndbg=\\"file a.c +p\\" ro" /vmlinuz\n',
            'dyndbg="file a.c +p" ro',
        ),
        ("kexec -p /vmlinuz\n", None),
        ('kexec -p --command-line="never closed\n', None),
    ],
)
def test_capture_command_line(host: Path, record: str, command_line: str | None) -> None:
    build(host, {"var/crash/kexec_cmd": record})
    assert Debian().facts(host, KERNEL)["capture_command_line"] == command_line


def test_no_capture_command_line_while_nothing_is_loaded(host: Path) -> None:
    build(host, {"sys/kernel/kexec_crash_loaded": "0\n"})
    assert Debian().facts(host, KERNEL)["capture_command_line"] is None


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("", "local"),
        ("NFS=backup:/dumps\n", "nfs"),
        ("SSH=kdump@backup\n", "ssh"),
        ("FTP=backup:/dumps\n", "ftp"),
    ],
)
def test_target(host: Path, config: str, kind: str) -> None:
    target = Debian().facts(build(host, {CONFIG: config}), KERNEL)["target"]
    assert target["type"] == kind
    assert (target["free_bytes"] is None) == (kind != "local")


@pytest.mark.parametrize(
    ("tree", "enabled"),
    [
        ({}, None),
        ({"etc/systemd/system": None}, False),
        ({"etc/systemd/system/basic.target.wants/other.service": Link("/lib/other")}, False),
        ({"etc/systemd/system/basic.target.wants/kdump-tools.service": Link("/lib/none")}, True),
        (
            {
                "etc/systemd/system/multi-user.target.requires/kdump-tools.service": Link(
                    "/lib/none"
                )
            },
            True,
        ),
    ],
)
def test_service(tmp_path: Path, tree: dict[str, t.Any], enabled: bool | None) -> None:
    assert Debian().facts(build(tmp_path, tree), KERNEL)["service"]["enabled"] is enabled
