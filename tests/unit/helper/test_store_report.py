# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is stored beside the dump, while kdump-tools writes it and after others did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import CaptureReport
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS, SHELLS

BOOT_ID = "478372f1-8e39-49c2-a7e3-0befc026c5e9"
REPORT = '{"version":1}\n'


class Capture:
    """The capture kernel's real root, in which kdump-tools is about to write a dump."""

    def __init__(self, root: Path, shell: list[str]) -> None:
        self.root = root
        self.shell = shell
        self.dumps = root / "crash"
        self.report = root / "run/report.json"
        self.old = self.dumps / "202611211022"
        self.dump = self.dumps / "202611221022"
        self.old.mkdir(parents=True)
        (self.old / "dump.202611211022").write_text("old")
        (root / "proc/sys/kernel/random").mkdir(parents=True)
        (root / "proc/sys/kernel/random/boot_id").write_text(f"{BOOT_ID}\n")
        (root / "proc/uptime").symlink_to("/proc/uptime")
        self.report.parent.mkdir()
        self.report.write_text(REPORT)
        dmesg = root / "dmesg"
        dmesg.write_text(f"#!/bin/sh\nexec cat {root}/log\n")
        dmesg.chmod(0o755)
        self.log("early")
        # Neither says anything: clocks differ between kernels, and after a power failure.
        later = time.time() + 3600
        os.utime(self.old, (later, later))
        os.utime(self.report, (later, later))
        self.process: subprocess.Popen[bytes] | None = None

    def log(self, text: str) -> None:
        (self.root / "log").write_text(text)

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "COREDIR": str(self.dumps),
            "LIB": str(SCRIPTS),
            "PROC": str(self.root / "proc"),
            "RUN": str(self.report.parent),
            "DMESG": str(self.root / "dmesg"),
        }

    def start(self) -> subprocess.Popen[bytes]:
        """What ExecStartPre= does before the dump, then ExecStart=."""
        script = str(SCRIPTS / "store-report")
        subprocess.run([*self.shell, script, "note"], env=self.environment(), check=True)
        self.process = subprocess.Popen(
            [*self.shell, script], env=self.environment(), stderr=subprocess.DEVNULL
        )
        return self.process

    def ends(self) -> None:
        """Let it look a few times more, then end it."""
        assert self.process
        time.sleep(1)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0

    def make(self, *names: str) -> None:
        """What a dumper does: files come into the directory one after the other, all of them at once here."""
        making = self.root / "making"
        making.mkdir()
        for name in names:
            (making / name).touch()
        making.rename(self.dump)

    def record(self) -> dict[str, t.Any]:
        report = json.loads((self.dump / "capture.json").read_text())
        assert list(misfits(report, CaptureReport, "capture.json")) == []
        return t.cast("dict[str, t.Any]", report)

    def stored(self) -> set[str]:
        return {path.name for path in self.dump.iterdir() if not path.name.startswith("dump")}


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# /bin/sh of a root file system; the others are in the initramfs only.
@pytest.fixture(params=sorted({"bash", "dash", "sh"} & set(SHELLS)))
def capture(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Capture]:
    machine = Capture(tmp_path, SHELLS[request.param])
    yield machine
    if machine.process is not None:
        machine.process.kill()
        machine.process.wait()


@pytest.mark.parametrize(
    ("incomplete", "complete"),
    [
        ("dump-incomplete", "dump.202611221022"),
        ("dump-incomplete.lz4", "dump.202611221022.lz4"),
        ("vmcore-incomplete", "vmcore.202611221022"),
    ],
)
def test_everything_is_stored_when_it_is_known(
    capture: Capture, incomplete: str, complete: str
) -> None:
    before = time.time()
    process = capture.start()
    capture.dump.mkdir()
    wait_until((capture.dump / "capture-dmesg.txt").exists)
    assert capture.record()["dump_started"] is None
    assert capture.record()["dump_complete"] is None
    assert (capture.dump / "pcie-reset.json").read_text() == REPORT

    (capture.dump / incomplete).touch()
    wait_until(lambda: capture.record()["dump_started"] is not None)
    assert capture.record()["dump_complete"] is None

    capture.log("late")
    (capture.dump / incomplete).rename(capture.dump / complete)
    assert process.wait(timeout=20) == 0
    record = capture.record()
    assert list(record) == ["boot_id", "boot_epoch", "dump_started", "dump_complete"]
    assert (capture.dump / "capture.json").stat().st_size == 200
    assert record["boot_id"] == BOOT_ID
    assert record["boot_epoch"] < before - 1
    assert before - 1 < record["dump_started"] <= record["dump_complete"] < time.time() + 1
    assert (capture.dump / "capture-dmesg.txt").read_text() == "late"
    assert list(capture.old.iterdir()) == [capture.old / "dump.202611211022"]


