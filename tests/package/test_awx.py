# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks/awx_setup.yml makes in AWX, and the project and execution environment that go with it."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.vmcore.kdump.tests.package.conftest import CHECKOUT
from ansible_collections.vmcore.kdump.tests.package.fake_awx import FakeAwx

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.vmcore.kdump.tests.package.conftest import Environment

    Json = dict[str, t.Any]

# The one that execution environments of AWX have had for long.
pytestmark = [
    pytest.mark.usefixtures("environment"),
    pytest.mark.parametrize("environment", ["oldest"], indirect=True),
]

PROJECT = CHECKOUT / "docs/awx/project"
AWX_COLLECTION = CHECKOUT / ".venv/awx/ansible_collections"
RESULTS = "/srv/kdump"
OPTIONS = {
    "awx_setup_inventory": "Servers",
    "awx_setup_project_url": "https://git.example.com/kdump-project.git",
    "awx_setup_results_directory": RESULTS,
    "awx_setup_slices": 3,
}
CRASHING = ["crash test", "crash test of the canaries", "crash test of the rest", "qualify"]


def setup_awx(environment: Environment, awx: FakeAwx, **more: t.Any) -> str:
    if not (link := environment.collection.parents[1] / "awx").exists():
        link.symlink_to(AWX_COLLECTION / "awx")
    done = environment.run(
        "ansible-playbook", "vmcore.kdump.awx_setup", "-i", "localhost,",
        "-e", json.dumps({**OPTIONS, **more}),
        CONTROLLER_HOST=awx.url, CONTROLLER_OAUTH_TOKEN="token", CONTROLLER_VERIFY_SSL="false",
    )  # fmt: skip
    return done.stdout


@pytest.fixture(name="awx", scope="module")
def awx_fixture(environment: Environment) -> Iterator[FakeAwx]:
    """Start AWX as it is after its installation, and set it up once."""
    awx = FakeAwx()
    awx.add("organizations", {"name": "Default"})
    awx.add("inventories", {"name": "Servers", "organization": 1})
    awx.add("credential_types", {"name": "Machine", "kind": "ssh", "managed": True})
    setup_awx(environment, awx)
    yield awx
    awx.shutdown()


def templates(awx: FakeAwx) -> dict[str, Json]:
    return {each["name"].removeprefix("kdump: "): each for each in awx.find("job_templates")}


def survey(awx: FakeAwx, template: Json) -> dict[str, Json]:
    spec = awx.surveys.get(("job_templates", template["id"]), {"spec": []})["spec"]
    return {question["variable"]: question for question in spec}


def argument_specs() -> dict[str, Json]:
    """Return every option of every role, by its name."""
    options: dict[str, Json] = {}
    for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            for name, option in (entry.get("options") or {}).items():
                options.setdefault(name, option)
    return options


def test_wrong_value_is_refused_before_anything_is_made(environment: Environment) -> None:
    awx = FakeAwx()
    with pytest.raises(pytest.fail.Exception, match="awx_setup_slices"):
        setup_awx(environment, awx, awx_setup_slices="many")
    assert not awx.objects


def test_template_runs_a_playbook_of_the_project(awx: FakeAwx) -> None:
    (project,) = awx.find("projects")
    assert project["scm_url"] == OPTIONS["awx_setup_project_url"]
    for name, template in templates(awx).items():
        assert (PROJECT / template["playbook"]).is_file(), name
        assert template["project"] == project["id"]
    used = {template["playbook"] for template in templates(awx).values()}
    assert used == {path.name for path in PROJECT.glob("*.yml")}


def test_project_imports_playbooks_that_exist() -> None:
    for path in PROJECT.glob("*.yml"):
        for play in yaml.safe_load(path.read_text()):
            if "ansible.builtin.import_playbook" in play:
                name = play["ansible.builtin.import_playbook"].removeprefix("vmcore.kdump.")
                assert (CHECKOUT / f"playbooks/{name}.yml").is_file(), path


def in_a_survey(default: t.Any) -> t.Any:
    """The default of an option as AWX wants it: several choices are lines."""
    if isinstance(default, list):
        return "\n".join(default)
    return str(default).lower() if isinstance(default, bool) else default


def test_survey_is_the_argument_spec(awx: FakeAwx) -> None:
    options = argument_specs()
    types = {"bool": "multiplechoice", "int": "integer", "path": "text", "str": "text"}
    asked = 0
    for name, template in templates(awx).items():
        questions = survey(awx, template)
        assert template["survey_enabled"] == bool(questions), name
        for variable, question in questions.items():
            option = options[variable]
            asked += 1
            if variable == "crash_test_confirm":
                assert (question["type"], question["default"]) == ("text", "")
                continue
            assert question["required"], variable
            if "choices" in option:
                assert question["choices"] == option["choices"]
            else:
                assert question["type"] == types[option["type"]], variable
            assert question["default"] == in_a_survey(option["default"]), variable
    assert asked > 10


