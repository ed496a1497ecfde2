# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _sysfs
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build


@pytest.mark.parametrize("name", ["missing", "too long" * 100])
def test_what_is_missing_is_none(tmp_path: Path, name: str) -> None:
    missing = tmp_path / name
    assert not _sysfs.exists(missing)
    assert not _sysfs.is_file(missing)
    assert not _sysfs.is_directory(missing)
    assert _sysfs.resolve(tmp_path, PurePosixPath("/", name)) is None
    assert _sysfs.read_bytes(missing) is None
    assert _sysfs.read_text(missing) is None
    assert _sysfs.read_int(missing) is None
    assert _sysfs.link_name(missing) is None
    assert _sysfs.link_target(missing) is None
    assert _sysfs.modified(missing) is None
    assert _sysfs.names(missing) == []


def test_reads(tmp_path: Path) -> None:
    build(tmp_path, {"text": b" caf\xe9\n", "number": "-1\n", "b": "", "a": Link("../x/y")})
    assert _sysfs.read_bytes(tmp_path / "text", 4) == b" caf"
    assert _sysfs.read_text(tmp_path / "text") == "caf\N{REPLACEMENT CHARACTER}"
    assert _sysfs.read_int(tmp_path / "number") == -1
    assert _sysfs.read_int(tmp_path / "text") is None
    assert _sysfs.link_name(tmp_path / "a") == "y"
    assert _sysfs.link_target(tmp_path / "a") == "../x/y"
    assert _sysfs.is_file(tmp_path / "b")
    assert _sysfs.is_directory(tmp_path)
    assert _sysfs.names(tmp_path) == ["a", "b", "number", "text"]


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/file", "/file"),
        ("/absolute", "/file"),
        ("/directory/relative", "/file"),
        ("/twice", "/file"),
        ("/directory", "/directory"),
        ("/broken", None),
        ("/loop", None),
        ("/missing", None),
    ],
)
def test_links_stay_below_the_root(tmp_path: Path, path: str, leads_to: str | None) -> None:
    build(
        tmp_path,
        {
            "file": "",
            "absolute": Link("/file"),
            "directory/relative": Link("../file"),
            "twice": Link("/directory/relative"),
            "broken": Link("/etc/passwd"),
            "loop": Link("/loop"),
        },
    )
    resolved = _sysfs.resolve(tmp_path, PurePosixPath(path))
    assert resolved == (leads_to and PurePosixPath(leads_to))


def test_large_file_is_read_whole(tmp_path: Path) -> None:
    content = os.urandom(200_000)
    build(tmp_path, {"large": content})
    assert _sysfs.read_bytes(tmp_path / "large") == content
    assert _sysfs.read_bytes(tmp_path / "large", 100_000) == content[:100_000]


def test_what_is_no_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert _sysfs.read_bytes(tmp_path) is None
    assert not _sysfs.read_bytes(tmp_path / "pipe")


def test_window(tmp_path: Path) -> None:
    build(tmp_path, {"config": b"0123456789", "directory": None})
    with _sysfs.open_window(tmp_path / "config") as read:
        assert (read(2, 3), read(0, 1), read(8, 4), read(10, 1)) == (b"234", b"0", b"89", b"")
    for name in ("directory", "missing"):
        with _sysfs.open_window(tmp_path / name) as read:
            assert read(0, 64) == b""


def test_root(tmp_path: Path) -> None:
    _sysfs.check_root(build(tmp_path / "both", {"sys": None, "proc": None}))
    _sysfs.check_root(build(tmp_path / "one", {"sys": None}))
    _sysfs.check_root(Path("/"))


def test_a_directory_that_is_no_tree_is_refused(tmp_path: Path) -> None:
    """It would be a host of which nothing is known."""
    with pytest.raises(KdumpError) as error:
        _sysfs.check_root(tmp_path)
    assert str(error.value) == (
        f"The root {tmp_path} has neither sys nor proc, so it is no host's and no captured tree: name the directory in"
        " which a tree was unpacked."
    )


