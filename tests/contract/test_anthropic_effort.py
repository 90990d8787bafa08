"""Test which of Anthropic's models are sent a low effort."""

from typing import Final

import pytest

from nexus_ai.providers.base import Prompt, ProviderName
from tests.contract.adapters import PROMPT, STRUCTURED, AdapterClient
from tests.contract.wire import ProviderServer, payload, responds

pytestmark = pytest.mark.parametrize("name", [ProviderName.ANTHROPIC], indirect=True)

THINK_BY_DEFAULT: Final = ("claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-1")
THINK_ON_REQUEST: Final = (
    "claude-opus-4-8",
    "claude-sonnet-4-6",
    "claude-haiku-4-5-20251001",
    "claude-3-haiku-20240307",
)


def output_config(client: AdapterClient, server: ProviderServer, prompt: Prompt, model: str) -> dict[str, object]:
    server.set_behaviour(responds(payload(client.name, "text")))
    client.complete(prompt, model=model)
    (request,) = server.requests
    found: dict[str, object] = request.body.get("output_config", {})
    return found


@pytest.mark.parametrize("model", THINK_BY_DEFAULT)
def test_model_that_thinks_by_default_is_sent_low_effort(
    client: AdapterClient, server: ProviderServer, model: str
) -> None:
    assert output_config(client, server, PROMPT, model) == {"effort": "low"}


def test_effort_and_schema_are_sent_together(client: AdapterClient, server: ProviderServer) -> None:
    config = output_config(client, server, STRUCTURED, THINK_BY_DEFAULT[0])

    assert set(config) == {"effort", "format"}


@pytest.mark.parametrize("model", THINK_ON_REQUEST)
def test_model_that_thinks_on_request_is_sent_no_effort(
    client: AdapterClient, server: ProviderServer, model: str
) -> None:
    assert output_config(client, server, PROMPT, model) == {}
