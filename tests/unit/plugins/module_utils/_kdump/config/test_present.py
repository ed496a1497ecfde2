# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files in which a value is put together, decided, or made by a command: nothing that a person wrote gets lost."""

from __future__ import annotations

import re
import subprocess
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import (
    EditContext,
    with_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import (
    present_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import edit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._kdump.config.test_shell import (
    FILES,
)

if t.TYPE_CHECKING:
    from pathlib import Path

CONFIGS = {family.name: family.configuration for family in FAMILIES}
# The setting that is appended to the capture kernel's command line, what it has to begin with, and what reads it.
SETTINGS = {
    "debian": ("KDUMP_CMDLINE_APPEND", "reset_devices systemd.unit=x nr_cpus=1", "sh"),
    "kdump-utils": ("KDUMP_COMMANDLINE_APPEND", "irqpoll nr_cpus=1 reset_devices", "bash"),
    "suse": ("KDUMP_COMMANDLINE_APPEND", "irqpoll nr_cpus=1 reset_devices", "bash"),
}
KDUMPCTL = (
    'KDUMP_KERNEL=""\nKDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug"\nOLD=$(uname -r)\n'
)

# What follows an assignment of N, and what a shell then has besides.
WAYS = [
    ('N="$N nokaslr"', "nokaslr"),
    ('N="${N} nokaslr"', "nokaslr"),
    ('MORE=nokaslr\nN="$N $MORE"', "nokaslr"),
    ('if [ -d / ]; then\n  N="$N nokaslr"\nfi', "nokaslr"),
    ('[ -d / ] && N="$N nokaslr"', "nokaslr"),
    ('[ -d /nowhere ] && N="$N nokaslr"', ""),
    ('N="$N $(echo nokaslr)"', "nokaslr"),
    ('N="$N `echo nokaslr`"', "nokaslr"),
    ('N="$N nokaslr" # why', "nokaslr"),
    ('more() { N="$N nokaslr"; }\nmore', "nokaslr"),
    ('case $(uname) in Linux) N="$N nokaslr";; esac', "nokaslr"),
    ("N=${N:+$N nokaslr}", "nokaslr"),
]
BASH_WAYS = [('N+=" nokaslr"', "nokaslr"), ('N+=" $(echo nokaslr)"', "nokaslr")]
CASES = [
    (
        family,
        way.replace("N=", f"{name}=")
        .replace("N+=", f"{name}+=")
        .replace("$N", f"${name}")
        .replace("{N", "{" + name),
        more,
    )
    for family, (name, _start, shell) in SETTINGS.items()
    for way, more in (WAYS if shell == "sh" else WAYS + BASH_WAYS)
]


def ask(command: list[str], data: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        input=data,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    return done.returncode, done.stdout


def shell_has(shell: str, text: str, name: str) -> str:
    return ask([shell, "-s"], f'{text}\nprintf %s "${name}"\n')[1]


def edited(
    family: str, text: str, options: dict[str, t.Any], program: str = "", *, asks: bool = True
) -> str:
    config = CONFIGS[family]
    texts = dict(zip(config.paths, ["", text] if len(config.paths) > 1 else [text]))
    context = EditContext(program, "ro quiet", ask=ask if asks else None)
    return edit(config, texts, options, context).after[config.paths[-1]]


@pytest.mark.parametrize(("family", "way", "more"), CASES)
def test_an_argument_is_added_and_none_is_lost(family: str, way: str, more: str) -> None:
    name, start, shell = SETTINGS[family]
    before = f'{name}="{start}"\n{way}\n'
    after = edited(family, before, {"command_line_append": ["panic=10"]})
    assert before in after
    words = shell_has(shell, after, name).split()
    assert words == [*start.split(), *more.split(), "panic=10"]
    assert edited(family, after, {"command_line_append": ["panic=10"]}) == after


@pytest.mark.parametrize(("family", "way", "more"), CASES)
def test_an_argument_is_taken_out_and_no_other(family: str, way: str, more: str) -> None:
    name, start, shell = SETTINGS[family]
    before = f'{name}="{start}"\n{way}\n'
    after = edited(family, before, {"command_line_remove": ["nr_cpus"]})
    words = shell_has(shell, after, name).split()
    assert words == [*(word for word in start.split() if word != "nr_cpus=1"), *more.split()]


@pytest.mark.parametrize("family", sorted(SETTINGS))
def test_what_is_there_already_changes_nothing(family: str) -> None:
    name, start, _shell = SETTINGS[family]
    before = f'{name}="{start} panic=10"\n{name}="${name} nokaslr"\n'
    quiet = before if family != "debian" else f"USE_KDUMP=1\n{before}"
    assert edited(family, quiet, {"command_line_append": ["panic=10"]}, asks=False) == quiet


@pytest.mark.parametrize("family", sorted(SETTINGS))
@pytest.mark.parametrize("line", ['[ -d /x ] && N="$N y"', 'N="$N $(uname)"', ". /etc/more"])
def test_what_only_a_shell_can_tell_is_refused_where_none_is_asked(family: str, line: str) -> None:
    name, start, _shell = SETTINGS[family]
    line = line.replace("N=", f"{name}=").replace("$N", f"${name}")
    with pytest.raises(KdumpError) as error:
        edited(family, f'{name}="{start}"\n{line}\n', {"command_line_append": ["x=1"]}, asks=False)
    assert f"by '{line}': write it as plain text first" in str(error.value)
    # What does not touch it is done.
    assert "/srv" in edited(
        family, f'{name}="{start}"\nUSE=$(uname)\n', {"settings": {"KDUMP_X": "/srv"}}, asks=False
    )


def test_a_file_that_ends_the_shell_tells_nothing() -> None:
    present = present_values('N="$(uname)"\nexit 0\n', "file", ask=ask)
    assert present.unknown == {"N": 'N="$(uname)"'}


def test_a_file_that_sets_nothing_that_is_not_plain_is_not_run(tmp_path: Path) -> None:
    text = f"touch {tmp_path}/ran\nN=1\n"
    assert present_values(text, "file", ask=ask).values == {"N": "1"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        # What kdumpctl itself takes out stays taken out.
        ("", "hugepages hugepagesz slub_debug quiet"),
        ('KDUMP_COMMANDLINE_REMOVE="hugepages"\n', "hugepages quiet"),
        ('KDUMP_COMMANDLINE_REMOVE=""\n', "quiet"),
        ('KDUMP_COMMANDLINE_REMOVE="$KDUMP_COMMANDLINE_REMOVE log_buf_len"\n',
         "hugepages hugepagesz slub_debug log_buf_len quiet"),
    ],
)  # fmt: skip
def test_the_defaults_of_the_tool_are_part_of_a_value(before: str, wanted: str) -> None:
    after = edited("kdump-utils", before, {"command_line_remove": ["quiet"]}, KDUMPCTL)
    head = 'KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug"\n'
    assert shell_has("bash", head + after, "KDUMP_COMMANDLINE_REMOVE") == wanted


# Files as in test_shell.py, for SUSE's names; its program is bash.
_NAMES = {"A": "KDUMP_COMMANDLINE_APPEND", "B": "KDUMP_B", "C": "KDUMP_C"}
WORDS = st.sampled_from(["panic=10", "nr_cpus=1", "quiet", "1", "shown"])
OPTIONS = st.fixed_dictionaries(
    {
        "command_line_append": st.lists(WORDS, max_size=2, unique=True),
        "command_line_remove": st.lists(st.sampled_from(["again", "more", "two"]), max_size=2),
        "settings": st.dictionaries(st.just("KDUMP_B"), st.sampled_from(["x", "two words", "$B"])),
    }
)


def renamed(text: str) -> str:
    return re.sub(r"\b[ABC]\b", lambda match: _NAMES[match[0]], text)


def only_what_was_asked_changes(text: str, options: dict[str, t.Any]) -> None:
    """Edit a file, and compare what bash reads of it before and after."""
    before = {name: shell_has("bash", text, name) for name in _NAMES.values()}
    after = edited("suse", text, options)
    found = {name: shell_has("bash", after, name) for name in _NAMES.values()}
    append = _NAMES["A"]
    words = with_words(
        before[append], options["command_line_append"], options["command_line_remove"]
    )
    assert found[append].split() == words.split()
    wanted = {"KDUMP_B": before["KDUMP_B"], **options["settings"]}
    assert {name: found[name] for name in ("KDUMP_B", "KDUMP_C")} == {
        "KDUMP_C": before["KDUMP_C"],
        **wanted,
    }
    assert edited("suse", after, options) == after


@settings(deadline=None, max_examples=200)
@given(FILES.map(renamed), OPTIONS)
def test_only_what_was_asked_changes(text: str, options: dict[str, t.Any]) -> None:
    only_what_was_asked_changes(text, options)
