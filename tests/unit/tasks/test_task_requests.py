"""What all four tasks take from a request, and what they do without it."""

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

type Asking = tuple[type[TaskRequest], Callable[[Any], Any], dict[str, str]]
TASKS: list[Asking] = [
    (CopyRequest, copywriting.model_call, {"prompt": "Limpeza de pele"}),
    (SentimentRequest, sentiment.model_call, {"text": "Adorei!"}),
    (SummaryRequest, summary.model_call, {"text": "Adorei."}),
    (TranslationRequest, translation.model_call, {"text": "Adorei!", "targetLanguage": "en"}),
]
WISH = {"provider": "groq", "model": "openai/gpt-oss-20b", "module": "reviews", "temperature": 0, "maxTokens": 77}


@pytest.mark.parametrize(("request_model", "model_call", "body"), TASKS)
def test_every_task_heeds_provider_model_module_temperature_and_max_tokens(
    request_model: type[TaskRequest], model_call: Callable[[Any], Any], body: dict[str, str]
) -> None:
    call = model_call(request_model.model_validate_json(json.dumps(body | WISH)))
    assert (call.provider, call.model, call.module) == ("groq", "openai/gpt-oss-20b", "reviews")
    assert (call.prompt.temperature, call.prompt.max_tokens, call.bounded_by_caller) == (0, 77, True)

    usual = model_call(request_model.model_validate_json(json.dumps(body)))
    assert (usual.provider, usual.model, usual.module, usual.bounded_by_caller) == (None, None, "marketing", False)
    assert usual.prompt.temperature is None
    assert usual.prompt.max_tokens > WISH["maxTokens"]
    assert call.prompt_version == usual.prompt_version
