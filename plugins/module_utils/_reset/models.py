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
_OCTEON = (
    "P. Swain, pci/quirk: Disable bus reset from octeontx 83xx coprocessors, vendor kernel, 2018"
)
# A driver that only vendor kernels have; the later identifiers are those of its successor.
_HYDCU = "drivers/misc/hydcu_pci_fixup_header.c, hydcu_pci_fixup_header_ids, vendor kernel, 2024"
_ASCEND = (
    "Its maker's scripts that collect logs: d100 is 310, d500 310P, d801 910, d802 910B, d803 910C"
)
_QAIC = "drivers/accel/qaic/qaic_drv.c, qaic_ids"
_TPU = "https://github.com/jax-ml/jax, jax/_src/hardware_utils.py, _TPU_PCI_DEVICE_IDS"
_SWITCHTEC = "drivers/pci/switch/switchtec.c, switchtec_pci_tbl"

# Functions of management controllers, and the switches and bridges inside them. Vendor and device are those of the
# controller's maker, so that no DMI value has to say the same.
MANAGEMENT: tuple[Model, ...] = (
    Model("1a03:*", "ASPEED", "ASPEED makes nothing else: pci.ids"),
    Model("1849:1150", "ASPEED AST1150 of ASRock", _PCI_IDS),
    Model("0e11:005a", "Compaq Remote Insight II", _PCI_IDS),
    Model("0e11:00b1", "Compaq Remote Insight II", _PCI_IDS),
    Model("0e11:a0f0", "Compaq Advanced System Management", _PCI_IDS),
    Model("0e11:ae31", "Compaq System Management", _PCI_IDS),
    Model("0e11:b203", "HPE iLO", "drivers/watchdog/hpwdt.c, hpwdt_devices"),
    Model("0e11:b204", "HPE iLO", "drivers/misc/hpilo.c, ilo_devices"),
    Model("0e11:c000", "Compaq Remote Insight Lights-Out Edition", _PCI_IDS),
    Model("101e:9063", "AMI MegaRAC", _PCI_IDS),
    Model("103c:1048", "HP Diva [GSP]", "drivers/tty/serial/8250/8250_pci.c, pci_hp_diva_init()"),
    Model("103c:10ed", "HP TopTools Remote Control", _PCI_IDS),
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
    Model(
        "102b:0524",
        "Matrox G200e of a ServerEngines Pilot",
        "drivers/gpu/drm/mgag200/mgag200_drv.c, mgag200_pciidlist",
    ),
    Model("102b:053[0-9a-f]", "Matrox G200e of a BMC", _PCI_IDS),
    Model("10ec:816[a-e]", "Realtek RealManage", _PCI_IDS),
    Model("110a:001d", "Fujitsu Copernicus", _PCI_IDS),
    Model("110a:007[bcd]", "Fujitsu Remote Service Controller", _PCI_IDS),
    Model("1734:1228", "Fujitsu iRMC", _PCI_IDS),
    # In IBM's and Lenovo's IMM and IMM2, and in Dell's iDRAC 7 and 8.
    Model("1912:001[123abd]", "Renesas SH7757 or SH7758", _PCI_IDS),
    Model("1912:000[24]", "Renesas SH7780 or SH7763", _PCI_IDS),
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
    Model("1000:02b[01]", "Broadcom virtual endpoint", _PCI_IDS),
    Model("1000:c0??", "Broadcom PEX88000, PEX89000 or PEX90000", _PCI_IDS),
    Model("10b5:8[567]??", "PLX PEX 8500, 8600 or 8700", _PCI_IDS),
    Model("10b5:97??", "PLX PEX 9700", _PCI_IDS),
    Model("111d:80??", "IDT PES", _PCI_IDS),
    Model("117c:00c5", "ATTO ExpressNVM", _PCI_IDS),
    Model("11f8:85[3-7][1-6]", "Microchip Switchtec", _SWITCHTEC),
    Model("11f8:[456][0-5]??", "Microchip Switchtec", _SWITCHTEC),
    Model("1055:100[1-8]", "Microchip Switchtec", _SWITCHTEC),
    Model("1137:0042", "Cisco VIC", _PCI_IDS),
)

