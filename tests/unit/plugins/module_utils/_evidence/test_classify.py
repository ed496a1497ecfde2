# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    STAGES as RECORD_STAGES,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import STAGES
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.consoles import (
    CONSOLES,
    console,
    raw_console,
)

RUN_ID = "00000000-0000-4000-8000-000000000000"
BACK: dict[str, t.Any] = {"armed": True, "boot_changed": True, "returned": True}
LOST: dict[str, t.Any] = {"armed": True, "boot_changed": None, "returned": False}

PANIC = "[  216.4] Kernel panic - not syncing: sysrq triggered crash\n"
CAPTURE = (
    "[    0.000000] Linux version 6.12.107+deb13-amd64\n"
    "[    0.000000] Command line: elfcorehdr=0x2f000000 root=/dev/vda ro console=ttyS0\n"
)
NEXT = (
    "[    0.000000] Linux version 6.12.107+deb13-amd64\n"
    "[    0.000000] Command line: root=/dev/vda ro console=ttyS0 crashkernel=256M\n"
)


def file(name: str, size: int, *, new: bool = True) -> dict[str, t.Any]:
    return {"name": name, "size": size, "new": new}


def judge(text: str | None, facts: dict[str, t.Any], **logs: str) -> dict[str, t.Any]:
    """What is said of a console and other logs."""
    given_logs = [] if text is None else [{"source": "console", "text": text}]
    given_logs += [{"source": source, "text": log} for source, log in logs.items()]
    result = classify(given_logs, facts)
    assert json.loads(json.dumps(result)) == result
    return result


def outline(result: dict[str, t.Any]) -> tuple[str | None, str | None, str | None]:
    """Stage, stage that failed, cause."""
    return tuple(result[key] and result[key]["code"] for key in ("stage", "failed", "cause"))


# What was provoked in the lab, what lay in the dump directory afterwards, and what is said of it.
FAULTS: list[tuple[str, dict[str, t.Any], tuple[str, str | None, str | None], str]] = [
    ("good", {**BACK, "files": [file("202611221255/dump.202611221255", 28621854)]}, ("S9", None, None), "unknown"),
    # crashkernel= too small: 112 MiB instead of 256.
    ("oom", {**BACK, "files": []}, ("S3", "S4", "out_of_memory"), "none"),
    # The root file system, filled up but for 16 MB.
    (
        "disk-full",
        {**BACK, "files": [file("202611221310/vmcore-incomplete", 16699392)]},
        ("S7", "S8", "disk_full"),
        "unfinished",
    ),
    # MAKEDUMP_ARGS with an error: kdump-tools says "saved vmcore" over an empty file.
    (
        "makedumpfile-fails",
        {**BACK, "files": [file("202611221330/dmesg.202611221330", 60692), file("202611221330/dump.202611221330", 0)]},
        ("S7", "S8", "makedumpfile_failed"),
        "empty",
    ),
    # The machine was reset while makedumpfile ran.
    (
        "power-off",
        {**BACK, "files": [file("202611221336/dump-incomplete", 4096)]},
        ("S7", "S8", "cut_off"),
        "unfinished",
    ),
    # virtio_blk.ko taken out of the kdump initramfs.
    ("no-disk-driver", {**BACK, "files": []}, ("S4", "S5", "driver_missing"), "none"),
    # A watchdog ran when the kernel crashed, and nobody fed it any more.
    ("watchdog", {**BACK, "files": [], "watchdog": True}, ("S4", "S5", "watchdog"), "none"),
    # The same, when nobody knows of the watchdog.
    ("watchdog", {**BACK, "files": []}, ("S4", "S5", "cut_off"), "none"),
    # No capture kernel was loaded (kdump-config unload).
    ("not-armed", {**BACK, "files": []}, ("S1", "S2", "not_armed"), "none"),
    # The machine was stopped in the middle of the capture kernel's start, and reset later on.
    ("hang", {**BACK, "files": [], "power_cycled": True}, ("S3", "S4", "hang"), "none"),
    # Interrupt remapping, taken over from the dead kernel, delivered no timer interrupt.
    ("timer-panic", {**BACK, "files": []}, ("S3", "S4", "timer_lost"), "none"),
    # The kdump initramfs, cut to 9 MB.
    ("image-truncated", {**BACK, "files": []}, ("S3", "S4", "initramfs_broken"), "none"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "facts", "expected", "state"), FAULTS, ids=[row[0] for row in FAULTS]
)
def test_a_fault_of_the_lab(
    name: str, facts: dict[str, t.Any], expected: tuple[str, str | None, str | None], state: str
) -> None:
    result = judge(console(name), {**facts, "run_id": RUN_ID})
    assert outline(result) == expected
    assert result["dump"]["state"] == state


