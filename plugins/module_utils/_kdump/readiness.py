# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What keeps a host with kdump from taking a dump, or makes one less likely, although a capture kernel is loaded.

A check looks at one thing and returns the problems that it found, none, or C(None) when it cannot tell:
what nobody looked at must not be taken for health.
"""

from __future__ import annotations

import struct
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.command_line import (
    arguments,
    relevant,
    untouched,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import (
    panic_checks,
    target_checks,
    watch,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    crashkernel_words,
    least,
    lent,
    needs,
    recommend,
    reserved,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import (
    fed_by_kernel,
    free_memory,
    service_enabled,
    watchdog_name,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import (
    NOT_FOUND,
    TIMED_OUT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.look import (
    TARGET_SECONDS,
    DumpSpace,
    Look,
    Measures,
    Problems,
    in_mib,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import (
    COMMAND,
    Answer,
    answer,
    keeps_free,
    largest,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import (
    Mount,
    mount_of,
    mounted,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import server_of
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    link_target,
    modified,
    read_bytes,
    read_int,
    read_text,
    size,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings

# How long each question to the running host may take, in seconds.
_SERVICE_SECONDS = 5
_MAKEDUMPFILE_SECONDS = 2

# Where systemd looks for a unit before its package's own.
_UNIT_PATHS = ("/etc/systemd/system", "/run/systemd/system")

# Of the arguments that the facts of the IOMMU show, those that must be the same in both kernels.
_IOMMU = (
    "intel_iommu",
    "amd_iommu",
    "iommu",
    "iommu.passthrough",
    "iommu.strict",
    "intremap",
    "arm_smmu.disable_bypass",
    "arm_smmu_v3.disable_bypass",
)

_SYSCTLS = "proc/sys/kernel"

# The PE/COFF header (Microsoft PE Format): where it is, the magic of PE32+, and its directory of certificates.
_PE_OFFSET, _PE32_PLUS, _DIRECTORIES, _CERTIFICATES = 0x3C, 0x20B, 24 + 112, 4


class Readiness(t.NamedTuple):
    """What keeps the host from taking a dump, what nobody could look at, and what was measured for that."""

    problems: Problems
    not_known: list[str]
    measures: Measures
    collector: str


def readiness(
    root: Path, family: Family, facts: Mapping[str, t.Any], live: Live | None
) -> Readiness:
    """Look what keeps the host from taking a dump. C(facts) are those of the family, and stay as they are."""
    settings = family.settings(root)
    mounts = mounted(root)
    measures = _measure(root, settings, facts, live, mounts)
    look = Look(root, family, settings, facts, live, mounts, measures)
    problems: Problems = []
    not_known: list[str] = []
    for codes, check in CHECKS:
        found = check(look)
        if found is None:
            not_known += codes
        else:
            problems += found
    return Readiness(problems, not_known, measures, settings.collector)


def _measure(
    root: Path,
    settings: Settings,
    facts: Mapping[str, t.Any],
    live: Live | None,
    mounts: list[Mount] | None,
) -> Measures:
    image = facts["image"]["initramfs"]
    needed = needs(root, PurePosixPath(image) if image else None)
    told = _ask_makedumpfile(settings, facts, live)
    expected: int | None = facts["expected_dump_bytes"]
    if settings.collector != COMMAND[0]:
        expected = needed.memory  # all of the memory is copied
    elif told is not None and told.size is not None:
        expected = largest(told, free_memory(root))
    directory = _ask_directory(PurePosixPath(facts["target"]["path"]), settings, live, mounts)
    free: int | None = facts["target"]["free_bytes"]
    if directory is not None and directory.free is not None:
        free = directory.free
    return Measures(needed, recommend(needed)[0], told, expected, directory, free)


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it cannot be read"


def _ask_makedumpfile(
    settings: Settings, facts: Mapping[str, t.Any], live: Live | None
) -> Answer | None:
    # Without a reservation it answers nothing else.
    if settings.collector != COMMAND[0] or live is None or not facts["crash_size"]:
        return None
    status, output = live.run(list(COMMAND), _MAKEDUMPFILE_SECONDS)
    if status == NOT_FOUND:
        return Answer(reads=False, reason="it is not installed")
    return answer(status, output, unfinished=status in TIMED_OUT)


def _ask_directory(
    directory: PurePosixPath, settings: Settings, live: Live | None, mounts: list[Mount] | None
) -> DumpSpace | None:
    """Ask the server of the file system that the dump directory is on, which may not answer."""
    mount = mount_of(mounts or (), directory)
    on_servers = any(server_of(target) for target in settings.targets)
    if live is None or on_servers or mount is None or not mount.remote:
        return None
    status, output = live.run(
        ["stat", "--file-system", "--format=%f %S", str(directory)], TARGET_SECONDS
    )
    if status in TIMED_OUT:
        return DumpSpace(reason=f"no answer within {TARGET_SECONDS} s")
    if status:
        return DumpSpace(reason=_last(output))
    numbers = output.split()
    if len(numbers) != 2:
        return DumpSpace(reason="its size cannot be read")
    return DumpSpace(free=int(numbers[0]) * int(numbers[1]))


def _switched_off(look: Look) -> Problems:
    return look.problem("kdump_off", setting=look.settings.off) if look.settings.off else []


def _saves_nothing(look: Look) -> Problems:
    setting = look.settings.saves_nothing
    return look.problem("nothing_saved", setting=setting) if setting else []


def _not_told(look: Look) -> Problems:
    return [
        each
        for name, line in look.settings.not_told.items()
        for each in look.problem("setting_not_known", setting=name, line=line)
    ]


def _masked(look: Look) -> Problems | None:
    """systemctl mask makes a link to /dev/null, or an empty file is put there by hand."""
    if service_enabled(look.root, look.family.service) is None:
        return None
    return [
        each
        for unit in look.settings.units
        if any(_is_mask(look.root, PurePosixPath(path) / unit) for path in _UNIT_PATHS)
        for each in look.problem("service_masked", unit=unit)
    ]


def _is_mask(root: Path, path: PurePosixPath) -> bool:
    here = inside(root, path)
    return link_target(here) == "/dev/null" or (not here.is_symlink() and size(here) == 0)


def _failed(look: Look) -> Problems | None:
    if look.live is None:
        return None
    show = ["systemctl", "show", "--property=ActiveState,Result", look.family.service]
    status, output = look.live.run(show, _SERVICE_SECONDS)
    state = dict(line.partition("=")[::2] for line in output.splitlines())
    if status != 0 or "ActiveState" not in state:
        return None
    failed = state["ActiveState"] == "failed"
    return look.problem("service_failed", result=state.get("Result", "")) if failed else []


def _reservation(look: Look) -> Problems | None:
    here = reserved(look.root)
    recommended, minimum = look.measures.recommended, least(look.measures.needs)
    if not here:
        return []  # which is a problem of its own
    words = {"reserved": in_mib(here), "recommended": in_mib(recommended or 0)}
    if minimum is not None and recommended is not None and here < minimum:
        return look.problem("reservation_too_small", least=in_mib(minimum), **words)
    if recommended is None:
        return None
    return look.problem("reservation_small", **words) if here < recommended else []


def _image(look: Look) -> Problems | None:
    image = look.facts["image"]["initramfs"]
    if image is None:
        return []  # which is a problem of its own
    built = modified(inside(look.root, PurePosixPath(image)))
    inputs = [*look.settings.inputs, PurePosixPath(look.facts["image"]["kernel"] or "/nowhere")]
    return next(
        (
            look.problem("image_old", newer=str(path))
            for path in inputs
            if _is_newer(look.root, path, built)
        ),
        [],
    )


def _early(look: Look) -> Problems:
    """dracut, 99earlykdump/early-kdump.sh: what is loaded at boot kdump.service leaves as it is."""
    image, early = look.facts["image"]["initramfs"], look.settings.early
    if early is None or image is None:
        return []
    made = modified(inside(look.root, early))
    newer = _is_newer(look.root, PurePosixPath(image), made)
    return look.problem("early_image_old", early=str(early)) if newer else []


def _loaded(look: Look) -> Problems | None:
    if look.settings.loaded is None or not look.facts["armed"]:
        return []
    config, record = look.settings.loaded
    if look.mount is not None and look.mount.remote:
        return None  # the record is there, and looking at it may take for ever
    newer = _is_newer(look.root, config, modified(inside(look.root, record)))
    return look.problem("config_not_loaded", config=str(config)) if newer else []


def _is_newer(root: Path, path: PurePosixPath, than: int | None) -> bool:
    changed = modified(inside(root, path))
    return changed is not None and than is not None and changed > than


def _iommu(look: Look) -> Problems | None:
    capture = look.facts["capture_command_line"]
    if capture is None:
        return None if look.facts["armed"] else []
    if untouched(capture):
        return []
    first, second = (_iommu_arguments(line) for line in (look.facts["command_line"], capture))
    lacks = [word for word in first if word not in second]
    adds = [word for word in second if word not in first]
    differences = [
        f"{verb} {' '.join(words)}" for verb, words in (("lacks", lacks), ("adds", adds)) if words
    ]
    if not differences:
        return []
    return look.problem("iommu_differs", differences=" and ".join(differences))


def _iommu_arguments(line: str) -> list[str]:
    return [word for word in relevant(line) if word.partition("=")[0].replace("-", "_") in _IOMMU]


def _signature(look: Look) -> Problems | None:
    """A kernel that is locked down loads a capture kernel with a signature (kernel/kexec_file.c)."""
    kernel = look.facts["image"]["kernel"]
    mode = _lockdown(look.root)
    if look.facts["armed"] or mode == "none" or kernel is None:
        return []
    signed = is_signed(read_bytes(inside(look.root, PurePosixPath(kernel)), 4096) or b"")
    if signed is None:
        return None
    return [] if signed else look.problem("kernel_unsigned", mode=mode, kernel=kernel)


def _lockdown(root: Path) -> str:
    """security/lockdown/lockdown.c: C(none [integrity] confidentiality)"""
    text = read_text(root / "sys/kernel/security/lockdown") or ""
    return text.partition("[")[2].partition("]")[0] or "none"


def is_signed(start: bytes) -> bool | None:
    """Say whether the image that begins like this has a signature; None when it is no PE image of 64 bits."""
    try:
        (offset,) = struct.unpack_from("<I", start, _PE_OFFSET)
        if start[:2] != b"MZ" or start[offset : offset + 4] != b"PE\0\0":
            return None
        (magic,) = struct.unpack_from("<H", start, offset + 24)
        (count,) = struct.unpack_from("<I", start, offset + _DIRECTORIES - 4)
        if magic != _PE32_PLUS:
            return None
        if count <= _CERTIFICATES:
            return False
        (length,) = struct.unpack_from("<I", start, offset + _DIRECTORIES + _CERTIFICATES * 8 + 4)
    except struct.error:
        return None
    return bool(length)


def _kexec(look: Look) -> Problems | None:
    """kernel/kexec_core.c: once it is 1 it stays so until the next boot."""
    disabled = read_int(look.root / _SYSCTLS / "kexec_load_disabled")
    if disabled is None:
        return None
    return look.problem("kexec_disabled") if disabled and not look.facts["armed"] else []


def _makedumpfile(look: Look) -> Problems | None:
    if look.settings.collector != COMMAND[0]:
        return []
    told = look.measures.makedumpfile
    if told is None:
        return None
    if told.reads:
        return []
    return look.problem(
        "makedumpfile_fails", reason=told.reason, way_out=look.settings.without_makedumpfile
    )


def _makedumpfile_old(look: Look) -> Problems | None:
    told = look.measures.makedumpfile
    if look.settings.collector != COMMAND[0] or (told is not None and not told.reads):
        return []
    free = free_memory(look.root)
    keeps = None if told is None else keeps_free(told, free)
    if keeps is None:
        return None
    if not keeps:
        return []
    return look.problem(
        "makedumpfile_old", free=in_mib(free or 0), expected=in_mib(look.measures.expected or 0)
    )


def _lent(look: Look) -> Problems:
    size = lent(crashkernel_words(look.facts["command_line"].split()))
    return look.problem("reservation_lent", lent=in_mib(size)) if size else []


def _hangs(look: Look) -> Problems | None:
    """What the capture kernel does when it panics itself; kernel.panic counts where it boots the real root."""
    armed = look.facts["armed"]
    capture = look.facts["capture_command_line"] if armed else look.settings.command_line
    if look.settings.panics or (capture is None and not armed):
        return []
    if capture is None:
        return None
    values = [value for name, value in arguments(capture) if name == "panic"]
    return [] if values and values[-1] != "0" else look.problem("capture_hangs")


def _last_test(look: Look) -> Problems | None:
    if look.settings.test is None:
        return []
    test, path = look.settings.test
    status = (read_text(inside(look.root, path)) or "").partition(" ")[0]
    if status in ("", "success"):
        return []
    return look.problem("last_test_failed", test=test, status=status)


def _new_kernels(look: Look) -> Problems | None:
    kernels = watch.new_kernels(look.root)
    return look.problem("kernel_not_proven", kernels=", ".join(kernels)) if kernels else []


def _watched(look: Look) -> Problems | None:
    late = watch.is_late(look.root)
    return look.problem("readiness_not_checked", timer=watch.TIMER) if late else []


Check = t.Callable[[Look], t.Optional[Problems]]


# The problems that a check looks for, and the check. Each returns what it finds and changes nothing.
def _watchdogs(look: Look) -> Problems | None:
    if look.live is None:
        return None if look.facts["watchdogs"] else []
    counting, all_known = fed_by_kernel(look.root, look.facts, look.live.pause)
    if counting:
        named = [
            watchdog_name(each) for each in look.facts["watchdogs"] if each["name"] in counting
        ]
        return look.problem("watchdog_fed_by_kernel", watchdogs=", ".join(named), name=counting[0])
    return [] if all_known else None


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("kdump_off",), _switched_off),
    (("nothing_saved",), _saves_nothing),
    (("setting_not_known",), _not_told),
    (("service_masked",), _masked),
    (("service_failed",), _failed),
    (("reservation_too_small", "reservation_small"), _reservation),
    (("reservation_lent",), _lent),
    (("kexec_disabled",), _kexec),
    (("kernel_unsigned",), _signature),
    (("image_old",), _image),
    (("early_image_old",), _early),
    (("config_not_loaded",), _loaded),
    (("makedumpfile_fails",), _makedumpfile),
    (("makedumpfile_old",), _makedumpfile_old),
    (("target_not_mounted",), target_checks.not_mounted),
    (("target_read_only",), target_checks.read_only),
    (("target_unreachable",), target_checks.reachable),
    (("target_full", "dump_space"), target_checks.space),
    (("target_needs",), target_checks.needs_of_target),
    (("target_encrypted",), target_checks.encrypted),
    (("fenced_while_dumping",), panic_checks.fenced),
    (("iommu_differs",), _iommu),
    (("panic_on_oops_off",), panic_checks.oops),
    (("sysrq_off",), panic_checks.sysrq),
    (("hang_no_dump",), panic_checks.hang),
    (("post_notifiers",), panic_checks.notifiers),
    (("capture_hangs",), _hangs),
    (("watchdog_fed_by_kernel",), _watchdogs),
    (("last_test_failed",), _last_test),
    (("kernel_not_proven",), _new_kernels),
    (("readiness_not_checked",), _watched),
)


__all__ = ("CHECKS", "Readiness", "is_signed", "readiness")
