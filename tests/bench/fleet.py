# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench fleet``: many hosts assessed and reported, against one ping of the same hosts.

Each host has a local connection and a captured tree of its own as its root: a copy of a real one (tests/unit/data),
with its own name. Nine of ten have those of the lab's machines q35-vtd and rich, the tenth has many-ports with 145
functions. There is no network, so the ratio shows what the controller and the module themselves cost.

- Ansible runs with its defaults but for the forks and pipelining; output goes to a file, as under AWX.
- Ping and assess take turns. A time is the shortest of the rounds; CPU is that of all processes, children included,
  which other programs on the machine disturb less.
- The peak is that of the largest process: the controller's main one, which every fork is a copy of.
- With --controller the hosts cost nothing: a connection answers at once with the facts of their trees, so that what is
  left is the controller's work, but for what ssh itself takes to send a module and to receive an answer.
- The report is of as many hosts, from real records (tests/unit/fleet.py), made once by the playbook and once by itself.
- Remote calls are the commands that the connection was asked to run, counted for one host in the output of -vvv.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.plugins.modules import platform_facts
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    html,
    junit,
    markdown,
    model,
    prometheus,
)
from ansible_collections.vmcore.kdump.tests.unit import fleet
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

_TREES = (*("q35-vtd", "rich", "q35-vtd") * 3, "many-ports")
_PING = "- {hosts: all, gather_facts: false, tasks: [{ansible.builtin.ping: }]}\n"


class Run(NamedTuple):
    """One run of a playbook."""

    seconds: float
    cpu: float
    peak_mib: float


def make_hosts(directory: Path, count: int) -> Path:
    """Make a tree for each host, files shared by links, and the inventory."""
    for tree in set(_TREES):
        unpack(tree, directory / tree)
    hosts = {}
    for number in range(count):
        name = f"host{number:04}"
        root = directory / "hosts" / name
        source = directory / _TREES[number % len(_TREES)]
        shutil.copytree(source, root, symlinks=True, copy_function=os.link)
        own = root / "proc/sys/kernel/hostname"
        own.unlink(missing_ok=True)
        own.write_text(f"{name}\n")
        hosts[name] = {"assess_root": str(root)}
    (directory / "ansible.cfg").write_text("[defaults]\n")
    inventory = directory / "inventory.json"
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
    return inventory


def make_answers(directory: Path, count: int) -> Path:
    """Have the hosts' answers ready, and the inventory; a tree is read once."""
    facts = {
        tree: platform_facts.gather(unpack(tree, directory / tree), platform_facts.SUBSETS)
        for tree in set(_TREES)
    }
    answers = directory / "answers"
    for number in range(count):
        name = f"host{number:04}"
        (answers / name).mkdir(parents=True)
        found = copy.deepcopy(facts[_TREES[number % len(_TREES)]])
        found["platform"]["hostname"] = name
        for module, reply in (
            ("platform_facts", {"ansible_facts": found}),
            ("ping", {"ping": "pong"}),
        ):
            text = json.dumps({**reply, "changed": False})
            (answers / name / f"{module}.json").write_text(text)
    plugins = Path(__file__).with_name("connection_plugins")
    (directory / "ansible.cfg").write_text(f"[defaults]\nconnection_plugins = {plugins}\n")
    common = {
        "ansible_connection": "answering",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become": False,
    }
    hosts: dict[str, dict[str, str]] = {f"host{number:04}": {} for number in range(count)}
    inventory = directory / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
    os.environ["BENCH_ANSWERS"] = str(answers)
    return inventory


