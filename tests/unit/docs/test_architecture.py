# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/how/architecture.md is the map as it is: its files, rooms and names exist, and a name is of one thing."""

from __future__ import annotations

import itertools
import re
import tomllib
import typing as t
from pathlib import Path

import pytest

if t.TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[3]
ROOMS = "The rooms of module_utils"
PAGE = (CHECKOUT / "docs/how/architecture.md").read_text(encoding="utf-8")
UTILS = CHECKOUT / "plugins/module_utils"
FAMILIES = UTILS / "_kdump/families"

# A path of the page begins in one of these, or is a file of one of the rooms.
_ROOTS = [
    CHECKOUT, CHECKOUT / "plugins", UTILS, CHECKOUT / "plugins/plugin_utils", UTILS / "_kdump", UTILS / "_contracts",
    *(path for path in FAMILIES.iterdir() if path.is_dir()), *CHECKOUT.glob("roles/*"),
]  # fmt: skip
# Where something lies on a host or in a fact is no file of ours.
_OF_HOSTS = ("/var/",)

_SPAN = re.compile(r"`([^`\n]+)`")
_ROOM = re.compile(r"_[a-z_]+")
_PATH = re.compile(r"[\w{},.*-]*(?:/[\w{},.*-]+)*/?")
_CODE_OF = re.compile(r"((?:`[A-Z_]{3,}`(?:, | and )?)+) of `([\w/]+\.py)`")

# Classes that implement one interface have one name, and Ansible wants those of plugins.
_ONE_INTERFACE = {"ActionModule", "FilterModule", "LookupModule", "Layout"}


def table(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    lines = PAGE.split(f"\n{heading}\n", 1)[1].splitlines()
    rows = itertools.takewhile(
        lambda line: line.startswith("|"),
        itertools.dropwhile(lambda line: not line.startswith("|"), lines),
    )
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in list(rows)[2:]]


def present() -> str:
    """Return the page without the column that says what there was before."""
    first, rest = PAGE.split("\n## One of each\n", 1)
    _table, words = rest.split("\n## Words\n", 1)
    return "\n".join([first, *(row[2] for row in table("## One of each")), words])


def paths() -> Iterator[str]:
    """Yield every path that the page names, one for each of those in braces."""
    for span in _SPAN.findall(present()):
        looks = (
            "/" in span
            or re.search(r"\.(?:py|sh|yml|toml|md|json|j2)$", span)
            or _ROOM.fullmatch(span)
        )
        if looks and _PATH.fullmatch(span) and not span.startswith(_OF_HOSTS):
            before, brace, rest = span.partition("{")
            inner, _brace, after = rest.partition("}")
            yield from (f"{before}{each}{after}" for each in inner.split(",")) if brace else [span]


def test_files_and_rooms_that_are_named_exist() -> None:
    named = set(paths())
    assert {"_kdump/registry.py", "_evidence/patterns.py", "_errors", "_vmcore"} <= named
    missing = [
        path
        for path in sorted(named)
        # A word in capitals stands for any name.
        if not any(
            [*root.glob(re.sub(r"\b[A-Z]{3,}\b", "*", path).rstrip("/"))]
            or root.joinpath(f"{path}.py").is_file()
            for root in _ROOTS
        )
    ]
    assert missing == []


def test_tables_of_code_that_are_named_stand_there() -> None:
    named = [
        (name, path)
        for names, path in _CODE_OF.findall(PAGE)
        for name in re.findall(r"[A-Z_]+", names)
    ]
    assert ("CAUSES", "_evidence/causes.py") in named
    for name, path in named:
        assert re.search(rf"^{name}\b.*=", UTILS.joinpath(path).read_text("utf-8"), re.M), (name, path)  # fmt: skip


def test_rooms_stand_in_the_order_that_their_imports_are_held_to() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["name"] == ROOMS)
    held = [sorted(layer.split(" | ")) for layer in layers]
    text = PAGE.split("(the contracts are in `pyproject.toml`).", 1)[1]
    rows = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("| `")]
    described = [sorted(_SPAN.findall(row.split(" | ")[0])) for row in rows]
    # What stands side by side may have a row each.
    assert sorted(itertools.chain(*described)) == sorted(itertools.chain(*held))
    floor = {room: number for number, layer in enumerate(held) for room in layer}
    assert [floor[room] for row in described for room in row] == sorted(
        floor[room] for row in described for room in row
    )
    there = {path.stem for path in UTILS.iterdir() if path.stem not in ("__init__", "__pycache__")}
    assert set(floor) == there


def test_a_family_has_the_files_that_the_page_gives_it() -> None:
    given = {row[0].strip("`") for row in table("## The families")}
    for family in (path for path in FAMILIES.iterdir() if path.is_dir()):
        # What only one family has lies beside them.
        assert given <= {path.name for path in family.glob("*.py")}, family.name


def classes() -> Iterator[tuple[str, Path]]:
    """Yield the public classes of the plugins, and the file of each."""
    for path in sorted(CHECKOUT.glob("plugins/**/*.py")):
        for name in re.findall(
            r"^class ([A-Z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            yield name, path


def test_a_class_name_is_of_one_thing() -> None:
    found = sorted(classes(), key=lambda item: item[0])
    several = {
        name: [str(path.relative_to(CHECKOUT)) for _name, path in group]
        for name, group in ((name, list(group)) for name, group in itertools.groupby(found, key=lambda item: item[0]))
        if len(group) > 1 and name not in _ONE_INTERFACE
    }  # fmt: skip
    assert several == {}


@pytest.mark.parametrize(
    "name", ["ImagePart", "MenuEntry", "BootEntry", "PageEntry", "Member", "EditContext", "BootHost", "Host",
             "FileLine", "LogLine", "HostTraits", "IommuSetup", "Observations", "Difference", "KeptState"]
)  # fmt: skip
def test_classes_that_the_words_name_exist(name: str) -> None:
    assert f"`{name}`" in PAGE.split("\n## Words\n")[1]
    assert name in {found for found, _path in classes()}
