"""Test that dependencies are pinned by hash and licensed, and that workflows have no more rights than they need."""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # pyright: ignore[reportMissingTypeStubs]

from local.template import ROOT, Template
from ops import bundled
from ops.licences import Package, bundle, layer, shipped

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")


@pytest.mark.parametrize("lock", [ROOT / "uv.lock", *sorted((ROOT / ".ci").glob("*.lock"))], ids=lambda lock: lock.name)
def test_every_python_package_has_a_hash_of_each_file(lock: Path) -> None:
    packages: list[dict[str, Any]] = tomllib.loads(lock.read_text())["package"]
    files = [
        (package["name"], file)
        for package in packages
        if "registry" in package["source"]
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    ]
    assert len(files) >= len(packages) - 1
    assert [name for name, file in files if not re.fullmatch("sha256:[0-9a-f]{64}", file["hash"])] == []
    assert {next(iter(package["source"])) for package in packages} <= {"registry", "editable", "virtual"}


@pytest.mark.parametrize("requirements_file", ["layers/common/requirements.txt", "local/uv-requirements.txt"])
def test_every_requirement_is_one_version_with_hashes(requirements_file: str) -> None:
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / requirements_file).read_text())
    requirements = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert requirements
    assert [line for line in requirements if not re.match(r"[\w.-]+==[^\s]+ .*--hash=sha256:[0-9a-f]{64}", line)] == []


@pytest.mark.parametrize("folder", ["frontend", "bench/peers/portkey"])
def test_every_node_package_has_a_hash(folder: str) -> None:
    packages: dict[str, dict[str, Any]] = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    assert [path for path, entry in packages.items() if path and not entry["integrity"].startswith("sha512-")] == []


@pytest.mark.skipif(sys.platform != "linux", reason="wheels for macOS hold them elsewhere")
def test_every_library_in_pycurls_wheel_is_in_the_sbom() -> None:
    """A version of pycurl with a further library fails here."""
    found = bundled.cyclonedx()["components"]
    requirements_file = [each["value"] for component in found for each in component["properties"]]
    assert sorted(requirements_file) == sorted(str(file) for file in bundled.files())
    assert all(component["properties"] for component in found)
    versions = {component["name"]: component["version"] for component in found}
    assert all(re.match(r"\d+\.\d+", versions[name]) for name in ("curl", "openssl", "krb5", "nghttp2", "libssh2"))
    assert {each.name for each in shipped() if each.part == "layer, inside pycurl"} == versions.keys()


def test_every_shipped_licence_is_allowed() -> None:
    assert len(layer()) > 40
    assert len(bundle()) > 40
    assert [(each.name, each.licence) for each in shipped() if not each.allowed] == []


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("MIT AND (BSD-3-Clause OR GPL-3.0-only)", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("Commons Clause", False),
        ("", False),
    ],
)
def test_licence_needs_all_of_its_parts_or_one_of_its_choices(*, licence: str, allowed: bool) -> None:
    assert replace(Package("a", "1", "MIT", "layer"), licence=licence).allowed is allowed


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_pins_actions_and_has_least_rights(path: Path) -> None:
    text = path.read_text()
    workflow: dict[str, Any] = yaml.safe_load(text)
    assert [line for line in text.splitlines() if "uses:" in line and not ACTION.search(line)] == []
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            # Anyone can write a title or a branch name, so that neither may be part of a command.
            assert "${{" not in step.get("run", "")
            assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False


def test_workflow_with_write_rights_starts_by_maintainers_only() -> None:
    with_write_rights = {path.stem for path in WORKFLOWS if re.search(r"(?m): write$", path.read_text())}
    assert with_write_rights == {"release", "deploy"}
    triggers = {path.stem: set(yaml.safe_load(path.read_text())[True]) for path in WORKFLOWS}
    assert {trigger for name in with_write_rights for trigger in triggers[name]} == {"push", "workflow_dispatch"}
    assert yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())[True]["push"] == {"tags": ["v*"]}


def test_every_lock_has_automatic_updates() -> None:
    updates: list[dict[str, Any]] = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {(each["package-ecosystem"], each["directory"]) for each in updates} == {
        ("uv", "/"),
        ("pip", "/local"),
        ("npm", "/frontend"),
        ("github-actions", "/"),
    }


def rights(policies: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each action with each of its resources."""
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            yield from product(_listed(statement["Action"]), _listed(statement["Resource"]))


def _listed(one_or_many: str | list[str]) -> list[str]:
    return [one_or_many] if isinstance(one_or_many, str) else one_or_many


# The tokens of a repository created since 2026-07-15 name its immutable ids.
REPOSITORIES = ["clinic/nexus", "clinic@123456/nexus.ai@456789"]


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_deployment_role_is_for_one_environment_and_stack(repository: str) -> None:
    parameters = {"Repository": repository, "Environment": "prod"}
    template = Template(parameters, region="sa-east-1", path=ROOT / "ops" / "github.yaml")
    template.name("ExecutionRole", "execution", Arn="arn:aws:iam::1:role/ExecutionRole")
    roles = dict(template.resources("AWS::IAM::Role"))

    (trust,) = roles["DeploymentRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert template.resolve(trust["Condition"]) == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": f"repo:{repository}:environment:prod",
        }
    }
    granted = {name: list(rights(template.resolve(role["Policies"]))) for name, role in roles.items()}
    assert granted.keys() == {"DeploymentRole", "ExecutionRole"}
    for action, resource in (pair for each in granted.values() for pair in each):
        assert "*" not in action
        assert re.search(r"nexus-ai-prod[-/]|[:/]aws-sam-cli-managed-default|/ExecutionRole$|:transform/", resource)
    execution = {action for action, _ in granted["ExecutionRole"]}
    assert not {"iam:CreateUser", "iam:CreateAccessKey", "iam:CreatePolicyVersion"} & execution


@pytest.mark.parametrize("repository", ["*/nexus", "clinic/*", "clinic@1/nexus", "clinic/nexus@2", "clinic@x/nexus@2"])
def test_invalid_repository_name_is_refused(repository: str) -> None:
    pattern = Template.read(ROOT / "ops" / "github.yaml")["Parameters"]["Repository"]["AllowedPattern"]
    assert not re.fullmatch(pattern, repository)
    assert all(re.fullmatch(pattern, known) for known in REPOSITORIES)


def test_cloudformation_may_create_and_delete_the_stacks_roles() -> None:
    """Compare the rights with those that CloudFormation's own schema of a role lists for its operations."""
    template = Template({"Repository": "a/b", "Environment": "prod"}, region="r", path=ROOT / "ops" / "github.yaml")
    execution = dict(template.resources("AWS::IAM::Role"))["ExecutionRole"]
    granted = {action for action, _ in rights(execution["Policies"])}
    schemas: Any = PROVIDER_SCHEMA_MANAGER
    handlers: dict[str, dict[str, list[str]]] = schemas.get_resource_schema("us-east-1", "AWS::IAM::Role").schema[
        "handlers"
    ]
    needed = {action for operation in handlers.values() for action in operation["permissions"]}
    # The stack's roles have no permissions boundary, and only people list all roles.
    unused = {"iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:ListRoles"}
    assert needed - unused <= granted


def test_token_is_fetched_by_the_last_step() -> None:
    steps = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]["deploy"]["steps"]
    *before, last = [step["run"] for step in steps if "run" in step]
    assert before == ["make prepare"]
    assert last.splitlines()[-1] == "make deploy-prepared"
    assert [step for step in steps if "TOKEN" in step.get("run", "")] == steps[-1:]