def test_what_kdump_tools_says_of_an_empty_dump_is_told() -> None:
    empty = file("202611221330/dump.202611221330", 0)
    sentence = judge(console("makedumpfile-fails"), {**BACK, "files": [empty]})["cause"]["sentence"]
    assert "Can't open the kernel file(/nonexistent)" in sentence
    assert "says that it saved the dump all the same" in sentence


def test_a_dump_that_was_saved_and_is_not_there() -> None:
    result = judge(console("good"), {**BACK, "files": []})
    assert outline(result) == ("S7", "S8", "saved_elsewhere")
    assert "/var/crash/202611221255" in result["cause"]["sentence"]


def test_interrupts_and_errors_from_outside_are_named() -> None:
    result = judge(console("events"), {**LOST, "run_id": RUN_ID})
    assert outline(result) == ("S6", "S7", "hang")
    (disturbed,) = result["alternatives"]
    assert disturbed["code"] == "devices_disturb"
    assert "non-maskable interrupt" in disturbed["sentence"]
    assert "PCIe error" in disturbed["sentence"]


def test_what_the_helper_did_is_evidence() -> None:
    result = judge(console("helper"), {"armed": True})
    assert result["stage"]["code"] == "S8"
    ports = [item["text"] for item in result["evidence"] if item["pattern"] == "port_reset"]
    assert len(ports) == 3
    assert all(item["line"] > 0 and item["segment"] == "capture" for item in result["evidence"])


# ---- What only files and facts say ---------------------------------------------------------------


def test_the_dump_is_verified() -> None:
    dump = {"path": "/var/crash/1/dump.1", "size": 9, "verdict": "complete", "why": "Whole."}
    result = judge(None, {**BACK, "dump": dump})
    assert outline(result) == ("S10", None, None)
    assert result["needs"] == []


def test_a_whole_dump_of_a_host_that_is_not_back() -> None:
    dump = {"path": "/var/crash/1/dump.1", "size": 9, "verdict": "complete", "why": "Whole."}
    result = judge(None, {**LOST, "dump": dump})
    assert outline(result) == ("S8", "S9", "unknown")


def test_a_dump_that_nobody_here_can_verify_is_not_called_bad() -> None:
    dump = {"path": "/x", "size": 9, "verdict": "unsupported", "why": "Xen is not supported."}
    result = judge(console("good"), {**BACK, "dump": dump})
    assert outline(result) == ("S9", None, None)
    assert "was not verified" in result["silence"]


def test_nothing_crashed() -> None:
    result = judge("", {"armed": True, "boot_changed": False, "returned": True, "dump": None})
    assert outline(result) == ("S0", "S1", "not_triggered")


def test_back_without_a_dump_and_without_a_log_is_not_known() -> None:
    result = judge(None, {**BACK, "files": [], "dump": None})
    assert outline(result) == ("S1", None, "unknown")
    assert result["dump"]["state"] == "none"
    assert "Nothing was heard" in result["silence"]
    assert any("console" in need for need in result["needs"])
    assert any("beside the dump" in need for need in result["needs"])


def test_yesterdays_dump_is_no_dump_of_today() -> None:
    old = file("202611211255/dump.202611211255", 28621854, new=False)
    result = judge(None, {**BACK, "files": [old], "dump": None})
    assert result["dump"]["state"] == "old"
    assert "was there before this crash" in result["dump"]["sentence"]
    assert outline(result) == ("S1", None, "unknown")


def test_another_hosts_dump_was_copied_in() -> None:
    dump = {
        "path": "/var/crash/202611221255/dump.202611221255",
        "size": 28621854,
        "verdict": "not_this_crash",
        "why": "The dump has the host name db02, db01 is expected.",
    }
    result = judge(None, {**BACK, "dump": dump})
    assert outline(result) == ("S1", "S10", "foreign_dump")
    assert "db02" in result["cause"]["sentence"]
    assert result["dump"]["state"] == "foreign"


