# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from and written to the registers when a port is reset by them."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS

PORT = "0000:00:1c.0"
CHILD = "0000:03:00.0"
TWIN = "0000:03:00.1"

# Each register is a file with its value. Each write is noted. What is in reset/ replaces what is below the port when
# Secondary Bus Reset is released, and of a register with a queue each read takes the next value. A function that is
# not there is no error, as with the real one. What is in fault is run instead of what it is for, once.
SETPCI = """\
#!/bin/sh
cd '{root}' || exit 1
address=$2
shift 2
case "$*" in "$FAULT_FOR"*) [ ! -e fault ] || {{ mv fault happened; . ./happened; }} ;; esac
[ -d "registers/$address" ] || exit 0
for word; do
    register=${{word%%=*}}
    register=${{register%.[bwl]}}
    file=registers/$address/$register
    [ -e "$file" ] || exit 1
    if [ -s "$file.queue" ] && [ "$word" = "${{word#*=}}" ]; then
        {{ read -r value; rest=$(cat); }} < "$file.queue"
        echo "$value" > "$file"
        [ -z "$rest" ] && rm "$file.queue" || echo "$rest" > "$file.queue"
    fi
    read -r old < "$file"
    case $word in
        *=*)
            [ ! -e locked ] || continue
            echo "$address $word" >> journal
            value=${{word#*=}} mask=ffffffff
            case $value in *:*) mask=${{value#*:}} value=${{value%:*}} ;; esac
            printf "%0${{#old}}x\\n" $((0x$old & ~0x$mask | 0x$value & 0x$mask)) > "$file"
            case $register,$value,$((0x$old & 0x40)) in BRIDGE_CONTROL,0,64) cp -r reset/. registers ;; esac
            ;;
        *) echo "$old" ;;
    esac
done
"""

Registers = dict[str, str]

# PCI Express capability (CAP10) with version 2, port type 4 (root port), a slot, and an active link that is reported.
PORT_REGISTERS: Registers = {
    "VENDOR_ID": "8086",
    "BRIDGE_CONTROL": "0003",
    "SEC_STATUS": "2000",
    "CAP10+2": "0142",
    "CAP10+a": "0000",
    "CAP10+c": "00100000",
    "CAP10+12": "2041",
    "CAP10+18": "17f8",
    "CAP10+1a": "0000",
    "CAP10+1c": "0007",
    "ECAP0001": "00010001",
    "ECAP0001+4": "00000000",
    "ECAP0001+8": "00100000",
    "ECAP0001+10": "00000000",
    "ECAP001d+6": "0009",
    "ECAP001d+8": "1f00",
}
HEADER: Registers = {
    "VENDOR_ID": "8086",
    "DEVICE_ID": "10d3",
    "COMMAND": "0406",
    "STATUS": "0010",
    "c": "0010",
    "10": "fe800000",
    "14": "fe810000",
    "18": "0000e001",
    "1c": "00000000",
    "20": "fe820004",
    "24": "00000001",
    "30": "fe840000",
    "3c": "0b",
}
EXPRESS: Registers = {"CAP10+2": "0002", "CAP10+8": "2857", "CAP10+a": "0000", "CAP10+10": "0142",
                      "CAP10+28": "0400", "CAP10+30": "0003"}  # fmt: skip
EXTENDED: Registers = {
    "ECAP0001": "14020001",
    "ECAP0001+4": "00100000",
    "ECAP0001+8": "00018000",
    "ECAP0001+c": "00462030",
    "ECAP0001+10": "00002000",
    "ECAP0001+14": "00002000",
    "ECAP0001+18": "000000a0",
    "ECAP0018": "1e010018",
    "ECAP0018+4": "10031003",
    "ECAP001e": "2001001e",
    "ECAP001e+8": "4055000f",
    "ECAP001e+c": "00000028",
    "ECAP0015+8": "00000d40",
    "ECAP0015+10": "00000b02",
}


def after_reset(registers: Registers) -> Registers:
    """Return registers as a reset leaves them: what identifies the device stays."""
    stays = ("VENDOR_ID", "DEVICE_ID", "CAP10+2")
    heads = tuple(name for name in registers if name.startswith("ECAP") and "+" not in name)
    return {
        name: value if name in (*stays, *heads) else "0" * len(value)
        for name, value in registers.items()
    }


