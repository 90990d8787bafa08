"""Test sentiment analysis through the local API, the real handler and the real SDKs, with simulated providers."""

from typing import Any

import pytest

from functions.analyze_sentiment.app import handler
from local.providers.behaviours import Answer
from local.stack import LocalStack
from nexus_ai.audit.models import AuditStatus
from nexus_ai.limits.models import Limit
from nexus_ai.providers.base import ProviderName
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import limit_state, records, set_fallback, welcome
from tests.unit.http.http_events import Context, read_event
from tests.unit.tasks.test_sentiment_contract import QUESTION, REVIEW, sentiment

ANALYZE_SENTIMENT = "/api/marketing/ai-assistant/analyze-sentiment"
OPENAI = ProviderName.OPENAI
WRONG_QUOTE = sentiment(aspects=[{"aspect": "preço", "sentiment": "negative", "quote": "muito caro"}])
NEUTRAL = sentiment(
    label="neutral", score=0, emotions=[], aspects=[], urgency="medium", rationale="Pergunta o horário."
)


def analyze(stack: LocalStack, tenant: str, body: dict[str, Any] | None = None, **headers: str) -> Reply:
    token = stack.token(tenant, "ana", ["user"])
    named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"provider": "openai"} | (body or {"text": REVIEW})
    return ask(stack.url, "POST", ANALYZE_SENTIMENT, token=token, body=fields, headers=named_headers)


@pytest.mark.parametrize("provider", ProviderName)
def test_each_provider_analyzes_sentiment(stack: LocalStack, tenant: str, provider: ProviderName) -> None:
    stack.providers.script(provider, Answer(data={"text1": sentiment()}))

    reply = analyze(stack, tenant, {"provider": provider.value, "text": REVIEW})

    assert reply.status == 200, reply.body
    assert reply.body["data"] == {"results": [{"sentiment": sentiment(), "error": None}]}
    assert stack.providers.count(provider) == 1


def test_same_text_is_a_cache_hit(stack: LocalStack, tenant: str) -> None:
    first, again = analyze(stack, tenant), analyze(stack, tenant)

    assert (first.body["cached"], again.body["cached"]) == (False, True)
    assert again.body["data"] == first.body["data"]
    assert analyze(stack, tenant, {"text": REVIEW, "language": "en"}).body["cached"] is False


def test_batch_of_25_is_one_call_one_request_and_one_record(stack: LocalStack, tenant: str) -> None:
    texts = [f"{REVIEW} Nota {number}." for number in range(25)]

    reply = analyze(stack, tenant, {"texts": texts})

    assert reply.status == 200, reply.body
    results = reply.body["data"]["results"]
    assert [result["error"] for result in results] == [None] * 25
    quotes = [result["sentiment"]["aspects"][0]["quote"] for result in results]
    assert all(quote in text for quote, text in zip(quotes, texts, strict=True))
    assert stack.providers.count() == 1
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1
    assert [record.status for record in records(tenant)] == [AuditStatus.ANSWERED]


