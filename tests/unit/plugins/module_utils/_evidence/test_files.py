# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence import files
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.files import (
    SOURCES,
    read_all,
    read_logs,
    source_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import ONE_KERNEL

LINE = b"[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n"
PACKERS: dict[str, t.Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def archive(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("db01.log", "console"),
        ("kexec-dmesg.log", "kexec_dmesg"),
        ("capture-dmesg.txt", "capture_dmesg"),
        ("quiesce-dmesg.txt", "quiesce_dmesg"),
        ("vmcore-dmesg.txt", "dmesg"),
        ("dmesg.202611221255", "dmesg"),
        ("dmesg-erst-7", "pstore"),
        ("dump-type0-1-1-1763800001-C-cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0", "pstore"),
        ("README.txt", "readme"),
        ("vmcore-creation.status", "status"),
        ("journal.txt", "journal"),
        ("db01-sel.txt", "sel"),
        ("selinux.log", "console"),
    ],
)
def test_a_name_tells_what_a_log_is(name: str, source: str) -> None:
    assert source_of(f"logs-of-sel/{name}") == source


def test_every_source_is_known() -> None:
    assert {*ONE_KERNEL} <= {*SOURCES}


@pytest.mark.parametrize("packer", PACKERS)
def test_a_log_may_be_packed(tmp_path: Path, packer: str) -> None:
    path = write(tmp_path / f"db01.log{packer}", PACKERS[packer](LINE))
    (log,) = read_logs(path)
    assert (log.source, log.last_message) == ("console", LINE.decode()[15:-1])


@pytest.mark.parametrize("packer", PACKERS)
def test_an_archive_has_the_logs_that_are_files_in_it(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](archive({"a/db01.log": LINE, "a/db01-sel.txt": b"1 | Power Unit\n"}))
    logs = read_logs(write(tmp_path / "logs", packed))
    assert [(log.source, log.name) for log in logs] == [
        ("console", "a/db01.log"),
        ("sel", "a/db01-sel.txt"),
    ]


def test_a_source_is_for_files_whose_names_tell_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "logs.tar", archive({"x": LINE, "kexec-dmesg.log": LINE}))
    assert [log.source for log in read_logs(path, "journal")] == ["journal", "kexec_dmesg"]


def test_a_dump_in_an_archive_is_no_log(tmp_path: Path) -> None:
    members = {
        "dump": b"KDUMP   " + bytes(10_000),
        "core": b"\x7fELF" + bytes(99),
        "db01.log": LINE,
    }
    logs = read_logs(write(tmp_path / "logs.tar", archive(members)))
    assert [log.name for log in logs] == ["db01.log"]


def test_links_and_directories_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "logs.tar"
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo("db01.log")
            member.type, member.linkname = kind, "/etc/shadow"
            tar.addfile(member)
    with pytest.raises(KdumpError, match="has no log in it"):
        read_logs(path)


@pytest.mark.parametrize("members", [{}, {"db01.log": LINE}])
def test_what_is_large_when_unpacked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes]
) -> None:
    monkeypatch.setattr(files, "_MAX_UNPACKED", 4 << 20)
    large = (
        archive({**members, "zeros": b"KDUMP   " + bytes(8 << 20)}) if members else bytes(8 << 20)
    )
    path = write(tmp_path / "logs.gz", gzip.compress(large))
    with pytest.raises(KdumpError, match="more than 4 MiB when it is unpacked"):
        read_logs(path)


def test_a_header_that_claims_to_be_large_takes_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 33
    path = write(tmp_path / "logs.tar", header.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    with pytest.raises(KdumpError, match="none that a tar program makes"):
        read_logs(path)


def test_an_archive_has_a_thousand_entries_at_most(tmp_path: Path) -> None:
    path = write(tmp_path / "logs.tar", archive({f"{number}": b"" for number in range(1_001)}))
    with pytest.raises(KdumpError, match="more than 1000 entries"):
        read_logs(path)


@pytest.mark.parametrize("packer", [".gz", ".bz2", ".xz"])
def test_what_is_cut_is_named(tmp_path: Path, packer: str) -> None:
    whole = PACKERS[packer](archive({"db01.log": bytes(range(256)) * 500}))
    path = write(tmp_path / "logs", whole[:-200])
    with pytest.raises(KdumpError, match=f"The log {path} cannot be read: it is damaged"):
        read_logs(path)


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match=r"no-such\.log cannot be read: No such file"):
        read_logs(tmp_path / "no-such.log")


PART = "Panic#1 Part{}\n<0>[    {}.000000] {}\n"
FIRST, LAST = PART.format(2, 1, "begin").encode(), PART.format(1, 2, "end").encode()


def parts(directory: Path) -> list[Path]:
    directory.mkdir(parents=True)
    return [
        write(directory / "dmesg-erst-7575463222412574721", LAST),
        write(directory / "dmesg-erst-7575463222412574722", FIRST),
    ]


def lines(paths: list[Path], source: str | None = None) -> list[tuple[str, str, str]]:
    return [
        (log.source, log.boots[0].whole.first[0].text, log.last_message)
        for log in read_all([(path, source) for path in paths])
    ]


RECORD = [("pstore", "begin", "end")]


def test_the_parts_of_a_crash_record_may_be_files_a_directory_or_an_archive(tmp_path: Path) -> None:
    last, first = parts(tmp_path / "pstore/7575463222412574722")
    assert lines([last, first]) == RECORD
    assert lines([tmp_path / "pstore"]) == RECORD
    members = {f"pstore/{path.name}": path.read_bytes() for path in (last, first)}
    assert lines([write(tmp_path / "logs.tgz", gzip.compress(archive(members)))]) == RECORD


def test_a_joined_record_is_told_from_the_log_of_the_dead_kernel(tmp_path: Path) -> None:
    path = write(tmp_path / "dmesg.txt", FIRST + LAST)
    assert lines([path]) == RECORD
    assert [log.source for log in read_logs(path, "dmesg")] == ["dmesg"]
    (log,) = read_logs(write(tmp_path / "logs.tar", archive({"1/dmesg.txt": FIRST + LAST})))
    assert log.source == "pstore"


def test_a_directory_without_crash_records_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "db01.log", LINE)
    with pytest.raises(KdumpError, match=f"The directory {tmp_path} has no crash record"):
        read_logs(tmp_path)


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "dmesg-erst-7.enc.z", b"\x28\xb5\x2f\xfd")
    with pytest.raises(KdumpError, match=f"{path} has no crash record that can be read"):
        read_logs(path)
    assert [
        log.source for log in read_all([(path, None), (write(tmp_path / "x.log", LINE), None)])
    ] == ["console"]


def test_what_is_too_long_for_a_record_is_read_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "dmesg-ramoops-0", LAST + LINE * 20_000)
    (log,) = read_logs(path)
    assert (log.source, log.last_message) == ("pstore", LINE.decode()[15:-1])


def test_many_crash_records_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MAX_RECORDS", 100)
    members = {f"dmesg-erst-{number}": LAST for number in range(5)}
    path = write(tmp_path / "logs.tar", archive(members))
    with pytest.raises(KdumpError, match="crash records: name those of one crash"):
        read_logs(path)