def test_another_hosts_dump_does_not_hide_why_there_is_none() -> None:
    dump = {"path": "/x", "size": 9, "verdict": "not_this_crash", "why": "Other host."}
    result = judge(console("oom"), {**BACK, "dump": dump})
    assert outline(result) == ("S3", "S4", "out_of_memory")
    assert [cause["code"] for cause in result["alternatives"]] == ["foreign_dump"]


def test_cut_off_by_what_nobody_saw() -> None:
    left = [
        file("202611221255/dmesg.202611221255", 60692),
        file("202611221255/dump-incomplete", 9437184),
    ]
    result = judge(None, {**BACK, "files": left})
    assert outline(result) == ("S7", "S8", "unfinished")
    assert "logs do not say which" in result["cause"]["sentence"]


def test_an_empty_dump_that_was_reported_as_saved() -> None:
    # Debian 13 on arm64, as it was seen: makedumpfile 1.7.6 does not know this kernel.
    said = (
        CAPTURE
        + "kdump-tools[311]: running makedumpfile -F -c -d 31 /proc/vmcore | compress > /x/dump-incomplete.\n"
        + "kdump-tools[332]: get_versiondep_info_arm64: PAGE SIZE 0x1000 and VA Bits 52 not supported\n"
        + "kdump-tools[332]: makedumpfile Failed.\n"
        + "kdump-tools[311]: kdump-tools: saved vmcore in /var/crash/202611221255.\n"
    )
    empty = file("202611221255/dump.202611221255", 0)
    result = judge(PANIC + said + NEXT, {**BACK, "files": [empty]})
    assert outline(result) == ("S7", "S8", "makedumpfile_too_old")
    assert "says that it saved" in result["cause"]["sentence"]
    assert result["dump"]["state"] == "empty"


def test_an_empty_dump_without_a_word_of_makedumpfile() -> None:
    result = judge(None, {**BACK, "files": [file("202611221255/dump.202611221255", 0)]})
    assert outline(result) == ("S7", "S8", "saved_nothing")


def test_an_empty_file_without_its_final_name_was_cut_off_and_not_saved() -> None:
    dump = {"path": "/var/crash/x/dump-incomplete", "size": 0, "verdict": "incomplete", "why": "-"}
    result = judge(console("power-off"), {**BACK, "dump": dump})
    assert outline(result) == ("S7", "S8", "cut_off")
    assert "saved_nothing" not in [each["code"] for each in result["alternatives"]]


# ---- What other families leave ---------------------------------------------------------------------


def test_kdump_utils_left_the_log_of_its_capture_kernel() -> None:
    log = (
        "[Sun Nov 22 12:55:01 2026] Linux version 5.14.0-503.el9.x86_64\n"
        "Nov 22 12:55:12 localhost kdump[666]: saving to /kdumproot/127.0.0.1-2026-11-22-12:55:12/\n"
        "Nov 22 12:55:13 localhost kdump[680]: saving vmcore\n"
        "Nov 22 12:55:40 localhost kdump[690]: saving vmcore failed, exitcode:1\n"
    )
    left = [file("127.0.0.1-2026-11-22-12:55:12/vmcore-incomplete", 4096)]
    result = judge(None, {**BACK, "files": left}, kexec_dmesg=log)
    assert outline(result) == ("S7", "S8", "save_failed")


def test_kdump_utils_waits_for_a_network() -> None:
    log = "kdump[700]: Waiting for network to be ready (600s / 10min)\n" * 9
    log += "kdump[701]: Oops. The network still isn't ready after waiting 10mins.\n"
    result = judge(None, {**BACK, "files": []}, kexec_dmesg=log)
    assert result["cause"]["code"] == "network_missing"


