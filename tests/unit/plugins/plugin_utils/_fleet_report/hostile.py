# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hostile host, file or operator could have put into a record, and reports made of it."""

from __future__ import annotations

import typing as t
from pathlib import Path

from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import files, model, shape
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean
from ansible_collections.vmcore.kdump.tests.unit import fleet

Data = dict[str, t.Any]

# Text that ends what it is in, in some format.
BREAKERS = (
    "</script><script>alert(1)</script>", "</style><img src=x onerror=alert(1)>", "--><b>", "]]>", "<![CDATA[",
    "&amp;&lt;&#60;", '" onload="x', "' autofocus='", "\x1b[31mred\x1b[0m", "\x1b]8;;http://evil.example\x07link",
    "\x00\x08\x0b\x7f\x85", "\ud800", "\udc80text", "\ufffe\uffff", "\u202eltr\u2066", "\u2028\u2029",
    "a\nb", "a\r\nb", "\n# HELP x y\n", '"} 1\nx{a="', "\\", '\\"', "\\n", "| a | b |", "`code`", "```", "**bold**",
    "[text](http://evil.example)", "![image](http://evil.example/x.png)", "<http://evil.example>", "@here", "<!here>",
    "http://evil.example", "www.evil.example", "# heading", "- item", "> quote", "~~gone~~", "{{ 7 * 7 }}", "{% raw %}",
    "javascript:alert(1)", "../../etc/passwd", "a/b", ".", "",
)  # fmt: skip

texts = st.one_of(
    st.sampled_from(BREAKERS),
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.tuples(st.sampled_from(BREAKERS), st.sampled_from(BREAKERS)).map("".join),
)

# Anything that JSON can hold in the place of anything.
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def _with_texts(value: t.Any, draw: t.Callable[[], str]) -> t.Any:
    """Replace every text that nothing depends on."""
    if isinstance(value, dict):
        kept = (
            "verdict",
            "stage",
            "status",
            "severity",
            "result",
            "decision",
            "name",
            "parent",
            "header",
        )
        return {
            key: each if key in kept and isinstance(each, str) else _with_texts(each, draw)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_with_texts(each, draw) for each in value]
    return draw() if isinstance(value, str) else value


@st.composite
def reports(draw: st.DrawFn) -> Data:
    """A report of hosts whose every name and line is hostile."""
    pool = draw(st.lists(texts, min_size=1, max_size=6))
    turn = iter(range(1 << 30))

    def hostile() -> str:
        return pool[next(turn) % len(pool)]

    results = files.Results(
        [], [], [], draw(st.lists(texts, max_size=2).map(lambda each: [*map(clean, each)])), [], []
    )
    for name in draw(
        st.lists(st.sampled_from(("passed", "no-return", "inconclusive", "dracut")), max_size=3)
    ):
        results.records.append(shape.record(_with_texts(fleet.record(name), hostile)))
    if draw(st.booleans()):
        words = (
            "id",
            "origin",
            "path",
            "verdict",
            "why",
            "kind",
            "words",
            "reason",
            "signature",
            "release",
        )
        crash = {
            **{key: hostile() for key in words},
            "origin": "unplanned",
            "functions": [hostile()],
            "last_lines": [hostile()],
        }
        results.collected.append(
            shape.collected({"host": hostile(), "kernel": hostile(), "crashes": [crash, crash]})
        )
    if draw(st.booleans()):
        kept = {"host": hostile(), **_with_texts(fleet.assessment("db01", 0), hostile)}
        results.assessments.append(shape.assessment(kept))
    return model.build(results, [clean(each) for each in draw(st.lists(texts, max_size=2))])


def report(directory: Path, count: int = 20) -> Data:
    """The report of a fleet like a real one."""
    names = fleet.write(directory, count)
    return model.build(files.read(directory), names)
