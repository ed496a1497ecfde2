# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reset helper does in the capture kernel, in every shell that runs it there."""

from __future__ import annotations

import re
import time
import typing as t

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import (
    BUS_MASTER,
    SHELLS,
    CaptureKernel,
    Config,
    unplug,
)

PORT = "0000:00:02.0"
OTHER_PORT = "0000:04:00.0"
NIC = "0000:01:00.0"
NVME = "0000:05:00.0"
NVME_TWIN = "0000:05:00.1"

DIGEST = "9f2c" * 16
PLAN = f"""\
# vmcore.kdump reset plan: written by pcie_reset_helper, read by the reset helper in the capture kernel.
version 1
host db01.example.com
kernel 6.12.107+deb13-amd64
digest {DIGEST}
# leave 0000:00:03.0 built_in_driver
port {PORT} reset_subordinate {NIC}=8086:10d3:020000
port {OTHER_PORT} reset_subordinate {NVME}=1b36:0010:010802 {NVME_TWIN}=1b36:0010:010802
"""
HEADER, NIC_LINE, NVME_LINE = PLAN.partition("port ")[0], PLAN.splitlines()[6], PLAN.splitlines()[7]

ADDRESS = r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
SECONDS = r"\d+\.\d\d"
LOG_LINE = re.compile(
    rf"""pcie_reset:\ (?:
        off
      | start\ deadline=\d+\ uptime={SECONDS}
      | ignored\ plan_line=\d+
      | resetting={ADDRESS}\ uptime={SECONDS}
      | port={ADDRESS}\ result=left\ reason=[a-z_]+\ seconds={SECONDS}
      | port={ADDRESS}\ result=(?:reset|failed|timeout)\ method=[a-z_]+\ error=[a-z_]+\ seconds={SECONDS}
        \ functions=\d+\ returned=\d+
      | summary\ planned=\d+\ reset=\d+\ left=\d+\ failed=\d+\ timeout=\d+\ seconds={SECONDS}\ uptime={SECONDS}
        \ digest=(?:[0-9a-f]+|none)
    )""",
    re.VERBOSE,
)


def build(kernel: CaptureKernel) -> None:
    """One port above a NIC, one above a device with two functions, and both reset as they should."""
    nic_port = kernel.port(PORT)
    kernel.function(nic_port, NIC, "8086:10d3", "020000")
    nvme_port = kernel.port(OTHER_PORT)
    kernel.function(nvme_port, NVME, "1b36:0010", "010802")
    kernel.function(nvme_port, NVME_TWIN, "1b36:0010", "010802")


def run(kernel: CaptureKernel, plan: str | bytes | None = PLAN) -> dict[str, dict[str, t.Any]]:
    """Run the helper, check what holds in every case, and return the ports of the report by address."""
    assert kernel.run(plan) == 0
    for line in kernel.log().splitlines():
        assert LOG_LINE.fullmatch(line), line
    report = kernel.report()
    assert list(report) == [
        "version",
        "digest",
        "stage",
        "kernel",
        "uptime_start",
        "uptime_end",
        "deadline",
        "ports",
        "summary",
    ]
    assert report["version"] == 1
    assert report["stage"] == "initramfs"
    assert report["kernel"] == "6.12.107+deb13-amd64"
    assert report["uptime_start"] <= report["uptime_end"]
    summary = report["summary"]
    assert summary["planned"] == len(report["ports"])
    for result in ("reset", "left", "failed", "timeout"):
        assert summary[result] == sum(port["result"] == result for port in report["ports"])
    logged = kernel.log().splitlines()[-1]
    for name in ("planned", "reset", "left", "failed", "timeout"):
        assert f" {name}={summary[name]} " in logged
    return {port["address"]: port for port in report["ports"]}


def test_at_least_one_shell_runs_it() -> None:
    assert {"dash", "sh"} & set(SHELLS)


