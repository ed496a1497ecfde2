# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accelerator a guest really runs with on this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from lab.image import Image

# Multi-threaded TCG of QEMU 7.2 hit "Oops: int3" in the kernel's text patching once in four boots.
_TCG = ["-accel", "tcg,thread=single", "-cpu"]
# Without "rep stosb" and "rep movsb", which TCG does byte by byte. Linux clears pages with them on processors that say
# ERMS: two processors that clear 1 GiB at boot were soft lockups, and a fork took half as long again.
TCG = [*_TCG, "max,-erms"]
# One that is old enough to be emulated fast: without pointer authentication.
ARM = [*_TCG, "cortex-a57"]
KVM = ["-accel", "kvm", "-cpu", "host"]
_PROBE_SECONDS = 10


def acceleration(image: Image, system: str, clock: str | None) -> list[str]:
    """QEMU's options for the processors of a machine. The *clock* of an emulated one may count "instructions"."""
    options = ARM if system == "aarch64" else accelerator(image)
    if clock == "instructions" and options != KVM:
        # The guest's time is what it computes, an instruction a nanosecond, and waits; not what QEMU needs for it.
        return [*options, "-icount", "shift=0"]
    return options


def accelerator(image: Image) -> list[str]:
    """QEMU's options for KVM when a guest runs with it, for TCG otherwise.

    /dev/kvm can exist, open and even run firmware on machines (nested ones mostly) where a kernel
    dies in its first instructions. So the image's own kernel is started without a root file system:
    it prints its banner and panics, and with panic=-1 and -no-reboot QEMU ends.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    with tempfile.TemporaryDirectory(prefix="lab-kvm-") as temporary:
        console = Path(temporary) / "console"
        command = [
            "qemu-system-x86_64", "-machine", "q35", *KVM, "-m", "512", "-nodefaults",
            "-display", "none", "-no-reboot", "-serial", f"file:{console}",
            "-kernel", str(image.linux), "-append", "console=ttyS0 panic=-1",
        ]  # fmt: skip
        try:
            subprocess.run(
                command,
                timeout=_PROBE_SECONDS,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return TCG
        text = console.read_text(errors="replace") if console.exists() else ""
        return KVM if "Kernel panic - not syncing: VFS" in text else TCG