def test_dump_that_was_complete_before_anybody_looked(capture: Capture) -> None:
    process = capture.start()
    capture.make("dump.202611221022")
    assert process.wait(timeout=20) == 0
    assert capture.record()["dump_started"] <= capture.record()["dump_complete"]
    assert capture.stored() == {"capture.json", "capture-dmesg.txt", "pcie-reset.json"}


def test_log_of_the_quiesce_stage_is_stored(capture: Capture) -> None:
    (capture.report.parent / "quiesce.txt").write_text("the first stage's\n")
    process = capture.start()
    capture.make("dump.202611221022")
    assert process.wait(timeout=20) == 0
    assert (capture.dump / "quiesce-dmesg.txt").read_text() == "the first stage's\n"


def test_capture_kernel_without_a_report(capture: Capture) -> None:
    capture.report.unlink()
    process = capture.start()
    capture.make("dump.202611221022")
    assert process.wait(timeout=20) == 0
    assert capture.stored() == {"capture.json", "capture-dmesg.txt"}


def plant_record(capture: Capture, elsewhere: Path) -> None:
    (capture.dump / "capture.json").symlink_to(elsewhere)


def plant_directory(capture: Capture, _elsewhere: Path) -> None:
    capture.dump.chmod(0o777)  # others may put anything into it, at any time


def plant_owner(capture: Capture, _elsewhere: Path) -> None:
    os.chown(capture.dump, 12345, 12345)


def plant_link(capture: Capture, elsewhere: Path) -> None:
    real = elsewhere.parent / "linked"
    capture.dump.rename(real)
    capture.dump.symlink_to(real)


PLANTS = [plant_record, plant_directory, plant_link, *([plant_owner] if os.geteuid() == 0 else [])]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_directory_that_somebody_else_has_a_hand_in_is_left_alone(
    capture: Capture, plant: Callable[[Capture, Path], None]
) -> None:
    """In a dump directory for everybody, as /var/crash of Ubuntu is."""
    elsewhere = capture.root / "elsewhere"
    elsewhere.write_text("somebody's\n")
    capture.start()
    planted = capture.dump
    capture.dump = capture.root / "planted"  # not seen before it is as it is to be
    capture.make("dump.202611221022")
    plant(capture, elsewhere)
    capture.dump.rename(planted)
    capture.ends()
    assert elsewhere.read_text() == "somebody's\n"
    assert {path.name for path in planted.iterdir()} <= {"dump.202611221022", "capture.json"}
    assert not (planted / "capture.json").is_file() or (planted / "capture.json").is_symlink()


def test_dump_is_found_beside_what_others_put_there(capture: Capture) -> None:
    capture.dumps.chmod(0o777)
    (capture.dumps / "202611211023").symlink_to(capture.root / "proc")
    process = capture.start()
    theirs = capture.dumps / "theirs"
    theirs.mkdir(0o777)
    theirs.chmod(0o777)
    (capture.dumps / "link").symlink_to(capture.root / "proc")
    capture.make("dump.202611221022")
    assert process.wait(timeout=20) == 0
    assert capture.stored() == {"capture.json", "capture-dmesg.txt", "pcie-reset.json"}
    assert list(theirs.iterdir()) == []


