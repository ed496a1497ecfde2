# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is taken out of a captured tree because it tells which host it is of, or who may enter it."""

from __future__ import annotations

import ipaddress
import re

REMOVED = "removed"
HOST = "captured"

_VALUE = r"""=(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])*"""
# Words of a command line whose values name a machine, its disks, its network or its owner.
# Documentation/admin-guide/kernel-parameters.txt, dracut.cmdline(7), systemd's kernel-command-line(7).
_ARGUMENTS = re.compile(
    r"""(?<![\w.-])(
      root|resume|boot|cryptdevice|zfs|ds|url|fetch|ip|ifname|bootdev|BOOTIF|nameserver|netconsole
      |nfsroot|nfsaddrs|netroot|bond|bridge|team|vlan|cloud-config-url|inst\.\w+|iscsi_\w+|[\w.]*uuid
      |(?:systemd\.)?(?:hostname|machine_id)
      |rd\.(?:luks|lvm|md|dm|iscsi|nvmf|route|zfcp|znet|dasd)[\w.]*
    )"""
    + _VALUE,
    re.VERBOSE,
)
# Settings of kdump-tools, kdump-utils and SUSE's kdump that name a server, a disk or whoever logs in there.
# kdump.conf(5): a file system's type names its device; dracut_args mounts others.
_SETTINGS = re.compile(
    r"^(\s*(?:export\s+)?(?:NFS|SSH|FTP|HOSTTAG|FTP_\w+|SSH_\w+|\w*(?:HOST_KEY|NOTIFICATION\w*|SMTP\w*)))"
    + _VALUE
    + r"|^([ \t]*(?:nfs4?|ssh|sshkey|fence_kdump_\w+|ext[234]|xfs|btrfs|minix|virtiofs|raw|dracut_args))"
    r"[ \t].*",
    re.MULTILINE,
)
_COMMENTS = re.compile(r"^\s*#.*\n?", re.MULTILINE)

# Arguments and settings whatever they are of. iommu.passthrough and arm-smmu.disable_bypass are none.
_PASSWORDS = re.compile(
    r"(?<!\w)(\w*(?:(?<!BY)PASS(?!THROUGH)|PW|SECRET|TOKEN|SET_CREDENTIAL)\w*\+?)" + _VALUE,
    re.IGNORECASE,
)
# ftp://user:password@server/path; there are passwords with a / or an @ in them.
_URL_PASSWORDS = re.compile(r"""(?<=://)([^:/\s"'@]*):[^\s"']*@""")

# Identifiers wherever they stand in what people write: UUIDs, the same without dashes (/etc/machine-id),
# MAC addresses with and without separators, IPv4 addresses, servers in URLs, people's addresses, the names
# of NVMe and iSCSI hosts. A network interface is called enx<MAC address> where firmware has no better name.
_IDENTIFIERS = re.compile(
    r"""(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])
    |(?<![^\W_])(?:[0-9a-f]{32}|[0-9a-f]{12})(?![^\W_])
    |(?<![^\W_])(?:[0-9a-f]{2}[:-]){5,19}[0-9a-f]{2}(?![^\W_])
    |(?<![\w.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.-])
    |(?<![^\W_])(?:nqn|iqn)\.[0-9]{4}-[0-9]{2}\.[^\s"']+
    |(?<=://)[^/\s"']+
    |[\w.-]+@[\w.-]+""",
    re.VERBOSE | re.IGNORECASE,
)
# /dev/mapper/rhel_db01-crash, /dev/disk/by-id/ata-SAMSUNG_S3Z9NB0K
_DISKS = re.compile(r"""(/dev/(?:mapper|disk)/)[^\s"']+""")
_INTERFACE = re.compile(r"\b(enx|wlx)[0-9a-f]{12}\b")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])", re.IGNORECASE)

# As the short name of a host they tell nothing, and as words the facts depend on them.
_COMMON_NAMES = re.compile(
    r"amd|arm|boot|config|crash|debian|digest|dump|file|host|initramfs|initrd|intel|iommu|kdump|kernel|kexec"
    r"|lib|linux|localhost|path|pci|pcie|plan|port|reset|root|srv|systemd|usr|var|version|vmlinuz",
    re.IGNORECASE,
)


def without_interfaces(text: str) -> str:
    """Return a kernel's text, such as /proc/interrupts, without MAC addresses in interface names."""
    return _INTERFACE.sub(rf"\1{REMOVED}", text)


def without_comments(text: str) -> str:
    """Return a configuration file without lines of comment, in which people write anything."""
    return _COMMENTS.sub("", text)


def without_passwords(text: str) -> str:
    """Return a command line or a configuration file without passwords, which nothing ever needs."""
    return _URL_PASSWORDS.sub(rf"\1:{REMOVED}@", _PASSWORDS.sub(rf"\1={REMOVED}", text))


def without_identifiers(text: str, host: str) -> str:
    """Return what people wrote (a command line, a configuration file) without what identifies C(host).

    Its name becomes C(captured). Addresses, UUIDs, and the values of settings that name disks or
    servers become C(removed); the settings stay, because that they are there is a fact.
    """
    text = _ARGUMENTS.sub(rf"\1={REMOVED}", text)
    text = _SETTINGS.sub(
        lambda match: f"{match[1]}={REMOVED}" if match[1] else f"{match[2]} {REMOVED}", text
    )
    text = _IDENTIFIERS.sub(REMOVED, _DISKS.sub(rf"\1{REMOVED}", text))
    text = _IPV6.sub(lambda match: REMOVED if _is_ipv6(match[0]) else match[0], text)
    return without_host(without_interfaces(text), host)


def without_host(text: str, host: str) -> str:
    """Return a text with C(captured) in place of the host's name, full or short.

    It is found beside other words (rhel_db01, db01-prod) and not inside them.
    """
    names = {host, host.partition(".")[0]} - {""}
    for name in sorted(names, key=len, reverse=True):
        if not _COMMON_NAMES.fullmatch(name):
            pattern = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
            text = re.sub(pattern, HOST, text, flags=re.IGNORECASE)
    return text


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


__all__ = (
    "HOST",
    "REMOVED",
    "without_comments",
    "without_host",
    "without_identifiers",
    "without_interfaces",
    "without_passwords",
)
