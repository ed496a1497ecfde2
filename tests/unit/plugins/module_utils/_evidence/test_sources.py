# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import (
    journal_logs,
    left_files,
    listing,
    pstore_logs,
    side_logs,
)


def write(path: Path, text: str = "", changed: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if changed is not None:
        os.utime(path, (changed, changed))
    return path


def test_what_a_crash_left_is_what_was_not_there_before(tmp_path: Path) -> None:
    write(tmp_path / "202611211255/dump.202611211255", "old", 1000)
    write(tmp_path / "kdump_lock", "", 1000)
    before = listing(tmp_path)
    write(tmp_path / "202611221255/dmesg.202611221255", "log", 900)  # a clock that is set wrong
    write(tmp_path / "202611221255/dump-incomplete", "1234", 901)
    assert left_files(tmp_path, before) == [
        {"name": "202611221255/dmesg.202611221255", "size": 3, "new": True},
        {"name": "202611221255/dump-incomplete", "size": 4, "new": True},
        {"name": "202611211255/dump.202611211255", "size": 3, "new": False},
    ]


def test_a_dump_that_was_written_over_is_new(tmp_path: Path) -> None:
    dump = write(tmp_path / "202611211255/dump.202611211255", "old", 1000)
    before = listing(tmp_path)
    os.utime(dump, (2000, 2000))
    assert [file["new"] for file in left_files(tmp_path, before)] == [True]


def test_a_directory_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert listing(tmp_path / "nowhere") == {}
    assert left_files(tmp_path / "nowhere", {}) == []


def test_links_out_of_the_dump_directory_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/secret", "x")
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash/link").symlink_to(tmp_path / "elsewhere")
    assert listing(tmp_path / "crash") == {}


def test_the_logs_beside_a_new_dump(tmp_path: Path) -> None:
    for name in (
        "capture-dmesg.txt", "quiesce-dmesg.txt", "kexec-dmesg.log", "README.txt", "vmcore-creation.status",
        "dmesg.202611221255", "vmcore-dmesg.txt", "dump.202611221255", "pcie-reset.json",
    ):  # fmt: skip
        write(tmp_path / "202611221255" / name, name)
    logs = side_logs(tmp_path, left_files(tmp_path, {}))
    assert {(log["source"], log["text"]) for log in logs} == {
        ("capture_dmesg", "capture-dmesg.txt"),
        ("quiesce_dmesg", "quiesce-dmesg.txt"),
        ("kexec_dmesg", "kexec-dmesg.log"),
        ("readme", "README.txt"),
        ("status", "vmcore-creation.status"),
        ("dmesg", "dmesg.202611221255"),
        ("dmesg", "vmcore-dmesg.txt"),
    }


def test_the_logs_beside_an_old_dump_are_of_another_crash(tmp_path: Path) -> None:
    write(tmp_path / "202611211255/dmesg.202611211255", "log")
    assert side_logs(tmp_path, left_files(tmp_path, listing(tmp_path))) == []


def test_crash_records_of_this_crash(tmp_path: Path) -> None:
    write(tmp_path / "sys/fs/pstore/dmesg-efi_pstore-176380", "new", 2000)
    write(tmp_path / "sys/fs/pstore/dmesg-efi_pstore-170000.enc.z", "compressed", 2000)
    write(tmp_path / "var/lib/systemd/pstore/1763800000/dmesg.txt", "moved", 2001)
    write(tmp_path / "var/lib/systemd/pstore/1700000000/dmesg.txt", "old", 1000)
    assert [log["text"] for log in pstore_logs(tmp_path, 1500)] == ["new", "moved"]


def test_the_journal_since_the_test_began() -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str]:
        asked.append(command)
        return 0, "Nov 22 12:43:15 db01 kernel: Linux version 6.12\n"

    (log,) = journal_logs(run, 1763800000.7)
    assert log["source"] == "journal"
    assert "--since=@1763800000" in asked[0]


def test_a_host_without_a_journal_has_none() -> None:
    assert journal_logs(lambda _command: (1, "No journal files were found."), 0) == []
