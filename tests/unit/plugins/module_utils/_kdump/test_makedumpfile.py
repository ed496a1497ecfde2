# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import (
    Answer,
    answer,
    ask,
    expected_dump_bytes,
    keeps_free,
    largest,
)

# makedumpfile 1.7.6 on Debian 13, 1 GiB of memory.
MEM_USAGE = """\
The kernel version is not supported.
The makedumpfile operation may be incomplete.

TYPE\t\tPAGES\t\t\tEXCLUDABLE\tDESCRIPTION
----------------------------------------------------------------------
ZERO\t\t195800          \tyes\t\tPages filled with zero
NON_PRI_CACHE\t19377           \tyes\t\tCache pages without private flag
PRI_CACHE\t1730            \tyes\t\tCache pages with private flag
USER\t\t3340            \tyes\t\tUser process pages
FREE\t\t0               \tyes\t\tFree pages
KERN_DATA\t53067           \tno\t\tDumpable kernel data

page size:\t\t4096
Total pages on system:\t273314
Total size on system:\t1119494144       Byte
"""
NEEDED = 53067 * 4096
# What 1.7.7 says: 3000 MiB are free.
READS = MEM_USAGE.replace("FREE\t\t0 ", "FREE\t\t768000 ")

# The same on Debian 13 for arm64, whose kernel has addresses of 52 bits.
REFUSED = """\
The kernel version is not supported.
The makedumpfile operation may be incomplete.
set_pgtable_level: PAGE SIZE 0x1000 and VA Bits 52 not supported

makedumpfile Failed.
"""


def test_size_of_a_dump_is_the_kernel_data() -> None:
    assert expected_dump_bytes(MEM_USAGE) == NEEDED
    assert expected_dump_bytes("KERN_DATA 1 yes") is None


@pytest.mark.parametrize(
    ("status", "output", "said"),
    [
        (0, MEM_USAGE, Answer(reads=True, size=NEEDED, free=0, zero=195800 * 4096)),
        (
            1,
            REFUSED,
            Answer(
                reads=False,
                reason="set_pgtable_level: PAGE SIZE 0x1000 and VA Bits 52 not supported",
            ),
        ),
        (1, "", Answer(reads=False, reason="it ended with status 1")),
        (0, "makedumpfile Failed.\n", Answer(reads=False, reason="it ended with status 0")),
    ],
)
def test_answer(status: int, output: str, said: Answer) -> None:
    assert answer(status, output) == said
    assert ask(lambda _command: (status, output)) == said


def test_what_was_stopped_while_it_counted_reads_the_kernel() -> None:
    assert answer(137, "", unfinished=True) == Answer(reads=True)


@pytest.mark.parametrize(
    ("said", "free", "keeps", "most"),
    [
        (
            MEM_USAGE,
            500 << 20,
            True,
            NEEDED + (500 << 20),
        ),  # all that is free may be full of something
        (
            MEM_USAGE,
            4 << 30,
            True,
            NEEDED + 195800 * 4096,
        ),  # what is no zero is counted as data already
        (MEM_USAGE, 0, False, NEEDED),  # where the kernel fills free pages with zeros
        (READS, 3000 << 20, False, NEEDED),
        (READS, 3500 << 20, False, NEEDED),  # counted a little later
        (MEM_USAGE, None, None, NEEDED),
    ],
)
def test_free_pages_that_are_taken_for_data(
    said: str, free: int | None, keeps: bool | None, most: int
) -> None:
    told = answer(0, said)
    assert keeps_free(told, free) is keeps
    assert largest(told, free) == most


def test_free_pages_that_nobody_counted() -> None:
    assert keeps_free(answer(137, "", unfinished=True), 1 << 30) is None