class Bus:
    """A port with functions below, made of files."""

    def __init__(self, root: Path, shell: t.Sequence[str]) -> None:
        self.root = root / "bus"
        self.shell = shell
        for name in ("bin", "proc", "sys/kernel/security"):
            (self.root / name).mkdir(parents=True)
        (self.root / "proc/uptime").symlink_to("/proc/uptime")
        script = self.root / "bin/setpci"
        script.write_text(SETPCI.format(root=self.root))
        script.chmod(0o755)
        for name in ("cat", "cp", "mkdir", "mv", "rm", "sleep"):
            (self.root / "bin" / name).symlink_to(t.cast(str, shutil.which(name)))
        self.functions: list[str] = []
        self.fault_for = "none"
        self.write(PORT, PORT_REGISTERS)

    def write(self, address: str, registers: Registers, place: str = "registers") -> None:
        directory = self.root / place / address
        directory.mkdir(parents=True, exist_ok=True)
        for name, value in registers.items():
            (directory / name).write_text(f"{value}\n")

    def read(self, address: str) -> Registers:
        directory = self.root / "registers" / address
        return {path.name: path.read_text().strip() for path in directory.iterdir()}

    def add(self, address: str, registers: Registers) -> None:
        self.functions.append(address)
        self.write(address, registers)
        self.write(address, after_reset(registers), "reset")

    def answers_late(self, address: str, *values: str) -> None:
        """The function's vendor is read as these values after the reset, before it is what it was."""
        directory = self.root / "reset" / address
        queue = "\n".join((*values, HEADER["VENDOR_ID"]))
        (directory / "VENDOR_ID.queue").write_text(f"{queue}\n")

    def fault(self, words: str, script: str) -> None:
        """Run script when setpci is called with these words first."""
        self.fault_for = words
        (self.root / "fault").write_text(f"{script}\n")

    def reset(self, seconds: float = 10) -> tuple[int, str]:
        """Return the exit status and the word of the script."""
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        done = subprocess.run(
            [*self.shell, str(SCRIPTS / "secondary-bus-reset"), PORT, *self.functions],
            env={
                "PATH": f"{self.root}/bin",
                "PROC": str(self.root / "proc"),
                "SYSFS": str(self.root / "sys"),
                "RUN": str(self.root / "run"),
                "FAULT_FOR": self.fault_for,
                "LIMIT": str(round((uptime + seconds) * 100)),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    def journal(self) -> list[str]:
        path = self.root / "journal"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def bus(tmp_path: Path, shell: list[str]) -> Bus:
    return Bus(tmp_path, shell)


def test_order_of_what_is_written(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS, **EXTENDED})
    assert bus.reset() == (0, "")
    assert bus.journal() == [
        # Nothing starts any more
        f"{CHILD} COMMAND=0400",
        # The port is to note no error and no removal
        f"{PORT} ECAP0001+8.l=20:20",
        f"{PORT} ECAP001d+6.w=0:3",
        f"{PORT} CAP10+1c.w=0:7",
        f"{PORT} BRIDGE_CONTROL.w=0:2",
        f"{PORT} CAP10+18.w=0:1028",
        # The reset
        f"{PORT} BRIDGE_CONTROL=40:40",
        f"{PORT} BRIDGE_CONTROL=0:40",
        # Errors that were noted
        f"{CHILD} CAP10+a.w=f",
        f"{CHILD} STATUS=f900",
        f"{CHILD} ECAP0001+4.l=ffffffff",
        f"{CHILD} ECAP0001+10.l=ffffffff",
        # What was saved: masks before control, resizable BARs before BARs, Command last and without Bus Master
        f"{CHILD} ECAP0001+8.l=00018000",
        f"{CHILD} ECAP0001+c.l=00462030",
        f"{CHILD} ECAP0001+14.l=00002000",
        f"{CHILD} ECAP0001+18.l=000000a0",
        f"{CHILD} ECAP0018+4.l=10031003",
        f"{CHILD} ECAP001e+c.l=00000028",
        f"{CHILD} ECAP001e+8.l=4055000f",
        f"{CHILD} CAP10+8.w=2857",
        f"{CHILD} CAP10+28.w=0400",
        f"{CHILD} CAP10+10.w=0142",
        f"{CHILD} CAP10+30.w=0003",
        f"{CHILD} ECAP0015+8.l=00000d40",
        f"{CHILD} ECAP0015+10.l=00000b02",
        f"{CHILD} 3c.b=0b",
        f"{CHILD} 30.l=fe840000",
        f"{CHILD} 24.l=00000001",
        f"{CHILD} 20.l=fe820004",
        f"{CHILD} 1c.l=00000000",
        f"{CHILD} 18.l=0000e001",
        f"{CHILD} 14.l=fe810000",
        f"{CHILD} 10.l=fe800000",
        f"{CHILD} c.w=0010",
        f"{CHILD} COMMAND=402",
        # The port, its slot last
        f"{PORT} BRIDGE_CONTROL=0:40",
        f"{PORT} SEC_STATUS=f900",
        f"{PORT} CAP10+a.w=f",
        f"{PORT} ECAP0001+4.l=ffffffff",
        f"{PORT} ECAP0001+10.l=ffffffff",
        f"{PORT} CAP10+1a.w=118",
        f"{PORT} ECAP0001+8.l=00100000:20",
        f"{PORT} ECAP001d+6.w=0009:3",
        f"{PORT} CAP10+1c.w=0007:7",
        f"{PORT} BRIDGE_CONTROL.w=0003:2",
        f"{PORT} CAP10+18.w=17f8:1028",
        f"{PORT} CAP10+1a.w=10",
    ]


WIPED = ("STATUS", "SEC_STATUS", "CAP10+a", "CAP10+1a", "ECAP0001+4", "ECAP0001+10")


@pytest.mark.parametrize(
    "registers",
    [
        {**HEADER, **EXPRESS, **EXTENDED},
        {**HEADER, **EXPRESS},
        # Version 1 of the capability ends before the second Device Control.
        {**HEADER, "CAP10+2": "0001", "CAP10+8": "2810", "CAP10+a": "0000", "CAP10+10": "0040"},
    ],
    ids=["everything", "no extended capabilities", "version 1"],
)
def test_everything_is_as_it_was_and_bus_master_is_clear(bus: Bus, registers: Registers) -> None:
    for address in (CHILD, TWIN):
        bus.add(address, registers)
    assert bus.reset() == (0, "")
    for address, before in ((CHILD, registers), (TWIN, registers), (PORT, PORT_REGISTERS)):
        after = bus.read(address)
        for name in sorted(set(before) - set(WIPED)):
            expected = "0402" if name == "COMMAND" else before[name]
            assert (address, name, after[name]) == (address, name, expected)


def test_both_functions_are_quiet_before_the_reset(bus: Bus) -> None:
    for address in (CHILD, TWIN):
        bus.add(address, {**HEADER, **EXPRESS})
    bus.reset()
    assert bus.journal()[:2] == [f"{CHILD} COMMAND=0400", f"{TWIN} COMMAND=0400"]


def test_transactions_that_are_pending_are_waited_for(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS, "CAP10+a": "0020"})
    queue = bus.root / "registers" / CHILD / "CAP10+a.queue"
    queue.write_text("0020\n0020\n0000\n")
    assert bus.reset() == (0, "")
    assert not queue.exists()