def test_survey_asks_for_all_that_a_playbook_takes(awx: FakeAwx) -> None:
    specs = {
        path.parts[-3]: yaml.safe_load(path.read_text())["argument_specs"]
        for path in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")
    }
    entry_points = {
        "configure": [specs["kdump"]["main"], specs["pcie_reset"]["main"]],
        **{name: [specs["crash_test"]["main"]] for name in CRASHING},
        "qualify": [specs["crash_test"]["qualify"], specs["crash_test"]["main"]],
    }
    protecting = {
        "crash_test_protected_groups",
        "crash_test_results_directory",
        "crash_test_resume",
    }
    for name, points in entry_points.items():
        options = {key: value for point in points for key, value in point["options"].items()}
        wanted = {
            key
            for key, option in options.items()
            if option.get("default") not in (None, "", [], {})
            and (option["type"] not in ("dict", "list") or "choices" in option)
        }
        found = set(survey(awx, templates(awx)[name]))
        assert found - {"crash_test_confirm"} == wanted - protecting, name
        assert ("crash_test_confirm" in found) == (name in CRASHING), name


def test_nothing_but_the_crash_tests_asks_for_a_confirmation(awx: FakeAwx) -> None:
    assert sorted(
        name for name, each in templates(awx).items() if "crash_test_confirm" in survey(awx, each)
    ) == sorted(CRASHING)
    check = templates(awx)["crash test check"]
    assert check["job_type"] == "check"
    rest = templates(awx)["crash test of the rest"]
    # The tokens that the one shows are those of the other: same hosts, same slices, nothing to choose.
    for field in ("extra_vars", "job_slice_count", "inventory", "playbook"):
        assert check[field] == rest[field]
    for name in ("crash test check", "crash test of the canaries", "crash test of the rest"):
        assert not templates(awx)[name]["ask_limit_on_launch"]
    assert not any(each["ask_variables_on_launch"] for each in templates(awx).values())


def test_records_are_kept_where_jobs_end(awx: FakeAwx) -> None:
    for name, template in templates(awx).items():
        assert json.loads(template["extra_vars"])["crash_test_results_directory"] == RESULTS, name


def test_workflow(awx: FakeAwx) -> None:
    (workflow,) = awx.find("workflow_job_templates")
    spec = awx.surveys["workflow_job_templates", workflow["id"]]["spec"]
    assert [(each["variable"], each["required"]) for each in spec] == [("crash_test_confirm", True)]
    nodes = {each["identifier"]: each for each in awx.find("workflow_job_template_nodes")}
    after = {
        name: {
            how: awx.linked(node, f"{how}_nodes")
            for how in ("success", "failure", "always")
            if awx.linked(node, f"{how}_nodes")
        }
        for name, node in nodes.items()
    }
    assert after == {
        "assess": {"success": ["configure"]},
        "configure": {"success": ["approve"]},
        "approve": {"success": ["canaries"]},
        "canaries": {"success": ["verify"], "failure": ["finish"]},
        "verify": {"success": ["rest"], "failure": ["finish"]},
        "rest": {"success": ["report"], "failure": ["finish"]},
        "report": {},
        "finish": {"always": ["report-failure"]},
        "report-failure": {"always": ["stop"]},
        "stop": {},
    }
    by_id = {each["id"]: each["name"] for each in awx.find("unified_job_templates")}
    assert by_id[nodes["approve"]["unified_job_template"]].startswith("May the canaries be crashed")
    # Whatever way leads to a crash leads through the approval.
    crashing = {
        name for name, node in nodes.items()
        if by_id[node["unified_job_template"]].removeprefix("kdump: ") in CRASHING
    }  # fmt: skip
    assert crashing == {"canaries", "rest"}
    reached: set[str] = set()
    following = ["assess"]
    while following:
        name = following.pop()
        if name not in reached and name != "approve":
            reached.add(name)
            following += [each for each_way in after[name].values() for each in each_way]
    assert not reached & crashing


def test_secrets_are_places_only(awx: FakeAwx) -> None:
    assert [each.get("inputs") for each in awx.find("credentials")] == [None, None]
    (kind,) = awx.find("credential_types", kind="cloud")
    assert kind["injectors"]["extra_vars"] == {
        "crash_test_bmc_user": "{{ user }}",
        "crash_test_bmc_password": "{{ password }}",
    }
    assert [each["secret"] for each in kind["inputs"]["fields"] if "secret" in each] == [True]


def test_execution_environment_is_valid(environment: Environment) -> None:
    context = environment.home / "context"
    environment.run(
        "ansible-builder", "create", "--file", CHECKOUT / "docs/awx/execution-environment.yml",
        "--context", context, "--output-filename", "Containerfile",
    )  # fmt: skip
    requirements = yaml.safe_load((context / "_build/requirements.yml").read_text())
    assert {"name": "vmcore.kdump"} in requirements["collections"]
    assert "quay.io/centos/centos:stream9" in (context / "Containerfile").read_text()