def test_every_planned_port_is_reset_and_left_without_bus_master(kernel: CaptureKernel) -> None:
    build(kernel)
    for port in (PORT, OTHER_PORT):
        kernel.on_reset(kernel.devices / port)

    ports = run(kernel)

    assert list(ports) == [PORT, OTHER_PORT]
    assert ports[PORT] == {
        "address": PORT,
        "result": "reset",
        "reason": None,
        "method": "reset_subordinate",
        "error": None,
        "seconds": ports[PORT]["seconds"],
        "functions": [
            {
                "address": NIC,
                "identity": "8086:10d3",
                "identity_after": "8086:10d3",
                "bus_master_before": True,
                "bus_master_after": False,
                "returned": True,
            }
        ],
    }
    assert [function["address"] for function in ports[OTHER_PORT]["functions"]] == [NVME, NVME_TWIN]
    for function in (NIC, NVME, NVME_TWIN):
        assert kernel.command(kernel.devices / function) == 0x0402  # the other bits stay
    assert (kernel.devices / PORT / "power/control").read_text() == "on\n"
    assert kernel.report()["digest"] == DIGEST
    assert kernel.report()["deadline"] == 15
    assert re.search(
        rf"port={PORT} result=reset method=reset_subordinate error=none seconds={SECONDS} functions=1 returned=1\n",
        kernel.log(),
    )
    assert re.search(
        rf"summary planned=2 reset=2 left=0 failed=0 timeout=0 seconds={SECONDS} uptime={SECONDS} digest={DIGEST}\n$",
        kernel.log(),
    )


def test_bus_master_that_the_reset_cleared_stays_as_it_is(kernel: CaptureKernel) -> None:
    nic = kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000", command=0x0402)
    kernel.on_reset(kernel.devices / PORT)
    ports = run(kernel, HEADER + NIC_LINE)
    assert ports[PORT]["functions"][0]["bus_master_before"] is False
    assert ports[PORT]["functions"][0]["bus_master_after"] is False
    assert kernel.command(nic) == 0x0402


def test_locked_down_kernel_clears_bus_master_through_enable(kernel: CaptureKernel) -> None:
    nic = kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.lock_down(nic)
    kernel.on_reset(kernel.devices / PORT)
    ports = run(kernel, HEADER + NIC_LINE)
    assert ports[PORT]["result"] == "reset"
    assert ports[PORT]["functions"][0]["bus_master_before"] is True
    assert ports[PORT]["functions"][0]["bus_master_after"] is False
    assert kernel.command(nic) == 0x0402


def test_error_of_a_reset_that_happened_is_reported_and_the_functions_decide(
    kernel: CaptureKernel,
) -> None:
    nic = kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.reset_reports_error(kernel.devices / PORT)
    ports = run(kernel, HEADER + NIC_LINE)
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("reset", "write_error")
    assert ports[PORT]["functions"][0]["returned"] is True
    assert not kernel.command(nic) & BUS_MASTER


def test_reset_that_the_kernel_refuses_is_no_reset(kernel: CaptureKernel) -> None:
    nic = kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.reset_is_refused(kernel.devices / PORT)
    ports = run(kernel, HEADER + NIC_LINE)
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("failed", "refused")
    assert ports[PORT]["functions"][0]["identity_after"] == "8086:10d3"
    assert kernel.command(nic) & BUS_MASTER  # left as it was


def test_function_that_never_comes_back_is_a_failure(kernel: CaptureKernel) -> None:
    kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.on_reset(kernel.devices / PORT, unplug)
    ports = run(kernel, HEADER + NIC_LINE)
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("failed", None)
    assert ports[PORT]["functions"] == [
        {
            "address": NIC,
            "identity": "8086:10d3",
            "identity_after": "ffff:ffff",
            "bus_master_before": True,
            "bus_master_after": None,
            "returned": False,
        }
    ]


def test_function_that_comes_back_without_its_base_addresses_is_a_failure(
    kernel: CaptureKernel,
) -> None:
    def lose_base_addresses(config: Config) -> None:
        config[0x10:0x28] = bytes(0x18)

    kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.on_reset(kernel.devices / PORT, lose_base_addresses)
    ports = run(kernel, HEADER + NIC_LINE)
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("failed", "config_lost")
    assert ports[PORT]["functions"][0]["returned"] is False


def test_reset_revives_a_function_that_did_not_answer(kernel: CaptureKernel) -> None:
    nic = kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    alive = (nic / "config").read_bytes()
    (nic / "config").write_bytes(b"\xff" * 256)

    def revive(config: Config) -> None:
        config[:] = alive

    kernel.on_reset(kernel.devices / PORT, revive)
    ports = run(kernel, HEADER + NIC_LINE)
    assert ports[PORT]["result"] == "reset"
    assert ports[PORT]["functions"][0]["bus_master_before"] is None
    assert ports[PORT]["functions"][0]["bus_master_after"] is False