def port_gone(bus: Bus) -> None:
    bus.write(PORT, {"VENDOR_ID": "ffff"})


def function_gone(bus: Bus) -> None:
    bus.write(CHILD, {"VENDOR_ID": "ffff"})


def function_not_ready(bus: Bus) -> None:
    bus.write(CHILD, {"VENDOR_ID": "0001"})


def function_unknown(bus: Bus) -> None:
    bus.functions.append("0000:03:00.7")


def port_unknown(bus: Bus) -> None:
    shutil.rmtree(bus.root / "registers" / PORT)


def no_capability(address: str) -> t.Callable[[Bus], None]:
    def change(bus: Bus) -> None:
        (bus.root / "registers" / address / "CAP10+2").unlink()

    return change


def dead_without_capability(bus: Bus) -> None:
    """A device that does not answer shows no capability either."""
    function_gone(bus)
    no_capability(CHILD)(bus)


def link_gone(bus: Bus) -> None:
    function_gone(bus)
    bus.write(PORT, {"CAP10+12": "0041"})


def contained(bus: Bus) -> None:
    bus.write(PORT, {"ECAP001d+8": "1f01"})


def locked_down(bus: Bus) -> None:
    (bus.root / "sys/kernel/security/lockdown").write_text("none [integrity] confidentiality\n")


