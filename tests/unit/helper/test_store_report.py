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
        past = time.time() - 100
        os.utime(self.old, (past, past))
        os.utime(self.report, (past + 50, past + 50))
        self.process: subprocess.Popen[bytes] | None = None

    def log(self, text: str) -> None:
        (self.root / "log").write_text(text)

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            [*self.shell, str(SCRIPTS / "store-report")],
            env={
                "PATH": os.environ["PATH"],
                "COREDIR": str(self.dumps),
                "PROC": str(self.root / "proc"),
                "RUN": str(self.report.parent),
                "DMESG": str(self.root / "dmesg"),
            },
            stderr=subprocess.DEVNULL,
        )
        return self.process

    def record(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", json.loads((self.dump / "capture.json").read_text()))

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
    capture.dump.mkdir()
    (capture.dump / "dump.202611221022").touch()
    assert capture.start().wait(timeout=20) == 0
    assert capture.record()["dump_started"] <= capture.record()["dump_complete"]
    assert capture.stored() == {"capture.json", "capture-dmesg.txt", "pcie-reset.json"}


def test_log_of_the_quiesce_stage_is_stored(capture: Capture) -> None:
    (capture.report.parent / "quiesce.txt").write_text("the first stage's\n")
    capture.dump.mkdir()
    (capture.dump / "dump.202611221022").touch()
    assert capture.start().wait(timeout=20) == 0
    assert (capture.dump / "quiesce-dmesg.txt").read_text() == "the first stage's\n"


def test_capture_kernel_without_a_report(capture: Capture) -> None:
    capture.report.unlink()
    process = capture.start()
    wait_until((capture.report.parent / "started").exists)
    time.sleep(0.05)  # time stamps are as coarse as the kernel's tick
    capture.dump.mkdir()
    (capture.dump / "dump.202611221022").touch()
    assert process.wait(timeout=20) == 0
    assert capture.stored() == {"capture.json", "capture-dmesg.txt"}


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
        for name in ("guard", "store-report"):
            (library / name).symlink_to(SCRIPTS / name)
        for stage in ("pre.d", "post.d"):
            (root / stage).mkdir()
            (root / stage / "pcie-reset").symlink_to(library / "store-report")

    def make_dump(self, *names: str) -> None:
        old = self.dumps / "127.0.0.1-2026-11-21-10:22:00"
        old.mkdir(parents=True)
        (old / "vmcore").write_text("old")
        past = time.time() - 100
        os.utime(old, (past, past))
        self.dump.mkdir()
        for name in names:
            (self.dump / name).touch()

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
    initramfs.run("pre.d/pcie-reset")
    initramfs.make_dump("vmcore", "vmcore-dmesg.txt")
    initramfs.run("post.d/pcie-reset", "0")
    assert initramfs.saved() == {*STORED, "vmcore-dmesg.txt"}
    record = initramfs.record()
    assert record["boot_id"] == BOOT_ID
    assert before - 1 < record["dump_started"] <= record["dump_complete"] < time.time() + 1
    assert (initramfs.dump / "pcie-reset.json").read_text() == REPORT
    assert (initramfs.dump / "capture-dmesg.txt").read_text() == "early"
    assert initramfs.config.read_text().count("\n") == 2


def test_dump_that_failed_has_a_report_too(initramfs: SavingInitramfs) -> None:
    initramfs.make_dump("vmcore-incomplete")
    initramfs.run("post.d/pcie-reset", "1")
    assert initramfs.saved() == STORED
    assert initramfs.record()["dump_started"] is None
    assert initramfs.record()["dump_complete"] is None


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
    initramfs.run("lib/store-report", "begin", KDUMP_SAVE=str(kdump_save))
    initramfs.make_dump("vmcore")
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