def play(output: Path, inventory: Path, *arguments: str | Path, forks: int) -> Run:
    """Run a playbook to its end. A run that fails is none."""
    environment = {
        **os.environ,
        "ANSIBLE_FORKS": str(forks),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_CONFIG": str(inventory.with_name("ansible.cfg")),
    }
    command = ["ansible-playbook", "-i", inventory, *arguments]
    started = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment)
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench: {command} failed:\n{output.read_text()[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def calls(output: str, host: str) -> int:
    """Count the commands that a host was asked to run, in the output of -vvv."""
    return len(re.findall(rf"^<{re.escape(host)}> (?:EXEC|SSH: EXEC ssh) ", output, re.MULTILINE))


def report(directory: Path, count: int) -> tuple[list[tuple[str, float]], int]:
    """Make every format in this process; return how long each step took, and the size of the page."""
    names = fleet.write(directory, count)
    steps, started = [], time.perf_counter()

    def step(name: str) -> None:
        nonlocal started
        steps.append((name, time.perf_counter() - started))
        started = time.perf_counter()

    results = files.read(directory)
    step("read")
    made = model.build(results, names)
    step("conclude")
    page = html.render(made)
    step("HTML")
    for name, render in (
        ("JUnit", junit.render),
        ("metrics", prometheus.render),
        ("Markdown", markdown.render),
    ):
        render(made)
        step(name)
    return steps, len(page)


def show(runs: dict[str, Run], hosts: int) -> None:
    """Print a table of the runs, and how assess compares with ping."""
    print("| | time | CPU | CPU a host | largest process |\n|---|---:|---:|---:|---:|")
    for name, run in runs.items():
        print(f"| {name} | {run.seconds:.1f} s | {run.cpu:.1f} s | {run.cpu / hosts * 1e3:.0f} ms"
              f" | {run.peak_mib:.0f} MiB |")  # fmt: skip
    ping, assess = runs["ping"], runs["assess"]
    print(
        f"| assess / ping | {assess.seconds / ping.seconds:.2f} | {assess.cpu / ping.cpu:.2f} | | |\n"
    )


def main(words: list[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        prog="bench fleet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hosts", type=int, default=1000, help="how many hosts (default: 1000)")
    parser.add_argument(
        "--rounds", type=int, default=1, help="how often each playbook runs (default: 1)"
    )
    parser.add_argument("--forks", type=int, default=10, help="hosts at a time (default: 10)")
    parser.add_argument(
        "--calls", type=Path, help="only count the remote calls of each host in this output of -vvv"
    )
    parser.add_argument(
        "--controller",
        action="store_true",
        help="measure the controller alone: the hosts cost nothing",
    )
    options = parser.parse_args(words)
    if options.calls:
        output = options.calls.read_text(errors="replace")
        for host in sorted(set(re.findall(r"^<([^>]+)> ", output, re.MULTILINE))):
            print(f"{host}: {calls(output, host)} remote calls")
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        directory = Path(temporary)
        make = make_answers if options.controller else make_hosts
        inventory = make(directory, options.hosts)
        ping, log = directory / "ping.yml", directory / "log"
        ping.write_text(_PING)
        kept = directory / "assessed"
        assess: tuple[str | Path, ...] = ("vmcore.kdump.assess", "-e", f"assess_directory={kept}")
        runs: dict[str, list[Run]] = {"ping": [], "assess": []}
        for _round in range(options.rounds):
            runs["ping"].append(play(log, inventory, ping, forks=options.forks))
            runs["assess"].append(play(log, inventory, *assess, forks=options.forks))
        best = {name: Run(*map(min, zip(*each, strict=True))) for name, each in runs.items()}
        assessed = len(list(kept.iterdir()))
        print(f"{options.hosts} hosts, {options.forks} forks, {os.cpu_count()} CPUs, {options.rounds} rounds,"
              f" {assessed} assessed, load {os.getloadavg()[0]:.0f}\n")  # fmt: skip
        if options.controller:
            show(best, options.hosts)
            for sent in sorted((directory / "answers").glob("*.bytes")):
                print(f"sent to a host for {sent.stem}: {int(sent.read_text()) / 1e3:.0f} KB")
            return
        one = inventory.parent / "one"
        play(one, inventory, *assess, "--limit", "host0000", "-vvv", forks=1)
        results = directory / "results"
        steps, size = report(results, options.hosts)
        whole = play(
            log,
            inventory,
            "vmcore.kdump.report",
            "-e",
            f"crash_test_results_directory={results}",
            forks=1,
        )
        show({**best, "report": whole}, options.hosts)
        print(f"remote calls a host, assess: {calls(one.read_text(), 'host0000')}")
        print(f"the report by itself: {', '.join(f'{name} {seconds:.2f} s' for name, seconds in steps)};"
              f" page of {size / 1e6:.1f} MB")  # fmt: skip
