# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The files that the facts are read from, as one archive that can be read in place of the host.

Nothing but what the tables below name gets in: an attribute that a driver adds may be a serial number.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import os
import tarfile
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.config_space import read_config
from ansible_collections.vmcore.kdump.plugins.module_utils._capture.identity import (
    HOST,
    without_comments,
    without_identifiers,
    without_interfaces,
    without_passwords,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import captured, detect
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_directory,
    names,
    read_bytes,
    read_text,
)

_PCI = "sys/bus/pci"
_HOSTNAME = "proc/sys/kernel/hostname"
_RELEASE = "proc/sys/kernel/osrelease"
# fs/namei.c MAXSYMLINKS
_MAX_LINKS = 40
# Stands for the kernel's release, of Unicode's private use area.
_KEPT = "\ue000"

# Documentation/ABI/testing/sysfs-bus-pci
_FUNCTION_FILES = (
    "acpi_index",
    "ari_enabled",
    "class",
    "current_link_speed",
    "current_link_width",
    "d3cold_allowed",
    "device",
    "enable",
    "index",
    "irq",
    "label",
    "max_link_speed",
    "max_link_width",
    "msi_bus",
    "numa_node",
    "power_state",
    "removable",
    "reset_method",
    "revision",
    "secondary_bus_number",
    "sriov_drivers_autoprobe",
    "sriov_numvfs",
    "sriov_offset",
    "sriov_stride",
    "sriov_totalvfs",
    "sriov_vf_device",
    "subordinate_bus_number",
    "subsystem_device",
    "subsystem_vendor",
    "vendor",
    "boot_vga",
    "power/control",
    "power/runtime_status",
    "firmware_node/path",
    "firmware_node/sun",
)
# That they are there is the fact. They cannot be read, or reading them takes long.
_FUNCTION_PRESENT = ("remove", "rescan", "reset", "reset_subordinate", "rom")
_FUNCTION_LINKS = ("driver", "iommu", "iommu_group", "physfn", "subsystem", "virtfn*")

# Patterns, matched through links: /sys/class/iommu/dmar0 is one.
_FILES = (
    "etc/os-release",
    "proc/consoles",
    "proc/interrupts",
    "proc/iomem",
    "proc/meminfo",
    "proc/sys/kernel/arch",
    "proc/sys/kernel/kexec_load_disabled",
    _RELEASE,
    "proc/sys/kernel/ostype",
    "proc/sys/kernel/*_panic",
    "proc/sys/kernel/panic*",
    "proc/sys/kernel/sysrq",
    "proc/sys/kernel/*watchdog*",
    "sys/class/iommu/*/amd-iommu/*",
    "sys/class/iommu/*/intel-iommu/*",
    "sys/class/watchdog/*/bootstatus",
    "sys/class/watchdog/*/identity",
    "sys/class/watchdog/*/nowayout",
    "sys/class/watchdog/*/pretimeout",
    "sys/class/watchdog/*/state",
    "sys/class/watchdog/*/status",
    "sys/class/watchdog/*/timeout",
    "sys/devices/system/cpu/online",
    "sys/devices/system/node/online",
    "sys/firmware/acpi/tables/DMAR",
    # Instructions for its registers, no record.
    "sys/firmware/acpi/tables/ERST",
    "sys/firmware/acpi/tables/IORT",
    "sys/firmware/acpi/tables/IVRS",
    "sys/firmware/acpi/tables/SPCR",
    # System Slots and Onboard Devices (SMBIOS 7.10, 7.42): a slot's label, an address, no serial number.
    "sys/firmware/dmi/entries/9-*/raw",
    "sys/firmware/dmi/entries/41-*/raw",
    "sys/kernel/crash_elfcorehdr_size",
    "sys/kernel/fadump_*",
    "sys/kernel/iommu_groups/*/reserved_regions",
    "sys/kernel/iommu_groups/*/type",
    "sys/kernel/kexec*",
    "sys/kernel/kexec/*",
    "sys/kernel/security/lockdown",
    "sys/module/*/initstate",
    "sys/module/efi_pstore/parameters/pstore_disable",
    "sys/module/pstore/parameters/backend",
    f"{_PCI}/slots/*/address",
    f"{_PCI}/slots/*/cur_bus_speed",
    f"{_PCI}/slots/*/max_bus_speed",
)
_LINKS = (
    f"{_PCI}/drivers/*/module",
    "sys/class/iommu/*",
    "sys/class/iommu/*/device",
    "sys/class/iommu/*/devices/*",
    "sys/class/watchdog/*/device",
    "sys/class/watchdog/*/device/driver",
    "sys/class/watchdog/*/device/driver/module",
    "sys/kernel/iommu_groups/*/devices/*",
)
# Empty ones tell something too: no service is enabled, there is no IOMMU.
_DIRECTORIES = (
    "etc/systemd/system",
    "sys/class/iommu",
    f"{_PCI}/drivers/*",
    "sys/kernel/iommu_groups/*",
)
_DMI = (
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_name",
    "board_vendor",
    "board_version",
    "chassis_type",
    "chassis_vendor",
    "product_family",
    "product_name",
    "product_sku",
    "product_version",
    "sys_vendor",
)

