# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that leave the host, over NFS and SSH, verified where they arrived: ``make targets``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from lab import machine
from lab.errors import LabError
from lab.kdump_configure import OWN
from lab.kdump_servers import ADDRESS, USER, Servers
from lab.machine import Machine
from lab.plays import Plays
from lab.progress import Progress, tail

TARGETS = ("nfs", "ssh")
_IMAGE = "debian13-plain"
_DUMP_SECONDS = 1500

# The SSH server has a port of its own, as an operator's may. The capture kernel brings the network up if something
# waits for it (network-online.target); the guest's image leaves that out, for the time it takes.
_CLIENT = """
mkdir -p -m 0700 /root/.ssh
printf 'Host %s\\n  Port %s\\n  HostKeyAlias %s\\n' {address} {port} {address} >/root/.ssh/config
systemctl unmask systemd-networkd-wait-online.service
systemctl enable systemd-networkd-wait-online.service
"""
# As crash_test does it; the run id is in the log of the dump.
_CRASH = """
echo 'vmcore.kdump: crash test run_id={run_id} host={host}' >/dev/kmsg
systemd-run --quiet --on-active=3 sh -c 'sync; echo c >/proc/sysrq-trigger'
"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``targets`` to the lab's command line."""
    command = commands.add_parser(
        "targets", help="dump to an NFS and an SSH server, and verify there"
    )
    command.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    command.add_argument("--image", default=_IMAGE, help=f"guest (default: {_IMAGE})")
    command.add_argument("--machine", help="a machine that runs already, and is kept")
    command.add_argument("--keep", action="store_true", help="leave the machine running")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Crash a guest once for each target; 0 if every dump arrived whole."""
    unknown = sorted(set(arguments.targets) - set(TARGETS))
    if unknown:
        raise LabError(f"There is no target {unknown[0]}; choose of: {', '.join(TARGETS)}.")
    wanted = arguments.targets or list(TARGETS)
    host = (
        machine.find(arguments.machine)
        if arguments.machine
        else machine.up("targets", "none", arguments.image)
    )
    failed = []
    try:
        with Servers(host.directory / "servers") as servers:
            host.ssh(_CLIENT.format(address=ADDRESS, port=servers.ports["ssh"]), timeout=120)
            for kind in wanted:
                print(f"\n########## {kind} ##########", flush=True)
                try:
                    _dump_to(kind, host, servers)
                except LabError as error:
                    print(f"{kind}: {error}", flush=True)
                    failed.append(kind)
    finally:
        if not (arguments.keep or arguments.machine):
            host.down(keep=bool(failed))
    print(f"targets: {len(wanted) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _dump_to(kind: str, host: Machine, servers: Servers) -> None:
    refused = _role(kind, host, servers)
    if kind == "ssh":
        # The server does not know the key yet, which the role just made.
        if "allow" not in refused:
            raise LabError("The role did not say that the server refuses the key.")
        servers.allow(host.ssh("cat /root/.ssh/kdump_id_ed25519.pub", timeout=120))
        refused = _role(kind, host, servers)
    if refused:
        raise LabError(f"The role failed: {refused}")

    run_id, boot = str(uuid.uuid4()), _boot(host)
    kernel = host.ssh("uname -r", timeout=120).strip()
    host.ssh(_CRASH.format(run_id=run_id, host=host.name), timeout=120)
    _wait(host, boot)
    _verify(servers.store, run_id=run_id, host=host.name, kernel=kernel)


def _role(kind: str, host: Machine, servers: Servers) -> str:
    """Configure the target and test it: nothing if all is well, or the sentence of the task that failed."""
    targets: dict[str, dict[str, Any]] = {
        "nfs": {
            "kdump_target": {"type": "nfs", "server": ADDRESS, "export": "/dumps"},
            "kdump_dump_directory": "/var/crash",
        },
        "ssh": {
            "kdump_target": {
                "type": "ssh", "server": ADDRESS, "user": USER, "key": "/root/.ssh/kdump_id_ed25519",
            },
            "kdump_ssh_host_keys": [servers.host_key],
            "kdump_dump_directory": str(servers.store),
        },
    }  # fmt: skip
    plays = Plays(host, **OWN, kdump_reboot_ok=True, **targets[kind])
    output = plays.output("kdump.yml", "--diff")
    print(output, flush=True)
    _head, failed, rest = output.partition("fatal: ")
    return rest.partition("PLAY RECAP")[0] if failed else ""


def _boot(host: Machine) -> str:
    return host.ssh("cat /proc/sys/kernel/random/boot_id", timeout=120).strip()


def _wait(host: Machine, boot: str) -> None:
    """Wait until the normal kernel is back. Raises LabError when it is not, in time."""
    progress = Progress("dumping")
    while time.monotonic() - progress.started < _DUMP_SECONDS:
        progress.update("".join(tail(host.console)))
        time.sleep(5)
        try:
            # The capture kernel boots the root file system, and answers as well.
            state = host.ssh(
                "cat /proc/sys/kernel/random/boot_id; test ! -e /proc/vmcore && echo normal",
                timeout=60,
            ).split()
        except LabError:
            continue
        if state[0] != boot and state[1:] == ["normal"]:
            progress.done()
            return
    last = "\n".join(tail(host.console, 20))
    raise LabError(f"The host did not come back; the end of its console:\n{last}")


def _verify(store: Path, **expected: str) -> None:
    """Look at the dump where it arrived, as the server's own Ansible would. Raises LabError if it is not whole."""
    for place in sorted(store.rglob("*")):
        print(f"  {place.relative_to(store)}: {place.stat().st_size} bytes")
    done = subprocess.run(
        ["ansible", "localhost", "--connection", "local", "--module-name", "vmcore.kdump.vmcore_info",
         "--extra-vars", json.dumps({"ansible_python_interpreter": sys.executable}),
         "--args", json.dumps({"path": str(store), "full": True, **expected})],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout.partition("=>")[2])
    except ValueError:
        raise LabError(f"vmcore_info: {done.stdout}{done.stderr}") from None
    whole = [dump for dump in found.get("dumps", ()) if dump["verdict"] == "complete"]
    for dump in found.get("dumps", ()):
        print(f"  {dump['path']}: {dump['verdict']}")
        for check in dump["checks"]:
            print(f"    {check['name']}: {check['status']}")
    if len(whole) != 1:
        raise LabError(f"{len(whole)} whole dumps of this crash arrived: {found.get('msg', '')}")
