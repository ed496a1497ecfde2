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
  - Reads C(/sys), C(/proc) and the configuration of kdump, and changes nothing.
  - Of the running host it asks C(systemctl) for the state of the kdump service, C(makedumpfile) whether it can read the
    kernel, and a server that dumps go to whether it answers. Each question ends after a few seconds.
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
  - Of a configuration space the module reads the header and the capabilities that it decodes, nothing
    else, because there are devices that hang when other registers are read.
  - To have these facts from M(ansible.builtin.gather_facts), name the module in the variable
    C(ansible_facts_modules). That action keeps O(gather_subset) for M(ansible.builtin.setup), so that
    this module gathers all.
options:
  root:
    description:
      - Directory below which everything is read, V(/) for the running host.
      - Another directory is the tree of another host, with C(sys), C(proc), C(etc) and C(usr) below
        it, as the playbook C(vmcore.kdump.capture) captures it. What the tree does not have is
        V(null), and a note says so.
    type: path
    default: /
  gather_subset:
    description:
      - What to gather. A name with V(!) in front of it leaves that out. Named alone, such names are
        taken from V(all).
      - A name without V(!) counts more than V(!all), so that V(!all) and V(pcie) together are V(pcie).
    type: list
    elements: str
    choices:
      - all
      - pcie
      - iommu
      - kdump
      - platform
      - "!all"
      - "!pcie"
      - "!iommu"
      - "!kdump"
      - "!platform"
    default: [all]
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

- name: Look at PCI Express and the IOMMU alone
  vmcore.kdump.platform_facts:
    gather_subset: [pcie, iommu]

- name: Leave the IOMMU out
  vmcore.kdump.platform_facts:
    gather_subset: ["!iommu"]

- name: Look at the captured tree of another host
  vmcore.kdump.platform_facts:
    root: /var/tmp/db01
  delegate_to: localhost

