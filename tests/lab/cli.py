# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

import yaml

from lab import demo, experiment, machine
from lab.errors import LabError
from lab.experiments import EXPERIMENTS
from lab.progress import tail


def _up(arguments: argparse.Namespace) -> int:
    started = machine.up(arguments.name, arguments.profile, arguments.image)
    print(f"{started.name} is up: ssh port {started.port}, console {started.console}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    chosen = [machine.find(arguments.name)] if arguments.name else machine.machines()
    for one in chosen:
        one.down(keep=arguments.keep)
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    machine.find(arguments.name).reset()
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    for one in machine.machines():
        state = f"running, pid {one.process.pid}" if one.alive() else "not running"
        print(f"{one.name}: {state}; profile {one.profile}, image {one.image}, port {one.port}, "
              f"directory {one.directory}")  # fmt: skip
    return 0


def _ssh(arguments: argparse.Namespace) -> int:
    command = machine.find(arguments.name).ssh_command(*arguments.command)
    os.execvp(command[0], command)  # never returns


def _console(arguments: argparse.Namespace) -> int:
    one = machine.find(arguments.name)
    if not arguments.follow:
        print("\n".join(tail(one.console, arguments.lines)))
        return 0
    with one.console.open("rb") as log:
        while one.alive():
            sys.stdout.buffer.write(log.read())
            sys.stdout.flush()
            time.sleep(0.2)
    return 0


def _inventory(arguments: argparse.Namespace) -> int:
    one = machine.find(arguments.name)
    text = yaml.safe_dump(one.inventory(), sort_keys=False)
    if arguments.write:
        (one.directory / "inventory.yml").write_text(text)
    else:
        print(text, end="")
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab",
        description="Virtual machines with an IOMMU and a PCIe tree, to be crashed on purpose. "
        "They live in build/lab of the checkout (LAB_DIRECTORY), their images in the user's cache.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="start a machine and wait for its boot")
    command.add_argument("name", nargs="?", default="lab")
    command.add_argument("--profile", default="vtd", help="PCIe tree and IOMMU (default: vtd)")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.set_defaults(run=_up)

    command = commands.add_parser("down", help="end a machine (all of this lab without a name)")
    command.add_argument("name", nargs="?")
    command.add_argument("--keep", action="store_true", help="keep console log and disk")
    command.set_defaults(run=_down)

    command = commands.add_parser("reset", help="press the reset button of a machine")
    command.add_argument("name")
    command.set_defaults(run=_reset)

    command = commands.add_parser("status", help="list the machines")
    command.set_defaults(run=_status)

    command = commands.add_parser("ssh", help="a shell, or one command, on a machine")
    command.add_argument("name")
    command.add_argument("command", nargs=argparse.REMAINDER)
    command.set_defaults(run=_ssh)

    command = commands.add_parser("console", help="the serial console of all boots")
    command.add_argument("name")
    command.add_argument("--lines", type=int, default=40)
    command.add_argument("--follow", action="store_true", help="from the start, until QEMU ends")
    command.set_defaults(run=_console)

    command = commands.add_parser("inventory", help="an Ansible inventory with the machine")
    command.add_argument("name")
    command.add_argument("--write", action="store_true", help="into the machine's directory")
    command.set_defaults(run=_inventory)

    demo.add_command(commands)
    for each in EXPERIMENTS:
        experiment.add_command(commands, each)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error is one message on stderr and exit code 1."""
    arguments = _parser().parse_args(argv)
    # Whoever ends the lab ends it like Ctrl-C does: what was half started is ended, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code: int = arguments.run(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
    return code
