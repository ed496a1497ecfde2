# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual machine: its directory, its QEMU process, its ssh."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from qemu.qmp import ExecuteError, QMPClient, QMPError

from lab import qemu
from lab.accel import acceleration
from lab.errors import LabError
from lab.firmware import secure_boot
from lab.image import Image, obtain
from lab.progress import Progress, tail
from lab.qemu import Qemu

_PROFILES = Path(__file__).parent / "profiles"
_GUESTS = Path(__file__).parent / "guests"
_BOOT_SECONDS = 900
_START_SECONDS = 300
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")  # of a host
_IOMMUS = ("intel-iommu", "amd-iommu")
# With one processor an interrupt that is pending in its local APIC when the kernel dies can make the capture kernel
# wait for its disk for ever (docs/how/limits.md, "Whatever the IOMMU"). A profile that is about one says "smp: 1".
_PROCESSORS = 2
# panic= lets a stray panic reboot instead of hanging the lab. Debian 13's makedumpfile cannot tell
# free pages of its own kernel ("The kernel version is not supported"): zeroed ones are left out of a
# dump all the same, and a dump of 70 MiB instead of 220 saves a minute under emulation.
_KERNEL_ARGUMENTS = ["root=/dev/vda", "ro", "panic=10", "init_on_free=1", "no_timer_check"]
_CONSOLES = {"x86_64": "ttyS0", "aarch64": "ttyAMA0"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def lab_directory() -> Path:
    """Where machines live: LAB_DIRECTORY, or build/lab of this checkout."""
    return Path(os.environ.get("LAB_DIRECTORY") or Path(__file__).parents[2] / "build" / "lab")


@dataclass(frozen=True)
class Process:
    """A process that this lab started. The start time (clock ticks after boot, field 22 of
    /proc/PID/stat) tells it from a later one with the same number."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process *pid*, None when there is none (or only a zombie is left of it)."""
        try:
            # "4242 (qemu-system-x86) S 1 4242 ...": the name may hold blanks and parentheses.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else cls(pid, fields[19])

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self


class Function(NamedTuple):
    """A PCI function of a machine."""

    address: str
    name: str  # the id of its device in the profile, or nothing
    kind: int  # base class and subclass
    port: str | None  # the address of the bridge above


@dataclass
class Machine:
    """A machine of the lab, as its directory describes it."""

    name: str
    profile: str
    image: str
    port: int
    process: Process

    @property
    def directory(self) -> Path:
        """Everything that belongs to this machine."""
        return lab_directory() / self.name

    @property
    def console(self) -> Path:
        """The serial console's log, of all boots."""
        return self.directory / "console.log"

    @property
    def disk(self) -> Path:
        """The machine's own overlay."""
        return self.directory / "disk.qcow2"

    def written(self) -> int:
        """How many bytes were written to its disk so far."""
        disks = {found["node-name"]: found["stats"] for found in self.qmp("query-blockstats")}
        count: int = disks["root"]["wr_bytes"]
        return count

    @property
    def trace_log(self) -> Path:
        """What QEMU's trace events say, with time stamps (lab.trace reads it)."""
        return self.directory / "trace.log"

    @property
    def wires(self) -> list[Path]:
        """Sockets for raw Ethernet frames to the NICs of the profile on "wire0", ... (lab.wire)."""
        return sorted((self.directory / "monitor").readlink().glob("wire?"))

    @property
    def devices(self) -> list[dict[str, Any]]:
        """The devices of its profile."""
        devices: list[dict[str, Any]] = _profile(self.profile)["devices"]
        return devices

    @property
    def cpus(self) -> int:
        """How many processors it has."""
        count: int = _profile(self.profile).get("smp", _PROCESSORS)
        return count

    @property
    def system(self) -> str:
        """What QEMU emulates: C(x86_64) or C(aarch64)."""
        return _system(_profile(self.profile))

    @property
    def iommu(self) -> str | None:
        """QEMU's name of its IOMMU."""
        profile = _profile(self.profile)
        drivers = [device["driver"] for device in profile["devices"]]
        of_machine: str | None = profile["machine"].get("iommu")
        return of_machine or next((name for name in drivers if name in _IOMMUS), None)

    @property
    def measured(self) -> list[str]:
        """The ids of those whose DMA "lab effect" counts."""
        measured: list[str] = _profile(self.profile)["measured"]
        return measured

    def qmp(self, command: str, **arguments: object) -> Any:
        """What QEMU's monitor answers to *command*.

        Raises:
            LabError: it refused, or does not answer.
        """
        try:
            return asyncio.run(_qmp(_socket(self.directory), command, **arguments))
        except (ExecuteError, QMPError, OSError, TimeoutError) as error:
            raise LabError(f"QEMU's monitor refused {command}: {error}") from error

    def trace(self, events: Iterable[str], enable: bool) -> None:
        """Switch trace events (names or shell patterns) on or off."""
        for event in events:
            self.qmp("trace-event-set-state", name=event, enable=enable)

    def functions(self) -> list[Function]:
        """All PCI functions, with the addresses that the guest gave them."""
        return [found for bus in self.qmp("query-pci") for found in _functions(bus["devices"])]

    def addresses(self) -> dict[str, str]:
        """The addresses of the profile's devices that have an id: C({"nic": "0000:01:00.0"})."""
        return {found.name: found.address for found in self.functions() if found.name}

    def alive(self) -> bool:
        """Whether its QEMU runs."""
        return self.process.alive()

    def ssh_options(self) -> list[str]:
        """Options of ssh and scp that reach this machine, and no other in its place."""
        return [
            "-F", "none", "-i", str(self.directory / "key"), "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}",
            "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR",
            "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=6",
        ]  # fmt: skip

    def ssh_command(self, *command: str) -> list[str]:
        """The ssh command line for *command* (a shell without one)."""
        return ["ssh", *self.ssh_options(), "-p", str(self.port), "root@127.0.0.1", *command]

    def ssh(self, command: str, timeout: float = 60, text: str = "") -> str:
        """What *command*, which reads *text*, printed on the machine.

        Raises:
            LabError: it failed, or did not end within *timeout* seconds.
        """
        try:
            result = subprocess.run(
                self.ssh_command(command), capture_output=True, text=True, timeout=timeout,
                input=text, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LabError(
                f"'{command}' did not end on {self.name} within {timeout:.0f} s."
            ) from None
        if result.returncode:
            reason = result.stderr.strip() or f"exit code {result.returncode}"
            raise LabError(f"'{command}' failed on {self.name}: {reason}")
        return result.stdout

    def start(self, script: str, *arguments: str) -> None:
        """Run guests/*script* on the machine as the unit of that name; it goes on when it is ready."""
        path, unit = f"/run/{script}", Path(script).stem
        self.ssh(f"cat >{path}", text=(_GUESTS / script).read_text(), timeout=_START_SECONDS)
        command = f"python3 {shlex.join((path, *arguments))}"
        self.ssh(
            f"systemd-run --quiet --unit={unit} --property=Type=notify"
            f" --property=TimeoutStartSec={_START_SECONDS} {command}"
            f" || {{ journalctl --unit={unit} --lines=3 --output=cat --no-pager >&2; false; }}",
            timeout=_START_SECONDS,
        )

    def inventory(self) -> dict[str, Any]:
        """An Ansible inventory with this one host."""
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.directory / "key"),
            "ansible_ssh_common_args": shlex.join(self.ssh_options()),
            "lab_console": str(self.console),
            "lab_directory": str(self.directory),
        }
        return {"all": {"hosts": {self.name: host}}}

    def reset(self) -> None:
        """Press its reset button, whatever it is doing."""
        self.qmp("system_reset")
        self.qmp("cont")

    def cut_power(self) -> None:
        """End what runs on it in the middle, and wait until it has booted again.

        Raises:
            LabError: it did not boot.
        """
        self.reset()
        _wait_for_boot(self)

    def down(self, keep: bool = False) -> None:
        """End its QEMU, and remove its directory unless *keep*."""
        if self.alive():
            with contextlib.suppress(OSError, QMPError, TimeoutError):
                asyncio.run(_qmp(_socket(self.directory), "quit"))
            _end(self.process)
        _forget_monitor(self.directory)
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


