"""Prepare the output of `sam build` for a deployment in which every change reaches the functions that serve requests.

Requests go to aliases. An alias moves to a new version only if CloudFormation finds a new version resource. SAM names
that resource after the function's properties with unresolved references. A changed parameter therefore changes no name,
and the alias keeps the old value. The deployment of an API has the same problem
(https://github.com/aws/serverless-application-model/issues/3820). A release is a copy of the built template in which

- the description of each function with an alias contains a hash of all code, the template and all parameters,
- the names of alarms that can stop a deployment contain that hash, because an alarm that keeps its name also keeps its
  state about the previous version, and
- the parameters within the API are replaced by their values.

SAM's `AlwaysDeploy` is no alternative: it hashes the time, so an unchanged tree would be deployed as well.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, cast

from local.template import ROOT, Template
from ops.deployment import DeploymentError

BUILT: Final = ROOT / ".aws-sam" / "build"
API: Final = "AWS::Serverless::Api"
FUNCTION: Final = "AWS::Serverless::Function"
# Names of the processors in the file names of compiled packages.
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}

type Body = dict[str, Any]


def resolved_parameters(template: Body, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter of a template: the given value, else the default.

    Raises:
        DeploymentError: The template does not have one of the given parameters.
    """
    declared: Body = template["Parameters"]
    if unknown := sorted(given.keys() - declared.keys()):
        raise DeploymentError(f"template.yaml has no parameter {', '.join(unknown)}, which samconfig.toml sets")
    return {name: str(given.get(name, each["Default"])) for name, each in declared.items()}


def write_release(built: Path, parameters: Mapping[str, str], *, protects_data: bool) -> Path:
    """Write the release of a build for these parameters, and return the path of its template.

    Args:
        built: The folder that `sam build` wrote.
        parameters: The value of every parameter of the template.
        protects_data: False for the deployment that creates the stack. If that deployment fails, protected resources
            would remain, and so would those of every further attempt.

    Raises:
        DeploymentError: The layer was built for another processor than the functions have.
    """
    _require_architecture(built, parameters["Architecture"])
    template = Template.read(built / "template.yaml")
    release = stamped(template, parameters, content_hash(built, template))
    for _, part in _of_type(release, "AWS::CloudFormation::Stack"):
        properties = part["Properties"]
        source = built / properties["TemplateURL"]
        nested = Template.read(source)
        _set_deletion_policies(nested, keeps=protects_data)
        written = _write(nested, source.parent, protects_data=protects_data)
        properties["TemplateURL"] = written.relative_to(built).as_posix()
    return _write(release, built, protects_data=protects_data)


def stamped(template: Body, parameters: Mapping[str, str], content: str) -> Body:
    """Return a copy of a built template whose SAM resources change with the code and every parameter.

    Args:
        template: The built template, with CloudFormation's functions in their long form.
        parameters: The value of every parameter.
        content: A hash of the code that was built.
    """
    from samtranslator.intrinsics.resolver import (  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
        IntrinsicsResolver,
    )

    stamped = deepcopy(template)
    written = json.dumps([content, template, sorted(parameters.items())], sort_keys=True)
    release = hashlib.sha256(written.encode()).hexdigest()[:16]
    for name, function in _of_type(stamped, FUNCTION):
        if "AutoPublishAlias" in function["Properties"]:
            function["Properties"]["Description"] = f"{name} of release {release}"
            for alarm in function["Properties"].get("DeploymentPreference", {}).get("Alarms", []):
                name_of_alarm = f"${{AWS::StackName}}-{alarm['Ref']}-{release}"
                stamped["Resources"][alarm["Ref"]]["Properties"]["AlarmName"] = {"Fn::Sub": name_of_alarm}
    resolver: Any = IntrinsicsResolver(dict(parameters))
    for _, api in _of_type(stamped, API):
        # The stage's name stays a reference: SAM derives the logical id of the stage from it.
        fixed = {name: value for name, value in api["Properties"].items() if name != "StageName"}
        api["Properties"] |= resolver.resolve_parameter_refs(fixed)
    return stamped


def content_hash(built: Path, template: Body) -> str:
    """Return a hash of the files of every layer and function that `sam build` made."""
    digest = hashlib.sha256()
    folders = {
        resource["Properties"][place]
        for resource in template["Resources"].values()
        for place in ("CodeUri", "ContentUri")
        if place in resource.get("Properties", {})
    }
    for folder in sorted(folders):
        for path in sorted(path for path in (built / folder).rglob("*") if path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{folder}/{path.relative_to(built / folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _require_architecture(built: Path, architecture: str) -> None:
    machine = MACHINES[architecture]
    others = [each for each in MACHINES.values() if each != machine]
    binaries = (built / "CommonLayer").rglob("*.so")
    wrong = next((path.name for path in binaries if any(f"-{other}-" in path.name for other in others)), None)
    if wrong:
        raise DeploymentError(f"the layer was built for another processor than {architecture}: it holds {wrong}")


def _set_deletion_policies(nested: Body, *, keeps: bool) -> None:
    """Set the deletion policies of a nested stack, which must not keep data while the creation of its parent can fail.

    RetainExceptOnCreate deletes only resources of the failed operation, and the nested stack's creation may have
    succeeded. CloudFormation ignores a change of only the policy, so the metadata change as well.
    """
    for resource in nested["Resources"].values():
        if "DeletionPolicy" in resource:
            resource["DeletionPolicy"] = resource["DeletionPolicy"] if keeps else "Delete"
            resource["Metadata"] = {**resource.get("Metadata", {}), "KeepsData": keeps}


def _of_type(template: Body, kind: str) -> Iterator[tuple[str, Body]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, cast("Body", resource)


def _write(template: Body, folder: Path, *, protects_data: bool) -> Path:
    if not protects_data:
        for _, table in _of_type(template, "AWS::DynamoDB::Table"):
            table["Properties"]["DeletionProtectionEnabled"] = False
        for _, pool in _of_type(template, "AWS::Cognito::UserPool"):
            pool["Properties"]["DeletionProtection"] = "INACTIVE"
    path = folder / "release.yaml"
    # JSON is valid YAML and has no YAML aliases, which CloudFormation does not support.
    path.write_text(json.dumps(template, indent=1), encoding="utf-8")
    return path
