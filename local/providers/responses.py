"""From a request to its reply: what a vendor checks, and what it then says."""

import hashlib
import json
import math
import re
from typing import Any, Final

from pydantic import ValidationError

from local.providers.behaviours import Answer, Fail, Usage
from local.providers.faults import Misbehaviour, misbehaved
from local.providers.formats.base import Counted, Question, Refused, Reply, Request, Said, Vendor, json_reply
from local.providers.schema_faker import Schema, SchemaError, instance_of
from local.providers.text_tasks import answer_in
from local.providers.texts import language_of, marketing_text
from nexus_ai.providers.base import FailureKind

# A key whose text holds one of these words meets that failure, so that people can try each in the browser.
_TELLING_KEYS: Final = {
    "invalid": FailureKind.INVALID_KEY,
    "no-credit": FailureKind.NO_CREDIT,
    "no-permission": FailureKind.NO_PERMISSION,
    "rate-limited": FailureKind.RATE_LIMITED,
}
_BYTES_PER_TOKEN: Final = 4
_TOKENS_OF_FORMAT: Final = 8
_DEFAULT_RETRY_AFTER_S: Final = 1.0


def answer_to(vendor: Vendor, request: Request, answer: Answer) -> Reply:
    """The answer to a good request, or the vendor's error for what is wrong with it."""
    try:
        _check_key(vendor, request)
        return _answer(vendor, request, answer)
    except Refused as refused:
        return _error(vendor, refused.kind)
    except (ValidationError, SchemaError):
        return _error(vendor, FailureKind.BAD_REQUEST)


def failure_of(vendor: Vendor, request: Request, fail: Fail) -> Reply:
    """The vendor's words for a failure that is no matter of the connection."""
    match fail.kind:
        case FailureKind.BLOCKED:
            return answer_to(vendor, request, Answer(finish="blocked"))
        case FailureKind.EMPTY:
            return answer_to(vendor, request, Answer(text=""))
        case FailureKind.MALFORMED:
            return Reply(200, b'{"id": "simulated", "choices": [{"index": 0, "mess')
        case FailureKind.ERROR_IN_BODY:
            return Reply(200, vendor.error(FailureKind.SERVER_ERROR, None).body)
        case FailureKind.REDIRECT:
            # To the same place, so that a client that follows it is seen in the record of calls.
            return Reply(307, b"", {"location": request.path})
        case _:
            return _error(vendor, fail.kind, fail.retry_after_s)


def _check_key(vendor: Vendor, request: Request) -> None:
    if request.target in vendor.public:
        return
    key = vendor.api_key(request.headers)
    if not key:
        raise Refused(FailureKind.INVALID_KEY)
    for word, kind in _TELLING_KEYS.items():
        if word in key:
            raise Refused(kind)


def _answer(vendor: Vendor, request: Request, answer: Answer) -> Reply:
    target = request.target
    match target.operation:
        case "models":
            return json_reply(vendor.models())
        case "key":
            return json_reply(vendor.key_status())
        case "model":
            _check_model(target.model)
            return json_reply(vendor.model(target.model))
        case "complete":
            question = vendor.read(request)
            _check_model(question.model)
            return json_reply(vendor.completion(question, _said(vendor, question, answer)))
        case "unknown":
            raise Refused(FailureKind.MODEL_NOT_FOUND)


def _check_model(model: str) -> None:
    if "unknown" in model:
        raise Refused(FailureKind.MODEL_NOT_FOUND)


def _said(vendor: Vendor, question: Question, answer: Answer) -> Said:
    text: str | None = None
    finish = answer.finish or "stop"
    if answer.finish != "blocked" or answer.text is not None:
        text = _text(vendor, question, answer)
        if answer.misbehaviour:
            text = misbehaved(text, answer.misbehaviour)
        cut = _cut(text, question.max_tokens)
        if answer.finish is None and (cut != text or answer.misbehaviour is Misbehaviour.TRUNCATED):
            finish = "length"
        text = cut
    tokens = _count(question, text or "", answer.usage or Usage()) if answer.tells_usage else None
    return Said(text, finish, tokens)


def _text(vendor: Vendor, question: Question, answer: Answer) -> str:
    if answer.text is not None:
        return answer.text
    if answer.data is not None:
        return _json(answer.data)
    task = answer_in(question.texts)
    if task is not None:
        return task if isinstance(task, str) else _json(task)
    seed = _seed(vendor, question)
    schema = question.schema
    if schema is None and question.any_json:
        schema = _schema_in(question.texts)
    if schema is not None:
        return _json(instance_of(schema, seed))
    words = marketing_text(seed, language_of(question.texts[-1]))
    return _json({"text": words}) if question.any_json else words


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def _seed(vendor: Vendor, question: Question) -> int:
    """The same for the same vendor, model and texts, in every process."""
    material = "\0".join((vendor.name, question.model, *question.texts))
    return int.from_bytes(hashlib.blake2b(material.encode(errors="replace"), digest_size=6).digest())


def _schema_in(texts: tuple[str, ...]) -> Schema | None:
    """The JSON Schema that a prompt shows to a model without structured outputs, if there is one."""
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


def _count(question: Question, text: str, usage: Usage) -> Counted:
    asked = sum(len(each.encode(errors="replace")) for each in question.texts)
    counted_input = math.ceil(asked / _BYTES_PER_TOKEN) + _TOKENS_OF_FORMAT
    counted_output = math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)
    parts = usage.cached_tokens + usage.cache_write_tokens
    return Counted(
        input=counted_input + parts if usage.input_tokens is None else usage.input_tokens,
        output=counted_output + usage.reasoning_tokens if usage.output_tokens is None else usage.output_tokens,
        cached=usage.cached_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.reasoning_tokens,
    )


def _error(vendor: Vendor, kind: FailureKind, retry_after_s: float | None = None) -> Reply:
    if kind is FailureKind.RATE_LIMITED and retry_after_s is None:
        retry_after_s = _DEFAULT_RETRY_AFTER_S
    return vendor.error(kind, retry_after_s)
