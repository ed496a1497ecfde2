# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: reset_plan
short_description: Decide which PCI Express ports the capture kernel resets
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Decides for every root port and switch downstream port whether the capture kernel resets what is
    below it, and why or why not.
  - The same facts, exclusions and policy always give the same plan.
    M(vmcore.kdump.pcie_reset_helper) installs what this filter shows.
  - A port is reset only if everything below it may be. Each function below is decided by the most
    specific rule in O(exclusions) that matches it, and by policy if none does.
positional: exclusions, policy, stage
requirements:
  - jmespath on the controller, if O(exclusions[].match.expression) is used
options:
  _input:
    description:
      - The facts that M(vmcore.kdump.platform_facts) returned. C(ansible_facts) as a whole may be
        used.
    type: dict
    required: true
  exclusions:
    description:
      - Rules that leave functions alone, or have them reset against policy.
      - A rule matches a function if all its patterns do.
      - Of the rules that match a function the most specific one decides, and of equally specific
        ones the last. A rule is as specific as the closest of its patterns. Patterns for a place
        (C(address), C(port), C(slot)) are closer than those for a model (C(device), C(subsystem)),
        those are closer than those for a kind (C(vendor), C(class), C(driver), C(expression)), and
        those closer than C(platform). After that the rule with more keys is more specific. A
        pattern C(*) does not count.
      - Rules that are malformed, that can never match, or that share a name are refused.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the rule. The plan refers to it.
        type: str
        required: true
      match:
        description:
          - Shell patterns by what they are compared with, without regard to case. At least one.
          - Virtual functions are matched as well.
        type: dict
        required: true
        suboptions:
          address:
            description: Pattern for the address of a function below the port.
            type: str
          vendor:
            description: Pattern for the vendor identifier, four hexadecimal digits. Quote it.
            type: str
          device:
            description: Pattern for the device identifier, four hexadecimal digits. Quote it.
            type: str
          subsystem:
            description: Pattern for the subsystem's vendor and device, such as V(1028:2004). Quote it.
            type: str
          class:
            description: Pattern for the class, six hexadecimal digits. Quote it.
            type: str
          driver:
            description: Pattern for the name of the bound driver.
            type: str
          port:
            description: Pattern for the address of the port.
            type: str
          slot:
            description: Pattern for the slot of the port or of the function. Quote it.
            type: str
          platform:
            description:
              - Patterns for what the firmware says about the machine, by the keys of the fact
                C(platform.dmi). A value that the firmware does not give is not matched by anything.
            type: dict
            suboptions:
              sys_vendor:
                description: Pattern for the vendor of the machine.
                type: str
              product_name:
                description: Pattern for the product.
                type: str
              product_family:
                description: Pattern for the product's family.
                type: str
              board_vendor:
                description: Pattern for the vendor of the main board.
                type: str
              board_name:
                description: Pattern for the main board.
                type: str
              bios_version:
                description: Pattern for the version of the firmware.
                type: str
          expression:
            description:
              - A JMESPath expression for everything else. It is evaluated over the port's facts,
                with everything below the port, at any depth, as C(functions).
              - The rule matches unless the result is null, false or empty.
              - An expression that fails on some port, such as a search in a slot where there is no
                slot, is refused. JMESPath's C(not_null) helps.
            type: str
      decision:
        description:
          - V(leave) leaves the port alone.
          - V(reset) sets aside what policy says about the function, and about the port unless
            another function below is to be left alone. It does not override the reasons
            V(no_children), V(link_down), V(legacy_pci), V(beside_switch), V(not_endpoint),
            V(built_in_driver) and V(no_reset_method).
        type: str
        choices: [leave, reset]
        default: leave
      reason:
        description: Why the rule exists. It is shown beside its name.
        type: str
      source:
        description: Where this is known from.
        type: str
  policy:
    description: What is decided without a rule.
    type: dict
    default: {}
    suboptions:
      dump_target:
        description:
          - What to do with the port above the function that the dump is written through.
          - With V(auto) it is left alone if its driver deals with a running controller itself, as C(aacraid), C(hpsa),
            C(ipr), C(megaraid_sas), C(mpi3mr), C(mpt3sas) and C(smartpqi) do with C(reset_devices). Otherwise it is
            reset.
          - With V(leave) the plan says in its notes if the facts do not tell which function that
            is. It is then not left alone.
        type: str
        choices: [auto, reset, leave]
        default: auto
      sbr:
        description:
          - Whether the helper may use the registers of a port itself, with C(setpci), where the kernel offers
            no reset of the bus. It is a fallback for kernels before Linux 5.15 and for hot-plug slots
            with several functions.
          - The kernel's own list of devices that do not survive a bus reset is not asked then. It needs
            C(pciutils) on the host, and a kernel that is not locked down.
        type: str
        choices: [never, fallback]
        default: never
      flr:
        description:
          - Whether functions may be reset one by one (Function Level Reset) where the bus cannot be. A
            function level reset does less than a bus reset and is not enough for every device.
        type: str
        choices: [never, fallback]
        default: never
  stage:
    description:
      - Where the reset is done, in the V(initramfs) of the capture kernel or in the V(quiesce) stage before it.
      - In the quiesce stage no driver is bound, so that the devices of built-in drivers are reset, too.
    type: str
    choices: [initramfs, quiesce]
    default: initramfs
