# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Reasons to leave a port alone that are a matter of policy: a reset is possible, and does more harm than good.

An exclusion with the decision reset overrides them.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.command_line import arguments
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import (
    ACCELERATORS,
    MANAGEMENT,
    NO_BUS_RESET,
    PERSISTENT_MEMORY,
    RESETS_ITSELF,
    ROLES,
    SERIAL_DRIVERS,
    SWITCH_MANAGEMENT,
    THUNDERBOLT,
    identity_of,
    model,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence

    Facts = Mapping[str, t.Any]
    Function = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]

# What may be set, with its values; the first one is the default.
POLICY: dict[str, tuple[str, ...]] = {
    # auto: leave the function that the dump is written through if its driver deals with a running controller itself.
    "dump_target": ("auto", "reset", "leave"),
    # Methods that go round the kernel, or reset less than the bus.
    "sbr": ("never", "fallback"),
    "flr": ("never", "fallback"),
}

# Whose kernel resets devices, and where: arch/powerpc/platforms/powernv/pci-ioda.c, pnv_pci_init_ioda_phb();
# arch/powerpc/platforms/pseries/eeh_pseries.c, eeh_pseries_init(). zPCI functions have no such ports.
_KERNEL_RESETS = ("ppc64le", "s390x")
# Of these it resets whole host bridges, with all that is below.
RESETS_HOST_BRIDGES = ("ppc64le",)

# The first series in which reset_subordinate is known to tell pciehp that the link goes down on purpose
# ("make reset_subordinate hotplug safe", 2026-01). Up to 6.18 it does not.
_HOTPLUG_SAFE = (7, 2)

# By class: the base class, or base class and subclass (PCI Code and ID Assignment Specification).
_CLASSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bmc", ("0c07",)),  # IPMI
    # A monitor is on VGA and XGA. What has none is there to compute, and no class tells how it takes a reset.
    ("accelerator", ("0302", "0380", "12")),
    ("display", ("03",)),
    # Of the memory controllers only CXL's has memory of the system. FPGA cards say 0500 and 0580, and do DMA.
    ("memory", ("0502",)),
    # "Other bridge" is what non-transparent bridges and NVSwitch say they are: peers see the link go.
    ("fabric", ("0680",)),
    ("external", ("0c0340",)),  # USB4 host interface
)
# The kind that a table of models gives a function, before its driver and its class are asked.
_MODELS = (
    ("bmc", MANAGEMENT),
    ("switch_management", SWITCH_MANAGEMENT),
    ("accelerator", ACCELERATORS),
    ("external", THUNDERBOLT),
    ("memory", PERSISTENT_MEMORY),
)
# Serial controller, multiport serial controller.
_SERIAL = ("0700", "0702")

# Documentation/admin-guide/kernel-parameters.txt, console=, earlycon=, earlyprintk= and kgdboc=. The consoles that are
# no serial port of a PCI function: screens, keyboards, hypervisors, USB, the network, and none at all.
_CONSOLE_ARGUMENTS = ("console", "earlycon", "earlyprintk", "kgdboc", "kgdboc_earlycon")
_NOT_SERIAL = re.compile(
    r"(tty[0-9]*(,.*)?|tty(null|SCLP|sclp|GS|USB|ACM).*|hv(c|si).*|usb.*|netcon.*|null|vga.*|efi.*|xen.*|xdbc.*"
    r"|dbgp.*|brl.*|(kms,?)?(kbd)?)?$"
)


class HostTraits(t.NamedTuple):
    """What is the same for all ports of a host."""

    kernel: str
    architecture: str | None
    serial_console: bool
    console_function: str | None  # that firmware says is the console
    pciehp_sees_resets: bool
    dump_target: frozenset[str]  # functions that the dump is written through
    leave_target: str  # one of POLICY["dump_target"]
    reset_devices: bool  # is on the capture kernel's command line, or that is not known
    # Root buses that exist only while a driver drives a device: Intel VMD. drivers/pci/controller/vmd.c,
    # vmd_enable_domain(), makes them, and resets what is below. Root bus -> that device.
    driver_made_buses: Mapping[str, str]
    sbr: bool
    flr: bool
    accelerators_qualified: bool = False


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
                f"The policy {key} is {value!r}: it may be {', '.join(POLICY[key][:-1])} or {POLICY[key][-1]}."
            )
    return {key: policy.get(key, values[0]) for key, values in POLICY.items()}


