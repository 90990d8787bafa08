"""What is asked of a translation, and what it is."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from nexus_ai.platform.schema import ResponseModel
from nexus_ai.tasks.shared.request import NOT_BLANK, LanguageTag, ShortText, TaskRequest
from nexus_ai.tasks.shared.response import TaskResponse

# A function has 29 seconds, and models write 50 to 300 tokens in each.
MAX_CHARACTERS = 20_000
MAX_LANGUAGES = 10
MAX_TERMS = 100


class Formality(StrEnum):
    DEFAULT = "default"
    FORMAL = "formal"
    INFORMAL = "informal"


Term = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class TranslationRequest(TaskRequest):
    """Languages are BCP 47 tags. `glossary` says how a term of the text is to be translated, in every language."""

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
            raise ValueError("either targetLanguage or targetLanguages is needed")
        if len({language.lower() for language in self.targets}) < len(self.targets):
            raise ValueError("targetLanguages must not name a language twice")
        if len(self.text) * len(self.targets) > MAX_CHARACTERS:
            raise ValueError(f"text and languages come to more than {MAX_CHARACTERS} characters: send fewer at once")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The languages asked for, in their order."""
        return self.target_languages or tuple(tag for tag in (self.target_language,) if tag)


class Translation(ResponseModel):
    language: str
    text: str


class Translations(ResponseModel):
    """One translation for each language asked for, in that order. `source_language` is detected where none is given."""

    source_language: str
    translations: tuple[Translation, ...]


type TranslationAnswer = TaskResponse[Translations]