def test_of_two_new_directories_neither_is_taken_for_that_of_the_dump(capture: Capture) -> None:
    """On a share of many hosts it may be another's."""
    capture.start()
    other = capture.dumps / "other"
    with_both = capture.root / "both"
    (with_both / "other").mkdir(parents=True)
    (with_both / capture.dump.name).mkdir()
    # The place as it was seen before is replaced by the one with both at once.
    old = capture.root / "before"
    capture.dumps.rename(old)
    with_both.rename(capture.dumps)
    capture.ends()
    assert (list(other.iterdir()), list(capture.dump.iterdir())) == ([], [])


def test_record_that_is_replaced_by_a_link_is_not_followed(capture: Capture) -> None:
    elsewhere = capture.root / "elsewhere"
    elsewhere.write_text("somebody's\n")
    process = capture.start()
    capture.make("dump-incomplete")
    wait_until((capture.dump / "capture.json").exists)
    (capture.dump / "capture.json").unlink()
    (capture.dump / "capture.json").symlink_to(elsewhere)
    (capture.dump / "dump-incomplete").rename(capture.dump / "dump.202611221022")
    assert process.wait(timeout=20) == 0
    assert elsewhere.read_text() == "somebody's\n"


def test_shutdown_stores_what_is_known_and_ends(capture: Capture) -> None:
    process = capture.start()
    capture.dump.mkdir()
    wait_until((capture.dump / "capture-dmesg.txt").exists)
    capture.log("late")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert (capture.dump / "capture-dmesg.txt").read_text() == "late"


def test_shutdown_without_a_dump(capture: Capture) -> None:
    process = capture.start()
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert not capture.dump.exists()


class SavingInitramfs(Capture):
    """The capture kernel's initramfs that has saved a dump to a file system that is mounted there."""

    def __init__(self, root: Path, shell: list[str]) -> None:
        super().__init__(root, shell)
        self.dumps = root / "sysroot/var/crash"
        self.dump = self.dumps / "127.0.0.1-2026-11-22-10:22:00"
        self.config = root / "kdump.conf"
        self.config.write_text("auto_reset_crashkernel yes\npath /var/crash\n")
        (root / "proc/mounts").write_text(
            "proc /proc proc rw 0 0\n"
            f"/dev/nothing {root}/nothing ext4 rw 0 0\n"
            f"/dev/vda {root}/sysroot ext4 rw 0 0\n"
        )
        (root / "proc/cmdline").write_text("ro\n")
        library = root / "lib"
        library.mkdir()
        for name in ("guard", "lib.sh", "store-report"):
            (library / name).symlink_to(SCRIPTS / name)
        for stage in ("pre.d", "post.d"):
            (root / stage).mkdir()
            (root / stage / "pcie-reset").symlink_to(library / "store-report")

    def begin(self, **environment: str) -> None:
        """What kdump-utils and SUSE's unit do before the dump, with an older dump already there."""
        old = self.dumps / "127.0.0.1-2026-11-21-10:22:00"
        old.mkdir(parents=True)
        (old / "vmcore").write_text("old")
        later = time.time() + 3600
        os.utime(old, (later, later))
        suse = "KDUMP_SAVE" in environment
        script = ("lib/store-report", "begin") if suse else ("pre.d/pcie-reset",)
        self.run(*script, **environment)

    def run(self, script: str, *arguments: str, **environment: str) -> None:
        done = subprocess.run(
            [*self.shell, str(self.root / script), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "CONFIG": str(self.config),
                "LIB": str(self.root / "lib"),
                "PROC": str(self.root / "proc"),
                "RUN": str(self.report.parent),
                "DMESG": str(self.root / "dmesg"),
                "KMSG": str(self.root / "kmsg"),
                **environment,
            },
            timeout=60,
            check=False,
        )
        assert done.returncode == 0

    def saved(self) -> set[str]:
        return {path.name for path in self.dump.iterdir() if path.suffix in {".json", ".txt"}}


STORED = {"capture.json", "capture-dmesg.txt", "pcie-reset.json"}


