"""Check a request as the provider does, and build the response."""

import hashlib
import json
import math
import re
from typing import Any, Final

from pydantic import ValidationError

from local.providers.behaviours import Answer, Fail, Usage
from local.providers.faults import Misbehaviour, apply_misbehaviour
from local.providers.formats.base import Completion, Counted, Prompt, Provider, Refused, Reply, Request, json_reply
from local.providers.schema_faker import Schema, SchemaError, instance_of
from local.providers.text_tasks import task_completion
from local.providers.texts import language_of, marketing_text
from nexus_ai.providers.base import FailureKind

# A key that contains one of these words causes that failure, so that users can try each in the browser.
_FAILING_KEYS: Final = {
    "invalid": FailureKind.INVALID_KEY,
    "no-credit": FailureKind.NO_CREDIT,
    "no-permission": FailureKind.NO_PERMISSION,
    "rate-limited": FailureKind.RATE_LIMITED,
}
_BYTES_PER_TOKEN: Final = 4
_TOKENS_OF_FORMAT: Final = 8
_DEFAULT_RETRY_AFTER_S: Final = 1.0


def response_to(provider: Provider, request: Request, answer: Answer) -> Reply:
    """Return the response to a good request, or the provider's error for a bad one."""
    try:
        _check_key(provider, request)
        return _respond(provider, request, answer)
    except Refused as refused:
        return _error(provider, refused.kind)
    except (ValidationError, SchemaError):
        return _error(provider, FailureKind.BAD_REQUEST)


def failure_response(provider: Provider, request: Request, fail: Fail) -> Reply:
    """Return the provider's response for a failure above the connection level."""
    match fail.kind:
        case FailureKind.BLOCKED:
            return response_to(provider, request, Answer(finish="blocked"))
        case FailureKind.EMPTY:
            return response_to(provider, request, Answer(text=""))
        case FailureKind.MALFORMED:
            return Reply(200, b'{"id": "simulated", "choices": [{"index": 0, "mess')
        case FailureKind.ERROR_IN_BODY:
            return Reply(200, provider.error(FailureKind.SERVER_ERROR, None).body)
        case FailureKind.REDIRECT:
            # The location is the same path, so that the recorded calls show a client that follows it.
            return Reply(307, b"", {"location": request.path})
        case _:
            return _error(provider, fail.kind, fail.retry_after_s)


def _check_key(provider: Provider, request: Request) -> None:
    if request.target in provider.public:
        return
    key = provider.api_key(request.headers)
    if not key:
        raise Refused(FailureKind.INVALID_KEY)
    for word, kind in _FAILING_KEYS.items():
        if word in key:
            raise Refused(kind)


def _respond(provider: Provider, request: Request, answer: Answer) -> Reply:
    target = request.target
    match target.operation:
        case "models":
            return json_reply(provider.models())
        case "key":
            return json_reply(provider.key_status())
        case "model":
            _check_model(target.model)
            return json_reply(provider.model(target.model))
        case "complete":
            prompt = provider.read(request)
            _check_model(prompt.model)
            return json_reply(provider.completion_body(prompt, _completion(provider, prompt, answer)))
        case "unknown":
            raise Refused(FailureKind.MODEL_NOT_FOUND)


def _check_model(model: str) -> None:
    if "unknown" in model:
        raise Refused(FailureKind.MODEL_NOT_FOUND)


def _completion(provider: Provider, prompt: Prompt, answer: Answer) -> Completion:
    text: str | None = None
    finish = answer.finish or "stop"
    if answer.finish != "blocked" or answer.text is not None:
        text = _text(provider, prompt, answer)
        if answer.misbehaviour:
            text = apply_misbehaviour(text, answer.misbehaviour)
        cut = _cut(text, prompt.max_tokens)
        if answer.finish is None and (cut != text or answer.misbehaviour is Misbehaviour.TRUNCATED):
            finish = "length"
        text = cut
    tokens = _count(prompt, text or "", answer.usage or Usage()) if answer.reports_usage else None
    return Completion(text, finish, tokens)


def _text(provider: Provider, prompt: Prompt, answer: Answer) -> str:
    if answer.text is not None:
        return answer.text
    if answer.data is not None:
        return _json(answer.data)
    task = task_completion(prompt.texts)
    if task is not None:
        return task if isinstance(task, str) else _json(task)
    seed = _seed(provider, prompt)
    schema = prompt.schema
    if schema is None and prompt.any_json:
        schema = _schema_in(prompt.texts)
    if schema is not None:
        return _json(instance_of(schema, seed))
    words = marketing_text(seed, language_of(prompt.texts[-1]))
    return _json({"text": words}) if prompt.any_json else words


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def _seed(provider: Provider, prompt: Prompt) -> int:
    """Return a number that is the same for the same provider, model and texts in every process."""
    material = "\0".join((provider.name, prompt.model, *prompt.texts))
    return int.from_bytes(hashlib.blake2b(material.encode(errors="replace"), digest_size=6).digest())


def _schema_in(texts: tuple[str, ...]) -> Schema | None:
    """Return the JSON Schema in a prompt for a model without structured outputs; None if there is none."""
    decoder = json.JSONDecoder()
    for text in texts:
        for brace in re.finditer(r"\{", text):
            try:
                found: dict[str, Any] = decoder.raw_decode(text, brace.start())[0]
            except ValueError:
                continue
            if "properties" in found or "$ref" in found:
                return found
    return None


def _cut(text: str, max_tokens: int | None) -> str:
    if max_tokens is None:
        return text
    return text.encode()[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore")


def _count(prompt: Prompt, text: str, usage: Usage) -> Counted:
    prompt_bytes = sum(len(each.encode(errors="replace")) for each in prompt.texts)
    counted_input = math.ceil(prompt_bytes / _BYTES_PER_TOKEN) + _TOKENS_OF_FORMAT
    counted_output = math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)
    parts = usage.cached_tokens + usage.cache_write_tokens
    return Counted(
        input=counted_input + parts if usage.input_tokens is None else usage.input_tokens,
        output=counted_output + usage.reasoning_tokens if usage.output_tokens is None else usage.output_tokens,
        cached=usage.cached_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.reasoning_tokens,
    )


def _error(provider: Provider, kind: FailureKind, retry_after_s: float | None = None) -> Reply:
    if kind is FailureKind.RATE_LIMITED and retry_after_s is None:
        retry_after_s = _DEFAULT_RETRY_AFTER_S
    return provider.error(kind, retry_after_s)
