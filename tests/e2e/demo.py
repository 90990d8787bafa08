"""The demo in a browser: who is signed in, and what a page logged and how much it moved while it was used."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from playwright.sync_api import Browser, ConsoleMessage, Page

type Scheme = Literal["light", "dark"]
type Role = Literal["admin", "user"]

PATHS = ("/", "/usage", "/audit", "/integrations")
DESKTOP = 1440
PHONE = 390
# A refusal of the API is logged by the browser too; what of it is shown to the user is what counts.
_REFUSED = "Failed to load resource"
_MOVED = """
window.moved = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page of one user. `faults` are errors and warnings of its console, and what was thrown and not caught."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list[str])

    def go(self, path: str) -> None:
        """Loads the page anew, until nothing more is asked for."""
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state("networkidle")

    def moved(self) -> float:
        """The cumulative layout shift that no input caused (Web Vitals; below 0.1 is good)."""
        return float(self.page.evaluate("window.moved"))


def new_tenant() -> str:
    return f"empresa-{uuid4().hex[:8]}"


@contextmanager
def visit(
    browser: Browser,
    url: str,
    tenant: str | None,
    role: Role = "admin",
    *,
    width: int = DESKTOP,
    scheme: Scheme = "light",
) -> Generator[Visit]:
    """A fresh window, signed in where a tenant is given, in Portuguese as the demo begins."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale="pt-BR",
        timezone_id="America/Sao_Paulo",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.add_init_script(_MOVED)
    if tenant is not None:
        identity = json.dumps({"tenantId": tenant, "userId": f"{tenant}-{role}", "roles": [role]})
        context.add_init_script(f"sessionStorage.setItem('nexus.identity', {json.dumps(identity)})")
    visited = Visit(context.new_page(), url)

    def noted(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_REFUSED):
            visited.faults.append(message.text)

    visited.page.on("console", noted)
    visited.page.on("pageerror", lambda error: visited.faults.append(str(error)))
    try:
        yield visited
    finally:
        context.close()
