"""Test the request fields that all four tasks share, and their defaults."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from nexus_ai.tasks.copywriting import service as copywriting
from nexus_ai.tasks.copywriting.models import CopyRequest
from nexus_ai.tasks.sentiment import service as sentiment
from nexus_ai.tasks.sentiment.models import SentimentRequest
from nexus_ai.tasks.shared.request import TaskRequest
from nexus_ai.tasks.summary import service as summary
from nexus_ai.tasks.summary.models import SummaryRequest
from nexus_ai.tasks.translation import service as translation
from nexus_ai.tasks.translation.models import TranslationRequest

type TaskCase = tuple[type[TaskRequest], Callable[[Any], Any], dict[str, str]]
TASKS: list[TaskCase] = [
    (CopyRequest, copywriting.model_call, {"prompt": "Limpeza de pele"}),
    (SentimentRequest, sentiment.model_call, {"text": "Adorei!"}),
    (SummaryRequest, summary.model_call, {"text": "Adorei."}),
    (TranslationRequest, translation.model_call, {"text": "Adorei!", "targetLanguage": "en"}),
]
OVERRIDES = {"provider": "groq", "model": "openai/gpt-oss-20b", "module": "reviews", "temperature": 0, "maxTokens": 77}


@pytest.mark.parametrize(("request_model", "model_call", "body"), TASKS)
def test_every_task_applies_the_shared_request_fields(
    request_model: type[TaskRequest], model_call: Callable[[Any], Any], body: dict[str, str]
) -> None:
    call = model_call(request_model.model_validate_json(json.dumps(body | OVERRIDES)))
    assert (call.provider, call.model, call.module) == ("groq", "openai/gpt-oss-20b", "reviews")
    assert (call.prompt.temperature, call.prompt.max_tokens, call.bounded_by_caller) == (0, 77, True)

    default_call = model_call(request_model.model_validate_json(json.dumps(body)))
    assert (default_call.provider, default_call.model, default_call.module, default_call.bounded_by_caller) == (
        None,
        None,
        "marketing",
        False,
    )
    assert default_call.prompt.temperature is None
    assert default_call.prompt.max_tokens > OVERRIDES["maxTokens"]
    assert call.prompt_version == default_call.prompt_version
