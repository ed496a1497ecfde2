# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting crashkernel= with each distribution's tool, on hosts made of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import GIB, MIB
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import bootloader_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.reservation import reboot
from ansible_collections.vmcore.kdump.tests.unit.boot_hosts import (
    DROP_IN,
    RHEL,
    SYSCONFIG,
    VARIABLES,
    VENDOR,
    Debian,
    OsTree,
    RedHat,
    Suse,
    Tree,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

ENTRY = "title openSUSE\nversion {0}\nlinux /opensuse/{0}/linux\noptions root=UUID=1 {1}\n"


def test_size_that_is_recommended_takes_the_place_of_the_package_s(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    findings = host.examine("auto")
    assert (findings.recommended, findings.wanted) == (256 * MIB, ["256M"])
    assert findings.why[-1] == "/etc/default/grub.d/kdump-tools.cfg asks for 192 MiB."
    assert host.ensure("auto") == (True, ["256M"])
    assert host.commands == ["update-grub"]
    assert host.ensure("auto") == (False, ["256M"])
    assert host.commands == ["update-grub"]


def test_looking_changes_nothing(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    assert host.examine("512M").edit is not None
    assert host.commands == []
    assert not (tmp_path / DROP_IN).exists()


def test_operator_s_own_larger_size_is_left_alone(tmp_path: Path) -> None:
    host = Debian(tmp_path, package=None, line="crashkernel=512M")
    assert host.ensure("auto") == (False, ["512M"])
    assert host.commands == []


@pytest.mark.parametrize("size", ["512M", "1G,high 128M,low", RHEL, "512M@64M"])
def test_given_size_is_the_only_one_wherever_others_are(tmp_path: Path, size: str) -> None:
    host = Debian(tmp_path, line="crashkernel=1G console=ttyS0")
    assert host.ensure(size) == (True, size.split())
    line = (tmp_path / "boot/grub/grub.cfg").read_text()
    assert "console=ttyS0" in line
    assert "quiet" in line
    assert host.ensure(size) == (False, size.split())


def test_drop_in_that_update_grub_has_not_read_is_finished(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    host.ensure("512M")
    (tmp_path / "boot/grub/grub.cfg").write_text("menuentry 'x' {\n linux /vmlinuz ro\n}\n")
    assert host.ensure("512M") == (True, ["512M"])


def test_absence_gives_the_package_s_size_back(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    assert host.ensure("") == (False, ["512M-:192M"])
    host.ensure("512M")
    assert host.examine("").wanted == ["512M-:192M"]
    assert host.ensure("") == (True, ["512M-:192M"])
    assert not (tmp_path / DROP_IN).exists()


def test_failing_update_grub_leaves_the_drop_in_as_it_was(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    host.ensure("512M")
    before = (tmp_path / DROP_IN).read_bytes()
    host.failing["update-grub"] = "/usr/sbin/grub-probe: error: cannot find a device.\n"
    with pytest.raises(KdumpError) as error:
        host.ensure("1G")
    assert str(error.value) == (
        "'update-grub' failed with status 1. Its last lines: /usr/sbin/grub-probe: error: cannot find a device."
        " /etc/default/grub.d/zz-vmcore-kdump.cfg is as it was."
    )
    assert (tmp_path / DROP_IN).read_bytes() == before


def test_another_file_that_counts_more_is_found_by_reading_back(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    (tmp_path / "etc/default/grub.d/zzz.cfg").write_text(
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=64M"\n'
    )
    with pytest.raises(
        KdumpError,
        match="was told crashkernel=512M, and an entry of the boot menu has crashkernel=512M crashkernel=64M",
    ):
        host.ensure("512M")
    assert not (tmp_path / DROP_IN).exists()


def test_default_of_red_hat_is_set_with_its_own_tool(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "", "crashkernel=128M")
    assert host.ensure("auto") == (True, [RHEL])
    assert "kdumpctl reset-crashkernel --kernel=ALL" in host.commands
    assert all(line.endswith(f"crashkernel={RHEL}") for line in host.entries)
    assert host.ensure("auto") == (False, [RHEL])


def test_more_than_red_hat_s_default_is_set_with_grubby(tmp_path: Path) -> None:
    host = RedHat(tmp_path, f"crashkernel={RHEL}")
    host.needs = host.needs._replace(kernel=48 * MIB, image=90 * MIB)
    assert host.ensure("auto") == (True, ["384M"])
    assert host.ensure("auto") == (False, ["384M"])


def test_entry_of_grubby_without_arguments_has_no_value(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "")
    host.entries = [""]
    assert host.examine("512M").present == [[], []]
    assert host.ensure("512M") == (True, ["512M"])


def test_grubby_without_a_kernel(tmp_path: Path) -> None:
    host = RedHat(tmp_path)
    with pytest.raises(KdumpError, match="grubby knows no kernel to boot: look at"):
        host.ensure("512M")


@pytest.mark.parametrize(
    ("conf", "program", "size", "reset"),
    [
        ("", "auto_reset_crashkernel) ;;", "auto", False),  # what is set is the default
        ("", "auto_reset_crashkernel) ;;", "1G", True),
        ("auto_reset_crashkernel yes\n", "auto_reset_crashkernel) ;;", "1G", True),
        ("auto_reset_crashkernel no\n", "auto_reset_crashkernel) ;;", "1G", False),
        ("", "", "1G", False),  # a kdumpctl that does not know of it
    ],
)
def test_value_that_the_next_kernel_resets(
    tmp_path: Path, conf: str, program: str, size: str, reset: bool
) -> None:
    host = RedHat(tmp_path, "")
    build(tmp_path, {"etc/kdump.conf": conf, "usr/bin/kdumpctl": program})
    found = host.examine(size)
    assert host.bootloader.reset_by_updates(host.host, found.wanted, found.default) is reset


def test_image_of_ostree_gets_one_deployment(tmp_path: Path) -> None:
    host = OsTree(tmp_path, "crashkernel=auto crashkernel=128M rw")
    assert host.ensure("1G,high 128M,low") == (True, ["1G,high", "128M,low"])
    assert host.line == "rw crashkernel=1G,high crashkernel=128M,low"
    (change,) = (each for each in host.commands if "=" in each)
    assert change == (
        "rpm-ostree kargs --delete=crashkernel=auto --delete=crashkernel=128M --append=crashkernel=1G,high"
        " --append=crashkernel=128M,low"
    )
    assert host.ensure("1G,high 128M,low") == (False, ["1G,high", "128M,low"])
    assert host.ensure("") == (True, [])
    assert host.line == "rw"


def test_default_of_an_image_of_ostree(tmp_path: Path) -> None:
    host = OsTree(tmp_path, "rw")
    assert host.ensure("auto") == (True, [RHEL])
    assert host.ensure("auto") == (False, [RHEL])


@pytest.mark.parametrize(
    ("settings", "settled"),
    [
        ('KDUMP_CRASHKERNEL="crashkernel=1G"\n', True),
        ("KDUMP_CRASHKERNEL=auto\n", False),
        ("KDUMP_CRASHKERNEL=crashkernel=64M\n", False),
        ("KDUMP_CRASHKERNEL=auto\nKDUMP_UPDATE_BOOTLOADER=false\n", True),
    ],
)
def test_value_that_suse_puts_back_at_boot_is_configured_too(
    tmp_path: Path, settings: str, settled: bool
) -> None:
    host = Suse(tmp_path)
    build(
        tmp_path,
        {
            "etc/sysconfig/kdump": settings,
            "etc/systemd/system/multi-user.target.wants/kdump-commandline.service": "",
            "boot/grub2/grub.cfg": "menuentry 'SUSE' {\n\tlinux /vmlinuz ro crashkernel=1G\n}\n",
        },
    )
    assert (host.examine("1G").edit is None) is settled
    host.ensure("1G")
    assert host.ensure("1G") == (False, ["1G"])


def test_absence_on_suse_survives_the_next_boot(tmp_path: Path) -> None:
    host = Suse(tmp_path)
    build(
        tmp_path,
        {"etc/systemd/system/multi-user.target.wants/kdump-commandline.service": ""},
    )
    host.ensure("auto")
    assert host.ensure("") == (True, [])
    text = (tmp_path / "etc/sysconfig/kdump").read_text()
    assert text == f'{SYSCONFIG}KDUMP_UPDATE_BOOTLOADER="false"\n'
    assert host.ensure("") == (False, [])


@pytest.mark.parametrize("loader", ["grub2-bls", "systemd-boot"])
def test_entries_of_suse_without_a_grub_cfg(tmp_path: Path, loader: str) -> None:
    host = Suse(tmp_path, loader=loader)
    build(
        tmp_path,
        {
            f"{VARIABLES}/LoaderInfo-{VENDOR}": b"\6\0\0\0" + f"{loader} 257\0".encode("utf-16-le"),
            "boot/efi/loader/entries/opensuse-6.9.conf": ENTRY.format("6.9", "crashkernel=64M"),
        },
    )
    assert host.ensure("512M") == (True, ["512M"])
    assert host.ensure("512M") == (False, ["512M"])
    (tmp_path / "etc/kernel").mkdir()
    (tmp_path / "etc/kernel/cmdline").write_text("root=UUID=1 quiet\n")
    assert host.examine("512M").present == [["512M"], []]


def test_every_entry_of_grubby_counts(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "crashkernel=512M", "crashkernel=64M")
    assert host.ensure("512M") == (True, ["512M"])
    assert host.entries == ["ro quiet crashkernel=512M"] * 2
    assert host.ensure("512M") == (False, ["512M"])


def test_two_values_are_added_where_none_is_left(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "crashkernel=512M")
    assert host.ensure("1G,high 128M,low") == (True, ["1G,high", "128M,low"])


def test_absence_of_every_argument(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "crashkernel=512M", "")
    assert host.ensure("") == (True, [])
    assert host.entries == ["ro quiet"] * 2
    assert host.ensure("") == (False, [])


@pytest.mark.parametrize("size", ["auto", "512M"])
def test_tool_that_silently_does_nothing_is_found_by_reading_back(
    tmp_path: Path, size: str
) -> None:
    # rhkdump/kdump-utils#155
    host = RedHat(tmp_path, "")
    host.deaf = True
    with pytest.raises(KdumpError, match="an entry of the boot menu has no crashkernel=: look for"):
        host.ensure(size)


def test_old_automatic_size_counts_as_what_it_reserved(tmp_path: Path) -> None:
    host = RedHat(tmp_path, "crashkernel=auto", default=None)
    host.boot(["auto"], 256 * MIB)
    assert host.ensure("auto") == (False, ["auto"])
    host.boot(["auto"], 160 * MIB)
    assert host.ensure("auto") == (True, ["256M"])


def test_default_of_suse_stays_automatic(tmp_path: Path) -> None:
    host = Suse(tmp_path)
    assert host.ensure("auto") == (True, ["72M,low", "248M,high"])
    assert (tmp_path / "etc/sysconfig/kdump").read_text() == SYSCONFIG
    host.high += 12  # it calibrates again, and says a little more
    assert host.ensure("auto") == (False, ["72M,low", "248M,high"])


def test_more_than_suse_s_default_is_written_into_its_settings(tmp_path: Path) -> None:
    host = Suse(tmp_path, low=72, high=100)
    assert host.ensure("auto") == (True, ["256M"])
    assert (tmp_path / "etc/sysconfig/kdump").read_text() == SYSCONFIG.replace(
        '"auto"', '"crashkernel=256M"'
    )
    assert host.ensure("auto") == (False, ["256M"])


def test_settings_of_suse_are_put_back_when_its_tool_fails(tmp_path: Path) -> None:
    host = Suse(tmp_path)
    host.failing["kdumptool commandline -u"] = "pbl: command not found\n"
    with pytest.raises(
        KdumpError, match=r"Its last lines: pbl: command not found\. /etc/sysconfig/kdump is as it"
    ):
        host.ensure("512M")
    assert (tmp_path / "etc/sysconfig/kdump").read_text() == SYSCONFIG


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ({}, "No bootloader that this module knows is configured here"),
        ({"run/ostree-booted": "", "usr/sbin/grubby": ""}, "an image of OSTree without rpm-ostree"),
        (
            {"usr/sbin/grubby": "", f"{VARIABLES}/StubInfo-{VENDOR}": b"\7\0\0\0"},
            "a unified kernel image, which has its command line in it",
        ),
        (
            {
                f"{VARIABLES}/LoaderInfo-{VENDOR}": b"\6\0\0\0"
                + "systemd-boot 257.9\0".encode("utf-16-le"),
                "usr/sbin/update-grub": "",
                "boot/grub/grub.cfg": "",
            },
            "booted by systemd-boot 257.9",
        ),
        ({"usr/sbin/grubby": "", "etc/zipl.conf": ""}, "No bootloader"),
        (
            {
                "usr/sbin/kdumptool": "commandline",
                "etc/sysconfig/kdump": "",
                "boot/grub2/grub.cfg": "",
                "etc/sysconfig/bootloader": "LOADER_TYPE=none\n",
            },
            "No bootloader",
        ),
        (
            {
                "usr/sbin/kdumptool": "calibrate",
                "etc/sysconfig/kdump": "",
                "boot/grub2/grub.cfg": "",
            },
            "No bootloader",
        ),
    ],
)
def test_bootloaders_that_are_refused(tmp_path: Path, tree: Tree, complaint: str) -> None:
    with pytest.raises(KdumpError, match=complaint) as error:
        bootloader_of(build(tmp_path, tree))
    assert "update-grub (Debian, Ubuntu), rpm-ostree (images of OSTree), grubby (Fedora" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("memory", "size", "complaint"),
    [
        (GIB, "600M", "crashkernel=600M is more than half of the host's 1024 MiB"),
        (256 * MIB, "auto", "crashkernel=192M is more than half of the host's 256 MiB"),
    ],
)
def test_size_that_the_host_cannot_spare(
    tmp_path: Path, memory: int, size: str, complaint: str
) -> None:
    host = Debian(tmp_path, memory=memory)
    with pytest.raises(KdumpError, match=complaint):
        host.ensure(size)
    assert host.commands == []


def test_no_recommendation_without_the_memory_of_the_host(tmp_path: Path) -> None:
    host = Debian(tmp_path)
    host.needs = host.needs._replace(memory=None)
    with pytest.raises(KdumpError, match="A size cannot be recommended: How much memory"):
        host.ensure("auto")


@pytest.mark.parametrize(
    ("running", "reserved", "configured", "required", "why"),
    [
        ([], 0, [], False, "No crashkernel= is configured and nothing is reserved."),
        ([], 0, ["256M"], True, "Nothing is reserved; crashkernel=256M counts from the next boot."),
        (["256M"], 256, ["256M"], False, "256 MiB are reserved, as crashkernel=256M asks for."),
        (
            ["512M-:192M"], 192, ["256M"], True,
            "192 MiB are reserved; crashkernel=256M counts from the next boot.",
        ),
        (
            ["512M-:192M"], 192, ["192M"], False,
            "192 MiB are reserved, and crashkernel=192M asks for no other amount.",
        ),
        (["256M"], 256, [], True, "256 MiB are reserved, and nothing will be after a reboot."),
        (
            ["3G"], 0, ["3G"], False,
            (
                "This kernel was booted with crashkernel=3G and could not reserve it: its log says why, and a reboot"
                " alone changes nothing; ask for less, or for ',high'."
            ),
        ),
        (
            ["64G-:512M"], 0, ["64G-:512M"], False,
            "crashkernel=64G-:512M reserves nothing on a host with this little memory.",
        ),
        (
            ["256M"], 128, ["256M"], True,
            "128 MiB are reserved, less than crashkernel=256M asks for: the rest was given back since the boot.",
        ),
    ],
)  # fmt: skip
def test_reboot(
    tmp_path: Path,
    running: list[str],
    reserved: int,
    configured: list[str],
    required: bool,
    why: str,
) -> None:
    host = Debian(tmp_path)
    host.boot(running, reserved * MIB)
    assert reboot(host.host, configured) == (required, why)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'KDUMP_CRASHKERNEL="auto" # as YaST has it\n',
            'KDUMP_CRASHKERNEL="{}" # as YaST has it\n',
        ),
        ('KDUMP_CRASHKERNEL="crashkernel=\\\n1G"\nB=1\n', 'KDUMP_CRASHKERNEL="{}"\nB=1\n'),
        (
            "KDUMP_CRASHKERNEL=auto\n  KDUMP_CRASHKERNEL=off\n",
            'KDUMP_CRASHKERNEL=auto\n  KDUMP_CRASHKERNEL="{}"\n',
        ),
        ('A="x\nKDUMP_CRASHKERNEL=y"\n', 'A="x\nKDUMP_CRASHKERNEL=y"\nKDUMP_CRASHKERNEL="{}"\n'),
    ],
)
def test_suse_s_file_is_edited_as_a_shell_reads_it(tmp_path: Path, before: str, after: str) -> None:
    host = Suse(tmp_path)
    (tmp_path / "etc/sysconfig/kdump").write_text(before)
    edit = host.examine("512M").edit
    assert edit is not None
    assert edit.content == after.format("crashkernel=512M").encode()
