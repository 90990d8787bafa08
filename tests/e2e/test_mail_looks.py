"""Test the look of the e-mails in a browser: on desktop and phone, in light and dark."""

from collections.abc import Generator
from typing import Literal

import pytest
from playwright.sync_api import Browser

from nexus_ai.alerts.models import Spending
from tests.e2e.browser import browser
from tests.e2e.screenshots import page_of
from tests.mail_examples import CIRCUIT, DOLLARS, KEY, REQUESTS, SPENDING

pytestmark = pytest.mark.slow

# Find elements that are wider than the page, cut off, or have too little contrast (WCAG 2.2, 1.4.3: 4.5 to 1).
FAULTS = """() => {
  const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  const channel = value => linear(value / 255)
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const parts = colour => colour.match(/[0-9.]+/g).map(Number)
  const behind = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor)
      if (colour.length === 3 || colour[3] > 0) return colour
    }
    return [255, 255, 255]
  }
  const faults = []
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect()
    const name = `${element.tagName} ${element.textContent.trim().slice(0, 30)}`
    if (box.left < 0 || box.right > innerWidth) faults.push(`${name}: outside the page`)
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth) faults.push(`${name}: cut off`)
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
    if (!own) continue
    const [one, other] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a)
    if ((one + 0.05) / (other + 0.05) < 4.5) faults.push(`${name}: too little contrast`)
  }
  return faults
}"""


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    with browser() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 360])
@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_mails_are_readable_and_not_cut_off(
    chromium: Browser, language: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    for alert in (REQUESTS, DOLLARS, KEY, CIRCUIT):
        page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.set_content(page_of(alert, language))
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(FAULTS) == []
        page.close()


def test_fault_finder_finds_faults(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 800})
    faulty = ("width:500px", "width:9px;overflow:hidden", "color:#999")
    page.set_content("".join(f"<p style='{style}'>unbreakable</p>" for style in faulty))

    assert len(page.evaluate(FAULTS)) == 3


def test_long_name_breaks_and_does_not_widen_the_mail(chromium: Browser) -> None:
    long = Spending(models=tuple(spent.model_copy(update={"name": "w" * 300}) for spent in SPENDING.models))
    page = chromium.new_page(viewport={"width": 360, "height": 800})
    page.set_content(page_of(DOLLARS, "pt-BR", long))

    assert page.evaluate(FAULTS) == []
