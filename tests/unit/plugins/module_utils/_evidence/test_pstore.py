# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t
import zlib

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence import pstore
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.pstore import (
    CrashRecord,
    RecordFile,
    begins_record,
    is_record,
    joined,
    of_last_crash,
)

GUID = "cfc8fc79-be2e-4ddc-97f0-9f98bfe298a0"
TIME = 1763800001
BEGIN, MIDDLE, END = "<6>[    1.0] first\n", "<6>[    2.0] second\n", "<0>[    9.1] Kernel panic\n"
WHOLE = BEGIN + MIDDLE + END
BODIES = (END, MIDDLE, BEGIN)  # as the kernel writes them: part 1 is the end


def body(part: int, text: str, head: str = "Panic#1") -> str:
    return f"{head} Part{part}\n{text}"


def erst(number: int, boot: int = TIME) -> str:
    return f"dmesg-erst-{(boot << 32) + number}"


def efi(part: int, count: int = 1, at: int = TIME, backend: str = "efi_pstore") -> str:
    return f"dmesg-{backend}-{(at * 100 + part) * 1000 + count}"


def variable(part: int, count: int = 1, at: int = TIME, packed: str = "D") -> str:
    return f"dump-type0-{part}-{count}-{at}-{packed}-{GUID}"


def crash(
    name: t.Callable[[int], str], head: str = "Panic#1", bodies: tuple[str, ...] = BODIES
) -> dict[str, str]:
    """Return the files of a crash."""
    return {name(part): body(part, text, head) for part, text in enumerate(bodies, start=1)}


def texts(*files: dict[str, str]) -> list[str]:
    records = [RecordFile(name, text.encode()) for each in files for name, text in each.items()]
    return [found.text for found in joined(records)]


def packed(text: str, window: int = -15) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(text.encode()) + packer.flush()


@pytest.mark.parametrize(
    "directory", ["", "/sys/fs/pstore/", "var/lib/systemd/pstore/1763800001/001/"]
)
@pytest.mark.parametrize(
    "name",
    [
        erst,
        efi,
        lambda part: efi(part, backend="efi"),
        # Each write takes its time.
        lambda part: efi(part, at=TIME + part),
    ],
)
def test_the_parts_of_a_crash_are_put_in_order(
    name: t.Callable[[int], str], directory: str
) -> None:
    assert texts(crash(lambda part: directory + name(part))) == [WHOLE]


def test_of_parts_that_lack_the_rest_is_read() -> None:
    files = crash(erst)
    del files[erst(2)]
    assert texts(files) == [BEGIN + END]


@pytest.mark.parametrize(
    "files",
    [
        # Until the end of 2022.
        {
            "176380000/dmesg.txt": "".join(
                f"dmesg-efi-17638000010{part}001:\n{body(part, BODIES[part - 1])}"
                for part in (3, 2, 1)
            )
        },
        # Since then, of an ERST, and of UEFI variables whose time changed.
        {f"{TIME}003/dmesg.txt": body(3, BEGIN) + body(2, MIDDLE) + body(1, END)},
        {
            f"{TIME}/001/dmesg.txt": body(1, END),
            f"{TIME + 1}/001/dmesg.txt": body(3, BEGIN) + body(2, MIDDLE),
        },
    ],
)
def test_what_systemd_joined_is_read_without_its_parts(files: dict[str, str]) -> None:
    assert texts(files) == [WHOLE]


def test_what_is_there_twice_counts_once() -> None:
    whole = {"a/dmesg.txt": body(3, BEGIN) + body(2, MIDDLE) + body(1, END)}
    assert texts(crash(erst), whole) == [WHOLE]
    assert texts(whole, {"b/dmesg.txt": whole["a/dmesg.txt"]}) == [WHOLE]
    half = {"a/dmesg.txt": body(1, END)}
    assert texts(crash(erst), half) == [WHOLE]


def test_a_variable_and_the_file_that_pstore_makes_of_it_are_one() -> None:
    variables = {name: f"\0\0\0\0{text}" for name, text in crash(variable).items()}
    assert texts(variables) == [WHOLE]
    assert texts(variables, crash(efi)) == [WHOLE]
    assert RecordFile(variable(2), b"").identity == RecordFile(f"x/{efi(2)}", b"").identity
    assert RecordFile(variable(2), b"").identity != RecordFile(variable(3), b"").identity


