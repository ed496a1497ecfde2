# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Changes a host to or from the reset helper as one step: everything is as wanted afterwards, or as it was before."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import typing as t
from functools import partial
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import IMAGE, MADE
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import (
    prove_absent,
    prove_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import read_image
from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.prove import (
    Loaded,
    option,
    why_not,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    DIRECTORIES,
    Item,
    State,
    differing,
    expected_in_image,
    expected_in_quiesce,
    found,
    lacking_in_image,
    planned_functions,
    require_tools,
    wanted_settings,
    wants_quiesce,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside, read_int

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable

    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Decompress
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family

# Of what a failed command said, the end.
_LAST_LINES = 6

# The problem that the loaded image is not the one on the disk.
_STALE = "image_not_loaded"


class Host(t.NamedTuple):
    """The host and what may be done to it."""

    root: Path
    kernel: str
    family: Family
    run: Callable[[list[str]], tuple[int, str]]  # a command -> its exit status and output
    write: Callable[[Path, bytes, int], None]  # replaces a file as a whole: path, content, mode
    decompress: Decompress

    @property
    def image(self) -> Path:
        return inside(self.root, self.family.image(self.root, self.kernel))

    @property
    def armed(self) -> bool:
        return read_int(self.root / "sys/kernel/kexec_crash_loaded") == 1


class Difference(t.NamedTuple):
    """What is on the host, and what has to be done."""

    wanted: State
    present: State
    proof: dict[str, t.Any]  # of the image, see _initramfs/order.py
    armed: bool
    rearm: bool
    stage_why_not: str | None = (
        None  # why the loaded capture kernel has not the stage it is to have
    )

    @property
    def differing(self) -> list[PurePosixPath]:
        return differing(self.wanted, self.present)

    @property
    def rebuild(self) -> bool:
        return not self.proof["proven"]

    @property
    def load(self) -> bool:
        return self.rearm or (self.rebuild and self.armed)

    @property
    def changed(self) -> bool:
        return bool(self.differing) or self.rebuild or self.load


def examine(host: Host, wanted: State) -> Difference:
    """Find what has to be done to a host.

    Raises KdumpError where nothing can be done: in the capture kernel, and without memory for a capture kernel.
    """
    problems = _problems(host)
    install = any(wanted.values())
    for code in ("is_capture_kernel", *(["no_reservation"] if install else [])):
        if code in problems:
            raise KdumpError(problems[code])
    require_tools(host.root, wanted)
    present = found(host.root, wanted)
    settings = host.family.quiesce_settings
    reload = False
    if settings is not None:
        present.update(found(host.root, [settings]))
        wanted = {**wanted, settings: wanted_settings(wanted, present[settings])}
        reload = host.armed and wanted[settings] != present[settings]
    stage_why_not = prove_stage(host, wanted) if host.armed else None
    return Difference(
        wanted=wanted,
        present=present,
        proof=prove(host, wanted),
        armed=host.armed,
        rearm=_STALE in problems
        or stage_why_not is not None
        or (install and not host.armed)
        or reload
        or _was_interrupted(host),
        stage_why_not=stage_why_not,
    )


def _was_interrupted(host: Host) -> bool:
    """Say whether an earlier run ended before it loaded what it built: some families cannot tell otherwise."""
    return host.armed and _kept_name(host.image).exists()


def _problems(host: Host) -> dict[str, str]:
    facts = host.family.facts(host.root, host.kernel)
    return {problem["code"]: problem["message"] for problem in facts["problems"]}


def prove_stage(host: Host, wanted: State) -> str | None:
    """Return in a sentence why the loaded capture kernel has not the stage that it is to have, None if it has."""
    words = host.family.loaded(host.root)
    if not wants_quiesce(wanted):
        if option(words, "--initrd=") != str(IMAGE):
            return None
        return "The capture kernel is loaded with the quiesce stage."
    kernel = host.family.facts(host.root, host.kernel)["image"]["kernel"]
    return why_not(
        host.root,
        Loaded(
            PurePosixPath(kernel or "/"), host.family.image(host.root, host.kernel), tuple(words)
        ),
        expected_in_quiesce(wanted),
        planned_functions(wanted),
        host.decompress,
    )


def prove(host: Host, wanted: State) -> dict[str, t.Any]:
    """Return the proof that the image on the disk is as wanted, see _initramfs/order.py."""
    expected = expected_in_image(wanted)
    judge = partial(prove_present, expected=expected) if expected else prove_absent
    try:
        files = read_image(host.image.read_bytes(), host.decompress)
        proof = judge(files)
        lacking = lacking_in_image(wanted, files) if expected and proof["proven"] else None
        return {**proof, "proven": False, "why_not": lacking} if lacking else proof
    except FileNotFoundError:
        why_not = f"The kdump initramfs {host.image} does not exist." if expected else None
    except KdumpError as exc:
        why_not = str(exc)
    return {**judge({}), "proven": why_not is None, "why_not": why_not}


def image_facts(host: Host) -> dict[str, t.Any] | None:
    """Return C({"path", "size", "sha256"}) of the image, None without one."""
    try:
        content = host.image.read_bytes()
    except FileNotFoundError:
        return None
    return {
        "path": str(host.family.image(host.root, host.kernel)),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def converge(host: Host, difference: Difference) -> dict[str, t.Any]:
    """Do what has to be done and return the proof of the image that is now on the disk and loaded.

    Raises KdumpError when a step fails. The host is then as it was before, or the message says what is not.
    """
    try:
        kept = _keep(host.image) if difference.rebuild or difference.load else None
    except OSError as exc:
        raise KdumpError(
            f"The kdump initramfs could not be kept beside itself, nothing was changed: {exc.strerror}."
        ) from exc
    proof = difference.proof
    reloading = False
    try:
        _put(host, difference.wanted, difference.differing)
        if difference.rebuild:
            output = _commands(host, host.family.rebuild_commands(host.root, host.kernel))
            proof = _require_proof(host, difference.wanted, output)
        if difference.load:
            built = _identity(host.image)
            reloading = difference.armed
            output = _load(host)
            # kdump-config load builds the image again when kdump's sysctl.conf has changed.
            if _identity(host.image) != built:
                proof = _require_proof(host, difference.wanted, output)
            if any(difference.wanted.values()) and _STALE in _problems(host):
                raise KdumpError(_problems(host)[_STALE])
            fault = prove_stage(host, difference.wanted)
            if fault is not None:
                raise KdumpError(fault)
        if not wants_quiesce(difference.wanted):
            _forget_quiesce(host)
    except Exception as exc:  # whatever it is, the host goes back to what it was
        undone = _undo(host, difference, kept, reloading)
        raise KdumpError(f"{_sentence(exc)} {undone}") from exc
    _kept_name(host.image).unlink(missing_ok=True)
    return proof


def _forget_quiesce(host: Host) -> None:
    """Remove what the quiesce stage was made of, as nothing is loaded with it any more."""
    for path in MADE:
        inside(host.root, path).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # does not exist, or holds the state of a crash test
        inside(host.root, IMAGE.parent).rmdir()


def _require_proof(host: Host, wanted: State, output: str) -> dict[str, t.Any]:
    proof = prove(host, wanted)
    if not proof["proven"]:
        raise KdumpError(
            f"The rebuilt image is not as it has to be: {proof['why_not']}{_tail(output)}"
        )
    return proof


def _identity(image: Path) -> tuple[int, int] | None:
    """Return what changes when an image is replaced."""
    try:
        status = image.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load(host: Host) -> str:
    """Load the capture kernel, and return what the last command said."""
    output = _commands(host, host.family.rearm_commands())
    if not host.armed:
        raise KdumpError(
            f"The capture kernel is not loaded, although no command to load it failed.{_tail(output)}"
        )
    return output


def _undo(host: Host, difference: Difference, kept: Path | None, reload: bool) -> str:
    """Put everything back, and say in sentences how far that went."""
    try:
        _put(host, difference.present, difference.differing)
        if not wants_quiesce(difference.present):
            _forget_quiesce(host)
        if kept is not None:
            kept.replace(host.image)
        elif difference.rebuild:
            host.image.unlink(missing_ok=True)
        if reload:
            _load(host)
    except Exception as exc:
        armed = "is" if host.armed else "is not"
        return f"The previous state could not be put back: {_sentence(exc)} The capture kernel {armed} loaded."
    if difference.armed:
        return "The previous files and image are back and the capture kernel is loaded as before."
    now = "is" if host.armed else "is not"
    return f"The previous files and image are back. The capture kernel was not loaded before and {now} now."


def _put(host: Host, state: State, paths: list[PurePosixPath]) -> None:
    """Make these paths what they are in a state."""
    for path in paths:
        _put_item(host, inside(host.root, path), state[path])
    for directory in DIRECTORIES:
        with contextlib.suppress(OSError):  # does not exist, or holds something
            inside(host.root, directory).rmdir()


def _put_item(host: Host, path: Path, item: Item | None) -> None:
    if item is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if item.mode is not None:
        host.write(path, item.content, item.mode)
        return
    path.unlink(missing_ok=True)
    path.symlink_to(os.fsdecode(item.content))


def _kept_name(image: Path) -> Path:
    return image.with_name(f"{image.name}.before-pcie-reset")


def _keep(image: Path) -> Path | None:
    """Keep a copy of the present image under another name.

    A link would not do: kdump-tools' builder removes the image before it begins, dracut overwrites it.
    """
    kept = _kept_name(image)
    if not image.exists():
        if not kept.exists():
            return None
        kept.replace(image)  # an earlier run was interrupted
    kept.unlink(missing_ok=True)
    try:
        shutil.copy2(image, kept)
    except OSError:
        kept.unlink(missing_ok=True)
        raise
    return kept


def _commands(host: Host, commands: list[list[str]]) -> str:
    """Run commands until one fails. Returns what the last one said."""
    output = ""
    for command in commands:
        status, output = host.run(command)
        if status != 0:
            raise KdumpError(f"'{' '.join(command)}' failed with status {status}.{_tail(output)}")
    return output


def _sentence(exc: Exception) -> str:
    return f"{str(exc).rstrip('.')}."


def _tail(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()][-_LAST_LINES:]
    return f" Its last lines: {' | '.join(lines).rstrip('.')}." if lines else ""


__all__ = ("Difference", "Host", "converge", "examine", "image_facts", "prove", "prove_stage")
