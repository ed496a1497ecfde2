# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for every form of every pattern.

Lines of forms that were seen in the lab are in tests/unit/data/evidence, too. The others are what
the format string in the source prints, or a line of a public log without what names its owner.
"""

from __future__ import annotations

LINES: dict[str, list[str]] = {
    "not_reserved": [
        "crashkernel reservation failed - No suitable area found.",
        "Cannot reserve 256MB crashkernel low memory, please try smaller size.",
        "cannot allocate crashkernel (size:0x10000000)",
        "kdump-config[300]: no crashkernel= parameter in the kernel cmdline ... failed!",
        "kdumpctl[812]: No memory reserved for crash kernel.",
        "kdump[900]: Memory for crashkernel is not reserved",
        "crashkernel: Memory value expected",
        "crashkernel: expected '-'",
    ],
    "not_loaded": [
        "kdumpctl[807]: kdump: kexec: failed to load kdump kernel",
        "kdump-tools[296]: failed to load kdump kernel ... failed!",
        "kdump-tools[296]: kexec_file_load failed: Operation not permitted",
        "Lockdown: kexec: kexec of unsigned images is restricted; see man kernel_lockdown.7",
        "kdump.sh[701]: kexec_load failed: Cannot assign requested address",
        "kdump-tools[701]: Could not find a free area of memory of 0x3a2c000 bytes...",
        "kdump-tools[701]: locate_hole failed",
    ],
    "waits_after_panic": [
        "Rebooting in 10 seconds..",
        "---[ end Kernel panic - not syncing: sysrq triggered crash ]---",
    ],
    "digest_mismatch": [
        "sha256 digests do not match :(",
    ],
    "watchdog_armed": [
        "systemd[1]: Using hardware watchdog 'iTCO_wdt', version 6, device /dev/watchdog0",
        "systemd[1]: Watchdog running with a hardware timeout of 30s.",
    ],
    "watchdog_there": [
        "i6300ESB timer 0000:00:06.0: initialized. heartbeat=30 sec (nowayout=0)",
        "iTCO_wdt iTCO_wdt.1.auto: initialized. heartbeat=30 sec (nowayout=0)",
        "hpwdt 0000:01:00.0: HPE Watchdog Timer Driver: NMI decoding initialized",
    ],
    "cpus_not_stopped": [
        "SMP: failed to stop secondary CPUs 12-15",
        "Some CPUs may be stale, kdump will be unreliable.",
    ],
    "dmar_copied": [
        "DMAR: Copied translation tables from previous kernel for dmar0",
    ],
    "dmar_ir_copied": [
        "DMAR-IR: Copied IR table for dmar0 from previous kernel",
    ],
    "dmar_copy_failed": [
        "DMAR: Failed to copy translation tables from previous kernel for dmar0",
        "DMAR: dmar0: Failed to copy context table for bus 58",
        "DMAR-IR: Failed to copy IR table for dmar0 from previous kernel",
    ],
    "dmar_fault": [
        "DMAR: [DMA Read NO_PASID] Request device [03:00.0] fault addr 0xdf7e5000 [fault reason 0x06] PTE Read",
        "dmar: DMAR:[DMA Write] Request device [03:00.0] fault addr ffdf7000",
        "DMAR: VT-d detected Invalidation Time-out Error: SID 3b00",
    ],
    "dmar_status": [
        "DMAR: DRHD: handling fault status reg 2",
        "dmar: DRHD: handling fault status reg 2",
    ],
    "dmar_ir_fault": [
        "DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x25] Blocked a compatibility",
        "dmar: INTR-REMAP: Request device [[c0:00.0] fault index 26",
    ],
    "amd_reused": [
        "AMD-Vi: Copied DEV table from previous kernel.",
        "AMD-Vi: Reused DEV table from previous kernel.",
        "AMD-Vi: Translation is already enabled - trying to copy translation structures",
    ],
    "amd_copy_failed": [
        "AMD-Vi: Failed to copy DEV table from previous kernel.",
    ],
    "amd_fault": [
        "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:41:00.0 domain=0x0010 address=0xfff00000 flags=0x0020]",
        "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:41:00.0 pasid=0x00000 address=0xfff flags=0x0a00]",
        "mpt3sas 0000:41:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0010 address=0xfff00000 flags=0x0020]",
        "AMD-Vi: Event logged [DEV_TAB_HARDWARE_ERROR device=0000:c1:00.0 address=0x7fe00000 flags=0x0a00]",
        "AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0000:c1:00.0 address=0x103c5a0]",
    ],
    "amd_timeout": [
        "AMD-Vi: Completion-Wait loop timed out",
    ],
    "smmu_reset": [
        "arm-smmu-v3 arm-smmu-v3.0.auto: SMMU currently enabled! Resetting...",
    ],
    "smmu_event": [
        "arm-smmu-v3 arm-smmu-v3.0.auto: event 0x02 received:",
        "arm-smmu arm-smmu.0.auto: Unhandled context fault: fsr=0x402, iova=0xfff, fsynr=0x1, cbfrsynra=0x1, cb=0",
        "arm-smmu-v3 arm-smmu-v3.0.auto: event: F_TRANSLATION client: 0000:01:00.0 sid: 0x100 ssid: 0x0 iova: 0x0",
    ],
    "smmu_timeout": [
        "arm-smmu-v3 arm-smmu-v3.0.auto: CMD_SYNC timeout at 0x00000010 [hwprod 0x00000010, hwcons 0x00000000]",
        "arm-smmu arm-smmu.0.auto: TLB sync timed out -- SMMU may be deadlocked",
        "arm-smmu-v3 arm-smmu-v3.0.auto: CMDQ timeout",
        "arm-smmu-v3 arm-smmu-v3.0.auto: unexpected global error reported (0x00000100), this could be serious",
    ],
    "eeh_frozen": [
        "EEH: Frozen PHB#1-PE#fd detected",
        "EEH: PHB#1-PE#fd: This PCI device has failed 1 times in the last hour",
    ],
    "timer_lost": [
        "Kernel panic - not syncing: timer doesn't work through Interrupt-remapped IO-APIC",
        "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug and send a report.",
    ],
    "stale_interrupt": [
        "APIC: Stale IRR: 00000000,00000000,00000000,00000000,00000000,00000000,00100000,00000000 ISR: 00000000,",
    ],
    "irq_nobody_cared": [
        'irq 16: nobody cared (try booting with the "irqpoll" option)',
        "Disabling IRQ #16",
    ],
    "nmi": [
        "Uhhuh. NMI received for unknown reason 30 on CPU 0.",
        "NMI: IOCK error (debug interrupt?) for reason 71 on CPU 0.",
    ],
    "serr_nmi": [
        "NMI: PCI system error (SERR) for reason a1 on CPU 0.",
    ],
    "previous_boot_error": [
        "BERT: Error records from previous boot:",
        "mce: [Hardware Error]: Machine check events logged",
    ],
    "machine_check": [
        "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4: b200000000070f0f",
        "SError Interrupt on CPU0, code 0x00000000be000011 -- SError",
        "mce: CPUs not responding to MCE broadcast (may include false positives): 1-63",
        "Kernel panic - not syncing: Timeout: Not all CPUs entered broadcast exception handler",
    ],
    "fatal_error": [
        "{1}[Hardware Error]: event severity: fatal",
        "Kernel panic - not syncing: GHES: Fatal hardware error but panic disabled",
    ],
    "pcie_corrected": [
        "pcieport 0000:00:1c.0: AER: Multiple Correctable error message received from 0000:03:00.0",
        "mpt3sas 0000:3b:00.0: PCIe Bus Error: severity=Correctable, type=Data Link Layer, (Transmitter ID)",
    ],
    "pcie_error": [
        "pcieport 0000:00:02.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal), type=Transaction Layer",
        "pcieport 0000:00:02.0: AER: Uncorrected (Non-Fatal) error received: 0000:01:00.0",
        "{1}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 4",
    ],
    "reset_no_link": [
        "pcieport 0000:00:02.0: Data Link Layer Link Active not set in 100 msec",
    ],
    "reset_not_ready": [
        "nvme 0000:01:00.0: not ready 65535ms after bus reset; giving up",
    ],
    "port_resetting": [
        "pcie_reset: resetting=0000:00:02.0 uptime=4.31",
    ],
    "port_timeout": [
        "pcie_reset: port=0000:00:02.0 result=timeout method=reset_subordinate error=none seconds=15.00 functions=1",
    ],
    "port_failed": [
        "pcie_reset: port=0000:00:02.0 result=failed method=reset_subordinate error=refused seconds=1.10",
    ],
    "port_left": [
        "pcie_reset: port=0000:00:03.0 result=left reason=driver_bound seconds=0.00",
    ],
    "port_reset": [
        "pcie_reset: port=0000:00:02.0 result=reset method=reset_subordinate error=none seconds=1.10 functions=1",
    ],
    "reset_off": [
        "pcie_reset: off",
    ],
    "reset_abandoned": [
        "pcie_reset: abandoned command=/usr/local/lib/pcie-reset/pcie-reset after=20",
    ],
    "reset_exited": [
        "pcie_reset: exited command=/usr/local/lib/pcie-reset/pcie-reset status=1",
    ],
    "reset_plan_ignored": [
        "pcie_reset: ignored plan_line=3",
    ],
    "quiesce_restart": [
        "pcie_reset: quiesce restart reason=not_loaded",
    ],
    "quiesce_kexec": [
        "pcie_reset: quiesce kexec: Cannot determine the file type of /capture/kernel",
    ],
    "quiesce_late": [
        "pcie_reset: quiesce late",
    ],
    "quiesce_no_report": [
        "pcie_reset: quiesce no room for the report available=20480",
        "pcie_reset: quiesce not loaded again, without the report",
    ],
    "reset_summary": [
        "pcie_reset: summary planned=3 reset=2 left=1 failed=0 timeout=0 seconds=1.31 uptime=5.20 digest=9f2c",
    ],
    "out_of_memory": [
        "Out of memory: Killed process 307 (makedumpfile) total-vm:24536kB, anon-rss:9216kB, file-rss:1536kB",
        "Out of memory and no killable processes...",
        "Kernel panic - not syncing: System is deadlocked on memory",
        "makedumpfile invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0",
    ],
    "allocation_failed": [
        "kdump-tools[330]: makedumpfile: fork: Cannot allocate memory",
        "kworker/0:2: page allocation failure: order:4, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
        "Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled",
        "sparse_init_nid: Failed to allocate 1048576 bytes align=0x1000 nid=0 from=0x0",
        "Kernel panic - not syncing: alloc_low_pages: ran out of memory",
    ],
    "swiotlb_full": [
        "mpt3sas 0000:3b:00.0: swiotlb buffer is full (sz: 65536 bytes), total 0 (slots), used 0 (slots)",
        "software IO TLB: No low mem",
        "software IO TLB: Cannot allocate buffer",
        "Kernel panic - not syncing: Can not allocate SWIOTLB buffer earlier and can't now provide",
        "DMA: Out of SW-IOMMU space for 65536 bytes at device 0000:3b:00.0",
    ],
    "no_vmcore": [
        "Kdump: vmcore not initialized",
        "Warning: Core image elf header not found",
        "Fatal error: /proc/vmcore does not exist; kdump initrd booted from non-kdump kernel?",
        "kdump-tools[332]: open_dump_memory: Can't open the dump memory(/proc/vmcore). No such file or directory",
    ],
    "initramfs_no_room": [
        "Initramfs unpacking failed: write error",
        "initrd too large to handle, disabling initrd",
        "RAMDISK: incomplete write (-28 != 32768)",
    ],
    "initramfs_broken": [
        "Initramfs unpacking failed: ZSTD-compressed data is truncated",
    ],
    "no_init": [
        "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
        "Kernel panic - not syncing: No working init found.  Try passing init= option to kernel.",
        "Kernel panic - not syncing: Requested init /sbin/no failed (error -2).",
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
        "Failed to execute /init (error -2)",
    ],
    "init_lacks": [
        "/init: error while loading shared libraries: libzstd.so.1",
    ],
    "oops": [
        "RIP: 0010:nvme_pci_enable+0x5f/0x4c0 [nvme]",
        "pc : nvme_pci_enable+0x5c/0x4c0 [nvme]",
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        "BUG: kernel NULL pointer dereference, address: 0000000000000d20",
        "kernel BUG at mm/slub.c:4023!",
    ],
    "module_missing": [
        "modprobe: FATAL: Module virtio_blk not found in directory /lib/modules/6.12",
    ],
    "module_denied": [
        "Module virtio_blk is blacklisted",
    ],
    "module_refused": [
        "Loading of module with unavailable key is rejected",
        "mpt3sas: version magic '5.14.0-362.el9.x86_64 SMP ' should be '5.14.0-427.el9.x86_64 SMP '",
        "mpt3sas: disagrees about version of symbol module_layout",
        "modprobe: ERROR: could not insert 'virtio_blk': Exec format error",
    ],
    "disk_missing": [
        "ALERT!  /dev/vda does not exist.  Dropping to a shell!",
        "Gave up waiting for root file system device.  Common problems:",
        'dracut Warning: "/dev/disk/by-uuid/95230fe4-199a-4b39-a8bf-762c425e0230" does not exist',
        "dracut-initqueue[408]: Warning: dracut-initqueue timeout - starting timeout scripts",
        "systemd[1]: Timed out waiting for device /dev/disk/by-uuid/95230fe4.",
        "systemd[1]: Dependency failed for sysroot.mount - /sysroot.",
    ],
    "io_error": [
        "I/O error, dev sda, sector 2048 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2",
        "Buffer I/O error on dev sda1, logical block 0, async page read",
        "sd 0:0:0:0: rejecting I/O to offline device",
        "sd 0:0:0:0: Device offlined - not ready after error recovery",
        "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm init: reading directory lblock 0",
        'XFS (sda1): metadata I/O error in "xfs_da_read_buf+0xd9" at daddr 0x2 len 1 error 5',
    ],
    "nvme_timeout": [
        "nvme nvme0: Device not ready; aborting initialisation, CSTS=0x0",
        "nvme nvme0: I/O 24 QID 0 timeout, disable controller",
        "nvme nvme0: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff",
        "nvme nvme0: Removing after probe failure status: -19",
        "nvme nvme0: Disabling device after reset failure: -19",
    ],
    "hba_timeout": [
        "mpt3sas_cm0: fault_state(0x5854)!",
        "megaraid_sas 0000:01:00.0: FW in FAULT state, Fault code:0x40000 subcode:0x0 func:megasas_transition_to_ready",
        "megaraid_sas 0000:01:00.0: Failed from megasas_init_fw 6406",
        "aacraid: aac_fib_send: first asynchronous command timed out.",
        "hpsa 0000:03:00.0: board not ready, timed out.",
        "hpsa 0000:03:00.0: controller message 03:00 timed out",
        "smartpqi 0000:5c:00.0: controller is offline: status code 0x6100c",
        "qla2xxx [0000:05:00.0]-00ff:7: Firmware ready **** FAILED ****.",
        "lpfc 0000:05:00.0: 0:0439 Adapter failed to init, mbxCmd x11 CONFIG_PORT, mbxStatus x0 Data: x0",
        "mpi3mr0: Failed to bring ioc ready: error -1",
        "megaraid_sas 0000:3b:00.0: Init cmd return status FAILED for SCSI host 0",
        "dasd-eckd.90fb0d: 0.0.0201: No operational channel path is left for the device",
        "zfcp.0f5f2e: 0.0.1900: Setting up the QDIO connection to the FCP adapter failed",
    ],
    "ata_timeout": [
        "ata1.00: qc timeout after 5000 msecs (cmd 0xec)",
        "ata1.00: failed to IDENTIFY (I/O error, err_mask=0x4)",
        "ata2: reset failed, giving up",
        "ata1: COMRESET failed (errno=-16)",
    ],
    "device_inaccessible": [
        "nvme 0000:65:00.0: Unable to change power state from D3cold to D0, device inaccessible",
        "nvme 0000:65:00.0: can't change power state from D3cold to D0 (config space inaccessible)",
    ],
    "bar_unassigned": [
        "pci 0000:3b:00.0: BAR 0 [mem size 0x00100000 64bit]: can't assign; no space",
        "pci 0000:3b:00.0: BAR 1: no space for [mem size 0x00010000 64bit]",
    ],
    "probe_failed": [
        "nvme: probe of 0000:01:00.0 failed with error -12",
        "mpt3sas 0000:3b:00.0: probe with driver mpt3sas failed with error -110",
    ],
    "disk_locked": [
        "Please enter passphrase for disk luks-root: (press TAB for no echo)",
        "Please unlock disk sda3_crypt:",
        "Enter passphrase for /dev/sda3:",
        "systemd-cryptsetup[494]: TPM2 operation failed, falling back to traditional unlocking",
    ],
    "volume_missing": [
        'Volume group "vg0" not found',
        "Cannot process volume group vg0",
        "Message: cannot import 'rpool': no such pool available",
        "Failed to import pool 'rpool'.",
        "dracut-initqueue[402]: mdadm: /dev/md127 assembled from 1 drive - not enough to start the array.",
        "md/raid:md127: not enough operational devices (2/3 failed)",
    ],
    "udev_stuck": [
        "systemd-udevd[201]: 0000:3b:00.0: Worker [215] processing SEQNUM=1893 is taking a long time",
        "udevd[2412]: worker [5384] /devices/pci0000:00/0000:00:01.3 is taking a long time",
        "Timed out for waiting the udev queue being empty.",
        "systemd-udevd[210]: seq 1821 '/devices/pci0000:3a/0000:3a:00.0' is taking a long time",
    ],
    "job_waits": [
        "[  ***  ] A start job is running for /dev/disk/by-uuid/6f2c (1min 4s / no limit)",
    ],
    "nic_timeout": [
        "mlx5_core 0000:5e:00.0: wait_fw_init:210:(pid 9): Waiting for FW initialization, timeout abort in 100s",
        "mlx5_core 0000:5e:00.0: Firmware over 120000 MS in pre-initializing state, aborting",
        "NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5056 ms",
        "e1000e 0000:01:00.0 enp1s0: Detected Hardware Unit Hang:",
        "bnxt_en 0000:18:00.0 eth0: Error (timeout: 500015) msg {0x0 0x0} len:0",
    ],
    "network_missing": [
        "kdump[700]: Failed to get IP of eth0",
        "kdump[700]: Waiting for network to be ready (12s / 10min)",
        "kdump[701]: Oops. The network still isn't ready after waiting 10mins.",
        "kdump[702]: failed to get remote IP address!",
        "Network not reachable; will try 3 more times.",
        "kdump-tools: Unable to mount remote NFS directory db:/dumps. Cannot save core",
        "Error: Host not responding",
        "kdump-tools[320]: mount.nfs: access denied by server while mounting dumps:/srv",
    ],
    "ssh_error": [
        "root@dumps: Permission denied (publickey,gssapi-keyex,gssapi-with-mic,password).",
        "Host key verification failed.",
        "ssh: Could not resolve hostname dumps: Name or service not known",
        "ssh: connect to host dumps port 22: Connection refused",
        "client_loop: send disconnect: Broken pipe",
        "Connection closed by 192.0.2.7 port 22",
        "lost connection",
    ],
    "target_not_mounted": [
        "kdump[666]: failed to dump to '/kdumproot', it's not a mount point!",
        "kdump[666]: Failed to mount rootfs",
        "systemd[1]: Failed to mount var-crash.mount - /var/crash.",
        "mount: /var/crash: unknown filesystem type 'xfs'.",
        "mount: mounting /dev/sda2 on /root failed: Invalid argument",
        "XFS (sda2): log mount failed",
        "EXT4-fs (sda2): couldn't mount RDWR because of unsupported optional features (1000)",
        "BTRFS error (device sda2): open_ctree failed",
    ],
    "disk_full": [
        "kdump-tools[340]: /etc/init.d/kdump-tools: 1: cat: write error: No space left on device",
        "makedumpfile: write: Disk quota exceeded",
        "Remaining space (12 MB) less than KDUMP_FREE_DISK_SIZE (64 MB)",
        "vmcore status: deleted (12 < KDUMP_FREE_DISK_SIZE 64)",
    ],
    "makedumpfile_too_old": [
        "get_versiondep_info_arm64: PAGE SIZE 0x1000 and VA Bits 52 not supported",
        "get_mem_type: Can't find the memory type.",
    ],
    "makedumpfile_failed": [
        "kdump-tools[330]: makedumpfile Failed.",
        "kdump-tools[330]: open_kernel_file: Can't open the kernel file(/nonexistent). No such file or directory",
        "Try `makedumpfile --help' for more information.",
        "This is an incomplete dumpfile, but might analyzable.",
        "kdump-tools: makedumpfile failed, falling back to 'cp' ... failed!",
        "/bin/kdump.sh: line 132: makedumpfile: command not found",
        "create_2nd_bitmap: Can't exclude unnecessary pages.",
        "kdump.sh[481]: makedumpfile: error while loading shared libraries: libzstd.so.1",
        "makedumpfile[481]: segfault at 10 ip 000055d0c0a1b2c3 sp 00007ffd1e2f3a40 error 4",
        "traps: makedumpfile[481] general protection fault ip:55d0c0a1b2c3 sp:7ffd1e2f3a40 error:0",
    ],
    "save_failed": [
        "kdump[690]: saving vmcore failed, exitcode:1",
        "kdump-tools: failed to save vmcore in /var/crash/202611221255 ... failed!",
        "Error: Failed saving vmcore",
        "vmcore status: error while saving, return code: 1",
        "Transfer exit code: 1",
        "fail kdump_test_id=1763800000-123456789",
        "systemd[1]: kdump-capture.service: start operation timed out. Terminating.",
    ],
    "dump_interrupted": [
        "If you see this text the crash dump is likely incomplete.",
    ],
    "script_failed": [
        "kdump[640]: kdump_pre script exited with non-zero status!",
        "Error: Pre-script failed (1)",
    ],
    "family_says_saved": [
        "kdump-tools[311]: kdump-tools: saved vmcore in /var/crash/202611221255.",
        "kdump[680]: saving vmcore complete",
        "Saved vmcore",
        "vmcore status: saved successfully",
        "success kdump_test_id=1763800000-123456789",
    ],
    "gave_up": [
        "kdump[700]: Entering kdump emergency mode",
        "Dropping to a shell!",
        "Rebooting automatically due to panic= boot argument",
        "dracut-initqueue[408]: Warning: Could not boot.",
        "kdump[690]: Executing failure action systemctl reboot -f",
        'You are in emergency mode. After logging in, type "journalctl -xb" to view',
        "systemd[1]: Reached target emergency.target - Emergency Mode.",
        "Something failed. Running a debug shell. Exit the shell to continue.",
    ],
    "capture_panic": [
        "Kernel panic - not syncing: Fatal exception in interrupt",
    ],
    "stalled": [
        "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [makedumpfile:307]",
        "Watchdog detected hard LOCKUP on cpu 0",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
        "INFO: task makedumpfile:307 blocked for more than 120 seconds.",
    ],
    "watchdog_fired": [
        "   1 | 11/22/2026 | 12:55:01 | Watchdog2 #0x03 | Hard reset | Asserted",
        "watchdog: watchdog0: watchdog pretimeout event",
        "  12 | 01/10/2026 10:02 | ASR Detected by System ROM",
        "2026-01-10 10:02:01 ASR0002 The watchdog timer reset the system.",
    ],
    "power_event": [
        "   2 | 11/22/2026 | 12:55:01 | Power Unit Pwr Unit Status | Power off/down | Asserted",
        "   3 | 11/22/2026 | 12:55:01 | System Boot Initiated #0xe0 | Initiated by power up | Asserted",
    ],
    "pci_system_error": [
        "   4 | 11/22/2026 | 12:54:59 | Critical Interrupt PCIe Fat Sensor | PCI SERR | Asserted",
        "   5 | 11/22/2026 | 12:54:59 | Processor P0 Status | IERR | Asserted",
        "PCI1318 A fatal error was detected on a component at bus 59 device 0 function 0.",
        "CPU0000 CPU 1 has an internal error (IERR).",
        "  13 | Uncorrectable PCI Express Error (Embedded device, Bus 0, Device 2, Function 0)",
        "  14 | Unrecoverable System Error (NMI) has occurred.",
    ],
    "asked_to_reboot": [
        "reboot: Restarting system",
    ],
    "apic_in_service": [
        "pcie_reset: apic mode=x2apic in_service=52 after=52",
    ],
    "apic_ended": [
        "pcie_reset: apic mode=xapic in_service=52,61 after=none",
    ],
    "apic_free": [
        "pcie_reset: apic mode=x2apic in_service=none after=none",
    ],
    "apic_unread": [
        "pcie_reset: apic unread reason=iomem_strict",
    ],
    "pcie_fatal": [
        "pcieport 0000:3a:00.0: AER: Uncorrectable (Fatal) error message received from 0000:3b:00.0",
        "pcieport 0000:3a:00.0: AER: Uncorrected (Fatal) error received: 0000:3b:00.0",
        "mpt3sas 0000:3b:00.0: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Transaction Layer, (Requester ID)",
        "pcieport 0000:3a:00.0: DPC: containment event, status:0x1f01 source:0x0000",
    ],
    "pcie_recovered": [
        "pcieport 0000:3a:00.0: AER: device recovery successful",
    ],
    "iscsi_failed": [
        "dracut-initqueue[402]: iscsistart: cannot make a connection to 192.0.2.40:3260 (-1,110)",
        "connection1:0: detected conn error (1020)",
    ],
}
