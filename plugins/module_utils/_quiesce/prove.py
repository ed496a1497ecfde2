# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Proves that the capture kernel of a host is loaded with the quiesce stage, and that it would do what it has to."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import LIBRARY, in_image
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    IMAGE,
    REFUSED,
    Lines,
    split,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import read_image
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    link_name,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Decompress

# COMMAND_LINE_SIZE is 2048 on both architectures. kexec adds elfcorehdr= and, with UEFI, acpi_rsdp= on x86.
_LONGEST = 2048 - 80

# Without one of these the first stage would touch a device, or hang where it has to restart.
_FIRST_ONLY = ("pcie_ports=compat", "panic=10", "oops=panic")


class _Architecture(t.NamedTuple):
    """What tells a kernel's architecture, and what keeps it from touching the IOMMU."""

    offset: int
    magic: bytes
    words: tuple[str, ...]
    iommu: str  # the initcall


# Documentation/arch/x86/boot.rst and Documentation/arch/arm64/booting.rst.
_ARCHITECTURES = (
    _Architecture(0x202, b"HdrS", ("intremap=off",), "pci_iommu_init"),
    _Architecture(0x38, b"ARM\x64", ("fw_devlink=permissive",), "arm_smmu_driver_init"),
)

_LIBRARY = in_image(LIBRARY)
_PROGRAMS = (
    *(f"bin/{tool}" for tool in ("sh", "cat", "dmesg", "kexec", "mkdir", "mount", "mv", "sleep")),
    *(f"{_LIBRARY}/bin/{tool}" for tool in ("head", "od", "sleep")),
)

# What /proc/kallsyms may have at most: it has 11 MiB on Debian 13.
_SYMBOLS = 1 << 27

# ffffffffbbdca814 d __initcall__kmod_virtio_pci__576_821_virtio_pci_driver_init6
# include/linux/init.h, __initcall_id(): the module, a counter, the line, the function, and the level.
_INITCALL = re.compile(r" __initcall__kmod_(\w+?)__\d+_\d+_(\w+?)[4-7]s?$", re.MULTILINE)


class Loaded(t.NamedTuple):
    """What the capture kernel was loaded from."""

    kernel: PurePosixPath  # of the second stage
    initramfs: PurePosixPath
    words: Sequence[str]  # of the kexec command


def why_not(
    root: Path,
    loaded: Loaded,
    files: Mapping[str, bytes],
    functions: Iterable[str],
    decompress: Decompress,
) -> str | None:
    """Return in a sentence why the loaded capture kernel is not the quiesce stage that it has to be, None if it is.

    C(files) are those of the helper that the image has to contain, path in it -> content; C(functions) the addresses
    of the functions that the plan resets.
    """
    if option(loaded.words, "--initrd=") != str(IMAGE):
        refused = (read_text(inside(root, REFUSED)) or "").strip()
        return refused or "The capture kernel is loaded without the quiesce stage."
    text = option(loaded.words, "--command-line=") or ""
    lines = split(text)
    return (
        _why_not_lines(lines, text, _architecture(inside(root, loaded.kernel)))
        or _why_not_drivers(root, lines, functions)
        or _why_not_image(root, loaded, files, decompress)
    )


def option(words: Sequence[str], name: str) -> str | None:
    """Return the value of an option C(--name=) of a command."""
    return next((word[len(name) :].strip() for word in words if word.startswith(name)), None)


def blacklisted(words: Iterable[str]) -> set[str]:
    """Return the initcalls that a command line leaves out."""
    return {
        initcall
        for word in words
        if word.startswith("initcall_blacklist=")
        for initcall in word.partition("=")[2].split(",")
    }


def _architecture(kernel: Path) -> _Architecture | None:
    start = read_bytes(kernel, 4096) or b""
    return next(
        (each for each in _ARCHITECTURES if start.startswith(each.magic, each.offset)), None
    )


def _why_not_lines(lines: Lines, text: str, architecture: _Architecture | None) -> str | None:
    if architecture is None:
        return "The kernel of the quiesce stage is none for x86_64 or arm64."
    missing = [word for word in (*architecture.words, *_FIRST_ONLY) if word not in lines.first]
    if architecture.iommu not in blacklisted(lines.first):
        missing.append(f"initcall_blacklist={architecture.iommu}")
    if missing:
        return f"The command line of the first stage does not have {missing[0]}."
    if architecture.iommu in blacklisted(lines.capture):
        return (
            f"The capture kernel itself would leave out {architecture.iommu}: take it off the command line of this"
            " kernel and of kdump."
        )
    if len(text) > _LONGEST:
        return (
            f"The command line of the first stage has {len(text)} characters, and a kernel takes 2048 with what kexec"
            " adds: make that of kdump shorter."
        )
    return None


def _why_not_drivers(root: Path, lines: Lines, functions: Iterable[str]) -> str | None:
    held = blacklisted(lines.first)
    modules = dict(_built_in(root, functions))
    if not modules:
        return None
    initcalls: dict[str, set[str]] = {}
    symbols = read_bytes(root / "proc/kallsyms", _SYMBOLS) or b""
    for module, initcall in _INITCALL.findall(symbols.decode("ascii", "replace")):
        initcalls.setdefault(module, set()).add(initcall)
    for address, module in modules.items():
        if not initcalls.get(module) or not initcalls[module] <= held:
            return f"The first stage does not hold back the built-in driver of {address}, {module}."
    return None


def _built_in(root: Path, functions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the functions whose driver is built in, with its module. Only a loaded module has an initstate."""
    for address in functions:
        driver = root / "sys/bus/pci/devices" / address / "driver"
        name = link_name(driver)
        if name is not None and not exists(driver / "module/initstate"):
            yield address, (link_name(driver / "module") or name).replace("-", "_")


def _why_not_image(
    root: Path, loaded: Loaded, files: Mapping[str, bytes], decompress: Decompress
) -> str | None:
    try:
        image = read_image(inside(root, IMAGE).read_bytes(), decompress)
        expected = {
            **files,
            "capture/kernel": inside(root, loaded.kernel).read_bytes(),
            "capture/initramfs": inside(root, loaded.initramfs).read_bytes(),
        }
    except (KdumpError, OSError) as exc:
        return f"The image of the quiesce stage cannot be compared: {str(exc).rstrip('.')}."
    for name in (*expected, *_PROGRAMS):
        if name not in image:
            return f"The image of the quiesce stage does not contain /{name}."
        if name in expected and image[name].data != expected[name]:
            return f"/{name} in the image of the quiesce stage is not the present file."
    return None


__all__ = ("Loaded", "blacklisted", "option", "why_not")
