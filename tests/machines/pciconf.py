# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What FreeBSD's ``pciconf -lvbc`` prints of a machine.

    pcib2@pci0:0:28:4:	class=0x060400 card=0x07371028 chip=0xa1948086 rev=0xf8 hdr=0x01
        cap 10[40] = PCI-Express 2 root port max data 128(128) ARI disabled
                     link x1(x1) speed 5.0(5.0) ASPM disabled(L1)
                     slot 0 power limit 100 mW

It does not say which bus is below a bridge. usr.sbin/pciconf lists devices as sys/dev/pci adds them: all functions of a
bus, then for each of its bridges in turn what is below. A bridge whose link is down has nothing below. Where that does
not lead to exactly the buses that are there, the export is refused.

What is below Intel's VMD has a domain of its own, far above those of firmware, and VMD's driver calls itself a bridge
(sys/dev/vmd/vmd.c).
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import MANAGEMENT
from machines.machine import Function

_DEVICE = re.compile(
    r"^(?P<driver>\w+?)(?P<unit>\d*)@pci(?P<domain>\d+):(?P<bus>\d+):(?P<slot>\d+):(?P<function>\d+):\s"
    r"class=0x(?P<code>\w{6}) (?P<rest>.*)$"
)
_OLD = re.compile(r"card=0x(\w{4})(\w{4}) chip=0x(\w{4})(\w{4}) rev=\S+ hdr=0x(\w\w)")
_NEW = re.compile(
    r"hdr=0x(\w\w) vendor=0x(\w{4}) device=0x(\w{4}) subvendor=0x(\w{4}) subdevice=0x(\w{4})"
)
_EXPRESS = re.compile(r"cap 10\[\w+\] = PCI-Express \d ([a-zA-Z -]+?)(?: max data| MSI|$)")
_LINK = re.compile(r"^ +link x(\d+)\(x\d+\)")
_SLOT = re.compile(r"^ +slot (\d+)")
_VIRTUAL = re.compile(r"(\d+) VFs configured out of (\d+) supported")
_TYPES = {
    "endpoint": "endpoint",
    "legacy endpoint": "legacy_endpoint",
    "root port": "root_port",
    "upstream port": "upstream_port",
    "downstream port": "downstream_port",
    "PCI bridge": "pcie_to_pci_bridge",
    "PCI to PCIe bridge": "pci_to_pcie_bridge",
    "root endpoint": "rc_integrated_endpoint",
    "event collector": "rc_event_collector",
}
# FreeBSD's drivers, and Linux's for the same devices. Those that are not here have one of the same name, or none.
_DRIVERS = {
    "ahci": "ahci", "bce": "bnx2", "bge": "tg3", "bnxt": "bnxt_en", "bxe": "bnx2x", "ciss": "hpsa", "cxl": "cxgb4",
    "ehci": "ehci-pci", "em": "e1000e", "hdac": "snd_hda_intel", "ice": "ice", "igb": "igb", "ioat": "ioatdma",
    "isci": "isci", "ix": "ixgbe", "ixl": "i40e", "mfi": "megaraid_sas", "mlx4_core": "mlx4_core",
    "mlx5_core": "mlx5_core", "mpr": "mpt3sas", "mps": "mpt3sas", "mrsas": "megaraid_sas", "nvme": "nvme",
    "pcib": "pcieport", "smartpqi": "smartpqi", "uhci": "uhci_hcd", "xhci": "xhci_hcd", "qlnxe": "qede",
    "aacraid": "aacraid",
}  # fmt: skip


# The VMDs of servers (drivers/pci/controller/vmd.c, vmd_ids), and the lowest domain that FreeBSD gives to any.
_VMD = ("8086:201d", "8086:28c0")
_VMD_DOMAIN = 0xFF00
# No bridge is above these.
_IN_ROOT_COMPLEX = ("root_port", "rc_integrated_endpoint", "rc_event_collector")


class NotATreeError(Exception):
    """The buses below the bridges cannot be told."""


def read(export: Path) -> tuple[list[Function], dict[str, str]]:
    """Return the functions. Raises NotATreeError where it is not clear what is below which bridge."""
    functions: list[Function] = []
    for block in export.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        lines = block.strip("\n").split("\n")
        found = _DEVICE.match(lines[0])
        if found:
            functions.append(_function(found, lines[1:]))
    _place(functions)
    return functions, _root_buses(functions)


