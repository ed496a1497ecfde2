# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which dumps are removed, and which are not, whatever the limits are."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes import identity_of
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.retention import (
    DAY,
    Known,
    Rules,
    decide,
    open_directories,
    remove,
    survey,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    Kdump,
    plain,
    vmcoreinfo,
)

NOW = 1_800_000_000.0
NOTHING = Rules(max_count=0)
ANY = Rules(max_count=0, keep_unreported=False, keep_signatures=False)


def save(directory: Path, name: str, days: float = 10, content: bytes = b"dump") -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for each in (path, path.parent):
        os.utime(each, (NOW - days * DAY, NOW - days * DAY))
    return path


def debian(number: int) -> str:
    stamp = f"2026112209{number:02}"
    return f"{stamp}/dump.{stamp}"


def removed(
    directory: Path,
    rules: Rules,
    known: dict[str, Known] | None = None,
    busy: t.Collection[str] = (),
) -> set[str]:
    decisions = decide(survey(directory), rules, known or {}, busy, NOW)
    assert all(decision.why for decision in decisions)
    return {decision.left.directory for decision in decisions if decision.remove}


def test_when_a_crash_was_is_known_of_a_dump_that_nobody_collected(tmp_path: Path) -> None:
    """A capture kernel without a clock dates its files 1970."""
    crashed = int(NOW) - 11 * DAY
    data = plain(Kdump(info=vmcoreinfo(CRASHTIME=str(crashed))).parts())
    for number, days in ((1, NOW / DAY), (2, 3.0)):
        save(tmp_path, debian(number), days, data)
    rules = Rules(keep_unreported=False, keep_signatures=False)
    assert removed(tmp_path, rules._replace(max_age=12)) == set()
    assert removed(tmp_path, rules._replace(max_age=10)) == {"202611220901", "202611220902"}


def reported(*dumps: Path, signature: str | None = None) -> dict[str, Known]:
    return {identity_of(path): Known(signature or path.name, None) for path in dumps}


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        (debian(1), ["dmesg.202611220901", "pcie-reset.json", "capture.json", "capture-dmesg.txt"]),
        ("202611220901/vmcore.202611220901", ["quiesce-dmesg.txt"]),
        ("202611220901/dump.202611220901.gz", []),
        ("db01-202611220901/dump.202611220901", ["dmesg.202611220901"]),
        ("202611220901/dump.1", ["dump.2", "dump.3"]),
        ("127.0.0.1-2026-11-22-09:51:13/vmcore", ["vmcore-dmesg.txt", "kexec-dmesg.log"]),
        ("127.0.0.1-2026-11-22-09:51:13/vmcore.flat", []),
        ("kdump-test-1795341073-1/vmcore", ["vmcore-creation.status"]),
        ("2026-11-22-09-51/vmcore", ["dmesg.txt", "README.txt"]),
        ("2026-11-22-09:51/vmcore", ["dmesg"]),
        ("127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg.txt", []),  # no dump was saved
    ],
)
def test_what_a_crash_left_goes_as_a_whole_in_every_family(
    tmp_path: Path, name: str, beside: list[str]
) -> None:
    path = save(tmp_path, name)
    for each in beside:
        save(tmp_path, f"{path.parent.name}/{each}")
    other = tmp_path / "notes"
    other.mkdir()
    (left,) = survey(tmp_path)
    assert set(left.names) == {path.name, *beside}
    assert removed(tmp_path, ANY) == {path.parent.name}
    remove(tmp_path, left)
    assert list(tmp_path.iterdir()) == [other]


def test_what_nobody_of_kdump_wrote_stays(tmp_path: Path) -> None:
    path = save(tmp_path, debian(1))
    notes = save(tmp_path, f"{path.parent.name}/analysis.txt")
    (path.parent / "crash-session").mkdir()
    (left,) = survey(tmp_path)
    remove(tmp_path, left)
    assert not path.exists()
    assert notes.exists()
    assert (path.parent / "crash-session").exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    precious = save(tmp_path / "elsewhere", debian(1))
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    (dumps / precious.parent.name).symlink_to(precious.parent)
    assert survey(dumps) == []
    inner = save(dumps, debian(2))
    inner.unlink()
    inner.symlink_to(precious)
    # Only the link itself could be seen, which is no file of a crash.
    for left in survey(dumps):
        assert left.names == ()
        remove(dumps, left)
    assert precious.read_bytes() == b"dump"


def test_a_directory_that_became_a_link_is_not_entered(tmp_path: Path) -> None:
    precious = save(tmp_path / "elsewhere", debian(1))
    path = save(tmp_path / "dumps", debian(1))
    (left,) = survey(tmp_path / "dumps")
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(precious.parent)
    with pytest.raises(Exception, match="cannot be removed"):
        remove(tmp_path / "dumps", left)
    assert precious.exists()


