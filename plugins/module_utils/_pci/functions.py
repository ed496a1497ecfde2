# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The PCI functions and PCI Express ports of a host, from sysfs.

Documentation/ABI/testing/sysfs-bus-pci describes the files. Each is read once, a missing one is null.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import (
    bus_of,
    is_address,
    sort_key,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.class_names import class_name
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import SIZE, decode
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    is_directory,
    link_name,
    names,
    read_bytes,
    read_int,
    read_text,
)

if t.TYPE_CHECKING:
    from pathlib import Path

_DEVICES = "sys/bus/pci/devices"
_DRIVERS = "sys/bus/pci/drivers"
_MODULES = "sys/module"

# The port types whose secondary bus is a link that a hot reset can be sent on.
_RESETTING_PORTS = ("root_port", "downstream_port")


def pcie_facts(root: Path) -> dict[str, t.Any]:
    """Return the C(pcie) facts of M(vmcore.kdump.platform_facts), functions and ports by address."""
    devices = root / _DEVICES
    addresses = sorted(filter(is_address, names(devices)), key=sort_key)
    built_in: dict[str, bool | None] = {}
    functions = [_function(root, devices / address, built_in) for address in addresses]
    return {"functions": functions, "ports": _ports(devices, functions)}


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


def _function(root: Path, device: Path, built_in: dict[str, bool | None]) -> dict[str, t.Any]:
    """Describe one function; C(built_in) remembers the answer for each driver."""
    address = device.name
    config = decode(read_bytes(device / "config", SIZE))
    code = _hex(device / "class", 6)
    driver = link_name(device / "driver")
    if driver is not None and driver not in built_in:
        built_in[driver] = driver_built_in(root, driver)
    group = link_name(device / "iommu_group") or ""
    # drivers/base/core.c, numa_node_show(): -1 is NUMA_NO_NODE.
    node = read_int(device / "numa_node")
    return {
        "address": address,
        "vendor": _hex(device / "vendor", 4),
        "device": _hex(device / "device", 4),
        "subsystem_vendor": _hex(device / "subsystem_vendor", 4),
        "subsystem_device": _hex(device / "subsystem_device", 4),
        "class": code,
        "class_name": class_name(code),
        "driver": driver,
        "driver_built_in": None if driver is None else built_in[driver],
        "header": config.header,
        "port_type": config.port_type,
        "parent": _parent(device),
        "physical_function": link_name(device / "physfn"),
        "secondary": None
        if config.secondary is None
        else f"{bus_of(address).partition(':')[0]}:{config.secondary:02x}",
        "numa_node": node if node is not None and node >= 0 else None,
        "iommu_group": int(group) if group.isdecimal() else None,
        "link": config.link,
        "bus_master": config.bus_master,
        "reset_methods": (read_text(device / "reset_method") or "").split(),
        "removable": read_text(device / "removable"),
        "notes": list(config.notes),
    }


def _ports(devices: Path, functions: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the root ports and switch downstream ports with the functions directly below each.

    Virtual functions are no children: the capture kernel switches SR-IOV off when it finds it on
    (drivers/pci/iov.c, sriov_init()), and would not find what a plan with them names.
    """
    children: dict[str, list[str]] = {}
    for function in functions:
        if function["parent"] is not None and function["physical_function"] is None:
            children.setdefault(function["parent"], []).append(function["address"])
    return [
        {
            "address": function["address"],
            "type": function["port_type"],
            "children": children.get(function["address"], []),
            "reset_subordinate": exists(devices / function["address"] / "reset_subordinate"),
            "link_active": function["link"]["active"],
        }
        for function in functions
        if function["port_type"] in _RESETTING_PORTS
    ]


def _parent(device: Path) -> str | None:
    """Return the bridge above a function, from where its directory lies.

    /sys/bus/pci/devices/0000:01:00.0 is a link to
    ../../../devices/pci0000:00/0000:00:02.0/0000:01:00.0; a function on a root bus lies directly in
    a directory named pci0000:00, which is not an address.
    """
    above = device.resolve().parent.name
    return above if is_address(above) else None


def _hex(path: Path, digits: int) -> str:
    """Return an identifier (C(0x8086)) as digits; if unreadable all ones, which is nobody's."""
    text = read_text(path) or ""
    return text[2:].lower().zfill(digits) if text.startswith("0x") else "f" * digits


__all__ = ("driver_built_in", "pcie_facts")
