# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No archive that gets through leads out of the directory that somebody unpacks it in, with the real tar."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._capture.tree import archive, capture
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils import _captured
from ansible_collections.vmcore.kdump.plugins.plugin_utils._captured import read_archive
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

Entries = list[tuple[str, bytes, str]]  # name, kind, and what a link leads to

FILE, DIRECTORY, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE


def packed(entries: Entries) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, target in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            info.size = 1 if kind == FILE else 0
            tar.addfile(info, io.BytesIO(b"x"))
    return base64.b64encode(gzip.compress(buffer.getvalue())).decode()


@pytest.mark.parametrize("name", ["q35-vtd", "rich", "many-ports"])
def test_a_tree_of_a_real_machine_gets_through(tmp_path: Path, name: str) -> None:
    data = archive(capture(unpack(name, tmp_path)))
    read = read_archive(base64.b64encode(data).decode())
    assert read.data == data
    assert read.functions == len(list((tmp_path / "sys/bus/pci/devices").iterdir()))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([("/etc/x", FILE, "")], "leads out of its directory"),
        ([("../x", FILE, "")], "leads out of its directory"),
        ([("a/../../x", FILE, "")], "leads out of its directory"),
        ([("proc/cmdline", LINK, "/etc/shadow")], "leads out of its directory, to '/etc/shadow'"),
        ([("proc/cmdline", LINK, "../../etc/shadow")], "leads out of its directory"),
        ([("a", LINK, "b/../../x")], "leads out of its directory"),
        ([("a", LINK, "."), ("a/b", FILE, "")], "'a/b' lies below a link or a file"),
        ([("a", FILE, ""), ("a/b", FILE, "")], "'a/b' lies below a link or a file"),
        ([("a", tarfile.LNKTYPE, "/etc/shadow")], "is no file, no directory and no link"),
        ([("a", tarfile.CHRTYPE, "")], "is no file, no directory and no link"),
        ([("a", tarfile.FIFOTYPE, "")], "is no file, no directory and no link"),
        ([("a\x1b[2J", FILE, "")], "the name .* is none"),
        ([("a\u202eb", FILE, "")], "the name .* is none"),
        ([("a\nb", FILE, "")], "the name .* is none"),
    ],
)
def test_what_leads_out_is_refused(entries: Entries, why: str) -> None:
    with pytest.raises(KdumpError, match=why):
        read_archive(packed(entries))


def test_a_link_may_stay_inside_and_may_be_a_mask() -> None:
    read_archive(packed([("a/b", LINK, "../c"), ("m.service", LINK, "/dev/null")]))


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("PACKED_BYTES", 10, "no archive of up to"),
        ("UNPACKED_BYTES", 100, "it is cut, or more than"),
        ("ENTRIES", 1, "it has more than 1 entries"),
    ],
)
def test_what_is_larger_than_any_host_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, why: str
) -> None:
    monkeypatch.setattr(_captured, limit, value)
    with pytest.raises(KdumpError, match=why):
        read_archive(packed([("a", FILE, ""), ("b", FILE, "")]))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(_captured.UNPACKED_BYTES + 1), compresslevel=9)
    with pytest.raises(KdumpError, match="more than 512 MiB unpacked"):
        read_archive(base64.b64encode(bomb).decode())


@pytest.mark.parametrize("cut", [1, 10, -20, -1])
def test_what_is_cut_or_goes_on_is_refused(cut: int) -> None:
    data = base64.b64decode(packed([("a", FILE, "")]))
    for damaged in (data[:cut], data + b"x", data + data):
        with pytest.raises(KdumpError):
            read_archive(base64.b64encode(damaged).decode())


NAMES = st.lists(st.sampled_from(["a", "b", "..", "", ".", "/"]), min_size=1, max_size=4).map(
    "/".join
)


@given(
    entries=st.lists(
        st.tuples(NAMES, st.sampled_from([FILE, DIRECTORY, LINK]), NAMES), min_size=1, max_size=4
    )
)
def test_whatever_gets_through_stays_where_it_is_unpacked(
    tmp_path_factory: pytest.TempPathFactory, entries: Entries
) -> None:
    """Unpacked by tar, no name and no link leads to what lies beside."""
    try:
        read = read_archive(packed(entries))
    except KdumpError:
        return
    place = tmp_path_factory.mktemp("place")
    tree = place / "tree"
    tree.mkdir()
    (place / "a").write_text("beside")
    subprocess.run(["tar", "-xz", "-C", tree], input=read.data, check=False, capture_output=True)
    assert sorted(path.name for path in place.iterdir()) == ["a", "tree"]
    assert (place / "a").read_text() == "beside"
    for path in tree.rglob("*"):
        if path.is_symlink() and not _is_loop(path):
            assert Path(os.path.realpath(path)).is_relative_to(tree), path


def _is_loop(link: Path) -> bool:
    """Whether a link leads nowhere because it leads to itself: os.path.realpath() makes "/a" of a link a to "a//a"."""
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def test_a_saved_archive_becomes_the_tree_that_was_captured(tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path / "host")
    entries = capture(root)
    (tmp_path / "db01.tar.gz").write_bytes(archive(entries))
    _captured.unpack(tmp_path / "db01.tar.gz", tmp_path / "copy")
    assert archive(capture(tmp_path / "copy")) == archive(entries)


@pytest.mark.parametrize(
    "content",
    [
        b"nothing of a host",
        base64.b64decode(packed([("../x", FILE, "")])),
        base64.b64decode(packed([("proc", LINK, "/etc"), ("proc/x", FILE, "")])),
    ],
    ids=["text", "leads out", "below a link"],
)
def test_an_archive_of_something_else_writes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.tar.gz").write_bytes(content)
    with pytest.raises(KdumpError, match=r"x\.tar\.gz is none of a captured tree"):
        _captured.unpack(tmp_path / "in/x.tar.gz", tmp_path / "out")
    assert {path.name for path in tmp_path.rglob("*")} == {"in", "x.tar.gz"}
