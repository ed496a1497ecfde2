# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Reasons to leave a port alone that are a matter of policy: a reset is possible, and does more harm than good.

An exclusion with the decision reset overrides them.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]

# What may be set, with its values; the first one is the default.
POLICY: dict[str, tuple[str, ...]] = {
    "dump_target": ("reset", "leave"),
    # Methods that go round the kernel, or reset less than the bus.
    "sbr": ("never", "fallback"),
    "flr": ("never", "fallback"),
}

# drivers/pci/quirks.c (Linux 7.2), quirk_no_bus_reset(): the kernel refuses to reset the bus of these. An older
# kernel may not know all of them. vendor:device, root ports and endpoints alike.
NO_BUS_RESET: tuple[tuple[str, str], ...] = (
    ("10de:22ce", "its link may come back narrower or dead"),
    ("10de:22d0", "its link may come back narrower or dead"),
    ("10de:23[4-7]?", "only a reboot brings the device back"),
    ("168c:0030", "its configuration is never accessible again"),
    ("168c:003[2-4]", "its configuration is never accessible again"),
    ("168c:003[ce]", "its configuration is never accessible again"),
    ("17cb:0308", "it does not survive a bus reset"),
    ("17cb:1103", "it does not survive a bus reset"),
    ("17cb:1107", "it does not survive a bus reset"),
    ("177d:a100", "it does not survive a bus reset"),
    ("104c:b005", "the reset disables its link"),
    ("1b21:1164", "its link fails to train again"),
)

# Whose kernel resets devices, and where: arch/powerpc/platforms/powernv/pci-ioda.c, pnv_pci_init_ioda_phb();
# arch/powerpc/platforms/pseries/eeh_pseries.c, eeh_pseries_init(). zPCI functions have no such ports.
_KERNEL_RESETS = ("ppc64le", "s390x")

# The first series in which reset_subordinate is known to tell pciehp that the link goes down on purpose
# ("make reset_subordinate hotplug safe", 2026-01). Up to 6.18 it does not.
_HOTPLUG_SAFE = (7, 2)

# By class: the base class, or base class and subclass (PCI Code and ID Assignment Specification).
_CLASSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("display", ("03",)),
    ("memory", ("05",)),
    ("bmc", ("0c07",)),  # IPMI
    # "Other bridge" is what non-transparent bridges and NVSwitch say they are: peers see the link go.
    ("fabric", ("0680",)),
)
_SERIAL = "0700"


class Situation(t.NamedTuple):
    """What is the same for all ports of a host."""

    kernel: str
    architecture: str | None
    serial_console: bool
    pciehp_sees_resets: bool
    dump_target: frozenset[str]  # functions to leave, empty when it is reset as all others
    # Root buses that exist only while a driver drives a device: Intel VMD. drivers/pci/controller/vmd.c,
    # vmd_enable_domain(), makes them, and resets what is below. Root bus -> that device.
    driver_made_buses: Mapping[str, str]
    sbr: bool
    flr: bool


class Concern(t.NamedTuple):
    """A reason against a reset, with the words its sentence needs."""

    code: str
    words: Mapping[str, str]


def read_policy(policy: t.Any) -> dict[str, str]:
    """Return a policy with its defaults. Raises KdumpError for an unknown key or value."""
    if not isinstance(policy, dict):
        raise KdumpError(f"The policy is not a dictionary: it may set {', '.join(POLICY)}.")
    for key, value in policy.items():
        if key not in POLICY:
            raise KdumpError(f"The policy has no {key!r}: it may set {', '.join(POLICY)}.")
        if value not in POLICY[key]:
            raise KdumpError(
                f"The policy {key} is {value!r}: it may be {' or '.join(POLICY[key])}."
            )
    return {key: policy.get(key, values[0]) for key, values in POLICY.items()}