- name: Gather these facts together with the usual ones
  ansible.builtin.gather_facts:
  vars:
    ansible_facts_modules: [ansible.builtin.setup, vmcore.kdump.platform_facts]

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
            name:
              description:
                - Names of vendor and device from the C(pci.ids) of the host, which may be old.
                - It is V(null) if the host has no such file, or if the vendor is not in it.
              type: str
              sample: Intel Corporation 82574L Gigabit Network Connection
            slot:
              description:
                - Name of the physical slot as the kernel has it (C(/sys/bus/pci/slots)), else as SMBIOS
                  has it, else what the firmware calls a device on the board (C(label)).
                - It is V(null) if none of them is known.
              type: str
              sample: "40"
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
            root_bus:
              description: The root bus that the function is below.
              type: str
              sample: "0000:00"
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
                max_speed:
                  description: The highest speed that this end of the link can have.
                  type: str
                  sample: 16.0 GT/s
                max_width:
                  description: The highest number of lanes that this end of the link can have.
                  type: int
                  sample: 8
                active:
                  description:
                    - The port's Data Link Layer Link Active bit. It is V(null) if the port cannot
                      report it.
                    - Some emulated ports report V(false) although the functions below answer.
                  type: bool
                  sample: true
                active_reporting:
                  description: Whether the port can report that.
                  type: bool
                  sample: true
            max_payload:
              description: Payload, in bytes, that the function is allowed to send in one packet.
              type: int
              sample: 256
            flr:
              description: Whether the function can be reset on its own (Function Level Reset). It is
                V(null) for ports.
              type: bool
              sample: true
            transactions_pending:
              description: Whether the function waits for answers to what it asked for.
              type: bool
              sample: false
            hotplug:
              description:
                - Whether the slot of a root port or downstream port can do hot-plug. Without a slot it
                  is V(false).
                - It is V(null) for other functions.
              type: bool
              sample:
            power_state:
              description:
                - Power state before the function was looked at, one of V(D0), V(D1), V(D2), V(D3hot)
                  and V(D3cold).
                - Kernels that do not tell it leave the function's own register, which reads V(D0)
                  because reading it wakes a suspended function.
              type: str
              sample: D0
            bus_master:
              description: Whether the function may start transactions of its own, such as DMA and
                message-signaled interrupts.
              type: bool
              sample: true
            msi:
              description: Message-signaled interrupts, V(null) without the capability.
              type: dict
              contains:
                enabled:
                  description: Whether they are switched on.
                  type: bool
                  sample: false
            msix:
              description: As RV(ansible_facts.pcie.functions[].msi), for MSI-X.
              type: dict
              contains:
                enabled:
                  description: Whether they are switched on.
                  type: bool
                  sample: true
            aer:
              description:
                - Whether the function has Advanced Error Reporting.
                - This one and the other extended capabilities are V(null) if the extended
                  configuration space cannot be read.
              type: bool
              sample: true
            acs:
              description: Whether the function has Access Control Services.
              type: bool
              sample: false
            ari:
              description: Whether the function has Alternative Routing-ID Interpretation.
              type: bool
              sample: false
            ats:
              description: Whether the function has Address Translation Services.
              type: bool
              sample: false
            pri:
              description: Whether the function has the Page Request Interface.
              type: bool
              sample: false
            pasid:
              description: Whether the function has Process Address Space identifiers.
              type: bool
              sample: false
            cxl:
              description: Whether the function has capabilities that Compute Express Link designated.
              type: bool
              sample: false
            dpc:
              description: Downstream Port Containment, V(null) without the capability.
              type: dict
              contains:
                trigger_enabled:
                  description: Whether an error makes the port cut its link.
                  type: bool
                  sample: true
                status:
                  description: Whether that has happened, and the link is cut now.
                  type: bool
                  sample: false
            sriov:
              description:
                - Virtual functions, V(null) without the capability.
                - The enabled ones are in the list with their
                  RV(ansible_facts.pcie.functions[].physical_function).
              type: dict
              contains:
                total:
                  description: How many there can be.
                  type: int
                  sample: 8
                enabled:
                  description: How many there are.
                  type: int
                  sample: 0
            capabilities:
              description:
                - Names of the function's capabilities, in the order of its lists, as far as they are
                  of interest here.
                - They are V(pm), V(msi), V(pcix), V(shpc), V(express), V(msix), V(af), V(ea), and of
                  the extended ones V(aer), V(acs), V(ari), V(ats), V(sriov), V(pri),
                  V(resizable_bar), V(pasid), V(dpc), V(cxl) and V(doe).
              type: list
              elements: str
              sample: [pm, msi, express, msix, aer]
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
              description:
                - Sentences that tell why something is V(null), as with a function that does not answer
                  or a malformed capability list.
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
            depth:
              description: Number of bridges above.
              type: int
              sample: 0
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
            slot:
              description:
                - Name of the physical slot that the port leads to, as the kernel or else SMBIOS has it.
                - Otherwise the RV(ansible_facts.pcie.functions[].slot) of what is in it, or the port's
                  Physical Slot Number unless another slot has that name.
              type: str
              sample: "40"
            hotplug:
              description: As RV(ansible_facts.pcie.functions[].hotplug) of the port.
              type: bool
              sample: true
            surprise:
              description: Whether what is in the slot may be pulled out without asking.
              type: bool
              sample: false
            presence:
              description:
                - Whether the slot sees something in it. It is V(null) without a slot.
                - Some emulated ports report V(false) although something is there.
              type: bool
              sample: true
            dpc:
              description: As RV(ansible_facts.pcie.functions[].dpc) of the port.
              type: dict
              sample: {trigger_enabled: true, status: false}
            cxl:
              description: As RV(ansible_facts.pcie.functions[].cxl) of the port.
              type: bool
              sample: false
            sbr_masked:
              description: Whether a port of Compute Express Link ignores the reset of its bus. It is
                V(null) for other ports.
              type: bool
              sample:
            external:
              description: Whether firmware says that the port, or what is below it, is outside the
                machine. An empty port cannot be told.
              type: bool
              sample: false
        host_bridges:
          description: The root buses, in the order of their functions.
          returned: success
          type: list
          elements: dict
          contains:
            root_bus:
              description: Domain and number.
              type: str
              sample: "10000:e0"
            function:
              description: Address of the function that the bus belongs to, as with Intel VMD. It is
                V(null) for a root bus of the platform.
              type: str
              sample: "0000:00:0e.0"
        notes:
          description: Sentences that tell what is missing for the whole tree.
          returned: success
          type: list
          elements: str
          sample: []
    iommu:
      description: The IOMMU as the running kernel uses it.
      returned: success
      type: dict
      contains:
        kind:
          description: V(vtd), V(amdvi), V(smmuv3), V(none) for none that this collection knows, or V(unknown)
            where C(/sys/class/iommu) is missing.
          type: str
          sample: vtd
        units:
          description: The IOMMU's units, each with its name, what its driver tells about its
            registers, and the capabilities that these mean.
          type: list
          elements: dict
          sample:
            - name: dmar0
              version: "1:0"
              address: fed90000
              cap: d2008c22260286
              ecap: f00f4a
              capabilities: {domains: 65536, address_width: 39, levels: [3], caching_mode: true}
        translation:
          description: Whether DMA passes through the IOMMU, V(null) if C(/sys/class/iommu) is missing.
          type: bool
          sample: true
        interrupt_remapping:
          description: Whether interrupts pass through the IOMMU too.
          type: dict
          contains:
            active:
              description: Whether C(/proc/interrupts) names a remapping interrupt chip, V(null) without that file.
              type: bool
              sample: true
            mode:
              description: V(x2apic), V(xapic) or V(its). It is V(null) if it is not known or not active.
              type: str
              sample: x2apic
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
            reserved:
              description: Memory that the kernel keeps from the group's ordinary use, with its first
                and last address (hexadecimal) and the kernel's name for the reason.
              type: list
              elements: dict
              sample:
                - {start: fee00000, end: feefffff, type: msi}
        reserved:
          description: Memory that devices use at any time, the console of a management controller
            for example, as firmware and kernel name it.
          type: list
          elements: dict
          contains:
            devices:
              description: Addresses of the devices.
              type: list
              elements: str
              sample: ["0000:00:14.0"]
            start:
              description: First address, hexadecimal.
              type: str
              sample: 7f2a8000
            end:
              description: Last address, hexadecimal.
              type: str
              sample: 7f2c7fff
            type:
              description: V(direct), V(direct-relaxable) or V(exclusion).
              type: str
              sample: direct
            source:
              description: V(RMRR), V(IVMD) or V(RMR) for what firmware says, or V(kernel).
              type: str
              sample: RMRR
        acpi:
          description:
            - Firmware's tables C(DMAR), C(IVRS) and C(IORT), decoded. The devices that a table means
              are named by their addresses where the path to them could be followed.
            - A table that the host does not have, or that cannot be read, is V(null).
          type: dict
          sample:
            dmar:
              revision: 1
              address_width: 46
              flags: {interrupt_remapping: true, x2apic_opt_out: false, dma_protection_opt_in: false}
            ivrs:
            iort:
        command_line:
          description: What the running kernel's command line says about the IOMMU and interrupts.
          type: list
          elements: str
          sample: [intel_iommu=on]
        lockdown:
          description: V(none), V(integrity) or V(confidentiality).
          type: str
          sample: integrity
        capture_kernel:
          description: What the capture kernel does with devices that still run.
          type: dict
          contains:
            tables:
              description:
                - V(kept) if a device keeps its translations until its driver attaches.
                - V(aborted) if its DMA is refused from the start.
                - V(none) if nothing translates, DMA goes to physical addresses.
                - V(unknown) if a crash test must show it.
              type: str
              sample: kept
            why:
              description: A sentence.
              type: str
              sample: >-
                The capture kernel copies the VT-d tables, and a device keeps its old ones until its
                driver attaches: its DMA goes on until then.
            warnings:
              description: Sentences on where the command lines of both kernels disagree.
              type: list
              elements: str
              sample: []
        notes:
          description: Sentences that tell what is missing or damaged.
          type: list
          elements: str
          sample: []
    kdump:
      description: The capture kernel and what there is to take a dump.
      returned: success
      type: dict
      contains:
        family:
          description: V(debian) for kdump-tools, V(kdump-utils), or V(suse). It is V(null) if no kdump
            that this collection knows is installed.
          type: str
          sample: debian
        distribution_family:
          description: The family that the host's distribution has packages of, by C(/etc/os-release). It is V(null) for
            a distribution that is not known.
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
              description: What builds the initramfs, V(initramfs-tools) or V(dracut).
              type: str
              sample: initramfs-tools
            fingerprint:
              description:
                - Another one is another build of the initramfs. The report calls the proof of a crash test stale then.
              type: str
              sample: 31457280-1795351200000000000
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
              description: V(local), or V(nfs), V(ssh), V(ftp) and others if the dump leaves the host.
              type: str
              sample: local
            path:
              description: The directory.
              type: str
              sample: /var/crash
            free_bytes:
              description:
                - Free bytes of a local directory's file system, V(null) for a captured tree.
              type: int
              sample: 243711324160
            functions:
              description:
                - Addresses of the PCI functions that a local dump is written through, V(null) when that cannot be told.
              type: list
              elements: str
              sample: ["0000:02:00.0"]
        expected_dump_bytes:
          description:
            - Upper bound of a dump at level 31 before compression, as makedumpfile counts its pages.
            - Where it did not finish within two seconds, and for a captured tree, an estimate from C(/proc/meminfo).
              M(vmcore.kdump.crash_test) waits for it.
          type: int
          sample: 168230912
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
            stale:
              description: Whether the plan names other functions than the host has now. It is V(null)
                without a plan.
              type: bool
              sample: false
            stage:
              description: Where the loaded capture kernel has the devices reset, V(initramfs) or V(quiesce). It is
                V(null) without the helper.
              type: str
              sample: initramfs
        suitable_stage:
          description: Where this host's devices are best reset. It is V(null) when not all subsets are gathered.
          type: dict
          contains:
            stage:
              description: V(initramfs) or V(quiesce), for O(vmcore.kdump.pcie_reset_helper#module:stage).
              type: str
              sample: quiesce
            why:
              description: Why, in a sentence.
              type: str
              sample: >-
                The driver virtio-pci of 0000:02:00.0 is built into the kernel, and has it before a reset in the
                initramfs: the quiesce stage comes first.
        watchdogs:
          description:
            - Watchdogs. An active watchdog resets the host while it dumps, unless the capture kernel feeds the
              watchdog, too.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the device.
              type: str
              sample: watchdog0
            identity:
              description: What its driver calls it.
              type: str
              sample: iTCO_wdt
            driver:
              description: The driver.
              type: str
              sample: iTCO_wdt
            timeout:
              description: Seconds until it resets the host.
              type: int
              sample: 30
            active:
              description:
                - Whether somebody opened it. The kernel feeds a watchdog that counts and that nobody opened, which is
                  the problem V(watchdog_fed_by_kernel).
              type: bool
              sample: false
        pstore:
          description: What could keep the log of a capture kernel that dies, see
            O(vmcore.kdump.kdump_config#module:capture_log).
          type: dict
          contains:
            backend:
              description: The backend of pstore that the running kernel uses
                (C(/sys/module/pstore/parameters/backend)), such as V(erst) or V(efi_pstore). It is V(null) without one.
              type: str
              sample: erst
            records:
              description: How many files are in C(/sys/fs/pstore) now. It is V(null) if that is not mounted.
              type: int
              sample: 0
            erst:
              description: Whether the firmware has the ACPI table ERST.
              type: bool
              sample: true
            efi:
              description: UEFI variables, V(null) on a machine without them.
              type: dict
              contains:
                writable:
                  description: Whether the kernel can write them.
                  type: bool
                  sample: true
                driver:
                  description: Whether C(efi_pstore) is V(built_in) or a V(module). It is V(null) if the kernel has
                    none.
                  type: str
                  sample: module
                disabled:
                  description: Whether it is switched off in the running kernel (C(pstore_disable)). It is V(null) if
                    C(efi_pstore) is not loaded.
                  type: bool
                  sample: false
                free_bytes:
                  description: What may still be written. It is V(null) if the kernel does not tell, as older ones
                    do not.
                  type: int
                  sample: 240104
            capture:
              description: The backend that a capture kernel can have. It is V(null) if there is none.
              type: str
              sample: erst
            room:
              description: Whether there is room for another log. It is V(null) if that is not known.
              type: bool
              sample:
            why:
              description: One sentence on these.
              type: str
              sample: There is nothing to set up.
        panic_triggers:
          description: What makes the kernel panic by its own decision, as its sysctls of these names have it. It is
            V(null) if the kernel does not have it.
          type: dict
          contains:
            panic_on_oops:
              description: On an oops.
              type: int
              sample: 1
            unknown_nmi_panic:
              description: On an NMI whose reason is not known, such as that of a management controller.
              type: int
              sample: 0
            panic_on_unrecovered_nmi:
              description: On an NMI for an error of memory.
              type: int
              sample: 0
            panic_on_io_nmi:
              description: On an NMI for an error of a device.
              type: int
              sample: 0
            softlockup_panic:
              description: On a processor that schedules nothing.
              type: int
              sample: 0
            hardlockup_panic:
              description: On a processor that takes no interrupt.
              type: int
              sample: 0
            hung_task_panic:
              description: On a task that waits for too long.
              type: int
              sample: 0
            panic_on_rcu_stall:
              description: On a stall of RCU.
              type: int
              sample: 0
        is_capture_kernel:
          description: Whether the host is in its capture kernel now, saving a dump.
          type: bool
          sample: false
        recommended_crash_size:
          description:
            - Bytes that the host should reserve for its capture kernel, without what the distribution's own tool says.
              See M(vmcore.kdump.crashkernel).
          type: int
          sample: 268435456
        core_collector:
          description: What writes the dump.
          type: str
          sample: makedumpfile
        problems:
          description: What keeps the host from taking a dump, or makes one less likely.
          type: list
          elements: dict
          contains:
            code:
              description:
                - Which problem it is. C(docs/reference/readiness.md) of this collection has all of them.
                - Without a dump, RV(ansible_facts.kdump.problems[].severity=error), are V(is_capture_kernel),
                  V(no_family), V(no_reservation), V(no_image), V(not_armed), V(image_not_loaded),
                  V(dump_directory_missing), V(fadump), V(kdump_off), V(nothing_saved), V(service_masked),
                  V(service_failed),
                  V(reservation_too_small), V(image_old), V(config_not_loaded), V(target_full), V(target_not_mounted),
                  V(target_read_only), V(target_unreachable), V(target_needs), V(target_encrypted), V(kernel_unsigned),
                  V(kexec_disabled) and V(makedumpfile_fails).
                - A dump is possible, RV(ansible_facts.kdump.problems[].severity=warning), with V(service_disabled),
                  V(plan_missing), V(plan_stale), V(quiesce_not_loaded), V(watchdog_active), V(watchdog_fed_by_kernel),
                  V(dump_space), V(reservation_small), V(reservation_lent), V(makedumpfile_old), V(iommu_differs),
                  V(panic_on_oops_off), V(sysrq_off), V(post_notifiers),
                  V(capture_hangs), V(setting_not_known), V(early_image_old), V(fenced_while_dumping), V(hang_no_dump),
                  V(last_test_failed), V(kernel_not_proven) and V(readiness_not_checked).
              type: str
              sample: not_armed
            severity:
              description: V(error) if there will be no dump, V(warning) if there can be one.
              type: str
              sample: error
            message:
              description: A sentence that says what to do.
              type: str
              sample: >-
                No capture kernel is loaded: look at 'systemctl status kdump-tools.service', then run
                'kdump-config unload && kdump-config load'.
        not_known:
          description:
            - Codes of the problems that could not be looked for, such as V(target_unreachable) in a captured tree.
          type: list
          elements: str
          sample: []
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
        console:
          description: The serial port that firmware says is its console (ACPI table SPCR), null without the table.
            C(function) is null if it is no PCI function.
          type: dict
          sample:
            source: SPCR
            function: null
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
            product_version:
              description: Version of the product.
              type: str
              sample: pc-q35-7.2
            product_sku:
              description: Stock keeping unit of the product.
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
            board_version:
              description: Version of the board.
              type: str
              sample:
            chassis_vendor:
              description: Vendor of the chassis.
              type: str
              sample: QEMU
            chassis_type:
              description: Type of the chassis, a number of the SMBIOS specification (7.4.1).
              type: str
              sample: "1"
            bios_vendor:
              description: Vendor of the firmware.
              type: str
              sample: SeaBIOS
            bios_date:
              description: Date of the firmware.
              type: str
              sample: 04/01/2014
            bios_release:
              description: Release of the firmware.
              type: str
              sample: "0.0"
            bios_version:
              description: Version of the firmware.
              type: str
              sample: 1.16.2-debian-1.16.2-1
        notes:
          description: Sentences on what could not be read.
          type: list
          elements: str
          sample: []
"""

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import (
    capture_command_line,
    kdump_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live, live_host
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.config_space import (
    NOTE_UNPRIVILEGED,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.stage_choice import (
    suitable_stage,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import check_root

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable

    from ansible.module_utils.basic import AnsibleModule

# The subsets, in the order in which they are returned.
SUBSETS = ("pcie", "iommu", "kdump", "platform")

HOST = Path("/")

ARGUMENT_SPEC: dict[str, t.Any] = {
    "root": {"type": "path", "default": "/"},
    "gather_subset": {
        "type": "list",
        "elements": "str",
        "choices": [f"{mark}{name}" for mark in ("", "!") for name in ("all", *SUBSETS)],
        "default": ["all"],
    },
}

WARNING_HOST = (
    "The PCI configuration space can only be read by root, ports and links are missing: use become."
)
WARNING_TREE = (
    "The PCI configuration space was captured without root's privilege, ports and links are missing:"
    " capture the tree again with become."
)


def wanted(gather_subset: Iterable[str]) -> list[str]:
    """Return the subsets that the option asks for, as M(ansible.builtin.setup) understands such a list."""
    asked = list(gather_subset)
    named = {name for name in asked if name in SUBSETS}
    left_out = {name[1:] for name in asked if name.startswith("!")}
    if "all" in left_out:
        left_out |= set(SUBSETS)
    everything = "all" in asked or not named
    return [name for name in SUBSETS if name in named or (everything and name not in left_out)]


def gather(root: Path, subsets: Iterable[str], live: Live | None = None) -> dict[str, t.Any]:
    """Return the facts of the host whose file system is at C(root). Raises KdumpError for a bad root.

    With C(live) the running host is asked what its files do not tell.
    """
    check_root(root)
    names = list(subsets)
    kdump = kdump_facts(root, live) if "kdump" in names else None
    functions: dict[str, Callable[[], t.Any]] = {
        "pcie": lambda: pcie_facts(root),
        "iommu": lambda: iommu_facts(
            root, kdump["capture_command_line"] if kdump else capture_command_line(root)
        ),
        "kdump": lambda: kdump or {},
        "platform": lambda: platform_facts(root),
    }
    facts = {name: functions[name]() for name in names}
    if "kdump" in facts:
        known = facts.keys() >= set(SUBSETS)
        facts["kdump"]["suitable_stage"] = suitable_stage(facts) if known else None
    return facts


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """Gather what the task asks for and return the module's result."""
    root = Path(module.params["root"])
    live = live_host(runner(module)) if root == HOST else None
    facts = gather(root, wanted(module.params["gather_subset"]), live)
    functions = facts.get("pcie", {}).get("functions", ())
    if any(NOTE_UNPRIVILEGED in function["notes"] for function in functions):
        module.warn(WARNING_HOST if root == HOST else WARNING_TREE)
    return {"ansible_facts": facts}


def main() -> None:
    run_module(look, argument_spec=ARGUMENT_SPEC)


if __name__ == "__main__":
    main()