@pytest.fixture(params=sorted({"bash", "dash", "sh"} & set(SHELLS)))
def initramfs(tmp_path: Path, request: pytest.FixtureRequest) -> SavingInitramfs:
    return SavingInitramfs(tmp_path, SHELLS[request.param])


def test_hooks_of_kdump_utils_store_everything(initramfs: SavingInitramfs) -> None:
    before = time.time()
    initramfs.begin()
    initramfs.make("vmcore", "vmcore-dmesg.txt")
    initramfs.run("post.d/pcie-reset", "0")
    assert initramfs.saved() == {*STORED, "vmcore-dmesg.txt"}
    record = initramfs.record()
    assert record["boot_id"] == BOOT_ID
    assert before - 1 < record["dump_started"] <= record["dump_complete"] < time.time() + 1
    assert (initramfs.dump / "pcie-reset.json").read_text() == REPORT
    assert (initramfs.dump / "capture-dmesg.txt").read_text() == "early"
    assert initramfs.config.read_text().count("\n") == 2


def test_dump_that_failed_has_a_report_too(initramfs: SavingInitramfs) -> None:
    initramfs.begin()
    initramfs.make("vmcore-incomplete")
    initramfs.run("post.d/pcie-reset", "1")
    assert initramfs.saved() == STORED
    assert initramfs.record()["dump_started"] is not None
    assert initramfs.record()["dump_complete"] is None


def test_first_dump_below_a_mount_makes_the_directory_for_all(initramfs: SavingInitramfs) -> None:
    (initramfs.root / "sysroot/var").mkdir(parents=True, exist_ok=True)
    initramfs.run("pre.d/pcie-reset")
    initramfs.dumps.mkdir(parents=True, exist_ok=True)
    initramfs.make("vmcore")
    initramfs.run("post.d/pcie-reset", "0")
    assert initramfs.saved() == STORED


def test_what_was_there_before_the_dump_is_not_touched(initramfs: SavingInitramfs) -> None:
    initramfs.begin()
    old = initramfs.dumps / "127.0.0.1-2026-11-21-10:22:00"
    initramfs.run("post.d/pcie-reset", "1")
    assert [path.name for path in old.iterdir()] == ["vmcore"]


def test_report_that_has_no_place_is_not_stored(initramfs: SavingInitramfs) -> None:
    """A dump that went to another host or to a raw device."""
    initramfs.run("post.d/pcie-reset", "0")
    assert not initramfs.dumps.exists()


@pytest.mark.parametrize(
    ("status", "complete"), [("saved successfully", True), ("error while saving", False)]
)
def test_kdump_save_of_suse_is_told_to_store_it(
    initramfs: SavingInitramfs, status: str, complete: bool
) -> None:
    initramfs.config.write_text("KDUMP_POSTSCRIPT='echo theirs'\n")
    kdump_save = initramfs.root / "kdump-save"
    kdump_save.write_text(
        "#!/bin/bash\n"
        f". {initramfs.config}\n"
        f'DIR="{initramfs.dump}"\n'
        f'eval "$KDUMP_POSTSCRIPT" > {initramfs.root}/said\n'
        f"echo $? >> {initramfs.root}/said\n"
    )
    initramfs.begin(KDUMP_SAVE=str(kdump_save))
    initramfs.make("vmcore")
    (initramfs.dump / "README.txt").write_text(f"Kernel crashdump\nvmcore status: {status}\n")
    initramfs.run("kdump-save")
    assert (initramfs.root / "said").read_text() == "theirs\n0\n"
    assert initramfs.saved() == {*STORED, "README.txt"}
    assert (initramfs.record()["dump_complete"] is not None) == complete


def test_kdump_save_without_a_script_of_the_operator(initramfs: SavingInitramfs) -> None:
    initramfs.config.write_text("KDUMP_POSTSCRIPT=''\n")
    initramfs.run("lib/store-report", "begin", KDUMP_SAVE=str(initramfs.root))
    script = subprocess.run(
        ["bash", "-c", f'. {initramfs.config}; echo "$KDUMP_POSTSCRIPT"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert script == f'{initramfs.root}/lib/store-report end "$DIR" || :\n'
