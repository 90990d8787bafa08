"""Test summaries through the local API, the real handler and the real SDKs, with simulated providers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from functions.generate_summary.app import handler
from local.providers.behaviours import Answer
from local.stack import LocalStack
from nexus_ai.limits.models import Limit
from nexus_ai.providers.base import ProviderName
from nexus_ai.settings.models import ModelPrice, Preferences
from nexus_ai.tasks.summary.service import MAX_PARTS
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import limit_state, records, set_fallback, set_limits, set_preferences
from tests.unit.http.http_events import Context, read_event

SUMMARY = "/api/marketing/ai-assistant/generate-summary"
TEXT = "A cliente gostou do atendimento da Dra. Renata. Esperou 50 minutos. Quer voltar em março, se o preço valer."
SHORT = "A cliente gostou do atendimento, mas esperou 50 minutos e quer saber do preço."
# Not on the price list: its context size is the one that the tenant entered.
SMALL_MODEL = "small-9"
LONG = f"{SHORT} Ela também perguntou se pode voltar em março e se o valor do anúncio ainda vale para ela então."
PARAGRAPH = "O cliente falou do atendimento, do prazo e do preço, e pediu uma resposta até sexta-feira.\n\n"


def summarise(stack: LocalStack, tenant: str, body: dict[str, Any] | None = None) -> Reply:
    token = stack.token(tenant, "ana", ["user"])
    fields = {"provider": "openai", "text": TEXT, "maxCharacters": 100} | (body or {})
    return ask(stack.url, "POST", SUMMARY, token=token, body=fields)


def completion(summary: str) -> Answer:
    return Answer(data={"language": "pt-BR", "summary": summary})


def set_context(tenant: str, tokens: int) -> None:
    """Give an unlisted OpenAI model this context size, and make it the tenant's only candidate."""
    price = ModelPrice(input_per_million=Decimal(1), output_per_million=Decimal(2), context_tokens=tokens)
    set_preferences(tenant, Preferences(prices={f"openai/{SMALL_MODEL}": price}))
    set_fallback(tenant, f"openai/{SMALL_MODEL}")


@pytest.mark.parametrize("provider", ProviderName)
def test_each_provider_summarises_within_the_limit(stack: LocalStack, tenant: str, provider: ProviderName) -> None:
    reply = summarise(stack, tenant, {"provider": provider.value})

    assert reply.status == 200, reply.body
    data = reply.body["data"]
    assert 0 < data["characters"] == len(data["text"]) <= 100
    assert (data["language"], data["points"]) == ("pt-BR", [])
    assert stack.providers.count(provider) == 1


def test_same_summary_is_a_cache_hit(stack: LocalStack, tenant: str) -> None:
    first, again = summarise(stack, tenant), summarise(stack, tenant)

    assert (first.body["cached"], again.body["cached"]) == (False, True)
    assert again.body["data"] == first.body["data"]
    assert summarise(stack, tenant, {"focus": "preço"}).body["cached"] is False


def test_summary_that_is_far_too_long_is_repaired(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, completion(LONG), completion(SHORT))

    reply = summarise(stack, tenant)

    assert reply.body["data"]["text"] == SHORT
    assert [each["outcome"] for each in reply.body["fallback"]["attempts"]] == ["invalid_answer", "answered"]
    repair_prompt = stack.providers.calls[-1].body["messages"][-1]["content"]
    assert f"it has {len(LONG)} characters, and 100 are allowed: take out at least {len(LONG) - 100}" in repair_prompt


