# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How many functions that can do DMA a plan makes silent, which keep running and why, and what would change that."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.stage_choice import (
    against_quiesce,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.decide import decide
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import (
    MANAGEMENT,
    SWITCH_MANAGEMENT,
    model,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import RESETS_HOST_BRIDGES

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.decide import Case
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import HostTraits
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.topology import Topology

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]
    Json = dict[str, t.Any]

# PCI Code and ID Assignment Specification, 1. What these do is move data; Bus Master may be off at the moment, as with
# a network interface that is down.
_MOVES_DATA = (
    "01", "02", "03", "04", "0b40", "0c00", "0c03", "0c04", "0c06", "0d", "0e", "10", "12",
)  # fmt: skip
# Host and other bridges but "other bridge", and non-essential instrumentation, as AMD's dummy functions say they are.
_MOVES_NOTHING = ("060", "13")

# Why functions keep running. Reasons of the plan that are not here have no functions below that answer.
_WORDS: dict[str, str] = {
    "accelerator": "accelerators, not qualified on this platform",
    "beside_switch": "beside the upstream port of a switch",
    "bmc": "functions of the management controller",
    "built_in_driver": "drivers that are built in and bind before the reset",
    "console": "the serial console",
    "cxl": "CXL",
    "cxl_port": "ports that are able to do CXL",
    "display": "display controllers",
    "driver_made": "behind a driver that resets them itself, Intel VMD's",
    "dump_target": "what the dump is written through",
    "excluded": "excluded by rules",
    "kernel_resets": "no port that is reset from user space",
    "external": "what is outside of the machine or can be unplugged",
    "fabric": "bridges into a fabric",
    "hotplug": "occupied hot-plug slots, which this kernel would take for emptied",
    "integrated": "integrated into the root complex, no port above",
    "legacy_pci": "conventional PCI",
    "link_down": "functions that do not answer",
    "memory": "memory",
    "no_bus_reset": "harmed by a bus reset",
    "no_reset_method": "no method of this kernel and policy resets them",
    "not_endpoint": "integrated behind a port that leads to no endpoint",
    "sbr_masked": "the port ignores a bus reset while it does CXL",
    "switch_management": "management endpoints of switches",
    "target_driver": "what the dump is written through, whose driver deals with it",
    "unreadable": "functions that cannot be read",
}

_LEVERS: dict[str, str] = {
    "quiesce": "the stage quiesce",
    "compat": "pcie_ports=compat on the capture kernel's command line",
    "files": "a kernel that has reset_subordinate (docs/reference/reset-helper.md tells which)",
    "kernel": "Linux 7.2 or a later kernel",
    "qualify": "a passed crash test of this platform with a rule for its accelerators",
    "sbr": "the policy sbr: fallback, after this platform is qualified with it",
    "flr": "the policy flr: fallback, which resets less than the bus",
}


def exposure(facts: Facts, case: Case, host: HostTraits, ports: Sequence[Port]) -> Json:
    """Count the functions that can do DMA by what C(ports), the plan's entries, do to them.

    Returns C({"functions": int, "silent": int, "running": int, "unknown": int, "silent_storage_network": int,
    "storage_network": int, "groups": [{"reason", "words", "ports": int, "functions": [address]}],
    "levers": [{"lever", "words", "gain": int}]}). C(silent) ones do nothing before drivers load. C(unknown) ones are
    below a bridge of which the facts do not tell what it is. C(groups) are those that keep running, largest first, and
    C(levers) what would make more of them silent on this host, each by itself.
    """
    able = [each for each in case.topology.functions.values() if can_do_dma(each)]
    fates = _fates(case.topology, able, ports, host)
    running = {
        address: fate for address, fate in fates.items() if fate not in ("silent", "unknown")
    }
    silent = sum(fate == "silent" for fate in fates.values())
    important = [each for each in able if _is_storage_or_network(each)]
    return {
        "functions": len(able),
        "silent": silent,
        "running": len(running),
        "unknown": sum(fate == "unknown" for fate in fates.values()),
        "storage_network": len(important),
        "silent_storage_network": sum(fates[each["address"]] == "silent" for each in important),
        "groups": _groups(case.topology, running),
        "levers": [
            {"lever": lever, "words": _LEVERS[lever], "gain": gain}
            for lever, entries in _pulled(facts, case, host, ports)
            if (gain := _silent(case.topology, able, entries, host) - silent) > 0
        ],
    }