def test_suse_left_its_first_readme() -> None:
    readme = (
        "This file will be overwritten when the dump is finished.\n"
        "If you see this text the crash dump is likely incomplete.\n"
    )
    left = [file("2026-11-22-12-55/README.txt", 120), file("2026-11-22-12-55/vmcore", 65536)]
    dump = {
        "path": "/var/crash/2026-11-22-12-55/vmcore",
        "size": 65536,
        "verdict": "incomplete",
        "why": "The trailer is missing.",
    }
    result = judge(None, {**BACK, "files": left, "dump": dump}, readme=readme)
    assert result["failed"]["code"] == "S8"
    assert result["cause"]["code"] in ("unfinished", "cut_off")
    assert "dump_interrupted" in [item["pattern"] for item in result["evidence"]]


def test_suse_deleted_a_dump_for_want_of_space() -> None:
    readme = (
        "dmesg status: saved successfully\nvmcore status: deleted (12 < KDUMP_FREE_DISK_SIZE 64)\n"
    )
    result = judge(
        None, {**BACK, "files": [file("2026-11-22-12-55/README.txt", 120)]}, readme=readme
    )
    assert result["cause"]["code"] == "disk_full"


# ---- What the console says, line by line -----------------------------------------------------------


def test_no_capture_kernel_was_loaded() -> None:
    result = judge(PANIC + "[  216.9] Rebooting in 10 seconds..\n" + NEXT, {**BACK, "files": []})
    assert outline(result) == ("S1", "S2", "not_armed")


def test_nothing_after_the_panic() -> None:
    result = judge(PANIC, LOST)
    assert outline(result) == ("S1", None, "no_jump")
    assert any("console=" in need for need in result["needs"])


def test_a_disk_without_its_driver() -> None:
    said = "ALERT!  /dev/vda does not exist.  Dropping to a shell!\n"
    before = (
        "[    9.8] virtio_blk virtio0: [vda] 12582912 512-byte logical blocks (6.44 GB/6.00 GiB)\n"
    )
    result = judge(PANIC + CAPTURE + said + NEXT + before, {**BACK, "files": []})
    assert outline(result) == ("S3", "S5", "driver_missing")
    assert "/dev/vda" in result["cause"]["sentence"]
    assert "The normal kernel has it." in result["cause"]["sentence"]


def test_another_disk_than_the_one_that_is_waited_for() -> None:
    disk = (
        "[    9.8] virtio_blk virtio0: [vda] 12582912 512-byte logical blocks (6.44 GB/6.00 GiB)\n"
    )
    said = "ALERT!  /dev/vdz does not exist.  Dropping to a shell!\n"
    result = judge(PANIC + CAPTURE + disk + said + NEXT, {**BACK, "files": []})
    assert outline(result) == ("S5", "S6", "target_wrong")


def test_a_controller_that_was_still_running() -> None:
    said = (
        "[    3.0] DMAR: [DMA Read NO_PASID] Request device [3b:00.0] fault addr 0xdf7e5000 [fault reason 0x06]\n"
        "[   33.0] mpt3sas_cm0: sending diag reset !!\n"
        "[   63.0] mpt3sas 0000:3b:00.0: probe with driver mpt3sas failed with error -110\n"
        "[   90.0] dracut-initqueue[408]: Warning: dracut-initqueue timeout - starting timeout scripts\n"
    )
    result = judge(PANIC + CAPTURE + said + NEXT, {**BACK, "files": []})
    assert result["cause"]["code"] == "device_failed"
    assert "DMA of before the crash" in result["cause"]["sentence"]
    assert "devices_disturb" in [cause["code"] for cause in result["alternatives"]]


def test_faults_of_the_iommu_alone_are_named() -> None:
    said = "[    3.0] DMAR: DRHD: handling fault status reg 2\n"
    result = judge(PANIC + CAPTURE + said, LOST)
    assert outline(result) == ("S3", "S4", "iommu_fault")
    assert [cause["code"] for cause in result["alternatives"]] == ["hang", "devices_disturb"]


def test_a_port_whose_reset_hangs() -> None:
    said = (
        "[    4.2] pcie_reset: start deadline=15 uptime=4.20\n"
        "[    4.3] pcie_reset: resetting=0000:00:02.0 uptime=4.31\n"
    )
    result = judge(PANIC + CAPTURE + said, {**LOST, "silent_seconds": 300.0})
    assert outline(result) == ("S4", "S5", "reset_hangs")
    assert "0000:00:02.0" in result["cause"]["sentence"]
    assert "silent for 300 s" in result["silence"]


