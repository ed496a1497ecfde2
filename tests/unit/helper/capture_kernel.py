# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A capture kernel made of files, in which the shipped shell scripts run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import threading
import time
import typing as t
from collections.abc import Callable, Sequence
from pathlib import Path

SCRIPTS = Path(__file__).parents[3] / "plugins" / "plugin_utils" / "pcie_reset"

# All that the helper may use: what every initramfs has, and what is put beside the helper.
TOOLS = ("mkdir", "mv")
OWN_TOOLS = ("head", "od", "sleep")

CONFIG_BYTES = 256
COMMAND = 4
BUS_MASTER = 4

F_GETPIPE_SZ = 1032  # linux/fcntl.h; the module fcntl has it since Python 3.10

Config = bytearray
Effect = Callable[[Config], None]


def find_shells() -> dict[str, list[str]]:
    """Every POSIX shell that an initramfs may have and this machine has: name -> argv."""
    candidates = {
        "dash": [shutil.which("dash")],
        "bash": [shutil.which("bash"), "--posix"],
        "busybox": [shutil.which("busybox"), "sh"],
        "klibc": [shutil.which("/usr/lib/klibc/bin/sh")],
        "sh": [shutil.which("sh")],
    }
    found = {name: t.cast("list[str]", argv) for name, argv in candidates.items() if argv[0]}
    if {"dash", "sh"} <= set(found) and Path(found["dash"][0]).samefile(found["sh"][0]):
        del found["sh"]
    return found


SHELLS = find_shells()


def make_config(identity: str, class_: str, command: int) -> Config:
    vendor, device = (int(word, 16) for word in identity.split(":"))
    config = bytearray(range(CONFIG_BYTES))
    config[0:2] = vendor.to_bytes(2, "little")
    config[2:4] = device.to_bytes(2, "little")
    config[4:6] = command.to_bytes(2, "little")
    config[9:12] = int(class_, 16).to_bytes(3, "little")
    return config


def unplug(config: Config) -> None:
    """Every read returns ones, as it does when nothing answers."""
    config[:] = b"\xff" * len(config)


def restore(config: Config) -> None:
    """reset_subordinate puts back everything that it saved before."""


