"""Pictures for docs/screenshots: `make screenshots`."""

from email import message_from_bytes
from email.policy import default as policy
from pathlib import Path

from nexus_ai.alerts.mail import render
from nexus_ai.alerts.models import Alert, LimitAlert, Spending
from tests.e2e.browser import browser
from tests.mail_examples import DOLLARS, KEY, NOW_S, SPENDING

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
MAILS: dict[str, tuple[Alert, str]] = {"mail-limit": (DOLLARS, "pt-BR"), "mail-key": (KEY, "en")}
MAIL_WIDTHS = (600, 360)


def page_of(alert: Alert, language: str, spending: Spending = SPENDING) -> str:
    """The HTML of an alert's mail."""
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
    with browser() as shown:
        for name, (alert, language) in MAILS.items():
            for width in MAIL_WIDTHS:
                page = shown.new_page(viewport={"width": width, "height": 200})
                page.set_content(page_of(alert, language))
                page.screenshot(path=FOLDER / f"{name}-{width}.png", full_page=True)
                page.close()


if __name__ == "__main__":
    take()
