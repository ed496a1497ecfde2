# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a dump."""

from __future__ import annotations

import gzip
import json
import os
import struct
import tempfile
import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.signature import signature
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    BUILD_ID,
    CODECS,
    CRASH_TIME,
    HOST,
    LOG,
    MAX_FRAME,
    PAGE,
    PHYS_BASE,
    RELEASE,
    RUN_ID,
    VERSION,
    Elf,
    Kdump,
    Kernel,
    Ring,
    flattened,
    noise,
    plain,
)

PARTS = Kdump().parts()
PLAIN = plain(PARTS)
FLATTENED = flattened(PARTS)
FORMS = {"plain": PLAIN, "flattened": FLATTENED}
EVERY_FORM = {
    **FORMS,
    **{codec: plain(Kdump(codec=codec).parts()) for codec in CODECS},
    "v3": plain(Kdump(version=3).parts()),
    "ELF": plain(Elf(extended=True).parts()),
    "flattened ELF": flattened(Elf().parts()),
    "split": plain(Kdump(split=(0, MAX_FRAME)).parts()),
    "gzip": gzip.compress(FLATTENED),
}
VERDICTS = {"complete", "incomplete", "damaged", "not_this_crash", "unsupported"}

EVERYTHING = Expectation(RUN_ID, HOST, RELEASE, "x86_64", CRASH_TIME - 1.5, CRASH_TIME + 1.5)


def verdict_on(
    data: bytes,
    expect: Expectation | None = None,
    name: str = "dump.202611220951",
    full: bool = True,
) -> dict[str, t.Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / name
        path.write_bytes(data)
        return verify(path, expect, full=full, log=True)


def boundaries() -> set[int]:
    """Where the structures of both forms begin and end, as byte offsets of both files."""
    cuts = {0, 8, 15, 16, 17, 4095, 4096, 4097}
    position = PAGE
    for offset, data in PARTS:
        cuts |= {offset, offset + len(data)}
        for start in range(0, len(data), 3000):
            cuts |= {position, position + 16}
            position += 16 + len(data[start : start + 3000])
    cuts |= set(range(position, position + 16))
    return {near for cut in cuts for near in (cut - 1, cut, cut + 1) if near >= 0}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("full", [True, False])
def test_a_whole_dump_of_the_expected_crash_is_complete(form: str, full: bool) -> None:
    result = verdict_on(FORMS[form], EVERYTHING, full=full)
    assert result["verdict"] == "complete"
    assert {check["status"] for check in result["checks"]} == {"ok"}
    assert result["log"] == LOG
    pages = result["pages"]
    assert result["why"] == (
        f"The dump is whole to its last byte, {pages['sampled']} of its {pages['dumped']} pages "
        "were read, its kernel log of 7 lines was read, and it is of the expected crash "
        "(run_id, host, kernel, machine, crash_time)."
    )


def test_the_result_is_plain_data_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "202611220951" / "dump.202611220951"
    path.parent.mkdir()
    path.write_bytes(FLATTENED)
    os.utime(path, (1000.5, 1000.5))
    dmesg = path.with_name("dmesg.202611220951")
    dmesg.touch()
    result = verify(path, Expectation(host=HOST))
    assert json.loads(json.dumps(result)) == result
    names = [check["name"] for check in result.pop("checks")]
    assert names == [
        "stream",
        "format",
        "header",
        "finished",
        "bitmaps",
        "descriptors",
        "pages",
        "vmcoreinfo",
        "cpus_stopped",
        "utsname",
        "kernel_log",
        "ram_map",
        "kernel_memory",
        "name",
        "side_files",
        "host",
    ]
    assert result.pop("why")
    assert result == {
        "path": str(path),
        "directory": str(path.parent),
        "parts": [str(path)],
        "size": len(FLATTENED),
        "mtime": 1000.5,
        "format": "flattened kdump-compressed v6 (zlib)",
        "verdict": "complete",
        "crash": {
            "nodename": HOST,
            "release": RELEASE,
            "version": VERSION,
            "machine": "x86_64",
            "build_id": BUILD_ID,
            "cpus": 2,
            "crash_time": CRASH_TIME,
            "boot_id": None,
            "panic": "Kernel panic - not syncing: sysrq triggered crash",
            "reason": "sysrq triggered crash",
            "cpu": None,
            "task": None,
            "trace": [],
            # Of the words, because the log has no trace.
            "signature": signature("sysrq", "sysrq triggered crash", []),
            "summary": "The kernel panicked: sysrq triggered crash",
            "run_ids": [RUN_ID],
            "last_lines": LOG.splitlines(),
        },
        "pages": {
            "dumped": len(Kdump().memory),
            "sampled": len(Kdump().memory),
            "ram": MAX_FRAME,
        },
        "log_lines": 7,
        "files": {
            "dmesg": str(dmesg),
            "pcie_reset": None,
            "capture": None,
            "capture_dmesg": None,
            "kexec_dmesg": None,
            "readme": None,
            "creation_status": None,
        },
    }


@pytest.mark.parametrize("form", FORMS)
def test_a_dump_that_is_cut_at_any_structure_is_incomplete(form: str) -> None:
    data = FORMS[form]
    cuts = sorted(cut for cut in boundaries() if cut < len(data))
    assert {cut: verdict_on(data[:cut])["verdict"] for cut in cuts} == dict.fromkeys(
        cuts, "incomplete"
    )


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(sorted(FORMS)))
def test_a_dump_that_is_cut_anywhere_is_incomplete(data: st.DataObject, form: str) -> None:
    cut = data.draw(st.integers(0, len(FORMS[form]) - 1))
    assert verdict_on(FORMS[form][:cut], EVERYTHING)["verdict"] == "incomplete"


