"""Hundreds of calls side by side to servers that do odd things at random: no call gets what is another's."""

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
    Handler,
    Payload,
    Play,
    Wire,
    answers,
    drips,
    holds,
    leaves,
    payload,
    resets,
    says,
    streams,
    whole,
)

EXCHANGES: Final = 900
THREADS: Final = 8
# More than there are pools, so that pools are evicted while others are in use.
KEYS: Final = 20


def compressed(said: Payload) -> Payload:
    return Payload(said.status, {**said.headers, "content-encoding": "gzip"}, gzip.compress(said.body), {})


def then(first: bytes, second: Play) -> Play:
    def both(handler: Handler) -> None:
        handler.wfile.write(first)
        second(handler)

    return both


def refused(status: int, body: bytes = b'{"error": {}}') -> Payload:
    return Payload(status, {"content-type": "application/json"}, body, {})


# What the server does, given the right completion and one that nobody asked for; and what comes of it.
ANSWERED: Final[dict[str, Callable[[Payload, Payload], Play]]] = {
    "answers": lambda said, _stray: answers(said),
    "answers in chunks": lambda said, _stray: streams(said, [said.body[:9], said.body[9:]]),
    "answers in gzip": lambda said, _stray: answers(compressed(said)),
    "hints first": lambda said, _stray: then(b"HTTP/1.1 103 Early\r\n\r\n", answers(said)),
    "answers and closes": lambda said, _stray: leaves(after=whole(said)),
    "ends with the connection": lambda said, _stray: leaves(after=b"HTTP/1.0 200 OK\r\n\r\n" + said.body),
    "answers twice": lambda said, stray: says(whole(said) + whole(stray)),
    "answers once and a half": lambda said, stray: says(whole(said) + whole(stray)[:99]),
}
FAILED: Final[dict[str, tuple[Callable[[Payload], Play], FailureKind]]] = {
    "cuts": (lambda said: leaves(after=whole(said)[:-9]), FailureKind.RESET),
    "resets in the body": (lambda said: resets(after=whole(said)[:-9]), FailureKind.RESET),
    "resets": (lambda _said: resets(), FailureKind.RESET),
    "leaves": (lambda _said: leaves(), FailureKind.RESET),
    "speaks something else": (lambda _said: leaves(after=b"SSH-2.0-OpenSSH_9.2\r\n"), FailureKind.RESET),
    "never answers": (lambda _said: holds(), FailureKind.TIMEOUT),
    "drips": (drips, FailureKind.TIMEOUT),
    "refuses in gzip": (lambda _said: answers(compressed(refused(429))), FailureKind.RATE_LIMITED),
    "refuses and cuts": (lambda _said: leaves(after=whole(refused(401))[:-5]), FailureKind.INVALID_KEY),
    "refuses and drips": (lambda _said: drips(refused(503)), FailureKind.UNAVAILABLE),
    "breaks its JSON": (lambda said: answers(replace(said, body=said.body[:-9])), FailureKind.MALFORMED),
}
OUTCOMES: Final[dict[str, FailureKind | None]] = {
    **dict.fromkeys(ANSWERED), **{behaviour: kind for behaviour, (_, kind) in FAILED.items()}
}  # fmt: skip


def play(handler: Handler) -> None:
    """Do what the prompt asks for; a completion holds the number that the prompt has."""
    asked = instructions(handler.asked.body)
    plain = payload(ProviderName(asked["provider"]), "text")
    said, stray = (plain.with_text(f"{whose} is {asked['number']}") for whose in ("mine", "stray"))
    if asked["behaviour"] in ANSWERED:
        ANSWERED[asked["behaviour"]](said, stray)(handler)
    else:
        FAILED[asked["behaviour"]][0](said)(handler)


def instructions(body: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next(text for text in texts_in(body) if text.startswith("{")))
    return found


def texts_in(content: Any) -> list[str]:
    """Every string in a body."""
    if isinstance(content, str):
        return [content]
    inside = cast("dict[str, Any]", content).values() if isinstance(content, dict) else cast("list[Any]", content)
    return [text for part in inside if isinstance(part, (str, dict, list)) for text in texts_in(part)]


def called(number: int) -> tuple[str, FailureKind | None]:
    """Make one call, and return its behaviour and what came of it; the same for the same number."""
    chosen = random.Random(number)
    name, behaviour = chosen.choice(list(ProviderName)), chosen.choice(list(OUTCOMES))
    text = json.dumps({"provider": name, "behaviour": behaviour, "number": number})
    prompt = PROMPT.model_copy(update={"messages": (Message(role="user", text=text),)})
    # Nobody can know of a connection that is closed in the moment in which it is used again.
    key = f"sk-own-{number}" if behaviour == "answers and closes" else f"sk-{chosen.randrange(KEYS)}"
    timeout_s = 0.2 if OUTCOMES[behaviour] is FailureKind.TIMEOUT else 20
    try:
        completion = get_provider(name).complete(prompt, model=MODELS[name], api_key=key, timeout_s=timeout_s)
    except ProviderFailure as failure:
        # On a machine with much to do, so short a time may be over before there is a connection.
        is_late = timeout_s < 1 and failure.kind is FailureKind.UNREACHABLE
        return behaviour, FailureKind.TIMEOUT if is_late else failure.kind
    assert completion.text == f"mine is {number}"
    return behaviour, None


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
def test_no_call_gets_the_response_of_another(
    operator: Settings, vendor: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)
    for name in ProviderName:
        get_provider(name)
    provider_http.pools.close()
    vendor.end_connections()
    before = descriptors()
    vendor.plays(play)

    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = list(threads.map(called, range(EXCHANGES)))

    unexpected = Counter(each for each in outcomes if OUTCOMES[each[0]] is not each[1])
    assert unexpected == Counter()
    assert {behaviour for behaviour, _ in outcomes} == set(OUTCOMES)
    arrived = Counter(instructions(request.body)["number"] for request in vendor.asked)
    assert max(arrived.values()) == 1
    # Some may have had too little time to arrive.
    assert {number for number, (_, kind) in enumerate(outcomes) if kind is not FailureKind.TIMEOUT} <= set(arrived)
    provider_http.pools.close()
    vendor.end_connections()
    assert descriptors() <= before
