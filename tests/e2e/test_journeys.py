"""Test user journeys through the demo of `make run` in a real browser."""

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.template import ROOT
from tests.e2e.browser import browser
from tests.e2e.demo import DESKTOP, PATHS, PHONE, Scheme, Visit, new_tenant, visit
from tests.e2e.make_run import Run, running
from tests.integration.support.pipeline import mid_hour_time_zone

pytestmark = pytest.mark.slow

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# Web Vitals call less than 0.1 good; the demo's pages must stay below this.
LAYOUT_SHIFT_MAX = 0.02
PROMPT = "O que escrever"
DEFAULT_TIME_ZONE = "America/Sao_Paulo"

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def run() -> Generator[Run]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def admin(chromium: Browser, run: Run) -> Generator[Visit]:
    """Sign in as an administrator of a new tenant; an error that a page logs fails the test."""
    with visit(chromium, run.url, new_tenant()) as visited:
        yield visited
        assert not visited.faults


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def generate(page: Page, prompt: str) -> Locator:
    """Generate copy; return the part of the page with the completion or the error."""
    page.get_by_label(PROMPT).fill(prompt)
    page.get_by_role("button", name="Gerar", exact=True).click()
    return page.get_by_role("region", name="Resposta")


def set_requests_per_hour(page: Page, limit: int) -> None:
    """Save a limit, and a time zone in which no hour ends during the test."""
    limits = card(page, "Limites e avisos")
    time_zone = limits.get_by_label("Fuso horário")
    if time_zone.input_value() == DEFAULT_TIME_ZONE:
        time_zone.fill(mid_hour_time_zone())
        time_zone.press("Escape")
    limits.get_by_label("Requisições por hora").fill(str(limit))
    with page.expect_response(lambda each: each.request.method == "PUT" and each.url.endswith("/rate-limits")) as saved:
        limits.get_by_role("button", name="Salvar limites").click()
    assert saved.value.ok
    # The notice of the previous save may still be visible.
    expect(page.get_by_text("Limites salvos").first).to_be_visible()


def test_user_signs_in_with_tenant_and_role_and_out_again(chromium: Browser, run: Run) -> None:
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


def test_bad_key_shows_its_reason_and_good_key_is_saved(admin: Visit) -> None:
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


def test_provider_is_removed_and_configured_again(admin: Visit) -> None:
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


