# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A family that does not exist, registered in one place, works through everything that knows of families."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    DRACUT,
    DRACUT_HOOK,
    EVERY_HOST,
    SHIPPED,
    in_image,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import capture_log
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import LoaderEdit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    assign,
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.dracut import facts_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Captured
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import (
    SOURCE,
    DumpLayout,
    PrintedLine,
    SideFile,
    Traces,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import inside, is_file, read_text
from ansible_collections.vmcore.kdump.tests.unit import facts as made_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLUGINS = "ansible_collections.vmcore.kdump.plugins"
KERNEL = "6.12.0-beret"
CONFIG = PurePosixPath("/etc/beret-kdump")
IMAGE = PurePosixPath("/boot/beret-kdump.img")
TREE: dict[str, t.Any] = {
    "etc/os-release": "ID=beret\n",
    "etc/beret-kdump": "WHERE=/srv/cores\n",
    "usr/sbin/beretdump": "",
    f"boot/vmlinuz-{KERNEL}": "",
    "boot/beret-kdump.img": "",  # built from that
    "srv/cores": None,
    "proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "proc/cmdline": "ro crashkernel=256M panic=10\n",
    "sys/kernel/kexec_crash_size": "268435456\n",
    "sys/kernel/kexec_crash_loaded": "1\n",
    "sys/bus/pci/devices": None,
}
CONSOLE = f"""\
[   10.000000] Kernel panic - not syncing: sysrq triggered crash
[    0.000000] Linux version {KERNEL} (builder)
[    0.000000] Command line: ro reset_devices elfcorehdr=0x39000000
[    3.000000] beretdump: writing core
[    9.000000] beretdump: wrote core
"""


class BeretConfig:
    """/etc/beret-kdump."""

    paths = (CONFIG,)
    program: PurePosixPath | None = None
    first_modules = capture_log.DRACUT

    def edit(
        self, texts: Mapping[PurePosixPath, str], options: Mapping[str, t.Any], host: EditContext
    ) -> dict[PurePosixPath, str]:
        del host
        return {CONFIG: assign(texts[CONFIG], {"WHERE": options.get("dump_path")}, str(CONFIG))}

    def follows(
        self, before: Mapping[PurePosixPath, str], after: Mapping[PurePosixPath, str]
    ) -> tuple[bool, bool]:
        return before != after, before != after


class BeretBoot:
    """A bootloader that nobody else has."""

    name = "beretboot"
    title = "beretboot (Beret)"
    systemd_boot = False

    def present(self, root: Path) -> bool:
        return is_file(inside(root, "/sbin/beretboot"))

    def configured(self, host: t.Any) -> list[list[str]]:
        del host
        return [[]]

    def default(self, host: t.Any) -> None:
        del host

    def reset_by_updates(self, host: t.Any, words: t.Any, default: t.Any) -> bool:
        del host, words, default
        return False

    def edit(self, host: t.Any, words: t.Any, default: t.Any) -> LoaderEdit:
        del host, default
        return LoaderEdit([["beretboot", *words]])


class Beret:
    """All that a family is."""

    name = "beret"
    title = "beret-kdump (Beret)"
    distributions: tuple[str, ...] = ("beret",)
    service = "beret-kdump.service"
    generator = "dracut"
    hook = DRACUT_HOOK
    quiesce_settings: PurePosixPath | None = None
    parts: tuple[str, ...] = (*EVERY_HOST, *DRACUT)
    saves_from_image = True
    configuration = BeretConfig()
    bootloaders = (BeretBoot(),)
    captured = Captured(
        texts=(in_image(CONFIG),), present=("usr/sbin/beretdump", in_image(IMAGE)), units=()
    )
    traces = Traces(
        layout=DumpLayout(
            re.compile(r"crash-(\d{4})"),
            r"core\.{stamp}|core-incomplete",
            ("log.{stamp}",),
            r"\d{4}",
        ),
        lines=(
            PrintedLine("S7", r"beretdump: writing core", "beretdump.c", SOURCE),
            PrintedLine("S8", r"beretdump: wrote core", "beretdump.c", SOURCE),
        ),
        side_files=(
            SideFile("verdict", "VERDICT", "beret", ((re.compile("torn"), "VERDICT says torn."),)),
        ),
        own_files=("lock",),
    )

    def present(self, root: Path) -> bool:
        return is_file(inside(root, "/usr/sbin/beretdump"))

    def config(self, root: Path) -> dict[str, str]:
        return parse_assignments(read_text(inside(root, CONFIG)) or "")

    def targets(self, texts: Mapping[PurePosixPath, str]) -> list[Target]:
        return [Target("local", parse_assignments(texts[CONFIG])["WHERE"])]

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        del root, kernel
        return IMAGE

    def dump_directory(self, root: Path) -> PurePosixPath:
        return PurePosixPath(self.config(root)["WHERE"])

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        del root
        return [["beretdump", "build", kernel]]

    def rearm_commands(self) -> list[list[str]]:
        return [["beretdump", "load"]]

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        del root, kernel
        return None

    def settings(self, root: Path) -> Settings:
        return Settings(
            units=(self.service,), collector="beretdump", targets=tuple(self._targets(root))
        )

    def _targets(self, root: Path) -> list[Target]:
        return self.targets({CONFIG: read_text(inside(root, CONFIG)) or ""})

    def loaded(self, root: Path) -> list[str]:
        del root
        return []

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        return facts_of(
            self,
            root,
            kernel,
            images=[IMAGE],
            kernels=[PurePosixPath(f"/boot/vmlinuz-{kernel}")],
            target="local",
            capture_command_line=read_text(root / "proc/cmdline"),
        )


Module = t.Callable[[str], t.Any]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """The collection's modules by their names below module_utils, as they are with a row more in the registry."""
    ours = [name for name in sys.modules if name == PLUGINS or name.startswith(f"{PLUGINS}.")]
    monkeypatch.setattr(sys.modules["ansible_collections.vmcore.kdump"], "plugins", None)
    for name in ours:
        monkeypatch.delitem(sys.modules, name)

    def load(name: str) -> t.Any:
        return importlib.import_module(f"{PLUGINS}.module_utils.{name}")

    registry = load("_kdump.registry")
    registry.FAMILIES = (*registry.FAMILIES, Beret())
    yield load
    for name in [each for each in sys.modules if each == PLUGINS or each.startswith(f"{PLUGINS}.")]:
        del sys.modules[name]


def test_facts(module: Module, tmp_path: Path) -> None:
    root = build(tmp_path, TREE)
    facts = module("_kdump.facts").kdump_facts(root)
    assert (facts["family"], facts["service"]["name"]) == ("beret", "beret-kdump.service")
    assert facts["image"]["initramfs"] == str(IMAGE)
    assert (facts["target"]["type"], facts["target"]["path"]) == ("local", "/srv/cores")
    assert [each["code"] for each in facts["problems"] if each["severity"] == "error"] == []
    assert module("_kdump.registry").expected(root).name == "beret"


def test_host_without_kdump_is_told_of_it(module: Module, tmp_path: Path) -> None:
    (problem,) = module("_kdump.facts").kdump_facts(build(tmp_path, {"proc": None}))["problems"]
    assert problem["message"].endswith(" or beret-kdump (Beret).")


def test_plan_and_installation(module: Module) -> None:
    plan = module("_reset.plan").make_plan(made_facts.host())
    install = module("_reset.install")
    files = {name: "00" if name.endswith(".hex") else name for name in SHIPPED}
    state = install.wanted_present(files, plan, Beret())
    there = {path for path, item in state.items() if item is not None}
    assert {SHIPPED[name][0] for name in Beret.parts} < there
    assert SHIPPED["init-top"][0] not in there
    with pytest.raises(Exception, match=r"is built for .*, and not for beret"):
        install.wanted_present(files, plan, Beret(), "quiesce")


def test_the_quiesce_stage_is_not_for_it(module: Module) -> None:
    facts = {"kdump": {"family": "beret"}, "platform": {}}
    assert "this host has beret" in module("_quiesce.stage_choice").suitable_stage(facts)["why"]


def test_configuration(module: Module) -> None:
    before = {CONFIG: "# where\nWHERE=/srv/cores\n"}
    edit = module("_kdump.edit").edit(
        Beret.configuration, before, {"dump_path": "/a"}, EditContext()
    )
    assert edit.after == {CONFIG: '# where\nWHERE="/a"\n'}


def test_bootloader(module: Module, tmp_path: Path) -> None:
    bootloader_of = module("_kdump.registry").bootloader_of
    assert bootloader_of(build(tmp_path / "a", {"sbin/beretboot": ""})).name == "beretboot"
    with pytest.raises(Exception, match=r" and beretboot \(Beret\)"):
        bootloader_of(build(tmp_path / "b", {}))


def test_captured_tree(module: Module, tmp_path: Path) -> None:
    root = build(tmp_path, TREE)
    entries = module("_capture.tree").capture(root)
    assert entries["etc/beret-kdump"].content == b"WHERE=/srv/cores\n"
    assert {"usr/sbin/beretdump", "boot/beret-kdump.img", "srv/cores"} <= set(entries)


def test_stages_of_a_console_that_is_watched_and_judged(module: Module) -> None:
    reader = module("_evidence.console").ConsoleReader()
    reached = []
    for line in CONSOLE.splitlines(keepends=True):
        reader.feed(line.encode())
        reached.append(reader.stage)
    assert reached[-2:] == ["dump started", "dump complete"]
    logs = [{"source": "console", "text": CONSOLE}]
    assert module("_evidence.classify").classify(logs)["stage"]["recorded_as"] == "dump complete"


def test_what_a_crash_left(module: Module, tmp_path: Path) -> None:
    here = build(
        tmp_path,
        {
            "crash-0042/core.0042": "x",
            "crash-0042/log.0042": "",
            "crash-0042/VERDICT": "torn\n",
            "lock": "",
        },
    )
    find = module("_vmcore.find")
    (dump,) = find.find(here)
    assert dump.path == here / "crash-0042/core.0042"
    files = find.side_files(dump.path)
    assert (files["dmesg"], files["verdict"]) == tuple(
        str(here / "crash-0042" / name) for name in ("log.0042", "VERDICT")
    )
    with pytest.raises(Exception, match=r"VERDICT says torn\."):
        module("_vmcore.side_files").check_side_files(files)
    sources = module("_evidence.sources")
    left = sources.left_files(here, {})
    assert [each["name"] for each in left if each["name"] == "lock"] == []
    assert {log["source"] for log in sources.side_logs(here, left)} == {"dmesg", "beret"}
    state = module("_evidence.observations").dump_state({"files": left})
    assert state.sentence == "crash-0042/core.0042 was left (1 bytes)."


# What may name a family outside of its folder, and why.
ALLOWED = {
    # The collection's own files are called after what they are for.
    "_helper/layout.py": {"quiesce-kdump-tools", "kdump-tools-dump.service.wants"},
    "_helper/quiesce.py": {"/usr/local/lib/pcie-reset/quiesce-kdump-tools"},
    # Words that may stay in a tree without identifiers, whatever the host is.
    "_capture/identity.py": {"debian"},
    # Shared by two families.
    "_kdump/dracut.py": {"/etc/sysconfig/kdump"},
    "_initramfs/programs.py": {"squashfs-tools (squashfs on SUSE)"},
    "_vmcore/examination.py": {"kdump-tools calls"},
    # What made a crash, as the list of crashes names it.
    "_contracts/crashes.py": {"kdumpctl_test"},
    "_vmcore/crashes.py": {"kdumpctl_test"},
}
_NAMES = re.compile(
    r"debian|ubuntu|suse|fedora|red hat|kdump-tools|kdump-utils|kdump-config|kdumpctl|mkdumprd|kdumptool"
    r"|sysconfig/kdump|/kdump\.conf|(?-i:\bKDUMP_)",
    re.IGNORECASE,
)


def strings(path: Path) -> Iterator[str]:
    """The strings of a module's code, without documentation."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ):
            yield node.value
        elif isinstance(node, ast.ImportFrom) and "._kdump.families." in (node.module or ""):
            yield "kdump-utils" if path.name != "registry.py" else ""


def test_no_module_outside_the_folders_names_a_family() -> None:
    utils = Path(__file__).parents[5] / "plugins/module_utils"
    for path in sorted(utils.rglob("*.py")):
        name = str(path.relative_to(utils))
        if not name.startswith("_kdump/families/"):
            named = [text for text in strings(path) if _NAMES.search(text)]
            allowed = ALLOWED.get(name, set())
            assert [text for text in named if not any(each in text for each in allowed)] == [], name
