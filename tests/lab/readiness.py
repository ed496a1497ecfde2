# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is made unable to dump in every way: platform_facts says so, and the crash test refuses."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

from lab import machine
from lab.choice import chosen
from lab.errors import LabError
from lab.machine import Machine
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


class Result(NamedTuple):
    """What was said of a problem."""

    code: str
    severity: str
    crash_test: str
    message: str


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``readiness`` to the lab's command line."""
    command = commands.add_parser("readiness", help="make a guest unable to dump in every way")
    command.add_argument("names", nargs="*", metavar="CODE", help=f"of {', '.join(TROUBLES)}")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.add_argument("--machine", help="one that is up already, and stays so")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make problems one after the other; 0 if each was said, and refused where it has to be."""
    names = chosen("problem", arguments.names, TROUBLES)
    kept = arguments.machine is not None
    host = (
        machine.find(arguments.machine) if kept else machine.up("readiness", "vtd", arguments.image)
    )
    try:
        results = _try_all([code for code in TROUBLES if code in names], host)
    except BaseException:
        if not kept:
            host.down(keep=True)
        raise
    if not kept:
        host.down()
    print(f"\n{table(results)}")
    missed = [result.code for result in results if not is_right(result)]
    print(
        f"readiness: {len(results) - len(missed)} said and judged, {len(missed)} not {missed or ''}"
    )
    return 1 if missed else 0


def is_right(result: Result) -> bool:
    """Whether the problem was said, and the crash test refused what leaves no dump."""
    return bool(result.severity) and (
        result.severity == "warning" or result.crash_test == "refuses"
    )


def table(results: list[Result]) -> str:
    """The problems as a Markdown table."""
    header = ("code", "severity", "crash test", "message")
    rows = [header, ("---",) * len(header), *results]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _try_all(codes: list[str], host: Machine) -> list[Result]:
    """Make the problems one after the other. Raises LabError if the host is not as it was after those that pass."""
    plays = Plays(host)
    before = _codes(_problems(plays))
    print(f"before: {', '.join(sorted(before)) or 'no problem'}", flush=True)
    results = []
    for lasting in (False, True):
        for code in codes:
            if (code in _LASTING) == lasting:
                results.append(_try(code, host, plays))
                print(" | ".join(results[-1]), flush=True)
        if not lasting:
            after = _codes(_problems(plays))
            if after != before:
                raise LabError(
                    f"{host.name} is not as it was: {', '.join(sorted(after ^ before))}."
                )
    return results


def _try(code: str, host: Machine, plays: Plays) -> Result:
    trouble = TROUBLES[code]
    try:
        host.ssh(trouble.make, timeout=_SECONDS)
        said = [each for each in _problems(plays) if each["code"] == code]
        checks = plays.preflight()
    except LabError as error:
        return Result(code, "", "", f"was not made: {error}")
    finally:
        host.ssh(trouble.undo, timeout=_SECONDS)
    name = _CHECKS.get(code, code)
    refused = any(check["name"] == name and check["status"] == "failed" for check in checks)
    return Result(
        code,
        said[0]["severity"] if said else "",
        "refuses" if refused else "goes on",
        said[0]["message"] if said else "was not said",
    )


def _problems(plays: Plays) -> list[dict[str, Any]]:
    facts = plays.module("platform_facts", gather_subset=["kdump"])
    problems: list[dict[str, Any]] = facts["ansible_facts"]["kdump"]["problems"]
    return problems


def _codes(problems: list[dict[str, Any]]) -> set[str]:
    return {each["code"] for each in problems}
