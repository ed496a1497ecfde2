# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.identity import (
    without_comments,
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
        ("xfs /dev/mapper/rhel_db01-crash\npath /a", "xfs removed\npath /a"),
        ("raw /dev/disk/by-id/ata-SAMSUNG_S3Z9NB0K", "raw removed"),
        ("ext4 LABEL=crash-of-shop", "ext4 removed"),
        ("ext3 UUID=03138356", "ext3 removed"),
        ("btrfs LABEL=shop", "btrfs removed"),
        ("minix /dev/shop", "minix removed"),
        ("virtiofs shop", "virtiofs removed"),
        ("nfs\npath /var/crash", "nfs\npath /var/crash"),
        ('dracut_args --mount "srv:/e /mnt nfs defaults"\npath /e', "dracut_args removed\npath /e"),
        ("a=/dev/mapper/vg-x b", "a=/dev/mapper/removed b"),
        ("a=/dev/disk/by-path/pci-0000:00:1f.2-ata-1 b", "a=/dev/disk/removed b"),
        (
            "x=a:uuid:0d4c2b6e-6b1c-4d0a-9f5e-0a1b2c3d4e5f y=luks-0D4C2B6E-6B1C-4D0A-9F5E-0A1B2C3D4E5F",
            "x=a:uuid:removed y=luks-removed",
        ),
        (
            "nvme.hostnqn=nqn.2014-08.org.nvmexpress:uuid:0d4c2b6e-6b1c-4d0a-9f5e-0a1b2c3d4e5f ro",
            "nvme.hostnqn=removed ro",
        ),
        ("x=iqn.1994-05.com.redhat:8b5f ro", "x=removed ro"),
        ("mac=aabbccddeeff x=eth0:52:54:00:12:34:56", "mac=removed x=eth0:removed"),
        ("id=0123456789abcdef0123456789ABCDEF", "id=removed"),
        ("/boot/vmlinuz-0-rescue-0123456789abcdef0123456789abcdef", "/boot/vmlinuz-0-rescue-removed"),
        ("x=srv:10.0.0.5", "x=srv:removed"),
        ("a=DB01-prod b=db01_data c=/dev/rhel_db01/x", "a=captured-prod b=captured_data c=/dev/rhel_captured/x"),
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
        "memmap=64K$0x123456789abc BOOT_IMAGE=/vmlinuz-6.1.0-00012-gabcdef123456",
        "digest 9f2ce1a7d3b84c56f0129f2ce1a7d3b84c56f0129f2ce1a7d3b84c56f0129f2c",
        "path /var/crash\ncore_collector makedumpfile -l -d 31\ndefault reboot",
    ],
)  # fmt: skip
def test_what_the_facts_need_stays(text: str) -> None:
    assert without_identifiers(text, "lab") == text


@pytest.mark.parametrize(
    ("text", "host", "expected"),
    [
        ("nvme nvme0 xnvme db", "nvme", "captured nvme0 xnvme db"),
        ("DB01-prod db01_data rhel_db01 db011", "db01", "captured-prod captured_data rhel_captured db011"),
        ("db01.example.com-x db01", "db01.example.com", "captured-x captured"),
        ("anything localhost", "localhost", "anything localhost"),
        ("anything", "", "anything"),
        # What such a name tells is nothing, and the facts need the word.
        ("KDUMP_COREDIR=/var/crash", "kdump", "KDUMP_COREDIR=/var/crash"),
        ("intel_iommu=on intel.example.com", "intel.example.com", "intel_iommu=on captured"),
    ],
)  # fmt: skip
def test_host_is_found_between_other_words_but_not_inside(
    text: str, host: str, expected: str
) -> None:
    assert without_host(text, host) == expected


def test_comments_go() -> None:
    assert without_comments("# secret is hunter2\n  # too\nUSE_KDUMP=1\n") == "USE_KDUMP=1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FTP_PASSWORD=hunter2\nUSE_KDUMP=1\n", "FTP_PASSWORD=removed\nUSE_KDUMP=1\n"),
        ("KDUMP_SMTP_PASSWORD='a b'\n", "KDUMP_SMTP_PASSWORD=removed\n"),
        ('export FTP_PW="a b"c', "export FTP_PW=removed"),
        ("FTP_PW=a\\ b c", "FTP_PW=removed c"),
        ("ftp_pass=x FTPPW=x", "ftp_pass=removed FTPPW=removed"),
        ("nvme.dhchap_secret=DHHC-1:00:x: ro", "nvme.dhchap_secret=removed ro"),
        ("API_TOKEN=x", "API_TOKEN=removed"),
        ("-o user=x,password=y ro", "-o user=x,password=removed ro"),
        ("systemd.setenv=FTP_PW=x ro", "systemd.setenv=FTP_PW=removed ro"),
        ("systemd.set_credential=a:geheim ro", "systemd.set_credential=removed ro"),
        ("systemd.set_credential_binary=a:Z2U= ro", "systemd.set_credential_binary=removed ro"),
        (
            'KDUMP_SAVEDIR="ftp://user:geheim@srv/x"',
            'KDUMP_SAVEDIR="ftp://user:removed@srv/x"',
        ),
        ("url=http://me:a/b@c@srv/x ro", "url=http://me:removed@srv/x ro"),
        (
            '/sbin/kexec -p --command-line="ro pw=x" --initrd=/a /b',
            '/sbin/kexec -p --command-line="ro pw=removed" --initrd=/a /b',
        ),
    ],
)  # fmt: skip
def test_passwords_always_go(text: str, expected: str) -> None:
    assert without_passwords(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "iommu.passthrough=1 arm-smmu.disable_bypass=0 arm_smmu_v3.disable_bypass=1 iommu=pt",
        'KDUMP_SAVEDIR="ssh://me@nas/dumps" url=http://srv:80/x',
        "# leave 0000:00:03.0 built_in_driver\nport 0000:00:02.0 reset_subordinate 0000:01:00.0=8086:10d3",
    ],
)  # fmt: skip
def test_what_is_no_password_stays(text: str) -> None:
    assert without_passwords(text) == text


def test_interface_named_by_its_address() -> None:
    assert without_interfaces(" 30:  204  IR-PCI-MSIX-0000:01:00.0  enx525400123456-rx-0\n") == (
        " 30:  204  IR-PCI-MSIX-0000:01:00.0  enxremoved-rx-0\n"
    )
