"""How soon the dashboard can be used in a browser, in the local stack.

    PYTHONPATH=layers/common python -m bench.page

Prints one line a case, as docs/benchmarks.md has them: milliseconds from the start of the navigation until figures and
limits stand in the page, and the kilobytes that came over the connection. Browser and stack share the machine.
"""

from statistics import median

from playwright.sync_api import Browser, Page

from tests.e2e.browser import browser
from tests.e2e.demo import Visit, new_tenant, visit
from tests.e2e.make_run import running

TIMES = 10
CALLS = 5
# Four figures and three limits, and nothing that is still being waited for but the chart.
WATCH = """
new MutationObserver((_, observer) => {
  if (document.querySelectorAll('dl dt').length < 4 || document.querySelectorAll('[role=meter]').length < 3) return;
  window.usableMs = performance.now();
  observer.disconnect();
}).observe(document, {childList: true, subtree: true});
"""
TAKEN = """() => [
  window.usableMs,
  performance.getEntries().reduce((bytes, entry) => bytes + (entry.transferSize ?? 0), 0),
]"""


def main() -> None:
    with running() as run, browser() as shown:
        tenant = new_tenant()
        with visit(shown, run.url, tenant) as visited:
            used(visited)
        first = [opened(shown, run.url, tenant) for _ in range(TIMES)]
        with visit(shown, run.url, tenant) as visited:
            again = [taken(visited) for _ in range(TIMES + 1)][1:]
        for name, cases in (("nothing cached", first), ("scripts cached", again)):
            times = sorted(ms for ms, _ in cases)
            print(f"| {name} | {median(times):.0f} | {times[0]:.0f} to {times[-1]:.0f} | {cases[0][1] // 1000} |")


def used(visited: Visit) -> None:
    """Some calls of the company, so that there is something to show."""
    visited.go("/")
    page: Page = visited.page
    for number in range(CALLS):
        page.get_by_label("O que escrever").fill(f"Texto {number}")
        with page.expect_response("**/generate-copy-v2"):
            page.get_by_role("button", name="Gerar", exact=True).click()


def opened(shown: Browser, url: str, tenant: str) -> tuple[float, int]:
    with visit(shown, url, tenant) as visited:
        return taken(visited)


def taken(visited: Visit) -> tuple[float, int]:
    """Milliseconds until the dashboard can be used, and bytes."""
    visited.page.add_init_script(WATCH)
    visited.page.goto(f"{visited.url}/usage", wait_until="networkidle")
    ms, transferred = visited.page.evaluate(TAKEN)
    return float(ms), int(transferred)


if __name__ == "__main__":
    main()
