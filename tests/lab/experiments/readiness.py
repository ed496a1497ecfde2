# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is made unable to dump in every way: platform_facts says so, and the crash test refuses."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.plays import Plays

_SETTINGS = "/etc/default/kdump-tools"
_IMAGE = "/var/lib/kdump/initrd.img-$(uname -r)"
_RELOAD = "kdump-config reload"
_COMMAND = "/usr/sbin/kdump-config"
_RESERVED = "/sys/kernel/kexec_crash_size"
_DROP_IN = "/run/systemd/system/kdump-tools.service.d"
_SECONDS = 600

# What makedumpfile 1.7.6 says of a kernel of Debian 13 for arm64.
_REFUSES = "#!/bin/sh\\necho 'set_pgtable_level: PAGE SIZE 0x1000 and VA Bits 52 not supported'\\nexit 1\\n"


# The check of a crash test that has another name than the problem.
_CHECKS = {"makedumpfile_fails": "makedumpfile_reads_kernel"}


class Trouble(NamedTuple):
    """How a problem is made on a guest, and undone."""

    make: str
    undo: str


def _setting(line: str) -> Trouble:
    """Add a line to kdump-tools' configuration, which keeps its age."""
    return Trouble(
        f"cp -p {_SETTINGS} {_SETTINGS}.lab && echo '{line}' >>{_SETTINGS} &&"
        f" touch -r {_SETTINGS}.lab {_SETTINGS}",
        f"mv {_SETTINGS}.lab {_SETTINGS}",
    )


def _file(path: str, make: str) -> Trouble:
    """Move a file away, and put something in its place."""
    return Trouble(f"mv {path} {path}.lab; {make}", f"rm -rf {path}; mv {path}.lab {path}")


def _kernel(path: str, value: str) -> Trouble:
    """Write a value to a file of the kernel's, and what was there before again."""
    return Trouble(
        f"cat {path} >/run/lab-value && echo {value} >{path}", f"cat /run/lab-value >{path}"
    )


def _command_line(edit: str) -> Trouble:
    """Load the capture kernel with another command line than it would get, edited with sed."""
    return Trouble(
        f"cp -p {_SETTINGS} {_SETTINGS}.lab; sed 's/ *crashkernel=[^ ]*//; {edit};"
        f' s/.*/KDUMP_CMDLINE="&"/\' /proc/cmdline >>{_SETTINGS}; {_RELOAD}',
        f"mv {_SETTINGS}.lab {_SETTINGS}; {_RELOAD}",
    )


def _filled(left: int) -> Trouble:
    """Give the dump directory a file system of its own, and leave so many MiB of it."""
    return Trouble(
        "truncate -s 64M /var/tmp/lab.img && mke2fs -q -F -t ext4 -m 0 /var/tmp/lab.img &&"
        " mount -o loop /var/tmp/lab.img /var/crash &&"
        f" fallocate -l $(($(stat -f --format='%f * %S' /var/crash) - ({left} << 20))) /var/crash/lab",
        "umount /var/crash; rm /var/tmp/lab.img",
    )


