# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import os
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.tree import archive, capture
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.modules.platform_facts import SUBSETS, gather
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    Link,
    build,
    config_space,
    pci_function,
    unpack,
)

NIC = "pci0000:00/0000:00:02.0/0000:01:00.0"
WATCHDOG = "platform/iTCO_wdt"
SECRETS = ("db01", "SN-4711", "52:54:00:12:34:56", "0d4c2b6e", "10.9.8.7", "hunter2")


def host(root: Path) -> Path:
    """Make a host with something to hide in every corner."""
    return build(
        root,
        {
            **pci_function("pci0000:00/0000:00:02.0", config=config_space(header=1, secondary=1)),
            **pci_function(
                NIC,
                config=config_space(capabilities={0x40: b"\x03\x00\x00\x80SN-4"}),
                driver="e1000e",
                vpd="SN-4711",
                serial_number="SN-4711",
                reset="",
                reset_subordinate="",
                remove="",
            ),
            f"sys/devices/{NIC}/net/eth0/address": "52:54:00:12:34:56\n",
            "sys/bus/pci/drivers/e1000e/module": Link("../../../../module/e1000e"),
            "sys/module/e1000e/initstate": "live\n",
            "sys/module/e1000e/srcversion": "SN-4711\n",
            "sys/devices/virtual/dmi/id/product_name": "Server\n",
            "sys/devices/virtual/dmi/id/product_serial": "SN-4711\n",
            "sys/class/dmi/id": Link("../../devices/virtual/dmi/id"),
            "sys/class/watchdog/watchdog0": Link(f"../../devices/{WATCHDOG}/watchdog/watchdog0"),
            f"sys/devices/{WATCHDOG}/watchdog/watchdog0/state": "inactive\n",
            f"sys/devices/{WATCHDOG}/watchdog/watchdog0/device": Link("../../../iTCO_wdt"),
            f"sys/devices/{WATCHDOG}/driver": Link("../../../bus/platform/drivers/iTCO_wdt"),
            "sys/firmware/acpi/tables/DMAR": b"DMAR\x00\xff",
            "sys/firmware/acpi/tables/MSDM": b"SN-4711",
            "proc/cmdline": "root=UUID=0d4c2b6e-6b1c-4d0a-9f5e-0a1b2c3d4e5f ip=10.9.8.7 intel_iommu=on\n",
            "proc/sys/kernel/hostname": "db01.example.com\n",
            "proc/sys/kernel/osrelease": "6.12.0\n",
            "proc/meminfo": "MemTotal:         726368 kB\n",
            "etc/default/kdump-tools": "# for db01\nFTP_PASSWORD=hunter2\nKDUMP_COREDIR=/srv/db01/crash\n",
            "usr/sbin/kdump-config": "#!/bin/sh\n",
            "srv/db01/crash/kexec_cmd": '/sbin/kexec -p --command-line="ip=10.9.8.7 irqpoll" /boot/vmlinuz\n',
            "srv/db01/crash/202611220951/dump": "hunter2",
            "etc/pcie-reset/plan": "version 1\nhost db01.example.com\nkernel 6.12.0\ndigest 9f2c\n",
            "etc/shadow": "hunter2",
        },
    )  # fmt: skip


def extracted(data: bytes, target: Path) -> Path:
    """Unpack an archive as ``tar -xzf`` does."""
    target.mkdir()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar.getmembers():
            assert not member.name.startswith("/")
            assert ".." not in member.name.split("/")
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        tar.extractall(target)
    return target


def everything(root: Path) -> bytes:
    """Return all names, links and contents below a directory."""
    found = []
    for path in sorted(root.rglob("*")):
        found.append(str(path.relative_to(root)).encode())
        if path.is_symlink():
            found.append(os.fsencode(path.readlink()))
        elif path.is_file():
            found.append(path.read_bytes())
    return b"\n".join(found)


def test_facts_of_the_archive_are_those_of_the_host(tmp_path: Path) -> None:
    live = unpack("q35-vtd", tmp_path / "host")
    facts = gather(live, SUBSETS)
    captured = gather(extracted(archive(capture(live)), tmp_path / "captured"), SUBSETS)
    facts["platform"]["hostname"] = "captured"
    for key in ("command_line", "capture_command_line"):
        facts["kdump"][key] = facts["kdump"][key].replace("root=/dev/vda", "root=removed")
    facts["kdump"]["target"].pop("free_bytes")
    captured["kdump"]["target"].pop("free_bytes")
    assert captured == facts


def test_nothing_that_identifies_the_host_gets_in(tmp_path: Path) -> None:
    content = everything(
        extracted(archive(capture(host(tmp_path / "host"))), tmp_path / "captured")
    )
    for secret in SECRETS:
        assert secret.encode() not in content, secret
    assert b"SN-4" not in content


