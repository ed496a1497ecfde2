# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is found in a dump directory, and what it is known by."""

from __future__ import annotations

import os
import typing as t
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.crashes import NewCrash
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes import (
    describe,
    dump_directory,
    news,
    refuse_while_dumping,
    remains,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.tests.unit.debian_host import DebianHost
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CRASH_TIME,
    HOST,
    RELEASE,
    RUN_ID,
    Kdump,
    Kernel,
    Ring,
    flattened,
    vmcoreinfo,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.test_signature import (
    OOPS,
)

STAMP = "202611220951"
DEBIAN = f"{STAMP}/dump.{STAMP}"
FEDORA = "127.0.0.1-2026-11-22-09:51:13/vmcore"
SUSE = "2026-11-22-09-51/vmcore"
TEST = "kdump-test-1795341073-1/vmcore"
DUMP = flattened(Kdump().parts())
look = partial(verify, log=True)


def save(directory: Path, name: str, content: bytes = DUMP, mtime: float = 1000.0) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (mtime, mtime))
    return path


def described(directory: Path) -> NewCrash:
    ((found,), _identities, left) = news(directory, (), 9, look)
    assert left == 0
    assert list(misfits(found, NewCrash, "crash")) == []
    return found


@pytest.mark.parametrize("name", [DEBIAN, FEDORA, SUSE])
def test_a_dump_of_a_crash_test_is_told_by_its_run_id(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, name)
    crash = described(tmp_path)
    assert crash["path"] == str(path)
    assert (crash["origin"], crash["run_id"], crash["kind"]) == ("crash_test", RUN_ID, "sysrq")
    assert (crash["nodename"], crash["release"], crash["crash_time"]) == (HOST, RELEASE, CRASH_TIME)
    assert crash["verdict"] == "complete"
    assert crash["log"][0].endswith(f"Linux version {RELEASE}")


def test_the_newest_crash_is_first_whatever_the_files_say(tmp_path: Path) -> None:
    earlier = flattened(Kdump(info=vmcoreinfo(CRASHTIME=str(CRASH_TIME - 9000))).parts())
    restored = save(tmp_path, FEDORA, earlier, CRASH_TIME + 9000.0)
    no_clock = save(tmp_path, DEBIAN, mtime=12.0)
    assert [each.path for each in remains(tmp_path)] == [no_clock, restored]


def kernel_log(text: str) -> Ring:
    return Ring(
        tuple((1000 * number, line.encode()) for number, line in enumerate(text.splitlines()))
    )


def test_a_crash_without_a_run_id_is_unplanned(tmp_path: Path) -> None:
    ring = kernel_log("sysrq: Trigger a crash\nKernel panic - not syncing: sysrq triggered crash")
    save(tmp_path, DEBIAN, flattened(Kdump(Kernel(ring).memory()).parts()))
    assert described(tmp_path)["origin"] == "unplanned"


def test_a_test_that_was_announced_and_did_not_happen_does_not_take_a_real_crash(
    tmp_path: Path,
) -> None:
    announced = f"vmcore.kdump: crash test run_id={RUN_ID} host=db01"
    ring = kernel_log(f"{announced}\nKernel panic - not syncing: Fatal hardware error!")
    save(tmp_path, DEBIAN, flattened(Kdump(Kernel(ring).memory()).parts()))
    crash = described(tmp_path)
    assert (crash["origin"], crash["run_id"]) == ("unplanned", RUN_ID)


def test_a_dump_that_kdumpctl_test_made_is_a_test(tmp_path: Path) -> None:
    save(tmp_path, TEST)
    assert described(tmp_path)["origin"] == "kdumpctl_test"


@pytest.mark.parametrize(
    "name",
    [f"{STAMP}/dmesg.{STAMP}", "127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg.txt", "2026-11-22-09-51/dmesg"],
)  # fmt: skip
def test_where_only_the_log_was_saved_the_crash_is_known(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, name, OOPS.encode())
    crash = described(tmp_path)
    assert (crash["path"], crash["verdict"], crash["size"]) == (str(path), "absent", 0)
    assert (crash["kind"], crash["origin"], crash["task"]) == ("oops", "unplanned", "rpmbuild")
    assert crash["functions"][0] == "memcpy_orig"


def test_the_saved_log_tells_what_the_dump_cannot(tmp_path: Path) -> None:
    save(tmp_path, DEBIAN, b"")
    save(tmp_path, f"{STAMP}/dmesg.{STAMP}", OOPS.encode())
    crash = described(tmp_path)
    assert (crash["verdict"], crash["kind"]) == ("incomplete", "oops")


def test_what_is_known_is_not_read_again_whatever_the_clock_says(tmp_path: Path) -> None:
    save(tmp_path, DEBIAN, mtime=0.0)
    save(tmp_path, FEDORA, mtime=4e9)
    reads: list[Path] = []

    def counted(path: Path) -> dict[str, t.Any]:
        reads.append(path)
        return look(path)

    first, identities, left = news(tmp_path, (), 1, counted)
    assert (len(first), left, len(identities)) == (1, 1, 2)
    second, _identities, left = news(tmp_path, [first[0]["identity"]], 1, counted)
    assert (len(second), left) == (1, 0)
    assert {first[0]["path"], second[0]["path"]} == {str(tmp_path / DEBIAN), str(tmp_path / FEDORA)}
    os.utime(tmp_path / DEBIAN, (9e8, 9e8))
    assert news(tmp_path, identities, 9, counted) == ([], identities, 0)
    assert len(reads) == 2


def test_a_dump_that_changed_is_read_again(tmp_path: Path) -> None:
    path = save(tmp_path, DEBIAN, DUMP[:-1])
    (before,) = remains(tmp_path)
    path.write_bytes(DUMP)
    (after,) = remains(tmp_path)
    assert before.identity != after.identity


def test_two_empty_dumps_are_two(tmp_path: Path) -> None:
    save(tmp_path, DEBIAN, b"")
    save(tmp_path, DEBIAN.replace("0951", "0952"), b"")
    assert len({each.identity for each in remains(tmp_path)}) == 2


def test_of_a_long_log_its_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes"
    monkeypatch.setattr(f"{module}.LOG_CHARACTERS", 40)
    save(tmp_path, DEBIAN)
    crash = describe(remains(tmp_path)[0], look)
    assert crash["log_is_cut"]
    assert len("\n".join(crash["log"])) <= 40
    assert crash["log"][-1].endswith("sysrq triggered crash")
    assert crash["kind"] == "sysrq"


def test_where_dumps_go_is_the_target_of_the_host(tmp_path: Path) -> None:
    root = DebianHost(tmp_path / "host").root
    assert dump_directory(root) == Path("/var/crash")
    (root / "etc/default/kdump-tools").write_text('USE_KDUMP=1\nSSH="kdump@dumps"\n')
    with pytest.raises(KdumpError, match="leave this host"):
        dump_directory(root)
    with pytest.raises(KdumpError, match="kdump"):
        dump_directory(tmp_path / "nothing")


def test_nothing_is_read_while_a_dump_is_written(tmp_path: Path) -> None:
    refuse_while_dumping(tmp_path)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/vmcore").touch()
    with pytest.raises(KdumpError, match="saving a dump"):
        refuse_while_dumping(tmp_path)
