"""What people do in the demo that `make run` serves, in a real browser."""

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.template import ROOT
from tests.e2e.browser import browser
from tests.e2e.demo import DESKTOP, PATHS, PHONE, Scheme, Visit, new_tenant, visit
from tests.e2e.make_run import Run, running

pytestmark = pytest.mark.slow

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# Web Vitals call less than 0.1 good; the demo's places are held to less.
MOVED_MAX = 0.02
PROMPT = "O que escrever"

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def run() -> Generator[Run]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    with browser() as shown:
        yield shown


@pytest.fixture
def admin(chromium: Browser, run: Run) -> Generator[Visit]:
    """An administrator of a new company; whatever a page logs as an error fails the test."""
    with visit(chromium, run.url, new_tenant()) as visited:
        yield visited
        assert not visited.faults


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def generate(page: Page, prompt: str) -> Locator:
    """Asks for copy; the part of the page with the answer, or with why there is none."""
    page.get_by_label(PROMPT).fill(prompt)
    page.get_by_role("button", name="Gerar", exact=True).click()
    return page.get_by_role("region", name="Resposta")


def set_requests_per_hour(page: Page, limit: int) -> None:
    limits = card(page, "Limites e avisos")
    limits.get_by_label("Requisições por hora").fill(str(limit))
    with page.expect_response(lambda each: each.request.method == "PUT" and each.url.endswith("/rate-limits")) as saved:
        limits.get_by_role("button", name="Salvar limites").click()
    assert saved.value.ok
    # The notice of a save before it may still be there.
    expect(page.get_by_text("Limites salvos").first).to_be_visible()


def test_signs_in_as_a_company_and_a_role_and_out_again(chromium: Browser, run: Run) -> None:
    with visit(chromium, run.url, None) as visited:
        page = visited.page
        visited.go("/")
        page.get_by_label("Empresa").fill(tenant := new_tenant())
        page.get_by_role("button", name="Entrar").click()
        expect(page.get_by_role("heading", name="Assistente")).to_be_visible()
        page.get_by_role("button", name=f"{tenant} · Administrador").click()
        page.get_by_role("button", name="Sair").click()
        expect(page.get_by_label("Empresa")).to_be_visible()
        assert not visited.faults


def test_a_bad_key_is_refused_with_its_reason_and_a_good_one_is_saved(admin: Visit) -> None:
    admin.go("/integrations")
    openai = card(admin.page, "OpenAI")
    openai.get_by_role("button", name="Testar conexão").click()
    expect(openai.get_by_text("respondeu em")).to_be_visible()

    openai.get_by_role("button", name="Editar").click()
    openai.get_by_label("Chave de API").fill("sk-invalid-0001")
    openai.get_by_role("button", name="Testar e salvar").click()
    expect(openai.get_by_role("alert")).to_contain_text("A chave não é válida")
    expect(openai.get_by_role("alert")).to_contain_text("Código da requisição")
    openai.get_by_label("Chave de API").fill("sk-good-7788")
    openai.get_by_role("button", name="Testar e salvar").click()

    expect(admin.page.get_by_text("OpenAI foi salvo")).to_be_visible()
    expect(openai.get_by_text("••••7788")).to_be_visible()
    assert "sk-good-7788" not in admin.page.content()
    admin.page.reload()
    expect(openai.get_by_text("••••7788")).to_be_visible()


def test_a_provider_is_removed_after_a_confirmation_and_configured_anew(admin: Visit) -> None:
    admin.go("/integrations")
    groq = card(admin.page, "Groq")
    groq.get_by_role("button", name="Remover").click()
    admin.page.get_by_role("alertdialog").get_by_role("button", name="Remover").click()
    expect(groq.get_by_text("não configurado")).to_be_visible()
    groq.get_by_role("button", name="Configurar").click()
    groq.get_by_label("Chave de API").fill("gsk_good_1234")
    groq.get_by_label("Modelo").fill("openai/gpt-oss-20b")
    groq.get_by_role("button", name="Testar e salvar").click()
    expect(groq.get_by_text("••••1234")).to_be_visible()

    groq.get_by_role("button", name="Editar").click()
    groq.get_by_label("Modelo").fill("gpt")
    expect(admin.page.get_by_role("option").first).to_contain_text("por milhão de tokens")


