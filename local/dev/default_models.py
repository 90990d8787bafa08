"""List the models that this repository uses, each with dated evidence of its retirement date.

The demo, the events, the examples and the documents use only these models; tests/repo_checks/test_default_models.py
checks it. CONTRIBUTING.md explains how to change a default.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple

from nexus_ai.providers.base import ProviderName


class Lifecycle(NamedTuple):
    """Retirement of a model, according to a page of its provider.

    Attributes:
        source: The page.
        checked_on: The latest day on which the content of the page is known. For a stored copy, the day of the copy.
        retires_on: The first day on which the model may be unavailable: the announced day, or the day after which a
            page says "not sooner than". None if the page names neither.
    """

    source: str
    checked_on: date
    retires_on: date | None = None


# Inexpensive models that write well enough for the four tasks, in the demo's fallback order.
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
# In this list a model that will be removed has an `expiration_date`.
_OPENROUTER: Final = Lifecycle("https://openrouter.ai/api/v1/models", date(2026, 11, 4))

LIFECYCLES: Final[Mapping[tuple[ProviderName, str], Lifecycle]] = {
    (ProviderName.OPENAI, "gpt-6-luna"): _OPENAI,
    (ProviderName.OPENAI, "gpt-6.1-sol"): _OPENAI,
    (ProviderName.OPENAI, "gpt-6.1-terra"): _OPENAI,
    # Anthropic names a day before which it does not retire a model.
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
