"""Test translation through the local API, the real handler and the real SDKs, with simulated providers."""

from typing import Any

import pytest

from functions.translate.app import handler
from local.providers.behaviours import Answer
from local.stack import LocalStack
from nexus_ai.limits.models import Limit
from nexus_ai.providers.base import ProviderName
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import limit_state, records, set_fallback
from tests.unit.http.http_events import Context, read_event

TRANSLATE = "/api/marketing/ai-assistant/translate"
TEXT = "Olá, {{nome}}! 👋 Sua consulta está confirmada.\n\n- Ligue para (11) 3456-7890 ou veja <b>https://x.com.br</b>."
ENGLISH = "Hi {{nome}}! 👋 Your appointment is confirmed.\n\n- Call (11) 3456-7890 or see <b>https://x.com.br</b>."
SPANISH = "¡Hola {{nome}}! 👋 Su cita está confirmada.\n\n- Llame al (11) 3456-7890 o vea <b>https://x.com.br</b>."


def translate(stack: LocalStack, tenant: str, body: dict[str, Any] | None = None) -> Reply:
    token = stack.token(tenant, "ana", ["user"])
    fields = {"provider": "openai", "text": TEXT, "targetLanguage": "en"} | (body or {})
    return ask(stack.url, "POST", TRANSLATE, token=token, body=fields)


def completion(**translations: str) -> Answer:
    return Answer(data={"sourceLanguage": "pt-BR", "translations": translations})


@pytest.mark.parametrize("provider", ProviderName)
def test_each_provider_translates_and_keeps_markup(stack: LocalStack, tenant: str, provider: ProviderName) -> None:
    stack.providers.script(provider, completion(en=ENGLISH, es=SPANISH))

    reply = translate(
        stack, tenant, {"provider": provider.value, "targetLanguages": ["es", "en"], "targetLanguage": None}
    )

    assert reply.status == 200, reply.body
    assert reply.body["data"] == {
        "sourceLanguage": "pt-BR",
        "translations": [{"language": "es", "text": SPANISH}, {"language": "en", "text": ENGLISH}],
    }
    assert stack.providers.count(provider) == 1


def test_same_translation_is_a_cache_hit(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(ProviderName.OPENAI, completion(en=ENGLISH))
    first, again = translate(stack, tenant), translate(stack, tenant)

    assert (first.body["cached"], again.body["cached"]) == (False, True)
    assert again.body["data"] == first.body["data"]
    assert translate(stack, tenant, {"formality": "formal"}).body["cached"] is False


def test_lost_placeholder_is_repaired_once(stack: LocalStack, tenant: str) -> None:
    stack.providers.script(
        ProviderName.OPENAI, completion(en=ENGLISH.replace("{{nome}}", "{{name}}")), completion(en=ENGLISH)
    )

    reply = translate(stack, tenant)

    assert reply.body["data"]["translations"] == [{"language": "en", "text": ENGLISH}]
    assert [each["outcome"] for each in reply.body["fallback"]["attempts"]] == ["invalid_answer", "answered"]
    repair_prompt = stack.providers.calls[-1].body["messages"][-1]["content"]
    assert "en: these must stand in it as in the text, and are lost: {{nome}}" in repair_prompt
    assert limit_state(tenant).used(Limit.REQUESTS_PER_HOUR) == 1


def test_placeholder_lost_twice_is_502_with_its_name(stack: LocalStack, tenant: str) -> None:
    lost = completion(en=ENGLISH.replace("{{nome}}! 👋", "John!").replace("\n\n", "\n"))
    stack.providers.always(ProviderName.OPENAI, lost)
    stack.tenants.welcome(tenant)
    set_fallback(tenant, "openai")

    reply = translate(stack, tenant)

    assert (reply.status, reply.body["code"]) == (502, "invalid_answer")
    assert reply.body["problems"] == [
        "en: it has 2 lines, 0 of them empty, and the text 3 lines, 1 of them empty: keep each line in its place",
        "en: these must stand in it as in the text, and are lost: {{nome}}, 👋",
    ]
    assert [each["outcome"] for each in reply.body["attempts"]] == ["invalid_answer", "invalid_answer"]
    assert {record.error_code for record in records(tenant)} == {"invalid_answer"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": "  \n"}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"targetLanguage": None}, "body"),
        ({"targetLanguages": ["es"]}, "body"),
        ({"targetLanguage": None, "targetLanguages": ["es", "ES"]}, "body"),
        ({"targetLanguage": None, "targetLanguages": []}, "targetLanguages"),
        ({"text": "x" * 5_000, "targetLanguage": None, "targetLanguages": ["en", "es", "fr", "it", "de"]}, "body"),
        ({"targetLanguage": "klingon!"}, "targetLanguage"),
        ({"formality": "rude"}, "formality"),
        ({"glossary": {"plano": ""}}, "glossary.plano"),
    ],
)
def test_invalid_translation_request_is_422(stack: LocalStack, tenant: str, body: dict[str, Any], field: str) -> None:
    reply = translate(stack, tenant, body)

    assert (reply.status, reply.body["code"]) == (422, "validation_failed"), reply.body
    assert reply.body["errors"][0]["field"] == field
    assert stack.providers.count() == 0


def test_stored_translate_event_succeeds(stack: LocalStack) -> None:
    event = read_event("translate")
    stack.tenants.welcome(event["requestContext"]["authorizer"]["tenantId"])

    response = handler(event, Context())

    assert response["statusCode"] == 200, response["body"]
    assert "{{nome}}" in response["body"]
