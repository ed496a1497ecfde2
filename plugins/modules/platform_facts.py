#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: platform_facts
short_description: Gather PCI Express, IOMMU and kdump facts
version_added: 0.1.0
description:
  - Describes in one call what decides whether a host can take a crash dump although its PCI Express
    devices keep running after a panic. These are its PCI functions and ports, its IOMMU, its kdump,
    and the machine itself.
  - Reads C(/sys), C(/proc) and the configuration of kdump. It runs no command and changes nothing.
  - Feed the result to the filter P(vmcore.kdump.reset_plan#filter) to see which ports the capture
    kernel would reset.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.facts_module
attributes:
  platform:
    platforms: linux
notes:
  - Root must run it. The kernel shows others only the header of a PCI function's configuration
    space, where port types and links are not to be found. The module warns when that happens.
  - Serial numbers and raw configuration spaces are not returned.
options: {}
seealso:
  - plugin: vmcore.kdump.reset_plan
    plugin_type: filter
  - plugin: vmcore.kdump.reset_tree
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Look at PCI Express, IOMMU and kdump
  vmcore.kdump.platform_facts:

- name: Show what would be reset after a panic, and why the rest would not
  ansible.builtin.debug:
    msg: "{{ (ansible_facts | vmcore.kdump.reset_tree(ansible_facts | vmcore.kdump.reset_plan)).splitlines() }}"

- name: Stop at hosts that cannot take a dump
  ansible.builtin.assert:
    that: ansible_facts.kdump.problems | length == 0
    fail_msg: "{{ ansible_facts.kdump.problems | map(attribute='message') | join(' ') }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts. What the host does not tell is V(null).
  returned: success
  type: dict
  contains:
    pcie:
      description: PCI functions and PCI Express ports.
      returned: success
      type: dict
      contains:
        functions:
          description: Every PCI function, sorted by address.
          returned: success
          type: list
          elements: dict
          contains:
            address:
              description: Domain, bus, device and function. The domain may have more than four
                digits.
              type: str
              sample: "0000:01:00.0"
            vendor:
              description: Vendor identifier, four hexadecimal digits. It is V(ffff) if it cannot be
                read, like the other identifiers.
              type: str
              sample: "8086"
            device:
              description: Device identifier, four hexadecimal digits.
              type: str
              sample: "10d3"
            subsystem_vendor:
              description: Subsystem vendor identifier, four hexadecimal digits.
              type: str
              sample: "8086"
            subsystem_device:
              description: Subsystem identifier, four hexadecimal digits.
              type: str
              sample: "0000"
            class:
              description: Base class, sub-class and programming interface, six hexadecimal digits.
              type: str
              sample: "020000"
            class_name:
              description: Name of the class in the PCI Code and ID Assignment Specification.
              type: str
              sample: Ethernet controller
            driver:
              description: The bound driver.
              type: str
              sample: e1000e
            driver_built_in:
              description:
                - Whether the bound driver is built into the running kernel. The same kernel binds
                  it in the capture kernel before anything in the initramfs runs.
              type: bool
              sample: false
            header:
              description:
                - Layout of the configuration header, V(endpoint), V(bridge) or V(cardbus).
                - It is V(null) for a function that does not answer.
              type: str
              sample: endpoint
            port_type:
              description:
                - Device/Port Type of the PCI Express capability, one of V(endpoint),
                  V(legacy_endpoint), V(root_port), V(upstream_port), V(downstream_port),
                  V(pcie_to_pci_bridge), V(pci_to_pcie_bridge), V(rc_integrated_endpoint) and
                  V(rc_event_collector).
                - It is V(null) without that capability, which makes the function conventional PCI.
              type: str
              sample: endpoint
            parent:
              description: Address of the bridge above. It is V(null) on a root bus.
              type: str
              sample: "0000:00:02.0"
            physical_function:
              description: Address of the physical function if this is a virtual function of SR-IOV.
              type: str
              sample:
            secondary:
              description: Domain and number of the bus directly below a bridge.
              type: str
              sample:
            numa_node:
              description: NUMA node that the function is close to.
              type: int
              sample: 0
            iommu_group:
              description: Number of the IOMMU group.
              type: int
              sample: 6
            link:
              description: The link, V(null) without one.
              type: dict
              contains:
                speed:
                  description: Current speed of each lane.
                  type: str
                  sample: 8.0 GT/s
                width:
                  description: Current number of lanes.
                  type: int
                  sample: 4
                active:
                  description:
                    - The port's Data Link Layer Link Active bit. It is V(null) if the port cannot
                      report it.
                    - Some emulated ports report V(false) although the functions below answer.
                  type: bool
                  sample: true
            bus_master:
              description: Whether the function may start transactions of its own, such as DMA and
                message-signaled interrupts.
              type: bool
              sample: true
            reset_methods:
              description: Reset methods that the kernel offers for the function, in its order of
                preference.
              type: list
              elements: str
              sample: ["pm", "bus"]
            removable:
              description: What firmware says about the device, V(fixed), V(removable) or
                V(unknown).
              type: str
              sample: fixed
            notes:
              description: Sentences that tell why something is V(null).
              type: list
              elements: str
              sample: []
        ports:
          description: Root ports and switch downstream ports, sorted by address.
          returned: success
          type: list
          elements: dict
          contains:
            address:
              description: Address of the port.
              type: str
              sample: "0000:00:02.0"
            type:
              description: V(root_port) or V(downstream_port).
              type: str
              sample: root_port
            children:
              description: Addresses of the functions directly below, without virtual functions.
              type: list
              elements: str
              sample: ["0000:01:00.0"]
            reset_subordinate:
              description: Whether the kernel offers to reset everything below the port.
              type: bool
              sample: true
            link_active:
              description: As RV(ansible_facts.pcie.functions[].link.active) of the port.
              type: bool
              sample: true
    iommu:
      description: The IOMMU as the running kernel uses it.
      returned: success
      type: dict
      contains:
        kind:
          description: V(vtd), V(amdvi), V(smmuv3), or V(none) for none that this collection knows.
          type: str
          sample: vtd
        units:
          description: The IOMMU's units, each with its name and what its driver tells about its
            registers.
          type: list
          elements: dict
          sample:
            - name: dmar0
              version: "1:0"
              address: fed90000
              cap: d2008c22260286
              ecap: f00f4a
        translation:
          description: Whether DMA passes through the IOMMU.
          type: bool
          sample: true
        interrupt_remapping:
          description: Whether interrupts pass through the IOMMU too.
          type: dict
          contains:
            active:
              description: Whether C(/proc/interrupts) names a remapping interrupt chip.
              type: bool
              sample: true
            evidence:
              description: The first such name.
              type: str
              sample: IR-PCI-MSIX-0000:01:00.0
        default_domain:
          description: The type that most groups have.
          type: str
          sample: DMA-FQ
        groups:
          description: IOMMU groups, sorted by number.
          type: list
          elements: dict
          contains:
            id:
              description: Number of the group.
              type: int
              sample: 6
            type:
              description: V(DMA), V(DMA-FQ), V(identity), V(blocked) or V(unmanaged).
              type: str
              sample: DMA-FQ
            devices:
              description: Names of the devices in the group, which are addresses for PCI functions.
              type: list
              elements: str
              sample: ["0000:01:00.0"]
    kdump:
      description: The capture kernel and what there is to take a dump.
      returned: success
      type: dict
      contains:
        family:
          description: V(debian) for kdump-tools. It is V(null) if no kdump that this collection
            knows is installed.
          type: str
          sample: debian
        armed:
          description: Whether a capture kernel is loaded.
          type: bool
          sample: true
        crash_size:
          description: Bytes reserved for the capture kernel.
          type: int
          sample: 268435456
        service:
          description: The service that loads the capture kernel.
          type: dict
          contains:
            name:
              description: Its systemd unit.
              type: str
              sample: kdump-tools.service
            enabled:
              description: Whether it starts at boot.
              type: bool
              sample: true
        kernel_release:
          description: Release of the running kernel.
          type: str
          sample: 6.12.107+deb13-amd64
        image:
          description: What is loaded as the capture kernel. Paths of files that do not exist are
            V(null).
          type: dict
          contains:
            kernel:
              description: The kernel.
              type: str
              sample: /boot/vmlinuz-6.12.107+deb13-amd64
            initramfs:
              description: The kdump initramfs of the running kernel.
              type: str
              sample: /var/lib/kdump/initrd.img-6.12.107+deb13-amd64
            generator:
              description: What builds the initramfs.
              type: str
              sample: initramfs-tools
        command_line:
          description: Command line of the running kernel.
          type: str
          sample: root=/dev/vda1 ro intel_iommu=on crashkernel=256M
        capture_command_line:
          description: Command line that the loaded capture kernel was given. It is V(null) if none
            is loaded.
          type: str
          sample: root=/dev/vda1 ro intel_iommu=on reset_devices
            systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb
        target:
          description: Where dumps are saved.
          type: dict
          contains:
            type:
              description: V(local), or V(nfs), V(ssh) or V(ftp) if the dump leaves the host.
              type: str
              sample: local
            path:
              description: The directory.
              type: str
              sample: /var/crash
            free_bytes:
              description: Free bytes of a local directory's file system.
              type: int
              sample: 243711324160
        helper:
          description: The reset helper of this collection.
          type: dict
          contains:
            installed:
              description: Whether the helper and its initramfs hook exist.
              type: bool
              sample: true
            digest:
              description: Digest of the installed plan.
              type: str
              sample: 59ed3f73ff259305cecfcb31735c227b9c14e692a353a4ba2526ba7b4b3a088b
        is_capture_kernel:
          description: Whether the host is in its capture kernel now, saving a dump.
          type: bool
          sample: false
        problems:
          description: What keeps the host from taking a dump.
          type: list
          elements: dict
          contains:
            code:
              description:
                - One of V(is_capture_kernel), V(no_family), V(no_reservation), V(no_image),
                  V(not_armed), V(image_not_loaded) and V(dump_directory_missing).
              type: str
              sample: not_armed
            message:
              description: A sentence that says what to do.
              type: str
              sample: >-
                No capture kernel is loaded: look at 'systemctl status kdump-tools.service', then run
                'kdump-config unload && kdump-config load'.
    platform:
      description: The machine.
      returned: success
      type: dict
      contains:
        hostname:
          description: The host's own name.
          type: str
          sample: db01.example.com
        architecture:
          description: The kernel's name for the architecture.
          type: str
          sample: x86_64
        memory_bytes:
          description: Memory that the running kernel uses, without what is reserved for the capture
            kernel.
          type: int
          sample: 743800832
        cpus:
          description: Number of processors that are online.
          type: int
          sample: 4
        dmi:
          description: What the firmware says about the machine.
          type: dict
          contains:
            sys_vendor:
              description: Vendor of the system.
              type: str
              sample: QEMU
            product_name:
              description: Name of the product.
              type: str
              sample: Standard PC (Q35 + ICH9, 2009)
            product_family:
              description: Family of the product.
              type: str
              sample:
            board_vendor:
              description: Vendor of the board.
              type: str
              sample:
            board_name:
              description: Name of the board.
              type: str
              sample:
            bios_version:
              description: Version of the firmware.
              type: str
              sample: 1.16.2-debian-1.16.2-1
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import (
    NOTE_UNPRIVILEGED,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts


def gather(root: Path) -> dict[str, t.Any]:
    """Return all facts of the host whose file system is at C(root)."""
    return {
        "pcie": pcie_facts(root),
        "iommu": iommu_facts(root),
        "kdump": kdump_facts(root),
        "platform": platform_facts(root),
    }


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        facts = gather(Path("/"))
    except KdumpError as exc:
        module.fail_json(msg=str(exc))
    if any(NOTE_UNPRIVILEGED in function["notes"] for function in facts["pcie"]["functions"]):
        module.warn(
            "The PCI configuration space can only be read by root, ports and links are missing: use become."
        )
    module.exit_json(ansible_facts=facts)


if __name__ == "__main__":
    main()
