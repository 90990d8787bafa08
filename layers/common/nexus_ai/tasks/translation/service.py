"""Translations: the question to the model, and the contract of the answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexus_ai.gateway.composition import gateway
from nexus_ai.model_calls import InvalidOutputError, ModelCall, Step
from nexus_ai.platform.caller import Caller
from nexus_ai.providers.base import OutputSchema
from nexus_ai.tasks.shared.defaults import TRANSLATE
from nexus_ai.tasks.shared.language import primary
from nexus_ai.tasks.shared.output_json import read_object, validated
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, instructions
from nexus_ai.tasks.shared.request import LanguageTag
from nexus_ai.tasks.translation.contract import checked, terms_in
from nexus_ai.tasks.translation.models import (
    Formality,
    Translation,
    TranslationRequest,
    TranslationResponse,
    Translations,
)

FOLDER = Path(__file__).parent
TOKENS_OF_STRUCTURE = 128
PROBLEMS_TOLD = 20
# Output tokens that a translation may come to: in Latin letters about a third of one for a byte of the text, and it may
# be longer than the text; in other letters, with the older vocabularies, more than one for a character.
TOKENS_A_BYTE, TOKENS_A_CHARACTER_NOT_LATIN = 0.6, 2.0
NOT_LATIN = frozenset(
    (
        *("am", "ar", "be", "bg", "bn", "bo", "dv", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk", "km", "kn"),
        *("ko", "ky", "lo", "mk", "ml", "mn", "mr", "my", "ne", "or", "pa", "ps", "ru", "sd", "si", "sr", "ta", "te"),
        *("tg", "th", "ti", "ug", "uk", "ur", "yi", "yue", "zh"),
    )
)


class _Detected(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    source_language: LanguageTag = Field(alias="sourceLanguage")


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    translations: dict[str, str]


def translate(caller: Caller, request: TranslationRequest) -> TranslationResponse:
    """The text in every language asked for, with all that is not language unchanged; raises NexusError."""
    return TranslationResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: TranslationRequest) -> ModelCall[Translations]:
    """The question that a request comes to."""
    asked = _asked(request)
    return build_model_call(TRANSLATE, request, _step(request, asked), parameters=asked, parse=_contract(request))


def _asked(request: TranslationRequest) -> dict[str, Any]:
    """What the model is told, as data; also what makes the answer's cache key."""
    asked = {
        "text": request.text,
        "targetLanguages": list(request.targets),
        "sourceLanguage": request.source_language,
        "tone": request.tone,
        "formality": None if request.formality is Formality.DEFAULT else request.formality.value,
        "style": request.style,
        "glossary": {term: request.glossary[term] for term in terms_in(request.text, request.glossary)} or None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _step(request: TranslationRequest, asked: dict[str, Any]) -> Step:
    string = {"type": "string"}
    translations = {
        "type": "object",
        "properties": dict.fromkeys(request.targets, string),
        "required": list(request.targets),
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"sourceLanguage": string, "translations": translations},
        "required": ["sourceLanguage", "translations"],
        "additionalProperties": False,
    }
    return build_prompt(
        TRANSLATE,
        request,
        system=f'{instructions(FOLDER)}\nAnswer with JSON alone: one object with "sourceLanguage" and "translations", '
        'an object with one text under each tag of "targetLanguages".',
        data=asked,
        max_tokens=request.max_tokens or _output_tokens(request),
        output=OutputSchema(name="translations", schema=schema),
    )


def _output_tokens(request: TranslationRequest) -> int:
    latin = int(len(request.text.encode()) * TOKENS_A_BYTE)
    other = max(latin, int(len(request.text) * TOKENS_A_CHARACTER_NOT_LATIN))
    rooms = (other if primary(language) in NOT_LATIN else latin for language in request.targets)
    return sum(room + TOKENS_OF_STRUCTURE for room in rooms)


def _contract(request: TranslationRequest) -> Callable[[str], Translations]:
    def parse(text: str) -> Translations:
        answer = read_object(text)
        source_language = request.source_language or validated(answer, _Detected).source_language
        translations = validated(answer, _Written).translations
        by_tag = {tag.lower(): translation for tag, translation in translations.items()}
        found: list[Translation] = []
        broken: list[str] = []
        for language in request.targets:
            translation, problems = checked(
                request.text, by_tag.get(language.lower(), ""), language, source_language, request.glossary
            )
            broken += [f"{language}: {problem}" for problem in problems]
            found.append(Translation(language=language, text=translation))
        if broken:
            raise InvalidOutputError(*broken[:PROBLEMS_TOLD])
        return Translations(source_language=source_language, translations=tuple(found))

    return parse
