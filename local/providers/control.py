"""Serve the routes under /control, which offer the methods of `SimulatedProviders` to other processes."""

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, ValidationError

from local.providers.behaviours import Behaviour
from local.providers.formats.base import Reply, json_reply
from local.providers.scenario import Scenario
from nexus_ai.providers.base import ProviderName


class _Script(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: ProviderName
    behaviours: list[Behaviour]


class _Always(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: ProviderName
    behaviour: Behaviour | None


class _Filter(BaseModel):
    provider: ProviderName | None = None


def control(scenario: Scenario, method: str, path: str, query: str, body: bytes) -> Reply:
    """Carry out a control request and return its response. A 400 names each invalid field."""
    try:
        return _route(scenario, method, path, query, body)
    except ValidationError as error:
        problems: Any = json.loads(error.json(include_url=False, include_context=False, include_input=False))
        return json_reply({"errors": problems}, status=HTTPStatus.BAD_REQUEST)


def _route(scenario: Scenario, method: str, path: str, query: str, body: bytes) -> Reply:
    match method, path:
        case "POST", "/control/script":
            script = _Script.model_validate_json(body)
            scenario.script(script.provider, script.behaviours)
        case "POST", "/control/always":
            always = _Always.model_validate_json(body)
            scenario.always(always.provider, always.behaviour)
        case "GET", "/control/calls":
            filters = _Filter.model_validate({name: values[-1] for name, values in parse_qs(query).items()})
            calls = scenario.calls(filters.provider)
            return json_reply({"count": len(calls), "items": [call.as_json() for call in calls]})
        case "DELETE", "/control":
            scenario.reset()
        case _:
            return json_reply({"errors": ["Not found."]}, status=HTTPStatus.NOT_FOUND)
    return Reply(HTTPStatus.NO_CONTENT, b"", {})
