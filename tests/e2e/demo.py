"""Open the demo in a browser, signed in, and record its console faults and layout shift."""

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
# The browser also logs error responses of the API. What matters is what the user sees of them.
_ERROR_RESPONSE = "Failed to load resource"
_MEASURE_LAYOUT_SHIFT = """
window.layoutShift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """Page of one user.

    Attributes:
        faults: Errors and warnings of its console, and uncaught exceptions.
    """

    page: Page
    url: str
    faults: list[str] = field(default_factory=list[str])

    def go(self, path: str) -> None:
        """Load the page and wait until it sends no more requests."""
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state("networkidle")

    def layout_shift(self) -> float:
        """Return the cumulative layout shift that no input caused (Web Vitals: below 0.1 is good)."""
        return float(self.page.evaluate("window.layoutShift"))


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
    """Open a new window in Portuguese, signed in if a tenant is given."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale="pt-BR",
        timezone_id="America/Sao_Paulo",
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.add_init_script(_MEASURE_LAYOUT_SHIFT)
    if tenant is not None:
        identity = json.dumps({"tenantId": tenant, "userId": f"{tenant}-{role}", "roles": [role]})
        context.add_init_script(f"sessionStorage.setItem('nexus.identity', {json.dumps(identity)})")
    visited = Visit(context.new_page(), url)

    def record_fault(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_ERROR_RESPONSE):
            visited.faults.append(message.text)

    visited.page.on("console", record_fault)
    visited.page.on("pageerror", lambda error: visited.faults.append(str(error)))
    try:
        yield visited
    finally:
        context.close()
