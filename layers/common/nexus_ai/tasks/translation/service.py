"""Translate a text: build the model call and check the completion."""

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
from nexus_ai.tasks.shared.output_json import read_object, validate_as
from nexus_ai.tasks.shared.prompting import build_model_call, build_prompt, load_instructions
from nexus_ai.tasks.shared.request import LanguageTag
from nexus_ai.tasks.translation.contract import check_translation, terms_in
from nexus_ai.tasks.translation.models import (
    Formality,
    Translation,
    TranslationRequest,
    TranslationResponse,
    Translations,
)

FOLDER = Path(__file__).parent
STRUCTURE_TOKENS = 128
MAX_PROBLEMS = 20
# Upper bounds of a translation's output tokens. Latin script takes about a third of a token per byte, and a translation
# may be longer than its source. Other scripts take more than one token per character with the older vocabularies.
TOKENS_PER_BYTE, TOKENS_PER_NON_LATIN_CHARACTER = 0.6, 2.0
NON_LATIN_LANGUAGES = frozenset(
    (
        *("am", "ar", "be", "bg", "bn", "bo", "dv", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk", "km", "kn"),
        *("ko", "ky", "lo", "mk", "ml", "mn", "mr", "my", "ne", "or", "pa", "ps", "ru", "sd", "si", "sr", "ta", "te"),
        *("tg", "th", "ti", "ug", "uk", "ur", "yi", "yue", "zh"),
    )
)


class _SourceLanguageOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    source_language: LanguageTag = Field(alias="sourceLanguage")


class _TranslationsOutput(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    translations: dict[str, str]


def translate(caller: Caller, request: TranslationRequest) -> TranslationResponse:
    """Return the text in every target language, with its literals and its form unchanged.

    Raises:
        NexusError: The request was refused, or no provider returned a valid completion.
    """
    return TranslationResponse.of(gateway().run(caller, model_call(request)))


def model_call(request: TranslationRequest) -> ModelCall[Translations]:
    """Return the model call of a request."""
    prompt_data = _prompt_data(request)
    return build_model_call(
        TRANSLATE,
        request,
        _translation_step(request, prompt_data),
        parameters=prompt_data,
        parse=_output_parser(request),
    )


def _prompt_data(request: TranslationRequest) -> dict[str, Any]:
    """Return the data for the user message. It is part of the cache key."""
    prompt_data = {
        "text": request.text,
        "targetLanguages": list(request.targets),
        "sourceLanguage": request.source_language,
        "tone": request.tone,
        "formality": None if request.formality is Formality.DEFAULT else request.formality.value,
        "style": request.style,
        "glossary": {term: request.glossary[term] for term in terms_in(request.text, request.glossary)} or None,
    }
    return {name: value for name, value in prompt_data.items() if value is not None}


def _translation_step(request: TranslationRequest, prompt_data: dict[str, Any]) -> Step:
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
        system=f'{load_instructions(FOLDER)}\nAnswer with JSON alone: one object with "sourceLanguage" and '
        '"translations", an object with one text under each tag of "targetLanguages".',
        data=prompt_data,
        max_tokens=request.max_tokens or _output_tokens(request),
        output=OutputSchema(name="translations", schema=schema),
    )


def _output_tokens(request: TranslationRequest) -> int:
    latin = int(len(request.text.encode()) * TOKENS_PER_BYTE)
    non_latin = max(latin, int(len(request.text) * TOKENS_PER_NON_LATIN_CHARACTER))
    budgets = (non_latin if primary(language) in NON_LATIN_LANGUAGES else latin for language in request.targets)
    return sum(budget + STRUCTURE_TOKENS for budget in budgets)


def _output_parser(request: TranslationRequest) -> Callable[[str], Translations]:
    def parse(text: str) -> Translations:
        output = read_object(text)
        source_language = request.source_language or validate_as(output, _SourceLanguageOutput).source_language
        translations = validate_as(output, _TranslationsOutput).translations
        by_tag = {tag.lower(): translation for tag, translation in translations.items()}
        results: list[Translation] = []
        problems: list[str] = []
        for language in request.targets:
            translation, found = check_translation(
                request.text, by_tag.get(language.lower(), ""), language, source_language, request.glossary
            )
            problems += [f"{language}: {problem}" for problem in found]
            results.append(Translation(language=language, text=translation))
        if problems:
            raise InvalidOutputError(*problems[:MAX_PROBLEMS])
        return Translations(source_language=source_language, translations=tuple(results))

    return parse