# In this order: the lasting ones come last, each on what the one before it left.
TROUBLES = {
    "no_family": Trouble(f"mv {_COMMAND} {_COMMAND}.lab", f"mv {_COMMAND}.lab {_COMMAND}"),
    "kdump_off": _setting("USE_KDUMP=0"),
    "service_masked": Trouble(
        "systemctl mask kdump-tools.service", "systemctl unmask kdump-tools.service"
    ),
    "service_disabled": Trouble(
        "systemctl disable kdump-tools.service", "systemctl enable kdump-tools.service"
    ),
    "service_failed": Trouble(
        f"mkdir -p {_DROP_IN} && printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' >{_DROP_IN}/lab.conf"
        " && systemctl daemon-reload; systemctl restart kdump-tools.service || true",
        f"rm {_DROP_IN}/lab.conf && systemctl daemon-reload && systemctl restart kdump-tools.service",
    ),
    "not_armed": Trouble("kdump-config unload", "kdump-config load"),
    "no_image": _file(_IMAGE, "true"),
    "image_not_loaded": Trouble(
        f"touch -r {_IMAGE} /run/lab-age && touch {_IMAGE}", f"touch -r /run/lab-age {_IMAGE}"
    ),
    "image_old": Trouble(
        "touch /boot/vmlinuz-$(uname -r)", "touch -d 2020-01-01 /boot/vmlinuz-$(uname -r)"
    ),
    "config_not_loaded": Trouble(
        f"touch -r {_SETTINGS} /run/lab-age && touch {_SETTINGS}",
        f"touch -r /run/lab-age {_SETTINGS}",
    ),
    "dump_directory_missing": Trouble(
        "mv /var/crash /var/crash.lab", "mv /var/crash.lab /var/crash"
    ),
    "target_full": _filled(3),
    "dump_space": _filled(40),
    "target_read_only": Trouble(
        "mount --bind /var/crash /var/crash && mount -o remount,bind,ro /var/crash",
        "umount /var/crash",
    ),
    "target_not_mounted": Trouble(
        "cp -p /etc/fstab /etc/fstab.lab; echo '/dev/vdz /var/crash ext4 defaults 0 2' >>/etc/fstab",
        "mv /etc/fstab.lab /etc/fstab",
    ),
    "target_unreachable": _setting("NFS=127.0.0.1:/srv"),
    "target_needs": _setting("SSH=root@127.0.0.1"),
    "makedumpfile_fails": _file(
        "/usr/bin/makedumpfile",
        f'printf "{_REFUSES}" >/usr/bin/makedumpfile; chmod +x /usr/bin/makedumpfile',
    ),
    "iommu_differs": _command_line("s/intel_iommu=on/intel_iommu=off/"),
    "capture_hangs": _command_line("s/panic=10//"),
    "watchdog_active": Trouble(
        # Another watchdog of the machine would have to be fed.
        "modprobe softdog soft_margin=900 nowayout=0 && udevadm settle &&"
        " dog=$(grep -l Software /sys/class/watchdog/*/identity | cut -d/ -f5) && systemd-run --unit=lab-watchdog"
        " sh -c 'exec 3>/dev/'$dog'; trap \"printf V >&3; exit\" TERM; while :; do sleep 1; done' && sleep 3",
        "systemctl stop lab-watchdog.service && rmmod softdog",
    ),
    "panic_on_oops_off": _kernel("/proc/sys/kernel/panic_on_oops", "0"),
    "sysrq_off": _kernel("/proc/sys/kernel/sysrq", "0"),
    "post_notifiers": _kernel("/sys/module/kernel/parameters/crash_kexec_post_notifiers", "Y"),
    "reservation_small": Trouble(
        f"kdump-config unload && echo $((160 << 20)) >{_RESERVED} && kdump-config load", "true"
    ),
    "reservation_too_small": Trouble(
        f"kdump-config unload && echo $((32 << 20)) >{_RESERVED}", "true"
    ),
    "kexec_disabled": Trouble(
        "kdump-config unload; echo 1 >/proc/sys/kernel/kexec_load_disabled", "true"
    ),
    "no_reservation": Trouble(f"kdump-config unload; echo 0 >{_RESERVED}", "true"),
}
# Not undone without a reboot.
_LASTING = {"reservation_small", "reservation_too_small", "kexec_disabled", "no_reservation"}


def _try(code: str, trial: Trial) -> Outcome:
    """Make a problem; it has to be said, and the crash test has to refuse what leaves no dump."""
    host, plays, trouble = trial.host, trial.plays, TROUBLES[code]
    try:
        host.ssh(trouble.make, timeout=_SECONDS)
        said = _problems(plays, code)
        checks = plays.preflight()
    except LabError as error:
        return Outcome(wrong=[f"It was not made: {error}"])
    finally:
        host.ssh(trouble.undo, timeout=_SECONDS)
    name = _CHECKS.get(code, code)
    refuses = any(check["name"] == name and check["status"] == "failed" for check in checks)
    wrong = judge(said, refuses=refuses)
    if code not in _LASTING and _problems(plays, code):
        raise LabError(f"{host.name} is not as it was: {code} is said still.")
    row = (said[0]["severity"], said[0]["message"]) if said else ("-", "-")
    return Outcome([(row[0], "refuses" if refuses else "goes on", row[1])], wrong=wrong)


def judge(said: list[dict[str, Any]], *, refuses: bool) -> list[str]:
    """What is wrong with what was said of a problem, and with what the crash test did."""
    if not said:
        return ["The problem was not said."]
    if said[0]["severity"] != "warning" and not refuses:
        return ["The crash test goes on, although there would be no dump."]
    return []


def _problems(plays: Plays, code: str) -> list[dict[str, Any]]:
    """Those of that code."""
    facts = plays.module("platform_facts", gather_subset=["kdump"])
    return [each for each in facts["ansible_facts"]["kdump"]["problems"] if each["code"] == code]


EXPERIMENT = Experiment(
    "readiness",
    "make a guest unable to dump in every way",
    ("severity", "crash test", "message"),
    {code: Case(partial(_try, code), (Guest("readiness"),)) for code in TROUBLES},
    configure=False,
)