def situation(facts: Facts, policy: Mapping[str, str]) -> tuple[Situation, list[str]]:
    """Return what policy has to know about a host, and sentences on what the facts do not tell."""
    kdump = facts.get("kdump") or {}
    capture = str(kdump.get("capture_command_line") or "").split()
    first = str(kdump.get("command_line") or "").split()
    console = [*capture, *first]
    kernel = str(kdump.get("kernel_release") or "unknown")
    target = frozenset((kdump.get("target") or {}).get("functions") or ())
    leave_target = policy["dump_target"] == "leave"
    notes = []
    if leave_target and not target:
        notes.append(
            "The policy leaves the dump target alone, and the facts do not tell which PCI function that is:"
            " exclude its port by a rule."
        )
    return (
        Situation(
            kernel=kernel,
            architecture=(facts.get("platform") or {}).get("architecture"),
            serial_console=any(word.startswith("console=ttyS") for word in console),
            pciehp_sees_resets=_series(kernel) < _HOTPLUG_SAFE
            # What is not loaded yet will inherit this kernel's command line.
            and "pcie_ports=compat" not in (capture or first),
            dump_target=target if leave_target else frozenset(),
            driver_made_buses={
                bridge["root_bus"]: bridge["function"]
                for bridge in (facts.get("pcie") or {}).get("host_bridges") or ()
                if bridge.get("function")
            },
            sbr=policy["sbr"] == "fallback",
            flr=policy["flr"] == "fallback",
        ),
        notes,
    )


def concern_of_function(function: Function, host: Situation) -> Concern | None:
    """Return why a function must not be reset, None if nothing speaks against it."""
    code = function["class"]
    for name, classes in _CLASSES:
        if code.startswith(classes):
            return Concern(name, {})
    if function.get("cxl"):
        return Concern("cxl", {})
    if function.get("removable") == "removable":
        return Concern("external", {})
    if host.serial_console and code.startswith(_SERIAL):
        return Concern("console", {})
    if function["address"] in host.dump_target:
        return Concern("dump_target", {})
    return _no_bus_reset(function)


def concern_of_port(
    port: Port, bridge: Function | None, host: Situation, methods: Sequence[str]
) -> Concern | None:
    """Return why a port must not reset what is below it by any of C(methods), None if nothing speaks against it."""
    if host.architecture in _KERNEL_RESETS:
        return Concern("kernel_resets", {"architecture": str(host.architecture)})
    if port.get("cxl"):
        return Concern("cxl_port", {})
    if port.get("external"):
        return Concern("external", {})
    if takes_reset_for_removal(port, host) and not methods:
        return Concern("hotplug", {"kernel": host.kernel})
    return _no_bus_reset(bridge) if bridge is not None else None


def takes_reset_for_removal(port: Port, host: Situation) -> bool:
    """Say whether pciehp takes what is below for removed when reset_subordinate brings the link down."""
    return bool(port.get("hotplug")) and host.pciehp_sees_resets and _occupied(port)


def _occupied(port: Port) -> bool:
    """Say whether pciehp may hold a slot for occupied, and what is in it for removed when the link goes down.

    drivers/pci/hotplug/pciehp_hpc.c, pciehp_card_present_or_link_active(). QEMU's slots deny both for a device that was
    there from the start; pciehp has nothing to take out of them.
    """
    seen = (port.get("link_active"), port.get("presence"))
    return True in seen or False not in seen


def _no_bus_reset(function: Function) -> Concern | None:
    identity = f"{function['vendor']}:{function['device']}"
    for pattern, why in NO_BUS_RESET:
        if fnmatch.fnmatchcase(identity, pattern):
            return Concern("no_bus_reset", {"identity": identity, "why": why})
    return None


def _series(release: str) -> tuple[int, int]:
    """Return C((6, 12)) of C(6.12.107+deb13-amd64); a release that says nothing is old."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


__all__ = (
    "NO_BUS_RESET",
    "POLICY",
    "Concern",
    "Situation",
    "concern_of_function",
    "concern_of_port",
    "read_policy",
    "situation",
    "takes_reset_for_removal",
)
