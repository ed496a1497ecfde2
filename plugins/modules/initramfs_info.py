#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: initramfs_info
short_description: Look into a built initramfs and say in which order it runs what
version_added: 0.2.0
description:
  - Reads an initramfs as the kernel unpacks it. Returns what it is made of, which kernel modules it has, and the
    order in which it runs its scripts, units and hooks.
  - Says whether the PCIe reset helper is in it, and whether the image guarantees that it runs before anything that
    loads drivers. That follows from the image alone. It does not matter what made it or on which distribution.
  - It knows images of C(initramfs-tools), and of C(dracut) with and without systemd in it. For systemd it resolves
    the units that are started, with their drop-ins, links and masks, and the order between them, as systemd does.
  - It reads images that are concatenated of several archives, and images in which C(dracut) nested a file system.
  - An image that guarantees no order is a result and not a failure. The module fails only if it cannot read the
    image.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  platform:
    platforms: linux
options:
  path:
    description:
      - The image to read.
      - If it is not given, it is the image that the kdump of the host has for the running kernel.
    type: path
  files:
    description:
      - Return the list of all files in the image.
    type: bool
    default: false
notes:
  - Python alone reads archives that are not compressed or compressed with gzip, bzip2, lzma or xz. For the others it
    needs the program that also packs them. That is C(zstd), C(lz4) or C(lzop), C(unsquashfs) for a nested squashfs,
    and C(fsck.erofs) for a nested erofs.
  - An image is usually readable by root only.
  - Units that systemd's generators make while it boots are not in an image, so they are not seen.
  - A program that is no script is taken for one that loads drivers if it is known for that, or if it uses C(libkmod).
seealso:
  - module: vmcore.kdump.pcie_reset_helper
"""

EXAMPLES = r"""
---
- name: Look into the kdump initramfs of the running kernel
  vmcore.kdump.initramfs_info:
  register: image

- name: Show what guarantees that the reset comes first, or why nothing does
  ansible.builtin.debug:
    msg: "{{ image.proof.why_not or image.proof.evidence }}"

- name: List the drivers of PCI devices in it
  ansible.builtin.debug:
    msg: "{{ image.modules | selectattr('pci') | map(attribute='name') }}"

- name: Make sure that the normal boot image has nothing of the reset
  vmcore.kdump.initramfs_info:
    path: /boot/initrd.img-{{ ansible_facts.kernel }}
  register: normal
  failed_when: normal.helper.traces != []
"""

RETURN = r"""
image:
  description: The image that was read.
  returned: success
  type: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /var/lib/kdump/initrd.img-6.12.107+deb13-amd64
    size:
      description: Its size in bytes.
      type: int
      sample: 35268525
segments:
  description: The archives that it is concatenated of, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    compression:
      description: How it is compressed, V(null) if it is not.
      type: str
      sample: zstd
    offset:
      description: Where it begins, in bytes.
      type: int
      sample: 0
    size:
      description: Its size in the image in bytes, with what pads it.
      type: int
      sample: 35268525
    unpacked_size:
      description: The size of the archive in it, in bytes.
      type: int
      sample: 81264128
nested:
  description: The file system image that the loader in the initramfs makes the root, V(null) if there is none.
  returned: success
  type: dict
  contains:
    path:
      description: The file in the initramfs.
      type: str
      sample: squashfs-root.img
    format:
      description: The file system, V(squashfs) or V(erofs).
      type: str
      sample: squashfs
    size:
      description: Its size in bytes.
      type: int
      sample: 33689600
generator:
  description: What made the image, V(initramfs-tools), V(dracut) or V(unknown).
  returned: success
  type: str
  sample: dracut
systemd:
  description: Whether its C(/init) is systemd.
  returned: success
  type: bool
  sample: true
file_count:
  description: How many files, directories and links it has in all layers.
  returned: success
  type: int
  sample: 1518
files:
  description: All of them, sorted by path.
  returned: O(files) is V(true)
  type: list
  elements: dict
  contains:
    path:
      description: The path without a leading slash.
      type: str
      sample: usr/lib/systemd/system/pcie-reset.service
    layer:
      description:
        - V(initramfs) for a file of the initramfs, and the path of the nested image for a file in it.
        - If there is a nested image, V(loader) for a file of the initramfs around it.
      type: str
      sample: initramfs
    type:
      description: V(file), V(directory), V(link), V(character_device), V(block_device), V(fifo) or V(socket).
      type: str
      sample: file
    mode:
      description: Its permissions.
      type: str
      sample: "0644"
    size:
      description: Its size in bytes.
      type: int
      sample: 1338
    target:
      description: What a link points to, V(null) for everything else.
      type: str
      sample:
modules:
  description: The kernel modules that it has, those of a loader not counted.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name, with C(_) and never C(-).
      type: str
      sample: e1000e
    kernel:
      description: The release of the kernel that it is for.
      type: str
      sample: 6.12.107+deb13-amd64
    pci:
      description: Whether it is a driver of PCI devices, V(null) if the image does not say it.
      type: bool
      sample: true
