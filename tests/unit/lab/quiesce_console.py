# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The console of a crash with the quiesce stage, and of its record what belongs to that."""

from __future__ import annotations

from typing import Any

NIC, DISK = "0000:00:02.0", "0000:00:03.0"
RECORD: dict[str, Any] = {
    "reset": {
        "stage": "quiesce",
        "ports": [
            {"address": NIC, "result": "reset"},
            {"address": DISK, "result": "reset"},
            {"address": "0000:00:04.0", "result": "left"},
        ],
    }
}
# Of a Debian 13 with Linux 6.12; the last kernel is the one after the dump.
CONSOLE = """\
[  203.476733] e1000e 0000:01:00.0 enp1s0: renamed from eth0\r
[ 1076.800630] Kernel panic - not syncing: sysrq triggered crash\r
[    0.000000] Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)\r
[    0.000000] DMAR: IOMMU enabled\r
[    9.506901] pcie_reset: quiesce start uptime=9.54\r
[   16.340442] pcie_reset: resetting=0000:00:03.0 method=reset_subordinate uptime=16.37\r
[   18.695080] pcie_reset: port=0000:00:02.0 result=reset method=reset_subordinate error=none seconds=1.17\r
[   18.715373] pcie_reset: port=0000:00:03.0 result=reset method=reset_subordinate error=write_error seconds=1.18\r
[   18.734109] pcie_reset: port=0000:00:04.0 result=left reason=identity_changed seconds=0.00\r
[   24.762638] kexec_core: Starting new kernel\r
[    0.000000] Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)\r
[    0.020000] DMAR-IR: Copied IR table for dmar0 from previous kernel\r
[    0.024000] DMAR-IR: Enabled IRQ remapping in xapic mode\r
[    9.510114] DMAR: Translation already enabled - trying to copy translation structures\r
[    9.530375] DMAR: Copied translation tables from previous kernel for dmar0\r
[    9.703824] DMAR: Intel(R) Virtualization Technology for Directed I/O\r
[   20.506235] pcie_reset: quiesced\r
         Starting systemd-udevd...[   34.899077] virtio_blk virtio0: 1/0/0 default/read/poll queues\r
[  217.985680] e1000e 0000:01:00.0: Interrupt Throttling Rate (ints/sec) set to dynamic conservative mode\r
[    0.000000] Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)\r
[    3.942664] DMAR: Intel(R) Virtualization Technology for Directed I/O\r
[   22.296343] virtio_blk virtio0: 1/0/0 default/read/poll queues\r
"""
