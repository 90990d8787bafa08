"""Which of Anthropic's models are asked to think little."""

from typing import Final

import pytest

from nexus_ai.providers.base import Prompt, ProviderName
from tests.contract.adapters import PROMPT, STRUCTURED, Called
from tests.contract.wire import Wire, answers, payload

pytestmark = pytest.mark.parametrize("name", [ProviderName.ANTHROPIC], indirect=True)

THINK_UNLESS_TOLD: Final = ("claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-1")
THINK_WHEN_TOLD: Final = (
    "claude-opus-4-8",
    "claude-sonnet-4-6",
    "claude-haiku-4-5-20251001",
    "claude-3-haiku-20240307",
)


def output_config(called: Called, vendor: Wire, prompt: Prompt, model: str) -> dict[str, object]:
    vendor.plays(answers(payload(called.name, "text")))
    called.complete(prompt, model=model)
    (request,) = vendor.asked
    found: dict[str, object] = request.body.get("output_config", {})
    return found


@pytest.mark.parametrize("model", THINK_UNLESS_TOLD)
def test_a_model_that_thinks_unless_told_is_asked_for_little_effort(called: Called, vendor: Wire, model: str) -> None:
    assert output_config(called, vendor, PROMPT, model) == {"effort": "low"}


def test_an_effort_and_a_schema_go_together(called: Called, vendor: Wire) -> None:
    config = output_config(called, vendor, STRUCTURED, THINK_UNLESS_TOLD[0])

    assert set(config) == {"effort", "format"}


@pytest.mark.parametrize("model", THINK_WHEN_TOLD)
def test_a_model_that_thinks_only_when_told_is_sent_no_effort(called: Called, vendor: Wire, model: str) -> None:
    assert output_config(called, vendor, PROMPT, model) == {}