def test_what_was_generated_is_counted_on_the_dashboard_and_recorded(admin: Visit) -> None:
    page = admin.page
    admin.go("/")
    answer = generate(page, "Agenda online da clínica")
    expect(card(page, "Variação 2")).to_be_visible()
    expect(answer.get_by_text("do cache")).to_be_hidden()
    card(page, "Variação 1").get_by_role("button", name="Copiar: Variação 1").click()
    expect(page.get_by_text("Texto copiado")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(card(page, "Variação 1").locator("p").nth(1).inner_text())

    page.get_by_role("button", name="Gerar", exact=True).click()
    expect(answer.get_by_text("do cache")).to_be_visible()
    answer.get_by_role("button", name="Gerar de novo").click()
    expect(answer.get_by_text("do cache")).to_be_hidden()

    page.get_by_role("link", name="Uso").click()
    expect(page.get_by_role("term").filter(has_text="Requisições").locator("..")).to_contain_text("Requisições3")
    expect(page.get_by_text("Respostas do cache: 1.")).to_be_visible()

    page.get_by_role("link", name="Auditoria").click()
    log = page.get_by_role("table", name="Auditoria")
    expect(log.get_by_text("do cache")).to_have_count(1)
    log.get_by_role("link").last.click()
    expect(card(page, "Conteúdo")).to_contain_text("Agenda online da clínica")
    expect(card(page, "Quem acessou o conteúdo")).to_contain_text("leu em")


def test_a_limit_that_is_hit_is_shown_and_can_be_changed(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    set_requests_per_hour(page, 1)
    page.get_by_role("link", name="Assistente").click()
    generate(page, "Primeiro")
    expect(card(page, "Variação 1")).to_be_visible()
    answer = generate(page, "Segundo")
    expect(answer.get_by_role("alert")).to_contain_text("Requisições por hora: 1 de 1.")
    expect(answer.get_by_role("alert")).to_contain_text("Renova em")

    page.get_by_role("link", name="Uso").click()
    limits = card(page, "Limites")
    expect(limits).to_contain_text("1 de 1 (100%)")
    expect(limits).to_contain_text("Limite esgotado")

    page.get_by_role("link", name="Integrações").click()
    set_requests_per_hour(page, 5)
    page.get_by_role("link", name="Assistente").click()
    generate(page, "Segundo")
    expect(card(page, "Variação 1")).to_be_visible()


def test_limits_near_their_end_are_said_to_be(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    set_requests_per_hour(page, 5)
    admin.go("/")
    for number in range(4):
        answer = generate(page, f"Pedido {number}")
        expect(answer.get_by_text("de entrada")).to_be_visible()
        expect(answer).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("link", name="Uso").click()
    expect(card(page, "Limites")).to_contain_text("4 de 5 (80%)")
    expect(card(page, "Limites")).to_contain_text("Perto do limite")


def test_another_provider_answers_where_the_first_fails_and_that_is_seen(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    openai = card(page, "OpenAI")
    openai.get_by_role("button", name="Editar").click()
    openai.get_by_label("Chave de API").fill("sk-no-credit-0001")
    openai.get_by_role("button", name="Testar e salvar").click()
    expect(openai.get_by_role("alert")).to_contain_text("sem crédito")
    openai.get_by_role("button", name="Salvar sem testar").click()
    expect(openai.get_by_text("••••0001")).to_be_visible()

    page.get_by_role("link", name="Assistente").click()
    answer = generate(page, "Promoção de inverno")
    expect(answer.get_by_text("outro provedor respondeu")).to_be_visible()
    expect(answer.get_by_text("OpenAI falhou (a conta está sem crédito)")).to_be_visible()
    expect(answer.get_by_text("Anthropic ·")).to_be_visible()

    page.get_by_role("link", name="Uso").click()
    incidents = card(page, "Últimas falhas e trocas de provedor").first
    expect(incidents).to_contain_text("OpenAI falhou (a conta está sem crédito); Anthropic respondeu")
    page.get_by_role("link", name="Auditoria").click()
    expect(page.get_by_text("trocou de provedor")).to_be_visible()


def test_the_order_of_providers_is_changed_by_keyboard_and_by_dragging(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    orders = card(page, "Ordem dos provedores")
    names = orders.locator("ol strong")
    up = orders.get_by_role("button", name="Groq: subir")
    up.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    expect(orders.get_by_role("status")).to_have_text("Groq agora é o 2º de 5")
    expect(names).to_have_text(["OpenAI", "Groq", "Anthropic", "Google Gemini", "OpenRouter"])

    rows = orders.get_by_role("listitem")
    rows.nth(4).locator("span").first.drag_to(rows.nth(0))
    expect(names).to_have_text(["OpenRouter", "OpenAI", "Groq", "Anthropic", "Google Gemini"])
    orders.get_by_role("button", name="Salvar ordem").click()
    expect(page.get_by_text("Ordem salva")).to_be_visible()
    page.reload()
    expect(names.first).to_have_text("OpenRouter")


@pytest.mark.parametrize(
    ("tab", "label", "text", "shown"),
    [
        ("Analisar sentimento", "Textos", "Adorei\n\nDemorou demais", "Texto 2"),
        ("Resumir", "Texto", "A cliente gostou do atendimento e reclamou da espera.", "Resumo"),
        ("Traduzir", "Texto", "Consulta confirmada, {{nome}}!", "De pt para en"),
    ],
)
def test_the_other_tasks_answer(admin: Visit, tab: str, label: str, text: str, shown: str) -> None:
    page = admin.page
    admin.go("/")
    page.get_by_role("tab", name=tab).click()
    page.get_by_role("tabpanel").get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Gerar", exact=True).click()
    expect(page.get_by_role("region", name=re.compile(rf"^{shown}"))).to_be_visible()


def test_a_plain_user_has_no_action_of_an_administrator(chromium: Browser, run: Run) -> None:
    tenant = new_tenant()
    with visit(chromium, run.url, tenant) as admin:
        admin.go("/")
        generate(admin.page, "Do administrador")
        expect(card(admin.page, "Variação 1")).to_be_visible()
    with visit(chromium, run.url, tenant, "user") as user:
        user.go("/")
        generate(user.page, "Do usuário")
        expect(card(user.page, "Variação 1")).to_be_visible()
        expect(user.page.get_by_role("link", name="Integrações")).to_have_count(0)
        user.go("/audit")
        expect(user.page.get_by_role("table").get_by_role("link")).to_have_count(1)
        user.go("/integrations")
        expect(user.page.get_by_text("Esta página não existe.")).to_be_visible()
        assert not user.faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_every_page_is_accessible_fits_the_window_and_stays_where_it_is(
    chromium: Browser, run: Run, width: int, scheme: Scheme
) -> None:
    with visit(chromium, run.url, new_tenant(), width=width, scheme=scheme) as visited:
        page = visited.page
        axe = AXE.read_text(encoding="utf-8")
        visited.go("/")
        generate(page, "Agenda online")
        expect(card(page, "Variação 2")).to_be_visible()
        assert violations(page, axe) == []
        for path in PATHS:
            visited.go(path)
            page.evaluate("document.fonts.ready")
            assert violations(page, axe) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert visited.moved() < MOVED_MAX, path
        page.get_by_role("button", name=re.compile("Administrador")).click()
        expect(page.get_by_role("button", name="Sair")).to_be_visible()
        assert violations(page, axe) == []
        assert not visited.faults


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong, with the element that it is about."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def test_the_theme_that_was_chosen_stands_before_the_first_paint(chromium: Browser, run: Run) -> None:
    with visit(chromium, run.url, new_tenant()) as visited:
        visited.go("/")
        visited.page.get_by_role("button", name=re.compile("Administrador")).click()
        visited.page.get_by_label("Tema").click()
        visited.page.get_by_role("option", name="Escuro").click()
        visited.page.route("**/assets/*.js", lambda route: route.abort())
        visited.page.goto(visited.url)
        assert visited.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
