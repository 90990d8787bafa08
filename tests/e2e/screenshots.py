"""Take the pictures in docs/screenshots: `make screenshots`."""

from collections.abc import Sequence
from email import message_from_bytes
from email.policy import default as policy
from pathlib import Path

from playwright.sync_api import Browser

from nexus_ai.alerts.mail import render
from nexus_ai.alerts.models import Alert, LimitAlert, Spending
from tests.e2e.browser import browser
from tests.e2e.demo import DESKTOP, PHONE, Scheme, Visit, visit
from tests.e2e.make_run import running
from tests.mail_examples import DOLLARS, KEY, NOW_S, SPENDING

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
MAILS: dict[str, tuple[Alert, str]] = {"mail-limit": (DOLLARS, "pt-BR"), "mail-key": (KEY, "en")}
MAIL_WIDTHS = (600, 360)
PAGES = {"assistant": "/", "usage": "/usage", "audit": "/audit", "integrations": "/integrations"}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
TENANT = "clinica-aurora"
CALLS = (
    "Lançamento da agenda online da clínica, com lembretes por WhatsApp e 14 dias grátis",
    "Promoção de inverno em limpeza de pele",
    "Dia das Mães: vale-presente de massagem",
    "Nova unidade no Tatuapé",
)
# The chart is animated until then.
SETTLED_MS = 1500


def page_of(alert: Alert, language: str, spending: Spending = SPENDING) -> str:
    """Return the HTML of an alert's e-mail."""
    raw = render(
        alert,
        spending if isinstance(alert, LimitAlert) else Spending(),
        language=language,
        time_zone="America/Sao_Paulo",
        sender="alertas@nexus.example",
        recipients=("gerente@clinica.example",),
        link="https://crm.example/ia",
        now_s=NOW_S,
    )
    part = message_from_bytes(raw, policy=policy).get_body(("html",))
    if part is None:
        raise LookupError("the mail has no HTML")
    return str(part.get_content())


def take() -> None:
    FOLDER.mkdir(exist_ok=True)
    with browser() as chromium:
        take_mails(chromium)
        take_pages(chromium)


def take_pages(chromium: Browser) -> None:
    """Take every page of the demo after some calls: desktop and phone, light and dark."""
    with running() as run:
        with visit(chromium, run.url, TENANT) as admin:
            generate_copy(admin, "/", CALLS)
        for width in (DESKTOP, PHONE):
            for scheme in SCHEMES:
                with visit(chromium, run.url, TENANT, width=width, scheme=scheme) as visited:
                    for name, path in PAGES.items():
                        generate_copy(visited, path, CALLS[:1] if name == "assistant" else ())
                        visited.page.wait_for_timeout(SETTLED_MS)
                        visited.page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", animations="disabled")


def generate_copy(visited: Visit, path: str, prompts: Sequence[str]) -> None:
    """Open the page and generate copy for one prompt after the other."""
    visited.go(path)
    page = visited.page
    response = page.get_by_role("region", name="Resposta", exact=True)
    for prompt in prompts:
        page.get_by_label("O que escrever").fill(prompt)
        with page.expect_response("**/generate-copy-v2"):
            page.get_by_role("button", name="Gerar", exact=True).click()
        response.get_by_text("de entrada").wait_for()


def take_mails(chromium: Browser) -> None:
    for name, (alert, language) in MAILS.items():
        for width in MAIL_WIDTHS:
            page = chromium.new_page(viewport={"width": width, "height": 200})
            page.set_content(page_of(alert, language))
            page.screenshot(path=FOLDER / f"{name}-{width}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    take()
