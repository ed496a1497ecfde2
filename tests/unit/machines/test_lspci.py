# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from machines.lspci import read

TREE = """\
-+-[0000:00]-+-08.0-[01]--
 |           +-10.0-[02-05]----00.0-[03-05]--+-01.0-[04]----00.0
 |           |                               \\-02.0-[05]--+-00.0
 |           |                                            \\-00.1
 |           \\-11.0-[06]----00.0
 \\-[0001:80]---00.0

00:08.0 PCI bridge [0604]: Maker Root Port [19e5:a120] (rev 21)
00:10.0 PCI bridge [0604]: Maker Root Port [19e5:a120] (rev 21)
00:11.0 PCI bridge [0604]: Maker Root Port [19e5:a120] (rev 21)
02:00.0 PCI bridge [0604]: PLX Technology, Inc. PEX 8747 [10b5:8747] (rev ca)
03:01.0 PCI bridge [0604]: PLX Technology, Inc. PEX 8747 [10b5:8747] (rev ca)
03:02.0 PCI bridge [0604]: PLX Technology, Inc. PEX 8747 [10b5:8747] (rev ca)
04:00.0 Non-Volatile memory controller [0108]: Intel Corporation NVMe [3DNAND, Beta Rock] [8086:0a54]
05:00.0 Ethernet controller [0200]: Mellanox Technologies MT27800 Family [ConnectX-5] [15b3:1017]
05:00.1 Ethernet controller [0200]: Mellanox Technologies MT27800 Family [ConnectX-5] [15b3:1017]
06:00.0 VGA compatible controller [0300]: Maker Hi171x [iBMC with VGA support] [19e5:1711] (rev 01)
0001:80:00.0 USB controller [0c03]: Maker USB 3.0 Host Controller [19e5:a238] (rev 21)
"""

VERBOSE = """\
00:01.0 PCI bridge [0604]: Intel Corporation Root Port [8086:a190] (rev f8) (prog-if 00 [Normal decode])
\tControl: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- DisINTx+
\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0
\tCapabilities: [40] Express (v2) Root Port (Slot+), MSI 00
\t\tLnkSta:\tSpeed 8GT/s (ok), Width x8 (downgraded)
\t\tSltCap:\tAttnBtn- PwrCtrl- MRL- AttnInd- PwrInd- HotPlug+ Surprise+
\t\t\tSlot #3, PowerLimit 25.000W; Interlock- NoCompl+
\t\tSltSta:\tStatus: AttnBtn- PowerFlt- MRL- CmdCplt- PresDet+ Interlock-
\tKernel driver in use: pcieport

01:00.0 Ethernet controller [0200]: Intel Corporation I350 [8086:1521] (rev 01)
\tSubsystem: Dell Gigabit 4P I350-t rNDC [1028:1f60]
\tControl: I/O- Mem+ BusMaster- SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tCapabilities: [a0] Express (v2) Endpoint, MSI 00
\t\t\tExtTag- AttnBtn- AttnInd- PwrInd- RBE+ FLReset+ SlotPowerLimit 0.000W
\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)
\t\tInitial VFs: 8, Total VFs: 8, Number of VFs: 0, Function Dependency Link: 00
\tKernel driver in use: igb
\tKernel modules: igb

00:05.4 PIC [0800]: Intel Corporation IOxAPIC [8086:2026] (rev 04) (prog-if 20 [IO(X)-APIC])
\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- FastB2B- DisINTx-
\tCapabilities: [44] Express (v1) Root Complex Integrated Endpoint, MSI 00
"""


def words(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "export").write_text(text)
    functions, _root_buses = read(tmp_path / "export")
    return {
        each.address: " ".join(
            f"{key}={value}"
            for key, value in vars(each).items()
            if value not in (None, False) and key not in ("address", "identity")
        )
        for each in functions
    }


def test_a_tree_and_a_list(tmp_path: Path) -> None:
    assert words(tmp_path, TREE) == {
        "0000:00:08.0": "code=060400 bridge=True type=root_port bus=01",
        "0000:00:10.0": "code=060400 bridge=True type=root_port bus=02",
        "0000:00:11.0": "code=060400 bridge=True type=root_port bus=06",
        "0000:02:00.0": "code=060400 bridge=True type=upstream_port bus=03",
        "0000:03:01.0": "code=060400 bridge=True type=downstream_port bus=04",
        "0000:03:02.0": "code=060400 bridge=True type=downstream_port bus=05",
        "0000:04:00.0": "code=010800 type=endpoint",
        "0000:05:00.0": "code=020000 type=endpoint",
        "0000:05:00.1": "code=020000 type=endpoint",
        "0000:06:00.0": "code=030000 type=endpoint",
        "0001:80:00.0": "code=0c0300",
    }


def test_the_last_identity_of_a_line_counts(tmp_path: Path) -> None:
    (tmp_path / "export").write_text(TREE)
    identities = {each.address: each.identity for each in read(tmp_path / "export")[0]}
    assert identities["0000:06:00.0"] == "19e5:1711"
    assert identities["0000:04:00.0"] == "8086:0a54"


def test_details(tmp_path: Path) -> None:
    assert words(tmp_path, VERBOSE) == {
        "0000:00:01.0": "code=060400 bridge=True type=root_port bus=01 width=8 slot=3 hotplug=True surprise=True"
        " present=True driver=pcieport master=True",
        "0000:01:00.0": "code=020000 sub=1028:1f60 type=endpoint flr=True driver=igb vfs=8",
        "0000:00:05.4": "code=080020 type=rc_integrated_endpoint master=True",
    }
