# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of hosts that do not exist, in the shape of platform_facts."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]


def function(address: str, parent: str | None = None, **values: t.Any) -> Json:
    """Describe a function; without further values it is an endpoint that works, a network controller."""
    return {
        "address": address,
        "vendor": "8086",
        "device": "10d3",
        "subsystem_vendor": "8086",
        "subsystem_device": "0000",
        "class": "020000",
        "class_name": "Ethernet controller",
        "driver": "e1000e",
        "driver_built_in": False,
        "header": "endpoint",
        "port_type": "endpoint",
        "parent": parent,
        "physical_function": None,
        "secondary": None,
        "numa_node": None,
        "iommu_group": None,
        "link": {"speed": "8.0 GT/s", "width": 4, "active": None},
        "bus_master": True,
        "reset_methods": ["bus"],
        "removable": None,
        "notes": [],
        **values,
    }


def bridge(address: str, parent: str | None = None, **values: t.Any) -> Json:
    """Describe a bridge; without further values it is a root port."""
    return function(
        address,
        parent,
        **{
            "class": "060400",
            "class_name": "PCI-to-PCI bridge",
            "driver": "pcieport",
            "driver_built_in": True,
            "header": "bridge",
            "port_type": "root_port",
            **values,
        },
    )


def host(*functions: Json, **ports: Json) -> Json:
    """Make facts of functions. C(ports) changes values of ports, by what their address ends in: p02_0."""
    below: dict[str, list[str]] = {}
    for each in functions:
        if each["parent"] and not each["physical_function"]:
            below.setdefault(each["parent"], []).append(each["address"])
    return {
        "pcie": {
            "functions": list(functions),
            "ports": [
                {
                    "address": each["address"],
                    "type": each["port_type"],
                    "children": below.get(each["address"], []),
                    "reset_subordinate": True,
                    "link_active": True,
                    **ports.get("p" + each["address"].rpartition(":")[2].replace(".", "_"), {}),
                }
                for each in functions
                if each["port_type"] in ("root_port", "downstream_port")
            ],
        },
        "kdump": {"kernel_release": "6.12.107+deb13-amd64"},
        "platform": {"hostname": "db01.example.com"},
    }
