# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What devices are, by vendor and device: roles that a class code does not tell.

A class code says how a driver may talk to a function, not what the function is for. Each row has a shell pattern for
C(vendor:device), what it names, and where that is from. pci.ids is the database of the PCI ID Repository; files are
those of Linux 6.12 where nothing else is said.
"""

from __future__ import annotations

import fnmatch
import functools
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    Function = Mapping[str, t.Any]


class Model(t.NamedTuple):
    """One row of a table."""

    pattern: str
    name: str
    source: str


_PCI_IDS = "pci.ids"
_QUIRKS = "drivers/pci/quirks.c, quirk_no_bus_reset()"
_NHI = "drivers/thunderbolt/nhi.c, nhi_ids"
# With physical functions under vfio-pci, FLR or bus reset, Linux 7.0.12. The report says MI300X, which is 74a1, and the
# identifier 740f, an MI210: both are left. Not seen in a capture kernel.
_MXGPU = "https://github.com/amd/MxGPU-Virtualization/issues/25 (2026-07)"
_SWITCHTEC = "drivers/pci/switch/switchtec.c, switchtec_pci_tbl"

# Functions of management controllers, and the switches and bridges inside them. Vendor and device are those of the
# controller's maker, so that no DMI value has to say the same.
MANAGEMENT: tuple[Model, ...] = (
    Model("1a03:*", "ASPEED", "ASPEED makes nothing else: pci.ids"),
    Model("0e11:a0f0", "Compaq Advanced System Management", _PCI_IDS),
    Model("0e11:ae31", "Compaq System Management", _PCI_IDS),
    Model("0e11:b203", "HPE iLO", "drivers/watchdog/hpwdt.c, hpwdt_devices"),
    Model("0e11:b204", "HPE iLO", "drivers/misc/hpilo.c, ilo_devices"),
    Model("103c:1048", "HP Diva [GSP]", "drivers/tty/serial/8250/8250_pci.c, pci_hp_diva_init()"),
    Model("103c:121a", "HP NetServer SMIC", "drivers/char/ipmi/ipmi_si_pci.c, ipmi_pci_devices"),
    Model("103c:128d", "HP Diva [GSP]", _PCI_IDS),
    Model("103c:129[01]", "HP Diva [GSP]", _PCI_IDS),
    Model("103c:130[23]", "HP RMP-3", _PCI_IDS),
    # 193f shares its device with 3306, 3307 and 22f6: 0000:01:00.7 of ML110 Gen10 and DL360 Gen10.
    Model("103c:193f", "HPE iLO", "Public hardware exports of ProLiant Gen10"),
    Model("103c:22f[67]", "HPE iLO", _PCI_IDS),
    Model("103c:330?", "HPE iLO", f"{_PCI_IDS}; drivers/misc/hpilo.c; drivers/watchdog/hpwdt.c"),
    Model("1590:0389", "HPE 3PAR PCtrl", "drivers/watchdog/hpwdt.c, hpwdt_devices"),
    Model("1014:00dc", "IBM Advanced Systems Management", _PCI_IDS),
    Model("1014:010f", "IBM RSA", "drivers/misc/ibmasm/lowlevel.h, DEVICEID_RSA"),
    Model("1028:000[789cd]", "Dell DRAC", _PCI_IDS),
    Model("1028:001[0124]", "Dell DRAC", _PCI_IDS),
    Model("101b:0452", "Vitesse VSC452 SuperBMC", _PCI_IDS),
    Model("102b:0522", "Matrox G200e of a ServerEngines Pilot", _PCI_IDS),
    Model("102b:053[0-9a-f]", "Matrox G200e of a BMC", _PCI_IDS),
    Model("10ec:816[a-e]", "Realtek RealManage", _PCI_IDS),
    Model("110a:001d", "Fujitsu Copernicus", _PCI_IDS),
    Model("110a:007[bcd]", "Fujitsu Remote Service Controller", _PCI_IDS),
    Model("1734:1228", "Fujitsu iRMC", _PCI_IDS),
    # In IBM's and Lenovo's IMM and IMM2, and in Dell's iDRAC 7 and 8.
    Model("1912:001[123abd]", "Renesas SH7757 or SH7758", _PCI_IDS),
    Model("1054:350[5e]", "Hitachi SH7751", _PCI_IDS),
    Model("19a2:0120", "Emulex Pilot4", _PCI_IDS),
    Model("19a2:0800", "Fujitsu iRMC", _PCI_IDS),
    Model("19e5:171[0-2]", "Huawei iBMC", _PCI_IDS),
    Model("19e5:36f0", "Huawei iBMC", _PCI_IDS),
    Model("19e5:37[37bf]0", "Huawei iBMC", _PCI_IDS),
    Model("19e5:3830", "Huawei iBMC", _PCI_IDS),
    Model("8086:108[4-6]", "Intel 631xESB/632xESB remote management", _PCI_IDS),
    Model("8086:108[ef]", "Intel 82573E active management", _PCI_IDS),
)

# Endpoints by which a switch is managed, and its own DMA engines. Bridges of the same models are the switch's ports.
SWITCH_MANAGEMENT: tuple[Model, ...] = (
    Model("1000:00b2", "Broadcom PEX88000", _PCI_IDS),
    Model("1000:c0??", "Broadcom PEX88000 or PEX89000", _PCI_IDS),
    Model("10b5:8[67]??", "PLX PEX 8600 or 8700", _PCI_IDS),
    Model("10b5:97??", "PLX PEX 9700", _PCI_IDS),
    Model("11f8:85[3-7][1-6]", "Microchip Switchtec", _SWITCHTEC),
    Model("11f8:[456][0-5]??", "Microchip Switchtec", _SWITCHTEC),
    Model("1055:100[1-8]", "Microchip Switchtec", _SWITCHTEC),
    Model("1137:0042", "Cisco VIC", _PCI_IDS),
)

# Accelerators whose class code is not one of those.
ACCELERATORS: tuple[Model, ...] = (
    Model("8086:225?", "Intel Xeon Phi", _PCI_IDS),
    Model("1bcf:001c", "NEC Vector Engine", _PCI_IDS),
    Model("1d0f:7[1-7]6[45]", "AWS Neuron", _PCI_IDS),
    Model("1d0f:7064", "AWS Neuron", _PCI_IDS),
    Model("1d95:000[12]", "Graphcore", _PCI_IDS),
    Model("1da3:*", "Intel Gaudi", "drivers/accel/habanalabs/common/habanalabs_drv.c, ids"),
    Model("1ac1:089a", "Coral Edge TPU", _PCI_IDS),
    Model("1e52:*", "Tenstorrent", "Tenstorrent makes nothing else: pci.ids"),
)

# Thunderbolt and USB4 host controllers. USB4's own class is 0c0340; older ones say 0880, a system peripheral.
THUNDERBOLT: tuple[Model, ...] = (
    Model("8086:1513", "Light Ridge", _NHI),
    Model("8086:151[ab]", "Eagle Ridge or Light Peak", "include/linux/pci_ids.h"),
    Model("8086:154[789]", "Cactus Ridge or Port Ridge", _NHI),
    Model("8086:156[68ac]", "Redwood Ridge or Falcon Ridge", _NHI),
    Model("8086:157d", "Win Ridge", _NHI),
    Model("8086:15bf", "Alpine Ridge", _NHI),
    Model("8086:15d[29cde]", "Alpine Ridge", _NHI),
    Model("8086:15e[8b]", "Titan Ridge", _NHI),
    Model("8086:113[47]", "Maple Ridge", _NHI),
    Model("8086:578[14]", "Barlow Ridge", _NHI),
    Model("1b21:2425", "ASMedia ASM4242", _PCI_IDS),
)

# Cards that are battery-backed or persistent memory.
PERSISTENT_MEMORY: tuple[Model, ...] = (
    Model("1332:5415", "Micro Memory MM-5415CN", _PCI_IDS),
    Model("1332:5425", "Micro Memory MM-5425CN", _PCI_IDS),
    Model(
        "1332:6155", "Micro Memory MM-6155", "drivers/block/umem.c, mm_pci_ids, until Linux 5.17"
    ),
)

# Ports whose link never leaves the processor or the chipset.
ON_CHIP_PORTS: tuple[Model, ...] = (
    Model("1022:111[0-2]", "AMD internal bridge", _PCI_IDS),
    Model("1022:13e[56]", "AMD internal bridge", _PCI_IDS),
    Model("1022:1454", "AMD internal bridge", _PCI_IDS),
    Model("1022:1484", "AMD internal bridge", _PCI_IDS),
    Model("1022:14a7", "AMD internal bridge", _PCI_IDS),
    Model("1022:14b9", "AMD internal bridge", _PCI_IDS),
    Model("1022:14dd", "AMD internal bridge", _PCI_IDS),
    Model("1022:14eb", "AMD internal bridge", _PCI_IDS),
    Model("1022:150c", "AMD internal bridge", _PCI_IDS),
    Model("1022:1555", "AMD internal bridge", _PCI_IDS),
    Model("1022:15d[bc]", "AMD internal bridge", _PCI_IDS),
    Model("1022:15f[de]", "AMD internal bridge", _PCI_IDS),
    Model("1022:162a", "AMD internal bridge", _PCI_IDS),
    Model("1022:1635", "AMD internal bridge", _PCI_IDS),
    Model("1022:1648", "AMD internal bridge", _PCI_IDS),
    Model("8086:19a3", "Intel C3000 integrated root port", _PCI_IDS),
    Model("8086:19d[12]", "Intel C3000 integrated root port", _PCI_IDS),
    Model("8086:1d3[ef]", "Intel C600 virtual port", _PCI_IDS),
    Model("8086:37c[23457]", "Intel C620 virtual port", _PCI_IDS),
    Model("1d94:1454", "Hygon internal bridge", _PCI_IDS),
    Model("19e5:a121", "Kunpeng internal bridge", _PCI_IDS),
    Model("19e5:a12a", "Kunpeng internal bridge", _PCI_IDS),
)

# Devices and ports that a bus reset harms; the name is what it does. The upstream kernel refuses to reset the bus of
# those from its quirks, an older one may not know all of them; nothing refuses for the others. Linux 7.2 where quirks.c
# is named alone.
NO_BUS_RESET: tuple[Model, ...] = (
    Model("10de:22ce", "its link may come back narrower or dead", _QUIRKS),
    Model("10de:22d0", "its link may come back narrower or dead", _QUIRKS),
    Model("10de:23[4-7]?", "only a reboot brings the device back", _QUIRKS),
    Model("168c:0030", "its configuration is never accessible again", _QUIRKS),
    Model("168c:003[2-4]", "its configuration is never accessible again", _QUIRKS),
    Model("168c:003[ce]", "its configuration is never accessible again", _QUIRKS),
    Model(
        "168c:002e",
        "its configuration is never accessible again",
        "P. Rohár, PCI: Disallow retraining link for Atheros chips, linux-pci, 2021",
    ),
    Model("17cb:0308", "it does not survive a bus reset", _QUIRKS),
    Model("17cb:1103", "it does not survive a bus reset", _QUIRKS),
    Model("17cb:1107", "it does not survive a bus reset", _QUIRKS),
    Model("177d:a100", "it does not survive a bus reset", _QUIRKS),
    Model(
        "177d:a300",
        "it does not survive a bus reset",
        "The next generation of 177d:a100: pci.ids; not seen",
    ),
    # Accelerators that were seen to answer all ones until the machine is rebooted.
    Model("1002:740f", "it answers all ones until a reboot", _MXGPU),
    Model("1002:74a1", "it answers all ones until a reboot", _MXGPU),
    Model("1002:75a3", "it answers all ones until a reboot", _MXGPU),
    Model("104c:b005", "the reset disables its link", _QUIRKS),
    Model("1b21:1164", "its link fails to train again", _QUIRKS),
    Model(
        "11c1:590[01]",
        "only power off brings its link back",
        "E. Raile, PCI: Mark LSI FW643 to avoid bus reset, linux-pci, 2024",
    ),
    Model(
        "8848:1[0c]??",
        "the reset disables its link",
        "https://github.com/deepin-community/kernel/pull/464 (2024-11): Mucse N10 and N400",
    ),
)

# Storage drivers that deal with a controller that still runs: each acts on C(reset_devices), which is on the command
# line of a capture kernel, by a reset of its own or by fewer queues and commands.
RESETS_ITSELF: Mapping[str, str] = {
    "aacraid": "drivers/scsi/aacraid/linit.c, aac_probe_one()",
    "hpsa": "drivers/scsi/hpsa.c, hpsa_init_reset_devices()",
    "ipr": "drivers/scsi/ipr.c, ipr_probe_ioa()",
    "megaraid_sas": "drivers/scsi/megaraid/megaraid_sas_base.c, megasas_alloc_ctrl_dma_buffers()",
    "mpi3mr": "drivers/scsi/mpi3mr/mpi3mr_fw.c, mpi3mr_init_ioc()",
    "mpt3sas": "drivers/scsi/mpt3sas/mpt3sas_base.c, _base_enable_msix()",
    "smartpqi": "drivers/scsi/smartpqi/smartpqi_init.c, pqi_ctrl_init()",
}


@functools.lru_cache(maxsize=4096)
def _find(table: tuple[Model, ...], identity: str) -> Model | None:
    return next((row for row in table if fnmatch.fnmatchcase(identity, row.pattern)), None)


def model(table: tuple[Model, ...], function: Function) -> Model | None:
    """Return the first row of a table that names a function, None if none does."""
    return _find(table, identity_of(function))


def identity_of(function: Function) -> str:
    """Return C(8086:10d3)."""
    return f"{function['vendor']}:{function['device']}"


__all__ = (
    "ACCELERATORS",
    "MANAGEMENT",
    "NO_BUS_RESET",
    "ON_CHIP_PORTS",
    "PERSISTENT_MEMORY",
    "RESETS_ITSELF",
    "SWITCH_MANAGEMENT",
    "THUNDERBOLT",
    "Model",
    "identity_of",
    "model",
)
