# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is stored beside the dump while kdump-tools writes it."""

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
