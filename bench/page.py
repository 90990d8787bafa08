"""Measure how soon the dashboard is usable in a browser, in the local stack.

    PYTHONPATH=layers/common python -m bench.page

Prints one line per case, as in docs/benchmarks.md: milliseconds from the start of the navigation until the page shows
figures and limits, and the transferred kilobytes. Browser and stack share the machine.
"""

from statistics import median

from playwright.sync_api import Browser, Page

from tests.e2e.browser import browser
from tests.e2e.demo import Visit, new_tenant, visit
from tests.e2e.make_run import running

TIMES = 10
CALLS = 5
# The page is usable when it shows four figures and three limits. Only the chart may still be loading.
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
            make_calls(visited)
        first = [measure_new_visit(shown, run.url, tenant) for _ in range(TIMES)]
        with visit(shown, run.url, tenant) as visited:
            again = [measure_dashboard(visited) for _ in range(TIMES + 1)][1:]
        for name, cases in (("nothing cached", first), ("scripts cached", again)):
            times = sorted(ms for ms, _ in cases)
            print(f"| {name} | {median(times):.0f} | {times[0]:.0f} to {times[-1]:.0f} | {cases[0][1] // 1000} |")


def make_calls(visited: Visit) -> None:
    """Make some calls for the tenant, so that the dashboard has figures to show."""
    visited.go("/")
    page: Page = visited.page
    for number in range(CALLS):
        page.get_by_label("O que escrever").fill(f"Texto {number}")
        with page.expect_response("**/generate-copy-v2"):
            page.get_by_role("button", name="Gerar", exact=True).click()


def measure_new_visit(shown: Browser, url: str, tenant: str) -> tuple[float, int]:
    with visit(shown, url, tenant) as visited:
        return measure_dashboard(visited)


def measure_dashboard(visited: Visit) -> tuple[float, int]:
    """Return the milliseconds until the dashboard is usable, and the transferred bytes."""
    visited.page.add_init_script(WATCH)
    visited.page.goto(f"{visited.url}/usage", wait_until="networkidle")
    ms, transferred = visited.page.evaluate(TAKEN)
    return float(ms), int(transferred)


if __name__ == "__main__":
    main()