# What people write, and what was made of it, besides what the families name.
_TEXTS = ("etc/pcie-reset/plan", "proc/cmdline")
# Those of the running kernel: vmlinuz-0-rescue-0123456789abcdef0123456789abcdef is called after /etc/machine-id.
_KERNELS = ("boot/initrd*", "boot/initramfs*", "boot/Image*", "boot/vmlinu*")
# Programs and images: what is there, and how old it is.
_PRESENT = ("etc/initramfs-tools/hooks/pcie-reset", "proc/vmcore", "usr/sbin/kexec")
_HELPER = "usr/local/lib/pcie-reset/*"
# Where systemd's masks point to.
_NOTHING = "/dev/null"


class Member(t.NamedTuple):
    """One thing in a captured tree. C(content) is a link's target too; None makes a directory."""

    kind: bytes
    content: bytes = b""
    modified: float = 0


class Capture:
    """Collects the entries of one host's tree, by their paths below its root."""

    def __init__(self, root: Path, *, identifying: bool = False) -> None:
        self.root = root
        self.identifying = identifying
        self.host = read_text(root / _HOSTNAME) or ""
        self.release = read_text(root / _RELEASE) or ""
        self.entries: dict[str, Member] = {}
        # Directories that were looked at, and where they are.
        self.places: dict[str, str] = {}

    def collect(self) -> dict[str, Member]:
        """Return everything that the tables name and that this host has."""
        for path in self._matches(f"{_PCI}/devices/*"):
            self._function(path)
        for pattern in (*_FILES, *(f"sys/class/dmi/id/{name}" for name in _DMI)):
            for path in self._matches(pattern):
                self._file(path)
        for pattern in _LINKS:
            for path in self._matches(pattern):
                self._link(path)
        for pattern in _DIRECTORIES:
            for path in self._matches(pattern):
                self.entries.setdefault(path, Member(tarfile.DIRTYPE))
        self._kdump()
        self._put(_HOSTNAME, self.host if self.identifying else HOST)
        return self.entries

    def _function(self, path: str) -> None:
        """Take a PCI function: C(path) is the link to it."""
        self._link(path)
        for name in _FUNCTION_FILES:
            self._file(f"{path}/{name}")
        for name in _FUNCTION_PRESENT:
            self._present(f"{path}/{name}")
        for pattern in _FUNCTION_LINKS:
            for link in self._matches(f"{path}/{pattern}"):
                self._link(link)
        for file in self._matches(f"{path}/msi_irqs/*"):
            self._file(file)
        config = read_config(self.root / path / "config", identifying=self.identifying)
        if config is not None:
            self.entries[self._place(f"{path}/config")] = Member(tarfile.REGTYPE, config)

    def _kdump(self) -> None:
        families = captured()
        for path in dict.fromkeys((*_TEXTS, *(text for each in families for text in each.texts))):
            self._text(path)
        for pattern in _KERNELS:
            for path in self._matches(pattern):
                if self.release and self.release in path:
                    self._present(path)
        for pattern in dict.fromkeys(
            (*_PRESENT, *(name for each in families for name in each.present))
        ):
            for path in self._matches(pattern):
                self._present(path)
        for pattern in dict.fromkeys(unit for each in families for unit in each.units):
            for path in self._matches(pattern):
                self._link(path)
        for path in self._matches(_HELPER):
            self._file(path)
        self._file("etc/initramfs-tools/hooks/pcie-reset")
        family = detect(self.root)
        if family is None:
            return
        directory = family.dump_directory(self.root)
        if is_directory(inside(self.root, directory)):
            name = str(directory).lstrip("/")
            # May be called after the host. Other paths are not, whatever the host is called.
            place = self._anonymous(name)
            self.entries[place] = Member(tarfile.DIRTYPE)
            record = family.captured.record
            if record:
                self._text(f"{name}/{record}", f"{place}/{record}")

    def _file(self, path: str) -> None:
        """Take a file as it is, without interface names that are MAC addresses."""
        content = read_bytes(self.root / path)
        if content is not None:
            if not self.identifying and path.startswith("proc/"):
                content = without_interfaces(content.decode("utf-8", "surrogateescape")).encode(
                    "utf-8", "surrogateescape"
                )
            self.entries[self._place(path)] = Member(tarfile.REGTYPE, content, self._modified(path))

    def _present(self, path: str) -> None:
        """Take a file without its content; a link as a link."""
        if (self.root / path).is_symlink():
            self._link(path)
        elif exists(self.root / path) and not is_directory(self.root / path):
            self.entries[self._place(path)] = Member(tarfile.REGTYPE, b"", self._modified(path))

    def _text(self, path: str, place: str | None = None) -> None:
        """Take what people wrote, without passwords, and without what identifies the host."""
        content = read_bytes(self.root / path)
        if content is None:
            return
        text, modified = content.decode("utf-8", "surrogateescape"), self._modified(path)
        if path.startswith("etc/") and not path.endswith("/plan"):
            text = without_comments(text)
        self._put(place or path, self._anonymous(without_passwords(text)), modified)

    def _anonymous(self, text: str) -> str:
        """Return a text without what identifies the host, unless that is asked for.

        The kernel's release stays, even if it has the host's name in it: images are found by it.
        """
        if self.identifying:
            return text
        if not self.release:
            return without_identifiers(text, self.host)
        text = without_identifiers(text.replace(self.release, _KEPT), self.host)
        return text.replace(_KEPT, self.release)

    def _put(self, path: str, text: str, modified: float = 0) -> None:
        content = text.encode("utf-8", "surrogateescape")
        self.entries[path] = Member(tarfile.REGTYPE, content, modified)

    def _link(self, path: str) -> None:
        try:
            target = os.fspath((self.root / path).readlink())
        except OSError:
            return
        if not path.startswith("sys/"):
            target = self._anonymous(target)
        self.entries[self._place(path)] = Member(tarfile.SYMTYPE, os.fsencode(target))

    def _place(self, path: str) -> str:
        """Return where a path lies once the links on the way are followed, and take those links."""
        parent, _slash, name = path.rpartition("/")
        if parent not in self.places:
            place = self._place(parent) if "/" in parent else parent
            for _hop in range(_MAX_LINKS):
                if not (self.root / place).is_symlink():
                    break
                target = os.fspath((self.root / place).readlink())
                self.entries[place] = Member(tarfile.SYMTYPE, os.fsencode(target))
                place = os.path.normpath(f"/{PurePosixPath(place).parent}/{target}").lstrip("/")
            self.places[parent] = place
        return f"{self.places[parent]}/{name}".lstrip("/")

    def _matches(self, pattern: str) -> list[str]:
        """Return the paths that match, component by component, links included."""
        found = [""]
        for part in PurePosixPath(pattern).parts:
            found = [
                f"{parent}/{name}".lstrip("/")
                for parent in found
                for name in (
                    fnmatch.filter(names(self.root / parent), part) if "*" in part else [part]
                )
            ]
        return [path for path in found if os.path.lexists(self.root / path)]

    def _modified(self, path: str) -> float:
        """Return when a file changed; in sysfs and procfs that is when somebody looked."""
        if path.startswith(("proc/", "sys/")):
            return 0
        return (self.root / path).stat().st_mtime


