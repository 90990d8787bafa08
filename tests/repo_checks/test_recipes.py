"""Test that the recipe "Add a provider" of CONTRIBUTING.md names every place, and every place has every provider."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from local.dev.default_models import DEFAULT_MODELS
from local.dev.demo import PROVIDERS as DEMO_PROVIDERS
from local.template import ROOT
from nexus_ai.alerts.templates import PROVIDERS as DISPLAY_NAMES
from nexus_ai.platform.settings import Settings
from nexus_ai.providers.base import ProviderName
from nexus_ai.providers.registry import REGISTRY
from tests.contract.adapters import BASE_PATHS
from tests.integration.support.provider_sdks import COMPLETE_PATHS

type Has = Callable[[ProviderName], bool]


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def price_lists() -> set[str]:
    """Return the providers whose prices are built into the layer."""
    for node in ast.parse(text("layers/common/make_price_lists.py")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "PROVIDERS":
            return set(ast.literal_eval(node.value))
    raise LookupError("make_price_lists.py has no PROVIDERS")


def has_payloads(name: ProviderName) -> bool:
    contract = ROOT / "tests" / "contract"
    folders = (contract / "payloads" / name, contract / "requests" / name)
    return all(any(folder.iterdir()) for folder in folders) and (contract / "models" / f"{name}.json").exists()


def frontend_names() -> str:
    (path,) = (ROOT / "frontend" / "src").rglob("providers.ts")
    return path.read_text("utf-8")


# The places as CONTRIBUTING.md spells them.
PLACES: dict[str, Has] = {
    "layers/common/nexus_ai/providers/base.py": lambda name: name in set(ProviderName),
    "layers/common/nexus_ai/providers/registry.py": lambda name: name in REGISTRY,
    "layers/common/make_price_lists.py": lambda name: name in price_lists(),
    "layers/common/nexus_ai/platform/settings.py": lambda name: (
        DEMO_PROVIDERS[name].url_variable.lower() in Settings.model_fields
    ),
    "template.yaml": lambda name: (
        f"{DEMO_PROVIDERS[name].url_variable}: !Ref {DEMO_PROVIDERS[name].parameter}" in text("template.yaml")
    ),
    "layers/common/nexus_ai/alerts/templates.py": lambda name: name in DISPLAY_NAMES,
    "providers.ts": lambda name: f"{name}: '{DISPLAY_NAMES[name]}'" in frontend_names(),
    "ops/dashboard.yaml": lambda name: f'"{name}"' in text("ops/dashboard.yaml"),
    "local/dev/demo.py": lambda name: name in DEMO_PROVIDERS,
    "local/dev/default_models.py": lambda name: name in DEFAULT_MODELS,
    "local/providers/formats": lambda name: (ROOT / "local" / "providers" / "formats" / f"{name}.py").exists(),
    "tests/contract/payloads": has_payloads,
    "tests/contract/adapters.py": lambda name: name in BASE_PATHS,
    "tests/integration/support/provider_sdks.py": lambda name: name in COMPLETE_PATHS,
    "docs/privacy.md": lambda name: f"| {DISPLAY_NAMES[name]} |" in text("docs/privacy.md"),
    "docs/local-stack.md": lambda name: f"`{DEMO_PROVIDERS[name].url_variable}`" in text("docs/local-stack.md"),
    "docs/providers.md": lambda name: f"\n| {name} |" in text("docs/providers.md"),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_every_provider(place: str) -> None:
    assert [name for name in ProviderName if not PLACES[place](name)] == []


@pytest.mark.parametrize("place", PLACES)
def test_recipe_names_every_place(place: str) -> None:
    recipe = text("CONTRIBUTING.md").partition("## Add a provider")[2].partition("## Move a default model")[0]
    assert place in recipe


def test_recipe_names_no_missing_path() -> None:
    recipe = text("CONTRIBUTING.md").partition("## Add a provider")[2].partition("## Move a default model")[0]
    quoted = [part for part in recipe.split("`")[1::2] if "/" in part and "<" not in part and " " not in part]
    assert [part for part in quoted if not (ROOT / part).exists() and not Path(part).is_absolute()] == []
