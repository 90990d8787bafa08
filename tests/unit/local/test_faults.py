"""Test that a simulated model misbehaves as scripted."""

import json

import pytest

from local.providers.faults import Misbehaviour, apply_misbehaviour

GOOD = '{"text": "Olá {{nome}}, seu horário é %s", "score": 0.5, "tags": ["uma palavra longa"]}'
OTHERS = {
    Misbehaviour.FENCES: f"```json\n{GOOD}\n```",
    Misbehaviour.TRAILING_COMMAS: GOOD.replace("]}", ",],}"),
    Misbehaviour.NAN: GOOD.replace("0.5", "NaN"),
    Misbehaviour.MISSING_MEMBER: GOOD.replace(', "tags": ["uma palavra longa"]', ""),
    Misbehaviour.LOST_PLACEHOLDERS: GOOD.replace("{{nome}}", "").replace("%s", ""),
    Misbehaviour.ARRAY: f"[{GOOD}]",
    Misbehaviour.TRUNCATED: GOOD[: len(GOOD) * 2 // 3],
}


@pytest.mark.parametrize(("how", "answer"), OTHERS.items())
def test_completion_is_changed_as_scripted(how: Misbehaviour, answer: str) -> None:
    assert apply_misbehaviour(GOOD, how) == answer


def test_prose_surrounds_and_free_text_replaces_a_completion() -> None:
    prose = apply_misbehaviour(GOOD, Misbehaviour.PROSE)
    assert GOOD in prose[1:-1]
    assert "{" in prose.partition(GOOD)[0]
    assert "{" not in apply_misbehaviour(GOOD, Misbehaviour.FREE_TEXT)


def test_members_are_added_and_texts_grow_or_change_language() -> None:
    good = json.loads(GOOD)
    more, longer, german = (
        json.loads(apply_misbehaviour(GOOD, how))
        for how in (Misbehaviour.EXTRA_MEMBERS, Misbehaviour.TOO_LONG, Misbehaviour.OTHER_LANGUAGE)
    )
    assert good.items() <= more.items()
    assert len(more) > len(good)
    assert len(longer["tags"][0]) > 60 * len("uma palavra longa")
    assert german["text"] == german["tags"][0]
    assert german["text"].startswith("Das ist nicht")
    assert german["score"] == longer["score"] == good["score"]


@pytest.mark.parametrize("how", Misbehaviour)
def test_completion_without_json_is_changed_too(how: Misbehaviour) -> None:
    text = "Resumo do texto, com %s e tudo."
    assert (apply_misbehaviour(text, how) == text) == (
        how in {Misbehaviour.TRAILING_COMMAS, Misbehaviour.EXTRA_MEMBERS, Misbehaviour.NAN}
    )
