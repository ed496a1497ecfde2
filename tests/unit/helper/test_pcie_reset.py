# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reset helper does in the capture kernel, in every shell that runs it there."""

from __future__ import annotations

import re
import time
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import ResetReport
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import METHODS
from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import (
    BUS_MASTER,
    SHELLS,
    CaptureKernel,
    Config,
    make_config,
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
version 2
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
      | apic\ (?:mode=x2?apic\ in_service=(?:[\d,]+|none)\ after=(?:[\d,]+|none)|unread\ reason=[a-z_]+)
      | ignored\ plan_line=\d+
      | resetting={ADDRESS}\ method=[a-z_]+\ uptime={SECONDS}
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
    assert list(misfits(report, ResetReport, "report.json")) == []
    assert list(report) == [
        "version",
        "digest",
        "stage",
        "kernel",
        "apic",
        "uptime_start",
        "uptime_end",
        "deadline",
        "ports",
        "summary",
    ]
    assert report["version"] == 1
    assert report["stage"] == "initramfs"
    assert report["kernel"] == (kernel.proc / "sys/kernel/osrelease").read_text().strip()
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


def test_busy_machine_takes_its_time_to_refuse(kernel: CaptureKernel) -> None:
    kernel.function(kernel.port(PORT), NIC, "8086:10d3", "020000")
    kernel.clock("4.00")
    kernel.reset_reports_error(kernel.devices / PORT, uptime="4.45")
    ports = run(kernel, HEADER + NIC_LINE)
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("failed", "refused")


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


def test_port_that_wakes_up_only_after_the_deadline_is_not_touched_any_more(
    kernel: CaptureKernel,
) -> None:
    """By then the boot goes on and a driver may have bound the device."""
    build(kernel)
    kernel.command_line("pcie_reset.deadline=4")
    kernel.on_reset(kernel.devices / OTHER_PORT)
    awake = kernel.wakes_up_late(kernel.devices / PORT)
    ports = run(kernel)
    assert (ports[PORT]["result"], ports[OTHER_PORT]["result"]) == ("timeout", "reset")
    assert awake.wait(5)
    time.sleep(0.3)
    assert f"resetting={PORT}" not in kernel.log()
    assert (kernel.devices / PORT / "reset_subordinate").read_bytes() == b""


def test_registers_that_cannot_be_read_keep_everything_from_being_touched(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    kernel.command_line("pcie_reset.deadline=1")
    kernel.registers_hang(kernel.devices / NIC)
    ports = run(kernel)
    assert [port["result"] for port in ports.values()] == ["timeout", "timeout"]
    assert [port["method"] for port in ports.values()] == [None, None]
    assert "resetting=" not in kernel.log()
    assert f"port={PORT} result=timeout method=none error=none seconds=1.00 " in kernel.log()


def test_reset_that_nobody_could_look_at_is_not_judged_by_what_was_seen_before(
    kernel: CaptureKernel,
) -> None:
    """The first look is the one before the reset; the second never ends."""
    build(kernel)
    kernel.command_line("pcie_reset.deadline=1")
    kernel.on_reset(kernel.devices / PORT)
    kernel.on_look(2, "/usr/bin/sleep 5")
    ports = run(kernel, f"{HEADER}{NIC_LINE}\n")
    assert ports[PORT]["result"] == "failed"
    (function,) = ports[PORT]["functions"]
    assert (function["identity_after"], function["returned"]) == (None, False)


def test_reset_that_ends_after_the_deadline_is_not_judged_by_what_was_seen_before(
    kernel: CaptureKernel,
) -> None:
    """The helper is still there then, because it waits for the functions of another port."""
    build(kernel)
    kernel.command_line("pcie_reset.deadline=1")
    kernel.clock("4.00")
    with_register_reset(kernel, "sleep 1.2")
    kernel.on_reset(kernel.devices / PORT, unplug)
    ports = run(kernel, f"{HEADER}{NIC_LINE}\n{SBR_LINE}\n")
    assert (ports[PORT]["result"], ports[OTHER_PORT]["result"]) == ("failed", "timeout")
    assert ports[OTHER_PORT]["method"] == "sbr"


def test_driver_that_binds_after_the_checks_keeps_the_port_from_being_touched(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / OTHER_PORT)
    kernel.on_look(1, f"/usr/bin/ln -s . {kernel.devices / NIC}/driver")
    ports = run(kernel)
    assert (ports[PORT]["result"], ports[PORT]["reason"]) == ("left", "driver_bound")
    assert ports[OTHER_PORT]["result"] == "reset"
    assert f"resetting={PORT}" not in kernel.log()


def test_bus_master_is_not_cleared_any_more_when_guard_went_on_with_the_boot(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    kernel.clock("4.00")
    kernel.on_reset(kernel.devices / PORT)
    kernel.on_look(2, f"echo 21.00 0.90 > {kernel.proc}/uptime")
    ports = run(kernel, HEADER + NIC_LINE)
    assert ports[PORT]["result"] == "reset"
    assert ports[PORT]["functions"][0]["bus_master_after"] is True
    assert kernel.command(kernel.devices / NIC) == 0x0406


def add_unplanned_function(kernel: CaptureKernel) -> None:
    kernel.function(kernel.devices / PORT, "0000:01:00.1", "8086:10d3", "020000")


def add_function_behind_the_function(kernel: CaptureKernel) -> None:
    kernel.function(kernel.devices / NIC, "0000:02:00.0", "8086:10d3", "020000")


def change_device(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "device").write_text("0x10d4\n")
    (kernel.devices / NIC / "config").write_bytes(make_config("8086:10d4", "020000", 0x0406))


def change_class(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "class").write_text("0x030000\n")
    (kernel.devices / NIC / "config").write_bytes(make_config("8086:10d3", "030000", 0x0406))


def hide_identity(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "class").unlink()
    (kernel.devices / NIC / "config").write_bytes(b"\xff" * 256)


def hide_registers(kernel: CaptureKernel) -> None:
    (kernel.devices / NIC / "device").write_text("0x10d4\n")
    (kernel.devices / NIC / "config").unlink()


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


def exclude_port_without_domain(kernel: CaptureKernel) -> None:
    kernel.command_line(f"pcie_reset.exclude={PORT.replace('0000:', '')}")


def exclude_function_without_domain(kernel: CaptureKernel) -> None:
    kernel.command_line(f"pcie_reset.exclude=00:1c.0,{NIC.replace('0000:', '')}")


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
        (hide_registers, "identity_changed"),
        (bind_driver, "driver_bound"),
        (take_function_away, "missing"),
        (take_port_away, "missing"),
        (take_method_away, "no_method"),
        (take_link_down, "link_down"),
        (exclude_port, "excluded"),
        (exclude_function, "excluded"),
        (exclude_port_without_domain, "excluded"),
        (exclude_function_without_domain, "excluded"),
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


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_a_plan_is_known(kernel: CaptureKernel, method: str) -> None:
    kernel.function(kernel.port(PORT, method=False), NIC, "8086:10d3", "020000")
    ports = run(kernel, HEADER + NIC_LINE.replace("reset_subordinate", method))
    assert (ports[PORT]["result"], ports[PORT]["reason"]) == ("left", "no_method")


def test_first_method_that_is_possible_is_used(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / PORT)
    line = NIC_LINE.replace("reset_subordinate", "sbr,flr,bus,reset_subordinate")
    ports = run(kernel, HEADER + line)
    assert (ports[PORT]["result"], ports[PORT]["method"]) == ("reset", "reset_subordinate")


def with_reset_method(kernel: CaptureKernel, address: str, methods: str = "flr pm bus") -> None:
    (kernel.devices / address / "reset").touch()
    (kernel.devices / address / "reset_method").write_text(f"{methods}\n")


def test_bus_reset_of_a_function_that_is_alone(kernel: CaptureKernel) -> None:
    build(kernel)
    take_method_away(kernel)
    with_reset_method(kernel, NIC)
    kernel.on_reset(kernel.devices / PORT, file=f"{NIC}/reset")
    ports = run(kernel, HEADER + NIC_LINE.replace("subordinate", "subordinate,bus"))
    assert (ports[PORT]["result"], ports[PORT]["method"]) == ("reset", "bus")
    assert f"resetting={PORT} method=bus " in kernel.log()
    assert not kernel.command(kernel.devices / NIC) & BUS_MASTER
    assert (kernel.devices / NIC / "reset_method").read_text() == "flr pm bus\n"  # as before


def test_bus_reset_that_fails_restores_the_method_too(kernel: CaptureKernel) -> None:
    build(kernel)
    take_method_away(kernel)
    with_reset_method(kernel, NIC, "bus")
    (kernel.devices / NIC / "reset").unlink()
    (kernel.devices / NIC / "reset").symlink_to("/dev/full")
    ports = run(kernel, HEADER + NIC_LINE.replace("reset_subordinate", "bus,flr"))
    assert (ports[PORT]["result"], ports[PORT]["error"]) == ("failed", "refused")
    assert (ports[PORT]["method"]) == "bus"  # what was tried once is not tried otherwise
    assert (kernel.devices / NIC / "reset_method").read_text() == "bus\n"


def not_alone(kernel: CaptureKernel) -> tuple[str, str]:
    for address in (NVME, NVME_TWIN):
        with_reset_method(kernel, address)
    return OTHER_PORT, NVME_LINE


def without_bus(kernel: CaptureKernel) -> tuple[str, str]:
    with_reset_method(kernel, NIC, "flr pm")
    return PORT, NIC_LINE


def before_linux_5_15(kernel: CaptureKernel) -> tuple[str, str]:
    (kernel.devices / NIC / "reset").touch()
    return PORT, NIC_LINE


@pytest.mark.parametrize("change", [not_alone, without_bus, before_linux_5_15])
def test_bus_reset_that_is_not_possible(
    kernel: CaptureKernel, change: t.Callable[[CaptureKernel], tuple[str, str]]
) -> None:
    build(kernel)
    port, line = change(kernel)
    ports = run(kernel, HEADER + line.replace("reset_subordinate", "bus"))
    assert (ports[port]["result"], ports[port]["reason"]) == ("left", "no_method")
    assert "resetting=" not in kernel.log()


def test_function_level_reset_of_each_function(kernel: CaptureKernel) -> None:
    build(kernel)
    for address in (NVME, NVME_TWIN):
        with_reset_method(kernel, address)
    ports = run(kernel, HEADER + NVME_LINE.replace("reset_subordinate", "bus,flr"))
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["method"]) == ("reset", "flr")
    for address in (NVME, NVME_TWIN):
        assert (kernel.devices / address / "reset").read_text() == "1\n"
        assert (kernel.devices / address / "reset_method").read_text() == "flr pm bus\n"
        assert not kernel.command(kernel.devices / address) & BUS_MASTER


def test_function_level_reset_before_linux_5_15(kernel: CaptureKernel) -> None:
    """Which methods there are is not told: the kernel takes FLR where there is one, and the plan knows."""
    build(kernel)
    (kernel.devices / NIC / "reset").touch()
    ports = run(kernel, HEADER + NIC_LINE.replace("reset_subordinate", "bus,flr"))
    assert (ports[PORT]["result"], ports[PORT]["method"]) == ("reset", "flr")
    assert (kernel.devices / NIC / "reset").read_text() == "1\n"


def test_function_level_reset_of_all_or_none(kernel: CaptureKernel) -> None:
    build(kernel)
    with_reset_method(kernel, NVME)
    with_reset_method(kernel, NVME_TWIN, "pm bus")
    ports = run(kernel, HEADER + NVME_LINE.replace("reset_subordinate", "flr"))
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["reason"]) == ("left", "no_method")
    assert (kernel.devices / NVME / "reset").read_text() == ""


SBR_LINE = NVME_LINE.replace("reset_subordinate", "reset_subordinate,sbr")


def with_register_reset(kernel: CaptureKernel, script: str) -> None:
    (kernel.devices / OTHER_PORT / "reset_subordinate").unlink()
    kernel.add_script("bin/setpci", "exit 1")
    kernel.add_script("secondary-bus-reset", f'echo "$*" > {kernel.root}/arguments; {script}')


def test_reset_by_the_registers_of_the_port(kernel: CaptureKernel) -> None:
    build(kernel)
    with_register_reset(kernel, "exit 0")
    ports = run(kernel, HEADER + SBR_LINE)
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["method"]) == ("reset", "sbr")
    assert (kernel.root / "arguments").read_text() == f"{OTHER_PORT} {NVME} {NVME_TWIN}\n"


