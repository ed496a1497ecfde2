# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crashes that nobody planned suggest, and how the report tells it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    html,
    markdown,
    model,
    prometheus,
)

Data = dict[str, t.Any]


def crash(number: int, signature: str | None = "5167", **changes: t.Any) -> Data:
    return {
        "id": f"c{number}", "identities": [f"i{number}"], "collected_at": 1795350000 + number, "origin": "unplanned",
        "path": f"/var/crash/20261122095{number}/dump", "size": 1, "present": True, "verdict": "complete",
        "why": "whole",
        "kind": "oops", "words": "An oops", "reason": "BUG: <b>x</b>", "functions": ["f", "g"], "signature": signature,
        "release": "6.12", "crash_time": 1795340000 + number, "last_lines": ["the </pre> end"], **changes,
    }  # fmt: skip


def collected(host: str, *crashes: Data, model_name: str = "R1", kernel: str = "6.12") -> Data:
    dmi = {"sys_vendor": "Example", "product_name": model_name}
    return {
        "version": 1, "host": host, "kernel": kernel, "crashes": list(crashes),
        "platform": {"architecture": "x86_64", "dmi": dmi},
    }  # fmt: skip


def report(directory: Path, *hosts: Data, expected: t.Iterable[str] = ()) -> Data:
    (directory / "crashes").mkdir()
    for host in hosts:
        (directory / "crashes" / f"{host['host']}.json").write_text(json.dumps(host))
    return model.build(files.read(directory), expected)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([collected("a", crash(1), crash(2)), collected("b"), collected("c")],
         "Only a crashed so, 2 times, and none of the 2 other hosts of its model: that points to its hardware."),
        ([collected("a", crash(1), crash(2))], "Only a crashed so, 2 times: that points to its hardware."),
        ([collected("a", crash(1)), collected("b", crash(2)), collected("c", model_name="R2")],
         "Only hosts of one model crashed so (Example R1): that points to its firmware or a device of it."),
        # Where the fleet has one model, that model says nothing.
        ([collected("a", crash(1)), collected("b", crash(2))], ""),
        ([collected("a", crash(1)), collected("b", crash(2), model_name="R2")],
         "Hosts of 2 models crashed so: that points to the kernel."),
        ([collected("a", crash(1)), collected("b")], ""),
        ([collected("a", crash(1, kind="machine_check"))],
         "The hardware reported the error itself: look into the event log of the management controller."),
        ([collected("a", crash(1, kind="sysrq"), crash(2, kind="sysrq"))],
         "Somebody asked for these crashes outside of a crash test."),
    ],
)  # fmt: skip
def test_what_equal_crashes_suggest(tmp_path: Path, hosts: list[Data], said: str) -> None:
    (group,) = report(tmp_path, *hosts)["unplanned"]["groups"]
    assert group["suggests"] == said


def test_equal_crashes_are_together_and_the_most_frequent_come_first(tmp_path: Path) -> None:
    hosts = [
        collected("a", crash(1, "rare"), crash(2)),
        collected("b", crash(3)),
        collected("c", crash(4, None), crash(5, None)),
    ]
    unplanned = report(tmp_path, *hosts)["unplanned"]
    assert (unplanned["total"], unplanned["hosts"]) == (5, 3)
    found = [
        (group["signature"], group["crashes"], [host["name"] for host in group["hosts"]])
        for group in unplanned["groups"]
    ]
    # Without a signature none is equal to another.
    assert found == [
        ("5167", 2, ["a", "b"]),
        (None, 1, ["c"]),
        (None, 1, ["c"]),
        ("rare", 1, ["a"]),
    ]


def test_crashes_of_tests_are_not_unplanned(tmp_path: Path) -> None:
    told = report(
        tmp_path, collected("a", crash(1, origin="crash_test"), crash(2, origin="kdumpctl_test"))
    )
    assert told["unplanned"]["total"] == 0
    assert "Unplanned crashes" not in html.render(told)
    assert "unplanned" not in markdown.render(told)


def test_a_host_that_crashes_in_different_ways_is_named(tmp_path: Path) -> None:
    hosts = [
        collected("a", crash(1, "x"), crash(2, "y"), crash(3, "y")),
        collected("b", crash(4, "x"), crash(5, "x")),
    ]
    told = report(tmp_path, *hosts)
    assert [
        (host["name"], host["crashes"], host["signatures"])
        for host in told["unplanned"]["repeated"]
    ] == [("a", 3, 2)]
    assert "crashed 3 times, in 2 ways" in html.render(told)


@pytest.mark.parametrize(
    ("kernels", "said"),
    [
        (("6.13", "6.13"), "Not seen since the kernel 6.13."),
        (("6.13", "6.14"), "Not seen since the kernel 6.13, 6.14."),
        (("6.13", "6.12"), ""),  # one of the hosts runs the kernel that crashed
        (("", "6.13"), ""),
    ],
)
def test_a_crash_that_a_new_kernel_does_not_have(
    tmp_path: Path, kernels: tuple[str, str], said: str
) -> None:
    hosts = [
        collected(name, crash(number), kernel=kernel)
        for number, (name, kernel) in enumerate(zip("ab", kernels, strict=True))
    ]
    (group,) = report(tmp_path, *hosts)["unplanned"]["groups"]
    assert group["not_seen"] == said


def test_a_kernel_that_crashed_so_itself_is_not_the_cure(tmp_path: Path) -> None:
    hosts = [
        collected("a", crash(1), kernel="6.13"),
        collected("b", crash(2, release="6.13"), kernel="6.14"),
    ]
    (group,) = report(tmp_path, *hosts)["unplanned"]["groups"]
    assert group["not_seen"] == ""


def test_every_format_tells_it_and_escapes_what_the_host_said(tmp_path: Path) -> None:
    told = report(tmp_path, collected("a", crash(1), crash(2, present=False)), collected("b"))
    page = html.render(told)
    assert "Unplanned crashes" in page
    assert "BUG: &lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    assert "the &lt;/pre&gt; end" in page
    assert "removed since" in page
    assert "2 unplanned crashes:" in markdown.render(told)
    metrics = prometheus.render(told)
    assert 'vmcore_kdump_unplanned_crashes{host="a"} 2' in metrics
    assert 'vmcore_kdump_unplanned_crash_timestamp_seconds{host="a"} 1795340002' in metrics
    assert 'vmcore_kdump_unplanned_signature_hosts{signature="5167",kind="oops"} 1' in metrics


def test_a_host_that_is_only_known_by_its_crashes_belongs_to_the_report(tmp_path: Path) -> None:
    told = report(tmp_path, collected("a", crash(1)))
    (host,) = told["hosts"]
    assert (host["name"], host["verdict"], host["platform"]) == ("a", "untested", "Example R1")
    assert told["as_of"] == 1795350001


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"host": "a"}', '{"host": 1, "crashes": []}', '{"host": "a", "crashes": {}}'],
)
def test_a_file_that_holds_no_crashes_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "crashes").mkdir()
    (tmp_path / "crashes/a.json").write_text(content)
    (sentence,) = files.read(tmp_path).ignored
    assert "a.json" in sentence


def test_any_json_makes_a_report(tmp_path: Path) -> None:
    odd = {
        "host": "a",
        "crashes": [{}, None, 1, {"crash_time": "x", "functions": [1], "origin": "unplanned"}],
    }
    told = report(tmp_path, odd)
    for render in (html.render, markdown.render, prometheus.render):
        assert render(told)