def test_an_oops_and_the_panic_that_follows_it_are_two() -> None:
    oops = crash(lambda part: efi(part, count=1), "Oops#1", ("<4>[    8.0] oops\n", BEGIN))
    panic = crash(lambda part: efi(part, count=2), "Panic#2")
    assert sorted(texts(oops, panic)) == sorted([f"{BEGIN}<4>[    8.0] oops\n", WHOLE])


def test_the_crashed_kernel_and_its_capture_kernel_are_two() -> None:
    crashed = crash(lambda part: erst(part, boot=TIME), bodies=("c\n", "b\n", "a\n"))
    capture = crash(lambda part: erst(part, boot=TIME + 30))
    assert texts(capture, crashed) == ["a\nb\nc\n", WHOLE]


def test_parts_of_kernels_that_wrote_long_after_each_other_are_two() -> None:
    early = {efi(1, at=TIME): body(1, END)}
    late = {efi(2, at=TIME + 3600): body(2, BEGIN)}
    assert texts(early, late) == [END, BEGIN]


def test_a_record_whose_head_was_cut_off_is_read() -> None:
    assert texts({erst(1): END}) == [END]
    assert texts({"dmesg-ramoops-0": END}) == [END]


@pytest.mark.parametrize("window", [15, -15], ids=["zlib", "deflate"])
def test_a_record_that_the_kernel_could_not_unpack_is_unpacked(window: int) -> None:
    content = packed(body(1, END), window)
    assert RecordFile(f"{efi(1)}.enc.z", content).text == body(1, END)
    assert RecordFile(variable(1, packed="C"), b"\7\0\0\0" + content).text == body(1, END)


# The second begins as deflate does, and goes on for some bytes.
@pytest.mark.parametrize(
    "content", [b"", b"compressed", packed(body(1, END))[1:], b"\x28\xb5\x2f\xfd"]
)
def test_what_is_packed_in_another_way_is_nothing(content: bytes) -> None:
    record = RecordFile(f"{efi(1)}.enc.z", content)
    assert record.text == ""
    assert joined([record]) == []


def test_a_part_that_unpacks_to_much_is_cut() -> None:
    record = RecordFile(f"{erst(1)}.enc.z", packed(body(1, "a" * (64 << 20))))
    assert len(record.text) <= 256 << 10


def test_the_parts_of_a_file_are_limited() -> None:
    record = RecordFile("dmesg.txt", "".join(body(1, f"{n}\n") for n in range(50_000)).encode())
    began = time.monotonic()
    assert len(joined([record])) == pstore._MOST_PARTS
    assert time.monotonic() - began < 5


def test_the_time_of_a_record() -> None:
    assert RecordFile(erst(3), b"").written == TIME
    # cper_next_record_id(), from the year 2038 on.
    late = (1 << 63) + (2_200_000_000 << 24) + 1
    assert RecordFile(f"dmesg-erst-{late}", b"").written == 2_200_000_000
    assert RecordFile(efi(3), b"").written == TIME
    assert RecordFile(variable(3), b"").written == TIME
    assert RecordFile("dmesg-ramoops-0", b"").written is None
    assert RecordFile("dmesg.txt", b"").written is None


@pytest.mark.parametrize(
    "name",
    ["dmesg.txt", "dmesg", "dmesg.202611221255", "dmesg-erst-", f"mce-erst-{TIME}", f"{erst(1)}.txt",
     f"{erst(1)}/x", "dump.202611221255", f"dump-type1-1-1-{TIME}-C-{GUID}", variable(1)[:-1]],
)  # fmt: skip
def test_what_is_no_part_by_its_name(name: str) -> None:
    assert not is_record(name)


@pytest.mark.parametrize(
    "begin", [body(1, END), f"dmesg-erst-7:\n{body(1, END)}", f"\n{body(12, END, 'Oops#3')}"]
)
def test_a_joined_record_is_told_by_its_begin(begin: str) -> None:
    assert begins_record(begin.encode())
    assert not begins_record(b"[    1.0] Panic#1 Part1\n")


def test_what_was_written_long_before_the_last_is_of_another_crash() -> None:
    old, new = CrashRecord("a", TIME, "a"), CrashRecord("b", TIME + 7 * 3600, "b")
    crashed, unknown = CrashRecord("c", TIME + 2 * 3600, "c"), CrashRecord("d", None, "d")
    assert of_last_crash([unknown, old, crashed, new]) == [unknown, crashed, new]
    assert of_last_crash([unknown]) == [unknown]
