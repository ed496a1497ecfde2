# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from machines.udev import read


def block(path: str, identity: str, code: str, driver: str | None = None) -> str:
    lines = [
        f"P: /devices/{path}",
        f"E: DEVPATH=/devices/{path}",
        "E: SUBSYSTEM=pci",
        f"E: PCI_CLASS={code}",
        f"E: PCI_ID={identity}",
        "E: PCI_SUBSYS_ID=1028:0627",
    ]
    return "\n".join([*lines, *([f"E: DRIVER={driver}"] if driver else [])])


def test_export(tmp_path: Path) -> None:
    """A switch below a root port, a function on the root bus, and a root bus that VMD made."""
    port = "pci0000:00/0000:00:01.1"
    vmd = "pci0000:97/0000:97:00.5"
    blocks = [
        block("pci0000:00/0000:00:17.0", "8086:A182", "10601", "ahci"),
        block(port, "1022:1483", "60400", "pcieport"),
        block(f"{port}/0000:01:00.0", "1000:C010", "60400", "pcieport"),
        block(f"{port}/0000:01:00.0/0000:02:00.0", "1000:C010", "60400", "pcieport"),
        block(f"{port}/0000:01:00.0/0000:02:00.0/0000:03:00.0", "10DE:20B0", "30200", "nvidia"),
        block("pci0000:00/0000:00:1c.0", "8086:A190", "60400", "pcieport"),
        block("pci0000:00/0000:00:1c.0/0000:04:00.0", "1A03:1150", "60400"),
        block("pci0000:00/0000:00:1c.0/0000:04:00.0/0000:05:00.0", "1A03:2000", "30000"),
        block(vmd, "8086:28C0", "10400", "vmd"),
        block(f"{vmd}/pci10000:80/10000:80:02.0", "8086:352A", "60400", "pcieport"),
        # What is above is not in the export: nobody knows where this is.
        block(f"{vmd}/pci10000:80/10000:80:03.0/10000:83:00.0", "1179:0116", "10802", "nvme"),
        "P: /devices/pci0000:00/0000:00:17.0/ata1\nE: SUBSYSTEM=ata_port",
    ]
    (tmp_path / "export").write_text("\n\n".join(blocks) + "\n")
    functions, root_buses = read(tmp_path / "export")
    assert root_buses == {"10000:80": "0000:97:00.5"}
    found = {each.address: (each.type, each.bus, each.driver) for each in functions}
    assert found == {
        "0000:00:17.0": (None, None, "ahci"),
        "0000:00:01.1": ("root_port", "01", "pcieport"),
        "0000:01:00.0": ("upstream_port", "02", "pcieport"),
        "0000:02:00.0": ("downstream_port", "03", "pcieport"),
        "0000:03:00.0": ("endpoint", None, "nvidia"),
        "0000:00:1c.0": ("root_port", "04", "pcieport"),
        "0000:04:00.0": ("pcie_to_pci_bridge", "05", None),
        "0000:05:00.0": (None, None, None),
        "0000:97:00.5": (None, None, "vmd"),
        "10000:80:02.0": ("root_port", None, "pcieport"),
    }
    (gpu,) = [each for each in functions if each.driver == "nvidia"]
    assert (gpu.identity, gpu.code, gpu.sub) == ("10de:20b0", "030200", "1028:0627")