def can_do_dma(function: Function) -> bool:
    """Say whether a function may read and write memory by itself.

    Virtual functions do not count: the capture kernel starts without them (drivers/pci/iov.c, sriov_init()).
    """
    code = function["class"]
    if function["header"] == "bridge" or function.get("physical_function"):
        return False
    if code.startswith(_MOVES_NOTHING):
        return False
    return bool(function.get("bus_master")) or code.startswith(_MOVES_DATA)


def _is_storage_or_network(function: Function) -> bool:
    """By class, but for what only says so: management endpoints of switches, functions of a BMC."""
    return function["class"].startswith(("01", "02")) and not (
        model(SWITCH_MANAGEMENT, function) or model(MANAGEMENT, function)
    )


def _fates(
    topology: Topology, able: Sequence[Function], ports: Sequence[Port], host: HostTraits
) -> dict[str, str]:
    """Return for each function C(silent), C(unknown), or why it keeps running, by address."""
    entries = {port["address"]: port for port in ports}
    if host.architecture in RESETS_HOST_BRIDGES:
        return dict.fromkeys((each["address"] for each in able), "silent")
    return {each["address"]: _fate(topology.above(each["address"]), entries) for each in able}


def _fate(above: Sequence[Function], entries: Mapping[str, Port]) -> str:
    """C(above) are the function itself and the bridges that it is below, from the inside out."""
    bridges = above[1:]
    if not bridges:
        return "integrated"
    entry = entries.get(bridges[0]["address"])
    if entry is None:
        return "unknown" if any(map(is_unknown_bridge, bridges)) else "legacy_pci"
    if entry["decision"] == "reset":
        return "silent"
    return t.cast("str", entry["reason"])


def is_unknown_bridge(function: Function) -> bool:
    """Say whether a function is a bridge of which the facts do not tell the kind: only its header could be read."""
    return (
        function["header"] == "bridge"
        and function["port_type"] is None
        and (bool(function.get("notes")) or function.get("driver") == "pcieport")
    )


def _groups(topology: Topology, running: Mapping[str, str]) -> list[Json]:
    by_reason: dict[str, list[str]] = {}
    for address, reason in running.items():
        by_reason.setdefault(reason, []).append(address)
    groups = [
        {
            "reason": reason,
            "words": _WORDS.get(reason, reason.replace("_", " ")),
            "ports": len({topology.functions[each]["parent"] for each in addresses} - {None}),
            "functions": addresses,
        }
        for reason, addresses in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (-len(group["functions"]), group["reason"]))


def _silent(
    topology: Topology, able: Sequence[Function], ports: Sequence[Port], host: HostTraits
) -> int:
    return sum(fate == "silent" for fate in _fates(topology, able, ports, host).values())


def _pulled(
    facts: Facts, case: Case, host: HostTraits, ports: Sequence[Port]
) -> Iterator[tuple[str, list[Json]]]:
    """Yield what would be decided with each lever that can be pulled on this host."""
    left = {port["reason"] for port in ports if port["decision"] == "leave"}
    lockdown = (facts.get("iommu") or {}).get("lockdown")
    without_method = bool(left & {"hotplug", "no_reset_method"})
    if "built_in_driver" in left and against_quiesce(facts) is None:
        yield "quiesce", decide(case._replace(binds_early=False), host)
    if "hotplug" in left:
        yield "compat", decide(case, host._replace(pciehp_sees_resets=False))
    newer = case._replace(topology=_with_reset_files(case.topology))
    if "no_reset_method" in left:
        yield "files", decide(newer, host)
    if "hotplug" in left:
        yield "kernel", decide(newer, host._replace(pciehp_sees_resets=False))
    if "accelerator" in left:
        yield "qualify", decide(case, host._replace(accelerators_qualified=True))
    if without_method and not host.sbr and lockdown in (None, "none"):
        yield "sbr", decide(case, host._replace(sbr=True))
    if without_method and not host.flr:
        yield "flr", decide(case, host._replace(flr=True))


def _with_reset_files(topology: Topology) -> Topology:
    return topology._replace(ports=[{**port, "reset_subordinate": True} for port in topology.ports])


__all__ = ("can_do_dma", "exposure", "is_unknown_bridge")
