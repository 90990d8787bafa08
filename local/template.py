"""Read template.yaml and resolve its functions, so that routes, tables and variables are the same as in the cloud."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from re import Match, sub
from typing import Any, Final, cast

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
STACK_NAME: Final = "nexus-ai-local"
ACCOUNT_ID: Final = "123456789012"

type Properties = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """YAML loader that accepts CloudFormation's short tags."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = "Ref" if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = str(loader.construct_scalar(node))
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise ValueError(f"!{suffix} does not take a mapping")


_Loader.add_multi_constructor("!", _short_form)  # pyright: ignore[reportUnknownMemberType]


class Template:
    """Template with the values of its parameters. `name` sets the physical name of a resource once it exists."""

    def __init__(self, parameters: Mapping[str, str], *, region: str, path: Path = ROOT / "template.yaml") -> None:
        self.body = self.read(path)
        self._values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": None,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackName": STACK_NAME,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, declared in self.body["Parameters"].items():
            if name not in parameters and "Default" not in declared:
                raise ValueError(f"the parameter {name} has no default and no value")
            value = str(parameters.get(name, declared.get("Default")))
            allowed = [str(each) for each in declared.get("AllowedValues", [value])]
            if value not in allowed:
                raise ValueError(f"{name}={value} is not one of {', '.join(allowed)}")
            self._values[name] = value
        self._attributes: dict[tuple[str, str], str] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: str(self.resolve(pair[0])) == str(self.resolve(pair[1])),
            "Fn::Not": lambda only: not self.resolve(only[0]),
        }

    @staticmethod
    def read(path: Path) -> dict[str, Any]:
        """Return a template as it is written, with short tags replaced by their long form."""
        body: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        return body

    def resources(self, kind: str) -> Iterator[tuple[str, Properties]]:
        """Yield logical id and unresolved properties of all resources of a CloudFormation type."""
        for name, resource in self.body["Resources"].items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def functions(self) -> dict[str, Properties]:
        """Return each function's properties, merged with those of Globals. Variables of both are combined."""
        shared: Properties = self.body["Globals"]["Function"]
        found: dict[str, Properties] = {}
        for name, own in self.resources("AWS::Serverless::Function"):
            own_variables = own.get("Environment", {}).get("Variables", {})
            variables = {**shared.get("Environment", {}).get("Variables", {}), **own_variables}
            found[name] = {**shared, **own, "Environment": {"Variables": variables}}
        return found

    def environment(self) -> dict[str, str]:
        """Return the variables of all functions.

        Raises:
            ValueError: Two functions differ in a variable, which is impossible while they share a process.
        """
        merged: dict[str, str] = {}
        for properties in self.functions().values():
            for name, value in self.resolve(properties["Environment"]["Variables"]).items():
                if merged.setdefault(name, str(value)) != str(value):
                    raise ValueError(f"two functions have different values of {name}")
        return merged

    def name(self, logical_id: str, physical_id: str, **attributes: str) -> None:
        """Set the values of Ref and GetAtt for a resource."""
        self._values[logical_id] = physical_id
        self._attributes |= {(logical_id, attribute): value for attribute, value in attributes.items()}

    def resolve(self, node: Any) -> Any:
        """Return the node with every intrinsic function replaced by its value.

        Raises:
            KeyError: A resource has no name yet.
            LookupError: The local stack does not support the intrinsic function.
        """
        if isinstance(node, dict):
            mapping = cast("dict[str, Any]", node)
            if len(mapping) == 1:
                ((key, argument),) = mapping.items()
                if key in self._functions:
                    return self._functions[key](argument)
                if key.startswith("Fn::"):
                    raise LookupError(f"the local stack does not support {key}")
            return {key: self.resolve(value) for key, value in mapping.items()}
        if isinstance(node, list):
            return [self.resolve(element) for element in cast("Sequence[Any]", node)]
        return node

    def _ref(self, name: str) -> Any:
        return self._values[name]

    def _get_att(self, path: list[str]) -> str:
        logical_id, attribute = path
        return self._attributes[logical_id, attribute]

    def _if(self, choice: list[Any]) -> Any:
        """Resolve the chosen branch only, because the other one may refer to a resource that does not exist."""
        name, then, otherwise = choice
        return self.resolve(then if self.resolve(self.body["Conditions"][name]) else otherwise)

    def _sub(self, text: str) -> str:
        def value(match: Match[str]) -> str:
            name = match.group(1)
            logical_id, dot, attribute = name.partition(".")
            return self._get_att([logical_id, attribute]) if dot else str(self._ref(name))

        return sub(r"\$\{([^!}]+)\}", value, text)