QUIESCE = (
    "[    9.5] pcie_reset: quiesce start uptime=9.54\n"
    "[   14.5] pcie_reset: quiesce loaded kib=97128 available=128052\n"
)
QUIESCE_HANGS = "[   16.3] pcie_reset: resetting=0000:00:02.0 uptime=16.35\n"


NOT_LOADED = "[   9.9] pcie_reset: quiesce restart reason=not_loaded\n"
KEXEC = "[   9.8] pcie_reset: quiesce kexec: Cannot determine the file type of /capture/kernel\n"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (KEXEC + NOT_LOADED, "quiesce_restarted", "loaded (kexec: Cannot determine the file type of /capture/kernel)."),
        (NOT_LOADED, "quiesce_restarted", "could not be loaded"),
        (QUIESCE + "[   19.9] pcie_reset: quiesce restart reason=no_jump\n", "quiesce_restarted", "jump"),
        (
            QUIESCE + QUIESCE_HANGS + "[  234.9] pcie_reset: quiesce restart reason=late\n",
            "reset_hangs",
            "0000:00:02.0",
        ),
    ],
    ids=["what kexec said", "not loaded", "no jump", "a reset that hangs"],
)  # fmt: skip
def test_a_quiesce_stage_that_restarted(said: str, code: str, words: str) -> None:
    result = judge(PANIC + CAPTURE + said + NEXT, {**BACK, "files": []})
    assert result["cause"]["code"] == code
    assert words in result["cause"]["sentence"]
    causes = [cause["code"] for cause in (result["cause"], *result["alternatives"])]
    assert "quiesce_restarted" in causes


def test_a_port_that_did_not_answer_while_the_boot_went_on() -> None:
    said = (
        "[    4.3] pcie_reset: resetting=0000:00:02.0 uptime=4.31\n"
        "[   19.3] pcie_reset: port=0000:00:02.0 result=timeout method=reset_subordinate seconds=15.00\n"
        "[   19.3] pcie_reset: summary planned=1 reset=0 left=0 failed=0 timeout=1 seconds=15.00 uptime=19.30\n"
    )
    result = judge(PANIC + CAPTURE + said, LOST)
    assert outline(result) == ("S4", "S5", "hang")
    assert "reset_amiss" in [cause["code"] for cause in result["alternatives"]]


def test_a_watchdog_that_was_running() -> None:
    said = "[   30.0] kdump-tools[311]: running makedumpfile -F -c -d 31 /proc/vmcore | compress > /x\n"
    result = judge(PANIC + CAPTURE + said + NEXT, {**BACK, "files": [], "watchdog": True})
    assert outline(result) == ("S7", "S8", "watchdog")
    assert "cut_off" in [cause["code"] for cause in result["alternatives"]]


def test_the_management_controller_knows_of_its_watchdog() -> None:
    sel = "   1 | 11/22/2026 | 12:55:01 | Watchdog2 #0x03 | Hard reset | Asserted\n"
    result = judge(PANIC + CAPTURE + NEXT, {**BACK, "files": []}, sel=sel)
    assert result["cause"]["code"] == "watchdog"


def test_a_crash_record_of_the_capture_kernel() -> None:
    record = (
        "Panic#1 Part1\n"
        + CAPTURE
        + "<0>[    9.1] Kernel panic - not syncing: Fatal exception in interrupt\n"
    )
    result = judge(None, {**BACK, "files": []}, pstore=record)
    assert outline(result) == ("S3", "S4", "capture_panic")
    assert "Fatal exception" in result["cause"]["sentence"]


def test_a_host_that_hangs_and_never_returns() -> None:
    until_the_reset = console("hang").rpartition("[    0.000000] Linux version")[0]
    result = judge(until_the_reset, {**LOST, "silent_seconds": 300.0})
    assert outline(result) == ("S3", "S4", "hang")
    assert "integrity: Machine keyring initialized" in result["cause"]["sentence"]
    assert "silent for 300 s" in result["silence"]


def test_a_host_that_was_power_cycled_had_hung() -> None:
    facts = {**BACK, "files": [], "power_cycled": True}
    assert judge(PANIC + CAPTURE + NEXT, facts)["cause"]["code"] == "hang"
    assert judge(PANIC + NEXT, facts)["cause"]["code"] == "no_jump"
    unseen = judge(None, facts)["cause"]
    assert unseen["code"] == "unknown"
    assert "power-cycled" in unseen["sentence"]


