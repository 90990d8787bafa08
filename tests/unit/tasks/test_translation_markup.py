"""Test which literals and Markdown a translation must keep, and that plain text is not mistaken for them."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nexus_ai.tasks.translation.markup import markup_diff, restore_line_breaks
from nexus_ai.tasks.translation.placeholders import literals

TEXTS_WITHOUT_LITERALS = [
    "Atendemos das 10:30 às 18:00, seg-sex :) :D ;-)",
    "5% de desconto, 10%s, 100% grátis, 5 % de juros, entre 5% e 10%, 50%off",
    "R$ 50, R$ 1.500.000,00, 10.500.000 pessoas, US$ 20 + 3*4 = 32",
    "Em 10/11/2024, 2024-11-23 ou 2023-2024",
    "nota:segunda, obs :30, às 8h: venha",
    "5 < 10 e 20 > 3, x<y e z>w, <b e c>",
    "Fim.Depois, p.ex. Sr.João, e/ou, 24/7, nome_do_campo, #promo",
    "O arquivo em C:\\novo não abre",
    "“Olá”, disse — ‘sim’… 50° 1ª 2º ½ €",
]
LITERALS = [
    "{{nome}}", "{{ cliente.nome }}", "{{#if vip}}", "{{{html}}}", "{name}", "{0}", "${preco}", "{v:.2f}",
    "{nome do cliente}", "%s", "%d", "%1$s", "%2$d", "%.2f", "%(nome)s", "%NOME%", "*|FNAME|*", "[[nome]]", "<%= x %>",
    ":nome", ":order_id", ":smile:", "<b>", "</b>", "<br/>", "<br />", '<a href="https://x.com.br/?a=1&b={{id}}">',
    "<img src='a.png' alt=\"Olá\">", "<input type=text disabled>", "<!-- nota -->", "https://clinica.com.br/agenda?x=1#y",
    "http://a.bc/{{id}}/fim", "www.clinica.com.br", "clinica.com.br", "wa.me/5511999998888", "ana.souza+crm@x.com.br",
    "(11) 98765-4321", "+55 11 98765-4321", "+1 (415) 555-2671", "+34 912 345 678", "3456-7890", "0800 123 4567",
    "11987654321", "@clinicasorriso", "&nbsp;", "\\n", "`npm run`", "👩\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "🇧🇷",
    "1\ufe0f\u20e3", "👍🏽", "✅", "✨", "©",
]  # fmt: skip
PLAIN_WORDS = st.sampled_from(
    ["Olá", "sua consulta", "é", "amanhã", "às 10:30", "5% de", "R$ 50,", "não:", "(veja)", "50%"]
)
WORDS_WITH_LITERALS = st.lists(st.tuples(PLAIN_WORDS, st.sampled_from(LITERALS)), min_size=1, max_size=6)


@pytest.mark.parametrize("text", TEXTS_WITHOUT_LITERALS)
def test_plain_text_has_no_literals(text: str) -> None:
    assert not literals(text)


@pytest.mark.parametrize("literal", LITERALS)
@pytest.mark.parametrize("template", ["{}", "Olá {}, tudo bem?", "({})", "Veja {}.", "Veja: {}!", "a\n{}\nb"])
def test_literal_is_found_completely_in_any_position(literal: str, template: str) -> None:
    assert literals(template.replace("{}", literal)) == Counter([literal.replace("\ufe0f", "")])


@given(WORDS_WITH_LITERALS)
def test_literals_in_another_order_are_no_problem(pieces: list[tuple[str, str]]) -> None:
    source = " ".join(f"{word} {literal}" for word, literal in pieces)
    translation = " ".join(f"{literal} word," for _, literal in reversed(pieces))

    assert markup_diff(source, translation) == []


@given(WORDS_WITH_LITERALS, st.data())
def test_problems_name_lost_or_added_literals(pieces: list[tuple[str, str]], data: st.DataObject) -> None:
    words = [f"{word} {literal}" for word, literal in pieces]
    source = " ".join(words)
    lost = data.draw(st.integers(0, len(pieces) - 1))
    literal = pieces[lost][1].replace("\ufe0f", "")
    shortened = " ".join([*words[:lost], pieces[lost][0], *words[lost + 1 :]])

    (problem,) = markup_diff(source, shortened)
    assert "lost" in problem
    assert literal[:80] in problem
    (problem,) = markup_diff(shortened, source)
    assert "more often" in problem
    assert literal[:80] in problem


LINES = st.lists(st.sampled_from(["Olá.", "", "  ", "\t- item ", "# Título", "fim  "]), min_size=1, max_size=8)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["\n", "\r\n"]))
@example(["", "Olá.", "", "", "fim  ", ""], "\r\n", "\n")
def test_line_breaks_and_white_space_match_the_source(lines: list[str], source_break: str, output_break: str) -> None:
    if not any(line.strip() for line in lines):
        return
    source = source_break.join(lines)
    translation = output_break.join(line.strip().upper() for line in lines).strip()

    assert restore_line_breaks(source, translation) == source_break.join(
        line.replace(line.strip(), line.strip().upper()) if line.strip() else line for line in lines
    )


@pytest.mark.parametrize("translation", ["a b", "a\nb", "a\n\n\nb", "a\n\nb\nc", "", "a\n \nb\n\nc"])
def test_lost_or_added_lines_cannot_be_restored(translation: str) -> None:
    assert restore_line_breaks("a\n\nb\n", translation) is None


@pytest.mark.parametrize(
    ("source", "translation", "problem"),
    [
        ("Um **texto** forte", "A strong text", "**"),
        ("Um *texto* forte", "A *strong text", "*"),
        ("Um _texto_ leve", "A light text", "_"),
        ("~velho~ novo", "old new", "~"),
        ("[aqui](https://x.com.br)", "here: https://x.com.br", "]("),
        ("- um\n- dois", "- one\n* two", "line 2 must begin with '-'"),
        ("1. um", "one", "line 1 must begin with '1.'"),
        ("## Um", "# One", "line 1 must begin with '##'"),
        ("um", "- one", "line 1 must begin with 'a word'"),
        ("um\n---\ndois", "one\n--\ntwo", "line 2 must begin with '---'"),
        ("- [ ] um", "- [x] one", "line 1 must begin with '- [ ]'"),
        ("| a | b |", "| a, b |", "|"),
    ],
)
def test_problems_name_lost_markdown(source: str, translation: str, problem: str) -> None:
    assert problem in " ".join(markup_diff(source, translation))


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("# Um\n\n- **um** item\n- [link](https://x.com)\n> a", "# A\n\n- **one** item\n- [link](https://x.com)\n> b"),
        ("*Olá* {{nome}}, _veja_ ~R$ 90~ R$ 50", "*Hi* {{nome}}, _see_ ~R$ 90~ R$ 50"),
        ("| Seg | Ter |\n|---|---|\n| a | b |", "| Mon | Tue |\n|---|---|\n| c | d |"),
        ("custa ~10 reais, 3*4, a_b", "costs about 10 reais, 3*4, a_b"),
        ("2024 foi bom", "The year 2024 was good"),
    ],
)  # fmt: skip
def test_translation_with_the_same_markdown_has_no_problems(source: str, translation: str) -> None:
    assert markup_diff(source, translation) == []