def test_error_of_a_reset_by_the_registers_is_its_word(kernel: CaptureKernel) -> None:
    build(kernel)
    with_register_reset(kernel, "echo link_down; exit 1")
    unplug_both(kernel)
    ports = run(kernel, HEADER + SBR_LINE)
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["error"]) == ("failed", "link_down")


def unplug_both(kernel: CaptureKernel) -> None:
    for address in (NVME, NVME_TWIN):
        (kernel.devices / address / "config").write_bytes(b"\xff" * 256)


def test_reset_by_the_registers_that_is_refused_gives_way_to_the_next_method(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    with_register_reset(kernel, "echo locked_down; exit 2")
    ports = run(kernel, HEADER + SBR_LINE)
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["reason"]) == ("left", "locked_down")
    for address in (NVME, NVME_TWIN):
        with_reset_method(kernel, address)
    ports = run(kernel, HEADER + SBR_LINE.replace("sbr", "sbr,flr"))
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["method"]) == ("reset", "flr")


def test_image_without_setpci_has_no_register_reset(kernel: CaptureKernel) -> None:
    build(kernel)
    with_register_reset(kernel, "exit 0")
    (kernel.lib / "bin/setpci").unlink()
    ports = run(kernel, HEADER + SBR_LINE)
    assert (ports[OTHER_PORT]["result"], ports[OTHER_PORT]["reason"]) == ("left", "no_method")