def test_the_dump_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    path = save(tmp_path / "big", debian(1))
    (tmp_path / "crash").symlink_to(tmp_path / "big")
    (left,) = survey(tmp_path / "crash")
    remove(tmp_path / "crash", left)
    assert not path.parent.exists()


def test_a_crash_in_the_dump_directory_itself_is_left_alone(tmp_path: Path) -> None:
    # The directory of one crash was named in place of that of all.
    path = save(tmp_path, debian(1))
    assert survey(path.parent) == []


def test_limits(tmp_path: Path) -> None:
    dumps = [
        save(tmp_path, debian(number), days=number, content=bytes(8192)) for number in (1, 2, 3, 4)
    ]
    names = [path.parent.name for path in dumps]
    known = reported(*dumps)
    free = Rules(keep_signatures=False)
    assert removed(tmp_path, free, known) == set()
    assert removed(tmp_path, free._replace(max_age=2), known) == {names[2], names[3]}
    assert removed(tmp_path, free._replace(max_count=3), known) == {names[3]}
    assert removed(tmp_path, free._replace(max_size=2 * 8192), known) == {names[2], names[3]}
    assert removed(tmp_path, free._replace(max_age=3, max_count=1), known) == set(names[1:])


def test_what_was_not_collected_stays(tmp_path: Path) -> None:
    new, old = (save(tmp_path, debian(number), days=number) for number in (1, 2))
    rules = NOTHING._replace(keep_signatures=False)
    assert removed(tmp_path, rules) == set()
    assert removed(tmp_path, rules, reported(old)) == {old.parent.name}
    # Of a directory with two dumps both have to be known.
    save(tmp_path, f"{old.parent.name}/dump-incomplete", days=20, content=b"part")
    assert removed(tmp_path, rules, reported(old, new)) == {new.parent.name}


def test_one_of_each_signature_stays_and_it_is_the_newest(tmp_path: Path) -> None:
    dumps = [save(tmp_path, debian(number), days=number) for number in (1, 2, 3)]
    known = {
        **reported(dumps[0], dumps[1], signature="same"),
        **reported(dumps[2], signature="other"),
    }
    assert removed(tmp_path, NOTHING, known) == {dumps[1].parent.name}


def test_of_those_without_a_signature_one_stays(tmp_path: Path) -> None:
    dumps = [save(tmp_path, debian(number), days=number) for number in (1, 2, 3)]
    known = {identity_of(path): Known(None, None) for path in dumps}
    assert removed(tmp_path, NOTHING, known) == {path.parent.name for path in dumps[1:]}


@pytest.mark.parametrize(
    ("name", "days", "stays"),
    [
        (debian(1), 0.01, True),
        (debian(1), -3, True),  # of a clock that goes wrong
        ("202611220901/dump-incomplete", 6, True),
        ("202611220901/dump-incomplete", 8, False),
        ("127.0.0.1-2026-11-22-09:51:13/vmcore-incomplete", 1, True),
        (debian(1), 1, False),
    ],
)
def test_what_may_still_be_written_stays(
    tmp_path: Path, name: str, days: float, stays: bool
) -> None:
    save(tmp_path, name, days=days)
    assert (removed(tmp_path, ANY) == set()) == stays


def test_a_crash_without_a_clock_is_not_old(tmp_path: Path) -> None:
    path = save(tmp_path, debian(1))
    for each in (path, path.parent):
        os.utime(each, (100, 100))
    rules = ANY._replace(max_count=None, max_age=5)
    assert removed(tmp_path, rules) == set()
    # The kernel's own clock knew.
    crashed = {identity_of(path): Known("a", int(NOW - 9 * DAY))}
    assert removed(tmp_path, rules, crashed) == {path.parent.name}


def test_what_a_process_has_open_stays(tmp_path: Path) -> None:
    path = save(tmp_path / "dumps", debian(1))
    links = tmp_path / "proc/7/fd"
    links.mkdir(parents=True)
    (tmp_path / "proc/self").mkdir()
    assert open_directories(tmp_path / "dumps", tmp_path / "proc") == set()
    (links / "3").symlink_to(path)
    (links / "4").symlink_to("/dev/null")
    busy = open_directories(tmp_path / "dumps", tmp_path / "proc")
    assert busy == {path.parent.name}
    assert removed(tmp_path / "dumps", ANY, busy=busy) == set()
    with path.open("rb"):
        assert open_directories(tmp_path / "dumps") == busy


def test_a_second_run_removes_nothing_more(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        save(tmp_path, debian(number), days=number)
    rules = ANY._replace(max_count=2)
    for decision in decide(survey(tmp_path), rules, {}, (), NOW):
        if decision.remove:
            remove(tmp_path, decision.left)
    assert removed(tmp_path, rules) == set()
    assert len(list(tmp_path.iterdir())) == 2