@pytest.mark.parametrize(
    ("form", "what"),
    [("plain", "the data of the pages"), ("flattened", "the end record of the stream")],
)
def test_a_dump_that_lacks_one_byte_says_so(form: str, what: str) -> None:
    size = len(FORMS[form])
    assert verdict_on(FORMS[form][:-1])["why"] == (
        f"It stops too early: {what} must reach at least to byte {size}, but the data ends at byte "
        f"{size - 1}, 1 byte before that."
    )


def test_a_cut_dump_still_shows_whose_it_is() -> None:
    result = verdict_on(FLATTENED[:-1], EVERYTHING._replace(host="web01"))
    assert result["verdict"] == "incomplete"
    assert result["crash"]["nodename"] == HOST
    assert result["log"] == LOG
    status = {check["name"]: check["status"] for check in result["checks"]}
    assert (status["stream"], status["run_id"], status["host"]) == ("failed", "ok", "failed")


@pytest.mark.parametrize("form", EVERY_FORM)
def test_a_quick_look_at_every_form_sees_a_whole_dump(form: str) -> None:
    result = verdict_on(EVERY_FORM[form], EVERYTHING, full=False)
    assert (result["verdict"], result["log"]) == ("complete", LOG)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from(sorted(EVERY_FORM)))
def test_no_bytes_raise_an_exception(data: st.DataObject, form: str) -> None:
    content = bytearray(EVERY_FORM[form])
    for _change in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=16) | st.just(bytes(512)))
        content[place : place + len(piece)] = piece
    result = verdict_on(bytes(content), EVERYTHING)
    assert result["verdict"] in VERDICTS
    assert json.loads(json.dumps(result)) == result


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64), st.sampled_from([b"", b"KDUMP   ", b"makedumpfile\0\0\0\0"]))
def test_no_small_file_is_complete(data: bytes, start: bytes) -> None:
    assert verdict_on(start + data)["verdict"] != "complete"


