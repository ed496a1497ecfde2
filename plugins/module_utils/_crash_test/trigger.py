# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How a host is crashed: the detached trigger, the CPU it happens on, the load it happens under."""

from __future__ import annotations

import random
import re

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

UNIT = "vmcore-kdump-crash-test"
LOAD_UNIT = f"{UNIT}-load"
LOADS = ("disk", "network")
# A load needs some seconds until it is one.
LOAD_DELAY_SECONDS = 10
# The load ends by itself when the crash does not come.
_LOAD_GRACE_SECONDS = 30
LOAD_DIRECTORY = "/var/tmp"
LOAD_FILES = "vmcore-kdump-load-*"

# Arguments: the run id, by which a process is recognised, and the CPU, which may be empty.
# What is dirty goes to the disk first, but a sync that hangs (a dead NFS server) is not waited for.
# Nothing is crashed that could not take a dump any more: the preflight was some seconds ago.
TRIGGER = """
synced=$(mktemp -u)
{ sync; : > "$synced"; } &
tenths=0
until [ -e "$synced" ] || [ $tenths -ge 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
rm -f "$synced"
read -r armed < /sys/kernel/kexec_crash_loaded
[ "$armed" = 1 ] || { echo "No capture kernel is loaded any more, nothing is crashed." >&2; exit 1; }
[ -z "$2" ] || exec taskset -c "$2" sh -c 'echo c > /proc/sysrq-trigger'
echo c > /proc/sysrq-trigger
"""

# Arguments: seconds, directory, kinds. Writes the same 64 MiB again and again, 8 GiB at most, and sends
# 16 GiB at most over the loopback interface; what of it is left after the crash is one file.
LOAD = """
import os, socket, sys, tempfile, threading, time

until = time.monotonic() + float(sys.argv[1])
block = os.urandom(1 << 20)

def disk():
    with tempfile.NamedTemporaryFile(dir=sys.argv[2], prefix="vmcore-kdump-load-") as file:
        for number in range(8 << 10):
            if time.monotonic() > until:
                break
            os.pwrite(file.fileno(), block, (number % 64) << 20)
            if number % 4 == 3:
                os.fsync(file.fileno())

def receive(server):
    peer = server.accept()[0]
    while peer.recv(1 << 16):
        pass

def network():
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=receive, args=(server,), daemon=True).start()
    with socket.create_connection(server.getsockname()) as peer:
        for _ in range(16 << 10):
            if time.monotonic() > until:
                break
            peer.sendall(block)

threads = [threading.Thread(target={"disk": disk, "network": network}[kind]) for kind in sys.argv[3:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

# lib/dump_stack.c, dump_stack_print_info(), of the task that panicked:
# With CONFIG_PRINTK_CALLER the task or CPU that printed the line comes before it.
#   [  173.466454] [   T1243] CPU: 1 UID: 0 PID: 1243 Comm: sh Kdump: loaded Not tainted 6.12.107+deb13-amd64 #1
_PANIC_CPU = re.compile(
    r"Kernel panic - not syncing.*?^\[ *[\d.]+\] ?(?:\[ *[CT]\d+\])? ?CPU: (\d+) ",
    re.DOTALL | re.MULTILINE,
)


def parse_cpus(text: str) -> list[int]:
    """Read a list of CPUs as in /sys/devices/system/cpu/online: C(0-3,5)."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _dash, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            cpus += range(int(first), int(last or first) + 1)
    return cpus


def choose_cpu(wanted: str | None, online: list[int]) -> int | None:
    """Return the number of the CPU to crash on, None for the one that comes.

    Raises:
        KdumpError: there is no such CPU, or it is offline.
    """
    if wanted is None:
        return None
    if wanted == "random" and online:
        return random.choice(online)
    if not wanted.isdigit() or int(wanted) not in online:
        raise KdumpError(
            f"The host cannot be crashed on CPU {wanted}: these are online: {', '.join(map(str, online))}."
        )
    return int(wanted)


def panic_cpu(log: str) -> int | None:
    """Return the CPU that panicked, by the kernel's log; None when the log does not say."""
    match = _PANIC_CPU.search(log)
    return int(match[1]) if match else None


def timer_command(delay: int, run_id: str, cpu: int | None) -> list[str]:
    """The command that schedules the crash with systemd; stopping C(UNIT.timer) cancels it."""
    return [
        "systemd-run", "--collect", f"--unit={UNIT}", f"--on-active={delay}",
        "--timer-property=AccuracySec=100ms", "/bin/sh", "-c", TRIGGER, "sh", run_id, _text(cpu),
    ]  # fmt: skip


def session_command(delay: int, run_id: str, cpu: int | None) -> list[str]:
    """The same for a host without systemd; ending the process with the run id among its arguments cancels it."""
    script = f"sleep {delay}\n{TRIGGER}"
    return [*_detached(), "/bin/sh", "-c", script, "sh", run_id, _text(cpu)]


def load_command(
    kinds: list[str], delay: int, python: str, *, systemd: bool, directory: str = LOAD_DIRECTORY
) -> list[str]:
    """The command that starts the load, which ends by itself some time after the crash should have come."""
    seconds = delay + _LOAD_GRACE_SECONDS
    start = (
        [
            "systemd-run", "--collect", f"--unit={LOAD_UNIT}", f"--property=RuntimeMaxSec={seconds + 5}",
            "--property=MemoryMax=256M",
        ]
        if systemd
        else _detached()
    )  # fmt: skip
    return [*start, python, "-c", LOAD, str(seconds), directory, *kinds]


def effective_delay(delay: int, load: list[str]) -> int:
    """Return after how many seconds the crash comes."""
    return max(delay, LOAD_DELAY_SECONDS) if load else delay


def _detached() -> list[str]:
    # Nobody reads what a detached process prints, and a pipe that stays open is waited for.
    return ["/bin/sh", "-c", 'exec setsid --fork "$@" < /dev/null > /dev/null 2>&1', "sh"]


def _text(cpu: int | None) -> str:
    return "" if cpu is None else str(cpu)


__all__ = (
    "LOADS",
    "LOAD_DIRECTORY",
    "LOAD_FILES",
    "LOAD_UNIT",
    "TRIGGER",
    "UNIT",
    "choose_cpu",
    "effective_delay",
    "load_command",
    "panic_cpu",
    "parse_cpus",
    "session_command",
    "timer_command",
)