seealso:
  - module: vmcore.kdump.platform_facts
  - plugin: vmcore.kdump.reset_tree
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at PCI Express
  vmcore.kdump.platform_facts:

- name: Decide what to reset, without the storage controllers of one vendor and without one slot
  ansible.builtin.set_fact:
    reset_plan: "{{ ansible_facts | vmcore.kdump.reset_plan(exclusions, policy) }}"
  vars:
    exclusions:
      - name: raid-controllers
        match:
          vendor: "1000"
          class: "0104*"
        reason: The firmware takes longer to start than the capture kernel waits.
      - name: fpga-slot
        match:
          port: "0000:3a:00.0"
      - name: many-functions
        match:
          expression: length(functions) > `8`
      - name: qualified-hot-plug-bays
        match:
          class: "010802"
          platform:
            sys_vendor: Example Inc.
            product_name: Server 9*
        decision: reset
        reason: A crash test of this model kept every drive.
    policy:
      dump_target: leave

- name: Show the ports that stay as they are
  ansible.builtin.debug:
    msg: "{{ item.address }}: {{ item.sentence }}"
  loop: "{{ reset_plan.ports | selectattr('decision', 'eq', 'leave') }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    version:
      description: Version of this structure.
      type: int
      sample: 2
    host:
      description: Name of the host that the facts came from.
      type: str
      sample: db01.example.com
    kernel:
      description: Release of the kernel that the facts came from.
      type: str
      sample: 6.12.107+deb13-amd64
    stage:
      description: Where the reset is done.
      type: str
      sample: initramfs
    digest:
      description: SHA-256 of what is decided. Hosts with equal devices and exclusions have equal
        digests.
      type: str
      sample: 59ed3f73ff259305cecfcb31735c227b9c14e692a353a4ba2526ba7b4b3a088b
    policy:
      description: The policy with its defaults.
      type: dict
      sample:
        dump_target: auto
        sbr: never
        flr: never
    notes:
      description: Sentences on what could not be decided as asked for.
      type: list
      elements: str
      sample: []
    ports:
      description: Every root port and switch downstream port, sorted by address.
      type: list
      elements: dict
      contains:
        address:
          description: Address of the port.
          type: str
          sample: "0000:00:02.0"
        decision:
          description: V(reset) or V(leave).
          type: str
          sample: reset
        reason:
          description:
            - The first of these that applies.
            - V(no_children), nothing is below.
            - V(link_down), no function below answers.
            - V(legacy_pci), conventional PCI is below.
            - V(unreadable), a function below cannot be read to tell what it is.
            - V(beside_switch), a switch is below, and a function beside its upstream port.
            - V(not_endpoint), a switch or bridge is below, whose own downstream ports are reset.
            - V(excluded), a rule leaves it.
            - V(display), a display controller is below, on which a monitor may hang.
            - V(accelerator), a GPU or another accelerator is below. No crash test has shown that it survives a reset;
              when one has, a rule with the decision V(reset) says so.
            - V(memory), CXL or persistent memory is below.
            - V(bmc), the management controller is below, or the port belongs to it.
            - V(switch_management), the management endpoint or a DMA engine of a switch is below.
            - V(fabric), a bridge into a fabric of other hosts or devices is below.
            - V(cxl), the port or a function below speaks CXL.
            - V(external), what is below is removable or outside of the machine, or a Thunderbolt or USB4 controller.
            - V(console), a serial port is below, and a serial port is the console or firmware says that this one is.
            - V(dump_target), the dump is written through a function below, and O(policy.dump_target=leave).
            - V(target_driver), the dump is written through a function below, its driver deals with a running
              controller itself, and O(policy.dump_target=auto).
            - V(no_bus_reset), the port or a function below is known not to survive a bus reset.
            - V(kernel_resets), the kernel of this architecture resets devices itself, C(ppc64le), or
              has no ports of this kind, C(s390x).
            - V(hotplug), an occupied hot-plug slot, a kernel that takes C(reset_subordinate) for a removal,
              and no other method. Linux 7.2 does not, nor does a capture kernel with
              C(pcie_ports=compat).
            - V(driver_made), the port exists only while a driver drives another function, as Intel VMD's does.
            - V(sbr_masked), the port ignores a bus reset while it does CXL.
            - V(built_in_driver), the driver of a function below is built into the kernel and binds
              before the reset. Not in the stage V(quiesce), which holds such drivers back.
            - V(no_reset_method), the kernel has neither C(reset_subordinate) for the port nor the reset
              method C(bus) for what is below, and O(policy) allows none of the others.
            - V(included), a rule has it reset. This and V(endpoints_only) go with the decision
              V(reset).
            - V(endpoints_only), only endpoints are below.
          type: str
          sample: endpoints_only
        sentence:
          description: The reason in words.
          type: str
          sample: Only endpoints are below.
        methods:
          description:
            - How the port may be reset, in order of preference. The helper uses the first one that is
              possible in the capture kernel. Empty if the port is left alone.
            - V(reset_subordinate) and V(bus) are resets of the bus by the kernel, V(sbr) is one by the
              helper, and V(flr) a function level reset of each function by the kernel.
          type: list
          elements: str
          sample: [reset_subordinate, bus]
        rule:
          description: Name of the rule that decided, if the reason is V(excluded) or V(included).
          type: str
          sample:
        children:
          description: The functions directly below, as the capture kernel must find them.
          type: list
          elements: dict
          sample:
            - address: "0000:01:00.0"
              vendor: "8086"
              device: "10d3"
              class: "020000"
        on_chip:
          description: Whether the link of the port never leaves the processor or the chipset, as with AMD's internal
            bridges.
          type: bool
          sample: false
        bus_master:
          description: Whether one of the functions directly below was a bus master when the facts were gathered. It is
            no reason for a decision, the state at the crash is another one. Null if that is not known.
          type: bool
          sample: true
        drivers:
          description: The drivers that the functions directly below had then.
          type: list
          elements: str
          sample: [e1000e]
    summary:
      description: Number of ports by decision.
      type: dict
      sample:
        reset: 2
        leave: 3
    reset_on_chip:
      description: How many of the ports that are reset are on chip.
      type: int
      sample: 0
    dma:
      description: What becomes of the functions that can do DMA.
      type: dict
      contains:
        functions:
          description: Number of functions that can do DMA. Virtual functions do not count, a capture kernel starts
            without them.
          type: int
          sample: 164
        silent:
          description: How many of them are silent before drivers load.
          type: int
          sample: 111
        running:
          description: How many keep running.
          type: int
          sample: 53
        unknown:
          description: Of how many it is not known, because a bridge above could not be read.
          type: int
          sample: 0
        storage_network:
          description: Number of functions for storage and network among them.
          type: int
          sample: 95
        silent_storage_network:
          description: How many of those are silent before drivers load.
          type: int
          sample: 86
        groups:
          description: Those that keep running, by the reason, largest group first.
          type: list
          elements: dict
          sample:
            - reason: accelerator
              words: accelerators, not qualified on this platform
              ports: 1
              functions: ["0000:3b:00.0"]
        levers:
          description: What would make more of them silent on this host, each by itself, and how many more.
          type: list
          elements: dict
          sample:
            - lever: qualify
              words: a passed crash test of this platform with a rule for its accelerators
              gain: 1
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping, Sequence


def reset_plan(
    facts: Mapping[str, t.Any],
    exclusions: Sequence[Mapping[str, t.Any]] = (),
    policy: Mapping[str, str] | None = None,
    stage: str = "initramfs",
) -> dict[str, t.Any]:
    """Return the reset plan."""
    try:
        return make_plan(facts, exclusions, policy, stage)
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"reset_plan": reset_plan}