def locked_down_unseen(bus: Bus) -> None:
    """No securityfs is mounted, writes have no effect."""
    (bus.root / "locked").touch()


def locked_down_and_quiet(bus: Bus) -> None:
    """The functions were quiet before: that the port refuses is seen first."""
    bus.write(CHILD, {"COMMAND": "0400"})
    (bus.root / "locked").touch()


def without_setpci(bus: Bus) -> None:
    (bus.root / "bin/setpci").unlink()


def cxl(unmasked: str) -> t.Callable[[Bus], None]:
    def change(bus: Bus) -> None:
        # The list: AER at 100h, DVSEC of another kind at 200h, that of CXL ports at 240h
        bus.write(
            PORT,
            {
                "ECAP0023": "24010023",
                "100": "20010001",
                "200": "24010023",
                "204": "1e98",
                "208": "0007",
                "20c": "0000",
                "240": "00010023",
                "244": "1e98",
                "248": "0003",
                "24c": unmasked,
            },
        )

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (port_gone, "no_answer"),
        (function_gone, "no_answer"),
        (function_not_ready, "no_answer"),
        (function_unknown, "no_answer"),
        (port_unknown, "no_answer"),
        (dead_without_capability, "no_answer"),
        (no_capability(PORT), "no_capability"),
        (no_capability(CHILD), "no_capability"),
        (link_gone, "link_down"),
        (contained, "dpc_triggered"),
        (cxl("0000"), "sbr_masked"),
        (locked_down, "locked_down"),
        (locked_down_unseen, "locked_down"),
        (locked_down_and_quiet, "locked_down"),
        (without_setpci, "no_setpci"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_nothing_is_touched(bus: Bus, change: t.Callable[[Bus], None], word: str) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS, **EXTENDED})
    change(bus)
    assert bus.reset() == (2, word)
    assert bus.journal() == []