def _root_buses(functions: list[Function]) -> dict[str, str]:
    """Return the root buses that VMD made: bus -> function. FreeBSD attaches them in the order of the functions."""
    makers = [each.address for each in functions if each.identity in _VMD and each.driver == "vmd"]
    domains = sorted({each.address.partition(":")[0] for each in functions})
    made = [f"{domain}:00" for domain in domains if int(domain, 16) >= _VMD_DOMAIN]
    if len(made) != len(makers):
        raise NotATreeError(f"{len(makers)} VMDs cannot have made {', '.join(made) or 'no domain'}")
    return dict(zip(made, makers, strict=True))


def _function(found: re.Match[str], lines: list[str]) -> Function:
    old, new = _OLD.search(found["rest"]), _NEW.search(found["rest"])
    if old:
        subdevice, subvendor, device, vendor, header = old.groups()
    elif new:
        header, vendor, device, subvendor, subdevice = new.groups()
    else:
        raise NotATreeError(found[0])
    numbers = [int(found[key]) for key in ("domain", "bus", "slot", "function")]
    function = Function(
        address="{:04x}:{:02x}:{:02x}.{:x}".format(*numbers),
        identity=f"{vendor}:{device}",
        code=found["code"],
        bridge=int(header, 16) & 0x7F == 1,
        sub=None if subvendor in ("0000", "ffff") else f"{subvendor}:{subdevice}",
        driver=_DRIVERS.get(found["driver"]),
        # FreeBSD's drivers switch it on when they attach, and so does its bridge driver.
        master=found["driver"] not in ("none", "hostb", "vgapci", "isab"),
    )
    _capabilities(function, lines)
    # pciehp and AER come with ports alone.
    if function.driver == "pcieport" and function.identity in _VMD:
        function.driver = "vmd"
    elif function.driver == "pcieport" and function.type not in (
        "root_port", "upstream_port", "downstream_port",
    ):  # fmt: skip
        function.driver = None
    return function


def _capabilities(function: Function, lines: list[str]) -> None:
    for line in lines:
        express, link, slot, virtual = (
            pattern.search(line) for pattern in (_EXPRESS, _LINK, _SLOT, _VIRTUAL)
        )
        if express:
            function.type = _TYPES.get(express[1].strip())
            function.flr = " FLR" in line
        elif link:
            function.width = int(link[1])
        elif slot:
            function.slot = int(slot[1])
            function.hotplug = "HotPlug" in line
            function.present = "HotPlug(present)" in line
            function.surprise = "surprise" in line
        elif virtual:
            function.vfs = int(virtual[2])


def _place(functions: list[Function]) -> None:
    """Give each bridge the bus below it."""
    buses: dict[str, list[Function]] = {}
    for function in functions:
        buses.setdefault(function.address[:7], []).append(function)
    # A root bus: one that follows when no bridge waits for a bus any more.
    waiting: list[Function] = []
    for bus, members in buses.items():
        root = any(each.type in _IN_ROOT_COMPLEX for each in members)
        while waiting and (
            (root and _may_be_empty(waiting[0])) or _is_passed_by(waiting[0], members)
        ):
            waiting.pop(0)
        if waiting:
            above = waiting.pop(0)
            if root or bus <= above.address[:7]:
                raise NotATreeError(f"{bus} cannot be below {above.address}")
            above.bus = bus[5:]
        waiting = [each for each in members if _leads_somewhere(each)] + waiting
    empty = [each.address for each in waiting if not _may_be_empty(each)]
    if empty:
        raise NotATreeError(f"nothing is below {empty[0]}")


def _is_passed_by(bridge: Function, members: list[Function]) -> bool:
    """Say whether a bus is not that below a bridge, whose link says that something is.

    pci.ids: 8086:1d3e is the virtual root port of a C600 chipset, below which only 1d60 to 1d6f can be, its SAS
    controller. Where that is switched off nothing is, and the link is up.
    """
    return bridge.identity == "8086:1d3e" and not any(
        each.identity.startswith("8086:1d6") for each in members
    )


def _may_be_empty(bridge: Function) -> bool:
    """Say whether the link does not tell that nothing is below a bridge.

    A conventional bridge has none. On servers nothing is below that of the chipset. Links inside a management
    controller, as of the Renesas SH7757 in Dell's iDRAC 7, are always up.
    """
    return bridge.type is None or any(
        fnmatch.fnmatchcase(bridge.identity, row.pattern) for row in MANAGEMENT
    )


def _leads_somewhere(function: Function) -> bool:
    if not function.bridge:
        return False
    # Inside the processor there may be no width to tell.
    return function.width is None or function.width > 0


__all__ = ("NotATreeError", "read")
