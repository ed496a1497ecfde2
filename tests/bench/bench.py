# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench``: time and memory of the PCIe facts against lspci's, on the same generated trees.

Both read the same sysfs tree: the module's function gets it as its root, lspci as its ``sysfs.path``
(``lspci -D -vvvnn -A linux-sysfs -O sysfs.path=...``). So both find the same functions, decode the same
configuration spaces of 4096 bytes and look up names. It is no hardware: on a real machine each read of a
register costs both of them more. lspci does not look for kernel modules where it finds no libkmod files.

- A tree has as many root ports as endpoints, two functions a link, at most 128 links a PCI domain. Their
  configuration spaces are a root port's and an NVMe controller's of the lab's machine ``rich``.
- ``facts`` is gather() for the subset pcie in a fresh Python, without the start of Python and the imports,
  which take the same time for any tree; lspci's is its whole run. ``whole module`` has all subsets.
- A time is the median of the runs, a peak is VmHWM of the process. The page cache is warm: there is one
  run before those that count.
- "per function" tells whether the growth is linear.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build, unpack

_SIZES = (50, 200, 1000)
_LINKS_A_DOMAIN = 128
_PORT = "sys/devices/pci0000:00/0000:00:07.0"
_ENDPOINT = f"{_PORT}/0000:0e:00.0"
_IDS = (
    "/usr/share/misc/pci.ids",
    "/usr/share/misc/pci.ids.gz",
    "/usr/share/hwdata/pci.ids",
)

# Runs in a process of its own. The peak is read before what follows can raise it.
_GATHER = """
import json, sys, time
from pathlib import Path
from ansible_collections.vmcore.kdump.plugins.modules.platform_facts import gather
subsets = sys.argv[2].split(",")
started = time.perf_counter()
facts = gather(Path(sys.argv[1]), subsets)
seconds = time.perf_counter() - started
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0])
print(json.dumps([seconds, peak, len(facts["pcie"]["functions"])]))
"""


class Run(NamedTuple):
    """One measured process."""

    seconds: float
    peak_kib: int
    functions: int


def generate(root: Path, count: int) -> Path:
    """Make the sysfs tree of a machine with *count* functions."""
    with tempfile.TemporaryDirectory() as temporary:
        rich = unpack("rich", Path(temporary))
        port, endpoint = (
            {
                path.name: path.read_bytes()
                for path in (rich / directory).iterdir()
                if path.is_file() and not path.is_symlink()
            }
            for directory in (_PORT, _ENDPOINT)
        )
    for number in range(count // 2):
        domain, link = divmod(number, _LINKS_A_DOMAIN)
        above = f"{domain:04x}:00:{link // 8:02x}.{link % 8}"
        below = f"{domain:04x}:{link + 1:02x}:00.0"
        path = f"pci{domain:04x}:00/{above}"
        config = bytearray(port["config"])
        config[0x18:0x1B] = bytes((0, link + 1, link + 1))
        _function(root, path, {**port, "config": bytes(config)}, "pcieport")
        _function(root, f"{path}/{below}", endpoint, "nvme")
    for name in _IDS:
        if Path(name).exists():
            content = Path(name).read_bytes()
            text = gzip.decompress(content) if name.endswith(".gz") else content
            build(root, {"usr/share/misc/pci.ids": text})
            break
    return root


def _function(root: Path, path: str, files: dict[str, bytes], driver: str) -> None:
    directory = f"sys/devices/{path}"
    up = "../" * (directory.count("/"))
    build(
        root,
        {
            **{f"{directory}/{name}": content for name, content in files.items()},
            # lspci wants these two.
            f"{directory}/irq": "24\n",
            f"{directory}/resource": "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
            * 13,
            f"{directory}/driver": Link(f"{up}bus/pci/drivers/{driver}"),
            f"sys/bus/pci/devices/{path.rpartition('/')[2]}": Link(f"../../../devices/{path}"),
        },
    )
    (root / f"sys/bus/pci/drivers/{driver}").mkdir(parents=True, exist_ok=True)
    (root / "sys/bus/pci/slots").mkdir(exist_ok=True)


def gather(root: Path, subsets: str) -> Run:
    """Gather facts in a process of its own."""
    output = subprocess.run(
        [sys.executable, "-c", _GATHER, root, subsets], check=True, capture_output=True
    ).stdout
    return Run(*json.loads(output))


def lspci(root: Path) -> Run:
    """Run lspci. It has scanned everything before it prints, so its peak is read while it prints."""
    command = ["lspci", "-D", "-vvvnn", "-A", "linux-sysfs", "-O", f"sysfs.path={root}/sys/bus/pci"]
    peak, chunks = 0, []
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 1 << 16):
            chunks.append(chunk)
            status = Path(f"/proc/{process.pid}/status").read_text()
            if "VmHWM:" in status:
                peak = int(status.split("VmHWM:")[1].split()[0])
    seconds = time.perf_counter() - started
    functions = sum(line[:1].isalnum() for line in b"".join(chunks).splitlines())
    return Run(seconds, peak, functions)


def median(runs: list[Run], count: int) -> Run:
    """The middle of several runs, all of which saw *count* functions."""
    if {run.functions for run in runs} != {count}:
        raise SystemExit(f"bench: {count} functions were there, found: {sorted(runs)}")
    return Run(
        statistics.median(run.seconds for run in runs), max(run.peak_kib for run in runs), count
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="runs that count (default: 5)")
    arguments = parser.parse_args()
    if shutil.which("lspci") is None:
        raise SystemExit("bench: lspci is not installed; install pciutils.")
    version = subprocess.run(["lspci", "--version"], check=True, capture_output=True, text=True)
    print(f"Python {platform.python_version()}, {version.stdout.strip()}, {arguments.runs} runs")
    print("| functions | facts | per function | lspci | ratio | facts' peak | lspci's peak "
          "| ratio | whole module |")  # fmt: skip
    print("|---:" * 9 + "|")
    for count in _SIZES:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            root = generate(Path(temporary), count)
            runs = [(gather(root, "pcie"), lspci(root), gather(root, "pcie,iommu,kdump,platform"))
                    for _run in range(arguments.runs + 1)][1:]  # fmt: skip
        facts, other, whole = (median(list(column), count) for column in zip(*runs, strict=True))
        print(
            f"| {count} | {facts.seconds * 1e3:.1f} ms | {facts.seconds / count * 1e6:.0f} µs "
            f"| {other.seconds * 1e3:.1f} ms | {facts.seconds / other.seconds:.2f} "
            f"| {facts.peak_kib / 1024:.1f} MiB | {other.peak_kib / 1024:.1f} MiB "
            f"| {facts.peak_kib / other.peak_kib:.2f} | {whole.seconds * 1e3:.1f} ms |"
        )
