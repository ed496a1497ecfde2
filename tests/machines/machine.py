# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of tests/unit/data/machines: its PCI functions as a public export tells them, and a tree made of them.

A file has one fact a line. The functions have nothing that tells one machine from another of its model: no serial
numbers, no addresses of networks, no memory addresses.

    title       Dell PowerEdge R740xd
    kinds       rack server
    source      github.com/bsdhw/PCIconf
    dmi         product_name=PowerEdge R740xd
    architecture  x86_64
    root        10000:e0 0000:97:00.5
    0000:00:1c.0 8086:a190 060400 sub=1028:0737 type=root_port bus=02 width=1 slot=0 hotplug present

C(root) is a root bus below a function. Words of a function: C(sub) subsystem, C(type) Device/Port Type, absent for
conventional PCI, C(bus) secondary bus, C(width) of the link, C(slot) with C(hotplug), C(surprise) and C(present),
C(flr), C(driver), C(master) Bus Master is on, C(vfs) SR-IOV's total, C(vf) the physical function, C(header) only the
header could be read, C(cxl) it has a DVSEC of CXL.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    Link,
    build,
    config_space,
    express,
    extended_capability,
    pci_function,
)

DATA = Path(__file__).parents[1] / "unit" / "data" / "machines"
# As Debian 13's kernel would show the machine: it has both reset files, and pciehp takes a reset for a removal.
RELEASE = "6.12.107+deb13-amd64"

_HEADER = """\
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A real machine, from a public export of its hardware, by tests/machines.
"""
_TYPES = {
    "endpoint": 0x0,
    "legacy_endpoint": 0x1,
    "root_port": 0x4,
    "upstream_port": 0x5,
    "downstream_port": 0x6,
    "pcie_to_pci_bridge": 0x7,
    "pci_to_pcie_bridge": 0x8,
    "rc_integrated_endpoint": 0x9,
    "rc_event_collector": 0xA,
}
_MODULES = "sys/module"


@dataclasses.dataclass
class Function:
    """One function. The names of the fields are the words of a machine's file."""

    address: str
    identity: str
    code: str
    bridge: bool = False
    sub: str | None = None
    type: str | None = None
    bus: str | None = None
    width: int | None = None
    slot: int | None = None
    hotplug: bool = False
    surprise: bool = False
    present: bool = False
    flr: bool = False
    driver: str | None = None
    master: bool = False
    vfs: int | None = None
    vf: str | None = None
    header: bool = False
    cxl: bool = False

    @property
    def secondary(self) -> str | None:
        """Return the bus below a bridge, C(DDDD:BB)."""
        return f"{self.address.partition(':')[0]}:{self.bus}" if self.bus else None


_WORDS = [
    field
    for field in dataclasses.fields(Function)
    if field.name not in ("address", "identity", "code")
]


@dataclasses.dataclass
class Machine:
    """A machine, and where what is known of it is from."""

    title: str
    kinds: list[str]
    source: str
    architecture: str
    dmi: dict[str, str]
    root_buses: dict[str, str]  # root bus -> the function that it is below
    functions: list[Function]


def write(path: Path, machine: Machine) -> None:
    """Write a machine's file."""
    lines = [
        f"title\t{machine.title}",
        f"kinds\t{', '.join(machine.kinds)}",
        f"source\t{machine.source}",
        *(f"dmi\t{key}={value}" for key, value in machine.dmi.items()),
        f"architecture\t{machine.architecture}",
        *(f"root\t{bus} {function}" for bus, function in sorted(machine.root_buses.items())),
        *map(_line, sorted(machine.functions, key=lambda each: each.address)),
    ]
    path.write_text(_HEADER + "\n".join(lines) + "\n", encoding="utf-8")


def _line(function: Function) -> str:
    words = [function.address, function.identity, function.code]
    for field in _WORDS:
        value = getattr(function, field.name)
        if value is True:
            words.append(field.name)
        elif value is not None and value is not False:
            words.append(f"{field.name}={value}")
    return " ".join(words)


def read(path: Path) -> Machine:
    """Read a machine's file."""
    values: dict[str, str] = {}
    machine = Machine("", [], "", "", {}, {}, [])
    for line in path.read_text(encoding="utf-8").splitlines():
        key, _tab, value = line.partition("\t")
        if not line or line.startswith("#"):
            continue
        if key == "dmi":
            name, _equals, text = value.partition("=")
            machine.dmi[name] = text
        elif key == "root":
            bus, _space, function = value.partition(" ")
            machine.root_buses[bus] = function
        elif value:
            values[key] = value
        else:
            machine.functions.append(_function(line))
    machine.title, machine.source = values["title"], values["source"]
    machine.kinds = values["kinds"].split(", ")
    machine.architecture = values["architecture"]
    return machine


def _function(line: str) -> Function:
    address, identity, code, *words = line.split(" ")
    function = Function(address, identity, code)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            setattr(function, name, True)
        else:
            setattr(function, name, int(value) if name in ("width", "slot", "vfs") else value)
    return function