def test_port_that_hangs_is_given_up_at_the_deadline_and_the_others_are_reset(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    kernel.command_line("pcie_reset.deadline=1")
    kernel.reset_hangs(kernel.devices / PORT)
    kernel.on_reset(kernel.devices / OTHER_PORT)
    ports = run(kernel)
    assert kernel.report()["deadline"] == 1
    assert ports[OTHER_PORT]["result"] == "reset"
    assert ports[PORT] == {
        "address": PORT,
        "result": "timeout",
        "reason": None,
        "method": "reset_subordinate",
        "error": None,
        "seconds": 1.0,
        "functions": [
            {
                "address": NIC,
                "identity": "8086:10d3",
                "identity_after": None,
                "bus_master_before": None,
                "bus_master_after": None,
                "returned": False,
            }
        ],
    }


def test_port_that_answers_only_after_the_deadline_is_not_touched_any_more(
    kernel: CaptureKernel,
) -> None:
    """By then the boot goes on and a driver may have bound the device."""
    build(kernel)
    kernel.command_line("pcie_reset.deadline=1")
    kernel.on_reset(kernel.devices / OTHER_PORT)
    answered = kernel.answers_after(kernel.devices / NIC, 2.0)
    ports = run(kernel)
    assert (ports[PORT]["result"], ports[OTHER_PORT]["result"]) == ("timeout", "reset")
    assert answered.wait(5)
    time.sleep(0.3)
    assert f"resetting={PORT}" not in kernel.log()
    assert (kernel.devices / PORT / "reset_subordinate").read_bytes() == b""


def add_unplanned_function(kernel: CaptureKernel) -> None:
    kernel.function(kernel.devices / PORT, "0000:01:00.1", "8086:10d3", "020000")


def add_function_behind_the_function(kernel: CaptureKernel) -> None:
    kernel.function(kernel.devices / NIC, "0000:02:00.0", "8086:10d3", "020000")


def change_device(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "device").write_text("0x10d4\n")


def change_class(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "class").write_text("0x030000\n")


def hide_identity(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "class").unlink()


def bind_driver(kernel: CaptureKernel) -> None:
    kernel.bind(kernel.devices / NIC)


def take_function_away(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC).resolve().rename(kernel.root / "elsewhere")


def take_port_away(kernel: CaptureKernel) -> None:
    (kernel.devices / PORT).unlink()


def take_method_away(kernel: CaptureKernel) -> None:
    (kernel.devices / PORT / "reset_subordinate").unlink()


def take_link_down(kernel: CaptureKernel) -> None:
    (kernel.devices / PORT / "current_link_width").write_text("0\n")


def exclude_port(kernel: CaptureKernel) -> None:
    kernel.command_line(f"pcie_reset.exclude=0000:00:1c.0,{PORT}")


def exclude_function(kernel: CaptureKernel) -> None:
    kernel.command_line(f"pcie_reset.exclude={NIC} pcie_reset.exclude=0000:00:1c.0")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (add_unplanned_function, "identity_changed"),
        (add_function_behind_the_function, "identity_changed"),
        (change_device, "identity_changed"),
        (change_class, "identity_changed"),
        (hide_identity, "identity_changed"),
        (bind_driver, "driver_bound"),
        (take_function_away, "missing"),
        (take_port_away, "missing"),
        (take_method_away, "no_method"),
        (take_link_down, "link_down"),
        (exclude_port, "excluded"),
        (exclude_function, "excluded"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_port_that_is_not_as_planned_is_left_alone(
    kernel: CaptureKernel, change: t.Callable[[CaptureKernel], None], reason: str
) -> None:
    build(kernel)
    change(kernel)
    kernel.on_reset(kernel.devices / OTHER_PORT)
    ports = run(kernel)
    assert ports[PORT] == {
        "address": PORT,
        "result": "left",
        "reason": reason,
        "method": None,
        "error": None,
        "seconds": ports[PORT]["seconds"],
        "functions": [],
    }
    assert re.search(rf"port={PORT} result=left reason={reason} seconds={SECONDS}\n", kernel.log())
    assert f"resetting={PORT}" not in kernel.log()
    assert ports[OTHER_PORT]["result"] == "reset"


def test_method_that_this_helper_does_not_know_is_left(kernel: CaptureKernel) -> None:
    build(kernel)
    ports = run(kernel, HEADER + NIC_LINE.replace("reset_subordinate", "sbr"))
    assert (ports[PORT]["result"], ports[PORT]["reason"]) == ("left", "no_method")


def test_normal_kernel_is_none_of_its_business(kernel: CaptureKernel) -> None:
    build(kernel)
    (kernel.proc / "vmcore").unlink()
    assert kernel.run(PLAN) == 0
    assert kernel.log() == ""
    assert not kernel.run_directory.exists()


def test_it_can_be_switched_off(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.command_line("pcie_reset=off")
    assert kernel.run(PLAN) == 0
    assert kernel.log() == "pcie_reset: off\n"
    assert not kernel.run_directory.exists()


@pytest.mark.parametrize("value", ["", "0", "015", "soon"])
def test_deadline_that_is_none_is_ignored(kernel: CaptureKernel, value: str) -> None:
    kernel.command_line(f"pcie_reset.deadline={value}")
    run(kernel, HEADER)
    assert kernel.report()["deadline"] == 15


@pytest.mark.parametrize("plan", [None, "", "\n\n# nothing\n", b"\xff\x00\xfe" * 100])
def test_plan_without_ports_is_a_report_without_ports(
    kernel: CaptureKernel, plan: str | bytes | None
) -> None:
    assert run(kernel, plan) == {}
    assert kernel.report()["digest"] is None
    assert kernel.log().splitlines()[-1].endswith("digest=none")


NOT_UNDERSTOOD = (
    "reset everything",
    "port",
    f"port {PORT}",
    f"port {PORT} reset_subordinate",
    f"port {PORT} ../../../remove {NIC}=8086:10d3:020000",
    f"port ../{PORT} reset_subordinate {NIC}=8086:10d3:020000",
    f'port {PORT}" reset_subordinate {NIC}=8086:10d3:020000',
    f"port {PORT} reset_subordinate {NIC}",
    f"port {PORT} reset_subordinate {NIC}=8086:10d3",
    f"port {PORT} reset_subordinate {NIC}=8086:10d3:020000:00",
    f"port {PORT} reset_subordinate {NIC}=*:*:*",
    f"port {PORT} reset_subordinate {NIC}=8086:10D3:020000",
    f"port * reset_subordinate {NIC}=8086:10d3:020000",
    "digest $(reboot)",
    "digest",
)


def test_line_that_is_not_understood_is_logged_and_ignored(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / OTHER_PORT)
    ports = run(kernel, "\n".join(("version 1", *NOT_UNDERSTOOD, NVME_LINE)))
    assert list(ports) == [OTHER_PORT]
    assert ports[OTHER_PORT]["result"] == "reset"
    ignored = [line for line in kernel.log().splitlines() if "ignored" in line]
    expected = range(2, 2 + len(NOT_UNDERSTOOD))
    assert ignored == [f"pcie_reset: ignored plan_line={number}" for number in expected]


def test_port_is_reset_once_even_if_the_plan_names_it_twice(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / PORT)
    assert list(run(kernel, f"{HEADER}{NIC_LINE}\n{NIC_LINE}\n")) == [PORT]
    assert "ignored plan_line=8\n" in kernel.log()


def test_plan_of_another_version_is_ignored(kernel: CaptureKernel) -> None:
    build(kernel)
    assert run(kernel, PLAN.replace("version 1", "version 2")) == {}
    assert kernel.log().count("ignored plan_line=") == 2


def test_wide_domains_are_addresses_too(kernel: CaptureKernel) -> None:
    port, function = "10000:00:02.0", "10000:01:00.0"
    kernel.function(kernel.port(port), function, "8086:10d3", "020000")
    kernel.on_reset(kernel.devices / port)
    ports = run(kernel, f"{HEADER}port {port} reset_subordinate {function}=8086:10d3:020000\n")
    assert ports[port]["result"] == "reset"
