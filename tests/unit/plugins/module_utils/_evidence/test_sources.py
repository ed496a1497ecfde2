# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence import sources
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import (
    journal_logs,
    left_files,
    listing,
    pstore_logs,
    record_names,
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


PSTORE, VARIABLES, MOVED = "sys/fs/pstore", "sys/firmware/efi/efivars", "var/lib/systemd/pstore"
SINCE = 1763800000
PANIC = "Panic#1 Part1\n<0>[    9.1] Kernel panic\n"
RECORD = "<0>[    9.1] Kernel panic\n"


def stored(root: Path, *before: str) -> list[str]:
    return [log["text"] for log in pstore_logs(root, SINCE, before)]


def test_crash_records_of_this_crash(tmp_path: Path) -> None:
    write(tmp_path / PSTORE / "dmesg-erst-7575463222412574721", "new", SINCE + 100)
    write(tmp_path / PSTORE / "dmesg-efi_pstore-170000.enc.z", "compressed", SINCE + 100)
    write(tmp_path / PSTORE / "console-ramoops-0", "another file", SINCE + 100)
    write(tmp_path / MOVED / "1763800000/dmesg.txt", "moved", SINCE + 101)
    write(tmp_path / MOVED / "1700000000/dmesg.txt", "old", SINCE - 100)
    assert sorted(log["text"] for log in pstore_logs(tmp_path, SINCE)) == ["moved", "new"]


def test_a_record_that_was_there_before_the_test_is_of_another_crash(tmp_path: Path) -> None:
    # The clock of the capture kernel may be wrong, and systemd moves a record when the host has booted again.
    write(tmp_path / PSTORE / "dmesg-erst-7575463222412574721", PANIC, SINCE - 5)
    write(tmp_path / MOVED / "1/dmesg.txt", PANIC, SINCE - 5)
    before = record_names(tmp_path)
    assert stored(tmp_path, *before) == []
    (tmp_path / PSTORE / "dmesg-erst-7575463222412574721").unlink()
    write(
        tmp_path / MOVED / "7575463222412574721/dmesg-erst-7575463222412574721", PANIC, SINCE + 99
    )
    assert stored(tmp_path, *before) == []
    write(tmp_path / PSTORE / "dmesg-erst-7575463299721986049", PANIC, SINCE - 50)
    assert stored(tmp_path, *before) == [RECORD]


def test_a_record_that_is_much_older_than_the_test_was_where_nobody_looked(tmp_path: Path) -> None:
    write(tmp_path / PSTORE / "dmesg-efi_pstore-176370000001001", PANIC, SINCE + 99)
    assert stored(tmp_path) == []


def test_variables_are_read_where_the_running_kernel_makes_no_files_of_them(tmp_path: Path) -> None:
    name = "dump-type0-1-1-1763800001-D-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0"
    write(tmp_path / VARIABLES / name, f"\7\0\0\0{PANIC}")
    write(tmp_path / VARIABLES / "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "x")
    assert stored(tmp_path) == [RECORD]


def test_the_parts_beside_a_joined_record_have_names_that_tell_of_them(tmp_path: Path) -> None:
    directory = tmp_path / MOVED / "1763800001/001"
    write(directory / "dmesg-efi_pstore-176380000101001", PANIC)
    before = record_names(tmp_path)
    write(directory / "dmesg.txt", PANIC)
    assert record_names(tmp_path) == before == ["efi-176380000101001"]


def test_crash_records_are_regular_files_in_two_levels_of_directories(tmp_path: Path) -> None:
    secret = write(tmp_path / "etc/shadow", PANIC)
    (tmp_path / PSTORE).mkdir(parents=True)
    (tmp_path / PSTORE / "dmesg-erst-7575463222412574721").symlink_to(secret)
    os.mkfifo(tmp_path / PSTORE / "dmesg-erst-7575463222412574722")
    (tmp_path / MOVED).mkdir(parents=True)
    (tmp_path / MOVED / "1").symlink_to(tmp_path / "etc")
    write(tmp_path / MOVED / "1/2/3/dmesg-erst-7575463222412574723", PANIC)
    assert record_names(tmp_path) == []


def test_of_many_crash_records_the_newest_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_MAX_RECORDS", 2)
    for number in range(5):
        name = f"dmesg-ramoops-{number}"
        write(tmp_path / PSTORE / name, f"{number}", SINCE + number)
    assert stored(tmp_path) == ["3", "4"]
    assert record_names(tmp_path) == ["ramoops-3", "ramoops-4"]


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