def test_what_was_removed_leaves_its_place(tmp_path: Path) -> None:
    root = extracted(archive(capture(host(tmp_path / "host"))), tmp_path / "captured")
    assert (root / "proc/sys/kernel/hostname").read_text() == "captured"
    assert (root / "proc/cmdline").read_text() == "root=removed ip=removed intel_iommu=on\n"
    assert "host captured\n" in (root / "etc/pcie-reset/plan").read_text()
    # The dump directory is called after the host: the tree stays consistent.
    assert gather(root, SUBSETS)["kdump"]["target"]["path"] == "/srv/captured/crash"
    assert gather(root, SUBSETS)["kdump"]["capture_command_line"] is None  # nothing is loaded here
    assert (root / "srv/captured/crash/kexec_cmd").exists()


def test_files_that_cannot_be_read_are_there(tmp_path: Path) -> None:
    root = extracted(archive(capture(host(tmp_path / "host"))), tmp_path / "captured")
    for name in ("reset", "reset_subordinate", "remove"):
        assert (root / "sys/devices" / NIC / name).read_bytes() == b""
    assert not (root / "sys/devices" / NIC / "vpd").exists()
    assert not (root / "sys/devices" / NIC / "net").exists()


def test_what_lies_behind_links_is_where_it_was(tmp_path: Path) -> None:
    root = extracted(archive(capture(host(tmp_path / "host"))), tmp_path / "captured")
    watchdog = root / "sys/class/watchdog/watchdog0"
    assert watchdog.is_symlink()
    assert (watchdog / "state").read_text() == "inactive\n"
    assert (watchdog / "device/driver").readlink().name == "iTCO_wdt"
    assert (root / "sys/class/dmi/id").is_symlink()
    assert (root / "sys/class/dmi/id/product_name").read_text() == "Server\n"


def test_identifying_keeps_names_but_no_password(tmp_path: Path) -> None:
    live = host(tmp_path / "host")
    root = extracted(archive(capture(live, identifying=True)), tmp_path / "captured")
    assert (root / "proc/cmdline").read_text() == (live / "proc/cmdline").read_text()
    assert (root / "proc/sys/kernel/hostname").read_text() == "db01.example.com"
    assert (root / "srv/db01/crash/kexec_cmd").exists()
    content = everything(root)
    assert b"SN-4" in content
    assert b"SN-4711" not in content
    assert b"hunter2" not in content


def test_order_of_image_and_record_survives(tmp_path: Path) -> None:
    tree: dict[str, t.Any] = {
        "sys/bus/pci/devices": None,
        "proc/sys/kernel/hostname": "db01\n",
        "etc/default/kdump-tools": "",
        "usr/sbin/kdump-config": "",
        "var/lib/kdump/initrd.img-6.12.0": "x" * 4096,
        "var/crash/kexec_cmd": "kexec",
    }
    live = build(tmp_path / "host", tree)
    os.utime(live / "var/lib/kdump/initrd.img-6.12.0", ns=(0, 1_700_000_000_100_000_000))
    os.utime(live / "var/crash/kexec_cmd", ns=(0, 1_700_000_000_600_000_000))
    root = extracted(archive(capture(live)), tmp_path / "captured")
    image, record = root / "var/lib/kdump/initrd.img-6.12.0", root / "var/crash/kexec_cmd"
    assert image.stat().st_size == 0
    assert record.stat().st_mtime - image.stat().st_mtime == pytest.approx(0.5, abs=1e-3)


def test_same_tree_makes_the_same_archive(tmp_path: Path) -> None:
    live = host(tmp_path / "host")
    assert archive(capture(live)) == archive(capture(live))


def test_host_without_sysfs(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match="There is no sysfs below"):
        capture(tmp_path)


MACHINE_ID = "0123456789abcdef0123456789abcdef"


def test_no_kernel_but_the_running_one(tmp_path: Path) -> None:
    names = (
        "vmlinuz-6.12.0",
        "initramfs-6.12.0kdump.img",
        "initrd.img-6.12.0",
        f"vmlinuz-0-rescue-{MACHINE_ID}",
        f"initramfs-0-rescue-{MACHINE_ID}.img",
        "vmlinuz-6.11.0",
    )
    tree = {f"boot/{name}": "x" for name in names}
    entries = capture(build(host(tmp_path), tree))
    assert sorted(path for path in entries if path.startswith("boot/")) == sorted(
        f"boot/{name}" for name in names[:3]
    )


def test_no_kernel_of_a_host_that_does_not_tell_which_one_runs(tmp_path: Path) -> None:
    live = build(tmp_path, {"sys/bus/pci/devices": None, f"boot/vmlinuz-{MACHINE_ID}": "x"})
    assert not [path for path in capture(live) if path.startswith("boot/")]


PASSWORDS = {
    "proc/cmdline": "systemd.set_credential=a:geheim ro\n",
    "srv/db01/crash/kexec_cmd": '/sbin/kexec -p --command-line="API_TOKEN=geheim ro" /boot/vmlinuz',
    "etc/default/kdump-tools": 'KDUMP_COREDIR=/srv/db01/crash\nFTP_PW="geheim"\nX=ftp://u:geheim@srv/\n',
    "etc/sysconfig/kdump": 'KDUMP_SAVEDIR="ftp://user:geheim@srv/x"\n',
    "etc/kdump.conf": 'dracut_args --mount "//srv/e /mnt cifs password=geheim"\n',
}  # fmt: skip


