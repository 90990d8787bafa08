"""Define the request and response of the translation task."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, ShortText, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

# A function has 29 seconds, and models generate 50 to 300 tokens per second.
MAX_CHARACTERS = 20_000
MAX_LANGUAGES = 10
MAX_TERMS = 100


class Formality(StrEnum):
    """Form of address for the reader. `default` leaves the choice to the model."""

    DEFAULT = "default"
    FORMAL = "formal"
    INFORMAL = "informal"


Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class TranslationRequest(TaskRequest):
    """Text to translate into one or more languages.

    Send either `targetLanguage` or `targetLanguages`. Languages are BCP 47 tags such as pt-BR. The source language is
    detected if `sourceLanguage` is missing. `glossary` maps terms of the text to their translations, which are used
    for every target language. Placeholders, tags, links, Markdown and line breaks stay unchanged.
    """

    text: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_CHARACTERS)]
    target_language: LanguageTag | None = None
    target_languages: tuple[LanguageTag, ...] | None = Field(default=None, min_length=1, max_length=MAX_LANGUAGES)
    source_language: LanguageTag | None = None
    tone: ShortText | None = None
    formality: Formality = Formality.DEFAULT
    style: ShortText | None = None
    glossary: dict[Term, Term] = Field(default={}, max_length=MAX_TERMS)

    @model_validator(mode="after")
    def _check_languages(self) -> Self:
        if (self.target_language is None) == (self.target_languages is None):
            raise ValueError("Send either targetLanguage or targetLanguages, and not both")
        if len({language.lower() for language in self.targets}) < len(self.targets):
            raise ValueError("targetLanguages contains a language twice. Send each language once")
        if len(self.text) * len(self.targets) > MAX_CHARACTERS:
            raise ValueError(
                f"The length of the text times the number of languages must not exceed {MAX_CHARACTERS} characters. "
                "Send fewer languages per request, or a shorter text"
            )
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the target languages in the order of the request."""
        return self.target_languages or tuple(tag for tag in (self.target_language,) if tag)


class Translation(ResponseModel):
    """Translation of the text into one language."""

    language: str
    text: str


class Translations(ResponseModel):
    """One translation for each target language, in the order of the request.

    `sourceLanguage` is the one of the request, or the detected one if the request has none.
    """

    source_language: str
    translations: tuple[Translation, ...]


class TranslationResponse(TaskResponse[Translations]):
    """Translations and how they were made."""
