# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The PCI functions, PCI Express ports and host bridges of a host, from sysfs.

Documentation/ABI/testing/sysfs-bus-pci describes the files. Each is read once, a missing one is null.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import (
    bus_of,
    is_address,
    sort_key,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.class_names import class_name
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import (
    NOTE_UNPRIVILEGED,
    ConfigSpace,
    decode_window,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.names import device_names
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.slots import Slots
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    is_directory,
    link_name,
    link_target,
    names,
    open_window,
    read_int,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    Json = dict[str, t.Any]

NOTE_NO_BUS = (
    "/sys/bus/pci/devices is missing: the host has no PCI, or the tree was captured without it."
)
NOTE_NO_NAMES = "The host has no pci.ids, functions have no names."
NOTE_NO_EXTENDED = (
    "The extended configuration space of {count} functions cannot be read: it is not known whether"
    " they have AER, ACS, ARI, ATS, PRI, PASID, DPC, SR-IOV or CXL."
)
NOTE_UNKNOWN_BRIDGES = (
    "Of {count} bridges only the header can be read: whether they are PCI Express ports is not known. Become root, or"
    " capture the tree as root."
)

_DEVICES = "sys/bus/pci/devices"
_DRIVERS = "sys/bus/pci/drivers"
_MODULES = "sys/module"


class _Device(t.NamedTuple):
    """What several facts are made of: registers, power state before they were read, and place."""

    config: ConfigSpace
    power_state: str | None
    parent: str | None
    root_bus: str | None
    host_bridge: str | None


# The port types whose secondary bus is a link that a hot reset can be sent on.
_RESETTING_PORTS = ("root_port", "downstream_port")
# What a function's facts take from its configuration space as it is.
_FROM_CONFIG = (
    "header",
    "port_type",
    "link",
    "max_payload",
    "flr",
    "transactions_pending",
    "hotplug",
    "bus_master",
    "msi",
    "msix",
    "aer",
    "acs",
    "ari",
    "ats",
    "pri",
    "pasid",
    "cxl",
    "dpc",
    "sriov",
)


def pcie_facts(root: Path) -> Json:
    """Return the C(pcie) facts of M(vmcore.kdump.platform_facts), all sorted by address."""
    devices = root / _DEVICES
    addresses = sorted(filter(is_address, names(devices)), key=sort_key)
    slots = Slots(root)
    built_in: dict[str, bool | None] = {}
    found = {address: _device(f"{devices}/{address}") for address in addresses}
    functions = [_function(root, address, found[address], slots, built_in) for address in addresses]
    notes = [] if addresses or is_directory(devices) else [NOTE_NO_BUS]
    unextended = sum(each.config.extended is False for each in found.values())
    if unextended:
        notes.append(NOTE_NO_EXTENDED.format(count=unextended))
    unknown = sum(
        each.config.header == "bridge"
        and each.config.port_type is None
        and NOTE_UNPRIVILEGED in each.config.notes
        for each in found.values()
    )
    if unknown:
        notes.append(NOTE_UNKNOWN_BRIDGES.format(count=unknown))
    if functions and not _add_names(root, functions):
        notes.append(NOTE_NO_NAMES)
    return {
        "functions": functions,
        "ports": _ports(devices, functions, found, slots),
        "host_bridges": _host_bridges(found),
        "notes": notes,
    }


def driver_built_in(root: Path, driver: str) -> bool | None:
    """Say whether a PCI driver is built into the running kernel; None for an unknown driver.

    drivers/base/module.c, module_add_driver(): the driver's C(module) link leads to
    /sys/module/<name>. For built-in code that directory may exist (it has parameters or a version)
    or not (then there is no link); only a loaded module's directory has C(initstate)
    (kernel/module/sysfs.c).
    """
    directory = root / _DRIVERS / driver
    if not is_directory(directory):
        return None
    module = link_name(directory / "module")
    return module is None or not exists(root / _MODULES / module / "initstate")


def _device(device: str) -> _Device:
    """Find out where a function is, in what power state, and what its configuration space says.

    drivers/pci/pci-sysfs.c, pci_read_config() wakes a suspended function up: whoever asks the
    registers hears D0. power_state, which must come first, has what the kernel knows.
    """
    # drivers/pci/pci.h, pci_power_name(): error, D0, D1, D2, D3hot, D3cold, unknown
    state = read_text(f"{device}/power_state") or ""
    with open_window(f"{device}/config") as read:
        config = decode_window(read)
    return _Device(config, state if state.startswith("D") else config.power_state, *_place(device))


def _function(
    root: Path, address: str, found: _Device, slots: Slots, built_in: dict[str, bool | None]
) -> Json:
    """Describe one function; C(built_in) remembers the answer for each driver."""
    device = f"{root}/{_DEVICES}/{address}"
    config = found.config
    code = _hex(f"{device}/class", 6)
    driver = link_name(f"{device}/driver")
    if driver is not None and driver not in built_in:
        built_in[driver] = driver_built_in(root, driver)
    group = link_name(f"{device}/iommu_group") or ""
    # drivers/base/core.c, numa_node_show(): -1 is NUMA_NO_NODE.
    node = read_int(f"{device}/numa_node")
    return {
        "address": address,
        "vendor": _hex(f"{device}/vendor", 4),
        "device": _hex(f"{device}/device", 4),
        "subsystem_vendor": _hex(f"{device}/subsystem_vendor", 4),
        "subsystem_device": _hex(f"{device}/subsystem_device", 4),
        "class": code,
        "class_name": class_name(code),
        "name": None,
        # drivers/pci/pci-label.c: what SMBIOS (type 41) or ACPI (_DSM) calls a device on the board.
        "slot": (
            slots.of_function(address) if config.header == "bridge" else slots.of_device(address)
        )
        or read_text(f"{device}/label")
        or None,
        "driver": driver,
        "driver_built_in": None if driver is None else built_in[driver],
        "parent": found.parent,
        "root_bus": found.root_bus,
        "physical_function": link_name(f"{device}/physfn"),
        "secondary": None
        if config.secondary is None
        else f"{bus_of(address).partition(':')[0]}:{config.secondary:02x}",
        "numa_node": node if node is not None and node >= 0 else None,
        "iommu_group": int(group) if group.isdecimal() else None,
        "power_state": found.power_state,
        **{key: getattr(config, key) for key in _FROM_CONFIG},
        "capabilities": list(config.capabilities),
        "reset_methods": (read_text(f"{device}/reset_method") or "").split(),
        "removable": read_text(f"{device}/removable"),
        "notes": list(config.notes),
    }


def _add_names(root: Path, functions: list[Json]) -> bool:
    """Name the functions; False if the host has no pci.ids."""
    pairs = [(function["vendor"], function["device"]) for function in functions]
    known = device_names(root, pairs)
    for function, pair in zip(functions, pairs):
        function["name"] = (known or {}).get(pair)
    return known is not None


def _ports(
    devices: Path, functions: list[Json], found: dict[str, _Device], slots: Slots
) -> list[Json]:
    """Return the root ports and switch downstream ports with the functions directly below each.

    Virtual functions are no children: the capture kernel switches SR-IOV off when it finds it on
    (drivers/pci/iov.c, sriov_init()), and would not find what a plan with them names.
    """
    children: dict[str, list[Json]] = {}
    for function in functions:
        if function["parent"] is not None and function["physical_function"] is None:
            children.setdefault(function["parent"], []).append(function)
    depths = _depths({function["address"]: function["parent"] for function in functions})
    return [
        _port(
            function,
            found[function["address"]].config,
            children.get(function["address"], []),
            exists(f"{devices}/{function['address']}/reset_subordinate"),
            slots,
            depths[function["address"]],
        )
        for function in functions
        # Intel's DMI has the type of a root port where it is a host bridge: no bus is behind it.
        if function["port_type"] in _RESETTING_PORTS and function["header"] == "bridge"
    ]


def _port(
    function: Json,
    config: ConfigSpace,
    children: list[Json],
    reset_subordinate: bool,
    slots: Slots,
    depth: int,
) -> Json:
    named = [child["slot"] for child in children if child["slot"]]
    return {
        "address": function["address"],
        "type": function["port_type"],
        "depth": depth,
        "children": [child["address"] for child in children],
        "reset_subordinate": reset_subordinate,
        "link_active": function["link"] and function["link"]["active"],
        "slot": slots.of_bus(function["secondary"])
        or slots.designation(function["address"])
        or (named[0] if named else slots.of_number(config.slot_number)),
        "hotplug": config.hotplug,
        "surprise": config.surprise,
        "presence": config.presence,
        "dpc": config.dpc,
        "cxl": config.cxl,
        "sbr_masked": config.sbr_masked,
        # drivers/pci/probe.c, pci_set_removable(): what is below an external port is removable.
        "external": any(each["removable"] == "removable" for each in (function, *children)),
    }


def _depths(parents: dict[str, str | None]) -> dict[str, int]:
    """Return how many bridges are above each function. A tree that bites its tail is followed once."""
    depths: dict[str, int] = {}
    for address in parents:
        path: list[str] = []
        here: str | None = address
        while here is not None and here not in depths and here not in path:
            path.append(here)
            here = parents.get(here)
        depth = -1 if here is None else depths.get(here, -1)
        for above in reversed(path):
            depth += 1
            depths[above] = depth
    return depths


def _host_bridges(found: dict[str, _Device]) -> list[Json]:
    """Return the root buses, each with the function that is its host bridge, as Intel VMD's is."""
    bridges: dict[str, str | None] = {}
    for device in found.values():
        if device.root_bus is not None:
            bridges.setdefault(device.root_bus, device.host_bridge)
    return [{"root_bus": bus, "function": function} for bus, function in bridges.items()]


def _place(device: str) -> tuple[str | None, str | None, str | None]:
    """Return the bridge above a function, its root bus, and the function that this is the root bus of.

    /sys/bus/pci/devices/0000:01:00.0 is a link to
    ../../../devices/pci0000:00/0000:00:02.0/0000:01:00.0; a function on a root bus lies directly in
    a directory named pci0000:00, which is not an address. Intel VMD has a root bus below a function:
    ../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0.
    """
    parts = posixpath.normpath(link_target(device) or "").split("/")[:-1]
    parent = parts[-1] if parts and is_address(parts[-1]) else None
    for position in range(len(parts) - 1, -1, -1):
        bus = parts[position][3:]
        if parts[position].startswith("pci") and is_address(f"{bus}:00.0"):
            above = parts[position - 1] if position else ""
            return parent, bus, above if is_address(above) else None
    return parent, None, None


def _hex(path: str, digits: int) -> str:
    """Return an identifier (C(0x8086)) as digits; if unreadable all ones, which is nobody's."""
    text = read_text(path) or ""
    return text[2:].lower().zfill(digits) if text.startswith("0x") else "f" * digits


__all__ = (
    "NOTE_NO_BUS",
    "NOTE_NO_EXTENDED",
    "NOTE_NO_NAMES",
    "NOTE_UNKNOWN_BRIDGES",
    "driver_built_in",
    "pcie_facts",
)