def test_quote_that_is_not_in_the_text_is_repaired_once(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(OPENAI, Answer(data={"text1": WRONG_QUOTE}), Answer(data={"text1": sentiment()}))

    reply = analyze(stack, tenant)

    assert reply.body["data"]["results"][0]["sentiment"] == sentiment()
    assert [each["outcome"] for each in reply.body["fallback"]["attempts"]] == ["invalid_answer", "answered"]
    repair_prompt = stack.providers.calls[-1].body["messages"][-1]["content"]
    assert 'text1: the quote "muito caro" does not stand in the text' in repair_prompt


def test_text_with_a_broken_result_has_an_error(stack: LocalStack, tenant: str) -> None:
    stack.providers.always(OPENAI, Answer(data={"text1": WRONG_QUOTE, "text2": NEUTRAL}))

    reply = analyze(stack, tenant, {"texts": [REVIEW, QUESTION, REVIEW]})

    assert reply.status == 200, reply.body
    wrong, neutral, missing = reply.body["data"]["results"]
    assert wrong["sentiment"] is None
    assert wrong["error"]["code"] == "invalid_answer"
    assert "muito caro" in wrong["error"]["problems"][0]
    assert neutral == {"sentiment": NEUTRAL, "error": None}
    assert missing["error"]["problems"] == ["the answer has nothing about this text"]
    assert [each["outcome"] for each in reply.body["fallback"]["attempts"]] == ["invalid_answer", "answered"]
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1
    assert len(records(tenant)) == 1


def test_partial_result_is_not_cached(stack: LocalStack, tenant: str) -> None:
    partial = Answer(data={"text1": WRONG_QUOTE, "text2": NEUTRAL})
    stack.providers.script(OPENAI, partial, partial)
    assert analyze(stack, tenant, {"texts": [REVIEW, QUESTION]}).body["data"]["results"][0]["error"]

    second = analyze(stack, tenant, {"texts": [REVIEW, QUESTION]})

    assert second.body["cached"] is False
    assert [result["error"] for result in second.body["data"]["results"]] == [None, None]


def test_replay_returns_the_same_partial_result(stack: LocalStack, tenant: str) -> None:
    partial = Answer(data={"text1": WRONG_QUOTE, "text2": NEUTRAL})
    stack.providers.script(OPENAI, partial, partial)
    first = analyze(stack, tenant, {"texts": [REVIEW, QUESTION]}, Idempotency_Key="batch-7")

    assert [bool(result["error"]) for result in first.body["data"]["results"]] == [True, False]
    assert analyze(stack, tenant, {"texts": [REVIEW, QUESTION]}, Idempotency_Key="batch-7").body == first.body
    assert stack.providers.count() == 2


@pytest.mark.parametrize(
    ("completion", "headers"),
    [
        (Answer(data={"text1": WRONG_QUOTE, "text2": WRONG_QUOTE}), {}),
        (Answer(text="Os dois textos são positivos."), {}),
        (Answer(data={"text1": WRONG_QUOTE, "text2": WRONG_QUOTE}), {"Idempotency_Key": "batch-7"}),
    ],
)
def test_batch_without_a_valid_result_is_502_with_problems(
    stack: LocalStack, tenant: str, completion: Answer, headers: dict[str, str]
) -> None:
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    stack.providers.always(OPENAI, completion)

    reply = analyze(stack, tenant, {"texts": [REVIEW, QUESTION]}, **headers)

    assert (reply.status, reply.body["code"]) == (502, "invalid_answer")
    assert reply.body["problems"]
    assert [each["outcome"] for each in reply.body["attempts"]] == ["invalid_answer", "invalid_answer"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": " \n"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"texts": []}, "texts"),
        ({"texts": ["a"] * 26}, "texts"),
        ({"texts": ["a", " "]}, "texts.1"),
        ({"texts": ["x" * 9_000] * 6}, "body"),
        ({"text": "a", "texts": ["a"]}, "body"),
        ({"language": "pt"}, "body"),
        ({"text": "a", "language": "klingon!"}, "language"),
        ({"text": "a", "labels": ["a"]}, "labels"),
    ],
)
def test_invalid_sentiment_request_is_422(stack: LocalStack, tenant: str, body: dict[str, Any], field: str) -> None:
    reply = analyze(stack, tenant, body)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed"), reply.body
    assert reply.body["errors"][0]["field"] == field
    assert stack.providers.count() == 0


def test_stored_analyze_sentiment_event_succeeds(stack: LocalStack) -> None:
    event = read_event("analyze_sentiment")
    stack.tenants.welcome(event["requestContext"]["authorizer"]["tenantId"])

    response = handler(event, Context())

    assert response["statusCode"] == 200, response["body"]
    assert '"quote"' in response["body"]
