# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages name exists: links, playbooks, plugins, options, variables, make targets, commands of the lab."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

if t.TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[3]
PAGES = sorted(
    [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("roles/*/README.md")]
)
# Named like variables: groups of an inventory, a check of the crash test, an argument of the capture kernel.
NO_VARIABLES = {
    "crash_test_protected", "kdump_canary", "kdump_ready", "kdump_test_id",
    "kdump_off", "readiness_not_checked",  # problems
    "kdump_post", "kdump_pre",  # directives of kdump.conf
    "kdump_reboot_required",  # a fact
    # variables of linux-system-roles/kdump
    "kdump_core_collector", "kdump_path", "kdump_ssh_server", "kdump_ssh_user", "kdump_sshkey", "kdump_system_action",
}  # fmt: skip

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OURS = re.compile(r"\bvmcore\.kdump\.(\w+)")
_SET = re.compile(r"(?:-e|--extra-vars) ([a-z_]+)=")
_AD_HOC = re.compile(r"-m vmcore\.kdump\.(\w+) -a (?:\"([^\"]+)\"|(\S+))")
_MAKE = re.compile(r"(?:^ {4}|`)make ([a-z][a-z-]*)", re.MULTILINE)
_LAB = re.compile(r"python -m lab ([a-z]+)")


@pytest.fixture(name="page", params=PAGES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def page_fixture(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def plugins() -> dict[str, dict[str, t.Any]]:
    """Return the documentation of every module and filter, by its name."""
    found = {}
    for path in [*CHECKOUT.glob("plugins/modules/*.py"), *CHECKOUT.glob("plugins/filter/*.py")]:
        text = path.read_text(encoding="utf-8")
        (documentation,) = re.findall(r'^DOCUMENTATION = r"""\n(.*?)^"""', text, re.M | re.S)
        found[path.stem] = yaml.safe_load(documentation)
    return found


def role_options() -> set[str]:
    return {
        name
        for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml")
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry.get("options") or {}
    }


def words_of_playbooks() -> set[str]:
    return {
        word
        for path in CHECKOUT.glob("playbooks/**/*.yml")
        for word in re.findall(r"[a-z_]+", path.read_text(encoding="utf-8"))
    }


def anchors(path: Path) -> set[str]:
    """Return what a link can point to in a page, as GitHub makes it of the headings."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            name, _hash, anchor = target.partition("#")
            path = page.parent / name if name else page
            assert path.exists(), target
            assert not anchor or anchor in anchors(path), target


def test_plugins_and_playbooks_exist(page: Path) -> None:
    known = (
        set(plugins())
        | {path.stem for path in CHECKOUT.glob("playbooks/*.yml")}
        | {path.name for path in CHECKOUT.glob("roles/*")}
        | set(yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text("utf-8"))["action_groups"])
    )
    assert set(_OURS.findall(page.read_text(encoding="utf-8"))) <= known | {"git"}


def test_playbooks_that_are_run_exist(page: Path) -> None:
    named = re.findall(
        r"ansible-playbook (?:\S+ )*?vmcore\.kdump\.(\w+)", page.read_text(encoding="utf-8")
    )
    assert set(named) <= {path.stem for path in CHECKOUT.glob("playbooks/*.yml")}


def test_variables_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = role_options() | words_of_playbooks()
    assert set(_SET.findall(text)) <= known
    roles = "|".join(path.name for path in CHECKOUT.glob("roles/*"))
    modules = set(plugins())
    of_roles = set(re.findall(rf"`((?:{roles}|awx_setup)_[a-z_]+)(?:[:=][^`]*)?`", text))
    assert of_roles <= known | NO_VARIABLES | modules


def test_options_of_modules_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    known = plugins()
    for name, *words in _AD_HOC.findall(text):
        given = {word.partition("=")[0] for word in " ".join(words).split()}
        assert given <= set(known[name]["options"]), name
    for task in tasks(text):
        for key, value in task.items():
            if key.startswith("vmcore.kdump.") and isinstance(value, dict):
                assert set(value) <= set(known[key.rpartition(".")[2]]["options"]), key


def tasks(text: str) -> Iterator[dict[str, t.Any]]:
    for language, content in _FENCE.findall(text):
        if language in ("yaml", "yml"):
            parsed = yaml.safe_load(content)
            yield from (
                (each for each in parsed if isinstance(each, dict))
                if isinstance(parsed, list)
                else ()
            )


def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert set(_MAKE.findall(text)) <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lab = "".join(path.read_text(encoding="utf-8") for path in CHECKOUT.glob("tests/lab/**/*.py"))
    known = re.findall(r'(?:add_parser|EXPERIMENT = Experiment)\(\s*"([\w-]+)"', lab)
    assert set(_LAB.findall(text)) <= set(known)


def test_arguments_of_the_capture_kernel_exist(page: Path) -> None:
    helper = (CHECKOUT / "plugins/plugin_utils/pcie_reset/pcie-reset").read_text(encoding="utf-8")
    for argument in re.findall(r"`(pcie_reset(?:\.[a-z]+)?)=", page.read_text(encoding="utf-8")):
        assert f"{argument}=" in helper


def test_the_pages_are_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "awx.md", "limits.md"} <= {path.name for path in PAGES}
