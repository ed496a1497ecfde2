# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Brings crashkernel= to the next boot, reads back what will be booted, and says whether that takes a reboot."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    AUTO,
    MIB,
    check_value,
    crashkernel_words,
    offered_by,
    recommend,
    reserved_by,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    read_bytes,
    read_int,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
        BootHost,
        Bootloader,
        Default,
        LoaderEdit,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import Needs


# 'kdumptool calibrate' says a little less or more each time.
_TOLERANCE = 16 * MIB
# The host has to go on working with what is left.
_LARGEST_PART = 2

_MODE = 0o644
_LAST_LINES = 4


class ReservationState(t.NamedTuple):
    """What the host should reserve, what is configured, and what has to be done about it."""

    recommended: int | None
    why: list[str]
    present: list[list[str]]  # the values of each entry of the bootloader, the next boot's first
    wanted: list[str]
    edit: LoaderEdit | None  # None: nothing has to be done
    before: bytes | None  # what is in the file that is edited
    default: Default | None  # what the distribution itself would reserve


def examine(host: BootHost, bootloader: Bootloader, needs: Needs, size: str) -> ReservationState:
    """Find what has to be done for C(size): C(auto), values of crashkernel=, or nothing to take them away.

    Raises KdumpError for a size that the kernel would not understand or that the host cannot spare.
    """
    given = check_value(size) if size and size != AUTO else []
    default = bootloader.default(host)
    recommended, why = recommend(needs)
    if recommended is not None and default is not None:
        why = [*why, f"{default.says} asks for {default.size // MIB} MiB."]
    own = recommended
    if own is not None and default is not None:
        recommended = max(own, default.size)
    present = bootloader.configured(host)
    wanted = given
    if size == AUTO:
        if recommended is None or own is None:
            raise KdumpError(f"A size cannot be recommended: {why[0]} Give one with size.")
        enough = [_is_enough(host, words, recommended) for words in present]
        if all(enough):
            wanted = present[0]
        elif default is not None and default.size >= own:
            wanted = default.words
        else:
            wanted = [f"{recommended // MIB}M"]
    settled = all(enough) if size == AUTO else all(words == wanted for words in present)
    edit = bootloader.edit(host, wanted, default)
    before = read_bytes(inside(host.root, edit.path)) if edit.path else None
    if not size:
        settled = before is None if _is_removal(edit) else not any(present)
        wanted = default.words if _is_removal(edit) and default else []
    if not settled:
        _require_room(host, wanted)
    return ReservationState(
        recommended, why, present, wanted, None if settled else edit, before, default
    )


def converge(
    host: BootHost, bootloader: Bootloader, state: ReservationState, size: str
) -> list[str]:
    """Do what has to be done, and return the values that will be booted.

    Raises KdumpError when a step fails or the next boot would have other values. The file is then as it was.
    """
    edit = state.edit
    if edit is None:
        return state.present[0]
    try:
        _put(host, edit, edit.content)
        for command in edit.commands:
            status, output = host.run(command)
            if status != 0:
                raise KdumpError(
                    f"'{shlex.join(command)}' failed with status {status}.{_tail(output)}"
                )
        return _read_back(host, bootloader, state, size)
    except Exception as exc:
        raise KdumpError(f"{str(exc).rstrip('.')}. {_undo(host, bootloader, state)}") from exc


def _read_back(
    host: BootHost, bootloader: Bootloader, state: ReservationState, size: str
) -> list[str]:
    present = bootloader.configured(host)
    if not size:
        # The files of other packages may still say something, a bootloader's own entries must not.
        right = (state.edit is not None and _is_removal(state.edit)) or not any(present)
    else:
        right = all(
            words == state.wanted
            or (size == AUTO and _is_enough(host, words, state.recommended or 0))
            for words in present
        )
    if not right:
        wrong = next(words for words in present if words != state.wanted)
        raise KdumpError(
            f"{bootloader.name} was told {_named(state.wanted)}, and an entry of the boot menu has {_named(wrong)}:"
            " look for what else sets it"
        )
    return present[0]


def _is_removal(edit: LoaderEdit) -> bool:
    """Say whether an edit takes a file of ours away, after which the files of other packages count again."""
    return edit.path is not None and edit.content is None


def _undo(host: BootHost, bootloader: Bootloader, state: ReservationState) -> str:
    edit = state.edit
    if edit is None or edit.path is None:
        before = [words for words in state.present if words]
        if not before or bootloader.configured(host) == state.present:
            return "The boot menu is as it was." if before else "The next boot is to be looked at."
        for command in bootloader.edit(host, before[0], None).commands:
            host.run(command)
        return f"The boot menu was set back to {_named(before[0])}."
    try:
        _put(host, edit, state.before)
        for command in edit.commands:
            host.run(command)
    except OSError as exc:
        return f"{edit.path} could not be put back: {exc.strerror}."
    return f"{edit.path} is as it was."


def _put(host: BootHost, edit: LoaderEdit, content: bytes | None) -> None:
    if edit.path is None:
        return
    path = inside(host.root, edit.path)
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        host.write(path, content, _MODE)


def reboot(host: BootHost, words: Sequence[str]) -> tuple[bool, str]:
    """Say whether a reboot is needed for the values that are configured to count, and why, in a sentence."""
    reserved = read_int(host.root / "sys/kernel/kexec_crash_size") or 0
    running = crashkernel_words((read_text(host.root / "proc/cmdline") or "").split())
    expected = reserved_by(words, host.memory)
    now = f"{_mib(reserved)} MiB are reserved" if reserved else "Nothing is reserved"
    if list(words) == running:
        if not words:
            return False, "No crashkernel= is configured and nothing is reserved."
        if not reserved and expected == 0:
            return False, f"{_named(words)} reserves nothing on a host with this little memory."
        if not reserved:
            return False, (
                f"This kernel was booted with {_named(words)} and could not reserve it: its log says why, and a reboot"
                " alone changes nothing; ask for less, or for ',high'."
            )
        if expected is not None and reserved < expected:
            return (
                True,
                f"{now}, less than {_named(words)} asks for: the rest was given back since the boot.",
            )
        return False, f"{now}, as {_named(words)} asks for."
    if (
        expected is not None
        and expected == reserved
        and expected == reserved_by(running, host.memory)
    ):
        return False, f"{now}, and {_named(words)} asks for no other amount."
    if not words:
        return bool(reserved), f"{now}, and nothing will be after a reboot."
    return True, f"{now}; {_named(words)} counts from the next boot."


def _is_enough(host: BootHost, words: Sequence[str], recommended: int) -> bool:
    """Say whether what the values ask for is what is recommended. C(auto) of old kernels: what they gave."""
    offered = offered_by(words, host.memory)
    if offered is None:
        offered = read_int(host.root / "sys/kernel/kexec_crash_size") or 0
    return offered >= recommended - _TOLERANCE


def _require_room(host: BootHost, words: Sequence[str]) -> None:
    offered = offered_by(words, host.memory)
    if offered and host.memory and offered > host.memory // _LARGEST_PART:
        raise KdumpError(
            f"{_named(words)} is more than half of the host's {_mib(host.memory)} MiB of memory: give the host more"
            " memory, or a smaller size that a crash test proves."
        )


def _named(words: Sequence[str]) -> str:
    return " ".join(f"crashkernel={word}" for word in words) or "no crashkernel="


def _mib(value: int) -> int:
    return value // MIB


def _tail(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()][-_LAST_LINES:]
    return f" Its last lines: {' | '.join(lines).rstrip('.')}." if lines else ""


__all__ = ("ReservationState", "converge", "examine", "reboot")
