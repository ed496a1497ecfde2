# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the options of M(vmcore.kdump.kdump_config) may be, and the two lists of arguments that they change."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Pstore

# The families' scripts put these into commands, some without quotes.
_PATH = re.compile(r"/[A-Za-z0-9_.,:+@%=/-]*")
_SERVER = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_.-]*|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9]+)?\]?"
)
# Also of a domain, as winbind and SSSD have them: C(EXAMPLE\kdump), C(kdump@example.com).
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.+-]*(?:[\\@][A-Za-z0-9_][A-Za-z0-9_.+-]*)?")
_DEVICE = re.compile(
    r"/dev/[A-Za-z0-9_.,:+@%=/-]+|(?:LABEL|UUID|PARTLABEL|PARTUUID)=[A-Za-z0-9_.:/-]+"
)
_WORD = re.compile(r"""[^\s"'`$\\#]+""")
_MODULE = re.compile(r"[A-Za-z0-9_-]+")

# makedumpfile(8): how pages are compressed.
COMPRESSION = {"none": None, "zlib": "-c", "lzo": "-l", "snappy": "-p", "zstd": "-z"}
_FLATTENED = "-F"
_CLUSTER = re.compile(r"-[A-Za-z]{2,}")

# What a type of target is named with, besides its type: what it needs, and what it may have.
_TARGET: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "local": (frozenset(), frozenset()),
    "filesystem": (frozenset({"device", "fstype"}), frozenset()),
    "raw": (frozenset({"device"}), frozenset()),
    "nfs": (frozenset({"server", "export"}), frozenset()),
    "ssh": (frozenset({"server", "user"}), frozenset({"key"})),
}
_SHAPES: dict[str, tuple[re.Pattern[str], str]] = {
    "device": (_DEVICE, "a path below /dev, or LABEL=..., UUID=... or PARTUUID=..."),
    "server": (_SERVER, "a host name or an address"),
    "export": (_PATH, "an absolute path without blanks"),
    "user": (_USER, "a user name"),
    "key": (_PATH, "an absolute path without blanks"),
    "fstype": (re.compile(r"[a-z0-9]+"), "the type of a file system"),
}

# What a virtual machine mounts with virtiofs has a tag in the place of a device.
_TAG = (re.compile(r"[A-Za-z0-9_.-]+"), "the tag of the share")


class EditContext(t.NamedTuple):
    """What counts of the host besides the files that are edited."""

    program: str = ""  # the text of the family's own program, which has its defaults
    command_line: str = ""  # of the running kernel
    is_executable: Callable[[str], bool] = lambda _path: True
    # Asks a shell: a command and its input -> exit status and output. None where nothing is run.
    ask: Callable[[list[str], str], tuple[int, str]] | None = None
    # What could keep the log of a capture kernel that dies; None: that was not looked for.
    store: Pstore | None = None


def require_sound(options: Mapping[str, t.Any], host: EditContext) -> None:
    """Raise KdumpError for a value that no family could take."""
    for name in ("dump_path", "pre_script", "post_script"):
        _require(_PATH, name, options.get(name), "an absolute path without blanks")
    for path in options.get("extra_binaries") or ():
        _require(_PATH, "extra_binaries", path, "absolute paths without blanks")
    for module in options.get("extra_modules") or ():
        _require(_MODULE, "extra_modules", module, "names of kernel modules")
    for name in ("command_line_append", "command_line_remove"):
        for word in options.get(name) or ():
            _require(_WORD, name, word, "single arguments without quotes, such as nr_cpus=2")
    level, keep = options.get("dump_level"), options.get("keep")
    if level is not None and not 0 <= level <= 31:
        raise KdumpError(f"dump_level is {level}: makedumpfile knows the levels 0 to 31.")
    if keep is not None and keep < 0:
        raise KdumpError(f"keep is {keep}: name a number of dumps, or 0 to keep all.")
    for path in (*scripts(options), *(options.get("extra_binaries") or ())):
        if not host.is_executable(path):
            raise KdumpError(
                f"{path} is no executable file on the host: install it and make it executable first."
            )
    if options.get("target"):
        _require_target(options["target"])


def scripts(options: Mapping[str, t.Any]) -> list[str]:
    """Return the scripts that the options name."""
    return [options[name] for name in ("pre_script", "post_script") if options.get(name)]