def test_image_without_head_reads_the_functions_one_by_one(kernel: CaptureKernel) -> None:
    build(kernel)
    (kernel.lib / "bin/head").unlink()
    for port in (PORT, OTHER_PORT):
        kernel.on_reset(kernel.devices / port)
    assert {port["result"] for port in run(kernel).values()} == {"reset"}


def test_function_that_vanishes_does_not_spoil_what_is_seen_of_the_others(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    for port in (PORT, OTHER_PORT):
        kernel.on_reset(kernel.devices / port)
    (kernel.devices / NIC / "config").unlink()
    ports = run(kernel)
    assert (ports[PORT]["result"], ports[OTHER_PORT]["result"]) == ("failed", "reset")
    assert ports[PORT]["functions"][0]["identity_after"] is None


def test_sixty_four_ports(kernel: CaptureKernel) -> None:
    lines = []
    for number in range(64):
        port, child = f"0000:00:{number // 8:02x}.{number % 8}", f"0000:{number + 1:02x}:00.0"
        kernel.function(kernel.port(port), child, "1b36:0010", "010802")
        lines.append(f"port {port} reset_subordinate,bus {child}=1b36:0010:010802\n")
    ports = run(kernel, HEADER + "".join(lines))
    assert len(ports) == 64
    assert {port["result"] for port in ports.values()} == {"reset"}
    assert not any(port["functions"][0]["bus_master_after"] for port in ports.values())


# A write that resets a slot holds pci_slot_mutex, for which all others wait, also when the boot went on.
HELD_UP = "7.2.13+deb14-amd64"


@pytest.mark.parametrize(
    ("release", "power", "method"),
    [
        (HELD_UP, True, "bus"),
        ("7.10.1-amd64", True, "bus"),
        ("8.0", True, "bus"),
        ("7.1.9-amd64", True, "reset_subordinate"),
        ("6.12.107+deb13-amd64", True, "reset_subordinate"),
        (HELD_UP, False, "reset_subordinate"),
    ],
)
def test_function_alone_in_its_slot_is_reset_by_the_method_that_holds_up_nobody(
    kernel: CaptureKernel, release: str, power: bool, method: str
) -> None:
    build(kernel)
    kernel.version(release)
    kernel.slot(NIC.partition(".")[0], power)
    with_reset_method(kernel, NIC)
    ports = run(kernel, HEADER + NIC_LINE.replace("subordinate", "subordinate,bus"))
    assert (ports[PORT]["result"], ports[PORT]["method"]) == ("reset", method)


def test_slots_that_would_be_reset_after_the_deadline_are_not_begun(kernel: CaptureKernel) -> None:
    """Both have two functions; the first never comes back, and what waits for it is left alone."""
    kernel.version(HELD_UP)
    kernel.command_line("pcie_reset.deadline=2")
    lines = []
    for number in (1, 2):
        port, slot = f"0000:00:0{number}.0", f"0000:0{number}:00"
        directory = kernel.port(port)
        children = [f"{slot}.{function}" for function in (0, 1)]
        for child in children:
            kernel.function(directory, child, "1b36:0010", "010802")
        kernel.slot(slot)
        lines.append(f"port {port} reset_subordinate,bus " + " ".join(
            f"{child}=1b36:0010:010802" for child in children
        ))  # fmt: skip
    kernel.reset_hangs(kernel.devices / "0000:00:01.0")
    kernel.function(kernel.port(OTHER_PORT), NVME, "1b36:0010", "010802")
    lines.append(NVME_LINE.rpartition(" ")[0])
    ports = run(kernel, HEADER + "\n".join(lines) + "\n")
    assert ports[OTHER_PORT]["result"] == "reset"  # it holds up nobody, and comes first
    assert [(ports[f"0000:00:0{number}.0"]["result"], ports[f"0000:00:0{number}.0"]["method"])
            for number in (1, 2)] == [("timeout", "reset_subordinate"), ("timeout", None)]  # fmt: skip
    resetting = re.findall(r"resetting=(\S+)", kernel.log())
    assert resetting == [OTHER_PORT, "0000:00:01.0"]


def test_slots_come_one_after_the_other_and_are_all_reset(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.version(HELD_UP)
    kernel.slot(NIC.partition(".")[0])
    kernel.slot(NVME.partition(".")[0])
    for port in (PORT, OTHER_PORT):
        kernel.on_reset(kernel.devices / port)
    assert {port["result"] for port in run(kernel).values()} == {"reset"}


@pytest.mark.parametrize(("available", "width"), [(0, 16), (20 * 2 * 768, 20), (1 << 30, 64)])
def test_no_more_ports_are_reset_at_once_than_there_is_memory_for(
    kernel: CaptureKernel, available: int, width: int
) -> None:
    (kernel.proc / "meminfo").write_text(f"MemFree: 1 kB\nMemAvailable:   {available} kB\n")
    kernel.command_line("pcie_reset.deadline=3")
    lines = []
    for number in range(70):
        port, child = f"0000:00:{number // 8:02x}.{number % 8}", f"0000:{number + 1:02x}:00.0"
        kernel.function(kernel.port(port), child, "1b36:0010", "010802")
        kernel.reset_hangs(kernel.devices / port)
        lines.append(f"port {port} reset_subordinate {child}=1b36:0010:010802\n")
    run(kernel, HEADER + "".join(lines))
    assert kernel.log().count("resetting=") == width


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


X86 = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n"
ARM64 = "processor\t: 0\nBogoMIPS\t: 125.00\nFeatures\t: fp asimd\n"


def local_apic(
    kernel: CaptureKernel,
    before: tuple[int, ...] = (),
    after: tuple[int, ...] = (),
    mode: int = 1,
    cpuinfo: str = X86,
) -> None:
    """A program that says what was in service, and what is when it has done its work."""
    (kernel.proc / "cpuinfo").write_text(cpuinfo)
    said = bytearray()
    for vectors in (before, after):
        registers = bytearray(36)
        registers[0] = mode
        for vector in vectors:
            registers[4 + vector // 8] |= 1 << vector % 8
        said += registers
    text = "".join(f"\\{byte:03o}" for byte in said)
    kernel.add_script("local-apic", f"echo > {kernel.root}/dismissed; printf '{text}'")


@pytest.mark.parametrize(
    ("before", "after"),
    [((), ()), ((52,), ()), ((33, 48, 49, 255), ()), ((31, 32, 63, 64), (31,))],
)
@pytest.mark.parametrize(("mode", "name"), [(1, "xapic"), (2, "x2apic")])
def test_what_is_in_service_in_the_local_apic_is_dismissed_and_said(
    kernel: CaptureKernel, before: tuple[int, ...], after: tuple[int, ...], mode: int, name: str
) -> None:
    local_apic(kernel, before, after, mode)
    run(kernel, HEADER)
    assert kernel.report()["apic"] == {
        "mode": name,
        "in_service_before": list(before),
        "in_service_after": list(after),
    }
    texts = [",".join(map(str, vectors)) or "none" for vectors in (before, after)]
    assert f"pcie_reset: apic mode={name} in_service={texts[0]} after={texts[1]}\n" in kernel.log()


@pytest.mark.parametrize(
    ("words", "lockdown", "reason"),
    [
        ("", None, "iomem_strict"),
        ("iomem=relaxed", "[none] integrity confidentiality", "unknown"),
        ("iomem=relaxed", "none [integrity] confidentiality", "locked_down"),
    ],
)
def test_local_apic_that_cannot_be_read_is_said(
    kernel: CaptureKernel, words: str, lockdown: str | None, reason: str
) -> None:
    local_apic(kernel)
    kernel.add_script("local-apic", "exit 1")
    kernel.command_line(words)
    if lockdown:
        (kernel.root / "sys/kernel/security").mkdir(parents=True)
        (kernel.root / "sys/kernel/security/lockdown").write_text(f"{lockdown}\n")
    run(kernel, HEADER)
    assert kernel.report()["apic"] is None
    assert f"pcie_reset: apic unread reason={reason}\n" in kernel.log()


def test_other_architectures_have_no_local_apic(kernel: CaptureKernel) -> None:
    local_apic(kernel, cpuinfo=ARM64)
    run(kernel, HEADER)
    assert kernel.report()["apic"] is None
    assert "apic" not in kernel.log()
    assert not (kernel.root / "dismissed").exists()


def test_capture_kernel_of_the_quiesce_stage_looks_at_its_own_apic(kernel: CaptureKernel) -> None:
    local_apic(kernel, (49,))
    kernel.command_line("pcie_reset.stage=quiesced")
    (kernel.root / "pcie-reset-report.json").write_text('{"version":1,"apic":null}\n')
    assert kernel.run(PLAN) == 0
    assert kernel.report() == {
        "version": 1,
        "apic": None,
        "apic_capture": {"mode": "xapic", "in_service_before": [49], "in_service_after": []},
    }


def test_what_the_quiesce_stage_did_is_not_done_again_and_its_report_is_kept(
    kernel: CaptureKernel,
) -> None:
    build(kernel)
    kernel.command_line("pcie_reset.stage=quiesced")
    report, log = (
        '{"version":1,"stage":"quiesce"}\n',
        "[    1.0]  indented \\n 100%\n[    2.0] end\n",
    )
    (kernel.root / "pcie-reset-report.json").write_text(report)
    (kernel.root / "pcie-reset-quiesce.txt").write_text(log)
    assert kernel.run(PLAN) == 0
    assert kernel.log() == "pcie_reset: quiesced\n"
    assert kernel.report() == {"version": 1, "stage": "quiesce", "apic_capture": None}
    assert (kernel.run_directory / "quiesce.txt").read_text() == log


def test_quiesce_stage_that_left_nothing_leaves_no_report(kernel: CaptureKernel) -> None:
    kernel.command_line("pcie_reset.stage=quiesced")
    assert kernel.run(PLAN) == 0
    assert not (kernel.run_directory / "report.json").exists()


def test_report_says_which_stage_it_is_of(kernel: CaptureKernel) -> None:
    build(kernel)
    assert kernel.run(PLAN) == 0
    assert kernel.report()["stage"] == "initramfs"
    assert kernel.run(PLAN, STAGE="quiesce") == 0
    assert kernel.report()["stage"] == "quiesce"


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
    f"port {PORT} levitate {NIC}=8086:10d3:020000",
    f"port {PORT} reset_subordinate,levitate {NIC}=8086:10d3:020000",
    f"port {PORT} , {NIC}=8086:10d3:020000",
    f"port {PORT} ,bus {NIC}=8086:10d3:020000",
    f"port {PORT} reset_subordinate, {NIC}=8086:10d3:020000",
    f"port {PORT} bus,,reset_subordinate {NIC}=8086:10d3:020000",
    f"port {PORT} reset_subordinate {NIC}",
    f"port {PORT} reset_subordinate {NIC}=8086:10d3",
    f"port {PORT} reset_subordinate {NIC}=8086:10d3:020000:00",
    f"port {PORT} reset_subordinate {NIC}=*:*:*",
    f"port {PORT} reset_subordinate {NIC}=8086:10D3:020000",
    f"port * reset_subordinate {NIC}=8086:10d3:020000",
    "digest $(reboot)",
    "digest",
)


@pytest.mark.parametrize("lines", [NOT_UNDERSTOOD[begin : begin + 9] for begin in (0, 9, 18)])
def test_line_that_is_not_understood_is_logged_and_ignored(
    kernel: CaptureKernel, lines: tuple[str, ...]
) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / OTHER_PORT)
    ports = run(kernel, "\n".join(("version 2", *lines, NVME_LINE)))
    assert list(ports) == [OTHER_PORT]
    assert ports[OTHER_PORT]["result"] == "reset"
    ignored = [line for line in kernel.log().splitlines() if "ignored" in line]
    expected = range(2, 2 + len(lines))
    assert ignored == [f"pcie_reset: ignored plan_line={number}" for number in expected]


def test_rubbish_does_not_flood_the_log(kernel: CaptureKernel) -> None:
    build(kernel)
    assert run(kernel, "version 2\n" + "rubbish\n" * 2000 + NIC_LINE) == {}
    ignored = [line for line in kernel.log().splitlines() if "ignored" in line]
    expected = (*range(2, 11), 1001)
    assert ignored == [f"pcie_reset: ignored plan_line={number}" for number in expected]


def test_port_is_reset_once_even_if_the_plan_names_it_twice(kernel: CaptureKernel) -> None:
    build(kernel)
    kernel.on_reset(kernel.devices / PORT)
    assert list(run(kernel, f"{HEADER}{NIC_LINE}\n{NIC_LINE}\n")) == [PORT]
    assert "ignored plan_line=8\n" in kernel.log()


def test_plan_of_another_version_is_ignored(kernel: CaptureKernel) -> None:
    build(kernel)
    assert run(kernel, PLAN.replace("version 2", "version 1")) == {}
    assert kernel.log().count("ignored plan_line=") == 2


def test_wide_domains_are_addresses_too(kernel: CaptureKernel) -> None:
    port, function = "10000:00:02.0", "10000:01:00.0"
    kernel.function(kernel.port(port), function, "8086:10d3", "020000")
    kernel.on_reset(kernel.devices / port)
    ports = run(kernel, f"{HEADER}port {port} reset_subordinate {function}=8086:10d3:020000\n")
    assert ports[port]["result"] == "reset"
