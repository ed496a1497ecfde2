# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.identity import (
    without_host,
    without_identifiers,
    without_interfaces,
    without_passwords,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root=UUID=0d4c2b6e-6b1c-4d0a-9f5e-0a1b2c3d4e5f ro", "root=removed ro"),
        ("root=/dev/mapper/db01-root rw", "root=removed rw"),
        ("rd.luks.uuid=luks-0d4c rd.lvm.lv=db01/root", "rd.luks.uuid=removed rd.lvm.lv=removed"),
        ("ip=10.0.0.5::10.0.0.1:255.255.255.0:db01:eth0:off", "ip=removed"),
        ("BOOTIF=01-52-54-00-12-34-56 quiet", "BOOTIF=removed quiet"),
        ("foo.peer=10.0.0.5 x=52:54:00:12:34:56", "foo.peer=removed x=removed"),
        ("log=fe80::1 ntp=[2001:db8::5]", "log=removed ntp=[removed]"),
        ("systemd.hostname=db01", "systemd.hostname=removed"),
        ("note=db01.example.com,db01", "note=captured,captured"),
        (
            '/sbin/kexec -p --command-line="root=UUID=1 ro nr_cpus=1" --initrd=/a /b',
            '/sbin/kexec -p --command-line="root=removed ro nr_cpus=1" --initrd=/a /b',
        ),
        ('NFS="nas:/dumps"\nKDUMP_COREDIR="/var/crash"', 'NFS=removed\nKDUMP_COREDIR="/var/crash"'),
        ("nfs nas:/dumps\npath /var/crash", "nfs removed\npath /var/crash"),
        ('KDUMP_SAVEDIR="ssh://me@nas/dumps"', 'KDUMP_SAVEDIR="ssh://removed/dumps"'),
    ],
)  # fmt: skip
def test_what_identifies_a_host_goes(text: str, expected: str) -> None:
    assert without_identifiers(text, "db01.example.com") == expected


@pytest.mark.parametrize(
    "text",
    [
        "BOOT_IMAGE=/vmlinuz-6.12.107+deb13-amd64 ro intel_iommu=on iommu=pt crashkernel=256M,high",
        "vfio-pci.ids=8086:10d3,144d:a808 pci=noats pcie_ports=native 0000:01:00.0",
        "port 0000:04:00.0 reset_subordinate 0000:05:00.0=1b36:0010:010802 0000:05:00.1=1b36:0010:010802",
        "digest 59ed3f73ff259305cefcb31735c227b9c14e692a353a4ba2526ba7b4b3a088b",
        "systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll console=ttyS0,115200n8 memmap=64K$0x1",
        'KDUMP_SAVEDIR="file:///var/crash"',
    ],
)  # fmt: skip
def test_what_the_facts_need_stays(text: str) -> None:
    assert without_identifiers(text, "lab") == text


def test_host_is_not_found_inside_other_words() -> None:
    assert without_host("nvme nvme-core db nvme0", "nvme") == "captured nvme-core db nvme0"
    assert without_host("anything localhost", "localhost") == "anything localhost"
    assert without_host("anything", "") == "anything"


def test_comments_and_passwords_always_go() -> None:
    text = "# secret is hunter2\nFTP_PASSWORD=hunter2\nKDUMP_SMTP_PASSWORD='a b'\nUSE_KDUMP=1\n"
    assert without_passwords(text) == (
        "FTP_PASSWORD=removed\nKDUMP_SMTP_PASSWORD=removed\nUSE_KDUMP=1\n"
    )


def test_interface_named_by_its_address() -> None:
    assert without_interfaces(" 30:  204  IR-PCI-MSIX-0000:01:00.0  enx525400123456-rx-0\n") == (
        " 30:  204  IR-PCI-MSIX-0000:01:00.0  enxremoved-rx-0\n"
    )
