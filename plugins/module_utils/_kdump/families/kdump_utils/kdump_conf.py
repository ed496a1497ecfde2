# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump.conf of kdump-utils: reads it as kdumpctl does, changes it in place, refuses what kdumpctl refuses."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Collection, Mapping

FILE_SYSTEMS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "minix", "virtiofs")
TARGETS = frozenset({*FILE_SYSTEMS, "raw", "nfs", "ssh"})
FAILURE_ACTIONS = ("reboot", "halt", "poweroff", "shell", "dump_to_rootfs")
FINAL_ACTIONS = ("reboot", "halt", "poweroff")

# kdumpctl, parse_config().
KEYS = TARGETS | {
    "auto_reset_crashkernel", "core_collector", "default", "dracut_args", "extra_bins",
    "extra_modules", "failure_action", "fence_kdump_args", "fence_kdump_nodes", "final_action",
    "force_no_rebuild", "force_rebuild", "kdump_emergency", "kdump_post", "kdump_pre", "path",
    "sshkey",
}  # fmt: skip
_DEPRECATED = frozenset(
    {"net", "options", "link_delay", "disk_timeout", "debug_mem_level", "blacklist"}
)
_CHOICES = {
    "failure_action": FAILURE_ACTIONS,
    "default": FAILURE_ACTIONS,
    "final_action": FINAL_ACTIONS,
    "force_rebuild": ("0", "1"),
    "force_no_rebuild": ("0", "1"),
    "auto_reset_crashkernel": ("yes", "no"),
}

# A line as kdump_read_conf() reads it: the option, white space, the value up to a comment.
# Options that are switched by a number, where others take yes and no.
NUMBERED = frozenset(key for key, values in _CHOICES.items() if values == ("0", "1"))

_LINE = re.compile(
    r"(?P<indent>[ \t]*)(?P<key>[^\s#][^\s]*)(?P<gap>[ \t]*)(?P<value>[^#\n]*?)(?P<rest>[ \t]*(?:#[^\n]*)?)"
)
_FORBIDDEN = re.compile(r"[#\x00-\x1f\x7f]")


class _Line(t.NamedTuple):
    number: int  # from 0
    key: str
    value: str  # without quotes
    match: re.Match[str]


def parse_conf(text: str) -> dict[str, str]:
    """Return the options of kdump.conf, as kdump_read_conf() of kdump-lib-initramfs.sh does; the last of a key wins."""
    return {line.key: line.value for line in _lines(text)}


def change(text: str, wanted: Mapping[str, str | None]) -> str:
    """Return kdump.conf with these options; None takes one away.

    What has its value stays as it is written, and so does everything else. A new line comes behind
    the comment that shows the option (C(#nfs my.server.com:...)), or to the end. Of an option that
    is there more than once, which kdumpctl refuses, the last line is kept. A target takes the
    place of one that is taken away.
    """
    leaving = {key for key, value in wanted.items() if value is None} & TARGETS
    for key, value in wanted.items():
        if value is None:
            text = _drop(text, [line.number for line in _lines(text) if line.key == key])
        else:
            text = _set(text, key, value, leaving if key in TARGETS else ())
    return text


def target_options(key: str | None, value: str | None = None) -> dict[str, str | None]:
    """Return the options that make C(key value) the only target; without a key there is none."""
    options: dict[str, str | None] = {each: None for each in sorted(TARGETS) if each != key}
    # The target first: it takes the line of the one that goes.
    return {key: value, **options} if key else options


def require_valid(text: str, known: Collection[str] = ()) -> None:
    """Raise KdumpError with what kdumpctl would refuse the file for.

    C(known): further words that kdumpctl knows; options come and go with its versions.
    """
    seen: dict[str, str] = {}
    target: str | None = None
    for line in _lines(text):
        key, where = line.key, f"Line {line.number + 1} of kdump.conf"
        if key in _DEPRECATED:
            raise KdumpError(f"{where}: kdump-utils has no {key} any more, see kdump.conf(5).")
        if key not in KEYS and key not in known:
            raise KdumpError(f"{where}: kdump-utils knows no option {key}: remove it.")
        if not line.value:
            raise KdumpError(f"{where}: {key} has no value: give it one or remove the line.")
        if key in seen:
            raise KdumpError(f"{where}: {key} is there twice: kdump-utils takes it once only.")
        choices = _CHOICES.get(key)
        if choices and line.value not in choices:
            raise KdumpError(f"{where}: {key} is {line.value}: use one of {', '.join(choices)}.")
        seen[key] = line.value
        found = _target_of(key, line.value)
        if found and target:
            raise KdumpError(
                f"{where}: there are two dump targets, {target} and {found}: kdump-utils takes one only."
            )
        target = found or target
    if {"default", "failure_action"} <= seen.keys():
        raise KdumpError(
            "kdump.conf has failure_action and its old name default: remove the latter."
        )
    if seen.get("force_rebuild") == seen.get("force_no_rebuild") == "1":
        raise KdumpError("kdump.conf has both force_rebuild and force_no_rebuild: keep one.")
    if "ssh" in seen and "@" not in seen["ssh"]:
        raise KdumpError(f"kdump.conf has ssh {seen['ssh']}: write it as user@host.")


def _target_of(key: str, value: str) -> str | None:
    if key in TARGETS:
        return f"{key} {value}"
    if key == "dracut_args" and "--mount" in value:
        if value.count("--mount") > 1:
            raise KdumpError("kdump.conf has two --mount in dracut_args: keep one.")
        return "--mount in dracut_args"
    return None


def _lines(text: str) -> list[_Line]:
    matches = ((number, _LINE.fullmatch(line)) for number, line in enumerate(text.split("\n")))
    return [_Line(number, m["key"], _bare(m["value"]), m) for number, m in matches if m]


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _set(text: str, key: str, value: str, leaving: Collection[str]) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", key):
        raise KdumpError(f"{key!r} is no name for an option in kdump.conf.")
    if _FORBIDDEN.search(value) or not value.strip() or value != _bare(value):
        raise KdumpError(
            f"{value!r} cannot be the value of {key} in kdump.conf: it is empty, has a #, or blanks or quotes around"
            " it."
        )
    own = [line for line in _lines(text) if line.key == key]
    text = _drop(text, [line.number for line in own[:-1]])
    own = [line for line in _lines(text) if line.key == key]
    if own and own[0].value == value:
        return text
    replaced = own or [line for line in _lines(text) if line.key in leaving]
    lines = text.split("\n")
    if replaced:
        old = replaced[-1]
        gap = (old.match["gap"] or " ") if own else " "
        lines[old.number] = f"{old.match['indent']}{key}{gap}{value}{old.match['rest']}"
        return "\n".join(lines)
    shown = re.compile(rf"#[ \t]*{key}[ \t]+\S")
    places = [number for number, line in enumerate(lines) if shown.match(line)]
    if places:
        lines.insert(places[-1] + 1, f"{key} {value}")
        return "\n".join(lines)
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{key} {value}\n"


def _drop(text: str, numbers: Collection[int]) -> str:
    return "\n".join(line for number, line in enumerate(text.split("\n")) if number not in numbers)


__all__ = (
    "FAILURE_ACTIONS",
    "FILE_SYSTEMS",
    "FINAL_ACTIONS",
    "KEYS",
    "NUMBERED",
    "TARGETS",
    "change",
    "parse_conf",
    "require_valid",
    "target_options",
)
