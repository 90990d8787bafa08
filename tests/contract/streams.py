"""Build streamed responses of each provider, and read them with its SDK over an adapter's client."""

import json
from collections.abc import Callable, Generator
from typing import Any, Final

from google.genai import types

from nexus_ai.providers.base import ProviderName
from nexus_ai.providers.registry import get_provider
from tests.contract.adapters import MODELS
from tests.contract.wire import Behaviour, Handler

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END: Final = b"0\r\n\r\n"


def _chat(text: str) -> list[dict[str, Any]]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return [{"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}]


def _anthropic(text: str) -> list[dict[str, Any]]:
    return [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}]


def _google(text: str) -> list[dict[str, Any]]:
    return [{"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]}]


def delta(name: ProviderName, text: str) -> bytes:
    """Return one piece of a completion as one chunk of the response."""
    events = {ProviderName.ANTHROPIC: _anthropic, ProviderName.GOOGLE: _google}.get(name, _chat)(text)
    return chunk("".join(_event(each) for each in events).encode())


def done(name: ProviderName) -> bytes:
    """Return what ends a completion; the end of the response is not part of it."""
    match name:
        case ProviderName.ANTHROPIC:
            return chunk(_event({"type": "message_stop"}).encode())
        case ProviderName.GOOGLE:
            return b""
        case _:
            return chunk(b"data: [DONE]\n\n")


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _event(content: dict[str, Any]) -> str:
    event_line = f"event: {content['type']}\n" if "type" in content else ""
    return f"{event_line}data: {json.dumps(content, ensure_ascii=False)}\n\n"


def streams_texts(name: ProviderName, *texts: str) -> Behaviour:
    """Return a behaviour that streams a complete response in these pieces."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(HEAD + b"".join(delta(name, text) for text in texts) + done(name) + END)

    return behave


def texts(name: ProviderName, api_key: str) -> Generator[str]:
    """Request a stream from the SDK over the adapter's own client, and yield its texts."""
    adapter: Any = get_provider(name)
    return _READERS.get(name, _chat_texts)(adapter._client, MODELS[name], api_key)


def _chat_texts(client: Any, model: str, api_key: str) -> Generator[str]:
    messages = [{"role": "user", "content": "Oi"}]
    bearer = {"Authorization": f"Bearer {api_key}"}
    with client.chat.completions.create(model=model, messages=messages, stream=True, extra_headers=bearer) as stream:
        for each in stream:
            yield each.choices[0].delta.content


def _anthropic_texts(client: Any, model: str, api_key: str) -> Generator[str]:
    messages = [{"role": "user", "content": "Oi"}]
    bearer = {"Authorization": f"Bearer {api_key}"}
    with client.messages.create(
        model=model, max_tokens=100, messages=messages, stream=True, extra_headers=bearer
    ) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                yield event.delta.text


def _google_texts(client: Any, model: str, api_key: str) -> Generator[str]:
    config = types.GenerateContentConfig(http_options=types.HttpOptions(headers={"x-goog-api-key": api_key}))
    for each in client.models.generate_content_stream(model=model, contents="Oi", config=config):
        yield each.text


_READERS: Final[dict[ProviderName, Callable[[Any, str, str], Generator[str]]]] = {
    ProviderName.ANTHROPIC: _anthropic_texts,
    ProviderName.GOOGLE: _google_texts,
}