def test_a_storm_is_counted_and_shown_in_five_lines() -> None:
    storm = "[    3.0] DMAR: DRHD: handling fault status reg 2\n" * 1000
    shown = [
        item
        for item in judge(PANIC + CAPTURE + storm, LOST)["evidence"]
        if item["pattern"] == "dmar_status"
    ]
    assert len(shown) == 5
    assert {item["count"] for item in shown} == {1000}


def test_a_full_disk_explains_nothing_that_failed_before_it_was_written_to() -> None:
    facts = {**BACK, "files": [], "free_bytes": 0}
    assert judge(PANIC + CAPTURE + NEXT, facts)["cause"]["code"] == "cut_off"
    left = [file("202611221255/dump-incomplete", 4096)]
    assert judge(None, {**facts, "files": left})["cause"]["code"] == "disk_full"


def test_a_crash_record_that_begins_late_is_told_by_its_panic() -> None:
    record = (
        "Panic#1 Part1\n<0>[    9.1] Kernel panic - not syncing: Fatal exception in interrupt\n"
    )
    facts = {**BACK, "files": [], "run_id": RUN_ID}
    assert outline(judge(None, facts, pstore=record)) == ("S3", "S4", "capture_panic")
    ours = "Panic#1 Part1\n<0>" + PANIC
    assert outline(judge(None, facts, pstore=ours)) == ("S1", None, "unknown")


def test_a_crash_record_of_which_nobody_knows_whose_it_is_is_quoted() -> None:
    record = "<0>[    9.1] Kernel panic - not syncing: Fatal exception in interrupt\n"
    result = judge(None, {**BACK, "files": []}, pstore=record)
    assert result["cause"]["code"] == "unknown"
    assert "Fatal exception in interrupt" in result["cause"]["sentence"]
    assert "does not tell whether" in result["cause"]["sentence"]
    assert "kmsg_bytes=" in " ".join(result["needs"])


def test_the_network_of_the_normal_kernel_is_no_evidence() -> None:
    # The same line before the crash means nothing for the dump.
    before = "[   60.0] NETDEV WATCHDOG: CPU: 0: transmit queue 0 timed out 5056 ms\n"
    result = judge(before + PANIC, LOST)
    assert [item["pattern"] for item in result["evidence"]] == []


def test_a_console_that_was_empty_is_other_than_none() -> None:
    assert any("is empty" in need for need in judge("", BACK)["needs"])
    assert any("serial console" in need for need in judge(None, BACK)["needs"])


# ---- What holds always -----------------------------------------------------------------------------


def test_every_stage_is_in_one_of_a_record() -> None:
    assert {stage.recorded_as for stage in STAGES} <= set(RECORD_STAGES)


@pytest.mark.parametrize("name", CONSOLES)
def test_a_console_that_ends_early_is_never_taken_for_health(name: str) -> None:
    shown = console(name).splitlines(keepends=True)
    for end in range(0, len(shown), 3):
        result = judge("".join(shown[:end]), LOST)
        assert result["cause"] is not None or result["stage"]["code"] == "S9"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(CONSOLES),
    cuts=st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 400)), max_size=6),
    noise=st.binary(max_size=40),
)
def test_lost_bytes_and_noise_never_prove_a_dump(
    name: str, cuts: list[tuple[int, int]], noise: bytes
) -> None:
    raw = raw_console(name)
    for begin, length in cuts:
        raw = raw[:begin] + noise + raw[begin + length :]
    result = judge(raw.decode("utf-8", "replace"), {**BACK, "files": [], "dump": None})
    assert result["stage"]["code"] != "S10"
    assert result["cause"] is not None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "source": st.sampled_from(
                    ["console", "journal", "pstore", "dmesg", "kexec_dmesg", "sel"]
                ),
                "text": st.text(max_size=300),
            }
        ),
        max_size=4,
    )
)
def test_any_text_is_judged(logs: list[dict[str, str]]) -> None:
    result = classify(logs)
    assert result["stage"] is None or result["stage"]["code"] != "S10"
    assert result["silence"]
