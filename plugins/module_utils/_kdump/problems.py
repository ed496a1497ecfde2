# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What keeps a host from taking a dump, in words: one code, one sentence with the cure."""

from __future__ import annotations

# What keeps a host from taking a dump or makes one less likely, and what to do about it.
PROBLEMS: dict[str, str] = {
    "is_capture_kernel": "This is the capture kernel (/proc/vmcore exists): wait until the dump is saved and the host"
    " has booted its normal kernel.",
    "no_family": "No kdump service that this collection knows is installed: install {families}.",
    "no_reservation": "No memory is reserved for a capture kernel: add crashkernel= to the kernel command line"
    " and reboot.",
    "no_image": "The kdump initramfs {image} does not exist: run '{rebuild}', then '{rearm}'.",
    "not_armed": "No capture kernel is loaded: look at 'systemctl status {service}', then run '{rearm}'.",
    "image_not_loaded": "The capture kernel was loaded with another initramfs than the present {image}: run '{rearm}'.",
    "dump_directory_missing": "The dump directory {directory} does not exist: create it or mount it.",
    "dump_space": "{free} MiB are free in {directory}, a dump may take {expected} MiB: make room.",
    "service_disabled": "{service} is not enabled, no capture kernel is loaded after the next boot: run"
    " 'systemctl enable {service}'.",
    "plan_missing": "The reset helper is installed without a plan that it can read: run pcie_reset_helper again.",
    "plan_stale": "The reset plan names other devices than the host has now, their ports would be left alone:"
    " run pcie_reset_helper again.",
    "quiesce_not_loaded": "The capture kernel is loaded without the quiesce stage, and resets devices from its"
    " initramfs instead. {refused}",
    "watchdog_active": "The watchdog {watchdogs} is running and resets the host while it dumps unless the capture"
    " kernel feeds it: put its driver into the kdump initramfs, and give it more time than a dump takes.",
    "watchdog_fed_by_kernel": "The watchdog {watchdogs} counts, and only the kernel feeds it: it resets the host while"
    " the host dumps, unless the capture kernel has its driver. Put the driver into the kdump initramfs, or stop the"
    " watchdog at each boot with 'echo V >/dev/{name}'.",
    "kdump_off": "{service} is told to load no capture kernel: set {setting}, then run '{rearm}'.",
    "nothing_saved": "{setting}: the capture kernel saves a log and no dump. Set another format, and run '{rearm}'.",
    "setting_not_known": "What {setting} is only a shell can tell, by '{line}', and what is said here of the dump may"
    " be wrong: write it as plain text.",
    "service_masked": "{unit} is masked and cannot run: run 'systemctl unmask {unit}', then '{rearm}'.",
    "service_failed": "{service} failed ({result}): look at 'systemctl status {service}', mend what it says, then run"
    " '{rearm}'.",
    "reservation_too_small": "{reserved} MiB are reserved, and the kernel and its kdump initramfs alone take {least}"
    " MiB: set crashkernel={recommended}M and reboot.",
    "reservation_small": "{reserved} MiB are reserved, and {recommended} MiB are recommended for this host: a capture"
    " kernel that runs out of memory saves nothing. Set crashkernel={recommended}M and reboot, or prove with a crash"
    " test that it is enough.",
    "reservation_lent": "{lent} MiB of the reservation (crashkernel=...,cma) are memory that the running kernel uses"
    " until it crashes, and a device that still does DMA then can overwrite the capture kernel there: reserve all of it"
    " without ',cma', or prove with crash tests that dumps come.",
    "image_old": "The kdump initramfs {image} is older than {newer}, which it was built from: run '{rebuild}', then"
    " '{rearm}'.",
    "early_image_old": "The capture kernel is loaded at boot (rd.earlykdump) from a copy in {early}, which is older"
    " than {image}: run 'dracut --force' for the running kernel, and reboot.",
    "config_not_loaded": "{config} changed after the capture kernel was loaded, which does not know of it: run"
    " '{rearm}'.",
    "target_full": "{free} MiB are free in {directory}, less than a tenth of the {expected} MiB that a dump may take"
    " before compression: make room.",
    "target_not_mounted": "Dumps go to {directory}, and {missing} is not mounted there: run 'mount {place}'.",
    "target_read_only": "Dumps go to {directory}, and {place} is mounted read-only: look for errors of its file system"
    " in the kernel log, and mount it writable.",
    "target_unreachable": "Dumps go to {target}, which does not answer ({reason}): mend the way there, or choose"
    " another target.",
    "target_needs": "Dumps go to {target}, and {missing} is not there: {cure}.",
    "target_encrypted": "Dumps go to {place}, which lies on the encrypted device {devices}: the capture kernel"
    " waits for its passphrase. Choose another target, or give the device a key that needs nobody{way}.",
    "iommu_differs": "The capture kernel's command line {differences} compared with the running kernel's: devices that"
    " still run may then fault or write to wrong memory. Give both the same IOMMU arguments.",
    "kernel_unsigned": "The kernel is locked down ({mode}) and loads signed capture kernels only, and {kernel} is not"
    " signed: sign it, or use the distribution's kernel.",
    "kexec_disabled": "No capture kernel can be loaded before the next boot, because kernel.kexec_load_disabled is 1:"
    " reboot, and set it only after {service} has run.",
    "makedumpfile_fails": "makedumpfile cannot read the running kernel ({reason}), every dump would be empty: install a"
    " newer makedumpfile, or {way_out}.",
    "makedumpfile_old": "makedumpfile does not know the free pages of this kernel, and saves them as well: {free} MiB"
    " are free, and a dump may take {expected} MiB. Install a newer makedumpfile (1.7.7 for Linux 6.12).",
    "panic_on_oops_off": "kernel.panic_on_oops is 0, an oops kills a process and leaves no dump: set it to 1.",
    "sysrq_off": "kernel.sysrq is 0, a host that hangs cannot be crashed from its console: set it to 1, or to a value"
    " with 8 in it, or kernel.unknown_nmi_panic to 1.",
    "hang_no_dump": "A host that hangs cannot be made to dump: kernel.sysrq is {sysrq}, which has no 8 in it, and"
    " neither an unknown NMI nor a hard lockup makes it panic. Set kernel.unknown_nmi_panic to 1 and send an NMI (IPMI:"
    " 'chassis power diag'), or kernel.sysrq to 1; the role kdump does the first with kdump_panic_on.",
    "fenced_while_dumping": "The cluster switches this node's power off {seconds} s after it stops answering, and it"
    " {what} {needed} s after a panic, by estimate: have fence_kdump wait for it, first and long enough, and name the"
    " other nodes in fence_kdump_nodes, or raise pcmk_delay_base.",
    "post_notifiers": "crash_kexec_post_notifiers is on, other parts of a kernel that is broken run before the capture"
    " kernel starts, and may hang: boot without it.",
    "capture_hangs": "The capture kernel's command line has no panic=, a capture kernel that panics stays there for"
    " ever: append panic=10 to it.",
    "last_test_failed": "The last '{test}' ended with '{status}': look at what it left in the dump directory, then run"
    " it again, or a crash test.",
    "kernel_not_proven": "The last crash test proves nothing of {kernels}, installed since, which the next boot may"
    " run: crash the host again after that boot.",
    "readiness_not_checked": "{timer} is installed and has not run in this boot: look at 'systemctl status {timer}'.",
    "fadump": "Firmware-assisted dump is on: after a crash the firmware boots the normal initramfs, which the reset"
    " helper is never put into. Boot without fadump= to use it.",
}

# Those that leave a dump possible.
WARNINGS = frozenset(
    {
        "capture_hangs",
        "dump_space",
        "early_image_old",
        "fenced_while_dumping",
        "hang_no_dump",
        "iommu_differs",
        "kernel_not_proven",
        "last_test_failed",
        "makedumpfile_old",
        "panic_on_oops_off",
        "plan_missing",
        "plan_stale",
        "post_notifiers",
        "quiesce_not_loaded",
        "readiness_not_checked",
        "reservation_lent",
        "reservation_small",
        "service_disabled",
        "setting_not_known",
        "sysrq_off",
        "watchdog_active",
        "watchdog_fed_by_kernel",
    }
)


def problem(code: str, **words: str) -> dict[str, str]:
    """Return C({"code", "severity": "error"|"warning", "message"}) of a problem."""
    severity = "warning" if code in WARNINGS else "error"
    return {"code": code, "severity": severity, "message": PROBLEMS[code].format(**words)}


__all__ = ("PROBLEMS", "WARNINGS", "problem")