# Accelerators whose class code may be another one than those. Their makers are here with everything that they make
# where pci.ids has nothing else of them.
ACCELERATORS: tuple[Model, ...] = (
    Model("8086:22[56]?", "Intel Xeon Phi", _PCI_IDS),
    Model(
        "8086:0bd[0-9a-f]", "Intel Data Center GPU Max", "include/drm/intel/pciids.h, INTEL_PVC_IDS"
    ),
    Model("8086:56c[0-2]", "Intel Data Center GPU Flex", _PCI_IDS),
    Model("1014:06a[78]", "IBM Spyre", _PCI_IDS),
    Model("17cb:a080", "Qualcomm Cloud AI", _QAIC),
    Model("17cb:a1[01]0", "Qualcomm Cloud AI", _QAIC),
    Model("19e5:d[158]0[0-5]", "Huawei Ascend", _ASCEND),
    Model("1ac1:089a", "Coral Edge TPU", _PCI_IDS),
    Model("1ae0:0027", "Google TPU", _TPU),
    Model("1ae0:005[6e]", "Google TPU", _TPU),
    Model("1ae0:006[23f]", "Google TPU", _TPU),
    Model("1ae0:007[6c]", "Google TPU", _TPU),
    Model("1ae0:0083", "Google TPU", _TPU),
    Model("1bcf:001c", "NEC Vector Engine", _PCI_IDS),
    Model("1d0f:706[4-7]", "AWS Neuron", _PCI_IDS),
    Model("1d0f:7[1-7]6[45]", "AWS Neuron", _PCI_IDS),
    Model("1d22:368[45]", "Baidu Kunlun", _PCI_IDS),
    Model("1d26:00[4c]0", "Kalray Turbocard", _PCI_IDS),
    Model("1d87:18[02][8a]", "Rockchip", _PCI_IDS),
    Model("1d94:5[1-9]b7", "Hygon DCU", _HYDCU),
    Model("1d94:6[12]b7", "Hygon DCU", _HYDCU),
    Model("1d94:6[234][1-4][0-4]", "Hygon DCU", _HYDCU),
    Model("1d95:*", "Graphcore", _PCI_IDS),
    Model("1da3:*", "Intel Gaudi", "drivers/accel/habanalabs/common/habanalabs_drv.c, ids"),
    Model("1de0:*", "Groq", _PCI_IDS),
    Model("1de5:2?00", "Eideticom NoLoad", _PCI_IDS),
    Model("1e30:1684", "Sophgo", _PCI_IDS),
    Model("1e36:*", "Enflame", _PCI_IDS),
    Model("1e3e:*", "Iluvatar CoreX", _PCI_IDS),
    Model("1e52:*", "Tenstorrent", _PCI_IDS),
    Model("1e60:*", "Hailo", _PCI_IDS),
    Model("1e67:*", "Untether AI", _PCI_IDS),
    Model("1e7c:*", "Brainchip Akida", _PCI_IDS),
    Model("1e9f:*", "Lynxi", _PCI_IDS),
    Model("1ea0:2a??", "Tencent", _PCI_IDS),
    Model("1ed2:*", "FuriosaAI", _PCI_IDS),
    Model("1eff:*", "Rebellions", _PCI_IDS),
    Model("1f0d:0100", "DeGirum ORCA", _PCI_IDS),
    Model("1f1c:1686", "Sophgo", _PCI_IDS),
    Model("1f2e:00[abc]1", "AzurEngine AzureBlade", _PCI_IDS),
    Model("1f9d:*", "Axelera AI", _PCI_IDS),
    Model("1fe9:*", "MemryX", _PCI_IDS),
    Model("1ff4:*", "DEEPX", _PCI_IDS),
    Model("2106:0001", "ZCHL", _PCI_IDS),
    Model("22b8:22a0", "Flex Logix InferX", _PCI_IDS),
    Model("9999:*", "MetaX", _PCI_IDS),
    Model("cabc:*", "Cambricon MLU", _PCI_IDS),
)