def capture(root: Path, *, identifying: bool = False) -> dict[str, Member]:
    """Return the tree of the host whose file system is at C(root), by path.

    Raises KdumpError for a host without sysfs, of which there is nothing to see.
    """
    if not is_directory(root / "sys/bus"):
        raise KdumpError(f"There is no sysfs below {root}: mount it, then capture the host.")
    return Capture(root, identifying=identifying).collect()


def archive(entries: t.Mapping[str, Member]) -> bytes:
    """Return a tar file, compressed with gzip, that unpacks to such a tree for anybody to read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, entry in sorted(entries.items()):
            info = tarfile.TarInfo(path)
            info.type = entry.kind
            info.mode = 0o755 if entry.kind == tarfile.DIRTYPE else 0o644
            info.mtime = entry.modified
            if entry.kind == tarfile.SYMTYPE:
                info.linkname = _below(path, os.fsdecode(entry.content))
                tar.addfile(info)
            else:
                info.size = len(entry.content)
                tar.addfile(info, io.BytesIO(entry.content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _below(link: str, target: str) -> str:
    """Return the target of a link so that it leads to the same place of the tree, wherever that is unpacked.

    An absolute one would lead to files of the machine that looks at it. So would one with more C(..) than there are
    directories above it, which on the host ends at its root.
    """
    parent, parts = PurePosixPath("/", link).parent, target.split("/")
    up = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    stays = not target.startswith("/") and ".." not in parts[up:] and up < len(parent.parts)
    if stays or target == _NOTHING:
        return target
    return os.path.relpath(os.path.normpath(parent / target), parent)


__all__ = ("Member", "archive", "capture")
