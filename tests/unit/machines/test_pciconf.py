# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from machines.pciconf import NotATreeError, read

# As FreeBSD 13 prints it: a root port with a NIC, an empty port, and a switch with a drive. A second root bus follows.
EXPORT = """\
hostb0@pci0:0:0:0:	class=0x060000 rev=0x04 hdr=0x00 vendor=0x8086 device=0x2020 subvendor=0x8086 subdevice=0x0000
    cap 10[90] = PCI-Express 2 root port max data 128(256)
                 link x0(x4) speed 0.0(8.0)

pcib1@pci0:0:1:0:	class=0x060400 rev=0x01 hdr=0x01 vendor=0x8086 device=0xa190 subvendor=0x1028 subdevice=0x0737
    cap 10[40] = PCI-Express 2 root port max data 128(256) ARI disabled
                 link x4(x4) speed 8.0(8.0) ASPM disabled(L1)
                 slot 3 power limit 25000 mW HotPlug(present) surprise

pcib2@pci0:0:2:0:	class=0x060400 rev=0x01 hdr=0x01 vendor=0x8086 device=0xa191 subvendor=0x1028 subdevice=0x0737
    cap 10[40] = PCI-Express 2 root port max data 128(256) ARI disabled
                 link x0(x4) speed 0.0(8.0)

pcib3@pci0:0:3:0:	class=0x060400 card=0x07371028 chip=0xa1928086 rev=0x01 hdr=0x01
    cap 10[40] = PCI-Express 2 root port max data 128(256)
                 link x8(x8) speed 8.0(8.0)

igb0@pci0:1:0:0:	class=0x020000 rev=0x01 hdr=0x00 vendor=0x8086 device=0x1521 subvendor=0x1028 subdevice=0x1f60
    cap 10[a0] = PCI-Express 2 endpoint max data 256(512) FLR NS
                 link x4(x4) speed 5.0(5.0)
    ecap 0010[160] = SR-IOV 1 IOV disabled, Memory Space disabled, ARI disabled
                     0 VFs configured out of 8 supported

pcib4@pci0:2:0:0:	class=0x060400 card=0x00000000 chip=0x874710b5 rev=0xca hdr=0x01
    cap 10[68] = PCI-Express 2 upstream port max data 256(2048)
                 link x8(x16) speed 8.0(8.0)

pcib5@pci0:3:8:0:	class=0x060400 card=0x00000000 chip=0x874710b5 rev=0xca hdr=0x01
    cap 10[68] = PCI-Express 2 downstream port max data 256(2048)
                 link x4(x16) speed 8.0(8.0)

nvme0@pci0:4:0:0:	class=0x010802 card=0xa801144d chip=0xa822144d rev=0x01 hdr=0x00
    cap 10[70] = PCI-Express 2 endpoint max data 128(256) FLR
                 link x4(x4) speed 8.0(8.0)

none0@pci0:128:5:0:	class=0x088000 card=0x00008086 chip=0x20248086 rev=0x04 hdr=0x00
    cap 10[40] = PCI-Express 2 root endpoint max data 128(128)
"""


def converted(tmp_path: Path, text: str) -> dict[str, str]:
    """Return the words of each function's line, without what it is."""
    (tmp_path / "export").write_text(text)
    functions, _root_buses = read(tmp_path / "export")
    return {
        each.address: " ".join(
            f"{key}={value}"
            for key, value in vars(each).items()
            if value is not None
            and value is not False
            and key not in ("address", "identity", "code")
        )
        for each in functions
    }


def test_export(tmp_path: Path) -> None:
    assert converted(tmp_path, EXPORT) == {
        "0000:00:00.0": "sub=8086:0000 type=root_port width=0",
        "0000:00:01.0": "bridge=True sub=1028:0737 type=root_port bus=01 width=4 slot=3 hotplug=True surprise=True"
        " present=True driver=pcieport master=True",
        "0000:00:02.0": "bridge=True sub=1028:0737 type=root_port width=0 driver=pcieport master=True",
        "0000:00:03.0": "bridge=True sub=1028:0737 type=root_port bus=02 width=8 driver=pcieport master=True",
        "0000:01:00.0": "sub=1028:1f60 type=endpoint width=4 flr=True driver=igb master=True vfs=8",
        "0000:02:00.0": "bridge=True type=upstream_port bus=03 width=8 driver=pcieport master=True",
        "0000:03:08.0": "bridge=True type=downstream_port bus=04 width=4 driver=pcieport master=True",
        "0000:04:00.0": "sub=144d:a801 type=endpoint width=4 flr=True driver=nvme master=True",
        "0000:80:05.0": "sub=8086:0000 type=rc_integrated_endpoint",
    }


VMD = """
pcib9@pci0:100:5:5:	class=0x010400 rev=0x04 hdr=0x00 vendor=0x8086 device=0x201d subvendor=0x17aa subdevice=0x780f
    cap 10[80] = PCI-Express 2 root endpoint max data 128(128)

pcib10@pci65530:0:0:0:	class=0x060400 rev=0x04 hdr=0x01 vendor=0x8086 device=0x2030 subvendor=0x8086 subdevice=0x0000
    cap 10[90] = PCI-Express 2 root port max data 256(256)
                 link x4(x4) speed 8.0(8.0)

nvme1@pci65530:1:0:0:	class=0x010802 rev=0x01 hdr=0x00 vendor=0x1344 device=0x51c4 subvendor=0x1344 subdevice=0x2100
    cap 10[40] = PCI-Express 2 endpoint max data 256(512) FLR
                 link x4(x4) speed 8.0(8.0)
"""


def test_what_vmd_made_is_below_it(tmp_path: Path) -> None:
    (tmp_path / "export").write_text(EXPORT + VMD)
    functions, root_buses = read(tmp_path / "export")
    assert root_buses == {"fffa:00": "0000:64:05.5"}
    drivers = {each.address: each.driver for each in functions}
    assert (drivers["0000:64:05.5"], drivers["fffa:01:00.0"]) == ("vmd", "nvme")


def test_a_domain_of_vmd_that_nothing_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export").write_text(EXPORT + VMD.replace("0x201d", "0x2010"))
    with pytest.raises(NotATreeError):
        read(tmp_path / "export")


PORT_UP = "link x4(x4) speed 8.0(8.0)\n\npcib3"


@pytest.mark.parametrize(
    "text",
    [
        # A port says that its link is up, and nothing is left to be below but a root bus, or nothing at all.
        EXPORT.replace("link x0(x4) speed 0.0(8.0)\n\npcib3", PORT_UP),
        EXPORT.replace("link x0(x4) speed 0.0(8.0)\n\npcib3", PORT_UP).partition("none0")[0],
    ],
)
def test_an_export_that_does_not_tell_its_tree_is_refused(tmp_path: Path, text: str) -> None:
    assert PORT_UP in text
    with pytest.raises(NotATreeError):
        converted(tmp_path, text)