# Thunderbolt and USB4: host controllers, of which USB4's own class is 0c0340 and older ones say 0880, their switches,
# and those of docks. A port of any of these leads out of the machine.
THUNDERBOLT: tuple[Model, ...] = (
    Model("8086:1513", "Light Ridge", _NHI),
    Model("8086:151[ab]", "Eagle Ridge or Light Peak", "include/linux/pci_ids.h"),
    Model("8086:154[789]", "Cactus Ridge or Port Ridge", _NHI),
    Model("8086:156[6-9a-d]", "Redwood Ridge or Falcon Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:157[5-8]", "Alpine Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:157[de]", "Win Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:15b[56f]", "Alpine Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:15c[01]", "Alpine Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:15d[2-49a-e]", "Alpine Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:15e[789abc]", "Titan Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:15ef", "Titan Ridge of a dock", _PCI_IDS),
    Model("8086:15f0", "Titan Ridge of a dock", _PCI_IDS),
    Model("8086:0b2[67]", "Goshen Ridge of a dock", _PCI_IDS),
    Model("8086:113[3-8]", "Maple Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:578[0-7]", "Barlow Ridge", f"{_NHI}; {_PCI_IDS}"),
    Model("8086:57a[45]", "Barlow Ridge of a dock", _PCI_IDS),
    # Inside the processor: root ports and host interfaces.
    Model("8086:8a[012][d1357f]", "Ice Lake Thunderbolt 3", _PCI_IDS),
    Model("8086:9a[123][1357bdf]", "Tiger Lake Thunderbolt 4", _PCI_IDS),
    Model("8086:46[1236][def]", "Alder Lake Thunderbolt 4", _PCI_IDS),
    Model("8086:a7[126][def]", "Raptor Lake Thunderbolt 4", _PCI_IDS),
    Model("8086:a73e", "Raptor Lake Thunderbolt 4", _PCI_IDS),
    Model("8086:7eb2", "Meteor Lake Thunderbolt 4", _NHI),
    Model("8086:7ec[23]", "Meteor Lake Thunderbolt 4", _NHI),
    Model("8086:a83[34]", "Lunar Lake Thunderbolt 4", _NHI),
    Model("8086:4d33", "Wildcat Lake Thunderbolt", _NHI),
    Model("8086:e[34]3[34]", "Panther Lake Thunderbolt", _NHI),
    Model("8086:d[34]3[13]", "Nova Lake Thunderbolt 5", _PCI_IDS),
    Model("8086:d[34]4[ef]", "Nova Lake Thunderbolt 5", _PCI_IDS),
    Model("8086:d[34]60", "Nova Lake Thunderbolt 5", _PCI_IDS),
    Model("1022:14cd", "AMD USB4 tunnel", _PCI_IDS),
    Model("1022:14ef", "AMD USB4 tunnel", _PCI_IDS),
    Model("1022:150a", "AMD USB4 tunnel", _PCI_IDS),
    Model("106b:1010", "Apple USB4 root port", _PCI_IDS),
    Model("1b21:2425", "ASMedia ASM4242", _PCI_IDS),
    Model("1d17:9206", "Zhaoxin USB4", _PCI_IDS),
)

# Cards that are battery-backed or persistent memory.
PERSISTENT_MEMORY: tuple[Model, ...] = (
    # Its class is 0580, no driver has it, and only ProLiants of Gen8 have it, in public hardware exports: that of a
    # battery-backed cache, most likely.
    Model("1590:005f", "HPE memory", "Public hardware exports of ProLiant Gen8"),
    Model("1332:5415", "Micro Memory MM-5415CN", _PCI_IDS),
    Model("1332:5425", "Micro Memory MM-5425CN", _PCI_IDS),
    Model(
        "1332:6155", "Micro Memory MM-6155", "drivers/block/umem.c, mm_pci_ids, until Linux 5.17"
    ),
)

