"""Test the models in the repository: each has dated evidence that it is not retired, and all places agree."""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import pytest
import yaml

from local.dev.default_models import DEFAULT_MODELS, LIFECYCLES, Lifecycle
from local.dev.demo import PROVIDERS
from local.providers.handler import FORMATS
from nexus_ai.providers import pricing
from nexus_ai.providers.base import ProviderName, TokenUsage

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "docs" / "examples"
# An invented model whose price only the tenant knows.
INVENTED: Final = "gpt-9"
ALLOWED_MODELS: Final = {model for _, model in LIFECYCLES} | {INVENTED}
IN_TEXT: Final = re.compile(r"\b(?:gpt|claude|gemini|llama)-[a-z0-9][\w.-]*\w|\bgpt-\d")

every_row = pytest.mark.parametrize(("name", "lifecycle"), LIFECYCLES.items(), ids=str)


def objects(content: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a JSON value."""
    match content:
        case dict():
            members = cast("dict[str, Any]", content)
            yield members
            for value in members.values():
                yield from objects(value)
        case list():
            for item in cast("Sequence[Any]", content):
                yield from objects(item)
        case _:
            pass


def shown_objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object of the examples and event bodies, with its file."""
    for path in sorted(EXAMPLES.glob("*.json")):
        for found in objects(json.loads(path.read_text("utf-8"))):
            yield path.name, found
    for path in sorted((ROOT / "events").glob("*.json")):
        for found in objects(json.loads(json.loads(path.read_text("utf-8")).get("body") or "null")):
            yield path.name, found


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))


def test_every_provider_has_a_default_model_with_evidence() -> None:
    assert list(DEFAULT_MODELS) == list(ProviderName)
    assert DEFAULT_MODELS.items() <= LIFECYCLES.keys()


@every_row
def test_no_model_retires_within_180_days_of_its_evidence(name: tuple[ProviderName, str], lifecycle: Lifecycle) -> None:
    assert lifecycle.source.startswith("https://")
    assert lifecycle.retires_on is None or lifecycle.retires_on - lifecycle.checked_on >= timedelta(days=180)


def test_demo_uses_the_default_models() -> None:
    assert {name: provider.model for name, provider in PROVIDERS.items()} == dict(DEFAULT_MODELS)
    assert {item["provider"]: item["model"] for item in example("list_configs")["items"]} == dict(DEFAULT_MODELS)


def test_examples_and_events_use_models_with_evidence() -> None:
    models_shown = [(file, found) for file, found in shown_objects() if isinstance(found.get("model"), str)]
    pairs = [(found["provider"], found["model"]) for _, found in models_shown if "provider" in found]

    assert [(file, found["model"]) for file, found in models_shown if found["model"] not in ALLOWED_MODELS] == []
    assert {pair for pair in pairs if pair[1] != INVENTED} <= LIFECYCLES.keys()
    assert {"put_config.json", "test_config.json", "generate_copy.json"} <= {file for file, _ in models_shown}


@pytest.mark.parametrize(
    "name", ["generate_copy", "generate_summary", "analyze_sentiment", "translate", "get_audit_log"]
)
def test_cost_in_an_example_matches_its_model(name: str) -> None:
    completion = example(name)
    used = completion["usage"]
    usage = TokenUsage(input_tokens=used["inputTokens"], output_tokens=used["outputTokens"])
    micros = pricing.price(ProviderName(completion["provider"]), completion["model"], usage)
    assert round(used["costUsd"] * 1_000_000) == micros


def test_documents_name_models_with_evidence() -> None:
    guides = [
        ROOT / "README.md",
        *(ROOT / "docs" / "api").glob("*.md"),
        ROOT / "docs" / "deployment.md",
        ROOT / "docs" / "runbook.md",
    ]
    models_in_documents = {model for guide in guides for model in IN_TEXT.findall(guide.read_text("utf-8"))}
    assert DEFAULT_MODELS[ProviderName.OPENAI] in models_in_documents
    assert models_in_documents <= ALLOWED_MODELS


def test_simulated_providers_list_default_models_with_evidence() -> None:
    for provider in FORMATS:
        body = provider.models()
        listed = {
            model.get("id") or model["name"].removeprefix("models/") for model in body.get("data") or body["models"]
        }
        assert DEFAULT_MODELS[provider.name] in listed
        assert {(provider.name, model) for model in listed} <= LIFECYCLES.keys()


def test_scheduled_audit_checks_the_models() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as true.
    assert "make audit" in [step.get("run") for step in workflow["jobs"]["audit"]["steps"]]
    planned = subprocess.run(
        ["make", "--dry-run", "audit"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "-m ops.retirements" in planned.stdout