def _functions(devices: list[dict[str, Any]], port: str | None = None) -> Iterator[Function]:
    """What query-pci tells about the devices of a bus, below *port*, and those further below."""
    for device in devices:
        place = f"{device['bus']:02x}:{device['slot']:02x}.{device['function']:x}"
        address = f"0000:{place}"
        yield Function(address, device["qdev_id"], device["class_info"]["class"], port)
        yield from _functions(device.get("pci_bridge", {}).get("devices", []), address)


def machines() -> list[Machine]:
    """All machines of this lab directory, running or left behind."""
    return [_load(path.parent) for path in sorted(lab_directory().glob("*/machine.json"))]


def find(name: str) -> Machine:
    """The machine *name*.

    Raises:
        LabError: there is none.
    """
    directory = lab_directory() / name
    if not (directory / "machine.json").exists():
        names = ", ".join(machine.name for machine in machines()) or "none"
        raise LabError(f"There is no machine called {name}; this lab has: {names}.")
    return _load(directory)


def up(name: str, profile: str = "vtd", image: str = "debian13", **changes: Any) -> Machine:
    """Start a machine and wait until ssh answers and its boot has settled.

    *changes* are in the place of what the profile says. On failure (or Ctrl-C) QEMU is ended; console log and disk
    stay for a look.

    Raises:
        LabError: unknown profile or image, the name is taken, QEMU or the boot failed.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a machine; use letters, digits and '-'.")
    description = {**_profile(profile), **changes}
    directory = lab_directory() / name
    if (directory / "machine.json").exists() and _load(directory).alive():
        raise LabError(f"The machine {name} runs already; 'down {name}' ends it.")
    source = obtain(image)
    if source.architecture != _ARCHITECTURES[_system(description)]:
        raise LabError(
            f"The image {image} is for {source.architecture}: not for the profile {profile}."
        )
    program = qemu.obtain(_system(description), description.get("qemu"))
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    _credentials(directory)
    process = _start(name, directory, source, description, program)
    try:
        port = asyncio.run(_ssh_port(directory))
        machine = Machine(name, profile, image, port, process)
        known = f"[127.0.0.1]:{port} {source.host_key}\n"
        (directory / "known_hosts").write_text(known)
        (directory / "machine.json").write_text(json.dumps(asdict(machine), indent=2) + "\n")
        _wait_for_boot(machine)
    except BaseException:
        _end(process)
        _forget_monitor(directory)
        raise
    return machine


def _load(directory: Path) -> Machine:
    data = json.loads((directory / "machine.json").read_text())
    return Machine(**{**data, "process": Process(**data["process"])})


def _profile(name: str) -> dict[str, Any]:
    path = _PROFILES / f"{name}.yml"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in _PROFILES.glob("*.yml")))
        raise LabError(f"There is no profile called {name}; choose one of: {known}.")
    description: dict[str, Any] = yaml.safe_load(path.read_text())
    if "base" not in description:
        return description
    whole = {**_profile(description.pop("base")), **description}
    if "iommu" in description:
        kept = [each for each in whole["devices"] if each["driver"] not in _IOMMUS]
        whole["devices"] = [*description["iommu"], *kept]
    return whole


def _system(profile: dict[str, Any]) -> str:
    name: str = profile.get("system", "x86_64")
    return name


def _credentials(directory: Path) -> None:
    """A fresh key; the guest's systemd takes its public half from SMBIOS (system credentials)."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", directory / "key"],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _socket(directory: Path) -> Path:
    """QEMU's monitor: a socket's path is short (108 bytes), a checkout's may not be."""
    return Path((directory / "monitor").readlink()) / "qmp"


