"""Test how the simulated providers are scripted, what they record, and how they start and stop."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.dev.default_models import DEFAULT_MODELS
from local.providers.behaviours import Answer, Fail
from local.providers.server import SimulatedProviders
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.provider_sdks import KEY, ask, close_clients, complete, openai_client, post, send


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedProviders]:
    with SimulatedProviders() as providers:
        yield providers
    close_clients()


@pytest.fixture
def providers(server: SimulatedProviders) -> SimulatedProviders:
    server.reset()
    return server


def test_call_is_recorded_without_its_key(providers: SimulatedProviders) -> None:
    for name in ProviderName:
        ask(providers, name, "Escreva isto")
    assert [call.provider for call in providers.calls] == list(ProviderName)
    assert KEY not in repr(providers.calls)
    assert {call.key_last4 for call in providers.calls} == {"1234"}
    assert len({call.key_sha256 for call in providers.calls}) == 1
    assert [call.model for call in providers.calls] == list(DEFAULT_MODELS.values())
    assert {call.operation for call in providers.calls} == {"complete"}
    assert providers.calls[0].body["messages"][0]["content"] == "Escreva isto"
    assert providers.calls[0].headers["content-type"] == "application/json"
    assert providers.calls[0].at_ms <= providers.calls[-1].at_ms


def test_script_runs_in_order_and_before_the_default_behaviour(providers: SimulatedProviders) -> None:
    providers.always(ProviderName.GROQ, Fail(FailureKind.OVERLOADED))
    providers.script(ProviderName.GROQ, Fail(FailureKind.UNAVAILABLE), Answer(text="um"))
    providers.script(ProviderName.GROQ, Answer(text="dois"))
    statuses = [complete(providers, ProviderName.GROQ)[0] for _ in range(5)]
    assert statuses == [503, 200, 200, 529, 529]
    assert complete(providers, ProviderName.OPENAI)[0] == 200
    providers.always(ProviderName.GROQ, None)
    assert complete(providers, ProviderName.GROQ)[0] == 200


def test_concurrent_calls_are_counted_and_take_one_behaviour_each(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.ANTHROPIC, *[Fail(FailureKind.SERVER_ERROR)] * 30)
    names = [ProviderName.OPENAI, ProviderName.ANTHROPIC] * 100

    def status(name: ProviderName) -> int:
        return complete(providers, name)[0]

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(status, names))
    assert statuses.count(500) == 30
    assert statuses.count(200) == 170
    assert (providers.count(), providers.count(ProviderName.ANTHROPIC)) == (200, 100)


def test_reset_drops_calls_scripts_and_settings(providers: SimulatedProviders) -> None:
    providers.script(ProviderName.OPENAI, *[Fail(FailureKind.UNAVAILABLE)] * 2)
    providers.always(ProviderName.OPENAI, Fail(FailureKind.UNAVAILABLE))
    assert complete(providers, ProviderName.OPENAI)[0] == 503
    providers.reset()
    assert providers.count() == 0
    assert complete(providers, ProviderName.OPENAI)[0] == 200


def test_control_routes_script_and_list_calls(providers: SimulatedProviders) -> None:
    script = {"provider": "google", "behaviours": [{"type": "fail", "kind": "rate_limited", "retryAfterS": 9}]}
    behaviour = {"type": "answer", "text": "sempre", "misbehaviour": "fences", "usage": {"inputTokens": 7}}
    always = {"provider": "google", "behaviour": behaviour}
    assert post(providers, "/control/script", json.dumps(script).encode())[0] == 204
    assert post(providers, "/control/always", json.dumps(always).encode())[0] == 204
    assert complete(providers, ProviderName.GOOGLE)[0] == 429
    completion = json.loads(complete(providers, ProviderName.GOOGLE)[2])
    assert completion["candidates"][0]["content"]["parts"] == [{"text": "```json\nsempre\n```"}]
    assert completion["usageMetadata"]["promptTokenCount"] == 7
    status, _, body = send(providers, "GET", "/control/calls?provider=google")
    calls = json.loads(body)
    assert (status, calls["count"], calls["items"][0]["keyLast4"]) == (200, 2, "1234")
    assert json.loads(send(providers, "GET", "/control/calls?provider=openai")[2])["count"] == 0
    assert send(providers, "DELETE", "/control")[0] == 204
    assert providers.count() == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        {"type": "fail", "kind": "unreachable"},
        {"type": "fail", "kind": "rate_limited", "retry": 1},
        {"type": "answer", "text": "a", "data": 1},
        {"type": "answer", "misbehaviour": "sing"},
        {"type": "dance"},
    ],
)
def test_invalid_control_request_is_refused(providers: SimulatedProviders, behaviour: dict[str, Any]) -> None:
    body = json.dumps({"provider": "groq", "behaviours": [behaviour]}).encode()
    status, _, error = post(providers, "/control/script", body)
    assert status == 400
    assert json.loads(error)["errors"][0]["msg"]
    assert send(providers, "GET", "/control/nothing")[0] == 404


def test_stop_ends_hanging_calls_and_frees_the_port() -> None:
    with SimulatedProviders() as providers:
        port = int(providers.url.rsplit(":", 1)[1])
        providers.always(ProviderName.OPENAI, Fail(FailureKind.TIMEOUT))
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(complete, providers, ProviderName.OPENAI)
            while providers.count() == 0:
                assert not call.done()
            providers.stop()
            with pytest.raises((http.client.HTTPException, OSError)):
                call.result(timeout=10)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_environment_points_every_sdk_to_the_server(providers: SimulatedProviders) -> None:
    assert providers.environment() == {
        "OPENAI_BASE_URL": f"{providers.url}/openai/v1",
        "ANTHROPIC_BASE_URL": f"{providers.url}/anthropic",
        "GOOGLE_GEMINI_BASE_URL": f"{providers.url}/google",
        "GROQ_BASE_URL": f"{providers.url}/groq",
        "OPENROUTER_BASE_URL": f"{providers.url}/openrouter/api/v1",
    }


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_standalone_server_runs_until_a_signal(ending: signal.Signals) -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "local.providers", "--port", "0"]
    environment = {"PYTHONPATH": f"{root}:{root / 'layers/common'}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, text=True) as process:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        models = openai_client(started["OPENAI_BASE_URL"]).models.list()
        assert "gpt-6-luna" in [model.id for model in models]
        process.send_signal(ending)
        assert process.wait(timeout=10) == 0