def test_bad_directory_of_a_root(tmp_path: Path) -> None:
    build(tmp_path, {"sys": None, "proc": ""})
    with pytest.raises(KdumpError) as error:
        _sysfs.check_root(tmp_path)
    assert str(error.value).startswith(f"The directory {tmp_path}/proc is no directory: ")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing", "does not exist: name the directory that has the sys and proc of a host."),
        (
            "file",
            "is no directory: unpack a captured tree and name the directory that has its sys and proc.",
        ),
        ("x" * 300, "cannot be read: File name too long."),
    ],
)
def test_bad_root(tmp_path: Path, name: str, sentence: str) -> None:
    build(tmp_path, {"file": ""})
    with pytest.raises(KdumpError) as error:
        _sysfs.check_root(tmp_path / name)
    assert str(error.value) == f"The root {tmp_path / name} {sentence}"


def test_forbidden_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, who may run the tests, is never refused."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(KdumpError) as error:
        _sysfs.check_root(tmp_path)
    assert str(error.value) == (
        f"The root {tmp_path} cannot be read by this user: use become, or allow the user to read it."
    )


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null", "pipe", "."])
def test_link_to_what_is_no_regular_file_is_not_even_opened(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening alone can do harm: it starts a watchdog."""
    os.mkfifo(tmp_path / "pipe")
    build(tmp_path, {"cmdline": Link(target)})
    opened: list[str] = []
    monkeypatch.setattr(os, "open", lambda path, _flags: opened.append(str(path)))
    assert _sysfs.read_bytes(tmp_path / "cmdline", 64) is None
    with _sysfs.open_window(tmp_path / "cmdline") as read:
        assert read(0, 4) == b""
    assert opened == []


def test_file_that_becomes_a_device_before_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path, {"cmdline": "ro"})
    device = Path("/dev/zero").stat()
    monkeypatch.setattr(os, "fstat", lambda _descriptor: device)
    assert _sysfs.read_bytes(tmp_path / "cmdline", 64) is None
    with _sysfs.open_window(tmp_path / "cmdline") as read:
        assert read(0, 1) == b""


def test_no_file_is_read_without_a_limit(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert len(_sysfs.read_bytes(tmp_path / "sparse") or b"") == 16 << 20
    assert len(_sysfs.read_text(tmp_path / "sparse") or "") == 16 << 20


@pytest.mark.parametrize("text", ["9" * 21, "\N{SUPERSCRIPT TWO}", "1_0", ""])
def test_what_is_no_number_is_none(tmp_path: Path, text: str) -> None:
    assert _sysfs.read_int(build(tmp_path, {"number": text}) / "number") is None


def test_what_a_file_system_keeps_back_for_root_is_left_for_a_dump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    # An ext4 that is full for everybody else: f_bavail is 0, 1741 blocks are root's.
    fields = [4096, 4096, real.f_blocks, 1741, 0, *tuple(real)[5:]]
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result(fields))
    assert _sysfs.space_left(tmp_path) == 1741 * 4096


@pytest.mark.parametrize(
    ("tree", "link"),
    [
        ({"proc/cmdline": Link("../../secret")}, "proc/cmdline"),
        ({"proc/cmdline": Link("{beside}/secret")}, "proc/cmdline"),
        ({"proc/cmdline": Link("a/../../secret"), "proc/a": Link("../..")}, "proc/a"),
        ({"etc": Link("..")}, "etc"),
        ({"sys/x/driver": Link("/proc")}, "sys/x/driver"),
    ],
)
def test_a_tree_with_a_link_to_a_file_of_this_machine_is_refused(
    tmp_path: Path, tree: dict[str, Link], link: str
) -> None:
    """Whoever made the tree would have it read and shown: as the command line of a kernel, for example."""
    (tmp_path / "secret").write_text("of this machine")
    links = {name: Link(each.format(beside=tmp_path)) for name, each in tree.items()}
    root = build(tmp_path / "tree", {"sys": None, **links})
    with pytest.raises(KdumpError, match=f"has the link {link} to .*, a file of this machine"):
        _sysfs.check_root(root)


def test_links_that_lead_nowhere_or_stay_in_the_tree_are_those_of_the_host(tmp_path: Path) -> None:
    root = build(
        tmp_path / "tree",
        {
            "proc/1": Link("../sys"),
            "sys/bus": None,
            "boot/vmlinuz": Link("/boot/of-the-host/vmlinuz"),
            "etc/kdump.service": Link("/dev/null"),
            "etc/loop": Link("loop"),
        },
    )
    _sysfs.check_root(root)
    (tmp_path / "also").symlink_to(root)
    _sysfs.check_root(tmp_path / "also")