def _forget_monitor(directory: Path) -> None:
    """Remove the temporary directory of a monitor that nobody listens on any more."""
    link = directory / "monitor"
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()


def _start(
    name: str, directory: Path, image: Image, profile: dict[str, Any], program: Qemu
) -> Process:
    (directory / "monitor").symlink_to(tempfile.mkdtemp(prefix="lab-monitor-"))
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk.resolve(),
         directory / "disk.qcow2"],
        check=True,
    )  # fmt: skip
    with (directory / "qemu.log").open("w") as log:
        child = subprocess.Popen(
            [*program.command, *_arguments(name, directory, image, profile)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=program.environment,
        )  # fmt: skip
    try:
        return _wait_for_qemu(child, directory)
    except BaseException:
        child.kill()
        child.wait()
        _forget_monitor(directory)
        raise


def _wait_for_qemu(child: subprocess.Popen[bytes], directory: Path) -> Process:
    deadline = time.monotonic() + 15
    while not _socket(directory).exists():
        if child.poll() is not None or time.monotonic() > deadline:
            last = "\n".join(tail(directory / "qemu.log", 5))
            raise LabError(f"QEMU did not start the machine {directory.name}:\n{last}")
        time.sleep(0.05)
    process = Process.of(child.pid)
    if process is None:
        raise LabError(f"QEMU ended at once; see {directory / 'qemu.log'}.")
    return process


def _arguments(name: str, directory: Path, image: Image, profile: dict[str, Any]) -> list[str]:
    system = _system(profile)
    key = base64.b64encode((directory / "key.pub").read_bytes()).decode()
    machine = ",".join([profile["machine"].pop("type")]
                       + [f"{option}={value}" for option, value in profile["machine"].items()])  # fmt: skip
    arguments = [*_KERNEL_ARGUMENTS, f"console={_CONSOLES[system]}", f"crashkernel={image.crashkernel}",
                 f"systemd.hostname={name}", *profile["kernel_arguments"]]  # fmt: skip
    credential = f"ssh.authorized_keys.root={key}"
    if system == "x86_64":
        x86 = ["-smbios", f"type=11,value=io.systemd.credential.binary:{credential}"]
        # Linux starts the chipset's watchdog when it finds it, and feeds it until it panics. Under emulation a dump
        # takes longer than the two times 30 s that are left then. Before QEMU 8 the watchdog reset nothing by default.
        if profile.get("watchdog"):
            x86 += ["-global", "ICH9-LPC.noreboot=off"]
        else:
            arguments.append("modprobe.blacklist=iTCO_wdt")
    else:
        # SMBIOS is there with UEFI firmware only.
        x86 = []
        arguments.append(f"systemd.set_credential_binary={credential.replace('=', ':', 1)}")
    root = {"node-name": "root", "driver": "qcow2", "discard": "unmap",
            "file": {"driver": "file", "filename": str(directory / "disk.qcow2")}}  # fmt: skip
    empty = {"driver": "null-co", "size": 64 << 20, "read-zeroes": True}
    scratch = {
        "node-name": "scratch",
        "driver": "throttle",
        "throttle-group": "pace",
        "file": empty,
    }
    command = [
        "-name", name, "-machine", machine, *acceleration(image, system, profile.get("clock")),
        "-m", str(profile["memory_mib"]), "-smp", str(profile.get("smp", _PROCESSORS)),
        "-nodefaults", "-display", "none",
        "-chardev", f"file,id=console,path={directory / 'console.log'}",
        "-serial", "chardev:console",
        "-qmp", f"unix:{_socket(directory)},server=on,wait=off",
        # Trace events are switched on when they are wanted; this one is rare and opens the log.
        "-trace", "qemu_system_powerdown_request", "-D", str(directory / "trace.log"), "-msg", "timestamp=on",
        # Port 0: the kernel picks a free one, _ssh_port() asks QEMU which.
        "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:0-:22",
        "-audiodev", "none,id=silence",
        "-object", "throttle-group,id=pace",
        "-blockdev", json.dumps(root), "-blockdev", json.dumps(scratch),
        *x86,
        "-kernel", str(image.kernel),
    ]  # fmt: skip
    if profile.get("secure_boot"):
        command += secure_boot(directory)
    if profile.get("erst"):
        # Without an address it takes slot 1, which may be another device's.
        command += [
            "-object", f"memory-backend-file,id=records,mem-path={directory / 'records'},size=64K,share=on",
            "-device", "acpi-erst,memdev=records,addr=0xa",
        ]  # fmt: skip
    if not image.bootloader:
        command += ["-initrd", str(image.initrd), "-append", " ".join(arguments)]
    for device in profile["devices"]:
        wire = str(device.get("netdev", ""))
        if wire.startswith("wire"):
            path = _socket(directory).with_name(wire)
            # Nobody listens at the other end: frames go one way.
            ends = f"local.type=unix,local.path={path},remote.type=unix,remote.path={path}-nobody"
            command += ["-netdev", f"dgram,id={wire},{ends}"]
        command += ["-device", json.dumps(device)]
    return command


async def _qmp(socket: Path, command: str, **arguments: object) -> object:
    client = QMPClient("lab")
    await asyncio.wait_for(client.connect(str(socket)), 10)
    try:
        return await asyncio.wait_for(client.execute(command, arguments), 10)
    finally:
        with contextlib.suppress(QMPError, EOFError, OSError):
            await client.disconnect()


async def _ssh_port(directory: Path) -> int:
    """The port of 127.0.0.1 that QEMU forwards to the guest's ssh.

    ``info usernet`` prints a table, with the host's port in the fourth column::

          Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
          TCP[HOST_FORWARD]  12       127.0.0.1 39741       10.0.2.15    22     0     0
    """
    try:
        table = await _qmp(
            _socket(directory), "human-monitor-command", **{"command-line": "info usernet"}
        )
    except (ExecuteError, QMPError, OSError) as error:
        raise LabError(f"QEMU's monitor does not answer: {error}; see {directory}.") from error
    match = re.search(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)", str(table))
    if match is None:
        raise LabError(f"QEMU does not say which port it forwards: {table!r}")
    return int(match[1])


def _wait_for_boot(machine: Machine) -> None:
    progress = Progress(f"booting {machine.name} ({machine.profile})")
    while True:
        if not machine.alive():
            last = "\n".join(tail(machine.directory / "qemu.log", 5))
            raise LabError(f"QEMU of {machine.name} ended during the boot:\n{last}")
        with contextlib.suppress(LabError):
            machine.ssh("systemctl is-system-running --wait >/dev/null || true", timeout=120)
            break
        if time.monotonic() - progress.started > _BOOT_SECONDS:
            last = "\n".join(tail(machine.console, 10))
            raise LabError(
                f"{machine.name} did not answer on ssh within {_BOOT_SECONDS} s; last lines of "
                f"{machine.console}:\n{last}"
            )
        progress.update("".join(tail(machine.console)))
        time.sleep(1)
    progress.done()


def _end(process: Process) -> None:
    """End *process*, politely first. Only ever what this lab started."""
    for number, seconds in ((0, 2), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if number and process.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
            if not process.alive():
                return
            time.sleep(0.05)
