# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    TARGETS,
    change,
    parse_conf,
    require_valid,
    target_options,
)

LINES = st.sampled_from(
    [
        "# path /somewhere",
        "#path /shown",
        "#ssh user@my.server.com",
        "",
        "path /var/crash",
        "  path\t/var/crash # why",
        'extra_bins "/usr/bin/lftp /usr/bin/gzip"',
        "nfs vault:/srv",
        "ext4 UUID=1234",
        "ssh kdump@vault",
        "core_collector makedumpfile -l --message-level 7 -d 31",
        "failure_action shell",
    ]
)
VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='#"'), min_size=1
)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("path /var/crash\n", {"path": "/var/crash"}),
        ("\t path \t /var/crash  \n", {"path": "/var/crash"}),
        ("path /var/crash # why\n", {"path": "/var/crash"}),
        ("path /var/crash# why\n", {"path": "/var/crash"}),
        ('dracut_args "--add x"  # why\n', {"dracut_args": "--add x"}),
        ('dracut_args --add "x y"\n', {"dracut_args": '--add "x y"'}),
        ("#path /shown\n  # path\n\n", {}),
        ("path /a\npath /b\n", {"path": "/b"}),
        ("path\n", {"path": ""}),
    ],
)
def test_a_file_as_kdumpctl_reads_it(text: str, options: dict[str, str]) -> None:
    assert parse_conf(text) == options


@given(
    st.lists(LINES, max_size=8),
    st.dictionaries(
        st.sampled_from(["path", "extra_bins", "sshkey", "failure_action"]), st.none() | VALUES
    ),
)
def test_a_change_is_made_once_and_nothing_else_is(
    lines: list[str], wanted: dict[str, str | None]
) -> None:
    text = "\n".join(lines)
    after = change(text, wanted)
    assert change(after, wanted) == after
    expected = {**parse_conf(text), **wanted}
    assert parse_conf(after) == {key: value for key, value in expected.items() if value is not None}
    remaining = iter(after.split("\n"))
    for line in lines:
        if (line.split() or [""])[0] not in wanted:
            assert line in remaining


@given(st.lists(LINES, max_size=8), st.sampled_from([("nfs", "a:/b"), ("raw", "/dev/x"), None]))
def test_a_target_is_the_only_one(lines: list[str], target: tuple[str, str] | None) -> None:
    options = target_options(*target) if target else target_options(None)
    after = change("\n".join(lines), options)
    found = {key: value for key, value in parse_conf(after).items() if key in TARGETS}
    assert found == (dict([target]) if target else {})
    assert change(after, options) == after


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("path /a # why\n", {"path": "/b"}, "path /b # why\n"),
        ("path\t/a\n", {"path": "/b"}, "path\t/b\n"),
        ('path "/a"\n', {"path": "/a"}, 'path "/a"\n'),
        ("path /a\npath /b\n", {"path": "/b"}, "path /b\n"),
        ("#path /shown\n#nfs x\n", {"path": "/b"}, "#path /shown\npath /b\n#nfs x\n"),
        ("# path is what it is\n", {"sshkey": "/k"}, "# path is what it is\nsshkey /k\n"),
        ("x y", {"path": "/b"}, "x y\npath /b\n"),
        ("nfs a:/b\n#ssh u@h\n", target_options("ssh", "u@h"), "ssh u@h\n#ssh u@h\n"),
        ("path /a\n", {"path": None}, ""),
    ],
)
def test_the_place_of_a_change(before: str, wanted: dict[str, str | None], after: str) -> None:
    assert change(before, wanted) == after


@pytest.mark.parametrize("value", ["", " /a", "/a # b", "/a\nnfs x:/y", '"/a"'])
def test_what_kdumpctl_would_read_otherwise_is_refused(value: str) -> None:
    with pytest.raises(KdumpError, match=r"cannot be the value of path in kdump\.conf"):
        change("", {"path": value})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "nfs a:/b\nssh u@h\n",
            "Line 2 of kdump.conf: there are two dump targets, nfs a:/b and ssh u@h",
        ),
        ("ext4 /dev/a\ndracut_args --mount '/dev/b /x xfs'\n", "there are two dump targets"),
        ("dracut_args --mount a --mount b\n", "two --mount"),
        ("path /a\npath /b\n", "Line 2 of kdump.conf: path is there twice"),
        ("colour blue\n", "Line 1 of kdump.conf: kdump-utils knows no option colour"),
        ("net x\n", "kdump-utils has no net any more"),
        ("path\n", "Line 1 of kdump.conf: path has no value"),
        ("failure_action sleep\n", "failure_action is sleep: use one of reboot, halt"),
        ("final_action shell\n", "final_action is shell: use one of reboot, halt, poweroff"),
        ("default halt\nfailure_action halt\n", "its old name default"),
        ("force_rebuild 1\nforce_no_rebuild 1\n", "both force_rebuild and force_no_rebuild"),
        ("ssh vault\n", "write it as user@host"),
    ],
)
def test_what_kdumpctl_refuses_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(KdumpError, match=sentence):
        require_valid(text)


def test_an_option_that_only_this_kdumpctl_knows_is_taken() -> None:
    require_valid("colour blue\n", {"colour"})
