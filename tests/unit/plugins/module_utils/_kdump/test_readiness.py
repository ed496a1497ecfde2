# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each problem that keeps a host from taking a dump, made on a host that is ready."""

from __future__ import annotations

import copy
import os
import re
import socket
import struct
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import (
    readiness as readiness_module,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import (
    NOT_FOUND,
    TIMED_OUT,
    Live,
    connect,
    live_host,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import PROBLEMS, WARNINGS
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.readiness import (
    CHECKS,
    is_signed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import detect
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._kdump.test_makedumpfile import (
    MEM_USAGE,
    NEEDED,
    READS,
    REFUSED,
)

Tree = dict[str, t.Any]
MIB = 1 << 20

KERNEL = "6.12.2-test"
IOMEM = """\
00100000-ffffffff : System RAM
  22000000-24ffffff : Kernel code
  2a000000-39ffffff : Crash kernel
"""
MOUNTS = """\
26 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
30 26 254:2 / /var/crash rw,relatime shared:9 - ext4 /dev/vdb rw
"""
# Device nodes, and what sysfs says of them.
BLOCKS: Tree = {
    "dev/vda1": "",
    "dev/vdb": "",
    "dev/sdb1": "",
    "sys/class/block/vda1/dev": "254:1\n",
    "sys/dev/block/8:17": Link("../../class/block/sdb1"),
    "sys/dev/block/254:1": Link("../../class/block/vda1"),
    "sys/dev/block/254:2": Link("../../class/block/vdb"),
    "sys/class/block/vdb/dev": "254:2\n",
    "sys/class/block/sdb1/dev": "8:17\n",
}
# Of the dump: 1000 MiB before compression.
MEMINFO = "MemTotal: 4096000 kB\nMemFree: 3072000 kB\nBuffers: 0 kB\nCached: 0 kB\nSwapCached: 0 kB\nAnonPages: 0 kB\n"
COMMON: Tree = {
    "proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "proc/sys/kernel/arch": "x86_64\n",
    "proc/sys/kernel/kexec_load_disabled": "0\n",
    "proc/sys/kernel/panic_on_oops": "1\n",
    "proc/sys/kernel/sysrq": "438\n",
    "proc/sys/kernel/unknown_nmi_panic": "0\n",
    "proc/sys/kernel/hardlockup_panic": "1\n",
    "proc/cmdline": "ro intel_iommu=on crashkernel=256M panic=10\n",
    "proc/iomem": IOMEM,
    "proc/meminfo": MEMINFO,
    "proc/self/mountinfo": MOUNTS,
    "etc/fstab": "UUID=1 / ext4 defaults 0 1\n/dev/vdb /var/crash ext4 defaults 0 2\n",
    "sys/kernel/kexec_crash_loaded": "1\n",
    "sys/kernel/kexec_crash_size": f"{256 * MIB}\n",
    "var/crash": None,
    f"boot/vmlinuz-{KERNEL}": b"MZ",
}
CIB = '<cib><primitive id="a" class="stonith" type="fence_ipmilan"/></cib>'
DEBIAN: Tree = {
    **COMMON,
    "etc/default/kdump-tools": "USE_KDUMP=1\n",
    "usr/sbin/kdump-config": "",
    "etc/systemd/system/basic.target.wants/kdump-tools.service": Link("/usr/lib/systemd/system/x"),
    f"var/lib/kdump/initrd.img-{KERNEL}": b"i" * 1000,
    "var/crash/kexec_cmd": 'kexec -p --command-line="ro intel_iommu=on panic=10 reset_devices nr_cpus=1"'
    f" --initrd=/var/lib/kdump/initrd.img-{KERNEL} /boot/vmlinuz-{KERNEL}\n",
}
RED_HAT: Tree = {
    **COMMON,
    "etc/kdump.conf": "path /var/crash\ncore_collector makedumpfile -l --message-level 7 -d 31\n",
    "etc/sysconfig/kdump": 'KDUMP_COMMANDLINE_APPEND="irqpoll reset_devices panic=10"\n',
    "usr/bin/kdumpctl": "",
    "etc/systemd/system/multi-user.target.wants/kdump.service": Link("/usr/lib/systemd/system/x"),
    f"boot/initramfs-{KERNEL}.img": b"i",
    f"boot/initramfs-{KERNEL}kdump.img": b"i" * 1000,
}
SUSE: Tree = {
    **COMMON,
    "etc/sysconfig/kdump": 'KDUMP_SAVEDIR="/var/crash"\n',
    "usr/sbin/mkdumprd": "",
    "etc/systemd/system/multi-user.target.wants/kdump.service": Link("/usr/lib/systemd/system/x"),
    "var/lib/kdump/initrd": b"i" * 1000,
}
ARMED, UNARMED = "1\n", "0\n"
STATE = "systemctl show --property=ActiveState,Result"
ASK = "makedumpfile --mem-usage /proc/kcore"
SSH = "ssh -G dumps"
STAT = "stat --file-system --format=%f %S /var/crash"


class Answers:
    """A running host that answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.commands: dict[str, tuple[int, str]] = {
            f"{STATE} kdump-tools.service": (0, "Result=success\nActiveState=active\n"),
            f"{STATE} kdump.service": (0, "Result=success\nActiveState=active\n"),
            ASK: (0, READS),
            SSH: (127, "ssh: not found"),
        }
        self.servers: dict[tuple[str, int], str | None] = {}
        self.asked: list[str] = []
        self.seconds: list[int] = []
        self.root = Path("/nowhere")

    @property
    def live(self) -> Live:
        return Live(self.run, self.connect, self.pause)

    def pause(self, _seconds: float) -> None:
        """Meanwhile every watchdog counts down."""
        for left in self.root.glob("sys/class/watchdog/*/timeleft"):
            left.write_text(f"{int(left.read_text()) - 1}\n")

    def run(self, command: list[str], seconds: int) -> tuple[int, str]:
        self.asked.append(" ".join(command))
        self.seconds.append(seconds)
        return self.commands[" ".join(command)]

    def connect(self, host: str, port: int, seconds: int) -> str | None:
        self.asked.append(f"{host}:{port}")
        self.seconds.append(seconds)
        return self.servers[host, port]


def make(root: Path, base: Tree, changes: Tree | None = None) -> Path:
    """Make a host that is ready, all of its files of one age, and then change it."""
    build(root, base)
    for path in root.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    for name, content in (changes or {}).items():
        path = root / name
        if path.is_file() or path.is_symlink():
            path.unlink()
        if content is not None:
            build(root, {name: content})
            os.utime(path, (0, 0), follow_symlinks=False)
    return root


def touch(path: Path, seconds: int = 10) -> None:
    os.utime(path, (seconds, seconds))


# What the operator of kdump-tools is told to add. kdump-config asks it for the log, too: all of the memory is none.
FUNCTION = "makedumpfile() { case $1 in --dump-dmesg) false ;; *) cat /proc/vmcore ;; esac; }"


def found(root: Path, answers: Answers | None = None) -> dict[str, str]:
    """Return the problems of a host: their codes with their sentences."""
    answers = answers or Answers()
    answers.root = root
    facts = kdump_facts(root, answers.live)
    assert facts["not_known"] in ([], ["target_full", "dump_space"])  # no space of a tree
    for each in facts["problems"]:
        assert each["severity"] == ("warning" if each["code"] in WARNINGS else "error")
        assert each["message"].endswith(".")
        assert "{" not in each["message"].replace(FUNCTION, "")
    return {each["code"]: each["message"] for each in facts["problems"]}


@pytest.mark.parametrize("base", [DEBIAN, RED_HAT, SUSE], ids=["debian", "red hat", "suse"])
def test_host_that_is_ready(tmp_path: Path, base: Tree) -> None:
    answers = Answers()
    assert found(make(tmp_path, base), answers) == {}
    assert len(answers.asked) == 2
    assert max(answers.seconds) <= 5


CASES: list[tuple[str, Tree, Tree, str]] = [
    ("kdump_off", DEBIAN, {"etc/default/kdump-tools": "USE_KDUMP=0\n"}, "set USE_KDUMP=1 in"),
    # A shell takes this for a command: linux-system-roles/kdump wrote it so.
    ("kdump_off", DEBIAN, {"etc/default/kdump-tools": "USE_KDUMP = 1\n"}, "set USE_KDUMP=1 in"),
    (
        "service_masked", DEBIAN, {"etc/systemd/system/kdump-tools.service": Link("/dev/null")},
        "kdump-tools.service is masked and cannot run: run 'systemctl unmask kdump-tools.service'",
    ),
    (
        "service_masked", DEBIAN, {"run/systemd/system/kdump-tools-dump.service": Link("/dev/null")},
        "kdump-tools-dump.service is masked",
    ),
    ("service_masked", RED_HAT, {"etc/systemd/system/kdump.service": ""}, "kdump.service is masked"),
    (
        "reservation_too_small", DEBIAN,
        {"sys/kernel/kexec_crash_size": f"{48 * MIB}\n", "proc/iomem": IOMEM.replace("39ffffff", "2cffffff")},
        "48 MiB are reserved, and the kernel and its kdump initramfs alone take 64 MiB: set crashkernel=256M",
    ),
    (
        "reservation_small", DEBIAN,
        {"sys/kernel/kexec_crash_size": f"{192 * MIB}\n", "proc/iomem": IOMEM.replace("39ffffff", "35ffffff")},
        "192 MiB are reserved, and 256 MiB are recommended",
    ),
    (
        "kexec_disabled", DEBIAN,
        {"proc/sys/kernel/kexec_load_disabled": "1\n", "sys/kernel/kexec_crash_loaded": UNARMED},
        "kernel.kexec_load_disabled is 1: reboot",
    ),
    (
        "target_not_mounted", DEBIAN, {"proc/self/mountinfo": MOUNTS.splitlines()[0] + "\n"},
        "Dumps go to /var/crash, and /dev/vdb is not mounted there: run 'mount /var/crash'.",
    ),
    (
        "target_not_mounted", RED_HAT,
        {"etc/kdump.conf": "ext4 /dev/sdb1\n", "etc/fstab": "/dev/sdb1 /srv ext4 defaults 0 2\n", **BLOCKS},
        "/dev/sdb1 is not mounted there: run 'mount /srv'",
    ),
    (
        "nothing_saved", SUSE, {"etc/sysconfig/kdump": "KDUMP_DUMPFORMAT=none\n"},
        "KDUMP_DUMPFORMAT=none in /etc/sysconfig/kdump: the capture kernel saves a log and no dump.",
    ),
    (
        "setting_not_known", DEBIAN,
        {"etc/default/kdump-tools": "USE_KDUMP=1\nif [ -d /srv ]; then\n  KDUMP_COREDIR=/srv\nfi\n"},
        "What KDUMP_COREDIR is only a shell can tell, by 'KDUMP_COREDIR=/srv'",
    ),
    (
        "setting_not_known", RED_HAT,
        {"etc/sysconfig/kdump": 'KDUMP_COMMANDLINE_APPEND="panic=10 $(cat /etc/more)"\n'},
        "What KDUMP_COMMANDLINE_APPEND is only a shell can tell",
    ),
    (
        "target_read_only", DEBIAN, {"proc/self/mountinfo": MOUNTS.replace("/dev/vdb rw", "/dev/vdb ro")},
        "/var/crash is mounted read-only",
    ),
    (
        "target_encrypted", DEBIAN,
        {
            "sys/dev/block/254:2": Link("../../devices/virtual/block/dm-1"),
            "sys/devices/virtual/block/dm-1/dm/uuid": "LVM-abc\n",
            "sys/devices/virtual/block/dm-1/slaves/dm-0": Link("../../dm-0"),
            "sys/devices/virtual/block/dm-0/dm/uuid": "CRYPT-LUKS2-0123-secret\n",
            "sys/devices/virtual/block/dm-0/dm/name": "secret\n",
            "etc/crypttab": "secret UUID=0123 none luks,discard\n",
        },
        "lies on the encrypted device secret",
    ),
    (
        "iommu_differs", DEBIAN,
        {"var/crash/kexec_cmd": 'kexec -p --command-line="ro panic=10 iommu=off reset_devices" /vmlinuz\n'},
        "lacks intel_iommu=on and adds iommu=off",
    ),
    (
        "reservation_lent", RED_HAT,
        {"proc/cmdline": "ro intel_iommu=on crashkernel=256M crashkernel=1G,cma panic=10\n"},
        "1024 MiB of the reservation (crashkernel=...,cma) are memory that the running kernel uses",
    ),
    (
        "hang_no_dump", SUSE, {"proc/sys/kernel/hardlockup_panic": "0\n"},
        "kernel.sysrq is 438, which has no 8 in it, and neither an unknown NMI",
    ),
    (
        "fenced_while_dumping", RED_HAT,
        {"etc/corosync/corosync.conf": "totem {\n  token: 10000\n}\n", "var/lib/pacemaker/cib/cib.xml": CIB},
        "power off 22 s after it stops answering, and it is expected to have its dump 32 s after a panic",
    ),
    ("panic_on_oops_off", SUSE, {"proc/sys/kernel/panic_on_oops": "0\n"}, "set it to 1"),
    ("sysrq_off", SUSE, {"proc/sys/kernel/sysrq": "0\n"}, "set it to 1, or to a value with 8 in it"),
    (
        "post_notifiers", SUSE, {"sys/module/kernel/parameters/crash_kexec_post_notifiers": "Y\n"},
        "boot without it",
    ),
    (
        "post_notifiers", SUSE, {"proc/cmdline": "intel_iommu=on crash_kexec_post_notifiers\n"},
        "boot without it",
    ),
    (
        "capture_hangs", DEBIAN,
        {"var/crash/kexec_cmd": 'kexec -p --command-line="intel_iommu=on reset_devices" /vmlinuz\n'},
        "append panic=10 to it",
    ),
    (
        "capture_hangs", RED_HAT,
        {"etc/sysconfig/kdump": "", "proc/cmdline": "intel_iommu=on panic=0\n"},
        "append panic=10 to it",
    ),
    (
        "last_test_failed", RED_HAT,
        {"var/lib/kdump/vmcore-creation.status": "fail kdump_test_id=1763800000-1\n"},
        "ended with 'fail'",
    ),
    (
        "kernel_not_proven", SUSE,
        {"var/lib/vmcore-kdump-readiness/state.json": '{"version": 1, "new_kernels": ["6.13.1", "6.14"]}'},
        "proves nothing of 6.13.1, 6.14, installed since",
    ),
    (
        "readiness_not_checked", DEBIAN,
        {
            "etc/systemd/system/vmcore-kdump-readiness.timer": "",
            "proc/uptime": "7200.00 100.00\n",
            "proc/sys/kernel/random/boot_id": "b2\n",
            "var/lib/vmcore-kdump-readiness/state.json": '{"version": 1, "boot_id": "b1"}',
        },
        "has not run in this boot",
    ),
    (
        "watchdog_active", DEBIAN,
        {"sys/class/watchdog/watchdog0/state": "active\n", "sys/class/watchdog/watchdog0/timeout": "30\n"},
        "watchdog0 (None, 30 s) is running",
    ),
    (
        "watchdog_fed_by_kernel", DEBIAN,
        {"sys/class/watchdog/watchdog0/state": "inactive\n", "sys/class/watchdog/watchdog0/timeleft": "27\n"},
        "stop the watchdog at each boot with 'echo V >/dev/watchdog0'",
    ),
]  # fmt: skip


def pe_image(*, signed: bool, magic: int = 0x20B, directories: int = 6) -> bytes:
    """Make the beginning of a kernel that is a PE image, as the EFI stub is."""
    image = bytearray(1024)
    image[:2] = b"MZ"
    struct.pack_into("<I", image, 0x3C, 0x40)
    image[0x40:0x44] = b"PE\0\0"
    struct.pack_into("<H", image, 0x40 + 24, magic)
    struct.pack_into("<I", image, 0x40 + 24 + 108, directories)
    struct.pack_into("<II", image, 0x40 + 24 + 112 + 4 * 8, 0x1000 * signed, 1500 * signed)
    return bytes(image)


@pytest.mark.parametrize(
    ("image", "signed"),
    [
        (pe_image(signed=True), True),
        (pe_image(signed=False), False),
        (pe_image(signed=True, directories=4), False),
        (pe_image(signed=True, magic=0x10B), None),
        (pe_image(signed=True)[:100], None),
        (b"\x1f\x8b compressed", None),
        (b"", None),
    ],
)
def test_signature_of_a_kernel(image: bytes, signed: bool | None) -> None:
    assert is_signed(image) is signed


@pytest.mark.parametrize(
    ("code", "base", "changes", "sentence"),
    CASES,
    ids=lambda value: value if isinstance(value, str) and re.fullmatch(r"[a-z_]+", value) else "",
)
def test_problem(tmp_path: Path, code: str, base: Tree, changes: Tree, sentence: str) -> None:
    problems = found(make(tmp_path, base, changes))
    others = {"not_armed"} if "sys/kernel/kexec_crash_loaded" in changes else set()
    assert set(problems) == {code} | others
    assert sentence in problems[code]


@pytest.mark.parametrize("signed", [True, False])
def test_capture_kernel_without_signature(tmp_path: Path, *, signed: bool) -> None:
    changes = {
        "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
        "sys/kernel/kexec_crash_loaded": UNARMED,
        f"boot/vmlinuz-{KERNEL}": pe_image(signed=signed),
    }
    problems = found(make(tmp_path, RED_HAT, changes))
    assert ("kernel_unsigned" in problems) is not signed
    assert signed or f"/boot/vmlinuz-{KERNEL} is not signed" in problems["kernel_unsigned"]


@pytest.mark.parametrize(
    ("base", "changed", "code", "sentence"),
    [
        (DEBIAN, f"boot/vmlinuz-{KERNEL}", "image_old", f"is older than /boot/vmlinuz-{KERNEL}"),
        (
            DEBIAN,
            "etc/default/kdump-tools",
            "config_not_loaded",
            "/etc/default/kdump-tools changed",
        ),
        (RED_HAT, "etc/kdump.conf", "image_old", "run 'kdumpctl rebuild', then 'kdumpctl restart'"),
        (RED_HAT, f"boot/vmlinuz-{KERNEL}", "image_old", "is older than /boot/vmlinuz"),
        (SUSE, "etc/sysconfig/kdump", "image_old", "is older than /etc/sysconfig/kdump"),
    ],
)
def test_what_changed_since(
    tmp_path: Path, base: Tree, changed: str, code: str, sentence: str
) -> None:
    touch(make(tmp_path, base) / changed)
    problems = found(tmp_path)
    assert list(problems) == [code]
    assert sentence in problems[code]


def test_image_that_is_never_to_be_rebuilt(tmp_path: Path) -> None:
    make(tmp_path, RED_HAT, {"etc/kdump.conf": "force_no_rebuild 1\n"})
    touch(tmp_path / "etc/kdump.conf")
    assert found(tmp_path) == {}


@pytest.mark.parametrize("base", [DEBIAN, RED_HAT])
def test_service_that_failed(tmp_path: Path, base: Tree) -> None:
    answers = Answers()
    for command in answers.commands:
        if command.startswith(STATE):
            answers.commands[command] = (0, "Result=exit-code\nActiveState=failed\n")
    problems = found(make(tmp_path, base), answers)
    assert list(problems) == ["service_failed"]
    assert "failed (exit-code): look at 'systemctl status kdump" in problems["service_failed"]


@pytest.mark.parametrize(
    ("base", "answer", "sentence"),
    [
        (DEBIAN, (1, REFUSED), "VA Bits 52 not supported"),
        (DEBIAN, (1, REFUSED), f"add the line '{FUNCTION}' to /etc/default/kdump-tools"),
        (RED_HAT, (1, REFUSED), "set 'core_collector cp' in /etc/kdump.conf"),
        (SUSE, (1, REFUSED), "set KDUMP_DUMPFORMAT=raw in /etc/sysconfig/kdump"),
        (SUSE, (127, "timeout: failed to run command"), "it is not installed"),
    ],
)
def test_makedumpfile_that_cannot_read_the_kernel(
    tmp_path: Path, base: Tree, answer: tuple[int, str], sentence: str
) -> None:
    answers = Answers()
    answers.commands[ASK] = answer
    problems = found(make(tmp_path, base), answers)
    assert list(problems) == ["makedumpfile_fails"]
    assert sentence in problems["makedumpfile_fails"]


@pytest.mark.parametrize(
    ("arguments", "status", "output"),
    [
        ("--dump-dmesg {core} {log}", 1, ""),
        ("-F -c -d 31 {core}", 0, "all of the memory"),
    ],
)
def test_the_function_that_takes_the_place_of_makedumpfile(
    tmp_path: Path, arguments: str, status: int, output: str
) -> None:
    core, log = tmp_path / "vmcore", tmp_path / "dmesg"
    core.write_text("all of the memory")
    function = FUNCTION.replace("/proc/vmcore", str(core))
    command = f"{function}\nmakedumpfile {arguments.format(core=core, log=log)}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, output, "")
    assert not log.exists()


def test_makedumpfile_is_given_two_seconds_and_its_count_is_used(tmp_path: Path) -> None:
    answers = Answers()
    make(tmp_path, DEBIAN)
    assert kdump_facts(tmp_path, answers.live)["expected_dump_bytes"] == NEEDED
    answers.commands[ASK] = (137, "")
    facts = kdump_facts(tmp_path, answers.live)
    assert facts["problems"] == []
    assert facts["expected_dump_bytes"] == 1000 * MIB
    assert answers.seconds[answers.asked.index(ASK)] == 2


def test_makedumpfile_is_not_asked_without_a_reservation(tmp_path: Path) -> None:
    # show_mem_usage: No memory is reserved for crashkernel!
    answers = Answers()
    changes = {
        "sys/kernel/kexec_crash_size": "0\n",
        "sys/kernel/kexec_crash_loaded": UNARMED,
        "proc/iomem": IOMEM.replace("Crash kernel", "other"),
    }
    facts = kdump_facts(make(tmp_path, DEBIAN, changes), answers.live)
    assert [each["code"] for each in facts["problems"]] == ["no_reservation"]
    assert "makedumpfile_fails" in facts["not_known"]
    assert ASK not in answers.asked


@pytest.mark.parametrize(
    ("base", "changes", "collector"),
    [
        (
            DEBIAN,
            {"etc/default/kdump-tools": f"USE_KDUMP=1\n{FUNCTION}\n"},
            "a shell function",
        ),
        (RED_HAT, {"etc/kdump.conf": "core_collector cp --sparse=always\n"}, "cp"),
        (SUSE, {"etc/sysconfig/kdump": "KDUMP_DUMPFORMAT=raw\n"}, "cp"),
    ],
)
def test_makedumpfile_that_is_not_used_is_not_asked(
    tmp_path: Path, base: Tree, changes: Tree, collector: str
) -> None:
    answers = Answers()
    facts = kdump_facts(make(tmp_path, base, changes), answers.live)
    assert facts["core_collector"] == collector
    assert facts["problems"] == []
    assert ASK not in answers.asked
    assert facts["expected_dump_bytes"] == 0xFFFFFFFF - 0x100000 + 1  # all of the memory


SERVERS = [
    (DEBIAN, {"etc/default/kdump-tools": "USE_KDUMP=1\nNFS=dumps:/srv\n"}, ("dumps", 2049)),
    (DEBIAN, {"etc/default/kdump-tools": "USE_KDUMP=1\nSSH=root@dumps\n"}, ("dumps", 22)),
    (DEBIAN, {"etc/default/kdump-tools": "USE_KDUMP=1\nFTP=dumps:/srv\n"}, ("dumps", 21)),
    (RED_HAT, {"etc/kdump.conf": "nfs [2001:db8::1]:/srv\n"}, ("2001:db8::1", 2049)),
    (RED_HAT, {"etc/kdump.conf": "ssh root@dumps\n"}, ("dumps", 22)),
    (SUSE, {"etc/sysconfig/kdump": "KDUMP_SAVEDIR=nfs://dumps/srv\n"}, ("dumps", 2049)),
    (SUSE, {"etc/sysconfig/kdump": "KDUMP_SAVEDIR=sftp://u@dumps:2222/srv\n"}, ("dumps", 2222)),
    (SUSE, {"etc/sysconfig/kdump": "KDUMP_SAVEDIR=cifs://dumps/srv\n"}, ("dumps", 445)),
]
TOOLS = {
    "usr/sbin/mount.nfs": "", "sbin/mount.cifs": "", "usr/bin/ssh": "",
    "root/.ssh/kdump_id_rsa": "", "root/.ssh/id_ed25519": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "settings", "hangs"),
    [
        ("ro quiet", "", True),
        ("ro quiet panic=30", "", False),
        ("ro quiet", 'KDUMP_CMDLINE_APPEND="nr_cpus=1 panic=10"\n', False),
        ("ro quiet panic=30", 'KDUMP_CMDLINE="ro quiet"\n', True),
    ],
)
def test_whether_a_capture_kernel_will_hang_is_known_before_it_is_loaded(
    tmp_path: Path, line: str, settings: str, *, hangs: bool
) -> None:
    changes = {
        "sys/kernel/kexec_crash_loaded": UNARMED,
        "proc/cmdline": f"{line}\n",
        "etc/default/kdump-tools": f"USE_KDUMP=1\n{settings}",
    }
    assert ("capture_hangs" in found(make(tmp_path, DEBIAN, changes))) is hangs


@pytest.mark.parametrize(("base", "changes", "server"), SERVERS)
def test_server_that_does_not_answer(
    tmp_path: Path, base: Tree, changes: Tree, server: tuple[str, int]
) -> None:
    answers = Answers()
    answers.servers[server] = None
    assert found(make(tmp_path, base, {**changes, **TOOLS}), answers) == {}
    answers.servers[server] = "Connection refused"
    problems = found(tmp_path, answers)
    assert list(problems) == ["target_unreachable"]
    reason = f"({server[0]} port {server[1]}: Connection refused)"
    assert reason in problems["target_unreachable"]
    assert f"://{server[0]}" in problems["target_unreachable"]


def test_ssh_goes_where_its_configuration_says(tmp_path: Path) -> None:
    answers = Answers()
    answers.commands[SSH] = (0, "host dumps\nhostname dumps.example.com\nport 2222\n")
    answers.servers["dumps.example.com", 2222] = "Connection refused"
    problems = found(make(tmp_path, DEBIAN, {**SERVERS[1][1], **TOOLS}), answers)
    assert "(dumps.example.com port 2222: Connection refused)" in problems["target_unreachable"]


@pytest.mark.parametrize("way", ["proxyjump bastion", "proxycommand nc -X connect dumps 22"])
def test_ssh_through_another_host_is_not_judged(tmp_path: Path, way: str) -> None:
    answers = Answers()
    answers.commands[SSH] = (0, f"host dumps\nhostname dumps\nport 22\n{way}\n")
    facts = kdump_facts(make(tmp_path, DEBIAN, {**SERVERS[1][1], **TOOLS}), answers.live)
    assert facts["problems"] == []
    assert facts["not_known"] == ["target_unreachable"]


@pytest.mark.parametrize(
    ("base", "changes", "server", "lacking"),
    [
        (*SERVERS[0], ["/sbin/mount.nfs"]),
        (*SERVERS[1], ["/usr/bin/ssh", "/root/.ssh/kdump_id_rsa"]),
        (*SERVERS[2], []),
        (*SERVERS[4], ["/usr/bin/ssh", "/root/.ssh/kdump_id_rsa"]),
        (*SERVERS[7], ["/sbin/mount.cifs"]),
    ],
)
def test_what_a_target_takes(
    tmp_path: Path, base: Tree, changes: Tree, server: tuple[str, int], lacking: list[str]
) -> None:
    answers = Answers()
    answers.servers[server] = None
    facts = kdump_facts(make(tmp_path, base, changes), answers.live)
    assert [each["code"] for each in facts["problems"]] == ["target_needs"] * len(lacking)
    for each, path in zip(facts["problems"], lacking):
        assert f"and {path} is not there: " in each["message"]


NFS_MOUNT = {
    "proc/self/mountinfo": MOUNTS.replace("ext4 /dev/vdb", "nfs4 dumps:/srv"),
    "etc/fstab": "dumps:/srv /var/crash nfs4 defaults 0 0\n",
}


@pytest.mark.parametrize("base", [DEBIAN, RED_HAT, SUSE])
def test_directory_on_a_server_that_hangs_is_not_looked_at(
    tmp_path: Path, base: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path, base, NFS_MOUNT)
    touched: list[str] = []
    real = {name: getattr(os, name) for name in ("stat", "statvfs", "open", "scandir")}

    def watch(name: str) -> t.Callable[..., t.Any]:
        def call(path: t.Any, *args: t.Any, **options: t.Any) -> t.Any:
            touched.append(str(path))
            return real[name](path, *args, **options)

        return call

    answers = Answers()
    answers.commands[STAT] = (137, "")
    for name in real:
        monkeypatch.setattr(os, name, watch(name))
    facts = kdump_facts(root, answers.live)
    monkeypatch.undo()
    assert not [path for path in touched if path.startswith(str(root / "var/crash"))]
    problems = {each["code"]: each["message"] for each in facts["problems"]}
    assert list(problems) == ["target_unreachable"]
    assert "(no answer within 3 s)" in problems["target_unreachable"]


def test_directory_on_a_server_that_answers_has_its_space(tmp_path: Path) -> None:
    answers = Answers()
    answers.commands[STAT] = (0, "1000 4096\n")
    answers.commands[ASK] = (137, "")
    facts = kdump_facts(make(tmp_path, RED_HAT, NFS_MOUNT), answers.live)
    assert facts["target"]["free_bytes"] == 4096000
    assert [each["code"] for each in facts["problems"]] == ["target_full"]
    assert (
        "3 MiB are free in /var/crash, less than a tenth of the 1000 MiB"
        in facts["problems"][0]["message"]
    )


@pytest.mark.parametrize(
    ("free", "codes"),
    [(1000, []), (999, ["dump_space"]), (100, ["dump_space"]), (99, ["target_full"])],
)
def test_space(tmp_path: Path, free: int, codes: list[str]) -> None:
    answers = Answers()
    answers.commands[STAT] = (0, f"{free * 256} 4096\n")
    answers.commands[ASK] = (137, "")
    facts = kdump_facts(make(tmp_path, RED_HAT, NFS_MOUNT), answers.live)
    assert [each["code"] for each in facts["problems"]] == codes


@pytest.mark.parametrize(
    "changes",
    [
        {"etc/crypttab": "secret UUID=0123 /etc/keys/secret luks\n"},
        {
            "etc/crypttab": "secret UUID=0123 none luks,link-volume-key=@u::%logon:vmcore:0123\n",
            "sys/kernel/config/crash_dm_crypt_keys/reuse": "0\n",
        },
        {"etc/crypttab": "secret UUID=0123 - tpm2-device=auto\n"},
        {"usr/bin/clevis": ""},
    ],
)
def test_encrypted_device_that_opens_by_itself(tmp_path: Path, changes: Tree) -> None:
    case = next(each for each in CASES if each[0] == "target_encrypted")
    assert found(make(tmp_path, DEBIAN, {**case[2], **changes})) == {}


LINKED = {"etc/crypttab": "secret UUID=0123 none luks,link-volume-key=@u::%logon:vmcore:0123\n"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sys/kernel/config/other/x": ""},  # a kernel that hands no keys over
        {"sys/kernel/config/crash_dm_crypt_keys/reuse": "0\n", "proc/sys/kernel/arch": "aarch64\n"},
    ],
)
def test_key_that_does_not_get_into_the_capture_kernel(tmp_path: Path, changes: Tree) -> None:
    case = next(each for each in CASES if each[0] == "target_encrypted")
    host = make(tmp_path, DEBIAN, {**case[2], **LINKED, **changes})
    assert "target_encrypted" in found(host)


def test_key_of_which_the_host_does_not_tell(tmp_path: Path) -> None:
    case = next(each for each in CASES if each[0] == "target_encrypted")
    facts = kdump_facts(make(tmp_path, DEBIAN, {**case[2], **LINKED}), Answers().live)
    assert facts["problems"] == []
    assert "target_encrypted" in facts["not_known"]


def test_encrypted_device_of_kdump_conf(tmp_path: Path) -> None:
    case = next(each for each in CASES if each[0] == "target_encrypted")
    host = make(tmp_path, RED_HAT, {**BLOCKS, **case[2], "etc/kdump.conf": "ext4 /dev/vdb\n"})
    assert "Dumps go to /dev/vdb, which lies on" in found(host)["target_encrypted"]


def test_share_of_virtiofs_is_a_tag(tmp_path: Path) -> None:
    mounts = MOUNTS + "40 26 0:40 / /dumps rw,relatime shared:9 - virtiofs dumps rw\n"
    changes = {"etc/kdump.conf": "virtiofs dumps\n", "proc/self/mountinfo": mounts,
               "etc/fstab": "dumps /dumps virtiofs defaults 0 0\n"}  # fmt: skip
    assert found(make(tmp_path, RED_HAT, changes)) == {}
    gone = {**changes, "proc/self/mountinfo": MOUNTS}
    assert list(found(make(tmp_path / "gone", RED_HAT, gone))) == ["target_not_mounted"]


@pytest.mark.parametrize(
    ("line", "codes"),
    [("", ["makedumpfile_old"]), (" init_on_free=1", [])],  # zeros are left out
)
def test_makedumpfile_that_keeps_free_pages(tmp_path: Path, line: str, codes: list[str]) -> None:
    answers = Answers()
    answers.commands[ASK] = (0, MEM_USAGE)
    host = make(tmp_path, RED_HAT, {"proc/cmdline": COMMON["proc/cmdline"].strip() + line + "\n"})
    facts = kdump_facts(host, answers.live)
    assert [each["code"] for each in facts["problems"]] == codes
    zeros = 195800 * 4096 if codes else 0
    assert facts["expected_dump_bytes"] == NEEDED + zeros


@pytest.mark.parametrize(
    "changes",
    [
        {"proc/sys/kernel/sysrq": "1\n"},
        {"proc/sys/kernel/sysrq": "24\n"},
        {"proc/sys/kernel/unknown_nmi_panic": "1\n"},
        {"proc/sys/kernel/unknown_nmi_panic": "1\n", "proc/sys/kernel/sysrq": "0\n"},
    ],
)
def test_ways_to_make_a_host_that_hangs_dump(tmp_path: Path, changes: Tree) -> None:
    without = {"proc/sys/kernel/hardlockup_panic": "0\n"}
    assert found(make(tmp_path, SUSE, {**without, **changes})) == {}


@pytest.mark.parametrize(
    ("conf", "timeout", "codes"),
    [
        (
            "fence_kdump_nodes node2\n",
            "60",
            [],
        ),  # it tells the cluster in time, and dumps as long as it likes
        ("fence_kdump_nodes node2\n", "5", ["fenced_while_dumping"]),
        ("", "5", ["fenced_while_dumping"]),
        ("", "60", []),  # nobody tells the cluster, and the dump is saved by then
    ],
)
def test_cluster_that_waits_for_a_dump(
    tmp_path: Path, conf: str, timeout: str, codes: list[str]
) -> None:
    waits = f'<instance_attributes id="i"><nvpair id="t" name="timeout" value="{timeout}"/></instance_attributes>'
    cib = CIB.replace(
        "<primitive",
        f'<primitive id="k" class="stonith" type="fence_kdump">{waits}</primitive><primitive',
    )
    changes = {
        "etc/corosync/corosync.conf": "totem {\n}\n",
        "var/lib/pacemaker/cib/cib.xml": cib,
        "usr/libexec/fence_kdump_send": "",
        "etc/kdump.conf": RED_HAT["etc/kdump.conf"] + conf,
    }
    assert list(found(make(tmp_path, RED_HAT, changes))) == codes


def test_cluster_of_which_the_host_does_not_tell(tmp_path: Path) -> None:
    facts = kdump_facts(
        make(tmp_path, RED_HAT, {"etc/corosync/corosync.conf": "totem {\n}\n"}), Answers().live
    )
    assert "fenced_while_dumping" in facts["not_known"]


def test_mount_that_nobody_needs_at_boot(tmp_path: Path) -> None:
    changes = {
        "proc/self/mountinfo": MOUNTS.splitlines()[0] + "\n",
        "etc/fstab": "/dev/vdb /var/crash ext4 noauto 0 2\n# /dev/vdc /var ext4 defaults 0 2\n",
    }
    assert found(make(tmp_path, DEBIAN, changes)) == {}


@pytest.mark.parametrize(
    "device", ["/dev/disk/by-label/dumps", "/dev/vg/dumps", "LABEL=dumps", "UUID=01-23", "/dev/vdb"]
)
def test_device_of_kdump_conf_that_is_mounted(tmp_path: Path, device: str) -> None:
    changes = {
        "etc/kdump.conf": f"ext4 {device}\n",
        "dev/disk/by-label/dumps": Link("../../vdb"),
        "dev/disk/by-uuid/01-23": Link("../../vdb"),
        "dev/vg/dumps": Link("../vdb"),
        **BLOCKS,
    }
    assert found(make(tmp_path, RED_HAT, changes)) == {}
    # The same device, mounted read-only, takes no dump.
    read_only = {
        **changes,
        "proc/self/mountinfo": MOUNTS.replace("/dev/vdb rw", "/dev/mapper/vg-dumps ro"),
    }
    assert list(found(make(tmp_path / "ro", RED_HAT, read_only))) == ["target_read_only"]


@pytest.mark.parametrize("device", ["/dev/sdb1", "UUID=45-67"])
@pytest.mark.parametrize("fstab", ["", "/dev/sdb1 /srv ext4 noauto 0 2\n"])
def test_device_that_mkdumprd_mounts_itself(tmp_path: Path, device: str, fstab: str) -> None:
    changes = {
        "etc/kdump.conf": f"ext4 {device}\n",
        "etc/fstab": fstab,
        "dev/disk/by-uuid/45-67": Link("../../sdb1"),
        **BLOCKS,
    }
    assert found(make(tmp_path, RED_HAT, changes)) == {}


def test_device_that_nobody_knows_is_not_taken_for_mounted(tmp_path: Path) -> None:
    root = make(tmp_path, RED_HAT, {"etc/kdump.conf": "ext4 UUID=89-ab\n", **BLOCKS})
    assert "target_not_mounted" in kdump_facts(root, Answers().live)["not_known"]


def test_quiet_first_stage_leaves_the_iommu_alone(tmp_path: Path) -> None:
    line = "panic=10 intremap=off initcall_blacklist=pci_iommu_init"
    changes = {"var/crash/kexec_cmd": f'kexec -p --command-line="{line}" /vmlinuz\n'}
    assert found(make(tmp_path, DEBIAN, changes)) == {}


def test_what_a_captured_tree_does_not_tell_is_not_known(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "etc/default/kdump-tools": "USE_KDUMP=1\nNFS=dumps:/srv\n",
            "usr/sbin/kdump-config": "",
            f"var/lib/kdump/initrd.img-{KERNEL}": "",
            "proc/sys/kernel/osrelease": KERNEL,
            "sys/kernel/kexec_crash_loaded": ARMED,
            "sys/kernel/kexec_crash_size": f"{256 * MIB}\n",
        },
    )
    assert kdump_facts(root)["not_known"] == [
        "service_masked", "service_failed", "reservation_too_small", "reservation_small", "kexec_disabled",
        "makedumpfile_fails", "makedumpfile_old", "target_unreachable", "target_needs", "iommu_differs",
        "panic_on_oops_off", "sysrq_off", "hang_no_dump", "capture_hangs",
    ]  # fmt: skip


def test_nothing_is_asked_in_a_capture_kernel(tmp_path: Path) -> None:
    answers = Answers()
    facts = kdump_facts(make(tmp_path, DEBIAN, {"proc/vmcore": ""}), answers.live)
    assert [each["code"] for each in facts["problems"]] == ["is_capture_kernel"]
    assert answers.asked == []


def test_systemd_that_does_not_answer(tmp_path: Path) -> None:
    answers = Answers()
    answers.commands[f"{STATE} kdump-tools.service"] = (137, "")
    assert kdump_facts(make(tmp_path, DEBIAN), answers.live)["not_known"] == [
        "service_failed",
        "target_full",
        "dump_space",
    ]


def test_every_code_is_a_problem_that_is_looked_for() -> None:
    codes = [code for codes, _check in CHECKS for code in codes]
    assert len(set(codes)) == len(codes)
    assert set(codes) < set(PROBLEMS)


def test_every_code_is_documented() -> None:
    pages = Path(__file__).parents[5]
    readiness = (pages / "docs/reference/readiness.md").read_text(encoding="utf-8")
    module = (pages / "plugins/modules/platform_facts.py").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (error|warning) \|", readiness, re.MULTILINE)
    assert dict(rows) == {code: "warning" if code in WARNINGS else "error" for code in PROBLEMS}
    assert {code for code in PROBLEMS if f"V({code})" not in module} == set()


def test_command_that_takes_too_long_is_killed() -> None:
    ran: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str]:
        ran.append(command)
        return 1, "out\nerr\n"

    assert live_host(run).run(["stat", "x"], 3) == (1, "out\nerr")
    assert ran == [["timeout", "--foreground", "--signal=KILL", "3", "stat", "x"]]


def test_a_command_that_takes_too_long_is_told_from_one_that_fails() -> None:
    def run(command: list[str]) -> tuple[int, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    live = live_host(run)
    assert live.run(["sleep", "60"], 1)[0] in TIMED_OUT
    assert live.run(["false"], 60)[0] not in TIMED_OUT
    assert live.run(["no-such-program"], 60)[0] == NOT_FOUND


def test_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connect("127.0.0.1", port, 5) is None
    assert connect("127.0.0.1", port, 5) == "Connection refused"


def test_name_that_nobody_resolves_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_arguments: t.Any) -> t.NoReturn:
        import threading

        threading.Event().wait(30)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", wait)
    assert connect("dumps", 2049, 0) == "no answer within 0 s"


def test_the_order_of_the_checks_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path, RED_HAT, {**NFS_MOUNT, "proc/sys/kernel/sysrq": "0\n"})
    # What makedumpfile counts and what the server says decide whether there is space.
    answers = Answers()
    answers.commands[STAT] = (0, "1000 4096\n")
    forwards = kdump_facts(root, answers.live)
    monkeypatch.setattr(readiness_module, "CHECKS", CHECKS[::-1])
    backwards = kdump_facts(root, answers.live)
    assert [each["code"] for each in forwards["problems"]] == ["target_full", "sysrq_off"]
    for facts in (forwards, backwards):
        facts["problems"].sort(key=lambda problem: problem["code"])
        facts["not_known"].sort()
    assert forwards == backwards


@pytest.mark.parametrize("base", [DEBIAN, RED_HAT, SUSE])
def test_the_facts_of_the_family_stay_as_they_are(tmp_path: Path, base: Tree) -> None:
    host = build(tmp_path, base)
    family = detect(host)
    assert family is not None
    facts = family.facts(host, KERNEL)
    before = copy.deepcopy(facts)
    found = readiness_module.readiness(host, family, facts, Answers().live)
    assert facts == before
    assert found.measures.expected == NEEDED


def test_each_server_of_several_is_asked(tmp_path: Path) -> None:
    settings = "USE_KDUMP=1\nNFS=vault:/dumps\nSSH=kdump@2001:db8::1\nFTP=drop:/in\n"
    answers = Answers()
    answers.commands["ssh -G 2001:db8::1"] = (127, "")
    answers.servers = {("vault", 2049): "refused", ("2001:db8::1", 22): None, ("drop", 21): "gone"}
    facts = kdump_facts(
        build(tmp_path, {**DEBIAN, "etc/default/kdump-tools": settings}), answers.live
    )
    assert facts["target"]["type"] == "ftp"
    told = [each["message"] for each in facts["problems"] if each["code"] == "target_unreachable"]
    assert [message.split(",")[0] for message in told] == [
        "Dumps go to ftp://drop",
        "Dumps go to nfs://vault",
    ]


def test_setting_in_a_condition_switches_nothing_off(tmp_path: Path) -> None:
    text = "USE_KDUMP=1\nif [ -e /etc/nokdump ]; then USE_KDUMP=0; fi\n"
    root = make(tmp_path, DEBIAN, {"etc/default/kdump-tools": text})
    assert list(found(root)) == ["setting_not_known"]


def test_kdump_utils_takes_its_default_key_where_the_configured_one_is_missing(
    tmp_path: Path,
) -> None:
    conf = {"etc/kdump.conf": "ssh kdump@dumps\nsshkey /root/.ssh/other\n"}
    answers = Answers()
    answers.servers[("dumps", 22)] = None
    root = make(tmp_path, RED_HAT, {**conf, "root/.ssh/kdump_id_rsa": "", "usr/bin/ssh": ""})
    assert found(root, answers) == {}


@pytest.mark.parametrize(
    ("savedir", "identity", "there", "missing"),
    [
        ("ssh://u@dumps/srv", "", "id_ed25519", None),
        ("ssh://u@dumps/srv", "", "kdump_id_rsa", "id_ed25519"),
        ("ssh://u@dumps/srv", "one two", "two", None),
        ("ssh://u@dumps/srv", "one two", "three", "two"),
        ("ssh://u:secret@dumps/srv", "", "x", None),
    ],
)
def test_keys_that_suse_puts_into_its_image(
    tmp_path: Path, savedir: str, identity: str, there: str, missing: str | None
) -> None:
    text = f'KDUMP_SAVEDIR="{savedir}"\nKDUMP_SSH_IDENTITY="{identity}"\n'
    answers = Answers()
    answers.servers[("dumps", 22)] = None
    root = make(
        tmp_path, SUSE, {"etc/sysconfig/kdump": text, "usr/bin/ssh": "", f"root/.ssh/{there}": ""}
    )
    problems = found(root, answers)
    assert list(problems) == (["target_needs"] if missing else [])
    assert f"/root/.ssh/{missing} " in problems.get("target_needs", f"/root/.ssh/{missing} ")


def test_a_dump_that_suse_would_delete_is_said(tmp_path: Path) -> None:
    answers = Answers()
    answers.commands[STAT] = (0, f"{1000 * 256} 4096\n")
    answers.commands[ASK] = (137, "")
    text = {"etc/sysconfig/kdump": "KDUMP_FREE_DISK_SIZE=500\n"}
    facts = kdump_facts(make(tmp_path, SUSE, {**NFS_MOUNT, **text}), answers.live)
    assert [each["code"] for each in facts["problems"]] == ["dump_space"]
    assert "a dump may take 1500 MiB" in facts["problems"][0]["message"]


def test_suse_makes_the_dump_directory(tmp_path: Path) -> None:
    root = make(tmp_path, SUSE, {"etc/sysconfig/kdump": "KDUMP_SAVEDIR=/srv/not/yet\n"})
    assert found(root) == {}


@pytest.mark.parametrize(
    "mount", ['"/dev/sdb1 /srv ext4 defaults"', "'dumps:/srv /kdumproot nfs4 defaults'"]
)
def test_target_that_dracut_mounts_is_not_the_host(tmp_path: Path, mount: str) -> None:
    root = make(tmp_path, RED_HAT, {"etc/kdump.conf": f"dracut_args --mount {mount}\n", **BLOCKS})
    assert kdump_facts(root)["target"]["type"] == ("nfs" if "nfs4" in mount else "filesystem")


def test_the_copy_that_early_kdump_loads(tmp_path: Path) -> None:
    early = {"proc/cmdline": "ro intel_iommu=on crashkernel=256M panic=10 rd.earlykdump\n"}
    root = make(tmp_path, RED_HAT, early)
    normal, image = (root / f"boot/initramfs-{KERNEL}{name}" for name in (".img", "kdump.img"))
    for times, codes in (((1000, 2000), ["early_image_old"]), ((3000, 2000), [])):
        for path, seconds in zip((normal, image, root / "etc/kdump.conf"), (*times, 500)):
            os.utime(path, (seconds, seconds))
        os.utime(root / f"boot/vmlinuz-{KERNEL}", (500, 500))
        assert list(found(root)) == codes
