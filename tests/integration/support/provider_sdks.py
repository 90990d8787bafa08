"""Call the simulated providers through each provider's own SDK, and read the responses."""

import contextlib
import http.client
import json
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import anthropic
import groq
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types
from pydantic import BaseModel

from local.dev.default_models import DEFAULT_MODELS
from local.providers.server import SimulatedProviders
from nexus_ai.providers.base import ProviderName

KEY: Final = "sk-test-key-1234"
SDK_ERRORS: Final = (openai.APIError, anthropic.APIError, groq.APIError, google_errors.APIError, httpx2.HTTPError)
every_provider = pytest.mark.parametrize("name", list(ProviderName))

# Clients are slow to build, so a test module keeps them.
_open_clients: Final = contextlib.ExitStack()


@cache
def openai_client(url: str, key: str = KEY) -> openai.OpenAI:
    return _open_clients.enter_context(openai.OpenAI(api_key=key, base_url=url, max_retries=0))


@cache
def anthropic_client(url: str, key: str = KEY) -> anthropic.Anthropic:
    return _open_clients.enter_context(anthropic.Anthropic(api_key=key, base_url=url, max_retries=0))


@cache
def groq_client(url: str, key: str = KEY) -> groq.Groq:
    return _open_clients.enter_context(groq.Groq(api_key=key, base_url=url, max_retries=0))


@cache
def google_client(url: str, key: str = KEY) -> genai.Client:
    options = google_types.HttpOptions(base_url=url)
    return _open_clients.enter_context(genai.Client(api_key=key, http_options=options))


def close_clients() -> None:
    _open_clients.close()
    for client in (openai_client, anthropic_client, groq_client, google_client):
        client.cache_clear()


def ask(
    providers: SimulatedProviders,
    name: ProviderName,
    prompt: str = "Escreva um texto",
    *,
    key: str = KEY,
    timeout: float = 10,
    **more: Any,
) -> dict[str, Any]:
    """Return the provider's response as a plain dict. `more` are parameters of its SDK."""
    url = providers.base_urls()[name]
    if name is ProviderName.GOOGLE:
        return _ask_google(google_client(url, key), prompt, timeout, **more)
    parameters: dict[str, Any] = {"model": DEFAULT_MODELS[name], "messages": [{"role": "user", "content": prompt}]}
    parameters |= {"max_tokens": 4000} if name is ProviderName.ANTHROPIC else {}
    parameters |= {**more, "timeout": timeout}
    match name:
        case ProviderName.ANTHROPIC:
            return _dumped(anthropic_client(url, key).messages.create, parameters)
        case ProviderName.GROQ:
            return _dumped(groq_client(url, key).chat.completions.create, parameters)
        case _:
            return _dumped(openai_client(url, key).chat.completions.create, parameters)


def _ask_google(client: genai.Client, prompt: str, timeout: float, **more: Any) -> dict[str, Any]:
    model: str = more.pop("model", DEFAULT_MODELS[ProviderName.GOOGLE])
    options = google_types.HttpOptions(timeout=int(timeout * 1000))
    config = google_types.GenerateContentConfig(http_options=options, **more)
    # The type of `contents` names a picture library that is not installed.
    parameters = {"model": model, "contents": prompt, "config": config}
    return _dumped(client.models.generate_content, parameters)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _dumped(method: Callable[..., object], parameters: dict[str, Any]) -> dict[str, Any]:
    response = method(**parameters)
    assert isinstance(response, BaseModel)
    return response.model_dump(mode="json")


def text_of(name: ProviderName, response: dict[str, Any]) -> str:
    match name:
        case ProviderName.ANTHROPIC:
            text = response["content"][0]["text"]
        case ProviderName.GOOGLE:
            text = response["candidates"][0]["content"]["parts"][0]["text"]
        case _:
            text = response["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


def finish_of(name: ProviderName, response: dict[str, Any]) -> object:
    match name:
        case ProviderName.ANTHROPIC:
            return response["stop_reason"]
        case ProviderName.GOOGLE:
            return response["candidates"][0]["finish_reason"]
        case _:
            return response["choices"][0]["finish_reason"]


def structured(name: ProviderName, schema: dict[str, Any]) -> dict[str, Any]:
    match name:
        case ProviderName.ANTHROPIC:
            return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
        case ProviderName.GOOGLE:
            return {"response_mime_type": "application/json", "response_json_schema": schema}
        case _:
            named = {"name": "copy", "strict": True, "schema": schema}
            return {"response_format": {"type": "json_schema", "json_schema": named}}


def post(providers: SimulatedProviders, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send a POST without an SDK; return status, headers and body."""
    return send(providers, "POST", path, body, **headers)


def send(
    providers: SimulatedProviders, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", int(providers.url.rsplit(":", 1)[1]), timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


COMPLETE_PATHS = {
    ProviderName.OPENAI: "/openai/v1/chat/completions",
    ProviderName.ANTHROPIC: "/anthropic/v1/messages",
    ProviderName.GOOGLE: f"/google/v1beta/models/{DEFAULT_MODELS[ProviderName.GOOGLE]}:generateContent",
    ProviderName.GROQ: "/groq/openai/v1/chat/completions",
    ProviderName.OPENROUTER: "/openrouter/api/v1/chat/completions",
}


def status_of(error: BaseException) -> object:
    return getattr(error, "status_code", None) or getattr(error, "code", None)


def complete(providers: SimulatedProviders, name: ProviderName) -> tuple[int, dict[str, str], bytes]:
    """Send a valid request without an SDK, for what SDKs hide."""
    messages = [{"role": "user", "content": "Oi"}]
    body: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": messages}
    if name is ProviderName.GOOGLE:
        body = {"contents": [{"parts": [{"text": "Oi"}]}]}
    headers = {"x_goog_api_key": KEY, "authorization": f"Bearer {KEY}", "anthropic_version": "2023-06-01"}
    return post(providers, COMPLETE_PATHS[name], json.dumps(body).encode(), **headers)