def test_a_block_of_zeros_anywhere_in_the_data_is_seen_by_a_full_look() -> None:
    memory = Kernel().memory()
    for frame in range(0x310, 0x330):
        # Noise is stored as it is, half of it compressed.
        memory[frame] = bytearray(noise(PAGE // (1 + frame % 2)).ljust(PAGE, b"\0"))
    data = plain(Kdump(memory).parts())
    first = len(data) - sum(PAGE // (1 + frame % 2) for frame in range(0x310, 0x330))
    for block in range(-(-first // PAGE), len(data) // PAGE):
        content = bytearray(data)
        content[block * PAGE : (block + 1) * PAGE] = bytes(PAGE)
        assert verdict_on(bytes(content))["verdict"] == "damaged"


UNSUPPORTED = [
    (b"DISKDUMP".ljust(5000, b"\0"), "diskdump"),
    (b"[    0.000000] Linux version", "unknown"),
    (b"sadump\0\0".ljust(5000, b"\0"), "sadump"),
    (bytes.fromhex("ed238f61730119a8").ljust(5000, b"\0"), "LKCD"),
    (bytes.fromhex("a8190173618f23fd").ljust(5000, b"\0"), "s390 dump"),
    (bytes.fromhex("d2bed2be").ljust(5000, b"\0"), "VMware suspended state"),
    (b"PAGEDU64".ljust(5000, b"\0"), "Windows crash dump"),
    (flattened([(0, b"x" * 100)]), "flattened unknown"),
    (gzip.compress(flattened([(0, b"x" * 100)])), "gzip of flattened unknown"),
]


@pytest.mark.parametrize(("data", "name"), UNSUPPORTED, ids=[row[1] for row in UNSUPPORTED])
def test_other_formats_are_named_and_not_guessed(data: bytes, name: str) -> None:
    result = verdict_on(data, EVERYTHING)
    assert (result["verdict"], result["format"]) == ("unsupported", name)
    assert f"The format is {name}. " in " ".join(check["detail"] for check in result["checks"])
    assert {check["status"] for check in result["checks"]} == {"ok", "unverified"}


def test_an_empty_file_is_incomplete() -> None:
    result = verdict_on(b"", EVERYTHING)
    assert result["verdict"] == "incomplete"
    assert result["why"].startswith("The file is empty (0 bytes): makedumpfile wrote nothing")


def test_a_file_of_zeros_never_reached_the_disk() -> None:
    result = verdict_on(bytes(100000))
    assert result["verdict"] == "incomplete"
    assert result["why"] == "It begins with zeros: its first block never reached the disk."


@pytest.mark.parametrize("name", ["dump-incomplete", "vmcore-incomplete", "dump-incomplete.gz"])
def test_a_name_that_says_incomplete_is_believed(name: str) -> None:
    result = verdict_on(FLATTENED, EVERYTHING, name=name)
    assert result["verdict"] == "incomplete"
    assert result["why"].startswith(f"The name {name} says")


def test_a_content_that_is_cut_says_more_than_the_name() -> None:
    result = verdict_on(FLATTENED[:-1], name="dump-incomplete")
    assert result["why"].startswith("It stops too early")


def test_a_dump_whose_writing_was_interrupted_may_have_damage() -> None:
    middle = len(FLATTENED) // 2
    torn = FLATTENED[:middle] + bytes(4096) + FLATTENED[middle + 4096 :]
    assert verdict_on(torn)["verdict"] == "damaged"
    result = verdict_on(torn, name="dump-incomplete")
    assert result["verdict"] == "incomplete"
    assert result["why"].startswith("The name dump-incomplete says that kdump is still writing")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"run_id": "x"}, f"The last run id in the kernel's log is {RUN_ID}, not x."),
        ({"host": "x"}, f"The host name is {HOST}, not x."),
        ({"kernel": "x"}, f"The kernel release is {RELEASE}, not x."),
        ({"machine": "x"}, "The machine is x86_64, not x."),
        (
            {"since": CRASH_TIME + 1.0},
            f"The kernel crashed at {CRASH_TIME} (2026-11-22 09:51:13 UTC), which is before 1795341074.0.",
        ),
    ],
)
def test_a_whole_dump_of_another_crash_is_not_this_crash(
    change: dict[str, t.Any], why: str
) -> None:
    result = verdict_on(FLATTENED, EVERYTHING._replace(**change))
    assert (result["verdict"], result["why"]) == ("not_this_crash", why)


def dump_of(kernel: Kernel, **changes: str | None) -> bytes:
    return flattened(Kdump(kernel.memory(), kernel.vmcoreinfo(**changes)).parts())


@pytest.mark.parametrize(
    ("changes", "verdict", "why"),
    [
        (
            {"OSRELEASE": "6.1"},
            "damaged",
            f"VMCOREINFO is of the kernel 6.1, the header of {RELEASE}.",
        ),
        (
            {"OSRELEASE": None},
            "unsupported",
            "VMCOREINFO does not say of which kernel it is.",
        ),
        (
            {"CRASHTIME": None},
            "unsupported",
            (
                f"VMCOREINFO is of the kernel {RELEASE}, and does not say when it crashed: the dump is "
                "not by kdump."
            ),
        ),
        (
            {"CRASHTIME": "1"},
            "damaged",
            f"VMCOREINFO says 1 as the time of the crash, the header {CRASH_TIME}.",
        ),
        (
            {"NUMBER(phys_base)": "1"},
            "damaged",
            f"VMCOREINFO says 1 as phys_base, the header {PHYS_BASE}.",
        ),
        (
            {"OFFSET(uts_namespace.name)": "5"},
            "damaged",
            "The names in the header are not those in the kernel's memory.",
        ),
        (
            {"CRASHTIME": "9" * 20},
            "unsupported",
            f"VMCOREINFO says CRASHTIME={'9' * 20}, which is not from 0 to 253402300799.",
        ),
        (
            {"SYMBOL(prb)": None},
            "unsupported",
            "VMCOREINFO does not say where the kernel's log is: this kernel describes it in another way.",
        ),
        (
            {"SYMBOL(swapper_pg_dir)": None},
            "unsupported",
            "VMCOREINFO does not have SYMBOL(swapper_pg_dir): this kernel describes itself in another way.",
        ),
        (
            {"SYMBOL(prb)": "ffffffffb0000000"},
            "unsupported",
            "The run id is not known, because the log cannot be read.",
        ),
    ],
)
def test_a_kernel_that_cannot_be_read(
    changes: dict[str, str | None], verdict: str, why: str
) -> None:
    result = verdict_on(dump_of(Kernel(), **changes), EVERYTHING)
    assert (result["verdict"], result["why"]) == (verdict, why)


def test_a_kernel_before_5_11_does_not_say_where_its_names_are() -> None:
    result = verdict_on(dump_of(Kernel(), **{"OFFSET(uts_namespace.name)": None}), EVERYTHING)
    assert result["verdict"] == "complete"


def test_a_log_without_a_record_is_no_log() -> None:
    result = verdict_on(dump_of(Kernel(Ring([(0, b"")]))))
    assert result["verdict"] == "complete"
    assert result["why"].endswith(
        "What the kernel left in its memory is not as it should be: The kernel's log has no record."
    )
    assert "noted" in {check["status"] for check in result["checks"]}


LINE = b"vmcore.kdump: crash test run_id=%s host=db01"


@pytest.mark.parametrize(
    ("texts", "run_ids", "panic"),
    [
        ([b"quiet"], [], None),
        ([LINE % b"one", LINE % b"two"], ["one", "two"], None),
        ([b"echo " + LINE % b"one", LINE % b"one" + b" and more"], [], None),
        ([b"sysrq: Trigger a crash"], [], "sysrq: Trigger a crash"),
        ([b"sysrq: SysRq : Trigger a crash"], [], "sysrq: SysRq : Trigger a crash"),
        (
            [b"sysrq: Trigger a crash", b"Kernel panic - not syncing: first"],
            [],
            "Kernel panic - not syncing: first",
        ),
        (
            [b"Kernel panic - not syncing: first", b"Kernel panic - not syncing: second"],
            [],
            "Kernel panic - not syncing: first",
        ),
    ],
)
def test_what_the_log_says_about_the_crash(
    texts: list[bytes], run_ids: list[str], panic: str | None
) -> None:
    crash = verdict_on(dump_of(Kernel(Ring([(0, text) for text in texts]))))["crash"]
    assert (crash["run_ids"], crash["panic"]) == (run_ids, panic)


LIES = [
    ("sizes in records", FLATTENED[:4104] + struct.pack(">q", 1 << 62) + FLATTENED[4112:]),
    (
        "a record far away",
        FLATTENED[:-16] + struct.pack(">qq", 1 << 62, 1) + b"x" + FLATTENED[-16:],
    ),
    (
        "bitmaps of 16 TiB",
        flattened([*Kdump(header={"bitmap_blocks": 0xFFFFFFFE}).parts(), (1 << 62, b"x")]),
    ),
    (
        "a sub header of 8 TiB",
        flattened([*Kdump(header={"sub_hdr_size": 0x7FFFFFFF}).parts(), (1 << 62, b"x")]),
    ),
    (
        "erase information of 4 EiB",
        flattened([*Kdump(eraseinfo=b"x", sub_header={"size_eraseinfo": 1 << 62}).parts()]),
    ),
]


@pytest.mark.parametrize("data", [row[1] for row in LIES], ids=[row[0] for row in LIES])
def test_a_lie_about_sizes_is_found_out_at_once(data: bytes) -> None:
    assert verdict_on(data)["verdict"] in {"damaged", "unsupported"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nothing", "cannot be read: No such file"), ("directory", "is not a file")],
)
def test_what_is_not_a_file_is_an_error(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(KdumpError, match=sentence):
        verify(tmp_path / name)


NODES = b"  node   0: [mem 0x0000000000001000-0x00000000003bffff]"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [(NODES, "complete"), (NODES.replace(b"3b", b"3c"), "damaged"), (b"x", "complete")],
)
def test_an_island_in_the_bitmap_of_ram_must_be_known_to_the_kernel(
    line: bytes, verdict: str
) -> None:
    data = bytearray(plain(Kdump(Kernel(Ring([(0, line)])).memory()).parts()))
    # The frames 0x3b8 to 0x3c0 are not RAM.
    data[2 * PAGE + 0x3B8 // 8] ^= 0xFF
    result = verdict_on(bytes(data))
    assert result["verdict"] == verdict
    if verdict == "damaged":
        assert result["why"].startswith("The bitmap of RAM has a gap or an island at 0x3b8000 that")