class CaptureKernel:
    """/sys, /proc, /run and /dev/kmsg below a directory, and what the kernel does when a port is reset."""

    def __init__(self, root: Path, shell: Sequence[str], tools: Path) -> None:
        self.root = root / "machine"
        self.shell = shell
        self.tools = tools
        self.devices = self.root / "sys/bus/pci/devices"
        self.proc = self.root / "proc"
        self.run_directory = self.root / "run/pcie-reset"
        self.kmsg = self.root / "kmsg"
        self.lib = self.root / "usr/local/lib/pcie-reset"
        (self.lib / "bin").mkdir(parents=True)
        for name in ("pcie-reset", "lib.sh"):
            (self.lib / name).symlink_to(SCRIPTS / name)
        for name in OWN_TOOLS:
            (self.lib / "bin" / name).symlink_to(t.cast(str, shutil.which(name)))
        self.devices.mkdir(parents=True)
        (self.proc / "sys/kernel").mkdir(parents=True)
        (self.proc / "vmcore").touch()
        (self.proc / "uptime").symlink_to("/proc/uptime")
        (self.proc / "sys/kernel/osrelease").write_text("6.12.107+deb13-amd64\n")
        self.command_line("")
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._fifos: list[Path] = []
        self._held: list[Path] = []
        self._descriptors: list[int] = []

    def command_line(self, arguments: str) -> None:
        (self.proc / "cmdline").write_text(f"root=/dev/vda1 * {arguments} quiet\n")

    def add_script(self, name: str, text: str) -> None:
        """Put a shell script beside the helper."""
        script = self.lib / name
        script.unlink(missing_ok=True)  # it may be a link to the real one
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)

    # The devices

    def port(self, address: str, method: bool = True) -> Path:
        directory = self.root / "sys/devices/pci0000:00" / address
        (directory / "power").mkdir(parents=True)
        (directory / "power/control").write_text("auto\n")
        (directory / f"{address}:pcie001").mkdir()
        (directory / "current_link_width").write_text("1\n")
        (self.devices / address).symlink_to(directory)
        if method:
            (directory / "reset_subordinate").touch()
        return directory

    def function(
        self, port: Path, address: str, identity: str, class_: str, command: int = 0x0406
    ) -> Path:
        directory = port / address
        directory.mkdir()
        vendor, device = identity.split(":")
        (directory / "vendor").write_text(f"0x{vendor}\n")
        (directory / "device").write_text(f"0x{device}\n")
        (directory / "class").write_text(f"0x{class_}\n")
        (directory / "config").write_bytes(make_config(identity, class_, command))
        (self.devices / address).symlink_to(directory)
        return directory

    def slot(self, address: str, power: bool = True) -> None:
        """A slot, by the address of what is in it without its function; hot-plug slots have power."""
        directory = self.root / "sys/bus/pci/slots" / address.replace(":", "-")
        directory.mkdir(parents=True)
        (directory / "address").write_text(f"{address}\n")
        if power:
            (directory / "power").write_text("1\n")

    def version(self, release: str) -> None:
        (self.proc / "sys/kernel/osrelease").write_text(f"{release}\n")

    def bind(self, function: Path) -> None:
        driver = self.root / "sys/bus/pci/drivers/virtio-pci"
        driver.mkdir(parents=True, exist_ok=True)
        (function / "driver").symlink_to(driver)

    # What the kernel does

    def _fifo(self, fifo: Path) -> Path:
        fifo.unlink()
        os.mkfifo(fifo)
        self._fifos.append(fifo)
        return fifo

    def _full_fifo(self, path: Path) -> int:
        """Make a FIFO in which a write waits until something is read, and return the end to read from."""
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        descriptor = os.open(path, os.O_RDWR)
        os.write(descriptor, bytes(fcntl.fcntl(descriptor, F_GETPIPE_SZ)))
        return descriptor

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wait_for_write(self, port: Path) -> bool:
        while not self._ended.is_set():
            if f"resetting={port.name} " in self.log():
                return True
            time.sleep(0.005)
        return False

    def on_reset(
        self, port: Path, effect: Effect = restore, file: str = "reset_subordinate"
    ) -> None:
        """Apply effect to the configuration space of every function below when the helper writes, then return."""
        fifo = self._fifo(port / file)

        def kernel() -> None:
            if self._wait_for_write(port):
                for config in port.glob("*/config"):
                    content = bytearray(config.read_bytes())
                    effect(content)
                    if content != config.read_bytes():
                        config.write_bytes(content)
                fifo.read_bytes()

        self._start(kernel)

    def clock(self, uptime: str) -> None:
        """Replace the real clock by one that stands still."""
        (self.proc / "uptime.new").write_text(f"{uptime} 0.90\n")
        (self.proc / "uptime.new").replace(self.proc / "uptime")

    def on_look(self, number: int, command: str) -> None:
        """Run a shell command right before the helper looks at the functions for this time, counted from 1."""
        head = t.cast(str, shutil.which("head"))
        looks = self.root / "looks"
        self.add_script(
            "bin/head",
            f"echo >> {looks}\n"
            f"[ $(/usr/bin/wc -l < {looks}) -ne {number} ] || {{ {command}; }}\n"
            f'exec {head} "$@"',
        )

    def reset_reports_error(self, port: Path, uptime: str | None = None) -> None:
        """The write fails after 1.2 s, as it does when the kernel resets the bus and then misses the link."""
        reader = self._full_fifo(port / "reset_subordinate")

        def kernel() -> None:
            if self._wait_for_write(port):
                time.sleep(1.2)
            if uptime:
                self.clock(uptime)
            os.close(reader)  # nobody reads any more: EPIPE

        self._start(kernel)

    def reset_is_refused(self, port: Path) -> None:
        """The write fails at once, as it does for a device with PCI_DEV_FLAGS_NO_BUS_RESET."""
        (port / "reset_subordinate").unlink()
        (port / "reset_subordinate").symlink_to("/dev/full")

    def reset_hangs(self, port: Path) -> None:
        """The write does not return before the test ends."""
        self._fifo(port / "reset_subordinate")

    def wakes_up_late(self, port: Path) -> threading.Event:
        """The port leaves its sleep when the helper has reported. The event is set when it has."""
        control = self._full_fifo(port / "power/control")
        self._descriptors.append(control)
        awake = threading.Event()

        def kernel() -> None:
            while not self._ended.wait(0.05):
                if "pcie_reset: summary " in self.log():
                    os.read(control, 1 << 20)
                    awake.set()
                    return

        self._start(kernel)
        return awake

    def registers_hang(self, function: Path) -> None:
        """A read of the configuration space does not return before the test ends."""
        config = function / "config"
        config.unlink()
        os.mkfifo(config)
        self._held.append(config)

    def lock_down(self, function: Path) -> None:
        """Writes to config fail (LOCKDOWN_PCI_ACCESS), pci_disable_device() clears Bus Master."""
        config = function / "config"
        content = bytearray(config.read_bytes())
        config.unlink()
        config.symlink_to(self._read_only(content))
        enable = self._full_fifo(function / "enable")
        self._descriptors.append(enable)

        def kernel() -> None:
            if self._wait_for_write(function.resolve().parent):
                time.sleep(0.2)  # until the helper waits in its write to enable
            content[COMMAND] &= ~BUS_MASTER
            (function / "after").symlink_to(self._read_only(content))
            (function / "after").replace(config)
            os.read(enable, 1 << 20)

        self._start(kernel)

    def _read_only(self, content: bytes | bytearray) -> Path:
        """A file to which even root cannot write: EPERM."""
        descriptor = os.memfd_create("config", os.MFD_ALLOW_SEALING)
        self._descriptors.append(descriptor)
        os.write(descriptor, content)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        return Path(f"/proc/{os.getpid()}/fd/{descriptor}")

    def close(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(timeout=0.1)
        for fifo in self._fifos:  # let go of whoever still waits
            os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        for fifo in self._held:
            os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))
        for thread in self._threads:
            thread.join(timeout=5)
        for descriptor in self._descriptors:
            os.close(descriptor)

    # The helper

    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.tools),
            "SYSFS": str(self.root / "sys"),
            "PROC": str(self.proc),
            "RUN": str(self.run_directory),
            "KMSG": str(self.kmsg),
            "LEFT": str(self.root / "pcie-reset"),
            # What initramfs-tools exports to its scripts.
            "ROOT": "/dev/vda1",
        }

    def run(self, plan: str | bytes | None, **environment: str) -> int:
        path = self.root / "plan"
        if plan is not None:
            path.write_bytes(plan if isinstance(plan, bytes) else plan.encode())
        process = subprocess.run(
            [*self.shell, str(self.lib / "pcie-reset"), str(path)],
            env={**self.environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            restore_signals=False,  # SIGPIPE stays ignored: a broken pipe is an error of write(), as it is in sysfs
            timeout=60,
            check=False,
        )
        return process.returncode

    def log(self) -> str:
        return self.kmsg.read_text() if self.kmsg.exists() else ""

    def report(self) -> dict[str, t.Any]:
        return t.cast(
            "dict[str, t.Any]", json.loads((self.run_directory / "report.json").read_text())
        )

    def command(self, function: Path) -> int:
        return int.from_bytes((function / "config").read_bytes()[COMMAND : COMMAND + 2], "little")