def test_summary_that_stays_too_long_is_502(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(ProviderName.OPENAI, completion(LONG))
    stack.tenants.welcome(tenant)
    set_fallback(tenant, "openai")

    reply = summarise(stack, tenant)

    assert (reply.status, reply.body["code"]) == (502, "invalid_answer")
    assert len(reply.body["attempts"]) == 2
    assert {record.error_code for record in records(tenant)} == {"invalid_answer"}


def test_bullet_summary_has_points_and_their_text(stack: LocalStack, tenant: str) -> None:
    points = ["- Gostou do atendimento", "Esperou 50 minutos", ""]
    stack.providers.script(ProviderName.OPENAI, Answer(data={"language": "pt-BR", "points": points}))

    data = summarise(stack, tenant, {"style": "bullets"}).body["data"]

    assert data["points"] == ["Gostou do atendimento", "Esperou 50 minutos"]
    assert data["text"] == "• Gostou do atendimento\n• Esperou 50 minutos"


def test_text_over_the_context_is_summarised_in_parts(stack: LocalStack, tenant: str) -> None:
    stack.tenants.welcome(tenant)
    set_context(tenant, 4_000)
    text = PARAGRAPH * 70
    notes = [Answer(text=f"Nota {number}: prazo e preço.") for number in range(1, 4)]
    stack.providers.script(ProviderName.OPENAI, *notes, completion(SHORT))

    reply = summarise(stack, tenant, {"model": SMALL_MODEL, "text": text})

    assert reply.status == 200, reply.body
    assert reply.body["data"]["text"] == SHORT
    calls = [call.body["messages"] for call in stack.providers.calls]
    prompts = [json.loads(messages[1]["content"]) for messages in calls]
    assert "".join(each["text"] for each in prompts[:-1]) == text
    assert prompts[-1]["text"] == "\n\n".join(
        f"(notes of part {number} of 3)\nNota {number}: prazo e preço." for number in range(1, 4)
    )
    assert all(len(json.dumps(each, ensure_ascii=False).encode()) < 4_000 for each in prompts)
    assert [each["outcome"] for each in reply.body["fallback"]["attempts"]] == ["answered"] * 4
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1
    (record,) = records(tenant)
    assert record.charged_tokens == reply.body["usage"]["totalTokens"] == limit_state(tenant).used(Limit.TOKENS_PER_DAY)


def test_text_too_long_for_parts_is_413_with_the_size_that_fits(stack: LocalStack, tenant: str) -> None:
    stack.tenants.welcome(tenant)
    set_context(tenant, 4_000)
    text = PARAGRAPH * 1_000

    reply = summarise(stack, tenant, {"model": SMALL_MODEL, "text": text})

    assert (reply.status, reply.body["code"]) == (413, "content_too_large")
    assert reply.body["characters"] == len(text)
    assert 10_000 < reply.body["fits"] < 8 * 4_000
    assert f"about {reply.body['fits']} of them" in reply.body["detail"]
    assert stack.providers.count() == 0
    fitting = summarise(stack, tenant, {"model": SMALL_MODEL, "text": text[: reply.body["fits"]]})
    assert fitting.status == 200, fitting.body
    assert stack.providers.count() == MAX_PARTS + 1


def test_context_without_room_for_text_is_413(stack: LocalStack, tenant: str) -> None:
    stack.tenants.welcome(tenant)
    set_context(tenant, 1_000)

    reply = summarise(stack, tenant, {"model": SMALL_MODEL, "text": PARAGRAPH * 20})

    assert (reply.status, reply.body["fits"]) == (413, 0)


def test_text_over_the_token_limit_is_429_before_the_first_part(stack: LocalStack, tenant: str) -> None:
    stack.tenants.welcome(tenant)
    set_context(tenant, 4_000)
    set_limits(tenant, tokens=6_000)

    reply = summarise(stack, tenant, {"model": SMALL_MODEL, "text": PARAGRAPH * 70})

    assert (reply.status, reply.body["code"]) == (429, "limit_exceeded")
    assert (reply.body["limit"], reply.body["max"]) == ("tokensPerDay", 6_000)
    assert "the limit tokensPerDay is 6000" in reply.body["detail"]
    assert stack.providers.count() == 0
    assert limit_state(tenant).used(Limit.TOKENS_PER_DAY) == 0


def test_text_of_400_000_characters_is_the_longest(stack: LocalStack, tenant: str) -> None:
    stack.tenants.welcome(tenant)
    set_limits(tenant)
    text = (PARAGRAPH * 4_500)[:400_000]

    reply = summarise(stack, tenant, {"text": text})

    assert reply.status == 200, reply.body
    assert reply.body["data"]["characters"] <= 100
    assert summarise(stack, tenant, {"text": f"{text}x"}).status == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": " \n\t"}, "text"),
        ({"maxCharacters": 19}, "maxCharacters"),
        ({"maxCharacters": 5001}, "maxCharacters"),
        ({"maxCharacters": "100"}, "maxCharacters"),
        ({"style": "haiku"}, "style"),
        ({"language": "português"}, "language"),
    ],
)
def test_invalid_summary_request_is_422(stack: LocalStack, tenant: str, body: dict[str, Any], field: str) -> None:
    reply = summarise(stack, tenant, body)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed"), reply.body
    assert reply.body["errors"][0]["field"] == field
    assert stack.providers.count() == 0


def test_stored_generate_summary_event_succeeds(stack: LocalStack) -> None:
    event = read_event("generate_summary")
    stack.tenants.welcome(event["requestContext"]["authorizer"]["tenantId"])

    response = handler(event, Context())

    assert response["statusCode"] == 200, response["body"]
    assert json.loads(response["body"])["data"]["characters"] <= 280