def host_traits(facts: Facts, policy: Mapping[str, str]) -> tuple[HostTraits, list[str]]:
    """Return what policy has to know about a host, and sentences on what the facts do not tell."""
    kdump = facts.get("kdump") or {}
    capture = arguments(str(kdump.get("capture_command_line") or ""))
    first = arguments(str(kdump.get("command_line") or ""))
    kernel = str(kdump.get("kernel_release") or "unknown")
    target = frozenset((kdump.get("target") or {}).get("functions") or ())
    platform = facts.get("platform") or {}
    notes = []
    if policy["dump_target"] == "leave" and not target:
        notes.append(
            "The policy leaves the dump target alone, and the facts do not tell which PCI function that is:"
            " exclude its port by a rule."
        )
    return (
        HostTraits(
            kernel=kernel,
            architecture=platform.get("architecture"),
            serial_console=any(map(_is_serial_console, [*capture, *first])),
            console_function=(platform.get("console") or {}).get("function"),
            pciehp_sees_resets=_series(kernel) < _HOTPLUG_SAFE
            # What is not loaded yet will inherit this kernel's command line.
            and ("pcie_ports", "compat") not in (capture or first),
            dump_target=target,
            leave_target=policy["dump_target"],
            reset_devices=not capture or ("reset_devices", "") in capture,
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


def concern_of_function(function: Function, host: HostTraits) -> Concern | None:
    """Return why a function must not be reset, None if nothing speaks against it."""
    # The management controller first: it is what watches the machine, whatever else the function is.
    kind, name = _kind(function)
    if kind == "bmc":
        return Concern(kind, {"name": name})
    harmed = _no_bus_reset(function)
    if kind == "accelerator" and host.accelerators_qualified:
        return harmed
    if harmed or kind:
        return harmed or Concern(str(kind), {"name": name})
    if function.get("cxl"):
        return Concern("cxl", {})
    if function.get("removable") == "removable":
        return Concern("external", {})
    if _has_serial_ports(function) and (
        host.serial_console or function["address"] == host.console_function
    ):
        return Concern("console", {})
    return _concern_of_target(function, host)


def _kind(function: Function) -> tuple[str | None, str]:
    """Return the kind of a function, and what to call it."""
    for kind, table in _MODELS:
        found = model(table, function)
        if found:
            return kind, found.name
    role = ROLES.get(str(function.get("driver")))
    if role:
        return role[0], f"{identity_of(function)}, driver {function['driver']}"
    for kind, classes in _CLASSES:
        if function["class"].startswith(classes):
            return kind, identity_of(function)
    return None, ""


def _has_serial_ports(function: Function) -> bool:
    return function["class"].startswith(_SERIAL) or function.get("driver") in SERIAL_DRIVERS


def _concern_of_target(function: Function, host: HostTraits) -> Concern | None:
    if function["address"] not in host.dump_target:
        return None
    if host.leave_target == "leave":
        return Concern("dump_target", {})
    driver = str(function.get("driver"))
    if host.leave_target == "auto" and driver in RESETS_ITSELF and host.reset_devices:
        return Concern(
            "target_driver",
            {"address": function["address"], "driver": driver, "source": RESETS_ITSELF[driver]},
        )
    return None


def concern_of_port(
    port: Port,
    above: Sequence[Function],
    host: HostTraits,
    methods: Sequence[str],
    thunderbolt: bool = False,
) -> Concern | None:
    """Return why a port must not reset what is below it by any of C(methods), None if nothing speaks against it.

    C(above) are the port itself, if it is known as a function, and the bridges that it is below. C(thunderbolt): the
    port belongs to a Thunderbolt or USB4 controller.
    """
    if host.architecture in _KERNEL_RESETS:
        return Concern("kernel_resets", {"architecture": str(host.architecture)})
    if port.get("cxl"):
        return Concern("cxl_port", {})
    management = next(filter(None, (model(MANAGEMENT, bridge) for bridge in above)), None)
    if management:
        return Concern("bmc", {"name": management.name})
    if port.get("external") or thunderbolt:
        return Concern("external", {})
    if takes_reset_for_removal(port, host) and not methods:
        return Concern("hotplug", {"kernel": host.kernel})
    return _no_bus_reset(above[0]) if above else None


def is_thunderbolt(function: Function) -> bool:
    """Say whether a function is a Thunderbolt or USB4 host controller."""
    return _kind(function)[0] == "external"


def _is_serial_console(argument: tuple[str, str]) -> bool:
    """Say whether an argument names a console that may be a serial port of a PCI function.

    C(console=ttyS0,115200n8), C(console=uart8250,mmio,0xfe000000), C(console=00:04:0.0),
    C(earlyprintk=pciserial,00:16.3,115200), C(kgdboc=kms,kbd,ttyS0,115200), and a bare C(earlycon), which takes what
    SPCR or the device tree name.
    """
    name, value = argument
    if name == "earlycon" and not value:
        return True
    return name in _CONSOLE_ARGUMENTS and not _NOT_SERIAL.match(value)


def takes_reset_for_removal(port: Port, host: HostTraits) -> bool:
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
    found = model(NO_BUS_RESET, function)
    words = {"identity": identity_of(function), "why": found.name if found else ""}
    return Concern("no_bus_reset", words) if found else None


def _series(release: str) -> tuple[int, int]:
    """Return C((6, 12)) of C(6.12.107+deb13-amd64); a release that says nothing is old."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


__all__ = (
    "POLICY",
    "RESETS_HOST_BRIDGES",
    "Concern",
    "HostTraits",
    "concern_of_function",
    "concern_of_port",
    "host_traits",
    "is_thunderbolt",
    "read_policy",
    "takes_reset_for_removal",
)
