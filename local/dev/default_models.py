"""The models that this repository shows, and the dated evidence that each of them stays alive.

The demo, the events, the examples and the documents use these models and no others, which
tests/repo_checks/test_default_models.py checks. CONTRIBUTING.md says how to move a default.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from nexus_ai.providers.base import ProviderName


class Lifecycle(NamedTuple):
    """What a provider's own page says about the end of one of its models.

    Attributes:
        source: The page.
        checked_on: The newest day of which it is known what the page says. A stored copy has the day of the copy.
        retires_on: The first day on which the model may be gone: the announced day, or the bound of a page that says
            "not sooner than". None where the page names neither.
    """

    source: str
    checked_on: date
    retires_on: date | None = None


# Inexpensive models that write text well enough for the four tasks. In the order of fallback of the demo.
DEFAULT_MODELS: Final[Mapping[ProviderName, str]] = {
    ProviderName.OPENAI: "gpt-6-luna",
    ProviderName.ANTHROPIC: "claude-haiku-5-5",
    ProviderName.GOOGLE: "gemini-3.5-flash-lite",
    ProviderName.GROQ: "openai/gpt-oss-20b",
    ProviderName.OPENROUTER: "openai/gpt-6-luna",
}

_OPENAI: Final = Lifecycle("https://developers.openai.com/api/docs/deprecations", date(2026, 11, 5))
_ANTHROPIC: Final = Lifecycle("https://platform.claude.com/docs/en/about-claude/model-deprecations", date(2026, 11, 26))
_GOOGLE: Final = Lifecycle("https://ai.google.dev/gemini-api/docs/deprecations", date(2026, 11, 12))
_GROQ: Final = Lifecycle("https://console.groq.com/docs/deprecations", date(2026, 10, 14))
# A model that ends there has an `expiration_date` in this list.
_OPENROUTER: Final = Lifecycle("https://openrouter.ai/api/v1/models", date(2026, 11, 4))

LIFECYCLES: Final[Mapping[tuple[ProviderName, str], Lifecycle]] = {
    (ProviderName.OPENAI, "gpt-6-luna"): _OPENAI,
    (ProviderName.OPENAI, "gpt-6.1-sol"): _OPENAI,
    (ProviderName.OPENAI, "gpt-6.1-terra"): _OPENAI,
    # Anthropic names a day before which each model stays.
    (ProviderName.ANTHROPIC, "claude-haiku-5-5"): _ANTHROPIC._replace(retires_on=date(2027, 10, 7)),
    (ProviderName.ANTHROPIC, "claude-opus-5-5"): _ANTHROPIC._replace(retires_on=date(2027, 9, 22)),
    (ProviderName.ANTHROPIC, "claude-sonnet-5-5"): _ANTHROPIC._replace(retires_on=date(2027, 9, 28)),
    (ProviderName.GOOGLE, "gemini-3.5-flash-lite"): _GOOGLE,
    (ProviderName.GOOGLE, "gemini-3.8-flash"): _GOOGLE,
    (ProviderName.GROQ, "openai/gpt-oss-120b"): _GROQ,
    (ProviderName.GROQ, "openai/gpt-oss-20b"): _GROQ,
    (ProviderName.OPENROUTER, "anthropic/claude-haiku-5.5"): _OPENROUTER,
    (ProviderName.OPENROUTER, "google/gemini-3.5-flash-lite"): _OPENROUTER,
    (ProviderName.OPENROUTER, "openai/gpt-6-luna"): _OPENROUTER,
}