def test_generated_copy_is_in_usage_and_audit_log(admin: Visit) -> None:
    page = admin.page
    admin.go("/")
    response = generate(page, "Agenda online da clínica")
    expect(card(page, "Variação 2")).to_be_visible()
    expect(response.get_by_text("do cache")).to_be_hidden()
    card(page, "Variação 1").get_by_role("button", name="Copiar: Variação 1").click()
    expect(page.get_by_text("Texto copiado")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(card(page, "Variação 1").locator("p").nth(1).inner_text())

    page.get_by_role("button", name="Gerar", exact=True).click()
    expect(response.get_by_text("do cache")).to_be_visible()
    response.get_by_role("button", name="Gerar de novo").click()
    expect(response.get_by_text("do cache")).to_be_hidden()

    page.get_by_role("link", name="Uso").click()
    expect(page.get_by_role("term").filter(has_text="Requisições").locator("..")).to_contain_text("Requisições3")
    expect(page.get_by_text("Respostas do cache: 1.")).to_be_visible()

    page.get_by_role("link", name="Auditoria").click()
    log = page.get_by_role("table", name="Auditoria")
    expect(log.get_by_text("do cache")).to_have_count(1)
    log.get_by_role("link").last.click()
    expect(card(page, "Conteúdo")).to_contain_text("Agenda online da clínica")
    expect(card(page, "Quem acessou o conteúdo")).to_contain_text("leu em")


def test_reached_limit_is_shown_and_can_be_changed(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    set_requests_per_hour(page, 1)
    page.get_by_role("link", name="Assistente").click()
    generate(page, "Primeiro")
    expect(card(page, "Variação 1")).to_be_visible()
    response = generate(page, "Segundo")
    expect(response.get_by_role("alert")).to_contain_text("Requisições por hora: 1 de 1.")
    expect(response.get_by_role("alert")).to_contain_text("Renova em")

    page.get_by_role("link", name="Uso").click()
    limits = card(page, "Limites")
    expect(limits).to_contain_text("1 de 1 (100%)")
    expect(limits).to_contain_text("Limite esgotado")

    page.get_by_role("link", name="Integrações").click()
    set_requests_per_hour(page, 5)
    page.get_by_role("link", name="Assistente").click()
    generate(page, "Segundo")
    expect(card(page, "Variação 1")).to_be_visible()


def test_limit_near_its_end_is_shown_as_such(admin: Visit) -> None:
    page = admin.page
    admin.go("/integrations")
    set_requests_per_hour(page, 5)
    admin.go("/")
    for number in range(4):
        response = generate(page, f"Pedido {number}")
        expect(response.get_by_text("de entrada")).to_be_visible()
        expect(response).not_to_have_attribute("aria-busy", "true")
    page.get_by_role("link", name="Uso").click()
    expect(card(page, "Limites")).to_contain_text("4 de 5 (80%)")
    expect(card(page, "Limites")).to_contain_text("Perto do limite")


def test_fallback_after_a_failure_is_shown(admin: Visit) -> None:
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
    response = generate(page, "Promoção de inverno")
    expect(response.get_by_text("outro provedor respondeu")).to_be_visible()
    expect(response.get_by_text("OpenAI falhou (a conta está sem crédito)")).to_be_visible()
    expect(response.get_by_text("Anthropic ·")).to_be_visible()

    page.get_by_role("link", name="Uso").click()
    incidents = card(page, "Últimas falhas e trocas de provedor").first
    expect(incidents).to_contain_text("OpenAI falhou (a conta está sem crédito); Anthropic respondeu")
    page.get_by_role("link", name="Auditoria").click()
    expect(page.get_by_text("trocou de provedor")).to_be_visible()


def test_provider_order_changes_by_keyboard_and_by_dragging(admin: Visit) -> None:
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
    ("tab", "label", "text", "heading"),
    [
        ("Analisar sentimento", "Textos", "Adorei\n\nDemorou demais", "Texto 2"),
        ("Resumir", "Texto", "A cliente gostou do atendimento e reclamou da espera.", "Resumo"),
        ("Traduzir", "Texto", "Consulta confirmada, {{nome}}!", "De pt para en"),
    ],
)
def test_other_tasks_show_their_results(admin: Visit, tab: str, label: str, text: str, heading: str) -> None:
    page = admin.page
    admin.go("/")
    page.get_by_role("tab", name=tab).click()
    page.get_by_role("tabpanel").get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Gerar", exact=True).click()
    expect(page.get_by_role("region", name=re.compile(rf"^{heading}"))).to_be_visible()


def test_user_role_has_no_admin_actions(chromium: Browser, run: Run) -> None:
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
def test_every_page_is_accessible_fits_and_does_not_shift(
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
            assert visited.layout_shift() < LAYOUT_SHIFT_MAX, path
        page.get_by_role("button", name=re.compile("Administrador")).click()
        expect(page.get_by_role("button", name="Sair")).to_be_visible()
        assert violations(page, axe) == []
        assert not visited.faults


def violations(page: Page, axe: str) -> list[str]:
    """Return axe-core's violations, each with its element."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def test_chosen_theme_is_set_before_the_first_paint(chromium: Browser, run: Run) -> None:
    with visit(chromium, run.url, new_tenant()) as visited:
        visited.go("/")
        visited.page.get_by_role("button", name=re.compile("Administrador")).click()
        visited.page.get_by_label("Tema").click()
        visited.page.get_by_role("option", name="Escuro").click()
        visited.page.route("**/assets/*.js", lambda route: route.abort())
        visited.page.goto(visited.url)
        assert visited.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