def unpack(machine: Machine, root: Path, *, release: str = RELEASE) -> Path:
    """Make the machine's tree, as platform_facts reads it."""
    by_bus = {bus: each for each in machine.functions if (bus := each.secondary)}
    alone = _alone(machine)
    tree: dict[str, bytes | str | None] = {
        "proc/sys/kernel/osrelease": f"{release}\n",
        "proc/sys/kernel/arch": f"{machine.architecture}\n",
        "proc/sys/kernel/hostname": "machine\n",
        "proc/cmdline": "ro\n",
        **{f"sys/class/dmi/id/{key}": f"{value}\n" for key, value in machine.dmi.items()},
    }
    for function in machine.functions:
        path = _path(function, by_bus, machine)
        tree.update(_files(function, path))
        directory = f"sys/devices/{path}"
        if function.bridge:
            tree[f"{directory}/reset_subordinate"] = ""
        else:
            methods = [*(["flr"] if function.flr else []), *(["bus"] if function in alone else [])]
            tree[f"{directory}/reset_method"] = " ".join(methods) + "\n"
        if function.driver:
            module = function.driver.replace("-", "_")
            up = "../../../.."
            tree[f"sys/bus/pci/drivers/{function.driver}/module"] = Link(f"{up}/module/{module}")
            # pcieport is built in everywhere.
            if function.driver != "pcieport":
                tree[f"{_MODULES}/{module}/initstate"] = "live\n"
    return build(root, tree)


def _alone(machine: Machine) -> list[Function]:
    """Return the functions that the kernel resets by the bus: alone on it, below a bridge."""
    by_bus: dict[str, list[Function]] = {}
    for function in machine.functions:
        if not function.vf:
            by_bus.setdefault(_bus(function), []).append(function)
    below = {each.secondary for each in machine.functions}
    return [each[0] for bus, each in by_bus.items() if len(each) == 1 and bus in below]


def _bus(function: Function) -> str:
    return ":".join(function.address.split(":")[:2])


def _path(function: Function, by_bus: dict[str, Function], machine: Machine) -> str:
    """Return where a function is below sys/devices."""
    above = by_bus.get(_bus(function))
    if above is not None:
        return f"{_path(above, by_bus, machine)}/{function.address}"
    bus = _bus(function)
    inside = machine.root_buses.get(bus)
    host = next((each for each in machine.functions if each.address == inside), None)
    start = f"{_path(host, by_bus, machine)}/" if host else ""
    return f"{start}pci{bus}/{function.address}"


def _files(function: Function, path: str) -> dict[str, bytes | str | None]:
    vendor, _colon, device = (function.sub or "ffff:ffff").partition(":")
    files = pci_function(
        path,
        ids=function.identity,
        pci_class=function.code,
        config=_config(function),
        subsystem_vendor=f"0x{vendor}\n",
        subsystem_device=f"0x{device}\n",
    )
    directory = f"sys/devices/{path}"
    up = "../" * (directory.count("/") + 1)
    if function.driver:
        files[f"{directory}/driver"] = Link(f"{up}bus/pci/drivers/{function.driver}")
    if function.vf:
        files[f"{directory}/physfn"] = Link(f"../{function.vf}")
    return files


def _config(function: Function) -> bytes:
    """Compose the configuration space: what the export told, and nothing else is on."""
    # Memory, and Bus Master.
    command = 0x0402 | (0x0004 if function.master else 0)
    capabilities = None
    if function.type:
        slot = function.slot
        flags = (
            slot if slot is None else slot << 19 | function.hotplug << 6 | function.surprise << 5
        )
        capabilities = {
            0x40: express(
                _TYPES[function.type],
                device_capabilities=function.flr << 28,
                link_status=(function.width or 0) << 4 | 1,
                slot_capabilities=flags,
                slot_status=function.present << 6,
            )
        }
    extended = None
    if function.type and not function.header:
        # 9.3.3: control at 8, TotalVFs at e, NumVFs at 10.
        virtual = bytes(10) + (function.vfs or 0).to_bytes(2, "little") + bytes(2)
        # CXL 8.1.3, the DVSEC of devices: vendor 1e98, identifier 0.
        cxl = bytes.fromhex("981e 8003 0000")
        extended = {0x100: bytes(4)}
        if function.vfs:
            extended[0x100] = extended_capability(0x10, virtual, next_pointer=0x180 * function.cxl)
        if function.cxl:
            extended[0x180 if function.vfs else 0x100] = extended_capability(0x23, cxl)
    return config_space(
        header=1 if function.bridge else 0,
        command=command,
        secondary=int(function.bus or "0", 16),
        capabilities=capabilities,
        extended=extended,
        # A list of capabilities begins behind the header.
        pointer=0x40 if function.header else None,
        size=64 if function.header else 256,
    )


__all__ = ("DATA", "RELEASE", "Function", "Machine", "read", "unpack", "write")
