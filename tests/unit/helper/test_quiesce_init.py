# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first of two capture kernels: in which order it does what, and where it ends when something fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import read_image
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS
from ansible_collections.vmcore.kdump.tests.unit.images import FILE, image, unpack_foreign

LINE = (
    "elfcorehdr=0x2f000000 root=/dev/vda ro panic=10 nr_cpus=1 pcie_reset.deadline=30 pcie_reset.stage=quiesce"
    " intremap=off panic=10 initcall_blacklist=pci_iommu_init,a_init pcie_reset.stage=capture acpi_rsdp=0x7f"
)
CAPTURE = (
    "elfcorehdr=0x2f000000 root=/dev/vda ro panic=10 nr_cpus=1 pcie_reset.deadline=30 acpi_rsdp=0x7f"
    " pcie_reset.stage=quiesced"
)
REPORT = '{"version":1,"digest":"9f","stage":"quiesce","ports":[]}\n'
LOG = "[    1.0] a line\n[    2.0] with \\ and 100%\n"
PAYLOAD = image(("zstd", [("init", FILE, b"the capture kernel's")]))

# What is run, in which order; what becomes of it a test decides by the files that it makes.
PROGRAMS = {
    "mount": 'echo "mount $*" >> "$ROOT/ran"',
    "dmesg": 'cat "$ROOT/messages"',
    "kexec": """
        echo "kexec $*" >> "$ROOT/ran"
        while [ -e "$ROOT/slow$1" ] && [ -d "$ROOT" ]; do /usr/bin/sleep 0.05; done
        [ ! -e "$ROOT/fails$1" ] || { echo "this fails: $1" >&2; exit 1; }
        [ "$1" = -e ] || echo > "$ROOT/loaded"
    """,
    # The pause for the console, the wait for the restart, and the timer.
    "sleep": """
        case $1 in 1 | 30 | 60) exit ;; esac
        echo "timer $1" >> "$ROOT/ran"
        until [ -e "$ROOT/late" ]; do /usr/bin/sleep 0.05; [ -d "$ROOT" ] || exit; done
    """,
    "guard": """
        echo "guard $* stage=$STAGE" >> "$ROOT/ran"
        [ ! -e "$ROOT/fails_again" ] || echo > "$ROOT/fails-s" > "$ROOT/fails-c"
        run=$ROOT/run/pcie-reset
        [ ! -e "$ROOT/report" ] || { mkdir -p "$run"; cat "$ROOT/report" > "$run/report.json"; }
    """,
}


