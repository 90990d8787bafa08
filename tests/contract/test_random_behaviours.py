"""Test hundreds of concurrent calls to servers that misbehave at random: no call receives another's response."""

import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from nexus_ai.net import provider_http
from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import FailureKind, Message, ProviderFailure, ProviderName
from nexus_ai.providers.registry import get_provider
from tests.contract.adapters import MODELS, PROMPT
from tests.contract.wire import (
    Behaviour,
    Handler,
    Payload,
    ProviderServer,
    closes,
    drips,
    full_response,
    hangs,
    payload,
    resets,
    responds,
    sends_chunks,
    sends_raw,
)

EXCHANGES: Final = 900
THREADS: Final = 8
# More keys than pools, so that pools are evicted while others are in use.
KEYS: Final = 20


def compressed(response: Payload) -> Payload:
    return Payload(response.status, {**response.headers, "content-encoding": "gzip"}, gzip.compress(response.body), {})


def then(first: bytes, second: Behaviour) -> Behaviour:
    def both(handler: Handler) -> None:
        handler.wfile.write(first)
        second(handler)

    return both


def refused(status: int, body: bytes = b'{"error": {}}') -> Payload:
    return Payload(status, {"content-type": "application/json"}, body, {})


# Behaviours of the server, given the right completion and a stray one; and the outcome of each.
SUCCESSFUL: Final[dict[str, Callable[[Payload, Payload], Behaviour]]] = {
    "responds": lambda response, _stray: responds(response),
    "responds in chunks": lambda response, _stray: sends_chunks(response, [response.body[:9], response.body[9:]]),
    "responds in gzip": lambda response, _stray: responds(compressed(response)),
    "hints first": lambda response, _stray: then(b"HTTP/1.1 103 Early\r\n\r\n", responds(response)),
    "responds and closes": lambda response, _stray: closes(after=full_response(response)),
    "ends with the connection": lambda response, _stray: closes(after=b"HTTP/1.0 200 OK\r\n\r\n" + response.body),
    "responds twice": lambda response, stray: sends_raw(full_response(response) + full_response(stray)),
    "responds once and a half": lambda response, stray: sends_raw(full_response(response) + full_response(stray)[:99]),
}
FAILED: Final[dict[str, tuple[Callable[[Payload], Behaviour], FailureKind]]] = {
    "cuts": (lambda response: closes(after=full_response(response)[:-9]), FailureKind.RESET),
    "resets in the body": (lambda response: resets(after=full_response(response)[:-9]), FailureKind.RESET),
    "resets": (lambda _response: resets(), FailureKind.RESET),
    "closes": (lambda _response: closes(), FailureKind.RESET),
    "speaks something else": (lambda _response: closes(after=b"SSH-2.0-OpenSSH_9.2\r\n"), FailureKind.RESET),
    "never responds": (lambda _response: hangs(), FailureKind.TIMEOUT),
    "drips": (drips, FailureKind.TIMEOUT),
    "refuses in gzip": (lambda _response: responds(compressed(refused(429))), FailureKind.RATE_LIMITED),
    "refuses and cuts": (lambda _response: closes(after=full_response(refused(401))[:-5]), FailureKind.INVALID_KEY),
    "refuses and drips": (lambda _response: drips(refused(503)), FailureKind.UNAVAILABLE),
    "breaks its JSON": (lambda response: responds(replace(response, body=response.body[:-9])), FailureKind.MALFORMED),
}
OUTCOMES: Final[dict[str, FailureKind | None]] = {
    **dict.fromkeys(SUCCESSFUL), **{behaviour: kind for behaviour, (_, kind) in FAILED.items()}
}  # fmt: skip


def behave(handler: Handler) -> None:
    """Do what the prompt instructs; a completion contains the number from the prompt."""
    instruction = instructions(handler.received.body)
    plain = payload(ProviderName(instruction["provider"]), "text")
    response, stray = (plain.with_text(f"{owner} is {instruction['number']}") for owner in ("mine", "stray"))
    if instruction["behaviour"] in SUCCESSFUL:
        SUCCESSFUL[instruction["behaviour"]](response, stray)(handler)
    else:
        FAILED[instruction["behaviour"]][0](response)(handler)


def instructions(body: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(text for text in texts_in(body) if text.startswith("{")))
    return found


def texts_in(content: Any) -> list[str]:
    """Return every string in a body."""
    if isinstance(content, str):
        return [content]
    inside = cast("dict[str, Any]", content).values() if isinstance(content, dict) else cast("list[Any]", content)
    return [text for part in inside if isinstance(part, (str, dict, list)) for text in texts_in(part)]


def make_call(number: int) -> tuple[str, FailureKind | None]:
    """Make one call and return its behaviour and outcome; the same number gives the same call."""
    chosen = random.Random(number)
    name, behaviour = chosen.choice(list(ProviderName)), chosen.choice(list(OUTCOMES))
    text = json.dumps({"provider": name, "behaviour": behaviour, "number": number})
    prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=text),)})
    # No client can know of a connection that is closed in the moment of its reuse.
    key = f"sk-own-{number}" if behaviour == "responds and closes" else f"sk-{chosen.randrange(KEYS)}"
    timeout_s = 0.2 if OUTCOMES[behaviour] is FailureKind.TIMEOUT else 20
    try:
        completion = get_provider(name).complete(prompt, model=MODELS[name], api_key=key, timeout_s=timeout_s)
    except ProviderFailure as failure:
        # On a busy machine so short a timeout may pass before there is a connection.
        is_late = timeout_s < 1 and failure.kind is FailureKind.UNREACHABLE
        return behaviour, FailureKind.TIMEOUT if is_late else failure.kind
    assert completion.text == f"mine is {number}"
    return behaviour, None


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
def test_no_call_receives_the_response_of_another(
    provider_settings: Settings, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)
    for name in ProviderName:
        get_provider(name)
    provider_http.pools.close()
    server.end_connections()
    before = open_descriptors()
    server.set_behaviour(behave)

    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = list(threads.map(make_call, range(EXCHANGES)))

    unexpected = Counter(each for each in outcomes if OUTCOMES[each[0]] is not each[1])
    assert unexpected == Counter()
    assert {behaviour for behaviour, _ in outcomes} == set(OUTCOMES)
    arrived = Counter(instructions(request.body)["number"] for request in server.requests)
    assert max(arrived.values()) == 1
    # A call that timed out may have had too little time to arrive.
    assert {number for number, (_, kind) in enumerate(outcomes) if kind is not FailureKind.TIMEOUT} <= set(arrived)
    provider_http.pools.close()
    server.end_connections()
    assert open_descriptors() <= before