def _require_target(target: Mapping[str, t.Any]) -> None:
    kind = target["type"]
    needed, allowed = _TARGET[kind]
    given = {name for name, value in target.items() if value is not None} - {"type"}
    missing, surplus = sorted(needed - given), sorted(given - needed - allowed)
    if missing:
        raise KdumpError(f"A target of type {kind} needs {' and '.join(missing)}.")
    if surplus:
        raise KdumpError(f"A target of type {kind} has no {' and no '.join(surplus)}.")
    tagged = target.get("fstype") == "virtiofs"
    for name in given:
        shape, wanted = _TAG if tagged and name == "device" else _SHAPES[name]
        _require(shape, f"{name} of the target", target[name], wanted)


def _require(shape: re.Pattern[str], name: str, value: str | None, wanted: str) -> None:
    if value is not None and not shape.fullmatch(value):
        raise KdumpError(f"{value!r} cannot be {name}: use {wanted}.")


def governed_by(options: Mapping[str, t.Any], governed: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the settings that the options change, by the table of the options that each is governed by."""
    return [
        name
        for name, names in governed.items()
        if any(options.get(each) is not None for each in names)
    ]


def refuse(options: Mapping[str, t.Any], refusals: Mapping[str, str]) -> None:
    """Raise KdumpError for the first option that is set and that the family does not have."""
    for name, sentence in refusals.items():
        if options.get(name) is not None:
            raise KdumpError(f"{name}: {sentence}")


def merge_settings(
    typed: Mapping[str, str | None],
    options: Mapping[str, t.Any],
    governed: Mapping[str, Sequence[str]],
    text: Callable[[t.Any], str | None],
) -> dict[str, str | None]:
    """Return what the options ask for and what is in C(settings), a value there made text by C(text).

    C(governed) names the options that set a setting. Raises KdumpError where both do.
    """
    settings = options.get("settings") or {}
    for name in settings:
        rival = next(
            (each for each in governed.get(name, ()) if options.get(each) is not None), None
        )
        if rival or name in typed:
            raise KdumpError(
                f"settings has {name}, which {rival or 'target'} sets as well: give one of them."
            )
    return {**typed, **{name: text(value) for name, value in settings.items()}}


def with_words(present: str, append: Iterable[str], remove: Iterable[str]) -> str:
    """Return a command line with some arguments taken out and others set.

    An argument to be removed is named without its value. What is set replaces every argument of that
    name: of several the kernel takes the last for most, and all for some, such as console=.
    """
    removed = {word.partition("=")[0] for word in remove}
    words = [word for word in present.split() if word.partition("=")[0] not in removed]
    wanted: dict[str, list[str]] = {}
    for word in append:
        wanted.setdefault(word.partition("=")[0], []).append(word)
    for name, values in wanted.items():
        if [word for word in words if word.partition("=")[0] == name] != values:
            words = [word for word in words if word.partition("=")[0] != name] + values
    # A value over several lines stays as it is written where its words do.
    return present if words == present.split() else " ".join(words)


def makedumpfile_arguments(
    present: str,
    compression: str | None = None,
    level: int | None = None,
    flattened: bool | None = None,
) -> str:
    """Return the arguments of makedumpfile with another compression, dump level or C(-F).

    Raises KdumpError for options that are written together (C(-lF)) where they would have to change.
    """
    words = present.split()
    cluster = next((word for word in words if _CLUSTER.fullmatch(word)), None)
    if cluster:
        raise KdumpError(f"Write the options of makedumpfile apart: {cluster} in '{present}'.")
    if compression is not None:
        words = _replaced(words, [option for option in COMPRESSION.values() if option],
                          COMPRESSION[compression])  # fmt: skip
    if flattened is not None:
        words = _replaced(words, [_FLATTENED], _FLATTENED if flattened else None)
    return " ".join(words if level is None else _with_level(words, level))


def _replaced(words: Sequence[str], options: Sequence[str], wanted: str | None) -> list[str]:
    """Return the words with one of these options, in the place where the first was."""
    if [word for word in words if word in options] == ([wanted] if wanted else []):
        return list(words)
    place = next((number for number, word in enumerate(words) if word in options), 0)
    kept = [word for word in words if word not in options]
    return [*kept[:place], *([wanted] if wanted else []), *kept[place:]]


def _with_level(words: Sequence[str], level: int) -> list[str]:
    result: list[str] = []
    found = skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "-d" or re.fullmatch(r"-d[0-9,]+", word):
            skip = word == "-d"
            if not found:
                result += ["-d", str(level)]
            found = True
        else:
            result.append(word)
    return result if found else [*result, "-d", str(level)]


__all__ = (
    "COMPRESSION",
    "EditContext",
    "governed_by",
    "makedumpfile_arguments",
    "merge_settings",
    "refuse",
    "require_sound",
    "scripts",
    "with_words",
)