class FirstStage:
    """Its files, and programs that only say what they would do."""

    def __init__(self, root: Path, shell: list[str]) -> None:
        self.root = root
        self.shell = shell
        self.lib = root / "usr/local/lib/pcie-reset"
        for directory in ("proc", "dev", "capture", "tools", "usr/local/lib/pcie-reset"):
            (root / directory).mkdir(parents=True)
        (self.lib / "lib.sh").symlink_to(SCRIPTS / "lib.sh")
        for name, text in PROGRAMS.items():
            place = self.lib if name == "guard" else root / "tools"
            (place / name).write_text(f"#!/bin/sh\n{text}\n")
            (place / name).chmod(0o755)
        for name in ("cat", "mkdir"):
            (root / "tools" / name).symlink_to(t.cast(str, shutil.which(name)))
        self.write("proc/vmcore", "")
        self.write("proc/cmdline", f"{LINE}\n")
        self.write("proc/uptime", "10.50 9.00\n")
        self.memory(200000)
        self.write("dev/kmsg", "")
        self.write("messages", LOG)
        self.write("report", REPORT)
        (root / "capture/kernel").write_bytes(bytes(4096))
        self.payload(PAYLOAD)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def payload(self, content: bytes) -> None:
        (self.root / "capture/initramfs").write_bytes(content)
        self.write("capture/sizes", f"4096 {len(content)}\n")

    def memory(self, available: int) -> None:
        self.write("proc/meminfo", f"MemTotal: 262144 kB\nMemAvailable:   {available} kB\n")

    def run(self) -> int:
        done = subprocess.run(
            [*self.shell, str(SCRIPTS / "quiesce-init")],
            env={"ROOT": str(self.root), "TOOLS": str(self.root / "tools")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        self.write("late", "")  # let go of the timer
        return done.returncode

    def started_timer(self) -> str | None:
        """What the timer was started with: it runs beside the stage, which can end before it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for line in (self.root / "ran").read_text().splitlines():
                if line.startswith("timer "):
                    return line
            time.sleep(0.05)
        return None

    @property
    def ran(self) -> list[str]:
        """The commands, without mounting and the timer, which runs beside them."""
        lines = (self.root / "ran").read_text().splitlines()
        return [
            line.partition(" --")[0] for line in lines if line.split()[0] not in ("mount", "timer")
        ]

    @property
    def log(self) -> str:
        return (self.root / "dev/kmsg").read_text()

    @property
    def sysrq(self) -> str:
        path = self.root / "proc/sysrq-trigger"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def stage(tmp_path: Path, shell: list[str]) -> FirstStage:
    (tmp_path / "stage").mkdir()
    return FirstStage(tmp_path / "stage", shell)


LOADED = "kexec -s -l {0}/capture/kernel"
GUARDED = "guard {0}/usr/local/lib/pcie-reset/pcie-reset {0}/etc/pcie-reset/plan stage=quiesce"


def expected(stage: FirstStage, *commands: str) -> list[str]:
    return [command.format(stage.root) for command in commands]


def test_second_kernel_is_loaded_before_the_reset_and_again_with_the_report(
    stage: FirstStage,
) -> None:
    stage.run()
    assert stage.ran == expected(stage, LOADED, GUARDED, LOADED, "kexec -e")
    ran = (stage.root / "ran").read_text()
    assert ran.count(f"--command-line={CAPTURE}\n") == 2
    assert ran.count(f"--initrd={stage.root}/capture/initramfs ") == 2
    assert stage.started_timer() == "timer 150"  # 120 s after the helper's own deadline of 30 s
    assert "pcie_reset: quiesce start uptime=10.50\npcie_reset: quiesce loaded" in stage.log
    assert "pcie_reset: quiesce jump uptime=10.50\n" in stage.log


def test_what_is_in_service_before_the_jump_is_dismissed_and_said(stage: FirstStage) -> None:
    stage.write("proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\n")
    program = stage.lib / "local-apic"
    mode, none = "\\001\\000\\000\\000", "\\000\\000\\000\\000"
    before, after = mode + none + "\\000\\000\\001\\000" + none * 6, mode + none * 8
    program.write_text(f"#!/bin/sh\necho dismissed >> {stage.root}/ran\nprintf '{before}{after}'\n")
    program.chmod(0o755)
    (stage.lib / "bin").mkdir()
    (stage.lib / "bin/od").symlink_to(t.cast(str, shutil.which("od")))
    stage.run()
    assert stage.ran == expected(stage, LOADED, GUARDED, "dismissed", LOADED, "kexec -e")
    files = read_image((stage.root / "capture/initramfs").read_bytes(), unpack_foreign)
    report = json.loads(bytes(files["pcie-reset-report.json"].data))
    assert report["apic_jump"] == {
        "mode": "xapic",
        "in_service_before": [48],
        "in_service_after": [],
    }
    assert "pcie_reset: apic mode=xapic in_service=48 after=none\n" in stage.log


@pytest.mark.parametrize("extra", range(4))
def test_report_and_log_are_appended_to_the_capture_kernels_initramfs(
    stage: FirstStage, extra: int
) -> None:
    stage.payload(PAYLOAD + bytes(extra))
    stage.run()
    files = read_image((stage.root / "capture/initramfs").read_bytes(), unpack_foreign)
    assert {name: bytes(entry.data).decode() for name, entry in files.items()} == {
        "init": "the capture kernel's",
        "pcie-reset-report.json": REPORT.replace("}\n", ',"apic_jump":null,"uptime_jump":10.50}\n'),
        "pcie-reset-quiesce.txt": LOG,
    }


def test_helper_without_a_report_does_not_keep_the_log_from_being_passed_on(
    stage: FirstStage,
) -> None:
    (stage.root / "report").unlink()
    stage.run()
    files = read_image((stage.root / "capture/initramfs").read_bytes(), unpack_foreign)
    assert set(files) == {"init", "pcie-reset-quiesce.txt"}
    assert stage.ran[-1] == "kexec -e"


def test_kernel_that_checks_no_signatures_is_loaded_the_old_way(stage: FirstStage) -> None:
    stage.write("fails-s", "")
    stage.run()
    old = "kexec -c -l {0}/capture/kernel"
    assert stage.ran == expected(stage, LOADED, old, GUARDED, LOADED, old, "kexec -e")


def test_headers_that_come_in_the_device_tree_are_handed_on_by_the_old_way_alone(
    stage: FirstStage,
) -> None:
    stage.write("proc/cmdline", LINE.replace("elfcorehdr=0x2f000000 ", "") + "\n")
    stage.run()
    old = "kexec -c -l {0}/capture/kernel"
    assert stage.ran == expected(stage, old, GUARDED, old, "kexec -e")


def test_second_kernel_that_cannot_be_loaded_means_no_reset_and_a_restart(
    stage: FirstStage,
) -> None:
    stage.write("fails-s", "")
    stage.write("fails-c", "")
    assert stage.run() == 1  # the kernel panics then, if it has not restarted before
    assert stage.ran == expected(stage, LOADED, "kexec -c -l {0}/capture/kernel")
    assert stage.sysrq == "b\n"
    assert stage.log.endswith(
        "pcie_reset: quiesce kexec: this fails: -s\n"
        "pcie_reset: quiesce kexec: this fails: -c\n"
        "pcie_reset: quiesce restart reason=not_loaded\n"
    )


def test_second_kernel_that_was_loaded_first_stays_when_it_cannot_be_loaded_again(
    stage: FirstStage,
) -> None:
    stage.write("fails_again", "")
    stage.run()
    assert stage.ran[-1] == "kexec -e"
    assert "pcie_reset: quiesce not loaded again, without the report\n" in stage.log


def test_second_kernel_is_not_loaded_again_without_room_for_it(stage: FirstStage) -> None:
    stage.memory(3)
    stage.run()
    assert stage.ran == expected(stage, LOADED, GUARDED, "kexec -e")
    assert (stage.root / "capture/initramfs").read_bytes() == PAYLOAD
    assert "pcie_reset: quiesce no room for the report available=3\n" in stage.log


def test_normal_boot_with_this_image_restarts(stage: FirstStage) -> None:
    (stage.root / "proc/vmcore").unlink()
    assert stage.run() == 1
    assert (stage.sysrq, "no_vmcore" in stage.log) == ("b\n", True)
    assert not [line for line in (stage.root / "ran").read_text().splitlines() if "kexec" in line]


def test_jump_that_fails_is_a_restart(stage: FirstStage) -> None:
    assert stage.run() == 1
    assert (stage.sysrq, "reason=no_jump" in stage.log) == ("b\n", True)


@pytest.mark.parametrize("hangs", ["-s", "-e"], ids=["loading", "the jump"])
def test_timer_jumps_and_restarts_when_anything_hangs(stage: FirstStage, hangs: str) -> None:
    stage.write(f"slow{hangs}", "")
    stage.write("late", "")
    process = subprocess.Popen(
        [*stage.shell, str(SCRIPTS / "quiesce-init")],
        env={"ROOT": str(stage.root), "TOOLS": str(stage.root / "tools")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not stage.sysrq or stage.ran.count("kexec -e") < 3:
        assert process.poll() is None
    lines = stage.log.splitlines()
    late = lines.index("pcie_reset: quiesce late")
    assert late < lines.index("pcie_reset: quiesce restart reason=late")
    (stage.root / f"slow{hangs}").unlink()
    process.wait(60)