def test_reset_is_not_begun_when_it_is_too_late(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    assert bus.reset(seconds=1.5) == (2, "late")
    assert bus.journal() == []


def test_reset_is_not_begun_on_a_machine_that_is_too_slow_to_finish_it(bus: Bus) -> None:
    """What was looked at so far took four seconds, and there are six left."""
    bus.add(CHILD, {**HEADER, **EXPRESS})
    now = stop_clock(bus)
    bus.fault("VENDOR_ID.w DEVICE_ID.w", f"echo {now + 4:.2f} 0.00 > proc/uptime")
    assert bus.reset() == (2, "late")
    assert bus.journal() == []


def refuses_the_hold(bus: Bus) -> None:
    """Its registers can be written, but not this one."""
    bus.fault(
        "BRIDGE_CONTROL=40:40", "read -r old < registers/$address/BRIDGE_CONTROL; echo $old; exit 0"
    )


def silent_about_the_hold(bus: Bus) -> None:
    """The bit is set, and nothing is read."""
    bus.fault("BRIDGE_CONTROL=40:40", "echo 0043 > registers/$address/BRIDGE_CONTROL; exit 0")


def fails_to_hold(bus: Bus) -> None:
    bus.fault("BRIDGE_CONTROL=40:40", "exit 1")


def second_function_goes_on(bus: Bus) -> None:
    bus.fault("COMMAND=0400", "echo 'echo 0406; echo 0000; exit' > fault")


@pytest.mark.parametrize(
    "change",
    [refuses_the_hold, silent_about_the_hold, fails_to_hold, second_function_goes_on],
    ids=lambda value: value.__name__,
)
def test_port_that_does_not_take_the_reset(bus: Bus, change: t.Callable[[Bus], None]) -> None:
    """The functions were quiet already, so this is not nothing. They are restored."""
    for address in (CHILD, TWIN):
        bus.add(address, {**HEADER, **EXPRESS, **EXTENDED})
    change(bus)
    assert bus.reset() == (1, "refused")
    assert is_released(bus)
    for name, value in {**HEADER, **EXPRESS, **EXTENDED}.items():
        if name not in WIPED:
            expected = "0402" if name == "COMMAND" else value
            assert (name, bus.read(CHILD)[name]) == (name, expected)


def is_released(bus: Bus) -> bool:
    return not int(bus.read(PORT)["BRIDGE_CONTROL"], 16) & 0x40


def test_reset_is_released_at_the_second_attempt(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    bus.fault("BRIDGE_CONTROL=0:40", "exit 1")
    assert bus.reset() == (0, "")
    assert is_released(bus)
    assert bus.read(CHILD)["10"] == HEADER["10"]


def test_reset_is_released_if_the_script_breaks_off(bus: Bus) -> None:
    """The shell ends when it is to calculate with something that is no number."""
    bus.add(CHILD, {**HEADER, **EXPRESS})
    bus.fault(
        "BRIDGE_CONTROL=40:40", "echo 0043 > registers/$address/BRIDGE_CONTROL; echo nonsense; exit"
    )
    assert bus.reset() == (1, "not_restored")
    assert is_released(bus)
    assert bus.read(PORT)["CAP10+18"] == PORT_REGISTERS["CAP10+18"]


@pytest.mark.parametrize("bound", [True, False])
def test_function_with_a_driver_is_not_restored_when_it_is_too_late(bus: Bus, bound: bool) -> None:
    """Drivers may be loading by then. Without the base addresses none of them could do anything."""
    bus.add(CHILD, {**HEADER, **EXPRESS})
    stop_clock(bus)
    bus.fault("BRIDGE_CONTROL=0:40", "echo 9999999.00 0.00 > proc/uptime")
    if bound:
        function = bus.root / "sys/bus/pci/devices" / CHILD
        function.mkdir(parents=True)
        (function / "driver").symlink_to(bus.root)
    assert bus.reset() == ((1, "not_restored") if bound else (0, ""))
    written = [line for line in bus.journal() if line.startswith(CHILD)]
    assert (written == [f"{CHILD} COMMAND=0400"]) is bound
    assert (bus.read(CHILD)["10"] == HEADER["10"]) is not bound
    assert is_released(bus)
    assert bus.read(PORT)["CAP10+18"] == PORT_REGISTERS["CAP10+18"]


def stop_clock(bus: Bus) -> float:
    """Replace the real clock by one that stands still, and return its time."""
    uptime = bus.root / "proc/uptime"
    now = uptime.read_text().split()[0]
    uptime.unlink()
    uptime.write_text(f"{now} 0.00\n")
    return float(now)


def test_cxl_port_that_does_not_ignore_the_reset(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    cxl("0001")(bus)
    assert bus.reset() == (0, "")


def test_list_of_capabilities_that_bites_its_tail(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    bus.write(PORT, {"ECAP0023": "10010023", "100": "10010001"})
    assert bus.reset() == (0, "")


def test_function_that_takes_its_time(bus: Bus) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    bus.answers_late(CHILD, "ffff", "0001", "0001")
    assert bus.reset() == (0, "")
    assert bus.read(CHILD)["10"] == HEADER["10"]


def lost(bus: Bus) -> None:
    bus.write(CHILD, {"VENDOR_ID": "ffff"}, "reset")


def replaced(bus: Bus) -> None:
    """Switches show such a device until the link is really up."""
    bus.write(CHILD, {"VENDOR_ID": "1000", "DEVICE_ID": "02b2"}, "reset")


def link_lost(bus: Bus) -> None:
    bus.write(PORT, {"CAP10+12": "0041"}, "reset")


@pytest.mark.parametrize(
    ("change", "word"),
    [(lost, "not_back"), (replaced, "identity_changed"), (link_lost, "link_down")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_port_gets_its_masks_back_when_it_went_wrong(
    bus: Bus, change: t.Callable[[Bus], None], word: str
) -> None:
    bus.add(CHILD, {**HEADER, **EXPRESS})
    change(bus)
    assert bus.reset(seconds=4) == (1, word)
    after = bus.read(PORT)
    for name in set(PORT_REGISTERS) - {*WIPED, "CAP10+12"}:
        assert (name, after[name]) == (name, PORT_REGISTERS[name])


@pytest.mark.parametrize("link", [{"CAP10+12": "0041"}, {"CAP10+c": "00000000"}])
def test_port_that_denies_its_link_or_does_not_report_it(bus: Bus, link: Registers) -> None:
    """QEMU's root ports do the one, downstream ports without hot-plug the other."""
    bus.add(CHILD, {**HEADER, **EXPRESS})
    bus.write(PORT, link)
    assert bus.reset() == (0, "")