# Functions that are part of a processor or chipset, below a port whose own identifiers do not say so.
ON_CHIP_FUNCTIONS: tuple[Model, ...] = (
    Model("8086:6f5[0-4]", "Xeon D QuickData and QuickAssist", _PCI_IDS),
    Model("8086:15a[a-e]", "Xeon D X552", _PCI_IDS),
    Model("8086:15c[2-8e]", "Atom C3000 X553", _PCI_IDS),
    Model("8086:15e[45]", "Atom C3000 X553", _PCI_IDS),
    Model("8086:19e2", "Atom C3000 QuickAssist", _PCI_IDS),
    Model("8086:18a0", "Atom P5xxx QuickAssist", _PCI_IDS),
    Model("8086:188[0-9a-f]", "Atom P5xxx and Xeon D E822 or E823", _PCI_IDS),
    Model("8086:1d6?", "Intel C600 SAS or SATA", _PCI_IDS),
    Model("8086:1d7[01]", "Intel C600 SMBus", _PCI_IDS),
    Model("8086:37c8", "Intel C620 QuickAssist", _PCI_IDS),
    Model("8086:37c[c-f]", "Intel C620 X722", _PCI_IDS),
    Model("8086:37d[0-3]", "Intel C620 X722", _PCI_IDS),
    Model("19e5:a22[0-9a-f]", "Kunpeng HNS", _PCI_IDS),
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
    Model("177d:a300", "it does not survive a bus reset", _OCTEON),
    Model("177d:a0??", "the states of the coprocessors depend on each other", _OCTEON),
    Model("1d94:5[1-9]b7", "its maker's driver forbids bus resets", _HYDCU),
    Model("1d94:6[12]b7", "its maker's driver forbids bus resets", _HYDCU),
    Model("1d94:6[234][1-4][0-4]", "its maker's driver forbids bus resets", _HYDCU),
    Model(
        "10de:1eb8",
        "its link fails to train again below a root port",
        "Wu Zongyong, PCI: avoid SBR for NVIDIA T4, linux-pci, 2023",
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

# Drivers that tell what a function is, where no table does, before its class: driver -> kind, and where the driver is.
# Those without a path are their makers' own.
ROLES: Mapping[str, tuple[str, str]] = {
    "ast": ("bmc", "drivers/gpu/drm/ast"),
    "hibmc-drm": ("bmc", "drivers/gpu/drm/hisilicon/hibmc"),
    "host_edma_drv": ("bmc", "Huawei iBMA"),
    "hpilo": ("bmc", "drivers/misc/hpilo.c"),
    "hpwdt": ("bmc", "drivers/watchdog/hpwdt.c"),
    "ibmasm": ("bmc", "drivers/misc/ibmasm"),
    "ipmi_si": ("bmc", "drivers/char/ipmi/ipmi_si_pci.c"),
    "mgag200": ("bmc", "drivers/gpu/drm/mgag200"),
    "amdxdna": ("accelerator", "drivers/accel/amdxdna"),
    "apex": ("accelerator", "drivers/staging/gasket/apex_driver.c, until Linux 5.12"),
    "habanalabs": ("accelerator", "drivers/accel/habanalabs"),
    "hailo": ("accelerator", "Hailo"),
    "mic": ("accelerator", "drivers/misc/mic, until Linux 5.9"),
    "neuron": ("accelerator", "AWS Neuron"),
    "qaic": ("accelerator", "drivers/accel/qaic"),
    "tenstorrent": ("accelerator", "Tenstorrent"),
    "ve_drv": ("accelerator", "NEC Vector Engine"),
    "xclmgmt": ("accelerator", "Xilinx Alveo"),
    "xocl": ("accelerator", "Xilinx Alveo"),
    "ntb_hw_amd": ("fabric", "drivers/ntb/hw/amd"),
    "ntb_hw_idt": ("fabric", "drivers/ntb/hw/idt"),
    "ntb_hw_intel": ("fabric", "drivers/ntb/hw/intel"),
    "ntb_hw_switchtec": ("fabric", "drivers/ntb/hw/mscc"),
    "plx_dma": ("switch_management", "drivers/dma/plx_dma.c"),
    "switchtec": ("switch_management", "drivers/pci/switch/switchtec.c"),
    "switchtec_dma": ("switch_management", "drivers/dma/switchtec_dma.c, since Linux 7.0"),
    "thunderbolt": ("external", "drivers/thunderbolt/nhi.c"),
    # They offer the function's memory to the system.
    "cxl_pci": ("memory", "drivers/cxl/pci.c"),
    "umem": ("memory", "drivers/block/umem.c, until Linux 5.17"),
}

# Drivers of serial ports, where the class does not say that a function has some.
SERIAL_DRIVERS: Mapping[str, str] = {
    "8250_mid": "drivers/tty/serial/8250/8250_mid.c",
    "8250_pericom": "drivers/tty/serial/8250/8250_pericom.c",
    "8250_lpss": "drivers/tty/serial/8250/8250_lpss.c",
    "exar_serial": "drivers/tty/serial/8250/8250_exar.c",
    "icom": "drivers/tty/serial/icom.c",
    "jsm": "drivers/tty/serial/jsm/jsm_driver.c",
    "mxser": "drivers/tty/mxser.c",
    "pch_uart": "drivers/tty/serial/pch_uart.c",
    "pci1xxxx serial": "drivers/tty/serial/8250/8250_pci1xxxx.c",
    "rp2": "drivers/tty/serial/rp2.c",
    "serial": "drivers/tty/serial/8250/8250_pci.c",
}

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
    "ON_CHIP_FUNCTIONS",
    "ON_CHIP_PORTS",
    "PERSISTENT_MEMORY",
    "RESETS_ITSELF",
    "ROLES",
    "SERIAL_DRIVERS",
    "SWITCH_MANAGEMENT",
    "THUNDERBOLT",
    "Model",
    "identity_of",
    "model",
)