order:
  description: In which order it runs what.
  returned: success
  type: dict
  contains:
    scripts:
      description:
        - The scripts of C(initramfs-tools) in their order, by the name of their directory, from its C(ORDER) files.
        - V(null) for other images.
      type: dict
      sample:
        init-top:
          - scripts/init-top/00-pcie-reset
          - scripts/init-top/all_generic_ide
          - scripts/init-top/udev
    hooks:
      description:
        - The hooks of C(dracut) in their order, by the name of their directory.
        - V(null) for other images.
      type: dict
      sample:
        cmdline:
          - var/lib/dracut/hooks/cmdline/00-parse-root.sh
          - var/lib/dracut/hooks/cmdline/01-parse-kernel.sh
    units:
      description: The units that systemd starts, V(null) if it is not in the image.
      type: dict
      contains:
        start:
          description: The unit that pulls in all others.
          type: str
          sample: initrd.target
        units:
          description: Every unit that it starts, or that one of these may start later, sorted by name.
          type: list
          elements: dict
          contains:
            name:
              description: The unit.
              type: str
              sample: systemd-udevd.service
            path:
              description: Its file.
              type: str
              sample: usr/lib/systemd/system/systemd-udevd.service
            pulled_in_by:
              description: A unit that wants or requires it, V(null) for the first one and for what is only triggered.
              type: str
              sample: sysinit.target
            triggered_by:
              description: The unit that may start it later, V(null) if it is started with the others.
              type: str
              sample:
            after:
              description: The units that it waits for directly, if they are started.
              type: list
              elements: str
              sample:
                - dracut-pre-udev.service
                - pcie-reset.service
                - systemd-journald.socket
            loads_drivers:
              description: The line because of which it may load drivers, V(null) if there is none.
              type: str
              sample: >-
                usr/lib/systemd/system/systemd-udevd.service:27: ExecStart=/usr/lib/systemd/systemd-udevd
        cycles:
          description: Units that wait for each other. Systemd leaves one out of each cycle.
          type: list
          elements: list
          sample: []
helper:
  description: The PCIe reset helper in it.
  returned: success
  type: dict
  contains:
    present:
      description: Whether the helper is in it.
      type: bool
      sample: true
    plan_digest:
      description: The digest of the plan that is in it, V(null) without one.
      type: str
      sample: 60a1f3d2a0b0a2d4f6cbb3ac8e1ed3e2ee57f8d90d3e2a5a5a2b2f6b7c1d9e40
    traces:
      description: >-
        Everything in it that belongs to the helper. What begins with C(loader:) is in the initramfs around a nested
        image.
      type: list
      elements: str
      sample:
        - etc/pcie-reset
        - etc/pcie-reset/plan
        - usr/lib/systemd/system/pcie-reset.service
proof:
  description: Whether the image guarantees that the helper runs before anything that loads drivers.
  returned: success
  type: dict
  contains:
    proven:
      description: Whether it does.
      type: bool
      sample: true
    statement:
      description: What is proven, or was to be.
      type: str
      sample: >-
        pcie-reset.service runs before dracut-cmdline.service, systemd-modules-load.service,
        systemd-udev-trigger.service and systemd-udevd.service, which load drivers
    before:
      description: What the helper runs before.
      type: list
      elements: str
      sample:
        - dracut-cmdline.service
        - systemd-modules-load.service
        - systemd-udev-trigger.service
        - systemd-udevd.service
    evidence:
      description: The lines of the image from which it follows.
      type: list
      elements: str
      sample:
        - "usr/lib/systemd/system/initrd.target:16: Requires=basic.target"
        - "usr/lib/systemd/system/basic.target:13: Requires=sysinit.target"
        - usr/lib/systemd/system/sysinit.target.wants/pcie-reset.service -> ../pcie-reset.service
    why_not:
      description: Why it is not proven, in one sentence. V(null) if it is.
      type: str
      sample:
"""

import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.describe import describe
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import detect
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule

ROOT = Path("/")


def kdump_image(root: Path) -> Path:
    """Return the kdump initramfs of the running kernel."""
    family = detect(root)
    if family is None:
        raise KdumpError("No kdump is installed on this host; give the path of an image.")
    return Path(family.image(root, os.uname().release))


def read(path: Path) -> bytes:
    """Return the content of an image."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise KdumpError(
            f"There is no image {path}: build it, or give the path of another one."
        ) from None
    except OSError as exc:
        raise KdumpError(f"The image {path} cannot be read, {exc.strerror}.") from None


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """Return what the task asks for."""
    path = Path(module.params["path"]) if module.params["path"] else kdump_image(ROOT)
    content = read(path)
    decompress = with_programs(runner(module), Path(module.tmpdir))
    return {
        "image": {"path": str(path), "size": len(content)},
        **describe(content, decompress, list_files=module.params["files"]),
    }


def main() -> None:
    run_module(
        look,
        argument_spec={"path": {"type": "path"}, "files": {"type": "bool", "default": False}},
    )


if __name__ == "__main__":
    main()