@pytest.mark.parametrize("identifying", [False, True])
@pytest.mark.parametrize("path", PASSWORDS)
def test_no_password_in_any_text(tmp_path: Path, path: str, identifying: bool) -> None:
    entries = capture(build(host(tmp_path), PASSWORDS), identifying=identifying)
    assert (path if identifying else path.replace("db01", "captured")) in entries
    assert not [path for path, entry in entries.items() if b"geheim" in entry.content]


def test_host_called_like_a_file_that_is_captured(tmp_path: Path) -> None:
    live = build(host(tmp_path), {"proc/sys/kernel/hostname": "tools\n"})
    assert "etc/default/kdump-tools" in capture(live)


@pytest.mark.parametrize(
    ("tree", "enabled"),
    [
        pytest.param({}, None, id="no systemd"),
        pytest.param({"etc/systemd/system": None}, False, id="no link"),
        pytest.param(
            {"etc/systemd/system/a.wants/kdump-tools.service": Link("/x")}, True, id="link"
        ),
    ],
)
def test_service_is_as_enabled_as_on_the_host(
    tmp_path: Path, tree: dict[str, str | None], enabled: bool | None
) -> None:
    live = build(host(tmp_path / "host"), tree)
    root = extracted(archive(capture(live)), tmp_path / "captured")
    for facts in (gather(live, SUBSETS)["kdump"], gather(root, SUBSETS)["kdump"]):
        assert facts["service"]["enabled"] is enabled
        codes = [problem["code"] for problem in facts["problems"]]
        assert ("service_disabled" in codes) is (enabled is False)


@pytest.mark.parametrize("tree", [{}, {"sys/class/iommu": None}], ids=["no class", "no unit"])
def test_host_without_iommu_differs_from_one_that_does_not_tell(
    tmp_path: Path, tree: dict[str, str | None]
) -> None:
    live = build(host(tmp_path / "host"), tree)
    root = extracted(archive(capture(live)), tmp_path / "captured")
    assert (root / "sys/class/iommu").is_dir() is bool(tree)
    notes = gather(root, SUBSETS)["iommu"]["notes"]
    assert any("/sys/class/iommu is missing" in note for note in notes) is not bool(tree)


@pytest.mark.parametrize("release", ["6.12.0-lab", "6.12.0-0a1b2c3d4e5f"])
def test_image_is_found_whatever_the_release_has_in_it(tmp_path: Path, release: str) -> None:
    image = f"/var/lib/kdump/initrd.img-{release}"
    tree: dict[str, t.Any] = {
        "sys/bus/pci/devices": None,
        "sys/kernel/kexec_crash_loaded": "1\n",
        "proc/sys/kernel/hostname": "lab\n",
        "proc/sys/kernel/osrelease": f"{release}\n",
        "etc/default/kdump-tools": "KDUMP_COREDIR=/srv/lab/aabbccddeeff\n",
        "usr/sbin/kdump-config": "",
        "var/lib/kdump/initrd.img": Link(image),
        image.lstrip("/"): "x",
        "srv/lab/aabbccddeeff/kexec_cmd": f"/sbin/kexec -p --initrd={image} /boot/vmlinuz\n",
        f"boot/vmlinuz-{release}": Link(f"/boot/{MACHINE_ID}/{release}/linux"),
    }
    live = build(tmp_path / "host", tree)
    for path in (image.lstrip("/"), "srv/lab/aabbccddeeff/kexec_cmd"):
        os.utime(live / path, (0, 0))
    root = extracted(archive(capture(live)), tmp_path / "captured")
    facts = [gather(each, SUBSETS)["kdump"] for each in (live, root)]
    assert facts[1]["image"]["initramfs"] == image
    assert facts[1]["problems"] == facts[0]["problems"]
    assert facts[1]["target"]["path"] == "/srv/captured/removed"
    assert (root / f"boot/vmlinuz-{release}").readlink() == Path(f"removed/{release}/linux")


def test_links_of_an_archive_stay_in_it(tmp_path: Path) -> None:
    """Absolute ones, and those that end at the root of the host, would lead to files of whoever unpacks it."""
    live = build(
        tmp_path / "host",
        {
            "sys/bus/pci/devices": None,
            "etc/systemd/system/a.wants/kdump.service": Link(
                "/usr/lib/systemd/system/kdump.service"
            ),
            "etc/systemd/system/kdump.service": Link("/dev/null"),
            "etc/systemd/system/kdump-tools.service": Link("../../../../../usr/x"),
        },
    )
    root = extracted(archive(capture(live)), tmp_path / "captured")
    units = root / "etc/systemd/system"
    assert {
        str(path.relative_to(units)): str(path.readlink())
        for path in units.rglob("*")
        if path.is_symlink()
    } == {
        "a.wants/kdump.service": "../../../../usr/lib/systemd/system/kdump.service",
        "kdump.service": "/dev/null",
        "kdump-tools.service": "../../../usr/x",
    }
